/* A template, written for float32; library.py makes the kernels for int8 and int16 by substituting type names. */

/* Row number `row` of an image against the largest element of each channel so far; the first one begins. */
MNC_KERNEL void mnc_fold_max_f32(const float *in, float *largest, int row, int pixels, int channels, int in_pixel,
                                 int in_channel)
{
    int c;
    int p;

    for (c = 0; c < channels; ++c) {
        const float *x = in + (c * in_channel);
        float most = (row == 0) ? x[0] : largest[c];

        for (p = 0; p < pixels; ++p) {
            most = (x[p * in_pixel] > most) ? x[p * in_pixel] : most;
        }
        largest[c] = most;
    }
}
