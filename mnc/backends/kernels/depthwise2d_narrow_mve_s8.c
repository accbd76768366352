/* Adds to the sums of a row's pixels, of four channels each, the products of one row of
 * the kernel; `in` is NULL outside the image.  What lies outside the image is `in_zero`.
 * w: [kernel_width][4]. */
MNC_KERNEL void mnc_depthwise2d_products_mve_s8(int32_t *sum, const int8_t *in, const int8_t *w, int channels,
                                                int kernel_width, int stride, int dilation, int padding, int in_width,
                                                int pixels, int in_zero)
{
    int i;
    int c;
    int kx;

    for (kx = 0; kx < kernel_width; ++kx) {
        for (i = 0; i < pixels; ++i) {
            const int at = (i * stride) + (kx * dilation) - padding;

            for (c = 0; c < 4; ++c) {
                sum[(i * 4) + c] += MNC_READ_S8(w[(kx * 4) + c]) *
                                  (((in == NULL) || (at < 0) || (at >= in_width)) ? in_zero : in[(at * channels) + c]);
            }
        }
    }
}

/* One row of up to six pixels of a depthwise convolution of interleaved channels, as
 * Helium multiplies: four channels at once, in lanes of 32 bits; the last four overlap
 * those before.
 * weights: [blocks of four channels][kernel_height][kernel_width][4].
 * scales: [blocks of four channels][3][4], bias, multipliers, and shifts from -1 down. */
MNC_KERNEL void mnc_depthwise2d_narrow_mve_s8(const int8_t *const *rows, int8_t *out, const int8_t *weights,
                                              const int32_t *scales, int positive, int channels, int kernel_height,
                                              int kernel_width, int stride, int dilation, int padding, int in_width,
                                              int out_width, int out_pixel, int in_zero, int zero, int low, int high)
{
    const int8_t *weights_at = weights;
    const int32_t *scales_at = scales;
    int i;
    int c;
    int ky;

    c = 0;
    while (c < channels) {
#if defined(MNC_MVE) && defined(MNC_LOAD_BESIDE)
        MNC_VECTOR_S32 sum[6];
        MNC_VECTOR_S32 w;
        MNC_VECTOR_S32 x;
        MNC_VECTOR_S32 by;
        MNC_VECTOR_S32 shift;
        MNC_VECTOR_S32 least;
        MNC_VECTOR_S32 most;
        MNC_VECTOR_S32 t;
        int kx;

        if (((channels % 4) != 0) && (c > (channels - 4))) {
            c = channels - 4;
        }
        MNC_UNROLL
        for (i = 0; i < out_width; ++i) {
            MNC_LOAD_WORDS(sum[i], scales_at);
        }
        for (ky = 0; ky < kernel_height; ++ky) {
            const int8_t *const in = rows[ky];

            MNC_UNROLL
            for (kx = 0; kx < kernel_width; ++kx) {
                MNC_MOVE_WIDENED(w, weights_at, 4);
                if (in == NULL) {
                    MNC_UNROLL
                    for (i = 0; i < out_width; ++i) {
                        MNC_ADD_MULTIPLE(sum[i], w, in_zero);
                    }
                } else {
                    const int left = padding - (kx * dilation);
                    const int before = (left > 0) ? ((left + stride - 1) / stride) : 0;
                    const int8_t *from = in + (((before * stride) - left) * channels) + c;

                    MNC_UNROLL
                    for (i = 0; i < out_width; ++i) {
                        const int at = (i * stride) + (kx * dilation) - padding;

                        if ((at < 0) || (at >= in_width)) {
                            MNC_ADD_MULTIPLE(sum[i], w, in_zero);
                        } else {
                            if ((stride * channels) < 128) {
                                MNC_MOVE_WIDENED(x, from, ((stride * channels) < 128) ? (stride * channels) : 0);
                            } else {
                                MNC_LOAD_WIDENED(x, from);
                                from += stride * channels;
                            }
                            MNC_MULTIPLY_VECTORS(x, w);
                            MNC_ADD_VECTORS(sum[i], x);
                        }
                    }
                }
            }
        }
        MNC_EVERYWHERE(least, low);
        MNC_EVERYWHERE(most, high);
        MNC_UNROLL
        for (i = 0; i < out_width; ++i) {
            MNC_LOAD_WORDS(by, scales_at + 4);
            MNC_HIGH_PRODUCTS(sum[i], by);
            if (!positive) {
                MNC_ADD_SIGNS(sum[i], t);
            }
            MNC_LOAD_WORDS(shift, scales_at + 8);
            MNC_SHIFT_EACH(sum[i], shift);
            MNC_ADD_TO_ALL(sum[i], zero);
            MNC_WITHIN(sum[i], least, most);
            MNC_STORE_NARROWED(out + (i * out_pixel) + c, sum[i]);
        }
#else
        int32_t sum[24];

        (void)positive;
        if (((channels % 4) != 0) && (c > (channels - 4))) {
            c = channels - 4;
        }
        for (i = 0; i < (out_width * 4); ++i) {
            sum[i] = MNC_READ_S32(scales_at[i % 4]);
        }
        for (ky = 0; ky < kernel_height; ++ky) {
            mnc_depthwise2d_products_mve_s8(sum, (rows[ky] == NULL) ? NULL : (rows[ky] + c), weights_at, channels,
                                            kernel_width, stride, dilation, padding, in_width, out_width, in_zero);
            weights_at += kernel_width * 4;
        }
        for (i = 0; i < (out_width * 4); ++i) {
            out[(i / 4 * out_pixel) + c + (i % 4)] =
                mnc_requantise_s8(sum[i], MNC_READ_S32(scales_at[4 + (i % 4)]),
                                  (int)MNC_READ_S32(scales_at[8 + (i % 4)]), 0, zero, low, high);
        }
#endif
        scales_at += 12;
        c += 4;
    }
}
