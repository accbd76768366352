/* out = a + sign * b, or where `reverse` b + sign * a, each operand first shifted left
 * by 20 bits and brought to a common scale; unless `general`, all three rescalings are
 * plain.  An operand that is broadcast along an axis has the stride 0 there.  b may be a
 * constant in flash. */
MNC_KERNEL void mnc_add_s8(const int8_t *a, const int8_t *b, int8_t *out, int b_in_flash, int sign, int reverse,
                           int rows, int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row,
                           int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel, int a_zero,
                           int32_t a_multiplier, int a_shift, int b_zero, int32_t b_multiplier, int b_shift,
                           int32_t multiplier, int shift, int general, int zero, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int8_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int8_t second = (int8_t)((b_in_flash != 0) ? MNC_READ_S8(*at) : *at);
                int32_t l = ((int32_t)a[(y * a_row) + (p * a_pixel) + (c * a_channel)] - a_zero) * 1048576;
                int32_t r = ((int32_t)second - b_zero) * 1048576;

                l = (general != 0) ? mnc_rescale(l, a_multiplier, a_shift)
                    : mnc_rescale_plain(l, a_multiplier, a_shift);
                r = (general != 0) ? mnc_rescale(r, b_multiplier, b_shift)
                    : mnc_rescale_plain(r, b_multiplier, b_shift);
                l = (reverse != 0) ? (r + (sign * l)) : (l + (sign * r));
                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_requantise_s8(l, multiplier, shift, general, zero, low, high);
            }
        }
    }
}

MNC_KERNEL void mnc_multiply_s8(const int8_t *a, const int8_t *b, int8_t *out, int b_in_flash, int rows, int pixels,
                                int channels, int a_row, int a_pixel, int a_channel, int b_row, int b_pixel,
                                int b_channel, int out_row, int out_pixel, int out_channel, int a_zero, int b_zero,
                                int32_t multiplier, int shift, int zero, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int8_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int8_t second = (int8_t)((b_in_flash != 0) ? MNC_READ_S8(*at) : *at);
                const int32_t l = (int32_t)a[(y * a_row) + (p * a_pixel) + (c * a_channel)] - a_zero;
                const int32_t r = (int32_t)second - b_zero;

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_requantise_s8(l * r, multiplier, shift, 1, zero, low, high);
            }
        }
    }
}

/* The larger of a and b, or where `smaller` the other.  An operand that is
 * `scaled` is brought to the output's scale before.  b may be a constant in flash. */
MNC_KERNEL void mnc_extreme_s8(const int8_t *a, const int8_t *b, int8_t *out, int b_in_flash, int smaller, int rows,
                               int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row, int b_pixel,
                               int b_channel, int out_row, int out_pixel, int out_channel, int a_scaled, int a_zero,
                               int32_t a_multiplier, int a_shift, int b_scaled, int b_zero, int32_t b_multiplier,
                               int b_shift, int zero, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int8_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int8_t second = (int8_t)((b_in_flash != 0) ? MNC_READ_S8(*at) : *at);
                int32_t l = a[(y * a_row) + (p * a_pixel) + (c * a_channel)];
                int32_t r = second;

                if (a_scaled != 0) {
                    l = mnc_requantise_s8(l - a_zero, a_multiplier, a_shift, 1, zero, -128, 127);
                }
                if (b_scaled != 0) {
                    r = mnc_requantise_s8(r - b_zero, b_multiplier, b_shift, 1, zero, -128, 127);
                }
                l = ((l < r) == (smaller != 0)) ? l : r;
                l = (l < low) ? low : l;
                l = (l > high) ? high : l;
                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] = (int8_t)l;
            }
        }
    }
}

/* Brings elements to another scale and zero point, and to another place: axes that
 * are walked may have any strides. */
MNC_KERNEL void mnc_rescale_s8(const int8_t *in, int8_t *out, int rows, int pixels, int channels, int in_row,
                               int in_pixel, int in_channel, int out_row, int out_pixel, int out_channel, int in_zero,
                               int32_t multiplier, int shift, int zero, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int32_t x = (int32_t)in[(y * in_row) + (p * in_pixel) + (c * in_channel)] - in_zero;

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_requantise_s8(x, multiplier, shift, 1, zero, low, high);
            }
        }
    }
}

/* The multiplier is one above 0 and one below; the slope is `alpha` less
 * `alpha_zero`, and has the stride 0 along an axis that shares it. */
MNC_KERNEL void mnc_prelu_s8(const int8_t *in, int8_t *out, const int8_t *alpha, int rows, int pixels, int channels,
                             int row, int pixel, int channel, int alpha_row, int alpha_pixel, int alpha_channel,
                             int in_zero, int alpha_zero, int32_t multiplier, int shift, int32_t below_multiplier,
                             int below_shift, int zero)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int at = (y * row) + (p * pixel) + (c * channel);
                const int32_t x = (int32_t)in[at] - in_zero;
                const int32_t slope =
                    (int32_t)MNC_READ_S8(alpha[(y * alpha_row) + (p * alpha_pixel) + (c * alpha_channel)]) - alpha_zero;

                if (x >= 0) {
                    out[at] = mnc_requantise_s8(x, multiplier, shift, 1, zero, -128, 127);
                } else {
                    out[at] = mnc_requantise_s8(x * slope, below_multiplier, below_shift, 1, zero, -128, 127);
                }
            }
        }
    }
}

/* Any function of one int8, tabulated from -128 on. */
MNC_KERNEL void mnc_lookup_s8(const int8_t *in, int8_t *out, int count, const int8_t *table)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_READ_S8(table[in[i] + 128]);
    }
}

/* round(in / scale) + zero, halves away from zero. */
MNC_KERNEL void mnc_quantize_s8(const float *in, int8_t *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        float x = in[i] / scale;
        float rest;
        int32_t n;

        x = (x > -512.0f) ? x : -512.0f; /* NaN, too */
        x = (x < 512.0f) ? x : 512.0f;
        n = (int32_t)x;
        rest = x - (float)n;
        n += (rest >= 0.5f) ? 1 : (rest <= -0.5f) ? -1 : 0;
        n += zero;
        out[i] = (int8_t)((n < -128) ? -128 : (n > 127) ? 127 : n);
    }
}

/* round((in - offset) / scale) + zero, halves away from zero.  Each feature has a
 * scale and an offset of its own, and `inner` elements one behind the other. */
MNC_KERNEL void mnc_quantize_features_s8(const float *in, int8_t *out, int count, const float *scale,
                                         const float *offset, int features, int inner, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int f = i / inner % features;
        const float x = in[i] - MNC_READ(offset[f]);

        mnc_quantize_s8(&x, out + i, 1, MNC_READ(scale[f]), zero);
    }
}

MNC_KERNEL void mnc_dequantize_s8(const int8_t *in, float *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = scale * (float)(in[i] - zero);
    }
}

/* The square of the difference of a and b, each first shifted left by 7 bits and brought
 * to a common scale.  b may be a constant in flash. */
MNC_KERNEL void mnc_squared_difference_s8(const int8_t *a, const int8_t *b, int8_t *out, int b_in_flash, int rows,
                                          int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row,
                                          int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel,
                                          int a_zero, int32_t a_multiplier, int a_shift, int b_zero,
                                          int32_t b_multiplier, int b_shift, int32_t multiplier, int shift, int zero,
                                          int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int8_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int8_t second = (int8_t)((b_in_flash != 0) ? MNC_READ_S8(*at) : *at);
                const int32_t l = ((int32_t)a[(y * a_row) + (p * a_pixel) + (c * a_channel)] - a_zero) * 128;
                const int32_t r = ((int32_t)second - b_zero) * 128;
                const int32_t x = mnc_rescale(l, a_multiplier, a_shift) - mnc_rescale(r, b_multiplier, b_shift);

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_requantise_s8(x * x, multiplier, shift, 1, zero, low, high);
            }
        }
    }
}
