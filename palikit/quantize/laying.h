/* How rows and weights are laid out for products of many rows with a weight in eight or four bits
 * (matrices.c), on processors with AVX-512 VNNI. */

#pragma once

#include <immintrin.h>

#include "lanes.h"

#define LANES 16          /* of 32 bits, in a register */
#define FOUR 4            /* inputs that one instruction takes in a lane; they are a step */
#define PANEL (2 * LANES) /* outputs whose sums are in registers */
#define BLOCK 64          /* outputs that are worked on together: two panels */
#define HALF 32           /* bytes that hold a block's inputs in four bits */
#define TILE 12           /* rows whose sums are in registers, 24 of the 32 */

/* Whole numbers of rows of x, in the order in which tiles read them. */
struct rounded {
    int8_t *bytes; /* [tile, step, row of the tile, FOUR] */
    float *scale;  /* of each row */
    int32_t *sums; /* of each row */
    int64_t padded;
};

/* Floats, or bfloat16 where `half`. */
struct rows {
    void *at;
    int64_t count, half;
};

INLINE __m512 widen_lanes(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* To the nearest bfloat16, the even one of two, as PyTorch does. */
INLINE __m256i narrow_lanes(__m512 wide) {
    const __m512i bits = _mm512_castps_si512(wide);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    const __m512i near = _mm512_srli_epi32(_mm512_add_epi32(bits, up), 16);
    const __mmask16 none = _mm512_cmp_ps_mask(wide, wide, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(near, none, _mm512_set1_epi32(0x7fc0)));
}

INLINE __mmask16 first_lanes(int64_t count) {
    return count >= LANES ? 0xffff : (__mmask16)((1u << (count > 0 ? count : 0)) - 1);
}

INLINE __m512 load_lanes(const struct rows *x, int64_t at, __mmask16 some) {
    if (x->half) return widen_lanes(_mm256_maskz_loadu_epi16(some, (const uint16_t *)x->at + at));
    return _mm512_maskz_loadu_ps(some, (const float *)x->at + at);
}

/* Four bytes of each of sixteen rows a register, from sixteen steps of a row a register. */
INLINE void transpose(__m512i held[LANES]) {
    __m512i other[LANES];
    for (int i = 0; i < LANES; i += 2) {
        other[i] = _mm512_unpacklo_epi32(held[i], held[i + 1]);
        other[i + 1] = _mm512_unpackhi_epi32(held[i], held[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4)
        for (int j = 0; j < 2; j++) {
            held[i + 2 * j] = _mm512_unpacklo_epi64(other[i + j], other[i + 2 + j]);
            held[i + 2 * j + 1] = _mm512_unpackhi_epi64(other[i + j], other[i + 2 + j]);
        }
    /* Now held[4 a + c] has rows 4 a to 4 a + 3 of step 4 q + c in its quarter q. */
    for (int c = 0; c < 4; c++) {
        const __m512i even = _mm512_shuffle_i32x4(held[c], held[4 + c], 0x88);
        const __m512i even2 = _mm512_shuffle_i32x4(held[8 + c], held[12 + c], 0x88);
        const __m512i odd = _mm512_shuffle_i32x4(held[c], held[4 + c], 0xdd);
        const __m512i odd2 = _mm512_shuffle_i32x4(held[8 + c], held[12 + c], 0xdd);
        other[c] = _mm512_shuffle_i32x4(even, even2, 0x88);
        other[4 + c] = _mm512_shuffle_i32x4(odd, odd2, 0x88);
        other[8 + c] = _mm512_shuffle_i32x4(even, even2, 0xdd);
        other[12 + c] = _mm512_shuffle_i32x4(odd, odd2, 0xdd);
    }
    for (int i = 0; i < LANES; i++) held[i] = other[i];
}

/* A row in whole numbers of its largest one over 127, as int8.py's round_rows. */
static void round_row(const struct rows *x, int64_t r, int64_t inputs, struct rounded to) {
    __m512i most = _mm512_setzero_si512();
    for (int64_t i = 0; i < inputs; i += LANES) {
        const __m512 some = load_lanes(x, r * inputs + i, first_lanes(inputs - i));
        /* Without their signs, floats are in the order of their bits, and NaN comes last. */
        most = _mm512_max_epu32(most, _mm512_castps_si512(_mm512_abs_ps(some)));
    }
    const struct scaling found = scaling_by(_mm512_reduce_max_epu32(most));
    const __m512 inverse = _mm512_set1_ps(found.inverse);
    const int64_t used = found.inverse == 0 ? 0 : inputs; /* what is no number times 0 is none */
    __m512i sums = _mm512_setzero_si512();
    int8_t *row = to.bytes + (r / TILE * to.padded * TILE) + r % TILE * FOUR;
    for (int64_t i = 0; i < to.padded; i += LANES) {
        const __m512 some = load_lanes(x, r * inputs + i, first_lanes(used - i));
        const __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(some, inverse));
        sums = _mm512_add_epi32(sums, whole);
        int8_t bytes[LANES];
        _mm_storeu_si128((__m128i *)bytes, _mm512_cvtepi32_epi8(whole));
        for (int at = 0; at < LANES; at += FOUR) memcpy(row + (i + at) * TILE, bytes + at, FOUR);
    }
    to.scale[r] = found.scale;
    to.sums[r] = _mm512_reduce_add_epi32(sums);
}

/* Sixteen outputs of an eight-bit weight as [step, output, FOUR], a step every PANEL * FOUR bytes,
 * with 128 added, since one side of the instruction has no sign. What lies outside of the weight
 * meets zeros of x, or is not stored. */
INLINE void lay_int8(const struct linear *w, int64_t first, int64_t start, int64_t stop,
                     uint8_t *to) {
    const int64_t rows = w->outputs - first;
    const int8_t *from = (const int8_t *)w->weight + first * w->inputs;
    for (int64_t i = start; i < stop; i += LANES * FOUR) {
        const int64_t left = w->inputs - i;
        const __mmask64 inside = left >= 64 ? ~0ull : left > 0 ? (1ull << left) - 1 : 0;
        const int8_t *at = from + i;
        __m512i held[LANES];
#pragma GCC unroll 16
        for (int o = 0; o < LANES; o++, at += w->inputs)
            held[o] = _mm512_maskz_loadu_epi8(o < rows ? inside : 0, at);
        transpose(held);
        for (int step = 0; step < LANES; step++, to += PANEL * FOUR)
            _mm512_store_si512(to, _mm512_xor_si512(held[step], _mm512_set1_epi8(-128)));
    }
}

#ifdef __AVX512VBMI__
/* The same of a four-bit weight, whose half block has its codes in the lower or upper four bits. */
INLINE void lay_int4(const struct linear *w, int64_t first, int64_t start, int64_t stop,
                     const int upper, uint8_t *to) {
    const int64_t outputs = (w->outputs + BLOCK - 1) / BLOCK * BLOCK;
    const uint8_t *codes = (const uint8_t *)w->weight + first / BLOCK * w->padded * HALF;
    uint8_t from[64];
    for (int o = 0; o < LANES; o++)
        for (int j = 0; j < FOUR; j++) from[o * FOUR + j] = j * HALF + first % HALF + o;
    const __m512i order = _mm512_loadu_si512(from), low = _mm512_set1_epi8(15);
    __m512i step = low, offset = low;
    for (int64_t i = start; i < stop; i += FOUR, to += PANEL * FOUR) {
        if (i % w->group == 0) {
            const int64_t at = i / w->group * outputs + first;
            const __m128i steps = _mm_loadu_si128((const __m128i *)(w->steps + at));
            const __m128i offsets = _mm_loadu_si128((const __m128i *)(w->offsets + at));
            step = _mm512_mullo_epi32(_mm512_cvtepu8_epi32(steps), _mm512_set1_epi32(0x10001));
            offset = _mm512_cvtepu8_epi32(_mm_xor_si128(offsets, _mm_set1_epi8(-128)));
            offset = _mm512_mullo_epi32(offset, _mm512_set1_epi32(0x1010101));
        }
        const __m512i near = _mm512_loadu_si512(codes + i * HALF);
        const __m512i far = _mm512_loadu_si512(codes + i * HALF + 64);
        __m512i some = _mm512_permutex2var_epi8(near, order, far);
        if (upper) some = _mm512_srli_epi16(some, 4);
        some = _mm512_and_si512(some, low);
        /* A code times its step is less than 256, so two of them fit into sixteen bits. */
        const __m512i odd = _mm512_mullo_epi16(_mm512_srli_epi16(some, 8), step);
        const __m512i even = _mm512_mullo_epi16(
            _mm512_and_si512(some, _mm512_set1_epi16(255)), step);
        const __m512i whole = _mm512_or_si512(even, _mm512_slli_epi16(odd, 8));
        _mm512_store_si512(to, _mm512_add_epi8(whole, offset));
    }
}
#endif
