/* A template, written for int8; library.py makes the kernels for int16 and uint8 by substituting type names. */

/* Numbers from all of the type, each made of the last: returns the last `seed`. */
MNC_KERNEL uint32_t mnc_noise_s8(int8_t *x, long count, uint32_t seed)
{
    uint32_t next = seed;
    long i;

    for (i = 0; i < count; ++i) {
        next = mnc_next_seed(next);
        x[i] = (int8_t)((int32_t)(next >> (32 - (8 * (int)sizeof(int8_t)))) + -128);
    }
    return next;
}
