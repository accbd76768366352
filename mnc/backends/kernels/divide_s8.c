/* a / b on its way to int8, with the quotient of the scales; a / 0 is as large as can be.  The
 * reciprocal of b as 1 to 2 and a as wide as 32 bits are multiplied, and rounded at the end. */
MNC_KERNEL int8_t mnc_quotient_s8(int32_t a, int32_t b, int32_t multiplier, int shift, int zero, int low, int high)
{
    const int32_t l = (b < 0) ? -a : a;
    const int32_t r = (b < 0) ? -b : b;
    int32_t y = 0;
    int32_t rest;
    int32_t right;
    int over = -1;
    int room = 31;

    for (rest = r; rest != 0; rest = MNC_SHIFT_RIGHT(rest, 1)) {
        ++over;
    }
    for (rest = (l < 0) ? -(l + 1) : l; rest != 0; rest = MNC_SHIFT_RIGHT(rest, 1)) {
        --room;
    }
    right = (int32_t)over + room - shift;
    if (r == 0) {
        y = l * 512;
    } else if (right <= 31) {
        y = mnc_reciprocal_of_one_plus((int32_t)(((uint32_t)r << (31 - over)) & 0x7FFFFFFFu));
        y = mnc_high_multiply(mnc_high_multiply((int32_t)((uint32_t)l << room), y), multiplier);
        y = mnc_divide_by_power(y, (int)right);
    } else {
        y = 0;
    }
    return mnc_clamp_s8(y + zero, low, high);
}

/* out = a / b, or where `reverse` b / a.  An operand that is broadcast along an axis has the
 * stride 0 there.  b may be a constant in flash. */
MNC_KERNEL void mnc_divide_s8(const int8_t *a, const int8_t *b, int8_t *out, int b_in_flash, int reverse, int rows,
                              int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row, int b_pixel,
                              int b_channel, int out_row, int out_pixel, int out_channel, int a_zero, int b_zero,
                              int32_t multiplier, int shift, int zero, int low, int high)
{
    int y;
    int p;
    int c;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int8_t *at = b + ((y * b_row) + (p * b_pixel) + (c * b_channel));
                const int8_t second = (int8_t)((b_in_flash != 0) ? MNC_READ_S8(*at) : *at);
                const int32_t l = (int32_t)a[(y * a_row) + (p * a_pixel) + (c * a_channel)] - a_zero;
                const int32_t r = (int32_t)second - b_zero;

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] =
                    (reverse != 0) ? mnc_quotient_s8(r, l, multiplier, shift, zero, low, high)
                                   : mnc_quotient_s8(l, r, multiplier, shift, zero, low, high);
            }
        }
    }
}
