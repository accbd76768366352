/* A template, written for int8; library.py makes the kernels for int16 and int32 and uint8 by substituting type names. */

/* `crc` continued by numbers, each from its lowest byte to its highest. */
MNC_KERNEL uint32_t mnc_crc_s8(const int8_t *x, long count, uint32_t crc)
{
    uint32_t rest = crc;
    long i;

    for (i = 0; i < count; ++i) {
        rest = mnc_crc_bytes((uint32_t)x[i], (int)sizeof(int8_t), rest);
    }
    return rest;
}
