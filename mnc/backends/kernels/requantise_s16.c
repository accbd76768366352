/* A number of int32 on its way to int16, rounded in two steps. */
MNC_KERNEL int16_t mnc_narrow_s16(int32_t x, int32_t multiplier, int shift, int low, int high)
{
    int32_t y = x;

    y = mnc_rescale(y, multiplier, shift);
    y = (y < low) ? low : y;
    y = (y > high) ? high : y;
    return (int16_t)y;
}

/* Brings elements to another scale, and to another place: axes that are walked may
 * have any strides. */
MNC_KERNEL void mnc_rescale_s16(const int16_t *in, int16_t *out, int rows, int pixels, int channels, int in_row,
                                int in_pixel, int in_channel, int out_row, int out_pixel, int out_channel,
                                int32_t multiplier, int shift, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_narrow_s16(in[(y * in_row) + (p * in_pixel) + (c * in_channel)], multiplier, shift, low, high);
            }
        }
    }
}

/* From int8 to int16. */
MNC_KERNEL void mnc_widen_s16(const int8_t *in, int16_t *out, int count, int in_zero, int32_t multiplier, int shift)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_narrow_s16((int32_t)in[i] - in_zero, multiplier, shift, -32768, 32767);
    }
}

/* From int16 to int8. */
MNC_KERNEL void mnc_narrow_s8(const int16_t *in, int8_t *out, int count, int32_t multiplier, int shift, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_requantise_s8(in[i], multiplier, shift, 1, zero, -128, 127);
    }
}

/* round(in / scale), halves away from zero. */
MNC_KERNEL void mnc_quantize_s16(const float *in, int16_t *out, int count, float scale)
{
    int i;

    for (i = 0; i < count; ++i) {
        float x = in[i] / scale;
        float rest;
        int32_t n;

        x = (x > -32768.0f) ? x : -32768.0f; /* NaN, too */
        x = (x < 32767.0f) ? x : 32767.0f;
        n = (int32_t)x;
        rest = x - (float)n;
        n += (rest >= 0.5f) ? 1 : (rest <= -0.5f) ? -1 : 0;
        out[i] = (int16_t)n;
    }
}

/* round((in - offset) / scale), halves away from zero.  Each feature has a scale and
 * an offset of its own, and `inner` elements one behind the other. */
MNC_KERNEL void mnc_quantize_features_s16(const float *in, int16_t *out, int count, const float *scale,
                                          const float *offset, int features, int inner)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int f = i / inner % features;
        const float x = in[i] - MNC_READ(offset[f]);

        mnc_quantize_s16(&x, out + i, 1, MNC_READ(scale[f]));
    }
}

MNC_KERNEL void mnc_dequantize_s16(const int16_t *in, float *out, int count, float scale)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = scale * (float)in[i];
    }
}

/* x * multiplier / 2^shift on its way to int16, rounded once, halves upwards.  x is
 * high * 2^32 + low and has 48 bits, the multiplier 15; shift lies between 8 and 46. */
MNC_KERNEL int16_t mnc_requantise_wide_s16(int32_t high, uint32_t low, int32_t multiplier, int shift, int least,
                                           int most)
{
    uint32_t lower = low;
    int32_t upper = high;
    const uint32_t factor = (uint32_t)multiplier;
    const uint32_t bottom = (lower & 0xFFFFu) * factor;
    const uint32_t middle = ((lower >> 16) * factor) + (bottom >> 16);
    int32_t y;

    lower = (middle << 16) | (bottom & 0xFFFFu);
    upper = (upper * multiplier) + (int32_t)(middle >> 16);
    if (shift > 32) {
        y = MNC_SHIFT_RIGHT(upper + ((int32_t)1 << (shift - 33)), shift - 32);
    } else {
        const uint32_t half = (uint32_t)1 << (shift - 1);
        int32_t beyond;

        lower += half;
        upper += (lower < half) ? 1 : 0;
        beyond = MNC_SHIFT_RIGHT(upper, shift - 1);
        if (shift == 32) {
            y = upper;
        } else if ((beyond != 0) && (beyond != -1)) {
            y = (upper < 0) ? least : most; /* far beyond int16 */
        } else {
            y = (int32_t)(((uint32_t)upper << (32 - shift)) | (lower >> shift));
        }
    }
    y = (y < least) ? least : y;
    y = (y > most) ? most : y;
    return (int16_t)y;
}

/* round(a * b / 2^32), halves upwards. */
MNC_KERNEL int32_t mnc_top_product(int32_t a, int32_t b)
{
#ifndef MNC_NO_INT64
    return (int32_t)MNC_SHIFT_RIGHT(((int64_t)a * b) + ((int64_t)1 << 31), 32);
#else
    const int32_t a0 = (int32_t)((uint32_t)a & 0xFFFFu);
    const int32_t a1 = MNC_SHIFT_RIGHT(a, 16);
    const int32_t b0 = (int32_t)((uint32_t)b & 0xFFFFu);
    const int32_t b1 = MNC_SHIFT_RIGHT(b, 16);
    const uint32_t bottom = (uint32_t)a0 * (uint32_t)b0;
    const int32_t first = (a1 * b0) + (int32_t)(bottom >> 16);
    const int32_t second = (a0 * b1) + (int32_t)((uint32_t)first & 0xFFFFu);

    return (a1 * b1) + MNC_SHIFT_RIGHT(first, 16) + MNC_SHIFT_RIGHT(second, 16) +
           (int32_t)(((uint32_t)second >> 15) & 1u);
#endif
}

/* A sum of int32 on its way to int16.  `rounding` is MNC_ONCE, where the multiplier
 * includes the shift; MNC_ONCE_SHIFTED, as in mnc_requantise_wide_s16; or MNC_TWICE,
 * as in mnc_rescale. */
MNC_KERNEL int16_t mnc_requantise_s16(int32_t sum, int32_t multiplier, int shift, int rounding, int low, int high)
{
    int32_t y;

    if (rounding == MNC_TWICE) {
        y = mnc_narrow_s16(sum, multiplier, shift, low, high);
    } else if (rounding == MNC_ONCE_SHIFTED) {
        y = mnc_requantise_wide_s16(MNC_SHIFT_RIGHT(sum, 31), (uint32_t)sum, multiplier, shift, low, high);
    } else {
        y = mnc_top_product(sum, multiplier);
        y = (y < low) ? low : y;
        y = (y > high) ? high : y;
    }
    return (int16_t)y;
}

/* How a sum of int16 products is rounded. */
#define MNC_ONCE 0
#define MNC_ONCE_SHIFTED 1
#define MNC_TWICE 2
