/* The test of a network on its device, for code made with -X selftest=1: checksums, and an input. */

/* `crc` continued by the lowest bytes of `bits`: CRC-32 as Ethernet and zlib have it, which begins
 * with 0.  It goes bit by bit, as a table would take flash or RAM. */
MNC_KERNEL uint32_t mnc_crc_bytes(uint32_t bits, int bytes, uint32_t crc)
{
    uint32_t rest = crc;
    uint32_t left = bits;
    int i;
    int k;

    rest = ~rest;
    for (i = 0; i < bytes; ++i) {
        rest ^= left & 0xFFu;
        for (k = 0; k < 8; ++k) {
            rest = (rest >> 1) ^ (((rest & 1u) != 0u) ? (uint32_t)0xEDB88320UL : 0u);
        }
        left >>= 8;
    }
    return ~rest;
}

/* `crc` continued by constants, which may lie in a memory of their own. */
MNC_KERNEL uint32_t mnc_crc_flash_s8(const int8_t *x, long count, uint32_t crc)
{
    uint32_t rest = crc;
    long i;

    for (i = 0; i < count; ++i) {
        rest = mnc_crc_bytes((uint32_t)MNC_READ_S8(x[i]), 1, rest);
    }
    return rest;
}

MNC_KERNEL uint32_t mnc_crc_flash_s16(const int16_t *x, long count, uint32_t crc)
{
    uint32_t rest = crc;
    long i;

    for (i = 0; i < count; ++i) {
        rest = mnc_crc_bytes((uint32_t)MNC_READ_S16(x[i]), 2, rest);
    }
    return rest;
}

MNC_KERNEL uint32_t mnc_crc_flash_s32(const int32_t *x, long count, uint32_t crc)
{
    uint32_t rest = crc;
    long i;

    for (i = 0; i < count; ++i) {
        rest = mnc_crc_bytes((uint32_t)MNC_READ_S32(x[i]), 4, rest);
    }
    return rest;
}

MNC_KERNEL uint32_t mnc_crc_flash_s64(const int64_t *x, long count, uint32_t crc)
{
    uint32_t rest = crc;
    long i;

    for (i = 0; i < count; ++i) {
        rest = mnc_crc_bytes((uint32_t)((uint64_t)x[i] & 0xFFFFFFFFu), 4, rest);
        rest = mnc_crc_bytes((uint32_t)((uint64_t)x[i] >> 32), 4, rest);
    }
    return rest;
}

/* `crc` continued by the bytes of a number, which are moved one by one, as C allows. */
MNC_KERNEL uint32_t mnc_crc_real(float number, uint32_t crc)
{
    uint32_t bits;
    int k;

    for (k = 0; k < 4; ++k) {
        ((unsigned char *)&bits)[k] = ((const unsigned char *)&number)[k];
    }
    return mnc_crc_bytes(bits, 4, crc);
}

MNC_KERNEL uint32_t mnc_crc_flash_f32(const float *x, long count, uint32_t crc)
{
    uint32_t rest = crc;
    long i;

    for (i = 0; i < count; ++i) {
        rest = mnc_crc_real(MNC_READ(x[i]), rest);
    }
    return rest;
}

/* As above, of numbers in the memory of the program. */
MNC_KERNEL uint32_t mnc_crc_f32(const float *x, long count, uint32_t crc)
{
    uint32_t rest = crc;
    long i;

    for (i = 0; i < count; ++i) {
        rest = mnc_crc_real(x[i], rest);
    }
    return rest;
}

/* The number after another one in a cycle of all but 0 (Marsaglia, Xorshift RNGs, 2003). */
MNC_KERNEL uint32_t mnc_next_seed(uint32_t seed)
{
    uint32_t next = seed;

    next ^= next << 13;
    next ^= next >> 17;
    return next ^ (next << 5);
}

/* Numbers from 0 up to 1, which are exact, each made of the last: returns the last `seed`. */
MNC_KERNEL uint32_t mnc_noise_f32(float *x, long count, uint32_t seed)
{
    uint32_t next = seed;
    long i;

    for (i = 0; i < count; ++i) {
        next = mnc_next_seed(next);
        x[i] = (float)(next >> 8) / 16777216.0f;
    }
    return next;
}

/* Whether both sums are as near as the network's rounding allows; NaN is near to nothing. */
MNC_KERNEL int mnc_near(const float *sums, float plain, float plain_off, float weighted, float weighted_off)
{
    const float a = sums[0] - plain;
    const float b = sums[1] - weighted;

    return (a <= plain_off) && (a >= -plain_off) && (b <= weighted_off) && (b >= -weighted_off);
}
