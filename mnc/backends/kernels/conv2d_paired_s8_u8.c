/* A template, written for int8; library.py makes the kernels for uint8 by substituting the type of inputs. */

/* Copies neighbouring int8 elements as int16.  Where runs go by fours, each four lie
 * as its even elements, then its odd ones: Arm's SXTB16 widens a word so. */
MNC_KERNEL void mnc_widen_s8(int16_t *to, const int8_t *from, int count, int fours)
{
    int k;
    int t;

    for (k = 0; (k + 16) <= count; k += 16) {
        MNC_UNROLL
        for (t = 0; t < 16; t += 4) {
            mnc_widen_four_s8(to + k + t, from + k + t, fours);
        }
    }
    for (; (k + 4) <= count; k += 4) {
        mnc_widen_four_s8(to + k, from + k, fours);
    }
    for (; k < count; ++k) {
        to[k] = from[k];
    }
}

/* Four elements as mnc_widen_s8 lays them out. */
MNC_KERNEL void mnc_widen_four_s8(int16_t *to, const int8_t *from, int fours)
{
#if defined(MNC_DSP)
    uint32_t even;
    uint32_t odd;

    MNC_LOAD_VECTOR4(odd, from);
    MNC_EVEN_S8(even, odd);
    MNC_ODD_S8(odd, odd);
    if (fours != 0) {
        MNC_STORE_PAIR(to, even);
        MNC_STORE_PAIR(to + 2, odd);
    } else {
        uint32_t pair;

        MNC_PAIR(pair, even, odd);
        MNC_STORE_PAIR(to, pair);
        MNC_PAIR_HIGH(pair, odd, even);
        MNC_STORE_PAIR(to + 2, pair);
    }
#else
    to[0] = from[0];
    to[1] = from[(fours != 0) ? 2 : 1];
    to[2] = from[(fours != 0) ? 1 : 2];
    to[3] = from[3];
#endif
}

/* Copies what a block of output pixels sees as int16: of each row of the kernel,
 * `columns` input columns `column_stride` apart, the first of them `first`.  Where
 * that is padding, the copy holds `in_zero`.  `window_row` elements from one row to
 * the next. */
MNC_KERNEL void mnc_window_s8(int16_t *window, const int8_t *const *rows, int kernel_height, int first, int columns,
                              int column_stride, int in_channels, int in_width, int in_pixel, int window_row,
                              int in_zero)
{
    const int fours = (in_channels % 4) == 0;
    int ky;
    int j;
    int k;

    for (ky = 0; ky < kernel_height; ++ky) {
        const int8_t *const row = rows[ky];
        int16_t *to = window + (ky * window_row);

        if ((row != NULL) && (column_stride == 1) && (in_pixel == in_channels) && (first >= 0) &&
            ((first + columns) <= in_width)) {
            mnc_widen_s8(to, row + (first * in_pixel), columns * in_channels, fours);
        } else {
            for (j = 0; j < columns; ++j) {
                const int at = first + (j * column_stride);

                if ((row != NULL) && (at >= 0) && (at < in_width)) {
                    mnc_widen_s8(to, row + (at * in_pixel), in_channels, fours);
                } else {
                    for (k = 0; k < in_channels; ++k) {
                        to[k] = (int16_t)in_zero;
                    }
                }
                to += in_channels;
            }
        }
    }
}

/* One row of a convolution, channels last, or with a kernel of 1x1 of a dense layer on
 * each pixel.  A block of pixels copies what it sees to `window` once, widened and with
 * its padding, for all output channels.  The input's zero point is in the bias, as if
 * padding held it.  The last block of channels overlaps the one before, and so does the
 * last block of pixels, unless `tail` says that one pixel is left over, which goes with
 * eight channels at once: then blocks have two, and channels are a multiple of eight.
 * weights: [blocks of channels][kernel_height], each as mnc_run_paired_s8 reads it.
 * bias: as the sums, 256 times its own plus the channel's before where the channel is odd. */
MNC_KERNEL void mnc_conv2d_paired_s8(const int8_t *const *rows, int8_t *out, int16_t *window, const int16_t *weights,
                                     const int32_t *bias, const int32_t *scales, int scale_step, int positive,
                                     int in_channels, int out_channels, int kernel_height, int kernel_width, int stride,
                                     int padding, int in_width, int out_width, int in_pixel, int out_pixel,
                                     int out_channel, int block_pixels, int block_channels, int tail, int unroll,
                                     int in_zero, int low, int high)
{
    const int run = kernel_width * in_channels;
    const int pairs = (run + 1) / 2;
    const int columns = (kernel_width == 1) ? block_pixels : (((block_pixels - 1) * stride) + kernel_width);
    const int column_stride = (kernel_width == 1) ? stride : 1;
    const int pixel = ((kernel_width == 1) ? 1 : stride) * in_channels;
    const int window_row = ((columns * in_channels) + (run % 2) + 1) & ~1;
    const int blocked = out_width - tail;
    int p;
    int o;
    int ky;

    if ((run % 2) != 0) {
        for (ky = 0; ky < kernel_height; ++ky) {
            window[(ky * window_row) + (columns * in_channels)] = 0;
        }
    }
    p = 0;
    while (p < blocked) {
        const int16_t *w = weights;
        const int32_t *b = bias;
        const int32_t *s = scales;

        if (((blocked % block_pixels) != 0) && (p > (blocked - block_pixels))) {
            p = blocked - block_pixels;
        }
        mnc_window_s8(window, rows, kernel_height, (p * stride) - padding, columns, column_stride, in_channels,
                      in_width, in_pixel, window_row, in_zero);
        o = 0;
        while (o < out_channels) {
            const int16_t *x = window;
            int32_t sum[16];

            if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
                o = out_channels - block_channels;
            }
            mnc_begin_s8(sum, b, block_pixels, block_channels);
            if ((kernel_height > 1) && ((kernel_height * pairs) <= 24)) {
                MNC_OPAQUE(x);
                MNC_UNROLL
                for (ky = 0; ky < kernel_height; ++ky) {
                    mnc_run_paired_s8(sum, x + (ky * window_row), w + (ky * pairs * block_channels), pairs,
                                      block_channels, 2, pixel, block_pixels, block_channels, unroll);
                }
                w += kernel_height * pairs * block_channels;
            } else {
                for (ky = 0; ky < kernel_height; ++ky) {
                    mnc_run_paired_s8(sum, x, w, pairs, block_channels, 2, pixel, block_pixels, block_channels,
                                      unroll);
                    x += window_row;
                    w += pairs * block_channels;
                }
            }
            mnc_requantise_paired_s8(sum, out + (p * out_pixel) + (o * out_channel), s, scale_step, positive, out_pixel,
                                     out_channel, block_pixels, block_channels, low, high);
            b += block_channels;
            s += scale_step * block_channels;
            o += block_channels;
        }
        p += block_pixels;
    }
    if (tail != 0) {
        mnc_window_s8(window, rows, kernel_height, (blocked * stride) - padding, kernel_width, 1, in_channels, in_width,
                      in_pixel, run, in_zero);
        for (o = 0; o < out_channels; o += 8) {
            int32_t sum[16];

            mnc_begin_s8(sum, bias + o, 1, 8);
            for (ky = 0; ky < kernel_height; ++ky) {
                mnc_run_paired_s8(sum, window + (ky * run), weights + (((o / 2 * kernel_height) + ky) * 2 * pairs),
                                  pairs, 2, kernel_height * 2 * pairs, 0, 1, 8, unroll);
            }
            mnc_requantise_paired_s8(sum, out + (blocked * out_pixel) + (o * out_channel), scales + (scale_step * o),
                                     scale_step, positive, out_pixel, out_channel, 1, 8, low, high);
        }
    }
}
