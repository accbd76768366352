/* One row of max pooling.  What lies outside the input does not count. */
MNC_KERNEL void mnc_max_pooling2d_f32(const float *const *rows, float *out, int channels, int pool_height,
                                      int pool_width, int stride, int padding, int in_width, int out_width,
                                      int in_pixel, int in_channel, int out_pixel, int out_channel)
{
    int c, p, ky, kx;

    for (p = 0; p < out_width; ++p) {
        const int x = p * stride - padding;
        const int first = x < 0 ? -x : 0;
        const int last = x + pool_width > in_width ? in_width - x : pool_width;

        for (c = 0; c < channels; ++c) {
            float largest = -FLT_MAX;

            for (ky = 0; ky < pool_height; ++ky) {
                const float *in = rows[ky];

                if (in == NULL)
                    continue;
                in += (x + first) * in_pixel + c * in_channel;
                for (kx = first; kx < last; ++kx) {
                    largest = *in > largest ? *in : largest;
                    in += in_pixel;
                }
            }
            out[p * out_pixel + c * out_channel] = largest;
        }
    }
}

/* One row of average pooling.  With `whole` the mean is over the whole window,
 * zeros outside the input; otherwise over the elements inside it. */
MNC_KERNEL void mnc_average_pooling2d_f32(const float *const *rows, float *out, int channels, int pool_height,
                                          int pool_width, int stride, int padding, int in_width, int out_width,
                                          int in_pixel, int in_channel, int out_pixel, int out_channel, int whole)
{
    int c, p, ky, kx;

    for (p = 0; p < out_width; ++p) {
        const int x = p * stride - padding;
        const int first = x < 0 ? -x : 0;
        const int last = x + pool_width > in_width ? in_width - x : pool_width;

        for (c = 0; c < channels; ++c) {
            float sum = 0.0f;
            int count = 0;

            for (ky = 0; ky < pool_height; ++ky) {
                const float *in = rows[ky];

                if (in == NULL)
                    continue;
                in += (x + first) * in_pixel + c * in_channel;
                for (kx = first; kx < last; ++kx) {
                    sum += *in;
                    in += in_pixel;
                }
                count += last - first;
            }
            out[p * out_pixel + c * out_channel] = sum / (float)(whole ? pool_height * pool_width : count);
        }
    }
}
