/* Products of a few rows with a large stored weight, at the speed at which memory is read, and what
 * stands around a product of many rows in whole numbers.
 *
 * Built on the user's machine by native.py, for its processor; every function has a twin in PyTorch
 * that it equals (tests/quantize/test_native.py). Rows are counted by r, inputs by i, outputs by o;
 * all arrays are contiguous. A product reads a weight once for all its rows, 1 to ROWS.
 */

#include "lanes.h"
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define ROWS 4
#define BLOCK 64 /* outputs that lie side by side in four-bit weights */
#define HALF 32  /* bytes that hold them */
#define SAFE 16  /* products of a code and an eight-bit number that sixteen bits can sum */
#define LANES 16 /* of 32 bits that are worked on together */

typedef uint16_t half_shorts __attribute__((vector_size(2 * LANES)));
typedef uint32_t bits __attribute__((vector_size(4 * LANES)));
typedef float floats __attribute__((vector_size(4 * LANES)));

/* Calls `function` with its number of rows known to the compiler. */
#define FOR_ROWS(rows, function, ...)            \
    switch (rows) {                              \
        case 1: function(1, __VA_ARGS__); break; \
        case 2: function(2, __VA_ARGS__); break; \
        case 3: function(3, __VA_ARGS__); break; \
        case 4: function(4, __VA_ARGS__); break; \
    }

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

struct scaling {
    float scale, inverse;
};

/* Of a row in whole numbers of its largest one over 127, as int8.py's round_rows; the scale of a row
 * with something that is no number is none, so that it comes out as none. */
static struct scaling scaling_of(const float *x, int64_t inputs) {
    /* Without their signs, floats are in the order of their bits, and NaN comes last. */
    uint32_t most = 0;
    for (int64_t i = 0; i < inputs; i++) {
        uint32_t size;
        memcpy(&size, x + i, sizeof size);
        size &= 0x7fffffff;
        most = size > most ? size : most;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    if (most >= 0x7f800000) return (struct scaling){NAN, 0}; /* infinity */
    const float scale = largest / 127;
    /* The inverse of a smaller one overflows. */
    if (!(scale >= 1.17549435e-38f)) return (struct scaling){0, 0};
    return (struct scaling){scale, 1 / scale};
}

static void round_bytes(const float *x, int8_t *rounded, struct scaling by, int64_t inputs) {
    if (by.inverse == 0)
        memset(rounded, 0, inputs);
    else
        for (int64_t i = 0; i < inputs; i++) rounded[i] = (int8_t)rintf(x[i] * by.inverse);
}

/* The same numbers in sixteen bits; returns the scale. */
static float round_row(const float *x, int16_t *rounded, int64_t inputs) {
    const struct scaling found = scaling_of(x, inputs);
    if (found.inverse == 0)
        memset(rounded, 0, inputs * sizeof *rounded);
    else
        for (int64_t i = 0; i < inputs; i++)
            rounded[i] = (int16_t)rintf(x[i] * found.inverse);
    return found.scale;
}

INLINE void int8_output(const int rows, const int8_t *weight, float scale, const int16_t *x,
                        const float *x_scale, float *out, int64_t inputs, int64_t outputs) {
    int32_t sums[ROWS] = {0};
    for (int64_t i = 0; i < inputs; i++)
        for (int r = 0; r < rows; r++) sums[r] += (int16_t)weight[i] * x[r * inputs + i];
    for (int r = 0; r < rows; r++) out[r * outputs] = (float)sums[r] * x_scale[r] * scale;
}

/* out[r, o] = x_scale[r] * scale[o] * sum over i of rounded x[r, i] * weight[o, i]; `room` holds
 * rows * inputs numbers. */
void int8_rows(const int8_t *weight, const float *scale, const float *x, float *out, int16_t *room,
               int64_t rows, int64_t inputs, int64_t outputs, int threads) {
    float x_scale[ROWS];
    for (int64_t r = 0; r < rows; r++)
        x_scale[r] = round_row(x + r * inputs, room + r * inputs, inputs);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t o = 0; o < outputs; o++)
        FOR_ROWS(rows, int8_output, weight + o * inputs, scale[o], room, x_scale, out + o, inputs,
                 outputs)
}

/* Adds to sums[r] what SAFE inputs of a block give to its outputs. */
#ifdef __AVX2__
INLINE void int4_some(const int rows, const uint8_t *codes, const int8_t *x, int64_t padded,
                      int32_t sums[ROWS][BLOCK]) {
    /* Two inputs at a time: with their bytes side by side, one instruction multiplies and adds
     * both. Low and high codes of outputs 0-7 and 16-23, then of 8-15 and 24-31. */
    __m256i some[ROWS][4];
    for (int r = 0; r < rows; r++)
        for (int part = 0; part < 4; part++) some[r][part] = _mm256_setzero_si256();
    const __m256i low = _mm256_set1_epi8(15);
    for (int j = 0; j < SAFE; j += 2) {
        const __m256i one = _mm256_loadu_si256((const __m256i *)(codes + j * HALF));
        const __m256i two = _mm256_loadu_si256((const __m256i *)(codes + (j + 1) * HALF));
        const __m256i near = _mm256_unpacklo_epi8(one, two);
        const __m256i far = _mm256_unpackhi_epi8(one, two);
        const __m256i parts[4] = {
            _mm256_and_si256(near, low),
            _mm256_and_si256(far, low),
            _mm256_and_si256(_mm256_srli_epi16(near, 4), low),
            _mm256_and_si256(_mm256_srli_epi16(far, 4), low),
        };
        for (int r = 0; r < rows; r++) {
            int16_t pair;
            memcpy(&pair, x + r * padded + j, sizeof pair);
            const __m256i pairs = _mm256_set1_epi16(pair);
            for (int part = 0; part < 4; part++)
                some[r][part] =
                    _mm256_add_epi16(some[r][part], _mm256_maddubs_epi16(parts[part], pairs));
        }
    }
    for (int r = 0; r < rows; r++)
        for (int half = 0; half < 2; half++) {
            int16_t ordered[HALF];
            const __m256i near = some[r][2 * half], far = some[r][2 * half + 1];
            _mm256_storeu_si256((__m256i *)ordered, _mm256_permute2x128_si256(near, far, 0x20));
            _mm256_storeu_si256((__m256i *)(ordered + 16),
                                _mm256_permute2x128_si256(near, far, 0x31));
            for (int d = 0; d < HALF; d++) sums[r][half * HALF + d] += ordered[d];
        }
}
#else
INLINE void int4_some(const int rows, const uint8_t *codes, const int8_t *x, int64_t padded,
                      int32_t sums[ROWS][BLOCK]) {
    for (int r = 0; r < rows; r++) {
        int16_t some[BLOCK] = {0};
        for (int j = 0; j < SAFE; j++)
            for (int d = 0; d < HALF; d++) {
                some[d] += (codes[j * HALF + d] & 15) * x[r * padded + j];
                some[d + HALF] += (codes[j * HALF + d] >> 4) * x[r * padded + j];
            }
        for (int d = 0; d < BLOCK; d++) sums[r][d] += some[d];
    }
}
#endif

INLINE void int4_block(const int rows, const uint8_t *codes, const uint8_t *steps,
                       const int8_t *offsets, const float *scale, const int8_t *x,
                       const int32_t *x_sums, const float *x_scale, float *out, int64_t padded,
                       int64_t outputs, int64_t group) {
    int32_t sums[ROWS][BLOCK] = {0};
    const int64_t groups = padded / group;
    for (int64_t g = 0; g < groups; g++) {
        int32_t group_sums[ROWS][BLOCK] = {0};
        for (int64_t i = g * group; i < (g + 1) * group; i += SAFE)
            int4_some(rows, codes + i * HALF, x + i, padded, group_sums);
        const uint8_t *step = steps + g * outputs;
        const int8_t *offset = offsets + g * outputs;
        for (int r = 0; r < rows; r++)
            for (int d = 0; d < BLOCK; d++)
                sums[r][d] += group_sums[r][d] * step[d] + x_sums[r * groups + g] * offset[d];
    }
    for (int r = 0; r < rows; r++)
        for (int d = 0; d < BLOCK; d++)
            out[r * outputs + d] = (float)sums[r][d] * x_scale[r] * scale[d];
}

/* The same for four-bit weights: int4.py says what codes [blocks, inputs, 32], steps and offsets
 * [groups, outputs] and scale [outputs] are. `padded` are the inputs of the weight, the last ones
 * of which x need not have; `room` holds rows * padded numbers, `x_sums` one a row and group. */
void int4_rows(const uint8_t *codes, const uint8_t *steps, const int8_t *offsets,
               const float *scale, const float *x, float *out, int8_t *room, int32_t *x_sums,
               int64_t rows, int64_t inputs, int64_t padded, int64_t outputs, int64_t group,
               int threads) {
    float x_scale[ROWS];
    const int64_t groups = padded / group;
    for (int64_t r = 0; r < rows; r++) {
        int8_t *row = room + r * padded;
        const struct scaling found = scaling_of(x + r * inputs, inputs);
        round_bytes(x + r * inputs, row, found, inputs);
        memset(row + inputs, 0, padded - inputs);
        x_scale[r] = found.scale;
        for (int64_t g = 0; g < groups; g++) {
            int32_t sum = 0;
            for (int64_t i = g * group; i < (g + 1) * group; i++) sum += row[i];
            x_sums[r * groups + g] = sum;
        }
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t block = 0; block < outputs / BLOCK; block++) {
        const int64_t o = block * BLOCK;
        FOR_ROWS(rows, int4_block, codes + block * padded * HALF, steps + o, offsets + o, scale + o,
                 room, x_sums, x_scale, out + o, padded, outputs, group)
    }
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

/* Eight-bit numbers [padded, blocks * 64] of so many blocks of four-bit weights, the first of which
 * all pointers point to; `outputs` are those of the whole weight. */
void unpack_int4(const uint8_t *codes, const uint8_t *steps, const int8_t *offsets, int8_t *out,
                 int64_t blocks, int64_t padded, int64_t outputs, int64_t group, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < padded; i++)
        for (int64_t block = 0; block < blocks; block++) {
            const uint8_t *code = codes + (block * padded + i) * HALF;
            const int64_t at = i / group * outputs + block * BLOCK;
            int8_t *column = out + (i * blocks + block) * BLOCK;
            for (int d = 0; d < HALF; d++) {
                column[d] = (int8_t)((code[d] & 15) * steps[at + d] + offsets[at + d]);
                column[d + HALF] =
                    (int8_t)((code[d] >> 4) * steps[at + d + HALF] + offsets[at + d + HALF]);
            }
        }
}
