/* A dense layer on each of `pixels` pixels: a 1x1 convolution of one row, or with one
 * pixel a dense layer.  The input's zero point is in the bias; with `per_channel` 0 one
 * multiplier and shift serve all channels.  The last block of pixels overlaps the one
 * before, and so does the last block of channels.
 * weights: for each block of channels, as mnc_run_s8 reads them, `unroll` 4-vectors at once. */
MNC_KERNEL void mnc_pointwise_s8(const int8_t *in, int8_t *out, const int8_t *weights, const int32_t *bias,
                                 const int32_t *multiplier, const int8_t *shift, int per_channel, int general,
                                 int in_channels, int out_channels, int pixels, int in_pixel, int out_pixel,
                                 int out_channel, int block_pixels, int block_channels, int unroll, int zero, int low,
                                 int high)
{
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    int o;
    int p;

    o = 0;
    while (o < out_channels) {
        if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
            o = out_channels - block_channels;
        }
        p = 0;
        while (p < pixels) {
            int32_t sum[16];

            if (((pixels % block_pixels) != 0) && (p > (pixels - block_pixels))) {
                p = pixels - block_pixels;
            }
            mnc_begin_s8(sum, bias_at, block_pixels, block_channels);
            mnc_run_s8(sum, in + (p * in_pixel), weights_at, in_channels, in_pixel, block_pixels, block_channels,
                       unroll);
            mnc_end_s8(sum, out + (p * out_pixel) + (o * out_channel), multiplier_at, shift_at, per_channel, general,
                       out_pixel, out_channel, block_pixels, block_channels, zero, low, high);
            p += block_pixels;
        }
        weights_at += ((in_channels < 4) ? in_channels : ((in_channels + 3) / 4 * 4)) * block_channels;
        bias_at += block_channels;
        multiplier_at += block_channels * per_channel;
        shift_at += block_channels * per_channel;
        o += block_channels;
    }
}
