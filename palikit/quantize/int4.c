/* Products of a few rows with four-bit weights, of which int4.py says what codes [blocks, inputs, 32],
 * steps and offsets [groups, outputs] and scale [outputs] are; and such weights unpacked. Every way
 * sums the same whole numbers. */

#include "lanes.h"
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define BLOCK 64 /* outputs that lie side by side */
#define HALF 32  /* bytes that hold them */
#define SAFE 16  /* products of a code and an eight-bit number that sixteen bits can sum */

#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
/* Sets sums[r] to what a group of inputs gives to the outputs of a block. Four inputs at a time: with
 * their bytes side by side, one instruction multiplies and adds all. */
INLINE void int4_group(const int rows, const uint8_t *codes, const int8_t *x, int64_t padded,
                       int64_t group, int32_t sums[ROWS][BLOCK]) {
    uint8_t from[2][64];
    for (int part = 0; part < 2; part++)
        for (int o = 0; o < 16; o++)
            for (int j = 0; j < 4; j++) from[part][4 * o + j] = HALF * j + 16 * part + o;
    const __m512i order[2] = {_mm512_loadu_si512(from[0]), _mm512_loadu_si512(from[1])};
    const __m512i lower = _mm512_set1_epi8(15), upper = _mm512_set1_epi8(-16);
    __m512i held[ROWS][4];
    for (int r = 0; r < rows; r++)
        for (int part = 0; part < 4; part++) held[r][part] = _mm512_setzero_si512();
    for (int64_t i = 0; i < group; i += 4) {
        const __m512i near = _mm512_loadu_si512(codes + i * HALF);
        const __m512i far = _mm512_loadu_si512(codes + i * HALF + 64);
        __m512i parts[4];
        for (int part = 0; part < 2; part++) {
            const __m512i both = _mm512_permutex2var_epi8(near, order[part], far);
            parts[part] = _mm512_and_si512(both, lower);
            parts[2 + part] = _mm512_and_si512(both, upper); /* sixteen times the code */
        }
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * padded + i, sizeof four);
            const __m512i same = _mm512_set1_epi32(four);
            for (int part = 0; part < 4; part++)
                held[r][part] = _mm512_dpbusd_epi32(held[r][part], parts[part], same);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int part = 0; part < 4; part++) {
            const __m512i sum = held[r][part];
            const __m512i found = part < 2 ? sum : _mm512_srai_epi32(sum, 4);
            _mm512_storeu_si512(sums[r] + 16 * part, found);
        }
}
#else
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

/* Sets sums[r] to what a group of inputs gives to the outputs of a block. */
INLINE void int4_group(const int rows, const uint8_t *codes, const int8_t *x, int64_t padded,
                       int64_t group, int32_t sums[ROWS][BLOCK]) {
    memset(sums, 0, rows * sizeof *sums);
    for (int64_t i = 0; i < group; i += SAFE)
        int4_some(rows, codes + i * HALF, x + i, padded, sums);
}
#endif

INLINE void int4_block(const int rows, const uint8_t *codes, const uint8_t *steps,
                       const int8_t *offsets, const float *scale, const int8_t *x,
                       const int32_t *x_sums, const float *x_scale, float *out, int64_t padded,
                       int64_t outputs, int64_t group) {
    int32_t sums[ROWS][BLOCK] = {0};
    const int64_t groups = padded / group;
    for (int64_t g = 0; g < groups; g++) {
        int32_t group_sums[ROWS][BLOCK];
        int4_group(rows, codes + g * group * HALF, x + g * group, padded, group, group_sums);
        const uint8_t *step = steps + g * outputs;
        const int8_t *offset = offsets + g * outputs;
        /* The next block's, each in a page of its own, where the processor does not foresee them; to
         * their last byte, for they may begin inside a line. */
        __builtin_prefetch(step + 2 * BLOCK - 1);
        __builtin_prefetch(offset + 2 * BLOCK - 1);
        for (int r = 0; r < rows; r++)
            for (int d = 0; d < BLOCK; d++)
                sums[r][d] += group_sums[r][d] * step[d] + x_sums[r * groups + g] * offset[d];
    }
    for (int r = 0; r < rows; r++)
        for (int d = 0; d < BLOCK; d++)
            out[r * outputs + d] = (float)sums[r][d] * x_scale[r] * scale[d];
}

/* As int8_rows, for four-bit weights. `padded` are the inputs of the weight, the last ones of which
 * x need not have; `room` holds rows * padded numbers, `x_sums` one a row and group. */
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
