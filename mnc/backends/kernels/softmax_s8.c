/* 2 / (1 + a) - 1 steps towards 1 / (1 + a), for a from 0 to 1 in Q0, all in fixed
 * point: three steps of Newton and Raphson in Q2, the result in Q0. */
MNC_KERNEL int32_t mnc_reciprocal_of_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((uint32_t)a + 2147483647u + 1u) >> 1);
    int32_t x = 1515870810 + mnc_high_multiply(half, -1010580540);
    int i;

    for (i = 0; i < 3; ++i)
        x += mnc_high_multiply(x, 536870912 - mnc_high_multiply(half, x)) * 4;
    return x >= 1073741824 ? 2147483647 : x * 2;
}

/* Softmax along each of `vectors` times `stride` vectors: their `count` elements
 * lie `stride` apart.  powers[d] is exp(-d * scale) in Q0; differences from the
 * largest element of `powers_count` and more count as 0.  Works in place. */
MNC_KERNEL void mnc_softmax_s8(const int8_t *in, int8_t *out, int vectors, int count, int stride,
                               const int32_t *powers, int powers_count)
{
    int v, i;

    for (v = 0; v < vectors * stride; ++v) {
        const int first = v / stride * stride * count + v % stride;
        const int8_t *const x = in + first;
        int8_t *const y = out + first;
        int largest = x[0], leading = 0;
        int32_t sum = 0, inverse;

        for (i = 1; i < count; ++i)
            largest = x[i * stride] > largest ? x[i * stride] : largest;
        for (i = 0; i < count; ++i) {
            if (largest - x[i * stride] < powers_count)
                sum += mnc_divide_by_power(MNC_READ_S32(powers[largest - x[i * stride]]), 12);
        }
        while (((uint32_t)sum << leading & 0x80000000u) == 0)
            ++leading;
        inverse = mnc_reciprocal_of_one_plus((int32_t)(((uint32_t)sum << leading) & 0x7FFFFFFFu));
        for (i = 0; i < count; ++i) {
            const int below = largest - x[i * stride];
            int32_t share = -128;

            if (below < powers_count) {
                share = mnc_high_multiply(inverse, MNC_READ_S32(powers[below]));
                share = mnc_divide_by_power(share, 35 - leading) - 128;
                share = share > 127 ? 127 : share;
            }
            y[i * stride] = (int8_t)share;
        }
    }
}
