/* log(x) in Q5 of x >= 1 in Q12, all in fixed point.  x is a power of two times a number near
 * the fourth root of 1/2, of which either of two is nearer; its logarithm is a quotient of
 * polynomials. */
MNC_KERNEL int32_t mnc_log_of_sum(int32_t x)
{
    const int32_t centre = 1805811301; /* sqrt(sqrt(1/2)) */
    const int32_t reduced = mnc_high_multiply(x, 1518500250); /* x * sqrt(1/2) */
    int32_t first;
    int32_t second;
    int32_t power;
    int32_t mean;
    int32_t q;
    int32_t square;
    int32_t above;
    int32_t below;
    int leading = 1;
    int reduced_leading = 0;

    while ((((uint32_t)x << leading) & 0x80000000u) == 0) {
        ++leading;
    }
    while ((((uint32_t)reduced << reduced_leading) & 0x40000000u) == 0) {
        ++reduced_leading;
    }
    first = mnc_high_multiply((int32_t)((uint32_t)x << (leading - 1)), 1518500250);
    first = (first >= 1073741824) ? 2147483647 : (first * 2);
    second = (x > (2147483647 >> reduced_leading)) ? 2147483647 : (int32_t)((uint32_t)x << reduced_leading);
    power = ((int32_t)(12 - leading) * 33554432) + 8388608;
    if ((((int32_t)(12 - reduced_leading) * 33554432) - 8388608) > power) {
        power = ((int32_t)(12 - reduced_leading) * 33554432) - 8388608;
    }
    first = (first < second) ? first : second;
    mean = (int32_t)(((uint32_t)first + (uint32_t)centre + 1u) >> 1);
    q = (first - centre) * 2;
    square = mnc_high_multiply(q, q);
    above = mnc_high_multiply(q, first) + mnc_high_multiply(mnc_high_multiply(q, square), 117049297);
    below = mnc_high_multiply(mean, 1057819769 + q + mnc_high_multiply(127690142, square)) +
            mnc_high_multiply(638450708, q);
    power = mnc_high_multiply(power, 1488522236); /* times log(2) */
    return (power + mnc_high_multiply(mnc_divide_by_power(above, 6), mnc_reciprocal_of_one_plus(below))) * 2;
}

/* The logarithm of softmax in 16ths, the zero point being 127, along each of `vectors` times
 * `stride` vectors: their `count` elements lie `stride` apart.  powers[d] is exp(-d * scale)
 * in Q0; differences from the largest element of `powers_count` and more count as 0 in the sum.
 * multiplier and shift give a difference in Q5, the reverse ones the difference of a number in
 * Q5.  Works in place. */
MNC_KERNEL void mnc_log_softmax_s8(const int8_t *in, int8_t *out, int vectors, int count, int stride,
                                   const int32_t *powers, int powers_count, int32_t multiplier, int shift,
                                   int32_t reverse_multiplier, int reverse_shift)
{
    int v;
    int i;

    for (v = 0; v < (vectors * stride); ++v) {
        const int first = (v / stride * stride * count) + (v % stride);
        const int8_t *const x = in + first;
        int8_t *const y = out + first;
        int largest = x[0];
        int32_t log;
        int32_t end;

        for (i = 1; i < count; ++i) {
            largest = (x[i * stride] > largest) ? x[i * stride] : largest;
        }
        log = mnc_log_of_sum(mnc_sum_of_powers_s8(x, count, stride, largest, powers, powers_count));
        end = -mnc_rescale(log - 2147483647 - 1, reverse_multiplier, reverse_shift);
        end = (end > powers_count) ? powers_count : end;
        for (i = 0; i < count; ++i) {
            const int32_t difference = (int32_t)x[i * stride] - largest;
            int32_t share = -128;

            if (-difference < end) {
                share = mnc_rescale(difference, multiplier, shift) - log;
                share = mnc_divide_by_power(share, 22) + 127;
                share = (share > 127) ? 127 : share;
                share = (share < -128) ? -128 : share;
            }
            y[i * stride] = (int8_t)share;
        }
    }
}
