/* The products of `count` pairs, 511 of which always fit int32, onto a sum of two
 * words: the upper one signed, the lower one not. */
MNC_KERNEL void mnc_add_products_wide(int32_t *high, uint32_t *low, const int16_t *x, const int8_t *w, int count)
{
    int k = 0;
    int end;

    while (k < count) {
        int32_t sum = 0;

        end = ((count - k) < 511) ? count : (k + 511);
        while (k < end) {
            sum += (int32_t)x[k] * MNC_READ_S8(w[k]);
            ++k;
        }
        *low += (uint32_t)sum;
        *high += ((sum < 0) ? -1 : 0) + ((*low < (uint32_t)sum) ? 1 : 0);
    }
}

/* One row of a convolution of int16 whose sums do not fit int32, an output at a
 * time; a depthwise convolution has one channel in each of its groups.
 * weights: [groups * out_channels][kernel_height][kernel_width][in_channels];
 * bias: the upper word of each, and the lower one. */
MNC_KERNEL void mnc_conv2d_wide_s16(const int16_t *const *rows, int16_t *out, const int8_t *weights,
                                    const int32_t *bias, const int32_t *multiplier, const int8_t *shift,
                                    int per_channel, int groups, int in_channels, int out_channels, int kernel_height,
                                    int kernel_width, int stride, int dilation, int padding, int in_width,
                                    int out_width, int in_pixel, int out_pixel, int low, int high)
{
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    int o;
    int p;
    int ky;
    int kx;

    for (o = 0; o < (groups * out_channels); ++o) {
        for (p = 0; p < out_width; ++p) {
            const int8_t *w = weights_at;
            int32_t upper = MNC_READ_S32(bias_at[0]);
            uint32_t lower = (uint32_t)MNC_READ_S32(bias_at[1]);

            for (ky = 0; ky < kernel_height; ++ky) {
                for (kx = 0; kx < kernel_width; ++kx) {
                    const int at = (p * stride) - padding + (kx * dilation);

                    if ((rows[ky] != NULL) && (at >= 0) && (at < in_width)) {
                        mnc_add_products_wide(&upper, &lower,
                                              rows[ky] + (at * in_pixel) + (o / out_channels * in_channels), w,
                                              in_channels);
                    }
                    w += in_channels;
                }
            }
            out[(p * out_pixel) + o] = mnc_requantise_wide_s16(upper, lower, MNC_READ_S32(*multiplier_at),
                                                               MNC_READ_S8(*shift_at), low, high);
        }
        weights_at += kernel_height * kernel_width * in_channels;
        bias_at += 2;
        multiplier_at += per_channel;
        shift_at += per_channel;
    }
}
