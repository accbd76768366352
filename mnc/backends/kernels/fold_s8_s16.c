/* A template, written for int8; library.py makes the kernels for int16 by substituting type names. */

/* Row number `row` of an image is added to the sum of each channel; the first one begins the sums. */
MNC_KERNEL void mnc_fold_sum_s8(const int8_t *in, int32_t *sums, int row, int pixels, int channels, int in_pixel,
                                int in_channel)
{
    int c;
    int p;

    for (c = 0; c < channels; ++c) {
        const int8_t *x = in + (c * in_channel);
        int32_t sum = (row == 0) ? 0 : sums[c];

        for (p = 0; p < pixels; ++p) {
            sum += x[p * in_pixel];
        }
        sums[c] = sum;
    }
}

/* The means of the channels from their sums over `count` pixels, halves rounded away from zero. */
MNC_KERNEL void mnc_fold_mean_s8(const int32_t *sums, int8_t *out, int channels, int out_channel, int count)
{
    int c;

    for (c = 0; c < channels; ++c) {
        const int32_t sum = sums[c];
        const int32_t mean = (sum >= 0) ? ((sum + (count / 2)) / count) : -(((count / 2) - sum) / count);

        out[c * out_channel] = (int8_t)mean;
    }
}
