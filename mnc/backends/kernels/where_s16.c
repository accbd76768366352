/* out = a where the condition is not 0, else b; where `reverse`, the other.  One that is
 * `scaled` is brought to the output's scale before.  An operand that is broadcast along
 * an axis has the stride 0 there.  b may be a constant in flash. */
MNC_KERNEL void mnc_where_s16(const int16_t *condition, const int16_t *a, const int16_t *b, int16_t *out,
                              int b_in_flash, int reverse, int rows, int pixels, int channels, int condition_row,
                              int condition_pixel, int condition_channel, int a_row, int a_pixel, int a_channel,
                              int b_row, int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel,
                              int a_scaled, int32_t a_multiplier, int a_shift, int b_scaled, int32_t b_multiplier,
                              int b_shift, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int16_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int16_t given = condition[(y * condition_row) + (p * condition_pixel) + (c * condition_channel)];
                const int holds = (given != 0) != (reverse != 0);
                int32_t x;

                if (holds != 0) {
                    x = a[(y * a_row) + (p * a_pixel) + (c * a_channel)];
                    if (a_scaled != 0) {
                        x = mnc_narrow_s16(x, a_multiplier, a_shift, -32768, 32767);
                    }
                } else {
                    x = (b_in_flash != 0) ? MNC_READ_S16(*at) : *at;
                    if (b_scaled != 0) {
                        x = mnc_narrow_s16(x, b_multiplier, b_shift, -32768, 32767);
                    }
                }
                x = (x < low) ? low : x;
                x = (x > high) ? high : x;
                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] = (int16_t)x;
            }
        }
    }
}
