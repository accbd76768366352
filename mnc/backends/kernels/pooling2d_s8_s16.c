/* A template, written for int8; library.py makes the kernels for int16 by substituting type names. */

/* One row of max pooling.  Elements outside the input do not count. */
MNC_KERNEL void mnc_max_pooling2d_s8(const int8_t *const *rows, int8_t *out, int channels, int pool_height,
                                     int pool_width, int stride, int padding, int in_width, int out_width,
                                     int in_pixel, int out_pixel)
{
    int c;
    int p;
    int ky;
    int kx;

    for (p = 0; p < out_width; ++p) {
        const int x = (p * stride) - padding;
        const int first = (x < 0) ? -x : 0;
        const int last = ((x + pool_width) <= in_width) ? pool_width : (in_width - x);

        for (c = 0; c < channels; ++c) {
            int largest = -128;

            for (ky = 0; ky < pool_height; ++ky) {
                const int8_t *in = rows[ky];

                if (in == NULL) {
                    continue;
                }
                in += ((x + first) * in_pixel) + c;
                for (kx = first; kx < last; ++kx) {
                    largest = (*in > largest) ? *in : largest;
                    in += in_pixel;
                }
            }
            out[(p * out_pixel) + c] = (int8_t)largest;
        }
    }
}

/* One row of average pooling over the elements inside the input, rounded halves
 * away from zero. */
MNC_KERNEL void mnc_average_pooling2d_s8(const int8_t *const *rows, int8_t *out, int channels, int pool_height,
                                         int pool_width, int stride, int padding, int in_width, int out_width,
                                         int in_pixel, int out_pixel)
{
    int c;
    int p;
    int ky;
    int kx;

    for (p = 0; p < out_width; ++p) {
        const int x = (p * stride) - padding;
        const int first = (x < 0) ? -x : 0;
        const int last = ((x + pool_width) <= in_width) ? pool_width : (in_width - x);

        for (c = 0; c < channels; ++c) {
            int32_t sum = 0;
            int count = 0;

            for (ky = 0; ky < pool_height; ++ky) {
                const int8_t *in = rows[ky];

                if (in == NULL) {
                    continue;
                }
                in += ((x + first) * in_pixel) + c;
                for (kx = first; kx < last; ++kx) {
                    sum += *in;
                    in += in_pixel;
                }
                count += last - first;
            }
            sum = (sum >= 0) ? ((sum + (count / 2)) / count) : -(((count / 2) - sum) / count);
            out[(p * out_pixel) + c] = (int8_t)sum;
        }
    }
}

/* The largest element of each channel, `block_channels` channels at a time. */
MNC_KERNEL void mnc_global_max_s8(const int8_t *in, int8_t *out, int rows, int pixels, int channels, int in_row,
                                  int in_pixel, int in_channel, int block_channels)
{
    int c;
    int y;
    int p;
    int i;

    c = 0;
    while (c < channels) {
        int largest[16];

        if (c > (channels - block_channels)) {
            c = channels - block_channels;
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            largest[i] = -128;
        }
        for (y = 0; y < rows; ++y) {
            const int8_t *x = in + (y * in_row) + (c * in_channel);

            for (p = 0; p < pixels; ++p) {
                MNC_UNROLL
                for (i = 0; i < block_channels; ++i) {
                    largest[i] = (x[i * in_channel] > largest[i]) ? x[i * in_channel] : largest[i];
                }
                x += in_pixel;
            }
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            out[c + i] = (int8_t)largest[i];
        }
        c += block_channels;
    }
}
