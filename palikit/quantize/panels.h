/* Products of a few rows of floats, or of pairs of bfloat16, with panels: some columns of a matrix,
 * laid out so that their sums stay in registers (attention.c). */

#pragma once

#include "lanes.h"

#if defined(__AVX512F__)
#define LANES 16
#define WIDE 4 /* registers that hold a panel's columns; times AT_ONCE, sums of a product */
#elif defined(__AVX2__)
#define LANES 8
#define WIDE 2
#else
#define LANES 4
#define WIDE 4
#endif
#ifdef __AVX512BF16__ /* an instruction that multiplies and sums two pairs of bfloat16 */
#include <immintrin.h>
#define HAS_PAIRS 1
#else
#define HAS_PAIRS 0
#endif
#define AT_ONCE 6
#define PANEL (WIDE * LANES)

typedef float floats __attribute__((vector_size(4 * LANES)));

INLINE int64_t rounded_up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

/* Columns of the panel that starts at one: whole registers of them. */
INLINE int64_t panel_width(int64_t first, int64_t columns) {
    const int64_t left = rounded_up(columns - first, LANES);
    return left < PANEL ? left : PANEL;
}

/* Factors of a product are floats, or pairs of bfloat16 that are summed together, each pair in the
 * room of a float; of an odd number the last one's partner is 0. */
INLINE float pair_of(float first, float second) {
    const uint32_t both = narrow(first) | (uint32_t)narrow(second) << 16;
    float pair;
    memcpy(&pair, &both, sizeof pair);
    return pair;
}

/* Floats that hold so many numbers. */
INLINE int64_t steps_of(int64_t depth, int64_t pairs) { return pairs ? (depth + 1) / 2 : depth; }

INLINE floats add_products(floats sums, float one, floats columns, const int pairs) {
#if HAS_PAIRS
    if (pairs)
        return (floats)_mm512_dpbf16_ps((__m512)sums, (__m512bh)_mm512_set1_ps(one),
                                        (__m512bh)columns);
#endif
    return sums + one * columns;
}

/* Sums of AT_ONCE rows of x times a panel [step, its columns]. */
INLINE void multiply_panel(const int wide, const float *x, int64_t x_apart, const float *panel,
                           int64_t steps, float *out, int64_t out_apart, const int pairs) {
    floats sums[AT_ONCE][WIDE];
#pragma GCC unroll 6
    for (int r = 0; r < AT_ONCE; r++)
#pragma GCC unroll 4
        for (int part = 0; part < wide; part++) sums[r][part] = (floats){0};
    for (int64_t step = 0; step < steps; step++, panel += wide * LANES) {
        floats columns[WIDE];
#pragma GCC unroll 4
        for (int part = 0; part < wide; part++)
            memcpy(&columns[part], panel + part * LANES, sizeof *columns);
#pragma GCC unroll 6
        for (int r = 0; r < AT_ONCE; r++)
#pragma GCC unroll 4
            for (int part = 0; part < wide; part++)
                sums[r][part] =
                    add_products(sums[r][part], x[r * x_apart + step], columns[part], pairs);
    }
#pragma GCC unroll 6
    for (int r = 0; r < AT_ONCE; r++)
#pragma GCC unroll 4
        for (int part = 0; part < wide; part++)
            memcpy(out + r * out_apart + part * LANES, &sums[r][part], sizeof(floats));
}

INLINE void multiply_all(const float *x, int64_t x_apart, int64_t rows, const float *panels,
                         int64_t steps, int64_t columns, float *out, int64_t out_apart,
                         const int pairs) {
    for (int64_t c = 0; c < columns; c += PANEL)
        for (int64_t r = 0; r < rows; r += AT_ONCE) {
            const float *from = x + r * x_apart, *panel = panels + c * steps;
            float *to = out + r * out_apart + c;
            switch (panel_width(c, columns) / LANES) {
                case 1: multiply_panel(1, from, x_apart, panel, steps, to, out_apart, pairs); break;
#if WIDE > 1
                case 2: multiply_panel(2, from, x_apart, panel, steps, to, out_apart, pairs); break;
#endif
#if WIDE > 2
                case 3: multiply_panel(3, from, x_apart, panel, steps, to, out_apart, pairs); break;
                case 4: multiply_panel(4, from, x_apart, panel, steps, to, out_apart, pairs); break;
#endif
            }
        }
}

/* Rows of x, in whole AT_ONCEs, times panels of so many columns. */
static void multiply_panels(const float *x, int64_t x_apart, int64_t rows, const float *panels,
                            int64_t steps, int64_t columns, float *out, int64_t out_apart,
                            int64_t pairs) {
    if (pairs)
        multiply_all(x, x_apart, rows, panels, steps, columns, out, out_apart, 1);
    else
        multiply_all(x, x_apart, rows, panels, steps, columns, out, out_apart, 0);
}

/* So many pairs, from twice as many floats; `to` may be where they are. */
static void pair_row(const float *from, float *to, int64_t steps) {
    float some[LANES];
    for (int64_t step = 0; step < steps; step += LANES) {
        const int64_t left = steps - step, count = left < LANES ? left : LANES;
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            some[i] = pair_of(from[2 * (step + i)], from[2 * (step + i) + 1]);
        memcpy(to + step, some, count * sizeof *to);
    }
}
