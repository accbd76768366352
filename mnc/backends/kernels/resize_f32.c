/* One row of an image interpolated between the four pixels round each place.
 * Output pixel p lies at (p * step + start) / divisor - 1 between the input's
 * pixels, and output row `row` likewise between its rows, of which `rows` has
 * the one before and the one after.  Beyond the border, the border continues. */
MNC_KERNEL void mnc_resize_bilinear_f32(const float *const *rows, float *out, int channels, int in_width,
                                        int out_width, int row, int row_step, int row_start, int row_divisor, int step,
                                        int start, int divisor, int in_pixel, int in_channel, int out_pixel,
                                        int out_channel)
{
    const float *const above = (rows[0] != NULL) ? rows[0] : rows[1];
    const float *const below = (rows[1] != NULL) ? rows[1] : rows[0];
    const float down = (float)((((long)row * row_step) + row_start) % row_divisor) * (1.0f / (float)row_divisor);
    int p;
    int c;

    for (p = 0; p < out_width; ++p) {
        const long place = ((long)p * step) + start;
        const float right = (float)(place % divisor) * (1.0f / (float)divisor);
        int next = (int)(place / divisor);
        int left = next - 1;

        left = (left < 0) ? 0 : left;
        next = (next < in_width) ? next : (in_width - 1);
        left *= in_pixel;
        next *= in_pixel;
        for (c = 0; c < channels; ++c) {
            const float a = above[left + (c * in_channel)];
            const float b = below[left + (c * in_channel)];
            const float x = MNC_FMA(above[next + (c * in_channel)] - a, right, a);
            const float y = MNC_FMA(below[next + (c * in_channel)] - b, right, b);

            out[(p * out_pixel) + (c * out_channel)] = MNC_FMA(y - x, down, x);
        }
    }
}
