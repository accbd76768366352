/* A template, written for int8; library.py makes the kernels for uint8 by substituting the type of inputs. */

/* The columns of a row that two neighbouring pixels see through a kernel three wide, in
 * pairs as of mnc_pairs_of_columns_s8.  The row moves on by both pixels. */
MNC_KERNEL void mnc_next_columns_s8(uint32_t *outer, uint32_t *middle, const int8_t **row, int stride)
{
    const int8_t *x = *row;
#if defined(MNC_DSP)
    uint32_t word;

    if (stride == 1) {
        MNC_LOAD_MOVING(word, x, 2);
        MNC_EVEN_S8(outer[0], word);
        MNC_ODD_S8(outer[1], word);
        middle[0] = outer[1];
        middle[1] = outer[0];
    } else if (stride == 2) {
        MNC_LOAD_VECTOR4(word, x + 1);
        MNC_EVEN_S8(middle[0], word);
        MNC_ODD_S8(outer[1], word);
        middle[1] = middle[0];
        MNC_LOAD_MOVING(word, x, 4);
        MNC_EVEN_S8(outer[0], word);
    } else {
        MNC_LOAD_VECTOR4(word, x + 2);
        MNC_EVEN_S8(middle[1], word);
        MNC_ODD_S8(outer[1], word);
        MNC_LOAD_MOVING(word, x, 6);
        MNC_EVEN_S8(outer[0], word);
        MNC_ODD_S8(middle[0], word);
    }
#else
    (void)stride;
    (void)outer;
    (void)middle;
#endif
    *row = x;
}

/* Two neighbouring pixels of a block of channels, by a kernel of 3x3 from one channel.
 * record: as mnc_conv2d_single_s8 has them for these channels. */
MNC_KERNEL void mnc_conv2d_two_pixels_s8(const int8_t **x0, const int8_t **x1, const int8_t **x2, int8_t *out,
                                         const int32_t *record, int stride, int out_pixel, int out_channel,
                                         int block_channels, int shift, int shifts, int positive, int low, int high)
{
    int8_t *out_at = out;
    const int size = 9;
    int32_t sum[8];
    int32_t multiplier;
    int32_t offset;
    int c;
    int i;
#if defined(MNC_DSP)
    uint32_t outer[2];
    uint32_t middle[2];
    uint32_t upper[2];
    uint32_t w;
    uint32_t next;

    mnc_next_columns_s8(outer, upper, x0, stride);
    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        MNC_LOAD_TWO(w, next, record + (c * size));
        MNC_PAIRS_PLUS(sum[2 * c], outer[0], w, next);
        MNC_PAIRS_PLUS(sum[(2 * c) + 1], outer[1], w, next);
    }
    mnc_next_columns_s8(outer, middle, x1, stride);
    MNC_PAIR(next, upper[0], middle[0]);
    MNC_PAIR_HIGH(upper[1], middle[1], upper[1]);
    upper[0] = next;
    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        MNC_LOAD_TWO(next, w, record + (c * size) + 2);
        MNC_MULTIPLY_PAIRS(sum[2 * c], outer[0], w);
        MNC_MULTIPLY_PAIRS(sum[(2 * c) + 1], outer[1], w);
        MNC_MULTIPLY_PAIRS(sum[2 * c], upper[0], next);
        MNC_MULTIPLY_PAIRS(sum[(2 * c) + 1], upper[1], next);
    }
    mnc_next_columns_s8(outer, middle, x2, stride);
    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        MNC_LOAD_TWO(w, next, record + (c * size) + 4);
        MNC_MULTIPLY_PAIRS(sum[2 * c], outer[0], w);
        MNC_MULTIPLY_PAIRS(sum[(2 * c) + 1], outer[1], w);
        MNC_MULTIPLY_LOW(sum[2 * c], middle[0], next);
        MNC_MULTIPLY_UPPER_LOW(sum[(2 * c) + 1], middle[1], next);
    }
#else
    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        MNC_UNROLL
        for (i = 0; i < 2; ++i) {
            sum[(2 * c) + i] = mnc_sum3x3_s8(*x0, *x1, *x2, record + (c * size), i * stride, 0, 1, 0);
        }
    }
    *x0 += 2 * stride;
    *x1 += 2 * stride;
    *x2 += 2 * stride;
#endif
    MNC_OPAQUE(out_at);
    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        const int32_t *const scales = record + (c * size) + 6;
        const int own = (shifts != 0) ? ((shifts >> (5 * c)) & 31)
                                      : ((shift == 0) ? (int)MNC_READ_S32(scales[2]) : 0);

        MNC_READ_TWO(multiplier, offset, scales);
        MNC_UNROLL
        for (i = 0; i < 2; ++i) {
            MNC_STORE_S8(out_at + (i * out_pixel) + (c * out_channel),
                         mnc_requantise_enlarged_s8(sum[(2 * c) + i], multiplier, offset, shift, own, positive,
                                                    low, high));
        }
    }
}

/* One row of a convolution of 3x3 from one channel to a few, with stride 1 to 3 and
 * without padding at the sides.  A block is two pixels by a few channels; the second block
 * of an odd number of pixels overlaps the first, the last one of channels that before it.
 * The input's zero point is in the bias; `padding_row` takes the place of a row outside
 * the image.
 * records: for each channel pairs of weights of 16 bits by row and column, w00 w02, then the
 * bias, w01 w11, w10 w12, w20 w22, w21 0, and its scales as mnc_requantise_enlarged_s8
 * takes them.  `shifts` has the own shifts of all channels of the only block, five bits for
 * each, the first the lowest; 0: they are read. */
MNC_KERNEL void mnc_conv2d_single_s8(const int8_t *const *rows, int8_t *out, const int8_t *padding_row,
                                     const int32_t *records, int channels, int stride, int out_width, int out_pixel,
                                     int out_channel, int block_channels, int shift, int shifts, int positive, int low,
                                     int high)
{
    const int8_t *x0 = (rows[0] != NULL) ? rows[0] : padding_row;
    const int8_t *x1 = (rows[1] != NULL) ? rows[1] : padding_row;
    const int8_t *x2 = (rows[2] != NULL) ? rows[2] : padding_row;
    int y = 0;
    int end = (((out_width % 2) != 0) ? 2 : out_width) * out_pixel;
    int odd;

    for (odd = out_width % 2; odd >= 0; --odd) {
        while (y != end) {
            const int8_t *at0 = x0;
            const int8_t *at1 = x1;
            const int8_t *at2 = x2;
            const int32_t *record = records;
            int c;

            for (c = 0; c < channels; c += block_channels) {
                const int first = (c < (channels - block_channels)) ? c : (channels - block_channels);

                at0 = x0;
                at1 = x1;
                at2 = x2;
                MNC_OPAQUE(record);
                mnc_conv2d_two_pixels_s8(&at0, &at1, &at2, out + y + (first * out_channel), record, stride, out_pixel,
                                         out_channel, block_channels, shift, shifts, positive, low, high);
                record += block_channels * 9;
            }
            x0 = at0;
            x1 = at1;
            x2 = at2;
            y += 2 * out_pixel;
        }
        x0 -= stride;
        x1 -= stride;
        x2 -= stride;
        y -= out_pixel;
        end = out_width * out_pixel;
    }
}
