#define MNC_ADD 0
#define MNC_SUBTRACT 1
#define MNC_MULTIPLY 2
#define MNC_MAXIMUM 3
#define MNC_MINIMUM 4
#define MNC_DIVIDE 5
#define MNC_SQUARED_DIFFERENCE 6

/* out = activation((a operation b) * factor), element by element; where `reverse`,
 * b operation a.  An operand that is broadcast along an axis has the stride 0 there.
 * b may be a constant in flash. */
MNC_KERNEL void mnc_merge_f32(const float *a, const float *b, float *out, int b_in_flash, int operation, int reverse,
                              int rows, int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row,
                              int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel, float factor,
                              int activation, float high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const float *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const float first = a[(y * a_row) + (p * a_pixel) + (c * a_channel)];
                const float second = (b_in_flash != 0) ? MNC_READ(*at) : *at;
                const float l = (reverse != 0) ? second : first;
                const float r = (reverse != 0) ? first : second;
                float x;

                if (operation == MNC_ADD) {
                    x = l + r;
                } else if (operation == MNC_SUBTRACT) {
                    x = l - r;
                } else if (operation == MNC_MULTIPLY) {
                    x = l * r;
                } else if (operation == MNC_MAXIMUM) {
                    x = (l > r) ? l : r;
                } else if (operation == MNC_MINIMUM) {
                    x = (l < r) ? l : r;
                } else if (operation == MNC_DIVIDE) {
                    x = l / r;
                } else {
                    x = (l - r) * (l - r);
                }
                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    mnc_activate_f32(x * factor, activation, high);
            }
        }
    }
}
