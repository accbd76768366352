/* One row of a convolution, channels last.  The input's zero point is in the
 * bias, as if padding held it, so outside the image `in_zero` is multiplied.
 * Output pixels from `inner_begin` on go in `blocks` blocks that see no padding
 * at the sides; the others go one by one.  Inside, each of the kernel's rows is
 * `runs` runs of `run` neighbouring elements (one run unless dilated or grouped),
 * `unroll` of which go at once.
 * weights: [groups][out_channels / block_channels][kernel_height][kernel_width][in_channels][block_channels]. */
MNC_KERNEL void mnc_conv2d_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights, const int32_t *bias,
                              const int32_t *multiplier, const int8_t *shift, int per_channel, int general, int groups,
                              int in_channels, int out_channels, int group_size, int kernel_height, int kernel_width,
                              int stride, int dilation, int padding, int in_width, int out_width, int inner_begin,
                              int blocks, int in_pixel, int out_pixel, int runs, int run, int block_pixels,
                              int block_channels, int unroll, int in_zero, int zero, int low, int high)
{
    int g, o, b, p, i, c, k, t, ky, kx;
    int32_t sum[16];

    for (g = 0; g < groups; ++g) {
        for (o = 0; o < out_channels; o += block_channels) {
            int8_t *const y = out + g * group_size + o;

            for (b = 0; b < blocks; ++b) {
                const int8_t *w = weights;

                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    MNC_UNROLL
                    for (c = 0; c < block_channels; ++c)
                        sum[i * block_channels + c] = bias[c];
                }
                p = inner_begin + b * block_pixels;
                for (ky = 0; ky < kernel_height; ++ky) {
                    if (rows[ky] == NULL) {
                        for (k = 0; k < runs * run; ++k) {
                            MNC_UNROLL
                            for (c = 0; c < block_channels; ++c) {
                                MNC_UNROLL
                                for (i = 0; i < block_pixels; ++i)
                                    sum[i * block_channels + c] += in_zero * w[c];
                            }
                            w += block_channels;
                        }
                        continue;
                    }
                    for (kx = 0; kx < runs; ++kx) {
                        const int8_t *x =
                            rows[ky] + (p * stride - padding + kx * dilation) * in_pixel + g * in_channels;

                        for (k = 0; k < run; k += unroll) {
                            MNC_UNROLL
                            for (t = 0; t < unroll; ++t) {
                                MNC_UNROLL
                                for (i = 0; i < block_pixels; ++i) {
                                    MNC_UNROLL
                                    for (c = 0; c < block_channels; ++c)
                                        sum[i * block_channels + c] +=
                                            x[i * stride * in_pixel + t] * w[t * block_channels + c];
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
                    for (c = 0; c < block_channels; ++c)
                        y[(p + i) * out_pixel + c] =
                            mnc_requantise_s8(sum[i * block_channels + c], multiplier[c * per_channel],
                                              shift[c * per_channel], general, zero, low, high);
                }
            }
            for (b = 0; b < out_width - blocks * block_pixels; ++b) {
                const int8_t *w = weights;

                p = b < inner_begin ? b : b + blocks * block_pixels;
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c)
                    sum[c] = bias[c];
                for (ky = 0; ky < kernel_height; ++ky) {
                    for (kx = 0; kx < kernel_width; ++kx) {
                        const int at = p * stride - padding + kx * dilation;
                        const int8_t *x = NULL;

                        if (rows[ky] != NULL && at >= 0 && at < in_width)
                            x = rows[ky] + at * in_pixel + g * in_channels;
                        for (k = 0; k < in_channels; ++k) {
                            const int value = x != NULL ? x[k] : in_zero;

                            MNC_UNROLL
                            for (c = 0; c < block_channels; ++c)
                                sum[c] += value * w[c];
                            w += block_channels;
                        }
                    }
                }
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c)
                    y[p * out_pixel + c] = mnc_requantise_s8(sum[c], multiplier[c * per_channel],
                                                             shift[c * per_channel], general, zero, low, high);
            }
            weights += kernel_height * kernel_width * in_channels * block_channels;
            bias += block_channels;
            multiplier += block_channels * per_channel;
            shift += block_channels * per_channel;
        }
    }
}
