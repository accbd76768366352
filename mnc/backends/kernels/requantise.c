/* a * b / 2^32, rounded down. */
MNC_KERNEL int32_t mnc_high_product(int32_t a, int32_t b)
{
#if !defined(MNC_BY_HALVES)
    return (int32_t)MNC_SHIFT_RIGHT((int64_t)a * b, 32);
#else
    const int32_t a0 = (int32_t)((uint32_t)a & 0xFFFFu);
    const int32_t a1 = MNC_SHIFT_RIGHT(a, 16);
    const int32_t b0 = (int32_t)((uint32_t)b & 0xFFFFu);
    const int32_t b1 = MNC_SHIFT_RIGHT(b, 16);
    const int32_t first = (a1 * b0) + (int32_t)(((uint32_t)a0 * (uint32_t)b0) >> 16);
    const int32_t second = (a0 * b1) + (int32_t)((uint32_t)first & 0xFFFFu);

    return (a1 * b1) + MNC_SHIFT_RIGHT(first, 16) + MNC_SHIFT_RIGHT(second, 16);
#endif
}

/* round(a * b / 2^31), halves upwards; b is a multiplier below 2^31, so nothing
 * overflows. */
MNC_KERNEL int32_t mnc_high_multiply(int32_t a, int32_t b)
{
#if !defined(MNC_BY_HALVES)
    return (int32_t)MNC_SHIFT_RIGHT(((int64_t)a * b) + ((int64_t)1 << 30), 31);
#else
    const uint32_t low = (uint32_t)a * (uint32_t)b;
    const uint32_t rounded = low + 0x40000000u;

    return (int32_t)((((uint32_t)mnc_high_product(a, b) + ((rounded < low) ? 1u : 0u)) << 1) | (rounded >> 31));
#endif
}

/* round(x / 2^exponent), halves away from zero. */
MNC_KERNEL int32_t mnc_divide_by_power(int32_t x, int exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);

    return MNC_SHIFT_RIGHT(x, exponent) + (((x & mask) > ((mask >> 1) + (x < 0))) ? 1 : 0);
}

/* x * multiplier * 2^(shift - 31), rounded in two steps.  A result that a shift to
 * the left pushes out of 32 bits is far beyond int8 anyway. */
MNC_KERNEL int32_t mnc_rescale(int32_t x, int32_t multiplier, int shift)
{
    int32_t y = x;
    const int left = (shift > 0) ? shift : 0;

    if (left > 0) {
        const int32_t most = 2147483647 >> left;

        y = (y > most) ? most : (y < -most) ? -most : y;
        y *= (int32_t)1 << left;
    }
    return mnc_divide_by_power(mnc_high_multiply(y, multiplier), left - shift);
}

/* mnc_high_multiply for 2^30 <= b < 2^31, given `doubled`, the bits of 2 * b: with b as
 * 2^31 + (2 * b - 2^32) / 2, the high word of one product is nearly all of it. */
MNC_KERNEL int32_t mnc_high_multiply_doubled(int32_t a, int32_t doubled)
{
#if defined(MNC_HIGH_MULTIPLY)
    int32_t y;

    MNC_HIGH_MULTIPLY(y, a, doubled, a);
    return y;
#elif !defined(MNC_BY_HALVES)
    const int64_t product = (int64_t)a * doubled;

    return (int32_t)MNC_SHIFT_RIGHT(product, 32) + a + (int32_t)((uint32_t)product >> 31);
#else
    return mnc_high_multiply(a, (int32_t)((uint32_t)doubled >> 1));
#endif
}

/* x * multiplier * 2^(shift - 31), rounded in two steps, for shifts of 0 to -20,
 * multipliers of 2^30 and more, and x far from the ends of int32: it takes fewer
 * instructions than mnc_rescale. */
MNC_KERNEL int32_t mnc_rescale_plain(int32_t x, int32_t multiplier, int shift)
{
    int32_t y = x;

    y = mnc_high_multiply_doubled(y, (int32_t)((uint32_t)multiplier << 1));
    return (shift == 0) ? y : MNC_SHIFT_RIGHT(y + MNC_SHIFT_RIGHT(y, 31) + ((int32_t)1 << (-shift - 1)), -shift);
}

/* x within int8 and within the limits of an activation. */
MNC_KERNEL int8_t mnc_clamp_s8(int32_t x, int low, int high)
{
    int32_t y = x;

    if ((low <= -128) && (high >= 127)) {
        MNC_SATURATE_S8(y);
    } else {
        y = (y < low) ? low : y;
        y = (y > high) ? high : y;
    }
    return (int8_t)y;
}

/* x / 2^shift rounded down, within int8 and within the limits of an activation. */
MNC_KERNEL int32_t mnc_saturate_shifted_s8(int32_t x, int shift, int low, int high)
{
    int32_t y = x;

#if defined(MNC_SATURATE_SHIFTED)
    if (__builtin_constant_p(shift) && (low <= -128) && (high >= 127)) {
        MNC_SATURATE_SHIFTED(y, shift);
    } else
#endif
    {
        y = mnc_clamp_s8(MNC_SHIFT_RIGHT(y, shift), low, high);
    }
    return y;
}

/* A sum on its way to int8, by a multiplier of at least 2^30 and a shift to the right by
 * 1 to 20; the sum is far from the ends of int32.  `doubled` has the bits of twice the
 * multiplier; `offset` is (2 * zero point + 1) * 2^(shift - 1): the zero point is added
 * before the shift that rounds.  `positive` where `low` is at least the zero point: a
 * number below 0 rounds to no more than that either way. */
MNC_KERNEL int8_t mnc_requantise_ready_s8(int32_t sum, int32_t doubled, int32_t offset, int shift, int positive,
                                          int low, int high)
{
    int32_t x = mnc_high_multiply_doubled(sum, doubled);

    if (!positive) {
        x += MNC_SHIFT_RIGHT(x, 31);
    }
    return mnc_clamp_s8(MNC_SHIFT_RIGHT(x + offset, shift), low, high);
}

/* mnc_requantise_ready_s8 given twice the sum and the multiplier itself: the offset is
 * added as the product is rounded. */
MNC_KERNEL int32_t mnc_requantise_twice_s8(int32_t twice, int32_t multiplier, int32_t offset, int shift, int positive,
                                           int low, int high)
{
    int32_t x;

#if defined(MNC_HIGH_MULTIPLY)
    MNC_HIGH_MULTIPLY(x, twice, multiplier, offset);
#else
    x = mnc_high_multiply(MNC_SHIFT_RIGHT(twice, 1), multiplier) + offset;
#endif
    if (!positive) {
        x += MNC_SHIFT_RIGHT(twice, 31);
    }
    return mnc_saturate_shifted_s8(x, shift, low, high);
}

/* A sum on its way to int8, enlarged as the channel's weights and its bias are.  Where
 * channels have no `shift` in common, it is 0, and mnc_requantise_twice_s8 takes twice the
 * sum and the channel's `own` shift.  Else the shift is a literal of 1 to 31, and takes one
 * instruction together with the limits.  Where `positive`, it is one more at
 * least than the shift that belongs to the multiplier, and the sum is 2^(1 + shift - that)
 * times what it stands for: both roundings are then one addition, by an `offset`
 * of zero point * 2^shift + 2^(shift - 1) + 2^(shift - that - 1). */
MNC_KERNEL int32_t mnc_requantise_enlarged_s8(int32_t enlarged, int32_t multiplier, int32_t offset, int shift,
                                              int own, int positive, int low, int high)
{
    int32_t x;

    if ((shift == 0) || !positive) {
        x = mnc_requantise_twice_s8(enlarged, multiplier, offset, (shift == 0) ? own : shift, positive, low, high);
    } else {
#if defined(MNC_HIGH_PRODUCT_PLUS)
        MNC_HIGH_PRODUCT_PLUS(x, enlarged, multiplier, offset);
#else
        x = mnc_high_product(enlarged, multiplier) + offset;
#endif
        x = mnc_saturate_shifted_s8(x, shift, low, high);
    }
    return x;
}

/* A sum on its way to int8.  Unless `general`, the shift is -1 to -20, the
 * multiplier at least 2^30 and the sum far from the ends of int32, which takes
 * fewer instructions. */
MNC_KERNEL int8_t mnc_requantise_s8(int32_t sum, int32_t multiplier, int shift, int general, int zero, int low,
                                    int high)
{
    int8_t y;

    if (general != 0) {
        y = mnc_clamp_s8(mnc_rescale(sum, multiplier, shift) + zero, low, high);
    } else {
        y = mnc_requantise_ready_s8(sum, (int32_t)((uint32_t)multiplier << 1),
                                    (int32_t)((uint32_t)((2 * zero) + 1) << (-shift - 1)), -shift, low >= zero, low,
                                    high);
    }
    return y;
}
