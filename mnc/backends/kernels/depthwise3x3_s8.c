/* The nine weights of a channel: with DSP instructions as five pairs, three of them
 * the upper two rows of a column.
 * weights: w00 w01 w10 w11 w02 w20 w12 w21 w22, row and column of each. */
MNC_KERNEL void mnc_taps3x3_s8(int32_t *taps, const int8_t *weights)
{
#if defined(MNC_DSP)
    int32_t quad;

    MNC_LOAD_QUAD(quad, weights);
    MNC_EVEN(taps[0], quad);
    MNC_ODD(taps[1], quad);
    MNC_LOAD_QUAD(quad, weights + 4);
    MNC_EVEN(taps[2], quad);
    MNC_ODD(taps[3], quad);
    taps[4] = weights[8];
#else
    taps[0] = MNC_READ_S8(weights[0]);
    taps[1] = MNC_READ_S8(weights[1]);
    taps[2] = MNC_READ_S8(weights[4]);
    taps[3] = MNC_READ_S8(weights[2]);
    taps[4] = MNC_READ_S8(weights[3]);
    taps[5] = MNC_READ_S8(weights[6]);
    taps[6] = MNC_READ_S8(weights[5]);
    taps[7] = MNC_READ_S8(weights[7]);
    taps[8] = MNC_READ_S8(weights[8]);
#endif
}

/* Makes the taps of row `ky` 0; returns what their sum was. */
MNC_KERNEL int32_t mnc_remove_row3x3_s8(int32_t *taps, int ky)
{
    int32_t sum = 0;
    int kx;
#if defined(MNC_DSP)
    if (ky == 2) {
        MNC_MULTIPLY_PAIRS(sum, taps[3], 0x10001);
        sum += taps[4];
        taps[3] = taps[4] = 0;
        return sum;
    }
    MNC_UNROLL
    for (kx = 0; kx < 3; ++kx) {
        MNC_MULTIPLY_PAIRS(sum, taps[kx], ky == 0 ? 1 : 0x10000);
        taps[kx] &= ky == 0 ? ~(int32_t)0xFFFF : 0xFFFF;
    }
#else
    MNC_UNROLL
    for (kx = 0; kx < 3; ++kx) {
        sum += taps[ky * 3 + kx];
        taps[ky * 3 + kx] = 0;
    }
#endif
    return sum;
}

/* A column of three inputs above one another: with DSP instructions the upper two
 * are a pair. */
MNC_KERNEL void mnc_column3x3_s8(int32_t *column, const int8_t *row0, const int8_t *row1, const int8_t *row2)
{
#if defined(MNC_DSP)
    MNC_LOAD_S8(column[0], row0);
    MNC_LOAD_S8(column[1], row1);
    MNC_PAIR(column[0], column[0], column[1]);
    MNC_LOAD_S8(column[1], row2);
#else
    column[0] = *row0;
    column[1] = *row1;
    column[2] = *row2;
#endif
}

/* The same of padding, which holds `value`. */
MNC_KERNEL void mnc_padding_column3x3_s8(int32_t *column, int value)
{
#if defined(MNC_DSP)
    MNC_PAIR(column[0], value, value);
    column[1] = value;
#else
    column[0] = column[1] = column[2] = value;
#endif
}

/* sum plus the column times column `kx` of the taps. */
MNC_KERNEL int32_t mnc_multiply_column3x3_s8(int32_t sum, const int32_t *column, const int32_t *taps, int kx)
{
#if defined(MNC_DSP)
    MNC_MULTIPLY_PAIRS(sum, column[0], taps[kx]);
    if (kx == 1)
        MNC_MULTIPLY_HIGH(sum, column[1], taps[3]);
    else
        MNC_MULTIPLY_LOW(sum, column[1], taps[3 + kx / 2]);
    return sum;
#else
    return sum + column[0] * taps[kx] + column[1] * taps[3 + kx] + column[2] * taps[6 + kx];
#endif
}

/* One row of a depthwise convolution of 3x3, channel by channel.  The input's zero
 * point is in the bias, as if padding held it; the part of a row that lies outside
 * the image goes into the bias, too.  At least one row is inside.  Pixels from
 * `begin` to `end` go in blocks, the last of which overlaps the one before; they
 * see no padding at the sides, unless `whole_row` says that one block is all the row.
 * weights: [channels][9], as mnc_taps3x3_s8 reads them. */
MNC_KERNEL void mnc_depthwise3x3_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights, const int32_t *bias,
                                    const int32_t *multiplier, const int8_t *shift, int per_channel, int general,
                                    int channels, int stride, int padding, int in_width, int out_width, int begin,
                                    int end, int in_pixel, int out_pixel, int block_pixels, int whole_row, int in_zero,
                                    int zero, int low, int high)
{
    const int inside = rows[0] != NULL && rows[1] != NULL && rows[2] != NULL;
    const int8_t *const some = rows[0] != NULL ? rows[0] : rows[1] != NULL ? rows[1] : rows[2];
    const int8_t *row0 = rows[0] != NULL ? rows[0] : some;
    const int8_t *row1 = rows[1] != NULL ? rows[1] : some;
    const int8_t *row2 = rows[2] != NULL ? rows[2] : some;
    int c, p, i, j, k;

    for (c = 0; c < channels; ++c) {
        const int32_t by = MNC_READ_S32(*multiplier);
        const int power = MNC_READ_S8(*shift);
        int32_t start = MNC_READ_S32(*bias), taps[9], column[3], sum[8];

        mnc_taps3x3_s8(taps, weights);
        if (!inside) {
            MNC_UNROLL
            for (k = 0; k < 3; ++k) {
                if (rows[k] == NULL)
                    start += in_zero * mnc_remove_row3x3_s8(taps, k);
            }
        }
        for (p = begin; p < end; p += block_pixels) {
            const int columns = (block_pixels - 1) * stride + 3;
            int first;

            if ((end - begin) % block_pixels != 0 && p > end - block_pixels)
                p = end - block_pixels;
            first = p * stride - padding;
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i)
                sum[i] = start;
            MNC_UNROLL
            for (j = 0; j < columns; ++j) {
                const int at = (first + j) * in_pixel;

                if (whole_row && (first + j < 0 || first + j >= in_width))
                    mnc_padding_column3x3_s8(column, in_zero);
                else
                    mnc_column3x3_s8(column, row0 + at, row1 + at, row2 + at);
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    if (j >= i * stride && j - i * stride < 3)
                        sum[i] = mnc_multiply_column3x3_s8(sum[i], column, taps, j - i * stride);
                }
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i)
                out[(p + i) * out_pixel] = mnc_requantise_s8(sum[i], by, power, general, zero, low, high);
        }
        for (p = begin > 0 ? 0 : end; p < out_width; p = p + 1 == begin ? end : p + 1) {
            sum[0] = start;
            MNC_UNROLL
            for (j = 0; j < 3; ++j) {
                const int at = p * stride - padding + j;

                if (at >= 0 && at < in_width)
                    mnc_column3x3_s8(column, row0 + at * in_pixel, row1 + at * in_pixel, row2 + at * in_pixel);
                else
                    mnc_padding_column3x3_s8(column, in_zero);
                sum[0] = mnc_multiply_column3x3_s8(sum[0], column, taps, j);
            }
            out[p * out_pixel] = mnc_requantise_s8(sum[0], by, power, general, zero, low, high);
        }
        ++row0;
        ++row1;
        ++row2;
        ++out;
        weights += 9;
        ++bias;
        multiplier += per_channel;
        shift += per_channel;
    }
}
