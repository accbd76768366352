/* One row of an image of int16 with zeros round it. */
MNC_KERNEL void mnc_zero_padding2d_s16(const int16_t *const *rows, int16_t *out, int channels, int left, int in_width,
                                       int out_width, int in_pixel, int in_channel, int out_pixel, int out_channel)
{
    int p, c;

    for (p = 0; p < out_width; ++p) {
        const int inside = rows[0] != NULL && p >= left && p < left + in_width;

        for (c = 0; c < channels; ++c)
            out[p * out_pixel + c * out_channel] =
                inside ? rows[0][(p - left) * in_pixel + c * in_channel] : 0;
    }
}
