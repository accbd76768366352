/* Initialises the sums of a block of pixels x channels with the channels' biases. */
MNC_KERNEL void mnc_begin_s8(int32_t *sum, const int32_t *bias, int block_pixels, int block_channels)
{
    int i, c;

    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c)
            sum[i * block_channels + c] = MNC_READ_S32(bias[c]);
    }
}

/* Adds to the sums of a block, pixel by pixel, the products of four neighbouring
 * elements: sum[i][c] += x[i][t] * w[c][t].  The elements before `first` have
 * weights 0. */
MNC_KERNEL void mnc_quad_s8(int32_t *sum, const int8_t *x, const int8_t *w, int first, int pixel, int block_pixels,
                            int block_channels)
{
    int i, c;
#if defined(MNC_DSP)
    uint32_t even[8], odd[8], e, o;

    (void)first;
    if (block_pixels > block_channels) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c)
            MNC_LOAD_QUAD(odd[c], w + c * 4);
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            MNC_EVEN(even[c], odd[c]);
            MNC_ODD(odd[c], odd[c]);
        }
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_LOAD_QUAD(o, x + i * pixel);
            MNC_EVEN(e, o);
            MNC_ODD(o, o);
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], e, even[c]);
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], o, odd[c]);
            }
        }
    } else {
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_LOAD_QUAD(o, x + i * pixel);
            MNC_EVEN(even[i], o);
            MNC_ODD(odd[i], o);
        }
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            MNC_LOAD_QUAD(o, w + c * 4);
            MNC_EVEN(e, o);
            MNC_ODD(o, o);
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], even[i], e);
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], odd[i], o);
            }
        }
    }
#else
    int t;

    MNC_UNROLL
    for (t = first; t < 4; ++t) {
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c)
                sum[i * block_channels + c] += x[i * pixel + t] * MNC_READ_S8(w[c * 4 + t]);
        }
    }
#endif
}

/* Adds to the sums of a block, pixel by pixel, the products of `run` neighbouring
 * elements.  `unroll` quads go at once and must divide the whole ones; elements left
 * over are the end of a quad of the run's last four.  A run of less than four is no
 * quad.
 * w: [run / 4][block_channels][4], or [block_channels][run] below four. */
MNC_KERNEL void mnc_run_s8(int32_t *sum, const int8_t *x, const int8_t *w, int run, int pixel, int block_pixels,
                           int block_channels, int unroll)
{
    int i, c, k, t;

    if (run < 4) {
        MNC_UNROLL
        for (t = 0; t < run; ++t) {
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c)
                    sum[i * block_channels + c] += x[i * pixel + t] * MNC_READ_S8(w[c * run + t]);
            }
        }
        return;
    }
    for (k = 0; k < run / 4; k += unroll) {
        MNC_UNROLL
        for (t = 0; t < unroll; ++t)
            mnc_quad_s8(sum, x + t * 4, w + t * 4 * block_channels, 0, pixel, block_pixels, block_channels);
        x += unroll * 4;
        w += unroll * 4 * block_channels;
    }
    if (run % 4 != 0)
        mnc_quad_s8(sum, x + run % 4 - 4, w, 4 - run % 4, pixel, block_pixels, block_channels);
}

/* Adds to the sums of a block the products of a run that lies in padding, whose
 * elements all hold `value`.
 * w: [run / 4][block_channels][4], or [block_channels][run] below four. */
MNC_KERNEL void mnc_padding_run_s8(int32_t *sum, int value, const int8_t *w, int run, int block_pixels,
                                   int block_channels)
{
    int i, c, k;

    for (k = 0; k < (run < 4 ? 1 : (run + 3) / 4); ++k) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            int32_t total = 0;
            int t;

            MNC_UNROLL
            for (t = 0; t < (run < 4 ? run : 4); ++t) {
                total += MNC_READ_S8(*w);
                ++w;
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i)
                sum[i * block_channels + c] += total * value;
        }
    }
}

/* Requantises the sums of a block to its outputs. */
MNC_KERNEL void mnc_end_s8(const int32_t *sum, int8_t *out, const int32_t *multiplier, const int8_t *shift,
                           int per_channel, int general, int out_pixel, int out_channel, int block_pixels,
                           int block_channels, int zero, int low, int high)
{
    int i, c;

    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        const int32_t by = MNC_READ_S32(multiplier[c * per_channel]);
        const int power = MNC_READ_S8(shift[c * per_channel]);

        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i)
            out[i * out_pixel + c * out_channel] =
                mnc_requantise_s8(sum[i * block_channels + c], by, power, general, zero, low, high);
    }
}
