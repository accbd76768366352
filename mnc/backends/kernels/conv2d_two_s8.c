/* Adds to the sums of four channels the products of `count` words, a multiple of 4, of two
 * inputs each.  A word holds an input, counted from -128, in either half; times a weight,
 * counted from -128, both halves' products are exact, and one multiplication makes both.
 * sums: of all products, then of those of the upper halves, modulo 2^32.
 * w: [count][4]. */
MNC_KERNEL void mnc_two_products_s8(uint32_t *sums, const uint32_t *x, const int8_t *w, int count)
{
#if defined(MNC_TWO_PRODUCTS)
    MNC_TWO_PRODUCTS(sums, x, w, x + count);
#else
    int k;
    int c;

    for (k = 0; k < count; ++k) {
        MNC_UNROLL
        for (c = 0; c < 4; ++c) {
            const uint32_t both = x[k] * (uint32_t)(uint8_t)MNC_READ_S8(w[(4 * k) + c]);

            sums[c] += both;
            sums[4 + c] += both >> 16;
        }
    }
#endif
}

/* One row of a convolution, channels last, on a core that multiplies 32 bits but has no DSP
 * instructions: two pixels at once, whose inputs lie in the halves of words.  `rows_at_once`
 * rows of the kernel are copied so, padding included, for all output channels; where these
 * are not all rows, sums are kept in between.  The last pixels overlap those before, and so
 * does the last block of four channels.
 * window: rows_at_once * kernel_width * in_channels words, rounded up to a multiple of 4,
 * then eight words for each block of channels.
 * weights: from 0 to 255, [kernel_height / rows_at_once][blocks of channels], each as
 * mnc_two_products_s8 reads it.
 * bias: as for inputs and weights that count from -128. */
MNC_KERNEL void mnc_conv2d_two_s8(const int8_t *const *rows, int8_t *out, int32_t *window, const int8_t *weights,
                                  const int32_t *bias, const int32_t *multiplier, const int8_t *shift, int per_channel,
                                  int in_channels, int out_channels, int kernel_height, int kernel_width, int stride,
                                  int padding, int in_width, int out_width, int in_pixel, int out_pixel,
                                  int out_channel, int rows_at_once, int in_zero, int zero, int low, int high)
{
    const int count = ((rows_at_once * kernel_width * in_channels) + 3) & ~3;
    uint32_t *const x = (uint32_t *)window;
    int p;
    int o;
    int ky;
    int r;
    int j;
    int k;
    int c;

    p = 0;
    while (p < out_width) {
        const int8_t *w = weights;
        uint32_t inputs = 0;
        uint32_t upper = 0;
        uint32_t *sums;

        if (p > (out_width - 2)) {
            p = out_width - 2;
        }
        for (ky = 0; ky < kernel_height; ky += rows_at_once) {
            uint32_t *to = x;

            for (r = ky; r < (ky + rows_at_once); ++r) {
                for (j = 0; j < kernel_width; ++j) {
                    const int first = (p * stride) - padding + j;
                    const int second = first + stride;
                    const int8_t *const a =
                        ((rows[r] != NULL) && (first >= 0) && (first < in_width)) ? (rows[r] + (first * in_pixel))
                            : NULL;
                    const int8_t *const b =
                        ((rows[r] != NULL) && (second >= 0) && (second < in_width)) ? (rows[r] + (second * in_pixel))
                            : NULL;

                    if ((a != NULL) && (b != NULL)) {
                        for (k = 0; k < in_channels; ++k) {
                            *to = ((uint32_t)(uint8_t)a[k] | ((uint32_t)(uint8_t)b[k] << 16)) ^ 0x800080u;
                            inputs += *to;
                            upper += *to++ >> 16;
                        }
                    } else {
                        for (k = 0; k < in_channels; ++k) {
                            const uint32_t lower = (uint32_t)(((a != NULL) ? a[k] : in_zero) + 128);

                            *to = lower | ((uint32_t)(((b != NULL) ? b[k] : in_zero) + 128) << 16);
                            inputs += *to;
                            upper += *to++ >> 16;
                        }
                    }
                }
            }
            while (to < (x + count)) {
                *to = 0;
                ++to;
            }
            sums = x + count;
            for (o = 0; o < out_channels; o += 4) {
                if (ky == 0) {
                    for (c = 0; c < 8; ++c) {
                        sums[c] = 0;
                    }
                }
                mnc_two_products_s8(sums, x, w, count);
                sums += 8;
                w += 4 * count;
            }
        }
        inputs -= upper << 16;
        sums = x + count;
        for (o = 0; o < out_channels; o += 4) {
            const int scaled = o * per_channel;
            const int at = (o < (out_channels - 4)) ? o : (out_channels - 4);

            for (c = 0; c < 4; ++c) {
                const uint32_t begin = (uint32_t)MNC_READ_S32(bias[o + c]);
                const int32_t by = MNC_READ_S32(multiplier[scaled + (c * per_channel)]);
                const int power = MNC_READ_S8(shift[scaled + (c * per_channel)]);
                int8_t *const y = out + (p * out_pixel) + ((at + c) * out_channel);
                int i;

                for (i = 0; i < 2; ++i) {
                    const uint32_t sum = (i == 0) ? (sums[c] - (sums[4 + c] << 16)) : sums[4 + c];

                    y[i * out_pixel] =
                        mnc_requantise_s8((int32_t)(sum + begin - (128u * ((i == 0) ? inputs : upper))), by, power, 0,
                                          zero, low, high);
                }
            }
            sums += 8;
        }
        p += 2;
    }
}
