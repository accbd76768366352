/* round(a * b / 2^31), halves upwards; b is a multiplier of at least 2^30, so
 * nothing overflows.  Without a 64-bit type the product is made of 16-bit halves. */
MNC_KERNEL int32_t mnc_high_multiply(int32_t a, int32_t b)
{
#ifndef MNC_NO_INT64
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
#else
    const uint32_t a_low = (uint32_t)a & 0xFFFFu, b_low = (uint32_t)b & 0xFFFFu;
    const int32_t a_high = (int32_t)(a >> 16), b_high = (int32_t)(b >> 16);
    const uint32_t low = a_low * b_low;
    const int32_t middle = (int32_t)(low >> 16) + (int32_t)((uint32_t)a_high * b_low & 0xFFFFu);
    const int32_t more = middle + (int32_t)(a_low * (uint32_t)b_high & 0xFFFFu);
    const int32_t high = a_high * b_high + mnc_shift_right(a_high, b_low) + mnc_shift_right(b_high, a_low) + (more >> 16);
    const uint32_t rest = ((uint32_t)more << 16) | (low & 0xFFFFu);
    const uint32_t rounded = rest + 0x40000000u;

    return (int32_t)(((uint32_t)high + (rounded < rest ? 1u : 0u)) << 1 | rounded >> 31);
#endif
}
