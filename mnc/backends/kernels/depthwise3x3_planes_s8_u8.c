/* A template, written for int8; library.py makes the kernels for uint8 by substituting the type of inputs. */

/* Four neighbouring columns of a row of one channel as a word, all of them inside where
 * `inside` says so; elsewhere the row has at least four, and `in_zero` stands for the
 * others. */
MNC_KERNEL uint32_t mnc_four_columns_s8(const int8_t *x, int column, int in_width, int inside, int in_zero)
{
    uint32_t word = 0;
#if defined(MNC_DSP)
    const uint32_t border = (uint32_t)(in_zero & 255) * 0x01010101u;

    if (inside || ((column >= 0) && ((column + 4) <= in_width))) {
        MNC_LOAD_VECTOR4(word, x + column);
    } else if ((column <= -4) || (column >= in_width)) {
        word = border;
    } else if (column < 0) {
        MNC_LOAD_VECTOR4(word, x);
        word = (word << (-column * 8)) | (border >> ((4 + column) * 8));
    } else {
        MNC_LOAD_VECTOR4(word, x + in_width - 4);
        word = (word >> ((column + 4 - in_width) * 8)) | (border << ((in_width - column) * 8));
    }
#else
    (void)x;
    (void)column;
    (void)in_width;
    (void)inside;
    (void)in_zero;
#endif
    return word;
}

/* The elements of a row that two neighbouring pixels see through a kernel three columns wide, from
 * the column `first` on: the outer elements of either; the middle one of the first pixel in the
 * lower half of middle[0], that of the second in the upper half of middle[1].  A pixel `alone`
 * is the second one, of which the first may be outside. */
MNC_KERNEL void mnc_pairs_of_columns_s8(uint32_t *outer, uint32_t *middle, const int8_t *x, int first, int stride,
                                        int alone, int in_width, int inside, int in_zero)
{
#if defined(MNC_DSP)
    uint32_t word = mnc_four_columns_s8(x, (alone != 0) ? (first + stride - 1) : first, in_width, inside, in_zero);

    if (alone || (stride == 1)) {
        MNC_EVEN_S8(outer[0], word);
        MNC_ODD_S8(outer[1], word);
        middle[0] = outer[1];
        middle[1] = outer[0];
    } else if (stride == 2) {
        MNC_EVEN_S8(outer[0], word);
        word = mnc_four_columns_s8(x, first + 1, in_width, inside, in_zero);
        MNC_EVEN_S8(middle[0], word);
        MNC_ODD_S8(outer[1], word);
        middle[1] = middle[0];
    } else {
        MNC_EVEN_S8(outer[0], word);
        MNC_ODD_S8(middle[0], word);
        word = mnc_four_columns_s8(x, first + 2, in_width, inside, in_zero);
        MNC_EVEN_S8(middle[1], word);
        MNC_ODD_S8(outer[1], word);
    }
#else
    (void)outer;
    (void)middle;
    (void)x;
    (void)first;
    (void)stride;
    (void)alone;
    (void)in_width;
    (void)inside;
    (void)in_zero;
#endif
}

/* The sum of one pixel of a kernel of 3x3 on one channel, with the bias, element by
 * element: x0, x1 and x2 are the rows.
 * record: as mnc_depthwise3x3_planes_s8 has them for one channel. */
MNC_KERNEL int32_t mnc_sum3x3_s8(const int8_t *x0, const int8_t *x1, const int8_t *x2, const int32_t *record, int first,
                                 int in_width, int inside, int in_zero)
{
    int32_t sum = MNC_READ_S32(record[1]);
    int k;
    int j;

    MNC_UNROLL
    for (k = 0; k < 3; ++k) {
        const int8_t *const x = (k == 0) ? x0 : (k == 1) ? x1 : x2;
        const int32_t ends = MNC_READ_S32(record[(k == 0) ? 0 : (k + 2)]);
        const int32_t middle = MNC_READ_S32(record[(k == 2) ? 5 : 2]);

        MNC_UNROLL
        for (j = 0; j < 3; ++j) {
            const int outside = !inside && (((first + j) < 0) || ((first + j) >= in_width));
            const int32_t both = (j == 1) ? middle : ends;
            const int upper = (j == 1) ? (k == 1) : (j == 2);

            sum += (int32_t)((outside != 0) ? in_zero : (int)x[first + j]) *
                   ((upper != 0) ? MNC_SHIFT_RIGHT(both, 16) : (((both & 65535) ^ 32768) - 32768));
        }
    }
    return sum;
}

/* A block of neighbouring pixels of one channel of a depthwise convolution of 3x3, from
 * the column `first` of the rows x0, x1 and x2 on.
 * record: as mnc_depthwise3x3_planes_s8 has them for one channel. */
MNC_KERNEL void mnc_depthwise3x3_block_s8(const int8_t *x0, const int8_t *x1, const int8_t *x2, int8_t *out,
                                          const int32_t *record, int first, int stride, int in_width, int inside,
                                          int out_pixel, int block_pixels, int in_zero, int shift, int positive,
                                          int low, int high)
{
    const int32_t *record_at = record;
    int32_t sum[5];
    int32_t multiplier;
    int32_t offset;
    int32_t own = 0;
    int i;
#if defined(MNC_DSP)
    uint32_t outer[2];
    uint32_t middle[2];
    uint32_t ends;
    uint32_t middles;
    uint32_t next;
    int k;

    MNC_OPAQUE(record_at);
    MNC_LOAD_TWO(ends, next, record_at);
    MNC_LOAD_VECTOR4(middles, record_at + 2);
    MNC_UNROLL
    for (k = 0; k < 3; ++k) {
        if (k == 1) {
            MNC_LOAD_VECTOR4(ends, record_at + 3);
        }
        if (k == 2) {
            MNC_LOAD_TWO(ends, middles, record_at + 4);
        }
        MNC_UNROLL
        for (i = 0; i < block_pixels; i += 2) {
            const int alone = (i + 1) == block_pixels;
            const int at = first + (((alone != 0) ? (i - 1) : i) * stride);
            int32_t *const last = sum + i + 1 - alone;

            mnc_pairs_of_columns_s8(outer, middle, (k == 0) ? x0 : (k == 1) ? x1 : x2, at, stride, alone, in_width,
                                    inside, in_zero);
            if (!alone && (k == 0)) {
                MNC_PAIRS_PLUS(sum[i], outer[0], ends, next);
            } else if (!alone) {
                MNC_MULTIPLY_PAIRS(sum[i], outer[0], ends);
            }
            if (k == 0) {
                MNC_PAIRS_PLUS(*last, outer[1], ends, next);
            } else {
                MNC_MULTIPLY_PAIRS(*last, outer[1], ends);
            }
            if (!alone && (k == 1)) {
                MNC_MULTIPLY_HIGH(sum[i], middle[0], middles);
            } else if (!alone) {
                MNC_MULTIPLY_LOW(sum[i], middle[0], middles);
            }
            if (k == 1) {
                MNC_MULTIPLY_UPPER_HIGH(*last, middle[1], middles);
            } else {
                MNC_MULTIPLY_UPPER_LOW(*last, middle[1], middles);
            }
        }
    }
#else
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        sum[i] = mnc_sum3x3_s8(x0, x1, x2, record_at, first + (i * stride), in_width, inside, in_zero);
    }
#endif
    MNC_READ_TWO(multiplier, offset, record_at + 6);
    if (shift == 0) {
        own = MNC_READ_S32(record_at[8]);
    }
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        MNC_STORE_S8(out + (i * out_pixel), mnc_requantise_enlarged_s8(sum[i], multiplier, offset, shift, (int)own,
                                                                       positive, low, high));
    }
}

/* One row of a depthwise convolution of 3x3 whose input rows lie in planes of at least
 * four columns, channel by channel.  The input's zero point is in the bias, as if padding
 * held it; `padding_row` takes the place of a row outside the image.  The last block of
 * pixels overlaps the one before.
 * records: for each channel pairs of weights of 16 bits by row and column, w00 w02, then the
 * bias, w01 w11, w10 w12, w20 w22, w21 0, and its scales as mnc_requantise_enlarged_s8
 * takes them. */
MNC_KERNEL void mnc_depthwise3x3_planes_s8(const int8_t *const *rows, int8_t *out, const int8_t *padding_row,
                                           const int32_t *records, int channels, int stride, int padding, int in_width,
                                           int out_width, int in_channel, int out_pixel, int out_channel,
                                           int block_pixels, int in_zero, int shift, int positive, int low, int high)
{
    int8_t *out_at = out;
    const int32_t *records_at = records;
    const int8_t *row0 = (rows[0] != NULL) ? rows[0] : padding_row;
    const int8_t *row1 = (rows[1] != NULL) ? rows[1] : padding_row;
    const int8_t *row2 = (rows[2] != NULL) ? rows[2] : padding_row;
    const int step0 = (rows[0] != NULL) ? in_channel : 0;
    const int step1 = (rows[1] != NULL) ? in_channel : 0;
    const int step2 = (rows[2] != NULL) ? in_channel : 0;
    const int step = block_pixels * stride;
    const int last = out_width - block_pixels;
    int c;
    int p;

    for (c = 0; c < channels; ++c) {
        mnc_depthwise3x3_block_s8(row0, row1, row2, out_at, records_at, -padding, stride, in_width, 0, out_pixel,
                                  block_pixels, in_zero, shift, positive, low, high);
        if (last > block_pixels) {
            const int8_t *x0 = row0 + step - padding;
            const int8_t *x1 = row1 + step - padding;
            const int8_t *x2 = row2 + step - padding;

            for (p = block_pixels; p < last; p += block_pixels) {
                mnc_depthwise3x3_block_s8(x0, x1, x2, out_at + (p * out_pixel), records_at, 0, stride, in_width, 1,
                                          out_pixel, block_pixels, in_zero, shift, positive, low, high);
                x0 += step;
                x1 += step;
                x2 += step;
            }
        }
        if (last > 0) {
            mnc_depthwise3x3_block_s8(row0, row1, row2, out_at + (last * out_pixel), records_at, (last * stride) -
                                      padding, stride, in_width, 0, out_pixel, block_pixels, in_zero, shift, positive,
                                      low, high);
        }
        row0 += step0;
        row1 += step1;
        row2 += step2;
        out_at += out_channel;
        records_at += 9;
    }
}
