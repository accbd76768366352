/* Copies `count` bytes. */
MNC_KERNEL void mnc_copy_mve_s8(int8_t *to, const int8_t *from, int count)
{
#if defined(MNC_MVE)
    MNC_VECTOR_S8 v;

    MNC_COPY_VECTORS(to, from, count, v);
#else
    int k;

    for (k = 0; k < count; ++k) {
        to[k] = from[k];
    }
#endif
}

/* Sets `count` bytes. */
MNC_KERNEL void mnc_fill_mve_s8(int8_t *to, int value, int count)
{
#if defined(MNC_MVE)
    MNC_VECTOR_S8 v;

    MNC_FILL_VECTORS(to, value, count, v);
#else
    int k;

    for (k = 0; k < count; ++k) {
        to[k] = (int8_t)value;
    }
#endif
}

/* Copies the columns from `at` on of a row, NULL outside the image; columns outside the
 * row hold `value`. */
MNC_KERNEL void mnc_columns_mve_s8(int8_t *to, const int8_t *row, int at, int columns, int in_width, int channels,
                                   int value)
{
    if ((row != NULL) && (at >= 0) && ((at + columns) <= in_width)) {
        mnc_copy_mve_s8(to, row + (at * channels), columns * channels);
    } else {
        const int first = (at < 0) ? 0 : at;
        const int end = ((at + columns) >= in_width) ? in_width : (at + columns);

        mnc_fill_mve_s8(to, value, columns * channels);
        if ((row != NULL) && (first < end)) {
            mnc_copy_mve_s8(to + ((first - at) * channels), row + (first * channels), (end - first) * channels);
        }
    }
}

/* Adds to the sums of one or two pixels x four or eight channels, pixel by pixel, the
 * products of a window: `rows` rows, `row` bytes apart, of `vectors` vectors of sixteen
 * elements.  The second pixel's window begins `pixel` bytes after the first's; `unroll`
 * vectors go at once and must divide them.
 * w: [rows][vectors][channels][16]. */
MNC_KERNEL void mnc_window_products_mve_s8(int32_t *sum, const int8_t *x, const int8_t *w, int rows, int row,
                                           int vectors, int pixel, int pixels, int channels, int unroll)
{
    const int8_t *w_at = w;
    const int8_t *x_at = x;
#if defined(MNC_MVE)
    const int8_t *const end = w_at + (rows * vectors * channels * 16);
    const int8_t *x0 = x_at;
    const int8_t *x1 = x_at + pixel;
    MNC_VECTOR_S8 a;
    MNC_VECTOR_S8 b;
    MNC_VECTOR_S8 v;
    int t;
    int c;

    do {
        const int8_t *const row_end = w_at + (vectors * channels * 16);

        do {
            MNC_UNROLL
            for (t = 0; t < unroll; ++t) {
#if defined(MNC_LOAD_BESIDE)
                if ((pixels > 1) && (pixel < 128)) {
                    MNC_LOAD_BESIDE(b, x0, (pixel < 128) ? pixel : 0);
                } else
#endif
                if (pixels > 1) {
                    MNC_LOAD_VECTOR(b, x1);
                }
                MNC_LOAD_VECTOR(a, x0);
                MNC_UNROLL
                for (c = 0; c < channels; ++c) {
                    MNC_LOAD_VECTOR(v, w_at);
                    MNC_ADD_PRODUCTS(sum[c], a, v);
                    if (pixels > 1) {
                        MNC_ADD_PRODUCTS(sum[channels + c], b, v);
                    }
                }
            }
        } while ((unroll != vectors) && (w_at != row_end));
        x0 += row - (vectors * 16);
        x1 += row - (vectors * 16);
    } while ((rows != 1) && (w_at != end));
#else
    int r;
    int k;
    int c;
    int i;
    int t;

    (void)unroll;
    for (r = 0; r < rows; ++r) {
        for (k = 0; k < vectors; ++k) {
            for (c = 0; c < channels; ++c) {
                for (i = 0; i < pixels; ++i) {
                    int32_t total = 0;

                    for (t = 0; t < 16; ++t) {
                        total += x_at[(i * pixel) + (k * 16) + t] * MNC_READ_S8(w_at[t]);
                    }
                    sum[(i * channels) + c] += total;
                }
                w_at += 16;
            }
        }
        x_at += row;
    }
#endif
}

/* Requantises four sums of each of `pixels` pixels, `channels` sums apart, to outputs
 * `step` apart.  If results below the zero point are clipped (`positive`), the sign does
 * not matter to the rounding.
 * scales: multipliers of the four, then their shifts, from -1 down. */
MNC_KERNEL void mnc_requantise4_mve_s8(int8_t *out, const int32_t *sum, const int32_t *scales, int positive,
                                       int pixels, int channels, int pixel, int step, int zero, int low, int high)
{
    int i;
#if defined(MNC_MVE)
    MNC_VECTOR_S32 y;
    MNC_VECTOR_S32 by;
    MNC_VECTOR_S32 shift;
    MNC_VECTOR_S32 least;
    MNC_VECTOR_S32 most;
    MNC_VECTOR_S32 t;

    MNC_LOAD_WORDS(by, scales);
    MNC_LOAD_WORDS(shift, scales + 4);
    MNC_EVERYWHERE(least, low);
    MNC_EVERYWHERE(most, high);
    MNC_UNROLL
    for (i = 0; i < pixels; ++i) {
        MNC_FOUR(y, sum[i * channels], sum[(i * channels) + 1], sum[(i * channels) + 2], sum[(i * channels) + 3]);
        MNC_HIGH_PRODUCTS(y, by);
        if (!positive) {
            MNC_ADD_SIGNS(y, t);
        }
        MNC_SHIFT_EACH(y, shift);
        MNC_ADD_TO_ALL(y, zero);
        MNC_WITHIN(y, least, most);
        if (step == 1) {
            MNC_STORE_NARROWED(out + (i * pixel), y);
        } else {
            MNC_FOUR(t, 0, step, 2 * step, 3 * step);
            MNC_SCATTER_NARROWED(out + (i * pixel), t, y);
        }
    }
#else
    int c;

    (void)positive;
    for (i = 0; i < pixels; ++i) {
        for (c = 0; c < 4; ++c) {
            out[(i * pixel) + (c * step)] =
                mnc_requantise_s8(sum[(i * channels) + c], MNC_READ_S32(scales[c]), (int)MNC_READ_S32(scales[4 + c]), 0,
                                  zero, low, high);
        }
    }
#endif
}

/* One row of a convolution of interleaved channels, as Helium multiplies.  A block of
 * pixels copies its window first, borders included: columns that both pixels share if
 * a row of the kernel is whole vectors (`shared`), else all taps of each pixel one after
 * the other, filled up to a vector; a `direct` one reads the row itself while whole
 * vectors of it are left.  The last block of pixels, and of channels, overlaps the one
 * before.
 * weights: [blocks of channels][window_rows][vectors][block_channels][16].
 * scales: [blocks of four channels][2][4]. */
MNC_KERNEL void mnc_conv2d_mve_s8(const int8_t *const *rows, int8_t *out, int8_t *window, const int8_t *weights,
                                  const int32_t *bias, const int32_t *scales, int positive, int in_channels,
                                  int out_channels, int kernel_height, int kernel_width, int stride, int padding,
                                  int in_width, int out_width, int out_pixel, int out_channel, int direct, int shared,
                                  int window_rows, int window_row, int window_pixel, int vectors, int unroll,
                                  int block_pixels, int block_channels, int in_zero, int zero, int low, int high)
{
    const int taps = kernel_height * kernel_width * in_channels;
    int p;
    int o;
    int i;
    int c;
    int ky;

    if (!shared) {
        for (i = 0; i < block_pixels; ++i) {
            mnc_fill_mve_s8(window + (i * window_pixel) + taps, 0, (vectors * 16) - taps);
        }
    } else {
        if (taps < (vectors * 16)) {
            mnc_fill_mve_s8(window + window_row, 0, (vectors * 16) - taps);
        }
    }
    p = 0;
    while (p < out_width) {
        const int8_t *x = window;
        const int8_t *w = weights;
        const int32_t *b = bias;
        const int32_t *s = scales;

        if (((out_width % block_pixels) != 0) && (p > (out_width - block_pixels))) {
            p = out_width - block_pixels;
        }
        if (direct &&
            (((in_channels % 16) == 0) ||
             ((((p + block_pixels - 1) * stride * in_channels) + (vectors * 16)) <= (in_width * in_channels)))) {
            x = rows[0] + (p * stride * in_channels);
        } else {
            for (ky = 0; ky < kernel_height; ++ky) {
                if (shared != 0) {
                    mnc_columns_mve_s8(window + (ky * window_row), rows[ky], (p * stride) - padding,
                                       ((block_pixels - 1) * stride) + kernel_width, in_width, in_channels, in_zero);
                } else {
                    MNC_UNROLL
                    for (i = 0; i < block_pixels; ++i) {
                        mnc_columns_mve_s8(window + (i * window_pixel) + (ky * kernel_width * in_channels), rows[ky],
                                           ((p + i) * stride) - padding, kernel_width, in_width, in_channels, in_zero);
                    }
                }
            }
        }
        o = 0;
        while (o < out_channels) {
            int8_t *y;
            int32_t sum[8];

            if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
                o = out_channels - block_channels;
            }
            y = out + (p * out_pixel) + (o * out_channel);
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    sum[(i * block_channels) + c] = MNC_READ_S32(b[c]);
                }
            }
            mnc_window_products_mve_s8(sum, x, w, window_rows, window_row, vectors, window_pixel, block_pixels,
                                       block_channels, unroll);
            MNC_UNROLL
            for (c = 0; c < block_channels; c += 4) {
                mnc_requantise4_mve_s8(y + (c * out_channel), sum + c, s, positive, block_pixels, block_channels,
                                       out_pixel, out_channel, zero, low, high);
                s += 8;
            }
            w += window_rows * vectors * block_channels * 16;
            b += block_channels;
            o += block_channels;
        }
        p += block_pixels;
    }
}
