/* A template, written for int8; library.py makes the kernels for uint8 by substituting the type of inputs. */

/* The pixels `begin` to `end` of one row of a convolution, channels last, that see
 * no padding at the sides.  The input's zero point is in the bias, as if padding
 * held it, so above and below the image `in_zero` is multiplied.  The last block
 * of pixels overlaps the one before, and so does the last block of channels.  Each
 * of the kernel's rows is `runs` runs of `run` neighbouring elements, a run for each
 * column or one for all.
 * weights: [groups][blocks of channels][kernel_height][runs], as mnc_run_s8 reads them. */
MNC_KERNEL void mnc_conv2d_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights, const int32_t *bias,
                              const int32_t *multiplier, const int8_t *shift, int per_channel, int general, int groups,
                              int in_channels, int out_channels, int kernel_height, int stride, int dilation,
                              int padding, int begin, int end, int in_pixel, int out_pixel, int out_channel, int runs,
                              int run, int block_pixels, int block_channels, int unroll, int in_zero, int zero, int low,
                              int high)
{
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    const int run_weights = ((run < 4) ? run : ((run + 3) / 4 * 4)) * block_channels;
    int g;
    int o;
    int p;
    int ky;
    int kx;

    for (g = 0; g < groups; ++g) {
        o = 0;
        while (o < out_channels) {
            if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
                o = out_channels - block_channels;
            }
            p = begin;
            while (p < end) {
                const int8_t *w = weights_at;
                int32_t sum[16];

                if ((((end - begin) % block_pixels) != 0) && (p > (end - block_pixels))) {
                    p = end - block_pixels;
                }
                mnc_begin_s8(sum, bias_at, block_pixels, block_channels);
                for (ky = 0; ky < kernel_height; ++ky) {
                    const int8_t *x = rows[ky];

                    if (x != NULL) {
                        x += (((p * stride) - padding) * in_pixel) + (g * in_channels);
                    }
                    for (kx = 0; kx < runs; ++kx) {
                        if (x == NULL) {
                            mnc_padding_run_s8(sum, in_zero, w, run, block_pixels, block_channels);
                        } else {
                            mnc_run_s8(sum, x, w, run, stride * in_pixel, block_pixels, block_channels, unroll);
                            x += dilation * in_pixel;
                        }
                        w += run_weights;
                    }
                }
                mnc_end_s8(sum, out + (p * out_pixel) + (((g * out_channels) + o) * out_channel), multiplier_at,
                           shift_at, per_channel, general, out_pixel, out_channel, block_pixels, block_channels, zero,
                           low, high);
                p += block_pixels;
            }
            weights_at += kernel_height * runs * run_weights;
            bias_at += block_channels;
            multiplier_at += block_channels * per_channel;
            shift_at += block_channels * per_channel;
            o += block_channels;
        }
    }
}

/* The border pixels of one row of a convolution: left of `begin`, and from `end` on.
 * They go one by one and column by column; a column is a run, or whole 4-vectors of one. */
MNC_KERNEL void mnc_conv2d_border_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights, const int32_t *bias,
                                    const int32_t *multiplier, const int8_t *shift, int per_channel, int general,
                                    int groups, int in_channels, int out_channels, int kernel_height,
                                    int kernel_width, int stride, int dilation, int padding, int in_width,
                                    int out_width, int begin, int end, int in_pixel, int out_pixel,
                                    int out_channel, int block_channels, int unroll, int in_zero, int zero, int low,
                                    int high)
{
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    const int column = ((in_channels < 4) ? in_channels : ((in_channels + 3) / 4 * 4)) * block_channels;
    int g;
    int o;
    int p;
    int ky;
    int kx;

    for (g = 0; g < groups; ++g) {
        o = 0;
        while (o < out_channels) {
            if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
                o = out_channels - block_channels;
            }
            for (p = (begin > 0) ? 0 : end; p < out_width; p = ((p + 1) == begin) ? end : (p + 1)) {
                const int8_t *w = weights_at;
                int32_t sum[16];

                mnc_begin_s8(sum, bias_at, 1, block_channels);
                for (ky = 0; ky < kernel_height; ++ky) {
                    for (kx = 0; kx < kernel_width; ++kx) {
                        const int at = (p * stride) - padding + (kx * dilation);

                        if ((rows[ky] == NULL) || (at < 0) || (at >= in_width)) {
                            mnc_padding_run_s8(sum, in_zero, w, in_channels, 1, block_channels);
                        } else {
                            mnc_run_s8(sum, rows[ky] + (at * in_pixel) + (g * in_channels), w, in_channels, 0, 1,
                                       block_channels, unroll);
                        }
                        w += column;
                    }
                }
                mnc_end_s8(sum, out + (p * out_pixel) + (((g * out_channels) + o) * out_channel), multiplier_at,
                           shift_at, per_channel, general, out_pixel, out_channel, 1, block_channels, zero, low, high);
            }
            weights_at += kernel_height * kernel_width * column;
            bias_at += block_channels;
            multiplier_at += block_channels * per_channel;
            shift_at += block_channels * per_channel;
            o += block_channels;
        }
    }
}

/* The border pixels of one row of a convolution: left of `begin`, and from `end` on.
 * Each copies its window, at most 128 bytes, first, because a run is several columns
 * of channels whose number is no multiple of four. */
MNC_KERNEL void mnc_conv2d_window_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights, const int32_t *bias,
                                    const int32_t *multiplier, const int8_t *shift, int per_channel, int general,
                                    int in_channels, int out_channels, int kernel_height, int kernel_width,
                                    int stride, int padding, int in_width, int out_width, int begin, int end,
                                    int in_pixel, int out_pixel, int out_channel, int block_channels, int unroll,
                                    int in_zero, int zero, int low, int high)
{
    const int run = kernel_width * in_channels;
    const int run_weights = ((run < 4) ? run : ((run + 3) / 4 * 4)) * block_channels;
    int o;
    int p;
    int ky;
    int kx;
    int k;

    for (p = (begin > 0) ? 0 : end; p < out_width; p = ((p + 1) == begin) ? end : (p + 1)) {
        const int8_t *w = weights;
        int8_t window[128];
        int8_t *x = window;

        for (ky = 0; ky < kernel_height; ++ky) {
            for (kx = 0; kx < kernel_width; ++kx) {
                const int at = (p * stride) - padding + kx;
                const int outside = (rows[ky] == NULL) || (at < 0) || (at >= in_width);

                for (k = 0; k < in_channels; ++k) {
                    *x = (int8_t)((outside != 0) ? in_zero : (int)rows[ky][(at * in_pixel) + k]);
                    ++x;
                }
            }
        }
        for (o = 0; o < out_channels; o += block_channels) {
            const int at = (o < (out_channels - block_channels)) ? o : (out_channels - block_channels);
            const int scaled = o * per_channel;
            int32_t sum[16];

            mnc_begin_s8(sum, bias + o, 1, block_channels);
            for (ky = 0; ky < kernel_height; ++ky) {
                mnc_run_s8(sum, window + (ky * run), w, run, 0, 1, block_channels, unroll);
                w += run_weights;
            }
            mnc_end_s8(sum, out + (p * out_pixel) + (at * out_channel), multiplier + scaled, shift + scaled,
                       per_channel, general, out_pixel, out_channel, 1, block_channels, zero, low, high);
        }
    }
}
