/* What kernels.c and fused.c have in common: numbers of 32 and 16 bits. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

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
