/* As mnc_resize_nearest_f32, for int16. */
MNC_KERNEL void mnc_resize_nearest_s16(const int16_t *const *rows, int16_t *out, int channels, int out_width, int step,
                                       int start, int divisor, int in_pixel, int in_channel, int out_pixel,
                                       int out_channel)
{
    int p, c;

    for (p = 0; p < out_width; ++p) {
        const int16_t *const in = rows[0] + (p * step + start) / divisor * in_pixel;

        for (c = 0; c < channels; ++c)
            out[p * out_pixel + c * out_channel] = in[c * in_channel];
    }
}
