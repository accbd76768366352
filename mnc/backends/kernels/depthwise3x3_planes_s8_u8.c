/* A template, written for int8; library.py makes the kernels for uint8 by substituting the type of inputs. */

/* Adds to the sums of neighbouring pixels of one channel, or to `bias` where they `begin`,
 * the products of one row of a kernel of 3x3.  The columns from `first` on are read, all of them inside where `inside`
 * says so; the row has at least four.
 * outer: the first and the last weight of the row; middle: its second weight is the
 * element `at` of these two. */
MNC_KERNEL void mnc_depthwise_row3_s8(int32_t *sum, const int8_t *x, const int16_t *outer, const int16_t *middle,
                                      int at, int begin, int32_t bias, int first, int stride, int in_width,
                                      int inside, int block_pixels, int in_zero)
{
    int i, j;
#if defined(MNC_DSP)
    const int columns = (block_pixels - 1) * stride + 3;
    const int words = (columns + 2) / 4;
    const uint32_t border = (uint32_t)(in_zero & 255) * 0x01010101u;
    uint32_t even[5], odd[5], pair, ends, mid;

    MNC_LOAD_VECTOR4(ends, outer);
    MNC_LOAD_VECTOR4(mid, middle);
    MNC_UNROLL
    for (j = 0; j <= words; ++j) {
        const int column = first + 4 * j;

        if (j < words) {
            if (inside || (column >= 0 && column + 4 <= in_width)) {
                MNC_LOAD_VECTOR4(odd[j], x + column);
            } else if (column <= -4 || column >= in_width) {
                odd[j] = border;
            } else if (column < 0) {
                MNC_LOAD_VECTOR4(odd[j], x);
                odd[j] = odd[j] << (-column * 8) | border >> ((4 + column) * 8);
            } else {
                MNC_LOAD_VECTOR4(odd[j], x + in_width - 4);
                odd[j] = odd[j] >> ((column + 4 - in_width) * 8) | border << ((in_width - column) * 8);
            }
            MNC_EVEN_S8(even[j], odd[j]);
            MNC_ODD_S8(odd[j], odd[j]);
        } else if (columns % 4 == 1) {
            if (!inside && column >= in_width)
                even[j] = (uint32_t)in_zero;
            else
                MNC_LOAD_S8(even[j], x + column);
        }
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            const int start = i * stride, word = start / 4;

            if (start % 4 < 2 && j == word) {
                MNC_PAIRS_PLUS(sum[i], start % 2 == 0 ? even[word] : odd[word], ends, begin ? bias : sum[i]);
                if (start % 2 == 0) {
                    if (at == 0)
                        MNC_MULTIPLY_LOW(sum[i], odd[word], mid);
                    else
                        MNC_MULTIPLY_HIGH(sum[i], odd[word], mid);
                } else {
                    if (at == 0)
                        MNC_MULTIPLY_UPPER_LOW(sum[i], even[word], mid);
                    else
                        MNC_MULTIPLY_UPPER_HIGH(sum[i], even[word], mid);
                }
            }
            if (start % 4 >= 2 && j == word + 1) {
                if (start % 2 == 0) {
                    MNC_JOIN(pair, even[word + 1], even[word]);
                    MNC_CROSSED_PLUS(sum[i], pair, ends, begin ? bias : sum[i]);
                    if (at == 0)
                        MNC_MULTIPLY_UPPER_LOW(sum[i], odd[word], mid);
                    else
                        MNC_MULTIPLY_UPPER_HIGH(sum[i], odd[word], mid);
                } else {
                    MNC_JOIN(pair, odd[word + 1], odd[word]);
                    MNC_CROSSED_PLUS(sum[i], pair, ends, begin ? bias : sum[i]);
                    if (at == 0)
                        MNC_MULTIPLY_LOW(sum[i], even[word + 1], mid);
                    else
                        MNC_MULTIPLY_HIGH(sum[i], even[word + 1], mid);
                }
            }
        }
    }
#else
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        if (begin)
            sum[i] = bias;
        MNC_UNROLL
        for (j = 0; j < 3; ++j) {
            const int column = first + i * stride + j;
            const int outside = !inside && (column < 0 || column >= in_width);

            sum[i] += (int32_t)(outside ? in_zero : x[column]) *
                      (j == 1 ? MNC_READ_S16(middle[at]) : MNC_READ_S16(outer[j / 2]));
        }
    }
#endif
}

/* A block of neighbouring pixels of one channel of a depthwise convolution of 3x3.
 * weights: as mnc_depthwise3x3_planes_s8 has them for one channel. */
MNC_KERNEL void mnc_depthwise3x3_block_s8(const int8_t *row0, const int8_t *row1, const int8_t *row2, int8_t *out,
                                          const int16_t *weights, const int32_t *bias, const int32_t *scales,
                                          int positive, int first, int stride, int in_width, int inside,
                                          int out_pixel, int block_pixels, int in_zero, int low, int high)
{
    const int32_t start = MNC_READ_S32(*bias);
    int32_t sum[6], multiplier, offset;
    int i, shift;

    mnc_depthwise_row3_s8(sum, row0, weights, weights + 6, 0, 1, start, first, stride, in_width, inside, block_pixels,
                          in_zero);
    mnc_depthwise_row3_s8(sum, row1, weights + 2, weights + 6, 1, 0, 0, first, stride, in_width, inside, block_pixels,
                          in_zero);
    mnc_depthwise_row3_s8(sum, row2, weights + 4, weights + 8, 0, 0, 0, first, stride, in_width, inside, block_pixels,
                          in_zero);
    multiplier = MNC_READ_S32(scales[0]);
    offset = MNC_READ_S32(scales[1]);
    shift = (int)MNC_READ_S32(scales[2]);
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i)
        out[i * out_pixel] = mnc_requantise_twice_s8(sum[i], multiplier, offset, shift, positive, low, high);
}

/* One row of a depthwise convolution of 3x3 whose input rows lie in planes of at least
 * four columns, channel by channel.  Sums are twice what they stand for, as weights and
 * biases are.  The input's zero point is in the bias, as if padding held it; `padding_row`
 * takes the place of a row outside the image.  The last block of pixels overlaps the one
 * before.
 * weights: [channels][10], w00 w02 w10 w12 w20 w22 w01 w11 w21 0, row and column of each.
 * scales: [channels][3], as mnc_requantise_twice_s8 takes them. */
MNC_KERNEL void mnc_depthwise3x3_planes_s8(const int8_t *const *rows, int8_t *out, const int8_t *padding_row,
                                           const int16_t *weights, const int32_t *bias, const int32_t *scales,
                                           int positive, int channels, int stride, int padding, int in_width,
                                           int out_width, int in_channel, int out_pixel, int out_channel,
                                           int block_pixels, int in_zero, int low, int high)
{
    const int8_t *row0 = rows[0] != NULL ? rows[0] : padding_row, *row1 = rows[1] != NULL ? rows[1] : padding_row;
    const int8_t *row2 = rows[2] != NULL ? rows[2] : padding_row;
    const int step0 = rows[0] != NULL ? in_channel : 0, step1 = rows[1] != NULL ? in_channel : 0;
    const int step2 = rows[2] != NULL ? in_channel : 0;
    const int last = out_width - block_pixels;
    int c, p;

    for (c = 0; c < channels; ++c) {
        mnc_depthwise3x3_block_s8(row0, row1, row2, out, weights, bias, scales, positive, -padding, stride, in_width, 0,
                                  out_pixel, block_pixels, in_zero, low, high);
        for (p = block_pixels; p < last; p += block_pixels)
            mnc_depthwise3x3_block_s8(row0, row1, row2, out + p * out_pixel, weights, bias, scales, positive,
                                      p * stride - padding, stride, in_width, 1, out_pixel, block_pixels, in_zero, low,
                                      high);
        if (last > 0)
            mnc_depthwise3x3_block_s8(row0, row1, row2, out + last * out_pixel, weights, bias, scales, positive,
                                      last * stride - padding, stride, in_width, 0, out_pixel, block_pixels, in_zero,
                                      low, high);
        row0 += step0;
        row1 += step1;
        row2 += step2;
        out += out_channel;
        weights += 10;
        ++bias;
        scales += 3;
    }
}
