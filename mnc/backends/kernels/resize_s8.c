/* One row of an image interpolated between the four pixels round each place, of
 * which places count in steps of 1/1024.  Output pixel p lies at p * step + start
 * from the input's first pixel, and output row `row` likewise from its first
 * row; `rows` has the one before and the one after.  Beyond the border, the
 * border continues. */
MNC_KERNEL void mnc_resize_bilinear_s8(const int8_t *const *rows, int8_t *out, int channels, int in_width,
                                       int out_width, int row, int row_step, int row_start, int step, int start,
                                       int in_pixel, int out_pixel)
{
    const int8_t *const above = (rows[0] != NULL) ? rows[0] : rows[1];
    const int8_t *const below = (rows[1] != NULL) ? rows[1] : rows[0];
    const int32_t down = (((int32_t)row * row_step) + row_start + 1024) % 1024;
    int p;
    int c;

    for (p = 0; p < out_width; ++p) {
        const int32_t place = ((int32_t)p * step) + start + 1024;
        const int32_t right = place % 1024;
        int left = (int)(place / 1024) - 1;
        int next = left + 1;

        left = (left < 0) ? 0 : (left < in_width) ? left : (in_width - 1);
        next = (next < in_width) ? next : (in_width - 1);
        left *= in_pixel;
        next *= in_pixel;
        for (c = 0; c < channels; ++c) {
            const int32_t upper = (above[left + c] * (1024 - right)) + (above[next + c] * right);
            const int32_t lower = (below[left + c] * (1024 - right)) + (below[next + c] * right);
            const int32_t sum = (upper * (1024 - down)) + (lower * down);

            out[(p * out_pixel) + c] = (int8_t)((sum < 0) ? -((524288 - sum) >> 20) : ((sum + 524288) >> 20));
        }
    }
}
