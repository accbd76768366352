/* Six columns that each tile of four outputs sees, of channels side by side, to the six
 * numbers from which its sums of products are made: Winograd's F(4, 3) along a row.
 * columns: where each column of a row of tiles begins.
 * v: [in_channels][tiles], `step` from one of the six to the next. */
MNC_KERNEL void mnc_tiles_f32(float *v, const float *const *columns, int tiles, int in_channels, int step)
{
    int t;
    int k;

    for (t = 0; t < tiles; ++t) {
        const float *const *const x = columns + (4 * t);
        const float *const x0 = x[0];
        const float *const x1 = x[1];
        const float *const x2 = x[2];
        const float *const x3 = x[3];
        const float *const x4 = x[4];
        const float *const x5 = x[5];

        for (k = 0; k < in_channels; ++k) {
            float *const to = v + (k * tiles) + t;
            const float second = x1[k];
            const float third = x2[k];
            const float fourth = x3[k];
            const float fifth = x4[k];
            const float near_even = MNC_FMA(-4.0f, third, fifth);
            const float near_odd = MNC_FMA(-4.0f, second, fourth);
            const float far_even = fifth - third;
            const float far_odd = fourth - second;

            to[0] = MNC_FMA(4.0f, x0[k], MNC_FMA(-5.0f, third, fifth));
            to[step] = near_even + near_odd;
            to[2 * step] = near_even - near_odd;
            to[3 * step] = MNC_FMA(2.0f, far_odd, far_even);
            to[4 * step] = MNC_FMA(-2.0f, far_odd, far_even);
            to[5 * step] = MNC_FMA(4.0f, second, MNC_FMA(-5.0f, fourth, x5[k]));
        }
    }
}

/* One row of a convolution that is three columns wide, of stride 1, channels last, by
 * Winograd's F(4, 3): four neighbouring outputs take six products of each row of the kernel
 * where they had twelve.  A block of tiles puts its numbers into `window` once, for all
 * output channels.  The last block of pixels overlaps the one before, and so does the last
 * block of channels.  `unroll` rounds of a product's sum are written out and must divide
 * them all.
 * window: [6][kernel_height][in_channels][block_tiles].
 * padding_row: a pixel of zeros.
 * weights: [blocks of channels][6][kernel_height][in_channels][block_channels]. */
MNC_KERNEL void mnc_conv2d_winograd_f32(const float *const *rows, float *out, float *window, const float *padding_row,
                                        const float *weights, const float *bias, int in_channels, int out_channels,
                                        int kernel_height, int padding, int in_width, int out_width, int in_pixel,
                                        int out_pixel, int out_channel, int block_tiles, int block_channels, int unroll,
                                        int activation, float high)
{
    const int count = kernel_height * in_channels;
    const int block_pixels = 4 * block_tiles;
    int p;
    int o;
    int ky;
    int j;
    int k;
    int u;
    int c;
    int t;

    p = 0;
    while (p < out_width) {
        const float *w = weights;

        if (p > (out_width - block_pixels)) {
            p = out_width - block_pixels;
        }
        for (ky = 0; ky < kernel_height; ++ky) {
            const float *const row = rows[ky];
            const float *columns[18];

            for (j = 0; j < (block_pixels + 2); ++j) {
                const int at = p - padding + j;

                columns[j] = ((row == NULL) || (at < 0) || (at >= in_width)) ? padding_row : (row + (at * in_pixel));
            }
            mnc_tiles_f32(window + (ky * in_channels * block_tiles), columns, block_tiles, in_channels,
                          count * block_tiles);
        }
        o = 0;
        while (o < out_channels) {
            const float *v = window;
            float products[6][28];

            if (o > (out_channels - block_channels)) {
                o = out_channels - block_channels;
            }
            for (j = 0; j < 6; ++j) {
                float sum[28];

                MNC_UNROLL
                for (t = 0; t < (block_tiles * block_channels); ++t) {
                    sum[t] = 0.0f;
                }
                for (k = 0; k < count; k += unroll) {
                    MNC_UNROLL
                    for (u = 0; u < unroll; ++u) {
                        MNC_UNROLL
                        for (t = 0; t < block_tiles; ++t) {
                            MNC_UNROLL
                            for (c = 0; c < block_channels; ++c) {
                                MNC_ACCUMULATE(sum[(t * block_channels) + c], v[(u * block_tiles) + t],
                                               MNC_READ(w[(u * block_channels) + c]));
                            }
                        }
                    }
                    v += unroll * block_tiles;
                    w += unroll * block_channels;
                }
                MNC_UNROLL
                for (t = 0; t < (block_tiles * block_channels); ++t) {
                    products[j][t] = sum[t];
                }
            }
            for (c = 0; c < block_channels; ++c) {
                const float first = (bias == NULL) ? 0.0f : MNC_READ(bias[o + c]);

                for (t = 0; t < block_tiles; ++t) {
                    float *const y = out + ((p + (4 * t)) * out_pixel) + ((o + c) * out_channel);
                    const int at = (t * block_channels) + c;
                    const float one = products[1][at] + first;
                    const float near_sum = one + products[2][at];
                    const float near_difference = one - products[2][at];
                    const float far_sum = products[3][at] + products[4][at];
                    const float far_difference = products[3][at] - products[4][at];

                    y[0] = mnc_activate_f32(products[0][at] + near_sum + far_sum, activation, high);
                    y[out_pixel] = mnc_activate_f32(MNC_FMA(2.0f, far_difference, near_difference), activation, high);
                    y[2 * out_pixel] = mnc_activate_f32(MNC_FMA(4.0f, far_sum, near_sum), activation, high);
                    y[3 * out_pixel] =
                        mnc_activate_f32(MNC_FMA(8.0f, far_difference, near_difference) + products[5][at], activation,
                                         high);
                }
            }
            o += block_channels;
        }
        p += block_pixels;
    }
}
