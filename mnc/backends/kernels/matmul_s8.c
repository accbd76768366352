/* out[i, j] = sum over k of a[i, k] * b[k, j], the zero points taken off, on the output's scale. */
MNC_KERNEL void mnc_matmul_s8(const int8_t *a, const int8_t *b, int8_t *out, int a_inner, int b_inner, int count,
                              int a_inner_stride, int a_stride, int b_inner_stride, int b_stride, int a_zero,
                              int b_zero, int32_t multiplier, int shift, int zero, int low, int high)
{
    int8_t *out_at = out;
    int i;
    int j;
    int k;

    for (i = 0; i < a_inner; ++i) {
        for (j = 0; j < b_inner; ++j) {
            const int8_t *const x = a + (i * a_inner_stride);
            const int8_t *const y = b + (j * b_inner_stride);
            int32_t sum = 0;

            for (k = 0; k < count; ++k) {
                sum += ((int32_t)x[k * a_stride] - a_zero) * ((int32_t)y[k * b_stride] - b_zero);
            }
            *out_at = mnc_requantise_s8(sum, multiplier, shift, 1, zero, low, high);
            ++out_at;
        }
    }
}
