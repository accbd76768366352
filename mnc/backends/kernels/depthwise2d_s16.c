/* One row of a depthwise convolution of int16, channel by channel: each input channel
 * gives `multiplicity` output channels.  The zero point is 0, so padding adds nothing;
 * the sums fit int32.  Output pixels from `inner_begin` on go in `blocks` blocks that
 * see no padding at the sides; the others go one by one.
 * weights: [in_channels][multiplicity][kernel_height][kernel_width]. */
MNC_KERNEL void mnc_depthwise2d_s16(const int16_t *const *rows, int16_t *out, const int8_t *weights,
                                    const int32_t *bias, const int32_t *multiplier, const int8_t *shift,
                                    int per_channel, int rounding, int in_channels, int multiplicity,
                                    int kernel_height, int kernel_width, int stride, int dilation, int padding,
                                    int in_width, int out_width, int inner_begin, int blocks, int in_pixel,
                                    int out_pixel, int block_pixels, int low, int high)
{
    int16_t *out_at = out;
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    int c;
    int m;
    int b;
    int p;
    int i;
    int ky;
    int kx;
    int32_t sum[8];

    for (c = 0; c < in_channels; ++c) {
        for (m = 0; m < multiplicity; ++m) {
            for (b = 0; b < blocks; ++b) {
                const int8_t *w = weights_at;

                p = inner_begin + (b * block_pixels);
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    sum[i] = MNC_READ_S32(*bias_at);
                }
                for (ky = 0; ky < kernel_height; ++ky) {
                    if (rows[ky] != NULL) {
                        const int16_t *const x = rows[ky] + (((p * stride) - padding) * in_pixel) + c;

                        MNC_UNROLL
                        for (kx = 0; kx < kernel_width; ++kx) {
                            MNC_UNROLL
                            for (i = 0; i < block_pixels; ++i) {
                                sum[i] += (int32_t)x[((i * stride) + (kx * dilation)) * in_pixel] * MNC_READ_S8(w[kx]);
                            }
                        }
                    }
                    w += kernel_width;
                }
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    out_at[(p + i) * out_pixel] = mnc_requantise_s16(sum[i], MNC_READ_S32(*multiplier_at),
                                                                  MNC_READ_S8(*shift_at), rounding, low, high);
                }
            }
            for (b = 0; b < (out_width - (blocks * block_pixels)); ++b) {
                const int8_t *w = weights_at;
                int32_t total = MNC_READ_S32(*bias_at);

                p = (b < inner_begin) ? b : (b + (blocks * block_pixels));
                for (ky = 0; ky < kernel_height; ++ky) {
                    for (kx = 0; kx < kernel_width; ++kx) {
                        const int at = (p * stride) - padding + (kx * dilation);

                        if ((rows[ky] != NULL) && (at >= 0) && (at < in_width)) {
                            total += (int32_t)rows[ky][(at * in_pixel) + c] * MNC_READ_S8(*w);
                        }
                        ++w;
                    }
                }
                out_at[p * out_pixel] =
                    mnc_requantise_s16(total, MNC_READ_S32(*multiplier_at), MNC_READ_S8(*shift_at), rounding, low,
                                       high);
            }
            ++out_at;
            weights_at += kernel_height * kernel_width;
            ++bias_at;
            multiplier_at += per_channel;
            shift_at += per_channel;
        }
    }
}
