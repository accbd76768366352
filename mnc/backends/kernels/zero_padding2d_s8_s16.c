/* A template, written for int8; library.py makes the kernels for int16 by substituting type names. */

/* One row of an image with `value` round it. */
MNC_KERNEL void mnc_zero_padding2d_s8(const int8_t *const *rows, int8_t *out, int channels, int left, int in_width,
                                      int out_width, int in_pixel, int in_channel, int out_pixel, int out_channel,
                                      int value)
{
    int p;
    int c;

    for (p = 0; p < out_width; ++p) {
        const int inside = (rows[0] != NULL) && (p >= left) && (p < (left + in_width));

        for (c = 0; c < channels; ++c) {
            out[(p * out_pixel) + (c * out_channel)] =
                (inside != 0) ? rows[0][((p - left) * in_pixel) + (c * in_channel)] : (int8_t)value;
        }
    }
}
