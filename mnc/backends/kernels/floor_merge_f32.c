/* floor(l / r), the quotient taken in double precision, or what l is above a multiple of r,
 * with the sign of r. */
MNC_KERNEL float mnc_floored_f32(float l, float r, int remainder)
{
    float x;

    if (remainder != 0) {
        x = (float)fmod((double)l, (double)r);
        if ((x < 0.0f) && (r > 0.0f)) {
            x += r;
        }
        if ((x > 0.0f) && (r < 0.0f)) {
            x += r;
        }
    } else {
        x = (float)floor((double)l / (double)r);
    }
    return x;
}

/* out = activation(mnc_floored_f32(a, b)), element by element; where `reverse`, of b and a.
 * An operand that is broadcast along an axis has the stride 0 there.  b may be a constant
 * in flash. */
MNC_KERNEL void mnc_floor_merge_f32(const float *a, const float *b, float *out, int b_in_flash, int remainder,
                                    int reverse, int rows, int pixels, int channels, int a_row, int a_pixel,
                                    int a_channel, int b_row, int b_pixel, int b_channel, int out_row, int out_pixel,
                                    int out_channel, int activation, float high)
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
                const float x = (reverse != 0) ? mnc_floored_f32(second, first, remainder)
                                               : mnc_floored_f32(first, second, remainder);

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] = mnc_activate_f32(x, activation, high);
            }
        }
    }
}
