/* 1 / sqrt(x) in Q0, to be shifted right by `shift` bits more: five steps of Newton
 * and Raphson from 1, in Q3, on x shifted by pairs of bits to between 2^27 and 2^29.
 * Up to 1, x counts as 1. */
MNC_KERNEL int32_t mnc_inverse_root(int32_t x, int *shift)
{
    int32_t y = x;
    int32_t half;
    int32_t root = (int32_t)1 << 28;
    int right = 11;
    int i;

    if (y <= 1) {
        right = 0;
        root = 2147483647;
    } else {
        while (y >= ((int32_t)1 << 29)) {
            y /= 4;
            ++right;
        }
        while (y < ((int32_t)1 << 27)) {
            y *= 4;
            --right;
        }
        half = mnc_divide_by_power(y >> 1, 1);
        for (i = 0; i < 5; ++i) {
            int32_t cube = mnc_high_multiply(mnc_high_multiply(root, root), root);

            cube = (cube > 33554431) ? 2147483647 : (cube * 64);
            root = (mnc_high_multiply(((int32_t)1 << 28) + ((int32_t)1 << 27), root) - mnc_high_multiply(half, cube)) *
                8;
        }
        root = mnc_high_multiply(root, 1518500250);
        if (right < 0) {
            root = (int32_t)((uint32_t)root << -right);
            right = 0;
        }
    }
    *shift = right;
    return root;
}

/* in / length in steps of 1/128, with the length of each of `outer` x `inner` slices of
 * `rows` x `count` elements. */
MNC_KERNEL void mnc_unit_normalization_s8(const int8_t *in, int8_t *out, int outer, int inner, int rows, int count,
                                          int outer_stride, int inner_stride, int row_stride, int stride, int in_zero)
{
    int o;
    int i;
    int r;
    int k;

    for (o = 0; o < outer; ++o) {
        for (i = 0; i < inner; ++i) {
            const int first = (o * outer_stride) + (i * inner_stride);
            int32_t sum = 0;
            int32_t multiplier;
            int shift;

            for (r = 0; r < rows; ++r) {
                for (k = 0; k < count; ++k) {
                    const int32_t x = (int32_t)in[first + (r * row_stride) + (k * stride)] - in_zero;

                    sum += x * x;
                }
            }
            multiplier = mnc_inverse_root(sum, &shift);
            for (r = 0; r < rows; ++r) {
                for (k = 0; k < count; ++k) {
                    const int at = first + (r * row_stride) + (k * stride);

                    out[at] = mnc_clamp_s8(mnc_rescale((int32_t)in[at] - in_zero, multiplier, 7 - shift), -128, 127);
                }
            }
        }
    }
}
