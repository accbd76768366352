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

/* Softmax along each of `vectors` vectors of `count` neighbouring elements.
 * powers[d] is exp(-d * scale) in Q0; differences from the largest element of
 * `powers_count` and more count as 0.  Works in place. */
MNC_KERNEL void mnc_softmax_s8(const int8_t *in, int8_t *out, int vectors, int count, const int32_t *powers,
                               int powers_count)
{
    int v, i;

    for (v = 0; v < vectors; ++v) {
        int largest = in[0], leading = 0;
        int32_t sum = 0, inverse;

        for (i = 1; i < count; ++i)
            largest = in[i] > largest ? in[i] : largest;
        for (i = 0; i < count; ++i) {
            if (largest - in[i] < powers_count)
                sum += mnc_divide_by_power(powers[largest - in[i]], 12);
        }
        while (((uint32_t)sum << leading & 0x80000000u) == 0)
            ++leading;
        inverse = mnc_reciprocal_of_one_plus((int32_t)(((uint32_t)sum << leading) & 0x7FFFFFFFu));
        for (i = 0; i < count; ++i) {
            int32_t y = -128;

            if (largest - in[i] < powers_count) {
                y = mnc_divide_by_power(mnc_high_multiply(inverse, powers[largest - in[i]]), 35 - leading) - 128;
                y = y > 127 ? 127 : y;
            }
            out[i] = (int8_t)y;
        }
        in += count;
        out += count;
    }
}
