/* The mean of each channel, `block_channels` channels at a time: the multiplier
 * divides by their number and goes to the output's scale. */
MNC_KERNEL void mnc_global_average_s16(const int16_t *in, int16_t *out, int rows, int pixels, int channels, int in_row,
                                       int in_pixel, int in_channel, int block_channels, int32_t multiplier, int shift,
                                       int low, int high)
{
    int c;
    int y;
    int p;
    int i;

    c = 0;
    while (c < channels) {
        int32_t sum[16];

        if (c > (channels - block_channels)) {
            c = channels - block_channels;
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            sum[i] = 0;
        }
        for (y = 0; y < rows; ++y) {
            const int16_t *x = in + (y * in_row) + (c * in_channel);

            for (p = 0; p < pixels; ++p) {
                MNC_UNROLL
                for (i = 0; i < block_channels; ++i) {
                    sum[i] += x[i * in_channel];
                }
                x += in_pixel;
            }
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            out[c + i] = mnc_narrow_s16(sum[i], multiplier, shift, low, high);
        }
        c += block_channels;
    }
}
