/* One row of max pooling, `block_channels` channels at a time, the last block
 * reaching back over the one before.  Elements outside the input do not count. */
MNC_KERNEL void mnc_max_pooling2d_f32(const float *const *rows, float *out, int channels, int pool_height,
                                      int pool_width, int stride, int padding, int in_width, int out_width,
                                      int in_pixel, int in_channel, int out_pixel, int out_channel,
                                      int block_channels)
{
    int c;
    int p;
    int ky;
    int kx;
    int i;

    for (p = 0; p < out_width; ++p) {
        const int x = (p * stride) - padding;
        const int first = (x < 0) ? 0 : x;
        const int last = ((x + pool_width) > in_width) ? in_width : (x + pool_width);

        c = 0;
        while (c < channels) {
            float largest[16];

            if (c > (channels - block_channels)) {
                c = channels - block_channels;
            }
            MNC_UNROLL
            for (i = 0; i < block_channels; ++i) {
                largest[i] = -FLT_MAX;
            }
            for (ky = 0; ky < pool_height; ++ky) {
                const float *in = rows[ky];

                if (in == NULL) {
                    continue;
                }
                in += (first * in_pixel) + (c * in_channel);
                for (kx = first; kx < last; ++kx) {
                    MNC_UNROLL
                    for (i = 0; i < block_channels; ++i) {
                        largest[i] = (in[i * in_channel] > largest[i]) ? in[i * in_channel] : largest[i];
                    }
                    in += in_pixel;
                }
            }
            MNC_UNROLL
            for (i = 0; i < block_channels; ++i) {
                out[(p * out_pixel) + ((c + i) * out_channel)] = largest[i];
            }
            c += block_channels;
        }
    }
}

/* One row of average pooling, `block_channels` channels at a time, the last block
 * reaching back over the one before.  With `whole` the mean is over the whole
 * window, zeros outside the input; otherwise over the elements inside it. */
MNC_KERNEL void mnc_average_pooling2d_f32(const float *const *rows, float *out, int channels, int pool_height,
                                          int pool_width, int stride, int padding, int in_width, int out_width,
                                          int in_pixel, int in_channel, int out_pixel, int out_channel,
                                          int block_channels, int whole)
{
    int c;
    int p;
    int ky;
    int kx;
    int i;
    int height = 0;

    for (ky = 0; ky < pool_height; ++ky) {
        height += whole || (rows[ky] != NULL);
    }
    for (p = 0; p < out_width; ++p) {
        const int x = (p * stride) - padding;
        const int first = (x < 0) ? 0 : x;
        const int last = ((x + pool_width) > in_width) ? in_width : (x + pool_width);
        int count = height * ((whole != 0) ? pool_width : (last - first));
        float part;

        MNC_HIDE(count);
        part = 1.0f / (float)count;
        c = 0;
        while (c < channels) {
            float sum[16];

            if (c > (channels - block_channels)) {
                c = channels - block_channels;
            }
            MNC_UNROLL
            for (i = 0; i < block_channels; ++i) {
                sum[i] = 0.0f;
            }
            for (ky = 0; ky < pool_height; ++ky) {
                const float *in = rows[ky];

                if (in == NULL) {
                    continue;
                }
                in += (first * in_pixel) + (c * in_channel);
                for (kx = first; kx < last; ++kx) {
                    MNC_UNROLL
                    for (i = 0; i < block_channels; ++i) {
                        sum[i] += in[i * in_channel];
                    }
                    in += in_pixel;
                }
            }
            MNC_UNROLL
            for (i = 0; i < block_channels; ++i) {
                out[(p * out_pixel) + ((c + i) * out_channel)] = sum[i] * part;
            }
            c += block_channels;
        }
    }
}

/* The largest element of each channel, `block_channels` channels at a time. */
MNC_KERNEL void mnc_global_max_f32(const float *in, float *out, int rows, int pixels, int channels, int in_row,
                                   int in_pixel, int in_channel, int block_channels)
{
    int c;
    int y;
    int p;
    int i;

    c = 0;
    while (c < channels) {
        float largest[16];

        if (c > (channels - block_channels)) {
            c = channels - block_channels;
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            largest[i] = in[(c + i) * in_channel];
        }
        for (y = 0; y < rows; ++y) {
            const float *x = in + (y * in_row) + (c * in_channel);

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
            out[c + i] = largest[i];
        }
        c += block_channels;
    }
}

/* The mean of each channel, `block_channels` channels at a time. */
MNC_KERNEL void mnc_global_average_f32(const float *in, float *out, int rows, int pixels, int channels, int in_row,
                                       int in_pixel, int in_channel, int block_channels)
{
    int c;
    int y;
    int p;
    int i;

    c = 0;
    while (c < channels) {
        float sum[16];

        if (c > (channels - block_channels)) {
            c = channels - block_channels;
        }
        MNC_UNROLL
        for (i = 0; i < block_channels; ++i) {
            sum[i] = 0.0f;
        }
        for (y = 0; y < rows; ++y) {
            const float *x = in + (y * in_row) + (c * in_channel);

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
            out[c + i] = sum[i] * (1.0f / ((float)rows * (float)pixels));
        }
        c += block_channels;
    }
}
