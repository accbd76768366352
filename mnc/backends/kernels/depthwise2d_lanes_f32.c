/* `pixels` neighbouring output pixels of the channels from `channel` on, as many as there
 * are lanes, whose sums stay in registers.  The first tap lies over column `first` of the
 * rows `rows`, which are NULL outside the image; what lies outside a row of `in_width`
 * columns adds nothing, and with literal sizes costs nothing.
 * weights: [kernel_height][kernel_width][channels]. */
MNC_KERNEL void mnc_depthwise2d_lanes_block_f32(const float *const *rows, float *out, const float *weights,
                                                const float *bias, int first, int channel, int channels,
                                                int kernel_height, int kernel_width, int stride, int dilation,
                                                int in_width, int out_pixel, int pixels, int activation, float high)
{
    int done = 0; /* pixels, by vectors */
    int i;
    int ky;
    int kx;
#if defined(MNC_LANES)
    MNC_LANES_F32 sum[8];
    MNC_LANES_F32 w;
    MNC_LANES_F32 x;

    if (channels >= MNC_LANES) {
        MNC_LOAD_LANES(sum[0], bias + channel);
        MNC_UNROLL
        for (i = 1; i < pixels; ++i) {
            sum[i] = sum[0];
        }
        MNC_UNROLL
        for (ky = 0; ky < kernel_height; ++ky) {
            const float *const in = rows[ky];

            if (in == NULL) {
                continue;
            }
            MNC_UNROLL
            for (kx = 0; kx < kernel_width; ++kx) {
                MNC_LOAD_LANES(w, weights + (((ky * kernel_width) + kx) * channels) + channel);
                MNC_UNROLL
                for (i = 0; i < pixels; ++i) {
                    const int at = first + (i * stride) + (kx * dilation);

                    if ((at < 0) || (at >= in_width)) {
                        continue;
                    }
                    MNC_LOAD_LANES(x, in + (at * channels) + channel);
                    MNC_MULTIPLY_LANES(sum[i], x, w);
                }
            }
        }
        MNC_UNROLL
        for (i = 0; i < pixels; ++i) {
            MNC_CLIP_LANES(sum[i], activation, high);
            MNC_STORE_LANES(out + (i * out_pixel) + channel, sum[i], MNC_LANES);
        }
        done = pixels;
    }
#endif
    for (i = done; i < pixels; ++i) {
        float total = MNC_READ(bias[channel]);

        for (ky = 0; ky < kernel_height; ++ky) {
            for (kx = 0; kx < kernel_width; ++kx) {
                const int at = first + (i * stride) + (kx * dilation);

                if ((rows[ky] != NULL) && (at >= 0) && (at < in_width)) {
                    total = MNC_FMA(rows[ky][(at * channels) + channel],
                                    MNC_READ(weights[(((ky * kernel_width) + kx) * channels) + channel]), total);
                }
            }
        }
        out[(i * out_pixel) + channel] = mnc_activate_f32(total, activation, high);
    }
}

/* One row of a depthwise convolution of interleaved channels as vectors compute it, lanes
 * along the channels, which fill one at least; the last ones overlap those before.  If
 * only the ends of a row see padding (`inner`), these are the first block of pixels,
 * `blocks` blocks and the last one, which overlaps the one before; or they are all in one
 * block, the `whole_row`. */
MNC_KERNEL void mnc_depthwise2d_lanes_f32(const float *const *rows, float *out, const float *weights,
                                          const float *bias, int channels, int kernel_height, int kernel_width,
                                          int stride, int dilation, int padding, int in_width, int out_width,
                                          int inner, int whole_row, int blocks, int out_pixel, int block_pixels,
                                          int activation, float high)
{
#if defined(MNC_LANES)
    const int step = (channels >= MNC_LANES) ? MNC_LANES : 1;
#else
    const int step = 1;
#endif
    const int last = out_width - block_pixels;
    const int columns = ((block_pixels - 1) * stride) + ((kernel_width - 1) * dilation) + 1;
    const float *inside[16];
    int c;
    int p;
    int ky;

    c = 0;
    while (c < channels) {
        if (c > (channels - step)) {
            c = channels - step;
        }
        if (!inner) {
            p = 0;
            while (p < out_width) {
                if (p > last) {
                    p = last;
                }
                mnc_depthwise2d_lanes_block_f32(rows, out + (p * out_pixel), weights, bias, (p * stride) - padding, c,
                                                channels, kernel_height, kernel_width, stride, dilation, in_width,
                                                out_pixel, block_pixels, activation, high);
                p += block_pixels;
            }
        } else {
            mnc_depthwise2d_lanes_block_f32(rows, out, weights, bias, -padding, c, channels, kernel_height,
                                            kernel_width, stride, dilation, in_width, out_pixel, block_pixels,
                                            activation, high);
            for (p = 1; p <= blocks; ++p) {
                MNC_UNROLL
                for (ky = 0; ky < kernel_height; ++ky) {
                    inside[ky] = (rows[ky] == NULL) ? NULL
                        : (rows[ky] + (((p * block_pixels * stride) - padding) * channels));
                }
                mnc_depthwise2d_lanes_block_f32(inside, out + (p * block_pixels * out_pixel), weights, bias, 0, c,
                                                channels, kernel_height, kernel_width, stride, dilation, columns,
                                                out_pixel, block_pixels, activation, high);
            }
            if (!whole_row) {
                mnc_depthwise2d_lanes_block_f32(rows, out + (last * out_pixel), weights, bias, (last * stride) -
                                                padding, c, channels, kernel_height, kernel_width, stride, dilation,
                                                in_width, out_pixel, block_pixels, activation, high);
            }
        }
        c += step;
    }
}
