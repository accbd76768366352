/* pico_keras3: made by mnc 0.1.0; see pico_keras3.h. */
#include "pico_keras3.h"
#include <stdint.h>
#include <stddef.h>

/* Constants that lie in a memory of their own are read by name there.  On AVR
 * this is done; for another such core define both macros, and those below. */
#ifndef MNC_FLASH
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define MNC_FLASH PROGMEM
#define MNC_READ(x) pgm_read_float(&(x))
#else
#define MNC_ONE_MEMORY
#define MNC_FLASH
#define MNC_READ(x) (x)
#endif
#endif

/* One function a layer, and one for a kernel call that layers have in common, kept
 * apart so that a profiler and a map file show them. */
#ifndef MNC_LAYER
#if defined(__GNUC__)
#define MNC_LAYER static __attribute__((noinline))
#else
#define MNC_LAYER static
#endif
#endif

/* A kernel is called with literal sizes and strides.  Inlined, every call is
 * compiled for exactly its layer: fast.  With MNC_SMALL defined, the layers
 * share one copy of each kernel instead: smaller, slower. */
#ifndef MNC_KERNEL
#if defined(__GNUC__) && !defined(MNC_SMALL)
#define MNC_KERNEL static __inline__ __attribute__((always_inline))
#else
#define MNC_KERNEL static
#endif
#endif

/* Before a short loop over a block: unroll it, so that the block's
 * accumulators live in registers (GCC unrolls at -O2 only where told).  Shared
 * kernels do not know how large a block is. */
#ifndef MNC_UNROLL
#if defined(MNC_SMALL)
#define MNC_UNROLL
#elif defined(__clang__)
#define MNC_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__) && __GNUC__ >= 8
#define MNC_UNROLL _Pragma("GCC unroll 32")
#else
#define MNC_UNROLL
#endif
#endif

/* MNC_READ is for constants of type float; these three are for integers. */
#ifndef MNC_READ_S8
#if defined(MNC_ONE_MEMORY)
#define MNC_READ_S8(x) (x)
#define MNC_READ_S16(x) (x)
#define MNC_READ_S32(x) (x)
#elif defined(__AVR__)
#define MNC_READ_S8(x) ((int8_t)pgm_read_byte(&(x)))
#define MNC_READ_S16(x) ((int16_t)pgm_read_word(&(x)))
#define MNC_READ_S32(x) ((int32_t)pgm_read_dword(&(x)))
#else
#error "MNC_FLASH is defined, but MNC_READ_S8, MNC_READ_S16 and MNC_READ_S32 are not"
#endif
#endif

/* Arm's DSP instructions multiply and add two pairs of 16 bits at once: a word of
 * four int8, which may lie at any address, is split into a pair of its even and a
 * pair of its odd elements.  Without them, where unaligned accesses are trapped
 * (-mno-unaligned-access says so) or MNC_NO_DSP is defined, the kernels go element
 * by element, with the same result. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__ARM_32BIT_STATE) && \
    !defined(__ARM_BIG_ENDIAN) && !defined(MNC_NO_DSP)
#define MNC_HIGH_MULTIPLY(y, a, b) __asm__("smmlar %0, %1, %2, %1" : "=r"(y) : "r"(a), "r"(b))
#if defined(__ARM_FEATURE_UNALIGNED)
#define MNC_DSP
#define MNC_LOAD_QUAD(y, p) __asm__ volatile("ldr %0, %1" : "=r"(y) : "m"(*(const char(*)[4])(p)))
#define MNC_EVEN(y, x) __asm__ volatile("sxtb16 %0, %1" : "=r"(y) : "r"(x))
#define MNC_ODD(y, x) __asm__ volatile("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x))
#define MNC_MULTIPLY_PAIRS(sum, x, w) __asm__ volatile("smlad %0, %1, %2, %0" : "+r"(sum) \
                                                       : "r"(x), "r"(w))
#define MNC_LOAD_S8(y, p) __asm__ volatile("ldrsb %0, %1" : "=r"(y) : "m"(*(p)))
#define MNC_PAIR(y, low, high) __asm__ volatile("pkhbt %0, %1, %2, lsl #16" : "=r"(y) : "r"(low), \
                                                "r"(high))
#define MNC_MULTIPLY_LOW(sum, x, w) __asm__ volatile("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(x), \
                                                     "r"(w))
#define MNC_MULTIPLY_HIGH(sum, x, w) __asm__ volatile("smlabt %0, %1, %2, %0" : "+r"(sum) \
                                                      : "r"(x), "r"(w))
#endif
#endif

/* x / 2^n rounded down, of a negative x too: C leaves to the compiler whether a shift
 * keeps the sign.  Every compiler for these cores does; define it for another. */
#ifndef MNC_SHIFT_RIGHT
#if (-1 >> 1) != -1
#error "here a shift to the right loses the sign; define MNC_SHIFT_RIGHT"
#endif
#define MNC_SHIFT_RIGHT(x, n) ((x) >> (n))
#endif

/* x within int8, in one instruction where the core has it. */
#ifndef MNC_SATURATE_S8
#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT)
#define MNC_SATURATE_S8(x) __asm__("ssat %0, #8, %1" : "=r"(x) : "r"(x))
#else
#define MNC_SATURATE_S8(x) ((x) = (x) < -128 ? -128 : (x) > 127 ? 127 : (x))
#endif
#endif

/* ---- kernels; several networks that are compiled as one source share them ---- */

#ifndef MNC_BEGIN_S8_76DBC1CB
#define MNC_BEGIN_S8_76DBC1CB
/* Initialises the sums of a block of pixels x channels with the channels' biases. */
MNC_KERNEL void mnc_begin_s8(int32_t *sum, const int32_t *bias, int block_pixels,
                             int block_channels)
{
    int i, c;

    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c)
            sum[i * block_channels + c] = MNC_READ_S32(bias[c]);
    }
}
#endif

#ifndef MNC_PADDING_RUN_S8_A9B96283
#define MNC_PADDING_RUN_S8_A9B96283
/* Adds to the sums of a block the products of a run that lies in padding, whose
 * elements all hold `value`.
 * w: [run / 4][block_channels][4], or [block_channels][run] below four. */
MNC_KERNEL void mnc_padding_run_s8(int32_t *sum, int value, const int8_t *w, int run,
                                   int block_pixels, int block_channels)
{
    int i, c, k;

    for (k = 0; k < (run < 4 ? 1 : (run + 3) / 4); ++k) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            int32_t total = 0;
            int t;

            MNC_UNROLL
            for (t = 0; t < (run < 4 ? run : 4); ++t) {
                total += MNC_READ_S8(*w);
                ++w;
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i)
                sum[i * block_channels + c] += total * value;
        }
    }
}
#endif

#ifndef MNC_QUAD_S8_31FC5800
#define MNC_QUAD_S8_31FC5800
/* Adds to the sums of a block, pixel by pixel, the products of four neighbouring
 * elements: sum[i][c] += x[i][t] * w[c][t].  The elements before `first` have
 * weights 0. */
MNC_KERNEL void mnc_quad_s8(int32_t *sum, const int8_t *x, const int8_t *w, int first, int pixel,
                            int block_pixels, int block_channels)
{
    int i, c;
#if defined(MNC_DSP)
    uint32_t even[8], odd[8], e, o;

    (void)first;
    if (block_pixels > block_channels) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c)
            MNC_LOAD_QUAD(odd[c], w + c * 4);
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            MNC_EVEN(even[c], odd[c]);
            MNC_ODD(odd[c], odd[c]);
        }
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_LOAD_QUAD(o, x + i * pixel);
            MNC_EVEN(e, o);
            MNC_ODD(o, o);
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], e, even[c]);
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], o, odd[c]);
            }
        }
    } else {
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_LOAD_QUAD(o, x + i * pixel);
            MNC_EVEN(even[i], o);
            MNC_ODD(odd[i], o);
        }
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            MNC_LOAD_QUAD(o, w + c * 4);
            MNC_EVEN(e, o);
            MNC_ODD(o, o);
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], even[i], e);
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], odd[i], o);
            }
        }
    }
#else
    int t;

    MNC_UNROLL
    for (t = first; t < 4; ++t) {
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c)
                sum[i * block_channels + c] += x[i * pixel + t] * MNC_READ_S8(w[c * 4 + t]);
        }
    }
#endif
}
#endif

#ifndef MNC_RUN_S8_2DFAA382
#define MNC_RUN_S8_2DFAA382
/* Adds to the sums of a block, pixel by pixel, the products of `run` neighbouring
 * elements.  `unroll` quads go at once and must divide the whole ones; elements left
 * over are the end of a quad of the run's last four.  A run of less than four is no
 * quad.
 * w: [run / 4][block_channels][4], or [block_channels][run] below four. */
MNC_KERNEL void mnc_run_s8(int32_t *sum, const int8_t *x, const int8_t *w, int run, int pixel,
                           int block_pixels, int block_channels, int unroll)
{
    int i, c, k, t;

    if (run < 4) {
        MNC_UNROLL
        for (t = 0; t < run; ++t) {
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c)
                    sum[i * block_channels + c] += x[i * pixel + t] * MNC_READ_S8(w[c * run + t]);
            }
        }
        return;
    }
    for (k = 0; k < run / 4; k += unroll) {
        MNC_UNROLL
        for (t = 0; t < unroll; ++t)
            mnc_quad_s8(sum, x + t * 4, w + t * 4 * block_channels, 0, pixel, block_pixels,
                        block_channels);
        x += unroll * 4;
        w += unroll * 4 * block_channels;
    }
    if (run % 4 != 0)
        mnc_quad_s8(sum, x + run % 4 - 4, w, 4 - run % 4, pixel, block_pixels, block_channels);
}
#endif

#ifndef MNC_DIVIDE_BY_POWER_957ABCE7
#define MNC_DIVIDE_BY_POWER_957ABCE7
/* round(x / 2^exponent), halves away from zero. */
MNC_KERNEL int32_t mnc_divide_by_power(int32_t x, int exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);

    return MNC_SHIFT_RIGHT(x, exponent) + ((x & mask) > (mask >> 1) + (x < 0) ? 1 : 0);
}
#endif

#ifndef MNC_HIGH_MULTIPLY_CA25B1DD
#define MNC_HIGH_MULTIPLY_CA25B1DD
/* round(a * b / 2^31), halves upwards; b is a multiplier below 2^31, so nothing
 * overflows.  MNC_NO_INT64 is for compilers without int64_t. */
MNC_KERNEL int32_t mnc_high_multiply(int32_t a, int32_t b)
{
#ifndef MNC_NO_INT64
    return (int32_t)MNC_SHIFT_RIGHT((int64_t)a * b + ((int64_t)1 << 30), 31);
#else
    const int32_t a0 = (int32_t)((uint32_t)a & 0xFFFFu), a1 = MNC_SHIFT_RIGHT(a, 16);
    const int32_t b0 = (int32_t)((uint32_t)b & 0xFFFFu), b1 = MNC_SHIFT_RIGHT(b, 16);
    const uint32_t bottom = (uint32_t)a0 * (uint32_t)b0;
    const int32_t first = a1 * b0 + (int32_t)(bottom >> 16);
    const int32_t second = a0 * b1 + (int32_t)((uint32_t)first & 0xFFFFu);
    const int32_t high = a1 * b1 + MNC_SHIFT_RIGHT(first, 16) + MNC_SHIFT_RIGHT(second, 16);
    const uint32_t low = (uint32_t)a * (uint32_t)b;
    const uint32_t rounded = low + 0x40000000u;

    return (int32_t)((((uint32_t)high + (rounded < low ? 1u : 0u)) << 1) | (rounded >> 31));
#endif
}
#endif

#ifndef MNC_RESCALE_429953F9
#define MNC_RESCALE_429953F9
/* x * multiplier * 2^(shift - 31), rounded in two steps.  A result that a shift to
 * the left pushes out of 32 bits is far beyond int8 anyway. */
MNC_KERNEL int32_t mnc_rescale(int32_t x, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;

    if (left > 0) {
        const int32_t most = 2147483647 >> left;

        x = x > most ? most : x < -most ? -most : x;
        x *= (int32_t)1 << left;
    }
    return mnc_divide_by_power(mnc_high_multiply(x, multiplier), left - shift);
}
#endif

#ifndef MNC_HIGH_MULTIPLY_NORMAL_0C9F1261
#define MNC_HIGH_MULTIPLY_NORMAL_0C9F1261
/* mnc_high_multiply for 2^30 <= b < 2^31: with b as 2^31 + (2 * b - 2^32) / 2, the
 * high word of one product is nearly all of it. */
MNC_KERNEL int32_t mnc_high_multiply_normal(int32_t a, int32_t b)
{
#if defined(MNC_HIGH_MULTIPLY)
    int32_t y;

    MNC_HIGH_MULTIPLY(y, a, (int32_t)((uint32_t)b << 1));
    return y;
#elif !defined(MNC_NO_INT64)
    const int64_t product = (int64_t)a * (int32_t)((uint32_t)b << 1);

    return (int32_t)MNC_SHIFT_RIGHT(product, 32) + a + (int32_t)((uint32_t)product >> 31);
#else
    return mnc_high_multiply(a, b);
#endif
}
#endif

#ifndef MNC_REQUANTISE_S8_1D4A5B74
#define MNC_REQUANTISE_S8_1D4A5B74
/* A sum on its way to int8.  Unless `general`, the shift is -1 to -20, the
 * multiplier at least 2^30 and the sum far from the ends of int32, which takes
 * fewer instructions; `zero` is added before the shift that rounds. */
MNC_KERNEL int8_t mnc_requantise_s8(int32_t sum, int32_t multiplier, int shift, int general,
                                    int zero, int low, int high)
{
    int32_t x;

    if (general) {
        x = mnc_rescale(sum, multiplier, shift) + zero;
    } else {
        x = mnc_high_multiply_normal(sum, multiplier);
        x = MNC_SHIFT_RIGHT(x + MNC_SHIFT_RIGHT(x, 31) +
                            (int32_t)((uint32_t)(2 * zero + 1) << (-shift - 1)), -shift);
    }
    if (low <= -128 && high >= 127) {
        MNC_SATURATE_S8(x);
    } else {
        x = x < low ? low : x;
        x = x > high ? high : x;
    }
    return (int8_t)x;
}
#endif

#ifndef MNC_END_S8_9AA4B323
#define MNC_END_S8_9AA4B323
/* Requantises the sums of a block to its outputs. */
MNC_KERNEL void mnc_end_s8(const int32_t *sum, int8_t *out, const int32_t *multiplier,
                           const int8_t *shift, int per_channel, int general, int out_pixel,
                           int block_pixels, int block_channels, int zero, int low, int high)
{
    int i, c;

    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        const int32_t by = MNC_READ_S32(multiplier[c * per_channel]);
        const int power = MNC_READ_S8(shift[c * per_channel]);

        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i)
            out[i * out_pixel + c] =
                mnc_requantise_s8(sum[i * block_channels + c], by, power, general, zero, low, high);
    }
}
#endif

#ifndef MNC_CONV2D_S8_9F0D2CBD
#define MNC_CONV2D_S8_9F0D2CBD
/* The pixels `begin` to `end` of one row of a convolution, channels last, that see
 * no padding at the sides.  The input's zero point is in the bias, as if padding
 * held it, so above and below the image `in_zero` is multiplied.  The last block
 * of pixels overlaps the one before, and so does the last block of channels.  Each
 * of the kernel's rows is `runs` runs of `run` neighbouring elements, a run for each
 * column or one for all.
 * weights: [groups][blocks of channels][kernel_height][runs], as mnc_run_s8 reads them. */
MNC_KERNEL void mnc_conv2d_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights,
                              const int32_t *bias, const int32_t *multiplier, const int8_t *shift,
                              int per_channel, int general, int groups, int in_channels,
                              int out_channels, int kernel_height, int stride, int dilation,
                              int padding, int begin, int end, int in_pixel, int out_pixel,
                              int runs, int run, int block_pixels, int block_channels, int unroll,
                              int in_zero, int zero, int low, int high)
{
    const int run_weights = (run < 4 ? run : (run + 3) / 4 * 4) * block_channels;
    int g, o, p, ky, kx;

    for (g = 0; g < groups; ++g) {
        for (o = 0; o < out_channels; o += block_channels) {
            if (out_channels % block_channels != 0 && o > out_channels - block_channels)
                o = out_channels - block_channels;
            for (p = begin; p < end; p += block_pixels) {
                const int8_t *w = weights;
                int32_t sum[16];

                if ((end - begin) % block_pixels != 0 && p > end - block_pixels)
                    p = end - block_pixels;
                mnc_begin_s8(sum, bias, block_pixels, block_channels);
                for (ky = 0; ky < kernel_height; ++ky) {
                    const int8_t *x = rows[ky];

                    if (x != NULL)
                        x += (p * stride - padding) * in_pixel + g * in_channels;
                    for (kx = 0; kx < runs; ++kx) {
                        if (x == NULL) {
                            mnc_padding_run_s8(sum, in_zero, w, run, block_pixels, block_channels);
                        } else {
                            mnc_run_s8(sum, x, w, run, stride * in_pixel, block_pixels,
                                       block_channels, unroll);
                            x += dilation * in_pixel;
                        }
                        w += run_weights;
                    }
                }
                mnc_end_s8(sum, out + p * out_pixel + g * out_channels + o, multiplier, shift,
                           per_channel, general, out_pixel, block_pixels, block_channels, zero, low,
                           high);
            }
            weights += kernel_height * runs * run_weights;
            bias += block_channels;
            multiplier += block_channels * per_channel;
            shift += block_channels * per_channel;
        }
    }
}
#endif

#ifndef MNC_TAP_S8_616F5FE6
#define MNC_TAP_S8_616F5FE6
/* One weight of a channel; if it is `kept`, it is a copy in RAM. */
MNC_KERNEL int32_t mnc_tap_s8(const int8_t *weight, int kept)
{
    return kept ? *weight : MNC_READ_S8(*weight);
}
#endif

#ifndef MNC_TAPS3X3_S8_DE6AA925
#define MNC_TAPS3X3_S8_DE6AA925
/* The nine weights of a channel: with DSP instructions as five pairs, three of them
 * the upper two rows of a column.
 * weights: w00 w01 w10 w11 w02 w20 w12 w21 w22, row and column of each. */
MNC_KERNEL void mnc_taps3x3_s8(int32_t *taps, const int8_t *weights, int kept)
{
#if defined(MNC_DSP)
    int32_t quad;

    (void)kept;
    MNC_LOAD_QUAD(quad, weights);
    MNC_EVEN(taps[0], quad);
    MNC_ODD(taps[1], quad);
    MNC_LOAD_QUAD(quad, weights + 4);
    MNC_EVEN(taps[2], quad);
    MNC_ODD(taps[3], quad);
    taps[4] = weights[8];
#else
    taps[0] = mnc_tap_s8(weights, kept);
    taps[1] = mnc_tap_s8(weights + 1, kept);
    taps[2] = mnc_tap_s8(weights + 4, kept);
    taps[3] = mnc_tap_s8(weights + 2, kept);
    taps[4] = mnc_tap_s8(weights + 3, kept);
    taps[5] = mnc_tap_s8(weights + 6, kept);
    taps[6] = mnc_tap_s8(weights + 5, kept);
    taps[7] = mnc_tap_s8(weights + 7, kept);
    taps[8] = mnc_tap_s8(weights + 8, kept);
#endif
}
#endif

#ifndef MNC_PADDING_COLUMN3X3_S8_D8D81CE7
#define MNC_PADDING_COLUMN3X3_S8_D8D81CE7
/* A column of three inputs of padding, which holds `value`: with DSP instructions the
 * upper two are a pair. */
MNC_KERNEL void mnc_padding_column3x3_s8(int32_t *column, int value)
{
#if defined(MNC_DSP)
    MNC_PAIR(column[0], value, value);
    column[1] = value;
#else
    column[0] = column[1] = column[2] = value;
#endif
}
#endif

#ifndef MNC_COLUMN3X3_S8_5AB60EAD
#define MNC_COLUMN3X3_S8_5AB60EAD
/* A column of three inputs above one another: with DSP instructions the upper two
 * are a pair. */
MNC_KERNEL void mnc_column3x3_s8(int32_t *column, const int8_t *row0, const int8_t *row1,
                                 const int8_t *row2)
{
#if defined(MNC_DSP)
    MNC_LOAD_S8(column[0], row0);
    MNC_LOAD_S8(column[1], row1);
    MNC_PAIR(column[0], column[0], column[1]);
    MNC_LOAD_S8(column[1], row2);
#else
    column[0] = *row0;
    column[1] = *row1;
    column[2] = *row2;
#endif
}
#endif

#ifndef MNC_MULTIPLY_COLUMN3X3_S8_69CD0ECC
#define MNC_MULTIPLY_COLUMN3X3_S8_69CD0ECC
/* sum plus the column times column `kx` of the taps. */
MNC_KERNEL int32_t mnc_multiply_column3x3_s8(int32_t sum, const int32_t *column,
                                             const int32_t *taps, int kx)
{
#if defined(MNC_DSP)
    MNC_MULTIPLY_PAIRS(sum, column[0], taps[kx]);
    if (kx == 1)
        MNC_MULTIPLY_HIGH(sum, column[1], taps[3]);
    else
        MNC_MULTIPLY_LOW(sum, column[1], taps[3 + kx / 2]);
    return sum;
#else
    return sum + column[0] * taps[kx] + column[1] * taps[3 + kx] + column[2] * taps[6 + kx];
#endif
}
#endif

#ifndef MNC_DEPTHWISE3X3_S8_2B8C7404
#define MNC_DEPTHWISE3X3_S8_2B8C7404
/* One row of a depthwise convolution of 3x3, channel by channel.  The input's zero
 * point is in the bias, as if padding held it; the part of a row that lies outside
 * the image goes into the bias, too.  At least one row is inside.  Pixels from
 * `begin` to `end` go in blocks, the last of which overlaps the one before; they
 * see no padding at the sides, unless `whole_row` says that one block is all the row.
 * weights: [channels][9], as mnc_taps3x3_s8 reads them. */
MNC_KERNEL void mnc_depthwise3x3_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights,
                                    const int32_t *bias, const int32_t *multiplier,
                                    const int8_t *shift, int per_channel, int general, int channels,
                                    int stride, int padding, int in_width, int out_width, int begin,
                                    int end, int in_pixel, int out_pixel, int block_pixels,
                                    int whole_row, int in_zero, int zero, int low, int high)
{
    const int inside = rows[0] != NULL && rows[1] != NULL && rows[2] != NULL;
    const int8_t *const some = rows[0] != NULL ? rows[0] : rows[1] != NULL ? rows[1] : rows[2];
    const int8_t *row0 = rows[0] != NULL ? rows[0] : some;
    const int8_t *row1 = rows[1] != NULL ? rows[1] : some;
    const int8_t *row2 = rows[2] != NULL ? rows[2] : some;
    int c, p, i, j, k;

    for (c = 0; c < channels; ++c) {
        const int32_t by = MNC_READ_S32(*multiplier);
        const int power = MNC_READ_S8(*shift);
        int32_t start = MNC_READ_S32(*bias), taps[9], column[3], sum[8];

        if (inside) {
            mnc_taps3x3_s8(taps, weights, 0);
        } else {
            int8_t kept[9];

            for (k = 0; k < 9; ++k)
                kept[k] = MNC_READ_S8(weights[k]);
            if (rows[0] == NULL) {
                start += in_zero * ((int32_t)kept[0] + kept[1] + kept[4]);
                kept[0] = kept[1] = kept[4] = 0;
            }
            if (rows[1] == NULL) {
                start += in_zero * ((int32_t)kept[2] + kept[3] + kept[6]);
                kept[2] = kept[3] = kept[6] = 0;
            }
            if (rows[2] == NULL) {
                start += in_zero * ((int32_t)kept[5] + kept[7] + kept[8]);
                kept[5] = kept[7] = kept[8] = 0;
            }
            mnc_taps3x3_s8(taps, kept, 1);
        }
        for (p = begin; p < end; p += block_pixels) {
            const int columns = (block_pixels - 1) * stride + 3;
            int first;

            if ((end - begin) % block_pixels != 0 && p > end - block_pixels)
                p = end - block_pixels;
            first = p * stride - padding;
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i)
                sum[i] = start;
            MNC_UNROLL
            for (j = 0; j < columns; ++j) {
                const int at = (first + j) * in_pixel;

                if (whole_row && (first + j < 0 || first + j >= in_width))
                    mnc_padding_column3x3_s8(column, in_zero);
                else
                    mnc_column3x3_s8(column, row0 + at, row1 + at, row2 + at);
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    if (j >= i * stride && j - i * stride < 3)
                        sum[i] = mnc_multiply_column3x3_s8(sum[i], column, taps, j - i * stride);
                }
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i)
                out[(p + i) * out_pixel] =
                    mnc_requantise_s8(sum[i], by, power, general, zero, low, high);
        }
        for (p = begin > 0 ? 0 : end; p < out_width; p = p + 1 == begin ? end : p + 1) {
            sum[0] = start;
            MNC_UNROLL
            for (j = 0; j < 3; ++j) {
                const int at = p * stride - padding + j;

                if (at >= 0 && at < in_width)
                    mnc_column3x3_s8(column, row0 + at * in_pixel, row1 + at * in_pixel, row2 + at *
                                     in_pixel);
                else
                    mnc_padding_column3x3_s8(column, in_zero);
                sum[0] = mnc_multiply_column3x3_s8(sum[0], column, taps, j);
            }
            out[p * out_pixel] = mnc_requantise_s8(sum[0], by, power, general, zero, low, high);
        }
        ++row0;
        ++row1;
        ++row2;
        ++out;
        weights += 9;
        ++bias;
        multiplier += per_channel;
        shift += per_channel;
    }
}
#endif

#ifndef MNC_DEQUANTIZE_S8_9F0D5EC4
#define MNC_DEQUANTIZE_S8_9F0D5EC4
MNC_KERNEL void mnc_dequantize_s8(const int8_t *in, float *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i)
        out[i] = scale * (float)(in[i] - zero);
}
#endif

#ifndef MNC_MAX_POOLING2D_S8_1409DE21
#define MNC_MAX_POOLING2D_S8_1409DE21
/* One row of max pooling.  Elements outside the input do not count. */
MNC_KERNEL void mnc_max_pooling2d_s8(const int8_t *const *rows, int8_t *out, int channels,
                                     int pool_height, int pool_width, int stride, int padding,
                                     int in_width, int out_width, int in_pixel, int out_pixel)
{
    int c, p, ky, kx;

    for (p = 0; p < out_width; ++p) {
        const int x = p * stride - padding;
        const int first = x < 0 ? -x : 0;
        const int last = x + pool_width > in_width ? in_width - x : pool_width;

        for (c = 0; c < channels; ++c) {
            int largest = -128;

            for (ky = 0; ky < pool_height; ++ky) {
                const int8_t *in = rows[ky];

                if (in == NULL)
                    continue;
                in += (x + first) * in_pixel + c;
                for (kx = first; kx < last; ++kx) {
                    largest = *in > largest ? *in : largest;
                    in += in_pixel;
                }
            }
            out[p * out_pixel + c] = (int8_t)largest;
        }
    }
}
#endif

#ifndef MNC_POINTWISE_S8_04A0EAEB
#define MNC_POINTWISE_S8_04A0EAEB
/* A dense layer on each of `pixels` pixels: a 1x1 convolution of one row, or with one
 * pixel a dense layer.  The input's zero point is in the bias; with `per_channel` 0 one
 * multiplier and shift serve all channels.  The last block of pixels overlaps the one
 * before, and so does the last block of channels.
 * weights: for each block of channels, as mnc_run_s8 reads them, `unroll` quads at once. */
MNC_KERNEL void mnc_pointwise_s8(const int8_t *in, int8_t *out, const int8_t *weights,
                                 const int32_t *bias, const int32_t *multiplier,
                                 const int8_t *shift, int per_channel, int general, int in_channels,
                                 int out_channels, int pixels, int in_pixel, int out_pixel,
                                 int block_pixels, int block_channels, int unroll, int zero,
                                 int low, int high)
{
    int o, p;

    for (o = 0; o < out_channels; o += block_channels) {
        if (out_channels % block_channels != 0 && o > out_channels - block_channels)
            o = out_channels - block_channels;
        for (p = 0; p < pixels; p += block_pixels) {
            int32_t sum[16];

            if (pixels % block_pixels != 0 && p > pixels - block_pixels)
                p = pixels - block_pixels;
            mnc_begin_s8(sum, bias, block_pixels, block_channels);
            mnc_run_s8(sum, in + p * in_pixel, weights, in_channels, in_pixel, block_pixels,
                       block_channels, unroll);
            mnc_end_s8(sum, out + p * out_pixel + o, multiplier, shift, per_channel, general,
                       out_pixel, block_pixels, block_channels, zero, low, high);
        }
        weights += (in_channels < 4 ? in_channels : (in_channels + 3) / 4 * 4) * block_channels;
        bias += block_channels;
        multiplier += block_channels * per_channel;
        shift += block_channels * per_channel;
    }
}
#endif

#ifndef MNC_QUANTIZE_S8_62EBAC95
#define MNC_QUANTIZE_S8_62EBAC95
/* round(in / scale) + zero, halves away from zero. */
MNC_KERNEL void mnc_quantize_s8(const float *in, int8_t *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        float x = in[i] / scale, rest;
        int32_t n;

        x = x > -512.0f ? x : -512.0f; /* NaN, too */
        x = x < 512.0f ? x : 512.0f;
        n = (int32_t)x;
        rest = x - (float)n;
        n += rest >= 0.5f ? zero + 1 : rest <= -0.5f ? zero - 1 : zero;
        out[i] = (int8_t)(n < -128 ? -128 : n > 127 ? 127 : n);
    }
}
#endif

#ifndef MNC_ROWS_S8_C270F963
#define MNC_ROWS_S8_C270F963
/* The input rows that one output row reads: `count` rows, `step` apart, from
 * row `first` on; NULL where a row lies outside the `height` rows of `in`. */
MNC_KERNEL void mnc_rows_s8(const int8_t **rows, const int8_t *in, int first, int step, int count,
                            int height, int row_size)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int y = first + i * step;
        rows[i] = y >= 0 && y < height ? in + y * row_size : NULL;
    }
}
#endif

#ifndef MNC_RECIPROCAL_OF_ONE_PLUS_DD0869E2
#define MNC_RECIPROCAL_OF_ONE_PLUS_DD0869E2
/* 2 / (1 + a) - 1 steps towards 1 / (1 + a), for a from 0 to 1 in Q0, all in fixed
 * point: three steps of Newton and Raphson in Q2, the result in Q0. */
MNC_KERNEL int32_t mnc_reciprocal_of_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((uint32_t)a + 2147483647u + 1u) >> 1);
    int32_t x = 1515870810 + mnc_high_multiply(half, -1010580540);
    int i;

    for (i = 0; i < 3; ++i)
        x += mnc_high_multiply(x, 536870912 - mnc_high_multiply(half, x)) * 4;
    return x >= 1073741824 ? 2147483647 : x * 2;
}
#endif

#ifndef MNC_SOFTMAX_S8_D975B326
#define MNC_SOFTMAX_S8_D975B326
/* Softmax along each of `vectors` times `stride` vectors: their `count` elements
 * lie `stride` apart.  powers[d] is exp(-d * scale) in Q0; differences from the
 * largest element of `powers_count` and more count as 0.  Works in place. */
MNC_KERNEL void mnc_softmax_s8(const int8_t *in, int8_t *out, int vectors, int count, int stride,
                               const int32_t *powers, int powers_count)
{
    int v, i;

    for (v = 0; v < vectors * stride; ++v) {
        const int first = v / stride * stride * count + v % stride;
        const int8_t *const x = in + first;
        int8_t *const y = out + first;
        int largest = x[0], leading = 0;
        int32_t sum = 0, inverse;

        for (i = 1; i < count; ++i)
            largest = x[i * stride] > largest ? x[i * stride] : largest;
        for (i = 0; i < count; ++i) {
            if (largest - x[i * stride] < powers_count)
                sum += mnc_divide_by_power(MNC_READ_S32(powers[largest - x[i * stride]]), 12);
        }
        while (((uint32_t)sum << leading & 0x80000000u) == 0)
            ++leading;
        inverse = mnc_reciprocal_of_one_plus((int32_t)(((uint32_t)sum << leading) & 0x7FFFFFFFu));
        for (i = 0; i < count; ++i) {
            const int below = largest - x[i * stride];
            int32_t share = -128;

            if (below < powers_count) {
                share = mnc_high_multiply(inverse, MNC_READ_S32(powers[below]));
                share = mnc_divide_by_power(share, 35 - leading) - 128;
                share = share > 127 ? 127 : share;
            }
            y[i * stride] = (int8_t)share;
        }
    }
}
#endif

/* ---- layers ---- */

/* conv2d_0: 96x96x1 -> 32x32x3, 27,648 MACs */
static const int8_t pico_keras3_00_conv2d_weights[27] MNC_FLASH = {
    69, 66, 40, -28, 112, 127, 127, 0, 51, 60, 6, 127, 5, 63, 84, 38, 57, 23, -79, 50, -2, 65, 22,
    96, 47, 110, 75
};

static const int32_t pico_keras3_00_conv2d_bias[3] MNC_FLASH = {
    43137, 69843, 67583
};

static const int32_t pico_keras3_00_conv2d_multiplier[3] MNC_FLASH = {
    1644018446, 2031389957, 2090557314
};

static const int8_t pico_keras3_00_conv2d_shift[3] MNC_FLASH = {
    -8, -9, -9
};

MNC_LAYER void pico_keras3_00_conv2d(const int8_t *in, int8_t *out)
{
    const int8_t *rows[3];
    int y;

    for (y = 0; y < 32; ++y) {
        mnc_rows_s8(rows, in, y * 3 /* first */, 1 /* step */, 3 /* count */, 96 /* height */,
            96 /* row_size */);
        mnc_conv2d_s8(rows, out + y * 96, pico_keras3_00_conv2d_weights, pico_keras3_00_conv2d_bias,
            pico_keras3_00_conv2d_multiplier, pico_keras3_00_conv2d_shift, 1 /* per_channel */,
            0 /* general */, 1 /* groups */, 1 /* in_channels */, 3 /* out_channels */,
            3 /* kernel_height */, 3 /* stride */, 1 /* dilation */, 0 /* padding */, 0 /* begin */,
            32 /* end */, 1 /* in_pixel */, 3 /* out_pixel */, 1 /* runs */, 3 /* run */,
            2 /* block_pixels */, 3 /* block_channels */, 3 /* unroll */, -128 /* in_zero */,
            -128 /* zero */, -128 /* low */, 127 /* high */);
    }
}

/* hidden_1__relu_1: 32x32x3 -> 16x16x3, 6,912 MACs */
static const int8_t pico_keras3_01_depthwise_conv2d_weights[27] MNC_FLASH = {
    -9, 9, 15, -5, 127, 16, 28, 59, 78, 21, 43, -7, -33, 25, -3, 76, 6, 127, 92, 2, 127, -6, -9,
    119, 54, -15, -90
};

static const int32_t pico_keras3_01_depthwise_conv2d_bias[3] MNC_FLASH = {
    40693, 32670, 35023
};

static const int32_t pico_keras3_01_depthwise_conv2d_multiplier[3] MNC_FLASH = {
    1163182889, 1904844695, 1992218971
};

static const int8_t pico_keras3_01_depthwise_conv2d_shift[3] MNC_FLASH = {
    -8, -8, -8
};

MNC_LAYER void pico_keras3_01_depthwise_conv2d(const int8_t *in, int8_t *out)
{
    const int8_t *rows[3];
    int y;

    /* Rows go from last to first, as `out` begins 2,352 bytes above `in`: upwards, a row of output
     * would overwrite rows of `in` that are still to be read. */
    for (y = 15; y >= 0; --y) {
        mnc_rows_s8(rows, in, y * 2 - 1 /* first */, 1 /* step */, 3 /* count */, 32 /* height */,
            96 /* row_size */);
        mnc_depthwise3x3_s8(rows, out + y * 48, pico_keras3_01_depthwise_conv2d_weights,
            pico_keras3_01_depthwise_conv2d_bias, pico_keras3_01_depthwise_conv2d_multiplier,
            pico_keras3_01_depthwise_conv2d_shift, 1 /* per_channel */, 0 /* general */,
            3 /* channels */, 2 /* stride */, 1 /* padding */, 32 /* in_width */,
            16 /* out_width */, 1 /* begin */, 16 /* end */, 3 /* in_pixel */, 3 /* out_pixel */,
            5 /* block_pixels */, 0 /* whole_row */, -128 /* in_zero */, -128 /* zero */,
            -128 /* low */, 127 /* high */);
    }
}

/* hidden_1__relu_2_alive: 16x16x3 -> 16x16x5, 3,840 MACs */
static const int8_t pico_keras3_02_conv2d_weights[18] MNC_FLASH = {
    46, 81, 127, 11, 115, -127, -127, -120, 106, -127, -120, 106, -40, -39, 127, 34, 78, 127
};

static const int32_t pico_keras3_02_conv2d_bias[6] MNC_FLASH = {
    32523, -140, -18046, -18046, 6173, 30567
};

static const int32_t pico_keras3_02_conv2d_multiplier[6] MNC_FLASH = {
    1220843420, 1832819654, 1309611014, 1309611014, 1272863781, 1297302707
};

static const int8_t pico_keras3_02_conv2d_shift[6] MNC_FLASH = {
    -7, -6, -5, -5, -6, -7
};

MNC_LAYER void pico_keras3_02_conv2d(const int8_t *in, int8_t *out)
{
    int y;

    for (y = 0; y < 16; ++y) {
        mnc_pointwise_s8(in + y * 48, out + y * 80, pico_keras3_02_conv2d_weights,
            pico_keras3_02_conv2d_bias, pico_keras3_02_conv2d_multiplier,
            pico_keras3_02_conv2d_shift, 1 /* per_channel */, 0 /* general */, 3 /* in_channels */,
            5 /* out_channels */, 16 /* pixels */, 3 /* in_pixel */, 5 /* out_pixel */,
            2 /* block_pixels */, 3 /* block_channels */, 3 /* unroll */, -128 /* zero */,
            -128 /* low */, 127 /* high */);
    }
}

/* hidden_2__relu_1_alive: 16x16x5 -> 8x8x5, 2,880 MACs */
static const int8_t pico_keras3_03_depthwise_conv2d_weights[45] MNC_FLASH = {
    10, 89, -10, -5, 127, -84, 75, -19, 16, -14, -64, -8, -33, -127, 94, 39, 37, 107, 9, 40, 47, 38,
    126, -92, 64, 4, 42, 114, -40, 23, -86, 23, -57, 72, -19, 127, 114, 72, 127, 17, -57, 92, -110,
    -35, -71
};

static const int32_t pico_keras3_03_depthwise_conv2d_bias[5] MNC_FLASH = {
    25436, 3974, 35584, 20100, 19112
};

static const int32_t pico_keras3_03_depthwise_conv2d_multiplier[5] MNC_FLASH = {
    1256674549, 1139041662, 1089453874, 1289381754, 1472494484
};

static const int8_t pico_keras3_03_depthwise_conv2d_shift[5] MNC_FLASH = {
    -7, -6, -6, -7, -7
};

MNC_LAYER void pico_keras3_03_depthwise_conv2d(const int8_t *in, int8_t *out)
{
    const int8_t *rows[3];
    int y;

    /* Rows go from last to first, as `out` begins 1,000 bytes above `in`: upwards, a row of output
     * would overwrite rows of `in` that are still to be read. */
    for (y = 7; y >= 0; --y) {
        mnc_rows_s8(rows, in, y * 2 - 1 /* first */, 1 /* step */, 3 /* count */, 16 /* height */,
            80 /* row_size */);
        mnc_depthwise3x3_s8(rows, out + y * 40, pico_keras3_03_depthwise_conv2d_weights,
            pico_keras3_03_depthwise_conv2d_bias, pico_keras3_03_depthwise_conv2d_multiplier,
            pico_keras3_03_depthwise_conv2d_shift, 1 /* per_channel */, 0 /* general */,
            5 /* channels */, 2 /* stride */, 1 /* padding */, 16 /* in_width */, 8 /* out_width */,
            1 /* begin */, 8 /* end */, 5 /* in_pixel */, 5 /* out_pixel */, 4 /* block_pixels */,
            0 /* whole_row */, -128 /* in_zero */, -128 /* zero */, -128 /* low */, 127 /* high */);
    }
}

/* hidden_2__relu_2: 8x8x5 -> 8x8x12, 3,840 MACs */
static const int8_t pico_keras3_04_conv2d_weights[96] MNC_FLASH = {
    -55, 127, 49, -100, -111, -40, 11, 56, 46, 8, -1, -88, 0, 0, 0, 93, 0, 0, 0, 127, 0, 0, 0, 127,
    127, 61, -42, 33, 127, 26, -11, 70, 85, -127, -29, -10, 0, 0, 0, -115, 0, 0, 0, 33, 0, 0, 0, 40,
    127, 58, 19, -7, 127, 20, 8, -7, 89, -61, 41, 127, 0, 0, 0, -79, 0, 0, 0, -83, 0, 0, 0, 19, -9,
    -34, 70, -12, 127, -58, -4, -49, 111, 80, 74, 82, 0, 0, 0, 127, 0, 0, 0, -101, 0, 0, 0, 127
};

static const int32_t pico_keras3_04_conv2d_bias[12] MNC_FLASH = {
    14584, 5515, 11795, 8200, 31336, -5203, 15080, 8322, 27500, 18165, -10901, 60707
};

static const int32_t pico_keras3_04_conv2d_multiplier[12] MNC_FLASH = {
    1711259392, 1852964736, 1797799808, 1472105088, 1734226432, 2112078208, 2071286400, 1887440384,
    1686140800, 1445876480, 1091078528, 1324524800
};

static const int8_t pico_keras3_04_conv2d_shift[12] MNC_FLASH = {
    -7, -7, -7, -7, -7, -7, -7, -7, -7, -6, -6, -7
};

MNC_LAYER void pico_keras3_04_conv2d(const int8_t *in, int8_t *out)
{
    int y;

    for (y = 0; y < 8; ++y) {
        mnc_pointwise_s8(in + y * 40, out + y * 96, pico_keras3_04_conv2d_weights,
            pico_keras3_04_conv2d_bias, pico_keras3_04_conv2d_multiplier,
            pico_keras3_04_conv2d_shift, 1 /* per_channel */, 0 /* general */, 5 /* in_channels */,
            12 /* out_channels */, 8 /* pixels */, 5 /* in_pixel */, 12 /* out_pixel */,
            2 /* block_pixels */, 3 /* block_channels */, 1 /* unroll */, -128 /* zero */,
            -128 /* low */, 127 /* high */);
    }
}

/* hidden_3__relu_1: 8x8x12 -> 4x4x12, 1,728 MACs */
static const int8_t pico_keras3_05_depthwise_conv2d_weights[108] MNC_FLASH = {
    36, 64, 127, 117, -7, 74, 105, 78, -9, 127, 72, -11, -77, -25, -104, 121, -102, 85, 127, 17, 62,
    30, -52, -71, -27, -42, 71, 82, 94, 76, 49, -75, 68, -14, -15, -127, 70, 90, -34, -54, -127, 64,
    -108, 47, 27, 46, 127, -6, 75, -60, -52, 49, 42, -45, -47, -127, 19, -35, 35, 96, 22, 40, 3, 29,
    41, 127, -8, 80, 39, 4, -52, -71, 104, -36, 114, -64, 43, -47, 49, -127, 48, 47, 13, -33, 54,
    113, -25, 122, -105, -127, 126, 127, 25, 123, 79, 88, 89, 113, 5, -127, -52, -16, 89, 54, 56,
    -3, 76, 93
};

static const int32_t pico_keras3_05_depthwise_conv2d_bias[12] MNC_FLASH = {
    74896, 11009, 14704, 17638, -3216, 22496, 718, 24205, 10777, 7506, 99203, 21794
};

static const int32_t pico_keras3_05_depthwise_conv2d_multiplier[12] MNC_FLASH = {
    1446158976, 1374305536, 1398589184, 1541750016, 1775139968, 1543554304, 1312136320, 1780660352,
    1429705472, 1211063040, 1861937920, 1248731264
};

static const int8_t pico_keras3_05_depthwise_conv2d_shift[12] MNC_FLASH = {
    -7, -7, -7, -7, -7, -7, -6, -7, -7, -7, -8, -7
};

MNC_LAYER void pico_keras3_05_depthwise_conv2d(const int8_t *in, int8_t *out)
{
    const int8_t *rows[3];
    int y;

    /* Rows go from last to first, as `out` begins 624 bytes above `in`: upwards, a row of output
     * would overwrite rows of `in` that are still to be read. */
    for (y = 3; y >= 0; --y) {
        mnc_rows_s8(rows, in, y * 2 - 1 /* first */, 1 /* step */, 3 /* count */, 8 /* height */,
            96 /* row_size */);
        mnc_depthwise3x3_s8(rows, out + y * 48, pico_keras3_05_depthwise_conv2d_weights,
            pico_keras3_05_depthwise_conv2d_bias, pico_keras3_05_depthwise_conv2d_multiplier,
            pico_keras3_05_depthwise_conv2d_shift, 1 /* per_channel */, 0 /* general */,
            12 /* channels */, 2 /* stride */, 1 /* padding */, 8 /* in_width */, 4 /* out_width */,
            0 /* begin */, 4 /* end */, 12 /* in_pixel */, 12 /* out_pixel */, 4 /* block_pixels */,
            1 /* whole_row */, -128 /* in_zero */, -128 /* zero */, -128 /* low */, 127 /* high */);
    }
}

/* hidden_3__relu_2: 4x4x12 -> 4x4x24, 4,608 MACs */
static const int8_t pico_keras3_06_conv2d_weights[288] MNC_FLASH = {
    -32, 98, 73, 57, -73, -127, 51, 12, -21, -35, 4, 28, -48, -40, -51, -127, -49, 55, 83, 72, 45,
    48, -15, -48, -42, -108, -31, 13, 85, -30, -86, -45, 6, 40, -127, -63, -114, 22, -127, 16, -18,
    35, 37, -49, -127, 26, -57, 10, 5, 25, -19, 14, 38, -48, -54, -18, 37, -28, -35, 27, -106, -68,
    5, 21, -58, -101, -127, 10, -23, 57, -7, 0, -3, 5, -39, -94, 71, -89, -34, -107, -93, 33, -82,
    74, -127, -45, -115, 116, -93, -82, 20, -15, -127, 40, -11, 118, 49, 17, -18, 8, 58, -92, 14,
    -127, 30, 9, -124, -11, -127, -87, 31, -38, -27, 70, 48, -66, -4, 39, 31, -8, -33, 13, 92, 37,
    -14, -82, 8, -66, 57, 32, -31, -49, 60, 35, -4, -78, 81, 72, -127, -23, -127, -39, -55, -27,
    -75, -56, 33, -63, -37, 75, 77, -124, -127, 90, -88, 51, 68, 59, -19, -26, -94, -49, 55, 1, 35,
    -17, -1, -1, 26, 85, -127, -91, 26, 97, -127, -71, -61, 44, -53, -9, -127, -46, -91, 77, -43,
    77, -81, -40, -40, 45, -127, -55, -9, 38, -24, -86, -5, -30, -39, -127, 45, -59, 8, -65, -67,
    -33, 76, -59, 4, 58, 25, -15, -52, -34, -11, 18, 41, -44, -44, 71, -127, -47, 56, 23, -49, 104,
    40, -73, 3, 4, -25, -3, -39, 11, -127, 73, -127, 32, 41, 22, 50, 4, -127, -119, 19, 19, 35,
    -122, 18, 6, -78, 11, -23, 17, 55, 15, -16, -96, -47, 49, 15, -6, 20, -20, -127, -1, 24, 29, 12,
    32, -127, 43, -1, 4, -16, -35, -61, -26, 6, -30, 17, -32, -44, -7, -32, 41, -127, -27
};

static const int32_t pico_keras3_06_conv2d_bias[24] MNC_FLASH = {
    -30510, -6730, -17681, -41572, -45232, -15394, -31444, -60902, -18316, -12664, -16144, -23290,
    -23841, -21903, -17498, -44919, -27634, -41778, -24128, -28811, -6752, -15626, -27746, -23564
};

static const int32_t pico_keras3_06_conv2d_multiplier[24] MNC_FLASH = {
    1161001146, 1251516099, 1332631265, 1297154910, 1248218309, 1083808500, 1501752509, 1714151866,
    1924647718, 1443650673, 1591369554, 1142003878, 1446107984, 1328282176, 1279949641, 1774023457,
    1187248510, 1440621408, 1222681398, 1077043613, 1439788560, 2026950427, 2076543030, 1484287557
};

static const int8_t pico_keras3_06_conv2d_shift[24] MNC_FLASH = {
    -6, -6, -5, -5, -5, -5, -6, -6, -7, -6, -6, -5, -6, -6, -6, -6, -5, -5, -6, -5, -6, -6, -6, -5
};

MNC_LAYER void pico_keras3_06_conv2d(const int8_t *in, int8_t *out)
{
    int y;

    for (y = 0; y < 4; ++y) {
        mnc_pointwise_s8(in + y * 48, out + y * 96, pico_keras3_06_conv2d_weights,
            pico_keras3_06_conv2d_bias, pico_keras3_06_conv2d_multiplier,
            pico_keras3_06_conv2d_shift, 1 /* per_channel */, 0 /* general */, 12 /* in_channels */,
            24 /* out_channels */, 4 /* pixels */, 12 /* in_pixel */, 24 /* out_pixel */,
            2 /* block_pixels */, 3 /* block_channels */, 3 /* unroll */, -128 /* zero */,
            -128 /* low */, 127 /* high */);
    }
}

/* maxpool_last: 4x4x24 -> 1x1x24 */
MNC_LAYER void pico_keras3_07_max_pooling2d(const int8_t *in, int8_t *out)
{
    const int8_t *rows[4];

    mnc_rows_s8(rows, in, 0 /* first */, 1 /* step */, 4 /* count */, 4 /* height */,
        96 /* row_size */);
    mnc_max_pooling2d_s8(rows, out, 24 /* channels */, 4 /* pool_height */, 4 /* pool_width */,
        4 /* stride */, 0 /* padding */, 4 /* in_width */, 1 /* out_width */, 24 /* in_pixel */,
        24 /* out_pixel */);
}

/* conv2d_last: 1x1x24 -> 1x1x10, 240 MACs */
static const int8_t pico_keras3_08_conv2d_weights[240] MNC_FLASH = {
    -8, 1, -80, 5, -39, -21, -16, 78, 45, -25, -63, 28, -76, -81, -27, -16, 55, -28, 28, -27, -56,
    19, 2, 65, 10, 61, -31, 59, 126, -54, 28, 13, -127, 51, 28, -4, 4, 2, -11, -9, -32, -20, -14,
    -127, 38, 14, -20, -36, -55, -39, 2, 70, -59, -97, -111, 24, 14, 0, 6, 6, -38, 34, 44, -31, -67,
    -117, 39, 57, -75, -40, -2, -127, -77, -122, 30, -41, 29, -5, -25, -8, 19, 6, -70, -99, -47,
    -62, 22, 28, -93, 35, 62, -18, 44, 79, 28, 88, -19, -127, 9, 35, 35, 25, -23, -99, -127, -36,
    -30, 3, -44, -27, 33, 45, -71, 56, 45, 9, 29, 32, -25, 4, -121, -21, 81, 32, 24, 50, -47, 10,
    -20, -19, 46, 34, 1, 46, 27, -47, 16, 1, -51, -89, 21, -25, -38, 4, 32, -3, -127, -63, -53,
    -101, 62, -122, -113, -36, -56, 24, -52, -33, 65, -51, -66, -2, 38, -70, -5, 66, 23, 12, 30,
    -69, 17, -3, 76, -24, -127, 41, -99, 64, -33, -59, 127, 50, -45, 54, 11, 25, -18, 27, 84, 41,
    -43, -127, -17, -92, -36, 73, -15, -38, 53, 127, -17, 6, -47, 69, 38, -81, -30, -82, -69, 21,
    -10, -24, 72, 17, 55, -77, -19, 54, -92, 84, 67, 2, -48, -49, 20, -6, -19, -29, 10, 39, 28, 36,
    53, 37, -52, -3, 34, -2, -1, -39
};

static const int32_t pico_keras3_08_conv2d_bias[10] MNC_FLASH = {
    -57220, -28268, -18902, -53822, -5259, -1574, -21920, -30030, -19437, -22060
};

static const int32_t pico_keras3_08_conv2d_multiplier[10] MNC_FLASH = {
    1226451384, 1638912892, 1979439664, 1134552548, 1428223605, 2075275980, 1947557334, 1486829520,
    2139786535, 1178795780
};

static const int8_t pico_keras3_08_conv2d_shift[10] MNC_FLASH = {
    -7, -8, -9, -8, -7, -9, -8, -8, -9, -8
};

MNC_LAYER void pico_keras3_08_conv2d(const int8_t *in, int8_t *out)
{
    mnc_pointwise_s8(in, out, pico_keras3_08_conv2d_weights, pico_keras3_08_conv2d_bias,
        pico_keras3_08_conv2d_multiplier, pico_keras3_08_conv2d_shift, 1 /* per_channel */,
        0 /* general */, 24 /* in_channels */, 10 /* out_channels */, 1 /* pixels */,
        24 /* in_pixel */, 10 /* out_pixel */, 1 /* block_pixels */, 5 /* block_channels */,
        3 /* unroll */, 33 /* zero */, -128 /* low */, 127 /* high */);
}

/* softmax: 10 -> 10 */
static const int32_t pico_keras3_09_softmax_powers[256] MNC_FLASH = {
    2147483647, 2021832211, 1903532828, 1792155224, 1687294745, 1588569104, 1495620381, 1408110138,
    1325720372, 1248150946, 1175120436, 1106362962, 1041628644, 980681778, 923301163, 869277888,
    818415609, 770529192, 725444823, 682998320, 643035424, 605410688, 569987576, 536637033,
    505237871, 475675808, 447843620, 421639843, 396969278, 373742303, 351874175, 331285668,
    311901813, 293652177, 276470243, 260293697, 245063652, 230724760, 217224793, 204514760,
    192548396, 181282211, 170675187, 160688819, 151286756, 142434823, 134100803, 126254441,
    118867167, 111912133, 105364028, 99199085, 93394847, 87930223, 82785322, 77941484, 73381050,
    69087452, 65045092, 61239223, 57656055, 54282542, 51106425, 48116128, 45300806, 42650211,
    40154709, 37805211, 35593192, 33510598, 31549862, 29703844, 27965844, 26329535, 24788969,
    23338538, 21972979, 20687318, 19476883, 18337268, 17264338, 16254185, 15303137, 14407732,
    13564723, 12771038, 12023792, 11320270, 10657907, 10034303, 9447186, 8894423, 8374000, 7884029,
    7422727, 6988416, 6579516, 6194542, 5832093, 5490852, 5169576, 4867099, 4582321, 4314205,
    4061776, 3824117, 3600365, 3389704, 3191368, 3004638, 2828834, 2663316, 2507482, 2360768,
    2222637, 2092588, 1970149, 1854873, 1746343, 1644162, 1547961, 1457388, 1372115, 1291831,
    1216245, 1145081, 1078081, 1015002, 955613, 899699, 847057, 797495, 750832, 706901, 665539,
    626598, 589935, 555417, 522919, 492323, 463517, 436396, 410862, 386822, 364189, 342880, 322817,
    303929, 286146, 269403, 253640, 238799, 224827, 211672, 199287, 187626, 176648, 166312, 156581,
    147420, 138794, 130673, 123027, 115829, 109051, 102671, 96663, 91007, 85683, 80669, 75949,
    71505, 67321, 63382, 59674, 56182, 52895, 49800, 46886, 44143, 41560, 39128, 36839, 34683,
    32654, 30743, 28945, 27251, 25656, 24155, 22742, 21411, 20159, 18979, 17869, 16823, 15839,
    14912, 14039, 13218, 12445, 11716, 11031, 10385, 9778, 9206, 8667, 8160, 7682, 7233, 6810, 6411,
    6036, 5683, 5350, 5037, 4743, 4465, 4204, 3958, 3726, 3508, 3303, 3110, 2928, 2757, 2595, 2443,
    2300, 2166, 2039, 1920, 1807, 1702, 1602, 1508, 1420, 1337, 1259, 1185, 1116, 1051, 989, 931,
    877, 825, 777, 732, 689, 649, 611, 575, 541, 510, 480, 452
};

MNC_LAYER void pico_keras3_09_softmax(const int8_t *in, int8_t *out)
{
    mnc_softmax_s8(in, out, 1 /* vectors */, 10 /* count */, 1 /* stride */,
        pico_keras3_09_softmax_powers, 256 /* powers_count */);
}

void pico_keras3_quantize_input(const float *real, int8_t *stored)
{
    mnc_quantize_s8(real, stored, PICO_KERAS3_INPUT_SIZE, PICO_KERAS3_INPUT_SCALE,
                    PICO_KERAS3_INPUT_ZERO_POINT);
}

void pico_keras3_dequantize_output(const int8_t *stored, float *real)
{
    mnc_dequantize_s8(stored, real, PICO_KERAS3_OUTPUT_SIZE, PICO_KERAS3_OUTPUT_SCALE,
                      PICO_KERAS3_OUTPUT_ZERO_POINT);
}

/* ---- network ---- */

/* The compiler's plan and the struct agree. */
typedef char pico_keras3_ram_is_as_planned[sizeof(pico_keras3_t) == PICO_KERAS3_RAM_SIZE ? 1 : -1];

void pico_keras3_init(pico_keras3_t *net)
{
    (void)net; /* nothing outlives a run */
}

void pico_keras3_run(pico_keras3_t *net, const int8_t *input, int8_t *output)
{
    /* The arena, in bytes, and the layers from the first that writes to the last that reads:
     *    offset      bytes  layers
     *         0       3072  00-01   conv2d_0
     *      2352        768  01-02   hidden_1__relu_1
     *         0       1280  02-03   hidden_1__relu_2_alive
     *      1000        320  03-04   hidden_2__relu_1_alive
     *         0        768  04-05   hidden_2__relu_2
     *       624        192  05-06   hidden_3__relu_1
     *         0        384  06-07   hidden_3__relu_2
     *       384         24  07-08   maxpool_last
     *         0         10  08-09   conv2d_last
     */
    int8_t *const arena = net->arena; /* offsets below are in bytes */

    pico_keras3_00_conv2d(input, arena);
    pico_keras3_01_depthwise_conv2d(arena, arena + 2352);
    pico_keras3_02_conv2d(arena + 2352, arena);
    pico_keras3_03_depthwise_conv2d(arena, arena + 1000);
    pico_keras3_04_conv2d(arena + 1000, arena);
    pico_keras3_05_depthwise_conv2d(arena, arena + 624);
    pico_keras3_06_conv2d(arena + 624, arena);
    pico_keras3_07_max_pooling2d(arena, arena + 384);
    pico_keras3_08_conv2d(arena + 384, arena);
    pico_keras3_09_softmax(arena, output);
}
