/* `pixels` neighbouring output pixels x `count` output channels of a convolution of
 * interleaved channels, lanes along the output channels, whose sums stay in registers:
 * twelve vectors at most.  The first tap lies over column `first` of the rows `rows`,
 * which are NULL outside the image; what lies outside a row of `in_width` columns adds
 * nothing, and with literal sizes costs nothing.
 * weights: [channels / packed][kernel_height][kernel_width][in_channels][packed], filled
 * up with zeros, and so is bias. */
MNC_KERNEL void mnc_conv2d_lanes_block_f32(const float *const *rows, float *out, const float *weights,
                                           const float *bias, int first, int packed, int in_channels,
                                           int count, int kernel_height, int kernel_width, int stride,
                                           int dilation, int in_width, int out_pixel, int out_channel, int pixels,
                                           int activation, float high)
{
    const int row = kernel_width * in_channels * packed;
    int done = 0; /* pixels, by vectors */
    int i;
    int c;
    int k;
    int ky;
    int kx;
#if defined(MNC_LANES)
    const int vectors = (count + MNC_LANES - 1) / MNC_LANES;
    const int run = ((dilation == 1) || (kernel_width == 1)) ? kernel_width : 1;
    const int all = kernel_width * in_channels;
    const int together = ((all % MNC_LANES_ROUND) == 0) ? MNC_LANES_ROUND
        : (((all % 3) == 0) ? 3 : (((all % 2) == 0) ? 2 : 1));
    MNC_LANES_F32 sum[12];
    MNC_LANES_F32 w[12];
    MNC_LANES_F32 y;
    MNC_FILLED_F32 x;
    int j;
    int v;

    if ((packed % MNC_LANES) == 0) {
        MNC_UNROLL
        for (v = 0; v < vectors; ++v) {
            MNC_LOAD_LANES(sum[v], bias + (v * MNC_LANES));
            MNC_UNROLL
            for (i = 1; i < pixels; ++i) {
                sum[(i * vectors) + v] = sum[v];
            }
        }
        for (ky = 0; ky < kernel_height; ++ky) {
            const float *in = rows[ky];
            const float *tap = weights + (ky * row);

            if (in == NULL) {
                continue;
            }
            in += first * in_channels;
            if ((run == kernel_width) && (first >= 0) &&
                ((first + ((pixels - 1) * stride) + kernel_width) <= in_width)) {
                for (k = 0; k < (kernel_width * in_channels); k += together) {
                    MNC_UNROLL
                    for (j = 0; j < together; ++j) {
                        MNC_UNROLL
                        for (v = 0; v < vectors; ++v) {
                            MNC_LOAD_LANES(w[v], tap + (v * MNC_LANES / packed * kernel_height * row) +
                                           (v * MNC_LANES % packed));
                        }
                        MNC_UNROLL
                        for (i = 0; i < pixels; ++i) {
                            MNC_FILL_LANES(x, in + (i * stride * in_channels));
                            MNC_UNROLL
                            for (v = 0; v < vectors; ++v) {
                                MNC_MULTIPLY_FILLED(sum[(i * vectors) + v], x, w[v]);
                            }
                        }
                        ++in;
                        tap += packed;
                    }
                }
                continue;
            }
            MNC_UNROLL
            for (kx = 0; kx < kernel_width; ++kx) {
                for (k = 0; k < in_channels; ++k) {
                    MNC_UNROLL
                    for (v = 0; v < vectors; ++v) {
                        MNC_LOAD_LANES(w[v], tap + (v * MNC_LANES / packed * kernel_height * row) +
                                       (v * MNC_LANES % packed));
                    }
                    MNC_UNROLL
                    for (i = 0; i < pixels; ++i) {
                        const int at = first + (i * stride) + (kx * dilation);

                        if ((at < 0) || (at >= in_width)) {
                            continue;
                        }
                        MNC_FILL_LANES(x, in + (((i * stride) + (kx * dilation)) * in_channels) + k);
                        MNC_UNROLL
                        for (v = 0; v < vectors; ++v) {
                            MNC_MULTIPLY_FILLED(sum[(i * vectors) + v], x, w[v]);
                        }
                    }
                    tap += packed;
                }
            }
        }
        MNC_UNROLL
        for (i = 0; i < pixels; ++i) {
            MNC_UNROLL
            for (v = 0; v < vectors; ++v) {
                const int left = ((count - (v * MNC_LANES)) < MNC_LANES) ? (count - (v * MNC_LANES)) : MNC_LANES;

                MNC_CLIP_LANES(sum[(i * vectors) + v], activation, high);
                y = sum[(i * vectors) + v];
                if (out_channel == 1) {
                    MNC_STORE_LANES(out + (i * out_pixel) + (v * MNC_LANES), y, left);
                } else {
                    MNC_UNROLL
                    for (c = 0; c < left; ++c) {
                        out[(i * out_pixel) + (((v * MNC_LANES) + c) * out_channel)] = y[c];
                    }
                }
            }
        }
        done = pixels;
    }
#endif
    for (i = done; i < pixels; ++i) {
        for (c = 0; c < count; ++c) {
            const float *tap = weights + (c / packed * kernel_height * row) + (c % packed);
            float total = MNC_READ(bias[c]);

            for (ky = 0; ky < kernel_height; ++ky) {
                for (kx = 0; kx < kernel_width; ++kx) {
                    const int at = first + (i * stride) + (kx * dilation);

                    for (k = 0; k < in_channels; ++k) {
                        if ((rows[ky] != NULL) && (at >= 0) && (at < in_width)) {
                            total = MNC_FMA(rows[ky][(at * in_channels) + k], MNC_READ(*tap), total);
                        }
                        tap += packed;
                    }
                }
            }
            out[(i * out_pixel) + (c * out_channel)] = mnc_activate_f32(total, activation, high);
        }
    }
}

/* `count` output channels of a row, in blocks of pixels.  If only the ends of a row see
 * padding (`inner`), these are the first block, `blocks` blocks and the last one, which
 * overlaps the one before; or they are all in one block, the `whole_row`. */
MNC_KERNEL void mnc_conv2d_lanes_row_f32(const float *const *rows, float *out, const float *weights,
                                         const float *bias, int packed, int in_channels, int count, int kernel_height,
                                         int kernel_width, int stride, int dilation, int padding, int in_width,
                                         int out_width, int inner, int whole_row, int blocks, int out_pixel,
                                         int out_channel, int block_pixels, int activation, float high)
{
    const int last = out_width - block_pixels;
    const int columns = ((block_pixels - 1) * stride) + ((kernel_width - 1) * dilation) + 1;
    int p;

    if (!inner) {
        p = 0;
        while (p < out_width) {
            if (p > last) {
                p = last;
            }
            mnc_conv2d_lanes_block_f32(rows, out + (p * out_pixel), weights, bias, (p * stride) - padding, packed,
                                       in_channels, count, kernel_height, kernel_width, stride, dilation, in_width,
                                       out_pixel, out_channel, block_pixels, activation, high);
            p += block_pixels;
        }
    } else {
        mnc_conv2d_lanes_block_f32(rows, out, weights, bias, -padding, packed, in_channels, count, kernel_height,
                                   kernel_width, stride, dilation, in_width, out_pixel, out_channel, block_pixels,
                                   activation, high);
        for (p = 1; p <= blocks; ++p) {
            const float *inside[16];
            int ky;

            MNC_UNROLL
            for (ky = 0; ky < kernel_height; ++ky) {
                inside[ky] = (rows[ky] == NULL) ? NULL
                    : (rows[ky] + (((p * block_pixels * stride) - padding) * in_channels));
            }
            mnc_conv2d_lanes_block_f32(inside, out + (p * block_pixels * out_pixel), weights, bias, 0, packed,
                                       in_channels, count, kernel_height, kernel_width, stride, dilation, columns,
                                       out_pixel, out_channel, block_pixels, activation, high);
        }
        if (!whole_row) {
            mnc_conv2d_lanes_block_f32(rows, out + (last * out_pixel), weights, bias, (last * stride) - padding,
                                       packed, in_channels, count, kernel_height, kernel_width, stride, dilation,
                                       in_width, out_pixel, out_channel, block_pixels, activation, high);
        }
    }
}

/* One row of a convolution of interleaved channels as vectors compute it: blocks
 * of `block_pixels` pixels x `block_vectors` vectors of output channels, then the
 * channels that are left. */
MNC_KERNEL void mnc_conv2d_lanes_f32(const float *const *rows, float *out, const float *weights, const float *bias,
                                     int packed, int in_channels, int out_channels, int kernel_height, int kernel_width,
                                     int stride, int dilation, int padding, int in_width, int out_width, int inner,
                                     int whole_row, int blocks, int out_pixel, int out_channel, int block_pixels,
                                     int block_vectors, int activation, float high)
{
    const int each = kernel_height * kernel_width * in_channels;
    int most = packed;
    int whole;
    int o;

    (void)block_vectors;
#if defined(MNC_LANES)
    if ((packed % MNC_LANES) == 0) {
        most = block_vectors * MNC_LANES;
    }
#endif
    whole = out_channels - (out_channels % most);
    for (o = 0; o < whole; o += most) {
        mnc_conv2d_lanes_row_f32(rows, out + (o * out_channel), weights + (o * each), bias + o, packed, in_channels,
                                 most, kernel_height, kernel_width, stride, dilation, padding, in_width, out_width,
                                 inner, whole_row, blocks, out_pixel, out_channel, block_pixels, activation, high);
    }
    if (whole < out_channels) {
        mnc_conv2d_lanes_row_f32(rows, out + (whole * out_channel), weights + (whole * each), bias + whole, packed,
                                 in_channels, out_channels - whole, kernel_height, kernel_width, stride, dilation,
                                 padding, in_width, out_width, inner, whole_row, blocks, out_pixel, out_channel,
                                 block_pixels, activation, high);
    }
}
