/* Products of a few rows with a large stored weight, at the speed at which memory is read, and what
 * stands around a product of many rows in whole numbers.
 *
 * Built on the user's machine by native.py, for its processor; every function has a twin in PyTorch
 * that it equals (tests/quantize/test_native.py). Rows are counted by r, inputs by i, outputs by o;
 * all arrays are contiguous. A product reads a weight once for all its rows, 1 to ROWS.
 */

#include "lanes.h"
#ifdef __AVX512VNNI__
#include <immintrin.h>
#endif

#define LANES 16 /* of 32 bits that are worked on together */

typedef uint16_t half_shorts __attribute__((vector_size(2 * LANES)));
typedef uint32_t bits __attribute__((vector_size(4 * LANES)));
typedef float floats __attribute__((vector_size(4 * LANES)));

/* Sixteen numbers of a weight, which are bfloat16 where `half`. */
INLINE floats wide_lanes(const void *weight, int64_t i, const int half) {
    floats wide;
    if (half) {
        half_shorts halves;
        memcpy(&halves, (const uint16_t *)weight + i, sizeof halves);
        return (floats)(__builtin_convertvector(halves, bits) << 16);
    }
    memcpy(&wide, (const float *)weight + i, sizeof wide);
    return wide;
}

INLINE void plain_output(const int rows, const void *weight, int64_t o, const float *x, float *out,
                         int64_t inputs, int64_t outputs, const int half) {
    floats sums[ROWS][2] = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= inputs; i += 2 * LANES)
        for (int part = 0; part < 2; part++) {
            const floats wide = wide_lanes(weight, o * inputs + i + part * LANES, half);
            for (int r = 0; r < rows; r++) {
                floats some;
                memcpy(&some, x + r * inputs + i + part * LANES, sizeof some);
                sums[r][part] += wide * some;
            }
        }
    for (int r = 0; r < rows; r++) {
        const floats both = sums[r][0] + sums[r][1];
        float sum = 0;
        for (int lane = 0; lane < LANES; lane++) sum += both[lane];
        for (int64_t rest = i; rest < inputs; rest++)
            sum += load(weight, o * inputs + rest, half) * x[r * inputs + rest];
        out[r * outputs + o] = sum;
    }
}

/* out[r, o] = sum over i of x[r, i] * weight[o, i], in float; the weight is bfloat16 where `half`,
 * else float. */
void plain_rows(const void *weight, const float *x, float *out, int64_t rows, int64_t inputs,
                int64_t outputs, int64_t half, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t o = 0; o < outputs; o++)
        if (half)
            FOR_ROWS(rows, plain_output, weight, o, x, out, inputs, outputs, 1)
        else
            FOR_ROWS(rows, plain_output, weight, o, x, out, inputs, outputs, 0)
}

struct scaling scaling_of(const float *x, int64_t inputs) {
    /* Without their signs, floats are in the order of their bits, and NaN comes last. */
    uint32_t most = 0;
    for (int64_t i = 0; i < inputs; i++) {
        uint32_t size;
        memcpy(&size, x + i, sizeof size);
        size &= 0x7fffffff;
        most = size > most ? size : most;
    }
    return scaling_by(most);
}

void round_bytes(const float *x, int8_t *rounded, struct scaling by, int64_t inputs) {
    if (by.inverse == 0)
        memset(rounded, 0, inputs);
    else
        for (int64_t i = 0; i < inputs; i++) rounded[i] = (int8_t)rintf(x[i] * by.inverse);
}

/* A row's numbers as a product of a few takes them. */
#ifdef __AVX512VNNI__
#define RAISE 128 /* one side of the instruction has no sign */
typedef uint8_t taken;
#else
#define RAISE 0
typedef int16_t taken;
#endif

/* Returns the scale. */
static float round_row(const float *x, taken *rounded, int64_t inputs) {
    const struct scaling found = scaling_of(x, inputs);
    for (int64_t i = 0; i < inputs; i++)
        rounded[i] = (taken)(found.inverse == 0 ? RAISE : (int)rintf(x[i] * found.inverse) + RAISE);
    return found.scale;
}

/* Products of one output, summed exactly. */
#ifdef __AVX512VNNI__
INLINE void int8_sums(const int rows, const int8_t *weight, const taken *x, int64_t inputs,
                      int32_t sums[ROWS]) {
    __m512i held[ROWS][2], raised[2];
    for (int part = 0; part < 2; part++) {
        raised[part] = _mm512_setzero_si512();
        for (int r = 0; r < rows; r++) held[r][part] = _mm512_setzero_si512();
    }
    const __m512i raise = _mm512_set1_epi8((char)RAISE);
    for (int64_t i = 0; i < inputs; i += 128)
        for (int part = 0; part < 2; part++) {
            const int64_t at = i + 64 * part, left = inputs - at;
            const __mmask64 inside = left >= 64 ? ~0ull : left > 0 ? (1ull << left) - 1 : 0;
            const __m512i some = _mm512_maskz_loadu_epi8(inside, weight + at);
            raised[part] = _mm512_dpbusd_epi32(raised[part], raise, some);
            for (int r = 0; r < rows; r++) {
                const __m512i by = _mm512_maskz_loadu_epi8(inside, x + r * inputs + at);
                held[r][part] = _mm512_dpbusd_epi32(held[r][part], by, some);
            }
        }
    const __m512i more = _mm512_add_epi32(raised[0], raised[1]);
    for (int r = 0; r < rows; r++) {
        const __m512i both = _mm512_add_epi32(held[r][0], held[r][1]);
        sums[r] = _mm512_reduce_add_epi32(_mm512_sub_epi32(both, more));
    }
}
#else
INLINE void int8_sums(const int rows, const int8_t *weight, const taken *x, int64_t inputs,
                      int32_t sums[ROWS]) {
    for (int r = 0; r < rows; r++) sums[r] = 0;
    for (int64_t i = 0; i < inputs; i++)
        for (int r = 0; r < rows; r++) sums[r] += (int16_t)weight[i] * x[r * inputs + i];
}
#endif

INLINE void int8_output(const int rows, const int8_t *weight, float scale, const taken *x,
                        const float *x_scale, float *out, int64_t inputs, int64_t outputs) {
    int32_t sums[ROWS];
    int8_sums(rows, weight, x, inputs, sums);
    for (int r = 0; r < rows; r++) out[r * outputs] = (float)sums[r] * x_scale[r] * scale;
}

/* out[r, o] = x_scale[r] * scale[o] * sum over i of rounded x[r, i] * weight[o, i]; `room` holds
 * rows * inputs numbers of sixteen bits. */
void int8_rows(const int8_t *weight, const float *scale, const float *x, float *out, void *room,
               int64_t rows, int64_t inputs, int64_t outputs, int threads) {
    float x_scale[ROWS];
    taken *rounded = room;
    for (int64_t r = 0; r < rows; r++)
        x_scale[r] = round_row(x + r * inputs, rounded + r * inputs, inputs);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t o = 0; o < outputs; o++)
        FOR_ROWS(rows, int8_output, weight + o * inputs, scale[o], rounded, x_scale, out + o, inputs,
                 outputs)
}

/* Every row in whole numbers, with its scale. */
void round_rows(const float *x, int8_t *rounded, float *scale, int64_t rows, int64_t inputs,
                int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        const float *xr = x + r * inputs;
        const struct scaling found = scaling_of(xr, inputs);
        scale[r] = found.scale;
        round_bytes(xr, rounded + r * inputs, found, inputs);
    }
}

/* sums[r, o] * x_scale[r] * scale[o] as floats, in rows that are `stride` apart. */
void scale_sums(const int32_t *sums, const float *x_scale, const float *scale, float *out,
                int64_t rows, int64_t outputs, int64_t stride, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < outputs; o++)
            out[r * stride + o] = (float)sums[r * outputs + o] * x_scale[r] * scale[o];
}
