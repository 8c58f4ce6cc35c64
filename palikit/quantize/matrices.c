/* Products of many rows with a weight in eight or four bits, where the processor has an instruction
 * that multiplies and sums four pairs of bytes (AVX-512 VNNI). Others have none of this, and those
 * with matrix units (AMX) have better.
 *
 * The sums are those of `_int_mm`. What is gained: a weight is laid out anew in the processor's
 * second cache only, and what leaves is scaled, has its bias and its last form, so that no
 * rearranged weights, sums or wide copies go through memory. All arrays are contiguous; kernels.c
 * says how its letters count, and the tests are the same.
 */

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    !defined(__AMX_INT8__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define LANES 16          /* of 32 bits, in a register */
#define FOUR 4            /* inputs that one instruction takes in a lane; they are a step */
#define PANEL (2 * LANES) /* outputs whose sums are in registers */
#define BLOCK 64          /* outputs that are worked on together: two panels */
#define HALF 32           /* bytes that hold a block's inputs in four bits */
#define TILE 12           /* rows whose sums are in registers, 24 of the 32 */
#define DEPTH 2048        /* inputs that are laid out at once: 128 KB of a block */
#define MOST (32 * TILE)  /* rows whose sums are kept at once: 96 KB of a block */

/* Whole numbers of rows of x, in the order in which tiles read them. */
struct rounded {
    int8_t *bytes; /* [tile, step, row of the tile, FOUR] */
    float *scale;  /* of each row */
    int32_t *sums; /* of each row */
    int64_t padded;
};

struct weight {
    const uint8_t *codes; /* in four bits; int4.py says what they, steps and offsets are */
    const uint8_t *steps;
    const int8_t *offsets;
    int64_t group;
    const int8_t *packed; /* in eight bits */
    const float *scale, *bias; /* the latter may be none */
    int64_t inputs, outputs;
};

/* Floats, or bfloat16 where `half`. */
struct rows {
    void *at;
    int64_t count, half;
};

INLINE __m512 widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* To the nearest bfloat16, the even one of two, as PyTorch does. */
INLINE __m256i narrow(__m512 wide) {
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

INLINE __m512 load(const struct rows *x, int64_t at, __mmask16 some) {
    if (x->half) return widen(_mm256_maskz_loadu_epi16(some, (const uint16_t *)x->at + at));
    return _mm512_maskz_loadu_ps(some, (const float *)x->at + at);
}

/* A row in whole numbers of its largest one over 127, as int8.py's round_rows; the scale of a row
 * with something that is no number is none. */
static void round_row(const struct rows *x, int64_t r, int64_t inputs, struct rounded to) {
    __m512i most = _mm512_setzero_si512();
    for (int64_t i = 0; i < inputs; i += LANES) {
        const __m512 some = load(x, r * inputs + i, first_lanes(inputs - i));
        /* Without their signs, floats are in the order of their bits, and NaN comes last. */
        most = _mm512_max_epu32(most, _mm512_castps_si512(_mm512_abs_ps(some)));
    }
    const uint32_t bits = _mm512_reduce_max_epu32(most);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    const float scale = largest / 127;
    const int strange = bits >= 0x7f800000; /* infinity */
    const int empty = strange || !(scale >= 1.17549435e-38f); /* whose inverse overflows */
    const __m512 inverse = _mm512_set1_ps(empty ? 0 : 1 / scale);
    __m512i sums = _mm512_setzero_si512();
    int8_t *row = to.bytes + (r / TILE * to.padded * TILE) + r % TILE * FOUR;
    for (int64_t i = 0; i < to.padded; i += LANES) {
        const __m512 some = load(x, r * inputs + i, first_lanes(empty ? 0 : inputs - i));
        const __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(some, inverse));
        sums = _mm512_add_epi32(sums, whole);
        int8_t bytes[LANES];
        _mm_storeu_si128((__m128i *)bytes, _mm512_cvtepi32_epi8(whole));
        for (int at = 0; at < LANES; at += FOUR) memcpy(row + (i + at) * TILE, bytes + at, FOUR);
    }
    to.scale[r] = strange ? NAN : empty ? 0 : scale;
    to.sums[r] = _mm512_reduce_add_epi32(sums);
}

/* Four bytes of each of sixteen outputs a register, from sixteen steps of an output a register. */
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
    /* Now held[4 a + c] has outputs 4 a to 4 a + 3 of step 4 q + c in its quarter q. */
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

/* Sixteen outputs of an eight-bit weight as [step, output, FOUR], a step every PANEL * FOUR bytes,
 * with 128 added, since one side of the instruction has no sign. What lies outside of the weight
 * meets zeros of x, or is not stored. */
INLINE void lay_int8(const struct weight *w, int64_t first, int64_t start, int64_t stop,
                     uint8_t *to) {
    for (int64_t i = start; i < stop; i += LANES * FOUR) {
        const int64_t left = w->inputs - i;
        const __mmask64 inside = left >= 64 ? ~0ull : (1ull << left) - 1;
        __m512i held[LANES];
        for (int o = 0; o < LANES; o++) {
            const int8_t *at = w->packed + (first + o) * w->inputs + i;
            held[o] = _mm512_maskz_loadu_epi8(first + o < w->outputs ? inside : 0, at);
        }
        transpose(held);
        for (int step = 0; step < LANES; step++, to += PANEL * FOUR)
            _mm512_store_si512(to, _mm512_xor_si512(held[step], _mm512_set1_epi8(-128)));
    }
}

#ifdef __AVX512VBMI__
/* The same of a four-bit weight, whose half block has its codes in the lower or upper four bits. */
INLINE void lay_int4(const struct weight *w, int64_t padded, int64_t first, int64_t start,
                     int64_t stop, const int upper, uint8_t *to) {
    const int64_t outputs = (w->outputs + BLOCK - 1) / BLOCK * BLOCK;
    const uint8_t *codes = w->codes + first / BLOCK * padded * HALF;
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

/* Adds to sums[row, output] the products of so many steps. */
INLINE void add_tile(const int rows, const int8_t *x, const uint8_t *panel, int64_t steps,
                     int32_t *sums) {
    __m512i held[TILE][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
        for (int part = 0; part < 2; part++)
            held[r][part] = _mm512_load_si512(sums + r * PANEL + part * LANES);
    for (int64_t step = 0; step < steps; step++, panel += PANEL * FOUR) {
        const __m512i one = _mm512_load_si512(panel), two = _mm512_load_si512(panel + 64);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + (step * TILE + r) * FOUR, sizeof four);
            const __m512i same = _mm512_set1_epi32(four);
            held[r][0] = _mm512_dpbusd_epi32(held[r][0], one, same);
            held[r][1] = _mm512_dpbusd_epi32(held[r][1], two, same);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
        for (int part = 0; part < 2; part++)
            _mm512_store_si512(sums + r * PANEL + part * LANES, held[r][part]);
}

static void add_panel(const int8_t *x, int64_t rows, int64_t padded, const uint8_t *panel,
                      int64_t steps, int32_t *sums) {
    for (; rows > 0; rows -= TILE, x += TILE * padded, sums += TILE * PANEL)
        if (rows > 8)
            add_tile(TILE, x, panel, steps, sums);
        else if (rows > 4)
            add_tile(8, x, panel, steps, sums);
        else
            add_tile(4, x, panel, steps, sums);
}

/* Sums of sixteen outputs from `first`, which are PANEL apart for each row, as what they mean. */
INLINE void scale_sums(const struct weight *w, struct rounded x, int64_t r, int64_t stop,
                       int64_t first, const int32_t *sums, const struct rows *out) {
    const __mmask16 inside = first_lanes(w->outputs - first);
    const __m512 scale = _mm512_maskz_loadu_ps(inside, w->scale + first);
    __m512 bias = _mm512_setzero_ps();
    if (w->bias) bias = _mm512_maskz_loadu_ps(inside, w->bias + first);
    for (; r < stop; r++, sums += PANEL) {
        const __m512i raised = _mm512_load_si512(sums);
        const __m512i sum = _mm512_sub_epi32(raised, _mm512_set1_epi32(128 * x.sums[r]));
        __m512 found = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(x.scale[r]));
        found = _mm512_mul_ps(found, scale);
        __asm__("" : "+v"(found)); /* a product and a sum of it, each rounded on its own */
        if (w->bias) found = _mm512_add_ps(found, bias);
        const int64_t at = r * w->outputs + first;
        if (out->half)
            _mm256_mask_storeu_epi16((uint16_t *)out->at + at, inside, narrow(found));
        else
            _mm512_mask_storeu_ps((float *)out->at + at, inside, found);
    }
}

/* Outputs of a block for rows r to stop, the first of which begins a tile. */
static void multiply_block(const struct weight *w, struct rounded x, int64_t r, int64_t stop,
                           int64_t first, const struct rows *out) {
    uint8_t panels[2][DEPTH * PANEL] __attribute__((aligned(64)));
    int32_t sums[2][MOST * PANEL] __attribute__((aligned(64)));
    const int64_t used = (stop - r + TILE - 1) / TILE * TILE * PANEL;
    for (int part = 0; part < 2; part++) memset(sums[part], 0, used * sizeof **sums);
    for (int64_t start = 0; start < x.padded; start += DEPTH) {
        const int64_t end = start + DEPTH < x.padded ? start + DEPTH : x.padded;
        for (int o = 0; o < BLOCK; o += LANES) {
            uint8_t *to = panels[o / PANEL] + o % PANEL * FOUR;
#ifdef __AVX512VBMI__
            if (!w->packed && o < PANEL)
                lay_int4(w, x.padded, first + o, start, end, 0, to);
            else if (!w->packed)
                lay_int4(w, x.padded, first + o, start, end, 1, to);
            else
#endif
                lay_int8(w, first + o, start, end, to);
        }
        for (int part = 0; part < 2; part++)
            add_panel(x.bytes + r * x.padded + start * TILE, stop - r, x.padded, panels[part],
                      (end - start) / FOUR, sums[part]);
    }
    for (int o = 0; o < BLOCK; o += LANES)
        scale_sums(w, x, r, stop, first + o, sums[o / PANEL] + o % PANEL, out);
}

static void multiply(const struct weight *w, const struct rows *x, struct rounded whole,
                     const struct rows *out, int threads) {
    /* Rows in as many parts as keep all threads busy, each some tiles long. */
    const int64_t blocks = (w->outputs + BLOCK - 1) / BLOCK;
    const int64_t wanted = (4 * threads + blocks - 1) / blocks;
    const int64_t tiles = (x->count + TILE - 1) / TILE, share = (tiles + wanted - 1) / wanted;
    const int64_t part = share * TILE < MOST ? share * TILE : MOST;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (int64_t r = 0; r < x->count; r++) round_row(x, r, w->inputs, whole);
#pragma omp for schedule(dynamic) collapse(2)
        for (int64_t block = 0; block < blocks; block++)
            for (int64_t r = 0; r < x->count; r += part) {
                const int64_t stop = r + part < x->count ? r + part : x->count;
                multiply_block(w, whole, r, stop, block * BLOCK, out);
            }
    }
}

/* out = x * weight^T + bias. Room is needed for `bytes`, whole tiles of rows of inputs in whole
 * 64s, and for the scale and sum of each row. */
void int8_matrix(const int8_t *packed, const float *scale, const float *bias, void *x, void *out,
                 int8_t *bytes, float *x_scale, int32_t *x_sums, int64_t rows, int64_t inputs,
                 int64_t outputs, int64_t half_in, int64_t half_out, int threads) {
    const struct weight w = {.packed = packed, .scale = scale, .bias = bias, .inputs = inputs,
                             .outputs = outputs};
    const struct rounded whole = {bytes, x_scale, x_sums, (inputs + 63) / 64 * 64};
    const struct rows from = {x, rows, half_in}, to = {out, rows, half_out};
    multiply(&w, &from, whole, &to, threads);
}

#ifdef __AVX512VBMI__
/* The same of a four-bit weight; `padded` are its inputs, those of `bytes` too. */
void int4_matrix(const uint8_t *codes, const uint8_t *steps, const int8_t *offsets,
                 const float *scale, const float *bias, void *x, void *out, int8_t *bytes,
                 float *x_scale, int32_t *x_sums, int64_t rows, int64_t inputs, int64_t padded,
                 int64_t outputs, int64_t group, int64_t half_in, int64_t half_out, int threads) {
    const struct weight w = {.codes = codes, .steps = steps, .offsets = offsets, .group = group,
                             .scale = scale, .bias = bias, .inputs = inputs, .outputs = outputs};
    const struct rounded whole = {bytes, x_scale, x_sums, padded};
    const struct rows from = {x, rows, half_in}, to = {out, rows, half_out};
    multiply(&w, &from, whole, &to, threads);
}
#endif
#endif
