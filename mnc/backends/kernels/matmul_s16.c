/* out[i, j] = sum over k of a[i, k] * b[k, j] on the output's scale; the sum has 48 bits, and is rounded once. */
MNC_KERNEL void mnc_matmul_s16(const int16_t *a, const int16_t *b, int16_t *out, int a_inner, int b_inner, int count,
                               int a_inner_stride, int a_stride, int b_inner_stride, int b_stride, int32_t multiplier,
                               int shift, int low, int high)
{
    int16_t *out_at = out;
    int i;
    int j;
    int k;

    for (i = 0; i < a_inner; ++i) {
        for (j = 0; j < b_inner; ++j) {
            const int16_t *const x = a + (i * a_inner_stride);
            const int16_t *const y = b + (j * b_inner_stride);
            int32_t upper = 0;
            uint32_t lower = 0;

            for (k = 0; k < count; ++k) {
                const int32_t product = (int32_t)x[k * a_stride] * y[k * b_stride];

                lower += (uint32_t)product;
                if (product < 0) {
                    --upper;
                }
                if (lower < (uint32_t)product) {
                    ++upper;
                }
            }
            *out_at = mnc_requantise_wide_s16(upper, lower, multiplier, shift, low, high);
            ++out_at;
        }
    }
}
