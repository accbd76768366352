/* A dense layer on each of `pixels` pixels: a 1x1 convolution of one row, or
 * with one pixel a dense layer.  Computed in blocks of `block_pixels` pixels x
 * `block_channels` output channels, whose sums stay in registers; the last
 * block of a row reaches back over the one before instead of being cut.
 * `unroll` input channels go at once and must divide them all.
 * weights: [out_channels / block_channels][in_channels][block_channels]. */
MNC_KERNEL void mnc_pointwise_f32(const float *in, float *out, const float *weights, const float *bias,
                                  int in_channels, int out_channels, int pixels, int in_pixel, int in_channel,
                                  int out_pixel, int out_channel, int block_pixels, int block_channels,
                                  int unroll, int activation, float high)
{
    float *out_at = out;
    const float *weights_at = weights;
    const float *bias_at = bias;
    int o;
    int p;
    int i;
    int c;
    int k;
    int u;

    for (o = 0; o < out_channels; o += block_channels) {
        p = 0;
        while (p < pixels) {
            const float *x = in;
            const float *w = weights_at;
            float *y = out_at;
            float sum[28];

            if (p > (pixels - block_pixels)) {
                p = pixels - block_pixels;
            }
            MNC_OPAQUE(w);
            x += p * in_pixel;
            y += p * out_pixel;
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    sum[(i * block_channels) + c] = (bias_at == NULL) ? 0.0f : MNC_READ(bias_at[c]);
                }
            }
            for (k = 0; k < in_channels; k += unroll) {
                MNC_UNROLL
                for (u = 0; u < unroll; ++u) {
                    MNC_UNROLL
                    for (i = 0; i < block_pixels; ++i) {
                        MNC_UNROLL
                        for (c = 0; c < block_channels; ++c) {
                            sum[(i * block_channels) + c] = mnc_add_product_f32( sum[(i * block_channels) + c],
                                                                                x[(u * in_channel) + (i * in_pixel)],
                                                                                MNC_READ(w[(u * block_channels) + c]),
                                                                                (bias_at == NULL) &&
                                                                                (unroll == in_channels) && (u == 0));
                        }
                    }
                }
                x += unroll * in_channel;
                w += unroll * block_channels;
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    y[(i * out_pixel) + (c * out_channel)] =
                        mnc_activate_f32(sum[(i * block_channels) + c], activation, high);
                }
            }
            p += block_pixels;
        }
        out_at += block_channels * out_channel;
        weights_at += in_channels * block_channels;
        if (bias_at != NULL) {
            bias_at += block_channels;
        }
    }
}
