/* x where x > 0, else alpha * x; where alpha is shared along an axis it has the
 * stride 0 there. */
MNC_KERNEL void mnc_prelu_f32(const float *in, float *out, const float *alpha, int rows, int pixels, int channels,
                              int row, int pixel, int channel, int alpha_row, int alpha_pixel, int alpha_channel)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int at = (y * row) + (p * pixel) + (c * channel);
                const float x = in[at];

                out[at] = (x > 0.0f) ? x
                    : (x * MNC_READ(alpha[(y * alpha_row) + (p * alpha_pixel) + (c * alpha_channel)]));
            }
        }
    }
}
