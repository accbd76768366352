/* Interleaves the columns of three rows: those of a column, and a fourth element of any
 * value, are neighbours.  `columns` has room for whole vectors of a row. */
MNC_KERNEL void mnc_interleave3_mve_s8(int8_t *columns, const int8_t *row0, const int8_t *row1, const int8_t *row2,
                                       int count)
{
    int j;

#if defined(MNC_MVE)
    for (j = 0; j < count; j += 16) {
        MNC_INTERLEAVE(columns + (j * 4), row0 + j, row1 + j, row2 + j, count - j);
    }
#else
    for (j = 0; j < count; ++j) {
        columns[j * 4] = row0[j];
        columns[(j * 4) + 1] = row1[j];
        columns[(j * 4) + 2] = row2[j];
        columns[(j * 4) + 3] = row2[j];
    }
#endif
}

/* A row of one channel, four outputs at once, `step` apart, from interleaved columns; the
 * last four overlap those before.
 * w: the taps, column by column, each column's three and a 0, and four zeros.
 * scales: bias, multiplier, and shift from -1 down. */
MNC_KERNEL void mnc_depthwise3x3_channel_mve_s8(int8_t *out, const int8_t *columns, const int8_t *w,
                                                const int32_t *scales, int positive, int stride, int out_width,
                                                int step, int zero, int low, int high)
{
    int p;
    int i;
#if defined(MNC_MVE)
    MNC_VECTOR_S8 v;
    MNC_VECTOR_S8 taps;
    MNC_VECTOR_S32 y;
    MNC_VECTOR_S32 least;
    MNC_VECTOR_S32 most;
    MNC_VECTOR_S32 t;

    MNC_LOAD_AT(taps, w);
    MNC_EVERYWHERE(least, low);
    MNC_EVERYWHERE(most, high);
    p = 0;
    while (p < out_width) {
        const int8_t *x;
        int32_t sum[4];

        if (((out_width % 4) != 0) && (p > (out_width - 4))) {
            p = out_width - 4;
        }
        x = columns + (p * stride * 4);
        MNC_UNROLL
        for (i = 0; i < 4; ++i) {
            sum[i] = scales[0];
#if defined(MNC_LOAD_BESIDE)
            MNC_LOAD_BESIDE(v, x, i * stride * 4);
#else
            MNC_LOAD_AT(v, x + (i * stride * 4));
#endif
            MNC_ADD_PRODUCTS(sum[i], v, taps);
        }
        MNC_FOUR(y, sum[0], sum[1], sum[2], sum[3]);
        MNC_HIGH_PRODUCTS_BY(y, scales[1]);
        if (!positive) {
            MNC_ADD_SIGNS(y, t);
        }
        MNC_SHIFT_ALL(y, scales[2]);
        MNC_ADD_TO_ALL(y, zero);
        MNC_WITHIN(y, least, most);
        if (step == 1) {
            MNC_STORE_NARROWED(out + p, y);
        } else {
            MNC_FOUR(t, 0, step, 2 * step, 3 * step);
            MNC_SCATTER_NARROWED(out + (p * step), t, y);
        }
        p += 4;
    }
#else
    (void)positive;
    for (p = 0; p < out_width; ++p) {
        int32_t sum = MNC_READ_S32(scales[0]);

        for (i = 0; i < 12; ++i) {
            if ((i % 4) != 3) {
                sum += columns[(p * stride * 4) + i] * MNC_READ_S8(w[i]);
            }
        }
        out[p * step] =
            mnc_requantise_s8(sum, MNC_READ_S32(scales[1]), (int)MNC_READ_S32(scales[2]), 0, zero, low, high);
    }
#endif
}

/* One row of a depthwise convolution of 3x3 from rows of channel planes, as Helium
 * multiplies: `columns` holds those of one channel interleaved, so that an output's
 * window is twelve neighbours.  Where `rows` has NULL, `padding_row` stands in.
 * weights: [channels][16], as mnc_depthwise3x3_channel_mve_s8 reads them.
 * scales: [channels][3], bias, multiplier and shift. */
MNC_KERNEL void mnc_depthwise3x3_mve_s8(const int8_t *const *rows, int8_t *out, int8_t *columns,
                                        const int8_t *padding_row, const int8_t *weights, const int32_t *scales,
                                        int positive, int channels, int stride, int padding, int in_width,
                                        int out_width, int in_channel, int out_pixel, int out_channel, int in_zero,
                                        int zero, int low, int high)
{
    int8_t *out_at = out;
    const int8_t *weights_at = weights;
    const int32_t *scales_at = scales;
    const int right = ((out_width - 1) * stride) + 3 - padding - in_width;
    const int8_t *row0 = (rows[0] != NULL) ? rows[0] : padding_row;
    const int8_t *row1 = (rows[1] != NULL) ? rows[1] : padding_row;
    const int8_t *row2 = (rows[2] != NULL) ? rows[2] : padding_row;
    const int step0 = (rows[0] != NULL) ? in_channel : 0;
    const int step1 = (rows[1] != NULL) ? in_channel : 0;
    const int step2 = (rows[2] != NULL) ? in_channel : 0;
    int c;

    if (padding > 0) {
        mnc_fill_mve_s8(columns, in_zero, padding * 4);
    }
    for (c = 0; c < channels; ++c) {
        mnc_interleave3_mve_s8(columns + (padding * 4), row0, row1, row2, in_width);
        if (right > 0) {
            mnc_fill_mve_s8(columns + ((padding + in_width) * 4), in_zero, right * 4);
        }
        mnc_depthwise3x3_channel_mve_s8(out_at, columns, weights_at, scales_at, positive, stride, out_width, out_pixel,
                                        zero, low, high);
        row0 += step0;
        row1 += step1;
        row2 += step2;
        out_at += out_channel;
        weights_at += 16;
        scales_at += 3;
    }
}
