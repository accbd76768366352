/* A template, written for float32; library.py makes the kernels for int8 and int16 by substituting type names. */

/* One row of an image sampled at its nearest pixels: output pixel p shows input
 * pixel floor((p * step + start) / divisor) of the only row in `rows`. */
MNC_KERNEL void mnc_resize_nearest_f32(const float *const *rows, float *out, int channels, int out_width, int step,
                                       int start, int divisor, int in_pixel, int in_channel, int out_pixel,
                                       int out_channel)
{
    int p;
    int c;

    for (p = 0; p < out_width; ++p) {
        const float *const in = rows[0] + ((int)((((long)p * step) + start) / divisor) * in_pixel);

        for (c = 0; c < channels; ++c) {
            out[(p * out_pixel) + (c * out_channel)] = in[c * in_channel];
        }
    }
}
