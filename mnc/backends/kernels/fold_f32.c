/* Row number `row` of an image is added to the sum of each channel; the first one begins the sums. */
MNC_KERNEL void mnc_fold_sum_f32(const float *in, float *sums, int row, int pixels, int channels, int in_pixel,
                                 int in_channel)
{
    int c;
    int p;

    for (c = 0; c < channels; ++c) {
        const float *x = in + (c * in_channel);
        float sum = (row == 0) ? 0.0f : sums[c];

        for (p = 0; p < pixels; ++p) {
            sum += x[p * in_pixel];
        }
        sums[c] = sum;
    }
}

/* The means of the channels from their sums; `part` is one over the number of pixels. */
MNC_KERNEL void mnc_fold_mean_f32(const float *sums, float *out, int channels, int out_channel, float part)
{
    int c;

    for (c = 0; c < channels; ++c) {
        out[c * out_channel] = sums[c] * part;
    }
}

/* Row number `row` of an image, of in_channels elements, in a dense layer over all of the image: its products are
 * added to the sums, which begin with the biases; the order of additions is that of mnc_pointwise_f32.
 * weights: [out_channels / block_channels][in_channels][block_channels]. */
MNC_KERNEL void mnc_fold_dense_f32(const float *in, float *sums, const float *weights, const float *bias, int row,
                                   int in_channels, int out_channels, int block_channels, int unroll)
{
    const float *weights_at = weights;
    int o;
    int c;
    int k;
    int u;

    for (o = 0; o < out_channels; o += block_channels) {
        const float *x = in;
        float sum[28];

        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            sum[c] = (row > 0) ? sums[o + c] : (bias == NULL) ? 0.0f : MNC_READ(bias[o + c]);
        }
        for (k = 0; k < in_channels; k += unroll) {
            MNC_UNROLL
            for (u = 0; u < unroll; ++u) {
                MNC_UNROLL
                for (c = 0; c < block_channels; ++c) {
                    MNC_ACCUMULATE(sum[c], x[u], MNC_READ(weights_at[(u * block_channels) + c]));
                }
            }
            x += unroll;
            weights_at += unroll * block_channels;
        }
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            sums[o + c] = sum[c];
        }
    }
}

/* The outputs of a dense layer from its sums. */
MNC_KERNEL void mnc_fold_end_f32(const float *sums, float *out, int channels, int activation, float high)
{
    int c;

    for (c = 0; c < channels; ++c) {
        out[c] = mnc_activate_f32(sums[c], activation, high);
    }
}
