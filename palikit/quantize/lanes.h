/* What our C files have in common: numbers of 32 and 16 bits, and what one calls of another. */

#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define ROWS 4 /* of a product of a few */

/* Calls `function` with its number of rows known to the compiler. */
#define FOR_ROWS(rows, function, ...)            \
    switch (rows) {                              \
        case 1: function(1, __VA_ARGS__); break; \
        case 2: function(2, __VA_ARGS__); break; \
        case 3: function(3, __VA_ARGS__); break; \
        case 4: function(4, __VA_ARGS__); break; \
    }

/* A bfloat16 is the upper half of a float. */
INLINE float widen(uint16_t half) {
    const uint32_t whole = (uint32_t)half << 16;
    float wide;
    memcpy(&wide, &whole, sizeof wide);
    return wide;
}

/* To the nearest bfloat16, the even one of two, as PyTorch does. */
INLINE uint16_t narrow(float wide) {
    uint32_t bits;
    memcpy(&bits, &wide, sizeof bits);
    const uint32_t near = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)(wide != wide ? 0x7fc0 : near);
}

INLINE float load(const void *from, int64_t i, const int half) {
    return half ? widen(((const uint16_t *)from)[i]) : ((const float *)from)[i];
}

INLINE void store(void *to, int64_t i, float number, const int half) {
    if (half)
        ((uint16_t *)to)[i] = narrow(number);
    else
        ((float *)to)[i] = number;
}

/* x over its root mean square, times 1 + weight; where the numbers of a row start is the same in x
 * and out, which are bfloat16 where `half`, as the weight is where `half_weight`. */
INLINE void norm_row(const void *x, const void *weight, void *out, int64_t start, int64_t width,
                     float eps, const int half, const int half_weight) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; i++) {
        const float one = load(x, start + i, half);
        sum += one * one;
    }
    const float scale = 1 / sqrtf(sum / (float)width + eps);
#pragma omp simd
    for (int64_t i = 0; i < width; i++) {
        const float found = load(x, start + i, half) * scale;
        store(out, start + i, found * (1 + load(weight, i, half_weight)), half);
    }
}

/* A linear layer, and in which kind of numbers its weight is. */
enum kind { WHOLE, HALVES, EIGHT_BITS, FOUR_BITS };

struct linear {
    const void *weight;
    const uint8_t *steps; /* of four bits; int4.py says what they and the offsets are */
    const int8_t *offsets;
    const float *scale, *bias; /* the latter may be none */
    int64_t kind, inputs, padded, outputs, group;
};

/* e^x within two units of the last place: 2^k e^r, |r| <= ln(2) / 2, by eight terms of the series.
 * Above 88.4 it is infinite. */
INLINE float exponential(float x) {
    x = x > 89 ? 89 : x;
    x = x < -87 ? -87 : x;
    const float k = rintf(x * 1.44269504f);
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f; /* ln(2) in two parts */
    float sum = 1.0f / 5040;
    sum = sum * r + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1;
    sum = sum * r + 1;
    const uint32_t bits = (uint32_t)((int32_t)k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* tanh(x) within a few units of the last place: a series near 0, where the formula would lose them. */
INLINE float hyperbolic(float x) {
    const float square = x * x;
    float sum = 62.0f / 2835;
    sum = sum * square - 17.0f / 315;
    sum = sum * square + 2.0f / 15;
    sum = sum * square - 1.0f / 3;
    const float near = x + x * square * sum;
    const float far = 1 - 2 / (1 + exponential(2 * x));
    return fabsf(x) < 0.25f ? near : far;
}

/* x / 2 * (1 + tanh(u)) is x / (1 + e^-2u), which loses nothing where tanh is near -1. */
INLINE float gelu(float x) {
    const float u = 0.797884561f * (x + 0.044715f * x * x * x);
    return x * (1 / (1 + exponential(-2 * u)));
}

/* What a row's numbers are times to be whole, and back. */
struct scaling {
    float scale, inverse;
};

/* Of a row in whole numbers of its largest one over 127, as int8.py's round_rows, from that one's
 * bits without the sign; the scale of a row with something that is no number is none, so that it
 * comes out as none. */
INLINE struct scaling scaling_by(uint32_t most) {
    float largest;
    memcpy(&largest, &most, sizeof largest);
    if (most >= 0x7f800000) return (struct scaling){NAN, 0}; /* infinity */
    const float scale = largest / 127;
    /* The inverse of a smaller one overflows. */
    if (!(scale >= 1.17549435e-38f)) return (struct scaling){0, 0};
    return (struct scaling){scale, 1 / scale};
}

/* kernels.c */
struct scaling scaling_of(const float *x, int64_t inputs);
void round_bytes(const float *x, int8_t *rounded, struct scaling by, int64_t inputs);
void plain_rows(const void *weight, const float *x, float *out, int64_t rows, int64_t inputs,
                int64_t outputs, int64_t half, int threads);
void int8_rows(const int8_t *weight, const float *scale, const float *x, float *out, void *room,
               int64_t rows, int64_t inputs, int64_t outputs, int threads);

/* int4.c */
void int4_rows(const uint8_t *codes, const uint8_t *steps, const int8_t *offsets,
               const float *scale, const float *x, float *out, int8_t *room, int32_t *x_sums,
               int64_t rows, int64_t inputs, int64_t padded, int64_t outputs, int64_t group,
               int threads);

/* attention.c */
void attend_row(const float *q, const void *keys, const void *values, const uint8_t *mask,
                float *out, float *scores, int64_t slots, int64_t key_apart, int64_t value_apart,
                int64_t channels, float softcap, int64_t half);

/* fused.c */
void gelu_product(void *x, const void *factor, int64_t count, int64_t half, int threads);
void rotate_rows(void *x, const float *cos, const float *sin, int64_t rows, int64_t heads,
                 int64_t pairs, int64_t half, float scale, int threads);
