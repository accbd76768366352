/* Adds one row of the kernel to the sums of a block: `pixels` neighbouring output
 * pixels x `channels` output channels.  The first tap lies over column `x` of the
 * row `in`; unless `inner`, taps may lie outside the row; unless `inside`, it may be
 * NULL.  With `first` the sums are 0 and there is one input channel.
 * w: [in_channels][kernel_width][channels]. */
MNC_KERNEL void mnc_conv2d_taps_f32(float *sum, const float *in, const float *w, int x, int inner, int first_channel,
                                    int in_channels, int kernel_width, int stride, int dilation, int in_width,
                                    int in_pixel, int in_channel, int pixels, int channels, int taps, int inside,
                                    int first)
{
    const float *in_at = in;
    const float *w_at = w;
    int i;
    int c;
    int kx;
    int t;
    int k;

    if (inside || (in_at != NULL)) {
        in_at += (x * in_pixel) + (first_channel * in_channel);
        for (k = 0; k < in_channels; ++k) {
            for (kx = 0; kx < kernel_width; kx += taps) {
                MNC_UNROLL
                for (t = kx; t < (kx + taps); ++t) {
                    if (!inner && (((x + (t * dilation)) < 0) || ((x + (t * dilation)) >= in_width))) {
                        continue;
                    }
                    MNC_UNROLL
                    for (i = 0; i < pixels; ++i) {
                        MNC_UNROLL
                        for (c = 0; c < channels; ++c) {
                            sum[(i * channels) + c] =
                                mnc_add_product_f32(sum[(i * channels) + c],
                                                    in_at[((i * stride) + (t * dilation)) * in_pixel],
                                                    MNC_READ(w_at[(t * channels) + c]), first && (t == 0));
                        }
                    }
                }
            }
            in_at += in_channel;
            w_at += kernel_width * channels;
        }
    }
}

/* One block of a row of a convolution, whose sums stay in registers; the arguments
 * are those of mnc_conv2d_taps_f32.  With `unroll_rows` there is code for each row
 * of the kernel.
 * weights: [kernel_height][in_channels][kernel_width][channels]. */
MNC_KERNEL void mnc_conv2d_block_f32(const float *const *rows, float *out, const float *weights, const float *bias,
                                     int x, int inner, int first_channel, int in_channels, int kernel_height,
                                     int kernel_width, int stride, int dilation, int in_width, int in_pixel,
                                     int in_channel, int out_pixel, int out_channel, int pixels, int channels,
                                     int unroll_rows, int taps, int inside, int activation, float high)
{
    const int row = in_channels * kernel_width * channels;
    float sum[28];
    int i;
    int c;
    int ky;

    MNC_UNROLL
    for (i = 0; i < pixels; ++i) {
        MNC_UNROLL
        for (c = 0; c < channels; ++c) {
            sum[(i * channels) + c] = (bias == NULL) ? 0.0f : MNC_READ(bias[c]);
        }
    }
    if (unroll_rows != 0) {
        const int one_run = (bias == NULL) && (in_channels == 1) && (taps == kernel_width);

        MNC_UNROLL
        for (ky = 0; ky < kernel_height; ++ky) {
            mnc_conv2d_taps_f32(sum, rows[ky], weights + (ky * row), x, inner, first_channel, in_channels, kernel_width,
                                stride, dilation, in_width, in_pixel, in_channel, pixels, channels, taps, inside,
                                inside && inner && one_run && (ky == 0));
        }
    } else {
        for (ky = 0; ky < kernel_height; ++ky) {
            mnc_conv2d_taps_f32(sum, rows[ky], weights + (ky * row), x, inner, first_channel, in_channels, kernel_width,
                                stride, dilation, in_width, in_pixel, in_channel, pixels, channels, taps, inside, 0);
        }
    }
    MNC_UNROLL
    for (i = 0; i < pixels; ++i) {
        MNC_UNROLL
        for (c = 0; c < channels; ++c) {
            out[(i * out_pixel) + (c * out_channel)] = mnc_activate_f32(sum[(i * channels) + c], activation, high);
        }
    }
}

/* One row of a convolution.  Output pixels from `inner_begin` to `inner_end`
 * see no padding at the sides and go in blocks, the last of which reaches back
 * over the one before instead of being cut; the others go one by one.
 * in_channels and out_channels count the channels of one group, group_size is the
 * distance from one group's output channels to the next one's; `taps` of the
 * kernel's columns are unrolled and must divide kernel_width, and with `unroll_rows`
 * so are its rows.  With `inside` no row is NULL.
 * weights: [groups][out_channels / block_channels][kernel_height][in_channels][kernel_width][block_channels]. */
MNC_KERNEL void mnc_conv2d_f32(const float *const *rows, float *out, const float *weights, const float *bias,
                               int groups, int in_channels, int out_channels, int group_size, int kernel_height,
                               int kernel_width, int stride, int dilation, int padding, int in_width, int out_width,
                               int inner_begin, int inner_end, int in_pixel, int in_channel, int out_pixel,
                               int out_channel, int block_pixels, int block_channels, int unroll_rows, int taps,
                               int inside, int activation, float high)
{
    const float *weights_at = weights;
    const float *bias_at = bias;
    int g;
    int o;
    int p;
    int e;

    for (g = 0; g < groups; ++g) {
        for (o = 0; o < out_channels; o += block_channels) {
            float *const y = out + (((g * group_size) + o) * out_channel);

            p = inner_begin;
            while (p < inner_end) {
                if (p > (inner_end - block_pixels)) {
                    p = inner_end - block_pixels;
                }
                mnc_conv2d_block_f32(rows, y + (p * out_pixel), weights_at, bias_at, (p * stride) - padding, 1,
                                     g * in_channels, in_channels, kernel_height, kernel_width, stride, dilation,
                                     in_width, in_pixel, in_channel, out_pixel, out_channel, block_pixels,
                                     block_channels, unroll_rows, taps, inside, activation, high);
                p += block_pixels;
            }
            for (e = 0; e < (out_width - (inner_end - inner_begin)); ++e) {
                p = (e < inner_begin) ? e : (e + inner_end - inner_begin);
                mnc_conv2d_block_f32(rows, y + (p * out_pixel), weights_at, bias_at, (p * stride) - padding, 0,
                                     g * in_channels, in_channels, kernel_height, kernel_width, stride, dilation,
                                     in_width, in_pixel, in_channel, out_pixel, out_channel, 1, block_channels,
                                     unroll_rows, taps, inside, activation, high);
            }
            weights_at += kernel_height * in_channels * kernel_width * block_channels;
            if (bias_at != NULL) {
                bias_at += block_channels;
            }
        }
    }
}
