#define MNC_GREATER 0
#define MNC_GREATER_EQUAL 1
#define MNC_EQUAL 2
#define MNC_NOT_EQUAL 3
#define MNC_HOLDS(relation, l, r) \
    ((((relation) == MNC_GREATER) && ((l) > (r))) || (((relation) == MNC_GREATER_EQUAL) && ((l) >= (r))) || \
     (((relation) == MNC_EQUAL) && ((l) == (r))) || (((relation) == MNC_NOT_EQUAL) && ((l) != (r))))

/* out = `yes` where a relation b holds, else `no`; where `reverse`, b relation a.  An
 * operand that is broadcast along an axis has the stride 0 there.  b may be a constant
 * in flash. */
MNC_KERNEL void mnc_compare_f32(const float *a, const float *b, float *out, int b_in_flash, int relation, int reverse,
                                int rows, int pixels, int channels, int a_row, int a_pixel, int a_channel, int b_row,
                                int b_pixel, int b_channel, int out_row, int out_pixel, int out_channel, float yes,
                                float no)
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

                out[(y * out_row) + (p * out_pixel) + (c * out_channel)] = MNC_HOLDS(relation, l, r) ? yes : no;
            }
        }
    }
}
