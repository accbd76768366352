/* One row of a convolution of int16, whose zero point is 0, so padding adds nothing;
 * the sums fit int32.  Output pixels from `inner_begin` on go in `blocks` blocks that
 * see no padding at the sides; the others go one by one.
 * weights: [groups][out_channels / block_channels][kernel_height][kernel_width][in_channels][block_channels]. */
MNC_KERNEL void mnc_conv2d_s16(const int16_t *const *rows, int16_t *out, const int8_t *weights, const int32_t *bias,
                               const int32_t *multiplier, const int8_t *shift, int per_channel, int rounding,
                               int groups, int in_channels, int out_channels, int group_size, int kernel_height,
                               int kernel_width, int stride, int dilation, int padding, int in_width, int out_width,
                               int inner_begin, int blocks, int in_pixel, int out_pixel, int runs, int run,
                               int block_pixels, int block_channels, int unroll, int low, int high)
{
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    int g;
    int o;
    int b;
    int p;
    int i;
    int c;
    int k;
    int t;
    int ky;
    int kx;
    int32_t sum[16];

    for (g = 0; g < groups; ++g) {
        for (o = 0; o < out_channels; o += block_channels) {
            int16_t *const y = out + (g * group_size) + o;

            for (b = 0; b < blocks; ++b) {
                const int8_t *w = weights_at;

                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    MNC_UNROLL
                    for (c = 0; c < block_channels; ++c) {
                        sum[(i * block_channels) + c] = MNC_READ_S32(bias_at[c]);
                    }
                }
                p = inner_begin + (b * block_pixels);
                for (ky = 0; ky < kernel_height; ++ky) {
                    if (rows[ky] == NULL) {
                        w += runs * run * block_channels;
                        continue;
                    }
                    for (kx = 0; kx < runs; ++kx) {
                        const int16_t *x =
                            rows[ky] + (((p * stride) - padding + (kx * dilation)) * in_pixel) + (g * in_channels);

                        for (k = 0; k < run; k += unroll) {
                            MNC_UNROLL
                            for (t = 0; t < unroll; ++t) {
                                MNC_UNROLL
                                for (i = 0; i < block_pixels; ++i) {
                                    MNC_UNROLL
                                    for (c = 0; c < block_channels; ++c) {
                                        sum[(i * block_channels) + c] += (int32_t)x[(i * stride * in_pixel) + t] *
                                                                       MNC_READ_S8(w[(t * block_channels) + c]);
                                    }
                                }
                            }
                            x += unroll;
                            w += unroll * block_channels;
                        }
                    }
                }
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    MNC_UNROLL
                    for (c = 0; c < block_channels; ++c) {
                        y[((p + i) * out_pixel) + c] =
                            mnc_requantise_s16(sum[(i * block_channels) + c],
                                               MNC_READ_S32(multiplier_at[c * per_channel]),
                                               MNC_READ_S8(shift_at[c * per_channel]), rounding, low, high);
                    }
                }
            }
            for (b = 0; b < (out_width - (blocks * block_pixels)); ++b) {
                const int8_t *w = weights_at;

                p = (b < inner_begin) ? b : (b + (blocks * block_pixels));
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    sum[c] = MNC_READ_S32(bias_at[c]);
                }
                for (ky = 0; ky < kernel_height; ++ky) {
                    for (kx = 0; kx < kernel_width; ++kx) {
                        const int at = (p * stride) - padding + (kx * dilation);

                        if ((rows[ky] != NULL) && (at >= 0) && (at < in_width)) {
                            const int16_t *const x = rows[ky] + (at * in_pixel) + (g * in_channels);

                            for (k = 0; k < in_channels; ++k) {
                                MNC_UNROLL
                                for (c = 0; c < block_channels; ++c) {
                                    sum[c] += (int32_t)x[k] * MNC_READ_S8(w[(k * block_channels) + c]);
                                }
                            }
                        }
                        w += in_channels * block_channels;
                    }
                }
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    y[(p * out_pixel) + c] = mnc_requantise_s16(sum[c], MNC_READ_S32(multiplier_at[c * per_channel]),
                                                                MNC_READ_S8(shift_at[c * per_channel]), rounding, low,
                                                                high);
                }
            }
            weights_at += kernel_height * kernel_width * in_channels * block_channels;
            bias_at += block_channels;
            multiplier_at += block_channels * per_channel;
            shift_at += block_channels * per_channel;
        }
    }
}
