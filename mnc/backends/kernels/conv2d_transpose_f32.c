/* One block of a row of a transposed convolution: `pixels` output pixels that
 * see the same taps of the kernel (they lie a stride apart) x `channels` output
 * channels, whose sums stay in registers.  Of the `height` rows, the first lies
 * under the kernel's row `ky` and each next one under that `stride_y` before it;
 * likewise input pixel `x` under column `kx`.  Unless `inner`, taps may lie
 * outside the row.
 * weights: [kernel_height][kernel_width][in_channels][channels]. */
MNC_KERNEL void mnc_conv2d_transpose_block_f32(const float *const *rows, float *out, const float *weights,
                                               const float *bias, int ky, int kx, int x, int inner, int in_channels,
                                               int height, int kernel_width, int stride_y, int stride_x, int dilation,
                                               int in_width, int in_pixel, int in_channel, int out_pixel,
                                               int out_channel, int pixels, int channels, int activation, float high)
{
    int row = ky;
    float sum[28];
    int i;
    int c;
    int j;
    int k;
    int tap;
    int at;

    MNC_UNROLL
    for (i = 0; i < pixels; ++i) {
        MNC_UNROLL
        for (c = 0; c < channels; ++c) {
            sum[(i * channels) + c] = (bias == NULL) ? 0.0f : MNC_READ(bias[c]);
        }
    }
    for (j = 0; j < height; ++j) {
        tap = kx;
        at = x;
        while ((row >= 0) && (rows[j] != NULL) && (tap >= 0)) {
            const float *in = rows[j] + (at * in_pixel);
            const float *w = weights + (((row * kernel_width) + tap) * in_channels * channels);

            if (inner || ((at >= 0) && (at < in_width))) {
                for (k = 0; k < in_channels; ++k) {
                    MNC_UNROLL
                    for (i = 0; i < pixels; ++i) {
                        MNC_UNROLL
                        for (c = 0; c < channels; ++c) {
                            sum[(i * channels) + c] =
                                MNC_FMA(in[i * in_pixel], MNC_READ(w[c]), sum[(i * channels) + c]);
                        }
                    }
                    in += in_channel;
                    w += channels;
                }
            }
            tap -= stride_x;
            at += dilation;
        }
        row -= stride_y;
    }
    MNC_UNROLL
    for (i = 0; i < pixels; ++i) {
        MNC_UNROLL
        for (c = 0; c < channels; ++c) {
            out[(i * out_pixel) + (c * out_channel)] = mnc_activate_f32(sum[(i * channels) + c], activation, high);
        }
    }
}

/* One row of a transposed convolution, gathered: each output pixel asks which
 * input pixels reach it.  The pixels phase, phase + stride_x, ... see equal
 * columns of the kernel, so each phase is a plain convolution; its pixels that
 * see no border go in blocks, the last of which reaches back over the one
 * before instead of being cut, the others one by one.  Output row `row` sees the
 * kernel's rows in steps of stride_y up to
 * kernel_height - stride_y + (row + row_start) % stride_y, `height` at most, and
 * `rows` are the input rows under them; likewise output pixel p, the first input
 * pixel of which is (p + start) / stride_x - before.
 * weights: [out_channels / block_channels][kernel_height][kernel_width][in_channels][block_channels]. */
MNC_KERNEL void mnc_conv2d_transpose_f32(const float *const *rows, float *out, const float *weights, const float *bias,
                                         int row, int in_channels, int out_channels, int height, int kernel_height,
                                         int kernel_width, int stride_y, int stride_x, int dilation, int row_start,
                                         int start, int before, int in_width, int out_width, int in_pixel,
                                         int in_channel, int out_pixel, int out_channel, int block_pixels,
                                         int block_channels, int activation, float high)
{
    const float *weights_at = weights;
    const float *bias_at = bias;
    const int ky = kernel_height - stride_y + ((row + row_start) % stride_y);
    int o;
    int phase;
    int p;
    int e;

    for (o = 0; o < out_channels; o += block_channels) {
        for (phase = 0; phase < stride_x; ++phase) {
            const int kx = kernel_width - stride_x + ((phase + start) % stride_x);
            const int reach = (kx < 0) ? 0 : (kx / stride_x * dilation);
            const int x = ((phase + start) / stride_x) - before;
            const int count = (out_width - phase + stride_x - 1) / stride_x;
            float *const y = out + (o * out_channel) + (phase * out_pixel);
            int begin = (x < 0) ? -x : 0;
            int end = in_width - reach - x;

            end = (end < count) ? end : count;
            if ((end - begin) < block_pixels) {
                begin = 0;
                end = 0;
            }
            p = begin;
            while (p < end) {
                if (p > (end - block_pixels)) {
                    p = end - block_pixels;
                }
                mnc_conv2d_transpose_block_f32(rows, y + (p * stride_x * out_pixel), weights_at, bias_at, ky, kx, x + p,
                                               1, in_channels, height, kernel_width, stride_y, stride_x, dilation,
                                               in_width, in_pixel, in_channel, stride_x * out_pixel, out_channel,
                                               block_pixels, block_channels, activation, high);
                p += block_pixels;
            }
            for (e = 0; e < (count - (end - begin)); ++e) {
                p = (e < begin) ? e : (e + end - begin);
                mnc_conv2d_transpose_block_f32(rows, y + (p * stride_x * out_pixel), weights_at, bias_at, ky, kx, x + p,
                                               0, in_channels, height, kernel_width, stride_y, stride_x, dilation,
                                               in_width, in_pixel, in_channel, stride_x * out_pixel, out_channel, 1,
                                               block_channels, activation, high);
            }
        }
        weights_at += kernel_height * kernel_width * in_channels * block_channels;
        if (bias_at != NULL) {
            bias_at += block_channels;
        }
    }
}
