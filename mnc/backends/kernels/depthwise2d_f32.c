/* One row of a depthwise convolution, channel by channel: each input channel
 * gives `multiplier` output channels.  Where `rows` has NULL, `zeros` (as many
 * as a row has pixels, `in_pixel` apart) stands in, so the taps are never asked
 * whether they count.  Output pixels from `inner_begin` on go in `blocks` blocks
 * that see no padding at the sides, their taps held in registers; the others go
 * one by one.
 * weights: [in_channels][multiplier][kernel_height][kernel_width]. */
MNC_KERNEL void mnc_depthwise2d_f32(const float *const *rows, const float *zeros, float *out, const float *weights,
                                    const float *bias, int in_channels, int multiplier, int kernel_height,
                                    int kernel_width, int stride, int dilation, int padding, int in_width,
                                    int out_width, int inner_begin, int blocks, int in_pixel, int in_channel,
                                    int out_pixel, int out_channel, int block_pixels, int activation, float high)
{
    const float *row[16], *in[16];
    float tap[16], sum[8];
    int c, m, b, p, i, ky, kx;

    for (c = 0; c < in_channels; ++c) {
        MNC_UNROLL
        for (ky = 0; ky < kernel_height; ++ky)
            row[ky] = rows[ky] == NULL ? zeros : rows[ky] + c * in_channel;
        for (m = 0; m < multiplier; ++m) {
            const float start = bias == NULL ? 0.0f : MNC_READ(*bias);
            float *y = out + inner_begin * out_pixel;

            MNC_UNROLL
            for (i = 0; i < kernel_height * kernel_width; ++i)
                tap[i] = MNC_READ(weights[i]);
            MNC_UNROLL
            for (ky = 0; ky < kernel_height; ++ky)
                in[ky] = row[ky] + (inner_begin * stride - padding) * in_pixel;
            for (b = 0; b < blocks; ++b) {
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i)
                    sum[i] = start;
                MNC_UNROLL
                for (ky = 0; ky < kernel_height; ++ky) {
                    MNC_UNROLL
                    for (kx = 0; kx < kernel_width; ++kx) {
                        MNC_UNROLL
                        for (i = 0; i < block_pixels; ++i)
                            sum[i] = MNC_FMA(in[ky][(i * stride + kx * dilation) * in_pixel],
                                             tap[ky * kernel_width + kx], sum[i]);
                    }
                    in[ky] += block_pixels * stride * in_pixel;
                }
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i)
                    y[i * out_pixel] = mnc_activate_f32(sum[i], activation, high);
                y += block_pixels * out_pixel;
            }
            for (p = 0; p < out_width; ++p) {
                int x;

                if (p == inner_begin)
                    p += blocks * block_pixels;
                if (p >= out_width)
                    break;
                x = p * stride - padding;
                sum[0] = start;
                MNC_UNROLL
                for (kx = 0; kx < kernel_width; ++kx) {
                    if (x + kx * dilation < 0 || x + kx * dilation >= in_width)
                        continue;
                    MNC_UNROLL
                    for (ky = 0; ky < kernel_height; ++ky)
                        sum[0] = MNC_FMA(row[ky][(x + kx * dilation) * in_pixel], tap[ky * kernel_width + kx], sum[0]);
                }
                out[p * out_pixel] = mnc_activate_f32(sum[0], activation, high);
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
                float total = bias == NULL ? 0.0f : MNC_READ(*bias);

                for (ky = 0; ky < kernel_height; ++ky) {
                    const float *in = rows[ky];
                    int x = p * stride - padding;

                    if (in == NULL)
                        continue;
                    for (kx = 0; kx < kernel_width; ++kx, x += dilation) {
                        if (x >= 0 && x < in_width)
                            total = MNC_FMA(in[x * in_pixel + c * in_channel], MNC_READ(weights[ky * kernel_width + kx]),
                                            total);
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
