/* out = a where the condition is not 0, else b; where `reverse`, the other.  An operand
 * that is broadcast along an axis has the stride 0 there.  b may be a constant in flash. */
MNC_KERNEL void mnc_where_f32(const float *condition, const float *a, const float *b, float *out, int b_in_flash,
                              int reverse, int rows, int pixels, int channels, int condition_row, int condition_pixel,
                              int condition_channel, int a_row, int a_pixel, int a_channel, int b_row, int b_pixel,
                              int b_channel, int out_row, int out_pixel, int out_channel)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const float *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const float first = a[(y * a_row) + (p * a_pixel) + (c * a_channel)];
                const float second = (b_in_flash != 0) ? MNC_READ(*at) : *at;
                const float given = condition[(y * condition_row) + (p * condition_pixel) + (c * condition_channel)];
                const int holds = (given != 0.0f) != (reverse != 0);

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] = (holds != 0) ? first : second;
            }
        }
    }
}
