/* `pixels` neighbouring output pixels of one channel, whose sums stay in
 * registers.  The first tap lies over column `first` of the rows `in`; what lies
 * outside a row of `in_width` columns adds nothing, and with literal sizes costs
 * nothing. */
MNC_KERNEL void mnc_depthwise2d_block_f32(const float *const *in, float *out, const float *tap, const float *bias,
                                          int first, int kernel_height, int kernel_width, int stride, int dilation,
                                          int in_width, int in_pixel, int out_pixel, int pixels, int activation,
                                          float high)
{
    float sum[8];
    int i;
    int ky;
    int kx;

    MNC_UNROLL
    for (i = 0; i < pixels; ++i) {
        sum[i] = (bias == NULL) ? 0.0f : MNC_READ(*bias);
    }
    MNC_UNROLL
    for (ky = 0; ky < kernel_height; ++ky) {
        MNC_UNROLL
        for (kx = 0; kx < kernel_width; ++kx) {
            MNC_UNROLL
            for (i = 0; i < pixels; ++i) {
                const int at = first + (i * stride) + (kx * dilation);

                if ((at >= 0) && (at < in_width)) {
                    sum[i] = mnc_add_product_f32(sum[i], in[ky][at * in_pixel], tap[(ky * kernel_width) + kx],
                                                 (bias == NULL) && (ky == 0) && ((kx == 0) || (at < dilation)));
                }
            }
        }
    }
    MNC_UNROLL
    for (i = 0; i < pixels; ++i) {
        out[i * out_pixel] = mnc_activate_f32(sum[i], activation, high);
    }
}

/* One row of a depthwise convolution, channel by channel: each input channel
 * gives `multiplier` output channels.  Where `rows` has NULL, `zeros` (as many
 * as a row has pixels, `in_pixel` apart) stands in, so the taps are never asked
 * whether they count.  Output pixels go in blocks, taps and sums in registers.  If
 * only the ends of a row see padding (`inner`), these are the first block, `blocks`
 * blocks and the last one, which overlaps the one before and lacks `beyond` columns
 * of its input; or they are all in one block, the `whole_row`.
 * weights: [in_channels][multiplier][kernel_height][kernel_width]. */
MNC_KERNEL void mnc_depthwise2d_f32(const float *const *rows, const float *zeros, float *out, const float *weights,
                                    const float *bias, int in_channels, int multiplier, int kernel_height,
                                    int kernel_width, int stride, int dilation, int padding, int in_width,
                                    int out_width, int inner, int whole_row, int blocks, int beyond, int in_pixel,
                                    int in_channel, int out_pixel, int out_channel, int block_pixels, int activation,
                                    float high)
{
    float *out_at = out;
    const float *weights_at = weights;
    const float *bias_at = bias;
    const int columns = ((block_pixels - 1) * stride) + ((kernel_width - 1) * dilation) + 1;
    const int last = out_width - block_pixels;
    const float *row[16];
    const float *in[16];
    float tap[16];
    int c;
    int m;
    int p;
    int i;
    int ky;

    for (c = 0; c < in_channels; ++c) {
        MNC_UNROLL
        for (ky = 0; ky < kernel_height; ++ky) {
            row[ky] = (rows[ky] == NULL) ? zeros : (rows[ky] + (c * in_channel));
            MNC_OPAQUE(row[ky]);
        }
        for (m = 0; m < multiplier; ++m) {
            MNC_UNROLL
            for (i = 0; i < (kernel_height * kernel_width); ++i) {
                tap[i] = MNC_READ(weights_at[i]);
            }
            if (!inner) {
                p = 0;
                while (p < out_width) {
                    if (p > last) {
                        p = last;
                    }
                    mnc_depthwise2d_block_f32(row, out_at + (p * out_pixel), tap, bias_at, (p * stride) - padding,
                                              kernel_height, kernel_width, stride, dilation, in_width, in_pixel,
                                              out_pixel, block_pixels, activation, high);
                    p += block_pixels;
                }
            } else if (whole_row != 0) {
                mnc_depthwise2d_block_f32(row, out_at, tap, bias_at, -padding, kernel_height, kernel_width, stride,
                                          dilation, columns - padding - beyond, in_pixel, out_pixel, block_pixels,
                                          activation, high);
            } else {
                float *y = out_at;

                mnc_depthwise2d_block_f32(row, y, tap, bias_at, -padding, kernel_height, kernel_width, stride, dilation,
                                          columns, in_pixel, out_pixel, block_pixels, activation, high);
                MNC_UNROLL
                for (ky = 0; ky < kernel_height; ++ky) {
                    in[ky] = row[ky] + (((block_pixels * stride) - padding) * in_pixel);
                }
                for (p = 0; p < blocks; ++p) {
                    y += block_pixels * out_pixel;
                    mnc_depthwise2d_block_f32(in, y, tap, bias_at, 0, kernel_height, kernel_width, stride, dilation,
                                              columns, in_pixel, out_pixel, block_pixels, activation, high);
                    MNC_UNROLL
                    for (ky = 0; ky < kernel_height; ++ky) {
                        in[ky] += block_pixels * stride * in_pixel;
                    }
                }
                MNC_UNROLL
                for (ky = 0; ky < kernel_height; ++ky) {
                    in[ky] = row[ky] + (((last * stride) - padding) * in_pixel);
                }
                mnc_depthwise2d_block_f32(in, out_at + (last * out_pixel), tap, bias_at, 0, kernel_height, kernel_width,
                                          stride, dilation, columns - beyond, in_pixel, out_pixel, block_pixels,
                                          activation, high);
            }
            out_at += out_channel;
            weights_at += kernel_height * kernel_width;
            if (bias_at != NULL) {
                ++bias_at;
            }
        }
    }
}

/* One row of a depthwise convolution with a kernel too large for registers. */
MNC_KERNEL void mnc_depthwise2d_large_f32(const float *const *rows, float *out, const float *weights,
                                          const float *bias, int in_channels, int multiplier, int kernel_height,
                                          int kernel_width, int stride, int dilation, int padding, int in_width,
                                          int out_width, int in_pixel, int in_channel, int out_pixel,
                                          int out_channel, int activation, float high)
{
    float *out_at = out;
    const float *weights_at = weights;
    const float *bias_at = bias;
    int c;
    int m;
    int p;
    int ky;
    int kx;

    for (c = 0; c < in_channels; ++c) {
        for (m = 0; m < multiplier; ++m) {
            for (p = 0; p < out_width; ++p) {
                float total = (bias_at == NULL) ? 0.0f : MNC_READ(*bias_at);

                for (ky = 0; ky < kernel_height; ++ky) {
                    const float *in = rows[ky];
                    int x = (p * stride) - padding;

                    if (in == NULL) {
                        continue;
                    }
                    for (kx = 0; kx < kernel_width; ++kx) {
                        if ((x >= 0) && (x < in_width)) {
                            total =
                                MNC_FMA(in[(x * in_pixel) + (c * in_channel)],
                                        MNC_READ(weights_at[(ky * kernel_width) + kx]), total);
                        }
                        x += dilation;
                    }
                }
                out_at[p * out_pixel] = mnc_activate_f32(total, activation, high);
            }
            out_at += out_channel;
            weights_at += kernel_height * kernel_width;
            if (bias_at != NULL) {
                ++bias_at;
            }
        }
    }
}
