/* Row number `row` of an image is added to the sum of each channel; the first one begins the sums. */
MNC_KERNEL void mnc_fold_sum_f32(const float *in, float *sums, int row, int pixels, int channels, int in_pixel,
                                 int in_channel)
{
    int c, p;

    for (c = 0; c < channels; ++c) {
        const float *x = in + c * in_channel;
        float sum = row == 0 ? 0.0f : sums[c];

        for (p = 0; p < pixels; ++p)
            sum += x[p * in_pixel];
        sums[c] = sum;
    }
}

/* The means of the channels from their sums; `part` is one over the number of pixels. */
MNC_KERNEL void mnc_fold_mean_f32(const float *sums, float *out, int channels, int out_channel, float part)
{
    int c;

    for (c = 0; c < channels; ++c)
        out[c * out_channel] = sums[c] * part;
}
