/* The value at x of a table for every 128th int16 from -32768 on, interpolated. */
MNC_KERNEL int32_t mnc_interpolated(int32_t x, const int16_t *table)
{
    const int32_t index = MNC_SHIFT_RIGHT(x, 7) + 256;
    const int32_t base = MNC_READ_S16(table[index]);

    return base + MNC_SHIFT_RIGHT(((MNC_READ_S16(table[index + 1]) - base) * (x & 127)) + 64, 7);
}

/* Softmax of int16 along each of `vectors` times `stride` vectors: their `count`
 * elements lie `stride` apart.  multiplier and shift bring differences to steps of
 * which 65535 are 10; `powers` has exp from -10 to 0, and `reciprocals` 1 / (1 + x)
 * from 0 to 1, in Q15.  Works in place; the powers wait in the output. */
MNC_KERNEL void mnc_softmax_s16(const int16_t *in, int16_t *out, int vectors, int count, int stride,
                                int32_t multiplier, int shift, const int16_t *powers, const int16_t *reciprocals)
{
    int v;
    int i;

    for (v = 0; v < (vectors * stride); ++v) {
        const int first = (v / stride * stride * count) + (v % stride);
        const int16_t *const x = in + first;
        int16_t *const y = out + first;
        int32_t largest = x[0];
        int32_t sum = 0;
        int32_t inverse;
        int32_t mantissa;
        int leading = 0;

        for (i = 1; i < count; ++i) {
            largest = (x[i * stride] > largest) ? x[i * stride] : largest;
        }
        for (i = 0; i < count; ++i) {
            int32_t place = mnc_rescale(x[i * stride] - largest, multiplier, shift) + 32767;

            place = (place < -32768) ? -32768 : place;
            y[i * stride] = (int16_t)mnc_interpolated(place, powers);
            sum += y[i * stride];
        }
        while ((((uint32_t)sum << leading) & 0x80000000u) == 0) {
            ++leading;
        }
        mantissa = (int32_t)((((uint32_t)sum << (leading - 1)) + 8192u) >> 14) - 98304;
        inverse = mnc_interpolated((mantissa > 32767) ? 32767 : mantissa, reciprocals);
        for (i = 0; i < count; ++i) {
            const int32_t share = ((y[i * stride] * inverse) + ((int32_t)1 << (30 - leading))) >> (31 - leading);

            y[i * stride] = (int16_t)((share > 32767) ? 32767 : share);
        }
    }
}
