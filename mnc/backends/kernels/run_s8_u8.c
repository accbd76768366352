/* A template, written for int8; library.py makes the kernels for uint8 by substituting the type of inputs. */

/* Adds to the sums of a block, pixel by pixel, the products of four neighbouring
 * elements: sum[i][c] += x[i][t] * w[c][t].  The elements before `first` have
 * weights 0. */
MNC_KERNEL void mnc_vector4_s8(int32_t *sum, const int8_t *x, const int8_t *w, int first, int pixel, int block_pixels,
                            int block_channels)
{
    int i;
    int c;
#if defined(MNC_DSP)
    uint32_t even[8];
    uint32_t odd[8];
    uint32_t e;
    uint32_t o;

    (void)first;
    if (block_pixels > block_channels) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            MNC_LOAD_VECTOR4(odd[c], w + (c * 4));
        }
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            MNC_EVEN(even[c], odd[c]);
            MNC_ODD(odd[c], odd[c]);
        }
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_LOAD_VECTOR4(o, x + (i * pixel));
            MNC_EVEN_S8(e, o);
            MNC_ODD_S8(o, o);
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c], e, even[c]);
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c], o, odd[c]);
            }
        }
    } else {
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_LOAD_VECTOR4(o, x + (i * pixel));
            MNC_EVEN_S8(even[i], o);
            MNC_ODD_S8(odd[i], o);
        }
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            MNC_LOAD_VECTOR4(o, w + (c * 4));
            MNC_EVEN(e, o);
            MNC_ODD(o, o);
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c], even[i], e);
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c], odd[i], o);
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
            for (c = 0; c < block_channels; ++c) {
                sum[(i * block_channels) + c] += (int)x[(i * pixel) + t] * MNC_READ_S8(w[(c * 4) + t]);
            }
        }
    }
#endif
}

/* Adds to the sums of a block, pixel by pixel, the products of `run` neighbouring
 * elements.  `unroll` 4-vectors go at once and must divide the whole ones; elements left
 * over are the end of a 4-vector of the run's last four.  A run of less than four is no
 * 4-vector.
 * w: [run / 4][block_channels][4], or [block_channels][run] below four. */
MNC_KERNEL void mnc_run_s8(int32_t *sum, const int8_t *x, const int8_t *w, int run, int pixel, int block_pixels,
                           int block_channels, int unroll)
{
    const int8_t *x_at = x;
    const int8_t *w_at = w;
    int i;
    int c;
    int k;
    int t;

    if (run < 4) {
        MNC_UNROLL
        for (t = 0; t < run; ++t) {
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    sum[(i * block_channels) + c] += (int)x_at[(i * pixel) + t] * MNC_READ_S8(w_at[(c * run) + t]);
                }
            }
        }
    } else {
        for (k = 0; k < (run / 4); k += unroll) {
            MNC_UNROLL
            for (t = 0; t < unroll; ++t) {
                mnc_vector4_s8(sum, x_at + (t * 4), w_at + (t * 4 * block_channels), 0, pixel, block_pixels,
                               block_channels);
            }
            x_at += unroll * 4;
            w_at += unroll * 4 * block_channels;
        }
        if ((run % 4) != 0) {
            mnc_vector4_s8(sum, x_at + (run % 4) - 4, w_at, 4 - (run % 4), pixel, block_pixels, block_channels);
        }
    }
}
