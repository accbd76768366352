/* Six columns that a tile of four outputs sees to the six numbers from which its sums of
 * products are made, of neighbouring channels: Winograd's F(4, 3) along a row, in integers.
 * Elements count from -128, so that a shift to the left stays within its half of a word.
 * Each four channels lie as their even ones, then their odd ones.
 * columns: where each column of a row of tiles begins.  `tile` elements from one tile to
 * the next, `step` from one of its numbers to the next. */
MNC_KERNEL void mnc_tiles_s8(int16_t *v, const int8_t *const *columns, int tiles, int in_channels, int tile, int step)
{
    int k;
    int t;
    int j;
    int h;

    for (k = 0; k < in_channels; k += 4) {
#if defined(MNC_DSP)
        uint32_t d[2][6];

        MNC_UNROLL
        for (t = 0; t < tiles; ++t) {
            MNC_UNROLL
            for (j = 0; j < 6; ++j) {
                if ((t > 0) && (j < 2)) {
                    d[0][j] = d[0][j + 4];
                    d[1][j] = d[1][j + 4];
                } else {
                    uint32_t word;

                    MNC_LOAD_VECTOR4(word, columns[(4 * t) + j] + k);
                    word ^= 0x80808080u;
                    MNC_EVEN_U8(d[0][j], word);
                    MNC_ODD_U8(d[1][j], word);
                }
            }
            MNC_UNROLL
            for (h = 0; h < 2; ++h) {
                const uint32_t *const x = d[h];
                int16_t *const to = v + (t * tile) + k + (2 * h);
                const uint32_t four = x[2] << 2;
                uint32_t a;
                uint32_t b;
                uint32_t y;

                MNC_SUBTRACT_PAIRS(a, x[4], four);
                MNC_SUBTRACT_PAIRS(b, x[3], x[1] << 2);
                MNC_ADD_PAIRS(y, a, b);
                MNC_STORE_PAIR(to + step, y);
                MNC_SUBTRACT_PAIRS(y, a, b);
                MNC_STORE_PAIR(to + (2 * step), y);
                MNC_SUBTRACT_PAIRS(y, x[0] << 2, x[2]);
                MNC_ADD_PAIRS(y, a, y);
                MNC_STORE_PAIR(to, y);
                MNC_SUBTRACT_PAIRS(a, x[4], x[2]);
                MNC_SUBTRACT_PAIRS(b, x[3], x[1]);
                MNC_ADD_PAIRS(b, b, b);
                MNC_ADD_PAIRS(y, a, b);
                MNC_STORE_PAIR(to + (3 * step), y);
                MNC_SUBTRACT_PAIRS(y, a, b);
                MNC_STORE_PAIR(to + (4 * step), y);
                MNC_SUBTRACT_PAIRS(y, x[5] + (x[1] << 2), x[3] + (x[3] << 2));
                MNC_STORE_PAIR(to + (5 * step), y);
            }
        }
#else
        for (t = 0; t < tiles; ++t) {
            for (h = 0; h < 4; ++h) {
                const int channel = k + (((h % 3) == 0) ? h : (3 - h));
                int16_t *const to = v + (t * tile) + k + h;
                int x[6];

                for (j = 0; j < 6; ++j) {
                    x[j] = columns[(4 * t) + j][channel] + 128;
                }
                to[0] = (int16_t)((4 * x[0]) - (5 * x[2]) + x[4]);
                to[step] = (int16_t)(x[4] - (4 * x[2]) + x[3] - (4 * x[1]));
                to[2 * step] = (int16_t)(x[4] - (4 * x[2]) - x[3] + (4 * x[1]));
                to[3 * step] = (int16_t)(x[4] - x[2] + (2 * (x[3] - x[1])));
                to[4 * step] = (int16_t)(x[4] - x[2] - (2 * (x[3] - x[1])));
                to[5 * step] = (int16_t)((4 * x[1]) - (5 * x[3]) + x[5]);
            }
        }
#endif
    }
}

/* Adds to sum[tiles][channels] the products of two neighbouring elements of each tile and
 * each channel's two weights, modulo 2^32; where sums `begin`, they are these. */
MNC_KERNEL void mnc_tile_products_s8(int32_t *sum, const int16_t *v, const int16_t *w, int begin, int tile, int tiles,
                                     int channels)
{
    int t;
    int c;
#if defined(MNC_DSP)
    uint32_t pairs[4];
    uint32_t weights;

    MNC_UNROLL
    for (t = 0; t < tiles; ++t) {
        MNC_LOAD_VECTOR4(pairs[t], v + (t * tile));
    }
    MNC_UNROLL
    for (c = 0; c < channels; ++c) {
        MNC_LOAD_VECTOR4(weights, w + (2 * c));
        MNC_UNROLL
        for (t = 0; t < tiles; ++t) {
            if (begin != 0) {
                MNC_PRODUCTS_OF_PAIRS(sum[(t * channels) + c], pairs[t], weights);
            } else {
                MNC_MULTIPLY_PAIRS(sum[(t * channels) + c], pairs[t], weights);
            }
        }
    }
#else
    MNC_UNROLL
    for (c = 0; c < channels; ++c) {
        const int32_t first = MNC_READ_S16(w[2 * c]);
        const int32_t second = MNC_READ_S16(w[(2 * c) + 1]);

        MNC_UNROLL
        for (t = 0; t < tiles; ++t) {
            int32_t *const s = sum + (t * channels) + c;

            *s = (int32_t)(((begin != 0) ? 0u : (uint32_t)*s) + (uint32_t)(v[t * tile] * first) +
                           (uint32_t)(v[(t * tile) + 1] * second));
        }
    }
#endif
}

/* A number that 24 divides, divided by it: by 8, then times the inverse of 3 modulo 2^32. */
MNC_KERNEL uint32_t mnc_24th(uint32_t x)
{
    return (uint32_t)MNC_SHIFT_RIGHT((int32_t)x, 3) * 0xAAAAAAABu;
}

/* One row of a convolution that is three columns wide, of stride 1, channels last, by
 * Winograd's F(4, 3): four neighbouring outputs take six products of each row of the kernel
 * where they had twelve.  Sums are 24 times the convolution's, modulo 2^32, and their 24th
 * is exact while 24 times a sum of products fits int32.  A block of tiles puts its numbers
 * into `window` once, for all output channels.  The last block of pixels overlaps the one
 * before, and so does the last block of channels.
 * window: [6][block_tiles][kernel_height][in_channels].
 * padding_row: a pixel of the input's zero point.
 * weights: [blocks of channels][6][kernel_height * in_channels / 2][block_channels][2].
 * bias: as for inputs that count from -128.
 * scales: for each channel, or with a `scale_step` of 0 for all, as mnc_requantise_ready_s8
 * takes them. */
MNC_KERNEL void mnc_conv2d_winograd_s8(const int8_t *const *rows, int8_t *out, int16_t *window,
                                       const int8_t *padding_row, const int16_t *weights, const int32_t *bias,
                                       const int32_t *scales, int scale_step, int in_channels, int out_channels,
                                       int kernel_height, int padding, int in_width, int out_width, int in_pixel,
                                       int out_pixel, int out_channel, int block_tiles, int block_channels, int unroll,
                                       int low, int high)
{
    const int tile = kernel_height * in_channels;
    const int step = block_tiles * tile;
    const int block_pixels = 4 * block_tiles;
    int p;
    int o;
    int ky;
    int j;
    int k;
    int c;
    int t;

    p = 0;
    while (p < out_width) {
        const int16_t *w = weights;
        const int32_t *b = bias;
        const int32_t *s = scales;

        if (((out_width % block_pixels) != 0) && (p > (out_width - block_pixels))) {
            p = out_width - block_pixels;
        }
        for (ky = 0; ky < kernel_height; ++ky) {
            const int8_t *const row = rows[ky];
            const unsigned width = (row != NULL) ? (unsigned)in_width : 0u;
            const int8_t *columns[10];

            for (j = 0; j < (block_pixels + 2); ++j) {
                const int at = p - padding + j;

                columns[j] = ((unsigned)at < width) ? (row + (at * in_pixel)) : padding_row;
            }
            mnc_tiles_s8(window + (ky * in_channels), columns, block_tiles, in_channels, tile, step);
        }
        o = 0;
        while (o < out_channels) {
            const int16_t *v = window;
            int32_t products[6][8];

            if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
                o = out_channels - block_channels;
            }
            for (j = 0; j < 6; ++j) {
                int32_t sum[8];

                for (k = 0; k < (tile / 2); k += unroll) {
                    if ((k == 0) && (unroll < (tile / 2))) {
                        MNC_UNROLL
                        for (t = 0; t < (block_tiles * block_channels); ++t) {
                            sum[t] = 0;
                        }
                    }
                    MNC_UNROLL
                    for (t = 0; t < unroll; ++t) {
                        mnc_tile_products_s8(sum, v + (2 * t), w + (2 * t * block_channels), (t == 0) &&
                                             (unroll == (tile / 2)), tile, block_tiles, block_channels);
                    }
                    v += 2 * unroll;
                    w += 2 * unroll * block_channels;
                }
                v += step - tile;
                MNC_UNROLL
                for (t = 0; t < (block_tiles * block_channels); ++t) {
                    products[j][t] = sum[t];
                }
            }
            for (c = 0; c < block_channels; ++c) {
                const uint32_t begin = (uint32_t)MNC_READ_S32(b[c]);
                const int32_t doubled = MNC_READ_S32(s[c * scale_step]);
                const int32_t offset = MNC_READ_S32(s[(c * scale_step) + 1]);
                const int shift = (int)MNC_READ_S32(s[(c * scale_step) + 2]);

                MNC_UNROLL
                for (t = 0; t < block_tiles; ++t) {
                    int8_t *const y = out + ((p + (4 * t)) * out_pixel) + ((o + c) * out_channel);
                    uint32_t m[6];
                    uint32_t sum;
                    uint32_t difference;
                    uint32_t far_sum;
                    uint32_t far_difference;

                    MNC_UNROLL
                    for (j = 0; j < 6; ++j) {
                        m[j] = (uint32_t)products[j][(t * block_channels) + c];
                    }
                    sum = m[1] + m[2];
                    difference = m[1] - m[2];
                    far_sum = m[3] + m[4];
                    far_difference = m[3] - m[4];
                    y[0] = mnc_requantise_ready_s8((int32_t)(mnc_24th(m[0] + sum + far_sum) + begin), doubled, offset,
                                                   shift, 0, low, high);
                    y[out_pixel] =
                        mnc_requantise_ready_s8((int32_t)(mnc_24th(difference + (2u * far_difference)) + begin),
                                                doubled, offset, shift, 0, low, high);
                    y[2 * out_pixel] = mnc_requantise_ready_s8((int32_t)(mnc_24th(sum + (4u * far_sum)) + begin),
                                                               doubled, offset, shift, 0, low, high);
                    y[3 * out_pixel] =
                        mnc_requantise_ready_s8((int32_t)(mnc_24th(difference + (8u * far_difference) + m[5]) + begin),
                                                doubled, offset, shift, 0, low, high);
                }
            }
            b += block_channels;
            s += scale_step * block_channels;
            o += block_channels;
        }
        p += block_pixels;
    }
}
