/* out = `yes` where a relation b holds, else `no`; where `reverse`, b relation a.  Each
 * operand is shifted left by 8 bits and brought to a common scale before.  One that is
 * broadcast along an axis has the stride 0 there.  b may be a constant in flash. */
MNC_KERNEL void mnc_compare_s8(const int8_t *a, const int8_t *b, int8_t *out, int b_in_flash, int relation, int reverse,
                               int rows, int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row,
                               int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel, int a_zero,
                               int32_t a_multiplier, int a_shift, int b_zero, int32_t b_multiplier, int b_shift,
                               int yes, int no)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int8_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int8_t second = (int8_t)((b_in_flash != 0) ? MNC_READ_S8(*at) : *at);
                const int32_t of_a = ((int32_t)a[(y * a_row) + (p * a_pixel) + (c * a_channel)] - a_zero) * 256;
                const int32_t of_b = ((int32_t)second - b_zero) * 256;
                const int32_t scaled_a = mnc_rescale(of_a, a_multiplier, a_shift);
                const int32_t scaled_b = mnc_rescale(of_b, b_multiplier, b_shift);
                const int32_t l = (reverse != 0) ? scaled_b : scaled_a;
                const int32_t r = (reverse != 0) ? scaled_a : scaled_b;

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] = (int8_t)(MNC_HOLDS(relation, l, r) ? yes : no);
            }
        }
    }
}
