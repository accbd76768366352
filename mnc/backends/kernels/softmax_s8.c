/* 2 / (1 + a) - 1 steps towards 1 / (1 + a), for a from 0 to 1 in Q0, all in fixed
 * point: three steps of Newton and Raphson in Q2, the result in Q0. */
MNC_KERNEL int32_t mnc_reciprocal_of_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((uint32_t)a + 2147483647u + 1u) >> 1);
    int32_t x = 1515870810 + mnc_high_multiply(half, -1010580540);
    int i;

    for (i = 0; i < 3; ++i) {
        x += mnc_high_multiply(x, 536870912 - mnc_high_multiply(half, x)) * 4;
    }
    return (x >= 1073741824) ? 2147483647 : (x * 2);
}

/* The sum of exponentials of the differences of one vector's elements from its largest, in
 * Q12: powers[d] is exp(-d * scale) in Q0, and 0 from `powers_count` on. */
MNC_KERNEL int32_t mnc_sum_of_powers_s8(const int8_t *x, int count, int stride, int largest, const int32_t *powers,
                                        int powers_count)
{
    int32_t sum = 0;
    int i;

    for (i = 0; i < count; ++i) {
        if ((largest - x[i * stride]) < powers_count) {
            sum += mnc_divide_by_power(MNC_READ_S32(powers[largest - x[i * stride]]), 12);
        }
    }
    return sum;
}

/* The reciprocal of the sum of exponentials of one vector, as mnc_reciprocal_of_one_plus
 * gives it for the sum's bits below the first, and before which bit these begin. */
MNC_KERNEL int32_t mnc_softmax_reciprocal_s8(const int8_t *x, int count, int stride, int largest,
                                             const int32_t *powers, int powers_count, int *leading)
{
    const int32_t sum = mnc_sum_of_powers_s8(x, count, stride, largest, powers, powers_count);
    int bits = 0;

    while ((((uint32_t)sum << bits) & 0x80000000u) == 0) {
        ++bits;
    }
    *leading = bits;
    return mnc_reciprocal_of_one_plus((int32_t)(((uint32_t)sum << bits) & 0x7FFFFFFFu));
}

/* Softmax along each of `vectors` times `stride` vectors: their `count` elements
 * lie `stride` apart.  powers[d] is exp(-d * scale) in Q0; differences from the
 * largest element of `powers_count` and more count as 0.  Works in place. */
MNC_KERNEL void mnc_softmax_s8(const int8_t *in, int8_t *out, int vectors, int count, int stride,
                               const int32_t *powers, int powers_count)
{
    int v;
    int i;

    for (v = 0; v < (vectors * stride); ++v) {
        const int first = (v / stride * stride * count) + (v % stride);
        const int8_t *const x = in + first;
        int8_t *const y = out + first;
        int largest = x[0];
        int leading;
        int32_t inverse;

        for (i = 1; i < count; ++i) {
            largest = (x[i * stride] > largest) ? x[i * stride] : largest;
        }
        inverse = mnc_softmax_reciprocal_s8(x, count, stride, largest, powers, powers_count, &leading);
        for (i = 0; i < count; ++i) {
            const int below = largest - x[i * stride];
            int32_t share = -128;

            if (below < powers_count) {
                share = mnc_high_multiply(inverse, MNC_READ_S32(powers[below]));
                share = mnc_divide_by_power(share, 35 - leading) - 128;
                share = (share > 127) ? 127 : share;
            }
            y[i * stride] = (int8_t)share;
        }
    }
}

/* As mnc_softmax_s8, in 65536ths. */
MNC_KERNEL void mnc_softmax_s32(const int8_t *in, int32_t *out, int vectors, int count, int stride,
                                const int32_t *powers, int powers_count)
{
    int v;
    int i;

    for (v = 0; v < (vectors * stride); ++v) {
        const int first = (v / stride * stride * count) + (v % stride);
        const int8_t *const x = in + first;
        int32_t *const y = out + first;
        int largest = x[0];
        int leading;
        int32_t inverse;

        for (i = 1; i < count; ++i) {
            largest = (x[i * stride] > largest) ? x[i * stride] : largest;
        }
        inverse = mnc_softmax_reciprocal_s8(x, count, stride, largest, powers, powers_count, &leading);
        for (i = 0; i < count; ++i) {
            const int below = largest - x[i * stride];
            int32_t share = 0;

            if (below < powers_count) {
                share = mnc_high_multiply(inverse, MNC_READ_S32(powers[below]));
                share = mnc_divide_by_power(share, 27 - leading);
                share = (share > 65535) ? 65535 : share;
            }
            y[i * stride] = share;
        }
    }
}
