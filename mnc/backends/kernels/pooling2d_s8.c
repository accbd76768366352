/* The mean of each channel, `block_channels` channels at a time: the multiplier
 * divides by their number and goes to the output's scale. */
MNC_KERNEL void mnc_global_average_s8(const int8_t *in, int8_t *out, int rows, int pixels, int channels, int in_row,
                                      int in_pixel, int in_channel, int block_channels, int in_zero,
                                      int32_t multiplier, int shift, int zero, int low, int high)
{
    int c;
    int y;
    int p;
    int i;

    c = 0;
    while (c < channels) {
        int32_t sum[16];

        if (c > (channels - block_channels)) {
            c = channels - block_channels;
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            sum[i] = -(int32_t)rows * pixels * in_zero;
        }
        for (y = 0; y < rows; ++y) {
            const int8_t *x = in + (y * in_row) + (c * in_channel);

            for (p = 0; p < pixels; ++p) {
                MNC_UNROLL
                for (i = 0; i < block_channels; ++i) {
                    sum[i] += x[i * in_channel];
                }
                x += in_pixel;
            }
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            out[c + i] = mnc_requantise_s8(sum[i], multiplier, shift, 1, zero, low, high);
        }
        c += block_channels;
    }
}

/* One row of max pooling of four channels or more, four at a time; the last four overlap
 * those before.  Elements outside the input do not count. */
MNC_KERNEL void mnc_max_pooling2d_fours_s8(const int8_t *const *rows, int8_t *out, int channels, int pool_height,
                                           int pool_width, int stride, int padding, int in_width, int out_width,
                                           int in_pixel, int out_pixel)
{
    int p;

    for (p = 0; p < out_width; ++p) {
        const int x = (p * stride) - padding;
        const int first = (x < 0) ? -x : 0;
        const int inside = in_width - x;
        const int last = (pool_width > inside) ? inside : pool_width;
        int c;

        for (c = 0; c < channels; c += 4) {
            const int at = (c < (channels - 4)) ? c : (channels - 4);
            int ky;
#if defined(MNC_DSP)
            uint32_t largest = 0x80808080u;
#else
            int largest[4];
            int i;

            MNC_UNROLL
            for (i = 0; i < 4; ++i) {
                largest[i] = -128;
            }
#endif
            for (ky = 0; ky < pool_height; ++ky) {
                const int8_t *in = rows[ky];

                if (in != NULL) {
                    int kx;

                    in += ((x + first) * in_pixel) + at;
                    for (kx = first; kx < last; ++kx) {
#if defined(MNC_DSP)
                        uint32_t word;
                        uint32_t unused;

                        MNC_LOAD_VECTOR4(word, in);
                        MNC_LARGER_OF_FOUR(largest, word, unused);
                        (void)unused;
#else
                        MNC_UNROLL
                        for (i = 0; i < 4; ++i) {
                            largest[i] = (in[i] > largest[i]) ? in[i] : largest[i];
                        }
#endif
                        in += in_pixel;
                    }
                }
            }
#if defined(MNC_DSP)
            MNC_STORE_PAIR(out + (p * out_pixel) + at, largest);
#else
            MNC_UNROLL
            for (i = 0; i < 4; ++i) {
                out[(p * out_pixel) + at + i] = (int8_t)largest[i];
            }
#endif
        }
    }
}
