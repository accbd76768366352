/* A dense layer on each of `pixels` pixels: a 1x1 convolution of one row, or with one
 * pixel a dense layer.  The zero point of int16 is 0, and the sums fit int32; with
 * `per_channel` 0 one multiplier and shift serve all channels.
 * weights: [out_channels / block_channels][in_channels][block_channels]. */
MNC_KERNEL void mnc_pointwise_s16(const int16_t *in, int16_t *out, const int8_t *weights, const int32_t *bias,
                                  const int32_t *multiplier, const int8_t *shift, int per_channel, int rounding,
                                  int in_channels, int out_channels, int pixels, int in_pixel, int out_pixel,
                                  int block_pixels, int block_channels, int unroll, int low, int high)
{
    int16_t *out_at = out;
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    int o;
    int p;
    int i;
    int c;
    int k;
    int t;

    for (o = 0; o < out_channels; o += block_channels) {
        p = 0;
        while (p < pixels) {
            const int16_t *x = in;
            const int8_t *w = weights_at;
            int16_t *y = out_at;
            int32_t sum[16];

            if (((pixels % block_pixels) != 0) && (p > (pixels - block_pixels))) {
                p = pixels - block_pixels;
            }
            x += p * in_pixel;
            y += p * out_pixel;
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    sum[(i * block_channels) + c] = MNC_READ_S32(bias_at[c]);
                }
            }
            for (k = 0; k < in_channels; k += unroll) {
                MNC_UNROLL
                for (t = 0; t < unroll; ++t) {
                    MNC_UNROLL
                    for (i = 0; i < block_pixels; ++i) {
                        MNC_UNROLL
                        for (c = 0; c < block_channels; ++c) {
                            sum[(i * block_channels) + c] +=
                                (int32_t)x[(i * in_pixel) + t] * MNC_READ_S8(w[(t * block_channels) + c]);
                        }
                    }
                }
                x += unroll;
                w += unroll * block_channels;
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    y[(i * out_pixel) + c] =
                        mnc_requantise_s16(sum[(i * block_channels) + c], MNC_READ_S32(multiplier_at[c * per_channel]),
                                           MNC_READ_S8(shift_at[c * per_channel]), rounding, low, high);
                }
            }
            p += block_pixels;
        }
        out_at += block_channels;
        weights_at += in_channels * block_channels;
        bias_at += block_channels;
        multiplier_at += block_channels * per_channel;
        shift_at += block_channels * per_channel;
    }
}
