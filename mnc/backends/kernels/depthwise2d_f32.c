/* One row of a depthwise convolution, channel by channel: each input channel
 * gives `multiplier` output channels.  Where `rows` has NULL, `zeros` (as many
 * as a row has pixels, `in_pixel` apart) stands in, so the taps are never asked
 * whether they count.  Output pixels from `inner_begin` to `inner_end` see no
 * padding at the sides and go in blocks, their taps held in registers.
 * weights: [in_channels][multiplier][kernel_height][kernel_width]. */
MNC_KERNEL void mnc_depthwise2d_f32(const float *const *rows, const float *zeros, float *out, const float *weights,
                                    const float *bias, int in_channels, int multiplier, int kernel_height,
                                    int kernel_width, int stride, int dilation, int padding, int in_width,
                                    int out_width, int inner_begin, int inner_end, int in_pixel, int in_channel,
                                    int out_pixel, int out_channel, int block_pixels, int activation, float high)
{
    const float *row[16];
    float tap[16], sum[8];
    int c, m, p, e, i, ky, kx;

    for (c = 0; c < in_channels; ++c) {
        MNC_UNROLL
        for (ky = 0; ky < kernel_height; ++ky)
            row[ky] = rows[ky] == NULL ? zeros : rows[ky] + c * in_channel;
        for (m = 0; m < multiplier; ++m) {
            const float start = bias == NULL ? 0.0f : *bias;

            MNC_UNROLL
            for (i = 0; i < kernel_height * kernel_width; ++i)
                tap[i] = weights[i];
            for (p = inner_begin; p < inner_end; p += block_pixels) {
                int x;

                if (p > inner_end - block_pixels)
                    p = inner_end - block_pixels;
                x = (p * stride - padding) * in_pixel;
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i)
                    sum[i] = start;
                MNC_UNROLL
                for (ky = 0; ky < kernel_height; ++ky) {
                    MNC_UNROLL
                    for (kx = 0; kx < kernel_width; ++kx) {
                        MNC_UNROLL
                        for (i = 0; i < block_pixels; ++i)
                            sum[i] = MNC_FMA(row[ky][x + (i * stride + kx * dilation) * in_pixel],
                                             tap[ky * kernel_width + kx], sum[i]);
                    }
                }
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i)
                    out[(p + i) * out_pixel] = mnc_activate_f32(sum[i], activation, high);
            }
            for (e = 0; e < out_width - (inner_end - inner_begin); ++e) {
                const int q = e < inner_begin ? e : e + inner_end - inner_begin;
                const int x = q * stride - padding;
                float total = start;

                MNC_UNROLL
                for (kx = 0; kx < kernel_width; ++kx) {
                    if (x + kx * dilation < 0 || x + kx * dilation >= in_width)
                        continue;
                    MNC_UNROLL
                    for (ky = 0; ky < kernel_height; ++ky)
                        total = MNC_FMA(row[ky][(x + kx * dilation) * in_pixel], tap[ky * kernel_width + kx], total);
                }
                out[q * out_pixel] = mnc_activate_f32(total, activation, high);
            }
            out += out_channel;
            weights += kernel_height * kernel_width;
            if (bias != NULL)
                ++bias;
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
    int c, m, p, ky, kx;

    for (c = 0; c < in_channels; ++c) {
        for (m = 0; m < multiplier; ++m) {
            for (p = 0; p < out_width; ++p) {
                float total = bias == NULL ? 0.0f : *bias;

                for (ky = 0; ky < kernel_height; ++ky) {
                    const float *in = rows[ky];
                    int x = p * stride - padding;

                    if (in == NULL)
                        continue;
                    for (kx = 0; kx < kernel_width; ++kx, x += dilation) {
                        if (x >= 0 && x < in_width)
                            total = MNC_FMA(in[x * in_pixel + c * in_channel], weights[ky * kernel_width + kx], total);
                    }
                }
                out[p * out_pixel] = mnc_activate_f32(total, activation, high);
            }
            out += out_channel;
            weights += kernel_height * kernel_width;
            if (bias != NULL)
                ++bias;
        }
    }
}
