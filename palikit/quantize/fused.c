/* What stands between products, each in one pass over its numbers: floats, or bfloat16 where `half`,
 * worked on in float. Written so that a compiler sees lanes in its loops. */

#include "lanes.h"

#define LITTLE 65536 /* numbers for which waking other threads takes longer than the work */

/* Each row over its root mean square, times 1 + weight. */
void rms_norm(const void *x, const float *weight, void *out, int64_t rows, int64_t width,
              int64_t half, float eps, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (rows * width > LITTLE)
    for (int64_t r = 0; r < rows; r++) {
        if (half)
            norm_row(x, weight, out, r * width, width, eps, 1, 0);
        else
            norm_row(x, weight, out, r * width, width, eps, 0, 0);
    }
}

INLINE void gelu_part(void *x, const void *factor, int64_t start, int64_t stop, const int half) {
    if (factor) {
#pragma omp simd
        for (int64_t i = start; i < stop; i++) {
            /* Rounded between the two, as separate operations are. */
            const float one = gelu(load(x, i, half));
            store(x, i, (half ? widen(narrow(one)) : one) * load(factor, i, half), half);
        }
    } else {
#pragma omp simd
        for (int64_t i = start; i < stop; i++) store(x, i, gelu(load(x, i, half)), half);
    }
}

/* x becomes gelu(x), in the form with tanh, times `factor` where there is one. */
void gelu_product(void *x, const void *factor, int64_t count, int64_t half, int threads) {
    const int64_t part = 4096;
#pragma omp parallel for num_threads(threads) schedule(static) if (count > LITTLE)
    for (int64_t start = 0; start < count; start += part) {
        const int64_t stop = start + part < count ? start + part : count;
        if (half)
            gelu_part(x, factor, start, stop, 1);
        else
            gelu_part(x, factor, start, stop, 0);
    }
}

INLINE void rotate_row(void *x, const float *cos, const float *sin, int64_t start, int64_t heads,
                       int64_t pairs, float scale, const int half) {
    for (int64_t n = 0; n < heads; n++, start += 2 * pairs) {
#pragma omp simd
        for (int64_t i = 0; i < pairs; i++) {
            const float first = load(x, start + i, half), second = load(x, start + pairs + i, half);
            float one = first * cos[i] - second * sin[i], two = second * cos[i] + first * sin[i];
            /* Rounded before it is scaled, as separate operations are. */
            if (half) one = widen(narrow(one)), two = widen(narrow(two));
            store(x, start + i, one * scale, half);
            store(x, start + pairs + i, two * scale, half);
        }
    }
}

/* Pairs of channels (i, i + pairs) of each head turn by their row's angles, times `scale`. */
void rotate_rows(void *x, const float *cos, const float *sin, int64_t rows, int64_t heads,
                 int64_t pairs, int64_t half, float scale, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (rows * heads * pairs > LITTLE)
    for (int64_t r = 0; r < rows; r++) {
        const int64_t start = r * heads * 2 * pairs;
        if (half)
            rotate_row(x, cos + r * pairs, sin + r * pairs, start, heads, pairs, scale, 1);
        else
            rotate_row(x, cos + r * pairs, sin + r * pairs, start, heads, pairs, scale, 0);
    }
}
