/* A template, written for float32; library.py makes the kernels for int8 and int16 and int32 by substituting type names. */

/* A block of memory laid out anew. */
MNC_KERNEL void mnc_copy_f32(const float *in, float *out, int rows, int pixels, int channels, int in_row,
                             int in_pixel, int in_channel, int out_row, int out_pixel, int out_channel)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    in[(y * in_row) + (p * in_pixel) + (c * in_channel)];
            }
        }
    }
}
