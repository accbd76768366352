/* One weight of a channel; if it is `kept`, it is a copy in RAM. */
MNC_KERNEL int32_t mnc_tap_s8(const int8_t *weight, int kept)
{
    return (kept != 0) ? *weight : MNC_READ_S8(*weight);
}

/* The nine weights of a channel: with DSP instructions as five pairs, three of them
 * the upper two rows of a column.
 * weights: w00 w01 w10 w11 w02 w20 w12 w21 w22, row and column of each. */
MNC_KERNEL void mnc_taps3x3_s8(int32_t *taps, const int8_t *weights, int kept)
{
#if defined(MNC_DSP)
    int32_t word;

    (void)kept;
    MNC_LOAD_VECTOR4(word, weights);
    MNC_EVEN(taps[0], word);
    MNC_ODD(taps[1], word);
    MNC_LOAD_VECTOR4(word, weights + 4);
    MNC_EVEN(taps[2], word);
    MNC_ODD(taps[3], word);
    taps[4] = weights[8];
#else
    taps[0] = mnc_tap_s8(weights, kept);
    taps[1] = mnc_tap_s8(weights + 1, kept);
    taps[2] = mnc_tap_s8(weights + 4, kept);
    taps[3] = mnc_tap_s8(weights + 2, kept);
    taps[4] = mnc_tap_s8(weights + 3, kept);
    taps[5] = mnc_tap_s8(weights + 6, kept);
    taps[6] = mnc_tap_s8(weights + 5, kept);
    taps[7] = mnc_tap_s8(weights + 7, kept);
    taps[8] = mnc_tap_s8(weights + 8, kept);
#endif
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

/* A column of three inputs of padding, which holds `value`: with DSP instructions the
 * upper two are a pair. */
MNC_KERNEL void mnc_padding_column3x3_s8(int32_t *column, int value)
{
#if defined(MNC_DSP)
    MNC_PAIR(column[0], value, value);
    column[1] = value;
#else
    column[0] = value;
    column[1] = value;
    column[2] = value;
#endif
}

/* sum plus the column times column `kx` of the taps. */
MNC_KERNEL int32_t mnc_multiply_column3x3_s8(int32_t sum, const int32_t *column, const int32_t *taps, int kx)
{
#if defined(MNC_DSP)
    MNC_MULTIPLY_PAIRS(sum, column[0], taps[kx]);
    if (kx == 1) {
        MNC_MULTIPLY_HIGH(sum, column[1], taps[3]);
    } else {
        MNC_MULTIPLY_LOW(sum, column[1], taps[3 + (kx / 2)]);
    }
    return sum;
#else
    return sum + (column[0] * taps[kx]) + (column[1] * taps[3 + kx]) + (column[2] * taps[6 + kx]);
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
                                    int end, int in_pixel, int in_channel, int out_pixel, int out_channel,
                                    int block_pixels, int whole_row, int in_zero, int zero, int low, int high)
{
    int8_t *out_at = out;
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    const int inside = (rows[0] != NULL) && (rows[1] != NULL) && (rows[2] != NULL);
    const int8_t *const some = (rows[0] != NULL) ? rows[0] : (rows[1] != NULL) ? rows[1] : rows[2];
    const int8_t *row0 = (rows[0] != NULL) ? rows[0] : some;
    const int8_t *row1 = (rows[1] != NULL) ? rows[1] : some;
    const int8_t *row2 = (rows[2] != NULL) ? rows[2] : some;
    int c;
    int p;
    int i;
    int j;
    int k;

    for (c = 0; c < channels; ++c) {
        const int32_t by = MNC_READ_S32(*multiplier_at);
        const int power = MNC_READ_S8(*shift_at);
        int32_t start = MNC_READ_S32(*bias_at);
        int32_t taps[9];
        int32_t column[3];
        int32_t sum[8];

        if (inside != 0) {
            mnc_taps3x3_s8(taps, weights_at, 0);
        } else {
            int8_t kept[9];

            for (k = 0; k < 9; ++k) {
                kept[k] = MNC_READ_S8(weights_at[k]);
            }
            if (rows[0] == NULL) {
                start += in_zero * ((int32_t)kept[0] + kept[1] + kept[4]);
                kept[0] = 0;
                kept[1] = 0;
                kept[4] = 0;
            }
            if (rows[1] == NULL) {
                start += in_zero * ((int32_t)kept[2] + kept[3] + kept[6]);
                kept[2] = 0;
                kept[3] = 0;
                kept[6] = 0;
            }
            if (rows[2] == NULL) {
                start += in_zero * ((int32_t)kept[5] + kept[7] + kept[8]);
                kept[5] = 0;
                kept[7] = 0;
                kept[8] = 0;
            }
            mnc_taps3x3_s8(taps, kept, 1);
        }
        p = begin;
        while (p < end) {
            const int columns = ((block_pixels - 1) * stride) + 3;
            int first;

            if ((((end - begin) % block_pixels) != 0) && (p > (end - block_pixels))) {
                p = end - block_pixels;
            }
            first = (p * stride) - padding;
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                sum[i] = start;
            }
            MNC_UNROLL
            for (j = 0; j < columns; ++j) {
                const int at = (first + j) * in_pixel;

                if (whole_row && (((first + j) < 0) || ((first + j) >= in_width))) {
                    mnc_padding_column3x3_s8(column, in_zero);
                } else {
                    mnc_column3x3_s8(column, row0 + at, row1 + at, row2 + at);
                }
                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i) {
                    if ((j >= (i * stride)) && ((j - (i * stride)) < 3)) {
                        sum[i] = mnc_multiply_column3x3_s8(sum[i], column, taps, j - (i * stride));
                    }
                }
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                out_at[(p + i) * out_pixel] = mnc_requantise_s8(sum[i], by, power, general, zero, low, high);
            }
            p += block_pixels;
        }
        for (p = (begin > 0) ? 0 : end; p < out_width; p = ((p + 1) == begin) ? end : (p + 1)) {
            sum[0] = start;
            MNC_UNROLL
            for (j = 0; j < 3; ++j) {
                const int at = (p * stride) - padding + j;

                if ((at >= 0) && (at < in_width)) {
                    mnc_column3x3_s8(column, row0 + (at * in_pixel), row1 + (at * in_pixel), row2 + (at * in_pixel));
                } else {
                    mnc_padding_column3x3_s8(column, in_zero);
                }
                sum[0] = mnc_multiply_column3x3_s8(sum[0], column, taps, j);
            }
            out_at[p * out_pixel] = mnc_requantise_s8(sum[0], by, power, general, zero, low, high);
        }
        row0 += in_channel;
        row1 += in_channel;
        row2 += in_channel;
        out_at += out_channel;
        weights_at += 9;
        ++bias_at;
        multiplier_at += per_channel;
        shift_at += per_channel;
    }
}
