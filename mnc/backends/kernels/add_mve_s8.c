/* mnc_add_s8 where b is no constant, all rescalings are plain and channels are
 * neighbours: four at once, which are read before they are written, then the rest. */
MNC_KERNEL void mnc_add_mve_s8(const int8_t *a, const int8_t *b, int8_t *out, int rows, int pixels, int channels,
                               int a_row, int a_pixel, int b_row, int b_pixel, int out_row, int out_pixel, int a_zero,
                               int32_t a_multiplier, int a_shift, int b_zero, int32_t b_multiplier, int b_shift,
                               int32_t multiplier, int shift, int zero, int low, int high)
{
    int y;
    int p;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            const int8_t *l = a + (y * a_row) + (p * a_pixel);
            const int8_t *r = b + (y * b_row) + (p * b_pixel);
            int8_t *o = out + (y * out_row) + (p * out_pixel);
            int rest = channels;
#if defined(MNC_MVE)
            MNC_VECTOR_S32 u;
            MNC_VECTOR_S32 v;
            MNC_VECTOR_S32 least;
            MNC_VECTOR_S32 most;
            MNC_VECTOR_S32 t;

            MNC_EVERYWHERE(least, low);
            MNC_EVERYWHERE(most, high);
            for (; rest >= 4; rest -= 4) {
                MNC_LOAD_WIDENED(u, l);
                MNC_LOAD_WIDENED(v, r);
                if (a_zero != 0) {
                    MNC_ADD_TO_ALL(u, -a_zero);
                }
                if (b_zero != 0) {
                    MNC_ADD_TO_ALL(v, -b_zero);
                }
                MNC_SHIFT_LEFT_20(u);
                MNC_SHIFT_LEFT_20(v);
                MNC_HIGH_PRODUCTS_BY(u, a_multiplier);
                MNC_HIGH_PRODUCTS_BY(v, b_multiplier);
                if (a_shift != 0) {
                    MNC_ADD_SIGNS(u, t);
                    MNC_SHIFT_ALL(u, a_shift);
                }
                if (b_shift != 0) {
                    MNC_ADD_SIGNS(v, t);
                    MNC_SHIFT_ALL(v, b_shift);
                }
                MNC_ADD_VECTORS(u, v);
                MNC_HIGH_PRODUCTS_BY(u, multiplier);
                if (low < zero) {
                    MNC_ADD_SIGNS(u, t);
                }
                MNC_SHIFT_ALL(u, shift);
                if (zero != 0) {
                    MNC_ADD_TO_ALL(u, zero);
                }
                MNC_WITHIN(u, least, most);
                MNC_STORE_NARROWED(o, u);
                l += 4;
                r += 4;
                o += 4;
            }
#endif
            mnc_add_s8(l, r, o, 0, 1, 0, 1, 1, rest, 0, 0, 1, 0, 0, 1, 0, 0, 1, a_zero, a_multiplier, a_shift, b_zero,
                       b_multiplier, b_shift, multiplier, shift, 0, zero, low, high);
        }
    }
}
