/* out = a + sign * b, or where `reverse` b + sign * a, each operand first shifted left
 * by 15 bits and brought to a common scale.  An operand that is broadcast along an axis
 * has the stride 0 there.  b may be a constant in flash. */
MNC_KERNEL void mnc_add_s16(const int16_t *a, const int16_t *b, int16_t *out, int b_in_flash, int sign, int reverse,
                            int rows, int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row,
                            int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel,
                            int32_t a_multiplier, int a_shift, int32_t b_multiplier, int b_shift, int32_t multiplier,
                            int shift, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int16_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int16_t second = (int16_t)((b_in_flash != 0) ? MNC_READ_S16(*at) : *at);
                const int32_t l = (int32_t)a[(y * a_row) + (p * a_pixel) + (c * a_channel)] * 32768;
                const int32_t r = (int32_t)second * 32768;
                const int32_t scaled_l = mnc_rescale(l, a_multiplier, a_shift);
                const int32_t scaled_r = mnc_rescale(r, b_multiplier, b_shift);
                const int32_t sum = (reverse != 0) ? (scaled_r + (sign * scaled_l)) : (scaled_l + (sign * scaled_r));

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_narrow_s16(sum, multiplier, shift, low, high);
            }
        }
    }
}

MNC_KERNEL void mnc_multiply_s16(const int16_t *a, const int16_t *b, int16_t *out, int b_in_flash, int rows, int pixels,
                                 int channels, int a_row, int a_pixel, int a_channel, int b_row, int b_pixel,
                                 int b_channel, int out_row, int out_pixel, int out_channel, int32_t multiplier,
                                 int shift, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int16_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int16_t second = (int16_t)((b_in_flash != 0) ? MNC_READ_S16(*at) : *at);
                const int32_t l = a[(y * a_row) + (p * a_pixel) + (c * a_channel)];
                const int32_t r = second;

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_narrow_s16(l * r, multiplier, shift, low, high);
            }
        }
    }
}

/* The larger of a and b, or where `smaller` the other.  An operand that is
 * `scaled` is brought to the output's scale before.  b may be a constant in flash. */
MNC_KERNEL void mnc_extreme_s16(const int16_t *a, const int16_t *b, int16_t *out, int b_in_flash, int smaller, int rows,
                                int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row, int b_pixel,
                                int b_channel, int out_row, int out_pixel, int out_channel, int a_scaled,
                                int32_t a_multiplier, int a_shift, int b_scaled, int32_t b_multiplier, int b_shift,
                                int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int16_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int16_t second = (int16_t)((b_in_flash != 0) ? MNC_READ_S16(*at) : *at);
                int32_t l = a[(y * a_row) + (p * a_pixel) + (c * a_channel)];
                int32_t r = second;

                if (a_scaled != 0) {
                    l = mnc_narrow_s16(l, a_multiplier, a_shift, -32768, 32767);
                }
                if (b_scaled != 0) {
                    r = mnc_narrow_s16(r, b_multiplier, b_shift, -32768, 32767);
                }
                l = ((l < r) == (smaller != 0)) ? l : r;
                l = (l < low) ? low : l;
                l = (l > high) ? high : l;
                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] = (int16_t)l;
            }
        }
    }
}

/* The multiplier is one above 0 and one below; the slope is `alpha`, an int8, less
 * `alpha_zero`, and has the stride 0 along an axis that shares it. */
MNC_KERNEL void mnc_prelu_s16(const int16_t *in, int16_t *out, const int8_t *alpha, int rows, int pixels, int channels,
                              int row, int pixel, int channel, int alpha_row, int alpha_pixel, int alpha_channel,
                              int alpha_zero, int32_t multiplier, int shift, int32_t below_multiplier, int below_shift)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int at = (y * row) + (p * pixel) + (c * channel);
                const int32_t x = in[at];
                const int32_t slope =
                    (int32_t)MNC_READ_S8(alpha[(y * alpha_row) + (p * alpha_pixel) + (c * alpha_channel)]) - alpha_zero;

                if (x >= 0) {
                    out[at] = mnc_narrow_s16(x, multiplier, shift, -32768, 32767);
                } else {
                    out[at] = mnc_narrow_s16(x * slope, below_multiplier, below_shift, -32768, 32767);
                }
            }
        }
    }
}

/* One factor above 0, and `sign` times another one below. */
MNC_KERNEL void mnc_slopes_s16(const int16_t *in, int16_t *out, int count, int32_t multiplier, int shift, int sign,
                               int32_t below_multiplier, int below_shift, int low, int high)
{
    int i;

    for (i = 0; i < count; ++i) {
        int32_t x = in[i];

        x = (x >= 0) ? mnc_rescale(x, multiplier, shift) : (sign * mnc_rescale(x, below_multiplier, below_shift));
        x = (x < low) ? low : x;
        x = (x > high) ? high : x;
        out[i] = (int16_t)x;
    }
}

/* x * multiplier / 2^shift, rounded halves upwards. */
MNC_KERNEL int32_t mnc_shifted(int32_t x, int32_t multiplier, int shift)
{
    return MNC_SHIFT_RIGHT((x * multiplier) + ((int32_t)1 << shift >> 1), shift);
}

/* The logistic function in Q15.  multiplier and shift bring x to steps of 1 / (24 * 512);
 * the table has the function less a half in Q16 for 256 steps of 1 / 24. */
MNC_KERNEL void mnc_logistic_s16(const int16_t *in, int16_t *out, int count, int32_t multiplier, int shift,
                                 const int16_t *table)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int32_t x = mnc_shifted(in[i], multiplier, shift);
        const int32_t distance = (x < 0) ? -x : x;
        const int32_t step = distance >> 9;
        int32_t y = (int32_t)32767 << 10;

        if (step < 255) {
            const int32_t base = MNC_READ_S16(table[step]);

            y = ((base + 32768) * 512) + ((distance & 511) * (MNC_READ_S16(table[step + 1]) - base));
        }
        out[i] = (int16_t)(((x >= 0) ? (y + 512) : (33554432 - y + 511)) >> 10);
    }
}

/* The hyperbolic tangent in Q15, which is twice the logistic function of 2 x, less 1:
 * by the same table, with x in steps of 1 / (48 * 256). */
MNC_KERNEL void mnc_tanh_s16(const int16_t *in, int16_t *out, int count, int32_t multiplier, int shift,
                             const int16_t *table)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int32_t x = mnc_shifted(in[i], multiplier, shift);
        const int32_t distance = (x < 0) ? -x : x;
        const int32_t step = distance >> 8;
        int32_t y = (int32_t)32767 << 8;

        if (step < 255) {
            const int32_t base = MNC_READ_S16(table[step]);

            y = (base * 256) + ((distance & 255) * (MNC_READ_S16(table[step + 1]) - base));
        }
        out[i] = (int16_t)(((x >= 0) ? (y + 128) : (-y + 127)) >> 8);
    }
}

/* The square of the difference of a and b, each first brought to a common scale.  b may be a constant in flash. */
MNC_KERNEL void mnc_squared_difference_s16(const int16_t *a, const int16_t *b, int16_t *out, int b_in_flash, int rows,
                                          int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row,
                                          int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel,
                                          int32_t a_multiplier, int a_shift, int32_t b_multiplier,
                                          int b_shift, int32_t multiplier, int shift, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int16_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int16_t second = (int16_t)((b_in_flash != 0) ? MNC_READ_S16(*at) : *at);
                const int32_t l = a[(y * a_row) + (p * a_pixel) + (c * a_channel)];
                const int32_t r = second;
                const int32_t x = mnc_rescale(l, a_multiplier, a_shift) - mnc_rescale(r, b_multiplier, b_shift);

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_narrow_s16(x * x, multiplier, shift, low, high);
            }
        }
    }
}
