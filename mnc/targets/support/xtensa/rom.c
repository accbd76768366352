/*
 * Arithmetic that an ESP8266 has in its ROM, so that its compiler's library leaves it out.
 *
 * As libgcc declares it: floats of IEEE 754, rounded to the nearest value, ties to even, without exceptions.
 * The section is not counted as a network's code, because on the chip it is in nobody's flash.
 */
#include <stdint.h>

#ifdef __xtensa__
#pragma GCC optimize("O2") /* as a ROM is what it is, whatever a network is compiled with */
#define ROM __attribute__((section(".rom")))
#else
#define ROM
#endif

#define INFINITE 0x7F800000u
#define QUIET_NAN 0x7FC00000u
#define SIGN 0x80000000u
#define ONE (UINT32_C(1) << 30) /* a significand lies in [ONE, 2 * ONE): 24 bits, then 7 that are rounded */

typedef union {
    float value;
    uint32_t bits;
} rom_float;

static ROM float rom_from_bits(uint32_t bits) {
    rom_float x;
    x.bits = bits;
    return x.value;
}

static ROM uint32_t rom_to_bits(float value) {
    rom_float x;
    x.value = value;
    return x.bits;
}

/* `m` divided by 2^by; the last bit also stands for all that were shifted out. */
static ROM uint32_t rom_shift_right(uint32_t m, int by) {
    if (by > 31) {
        return (uint32_t)(m != 0u);
    }
    return by == 0 ? m : (m >> by) | (uint32_t)((m << (32 - by)) != 0u);
}

/* `m` times a power of two, at most 2^most, that takes it to ONE or as near as it goes; `*by` is its exponent. */
static ROM uint32_t rom_normal(uint32_t m, int most, int *by) {
    int step;
    *by = 0;
    if (m >= ONE) {
        return m;
    }
    for (step = 16; step > 0; step /= 2) {
        if (m < ONE >> (step - 1) && *by + step <= most) {
            m <<= step;
            *by += step;
        }
    }
    return m;
}

/* The float next to (m / ONE) * 2^(exponent - 127). */
static ROM float rom_rounded(uint32_t sign, int exponent, uint32_t m) {
    uint32_t rest;
    if (exponent >= 255) {
        return rom_from_bits(sign | INFINITE);
    }
    if (exponent < 1) {
        m = rom_shift_right(m, 1 - exponent);
        exponent = 1;
    }
    rest = m & 127u;
    m = (m + 64u) >> 7;
    m -= (uint32_t)(rest == 64u) & m; /* a tie goes to the even one */
    /* A carry goes into the exponent. */
    return rom_from_bits(sign | ((((uint32_t)exponent - 1u) << 23) + m));
}

typedef struct {
    uint32_t sign;
    uint32_t m;
    int exponent; /* 0 and subnormal numbers: 1; infinite or not a number: 255 */
} rom_parts;

static ROM rom_parts rom_taken_apart(uint32_t bits) {
    rom_parts x;
    x.sign = bits & SIGN;
    x.exponent = (int)((bits & INFINITE) >> 23);
    x.m = (bits & 0x7FFFFFu) << 7;
    if (x.exponent == 0) {
        x.exponent = 1;
    } else {
        x.m |= ONE;
    }
    return x;
}

static ROM float rom_sum(uint32_t a, uint32_t b) {
    rom_parts x;
    rom_parts y;
    int by;
    if ((a & ~SIGN) < (b & ~SIGN)) {
        const uint32_t larger = b;
        b = a;
        a = larger;
    }
    x = rom_taken_apart(a);
    y = rom_taken_apart(b);
    if (x.exponent == 255) {
        if ((a & ~SIGN) > INFINITE || (y.exponent == 255 && x.sign != y.sign)) {
            return rom_from_bits(QUIET_NAN);
        }
        return rom_from_bits(a);
    }
    y.m = rom_shift_right(y.m, x.exponent - y.exponent);
    if (x.sign == y.sign) {
        x.m += y.m;
        if (x.m >= 2u * ONE) {
            x.m = rom_shift_right(x.m, 1);
            x.exponent++;
        }
    } else {
        x.m -= y.m;
        if (x.m == 0u) {
            return rom_from_bits(0u);
        }
        x.m = rom_normal(x.m, x.exponent - 1, &by);
        x.exponent -= by;
    }
    return rom_rounded(x.sign, x.exponent, x.m);
}

ROM float __addsf3(float a, float b) {
    return rom_sum(rom_to_bits(a), rom_to_bits(b));
}

ROM float __subsf3(float a, float b) {
    return rom_sum(rom_to_bits(a), rom_to_bits(b) ^ SIGN);
}

ROM float __mulsf3(float a, float b) {
    rom_parts x = rom_taken_apart(rom_to_bits(a));
    rom_parts y = rom_taken_apart(rom_to_bits(b));
    const uint32_t sign = x.sign ^ y.sign;
    uint32_t high;
    uint32_t middle;
    uint32_t low;
    int by;
    if (x.exponent == 255 || y.exponent == 255) {
        /* Infinite times 0 is no number, nor is anything times what is none. */
        if (x.m == 0u || y.m == 0u || (x.exponent == 255 && x.m != ONE) || (y.exponent == 255 && y.m != ONE)) {
            return rom_from_bits(QUIET_NAN);
        }
        return rom_from_bits(sign | INFINITE);
    }
    if (x.m == 0u || y.m == 0u) {
        return rom_from_bits(sign);
    }
    x.m = rom_normal(x.m, 31, &by);
    x.exponent -= by;
    y.m = rom_normal(y.m, 31, &by);
    y.exponent -= by;
    /* 24 bits times 24, in halves of 12: the product is high * 2^24 + middle * 2^12 + low. */
    x.m >>= 7;
    y.m >>= 7;
    high = (x.m >> 12) * (y.m >> 12);
    middle = (x.m >> 12) * (y.m & 0xFFFu) + (x.m & 0xFFFu) * (y.m >> 12);
    low = (x.m & 0xFFFu) * (y.m & 0xFFFu);
    middle += low >> 12;
    low = ((middle & 0xFFFu) << 12) | (low & 0xFFFu);
    high += middle >> 12;
    /* The product has 47 or 48 bits: 31 of 47 are kept. */
    high = (high << 8) | (low >> 16) | (uint32_t)((low & 0xFFFFu) != 0u);
    by = high >= 2u * ONE;
    return rom_rounded(sign, x.exponent + y.exponent - 127 + by, rom_shift_right(high, by));
}

ROM float __floatunsisf(uint32_t value) {
    int by;
    uint32_t m;
    if (value >= 2u * ONE) {
        return rom_rounded(0u, 127 + 31, rom_shift_right(value, 1));
    }
    if (value == 0u) {
        return rom_from_bits(0u);
    }
    m = rom_normal(value, 31, &by);
    return rom_rounded(0u, 127 + 30 - by, m);
}

ROM float __floatsisf(int32_t value) {
    if (value < 0) {
        return -__floatunsisf(0u - (uint32_t)value);
    }
    return __floatunsisf((uint32_t)value);
}

/* Quotient; `*rest` is the remainder.  What division by 0 gives is undefined. */
static ROM uint32_t rom_divided(uint32_t a, uint32_t b, uint32_t *rest) {
    uint32_t quotient = 0u;
    int bit = 0;
    while (bit < 31 && b < SIGN && b << 1 <= a) {
        b <<= 1;
        bit++;
    }
    for (; bit >= 0; bit--) {
        quotient <<= 1;
        if (a >= b) {
            a -= b;
            quotient |= 1u;
        }
        b >>= 1;
    }
    *rest = a;
    return quotient;
}

ROM uint32_t __udivsi3(uint32_t a, uint32_t b) {
    uint32_t rest;
    return rom_divided(a, b, &rest);
}

ROM uint32_t __umodsi3(uint32_t a, uint32_t b) {
    uint32_t rest;
    rom_divided(a, b, &rest);
    return rest;
}

ROM int32_t __divsi3(int32_t a, int32_t b) {
    const uint32_t of_a = a < 0 ? 0u - (uint32_t)a : (uint32_t)a;
    const uint32_t of_b = b < 0 ? 0u - (uint32_t)b : (uint32_t)b;
    const uint32_t quotient = __udivsi3(of_a, of_b);
    return (int32_t)((a < 0) != (b < 0) ? 0u - quotient : quotient);
}

ROM int64_t __muldi3(int64_t a, int64_t b) {
    const uint32_t low_a = (uint32_t)a;
    const uint32_t low_b = (uint32_t)b;
    const uint32_t middle = (low_a >> 16) * (low_b & 0xFFFFu);
    const uint32_t other = (low_a & 0xFFFFu) * (low_b >> 16);
    const uint32_t low = (low_a & 0xFFFFu) * (low_b & 0xFFFFu);
    const uint32_t carried = (low >> 16) + (middle & 0xFFFFu) + (other & 0xFFFFu);
    const uint32_t high = (low_a >> 16) * (low_b >> 16) + (middle >> 16) + (other >> 16) + (carried >> 16) +
                          (uint32_t)((uint64_t)a >> 32) * low_b + low_a * (uint32_t)((uint64_t)b >> 32);
    return (int64_t)((uint64_t)high << 32 | (carried << 16) | (low & 0xFFFFu));
}
