/* One row of an image with zeros round it: `rows` has the only input row, or
 * NULL where there is none. */
MNC_KERNEL void mnc_zero_padding2d_f32(const float *const *rows, float *out, int channels, int left, int in_width,
                                       int out_width, int in_pixel, int in_channel, int out_pixel, int out_channel)
{
    int p;
    int c;

    for (p = 0; p < out_width; ++p) {
        const int inside = (rows[0] != NULL) && (p >= left) && (p < (left + in_width));

        for (c = 0; c < channels; ++c) {
            out[(p * out_pixel) + (c * out_channel)] = (inside != 0)
                ? rows[0][((p - left) * in_pixel) + (c * in_channel)]
                : 0.0f;
        }
    }
}
