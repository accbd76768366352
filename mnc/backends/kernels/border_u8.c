/* The int8 that a uint8 stands for under a zero point 128 less. */
MNC_KERNEL void mnc_signed_s8(const uint8_t *in, int8_t *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = (int8_t)((int)in[i] - 128);
    }
}

/* The uint8 that an int8 stands for under a zero point 128 more. */
MNC_KERNEL void mnc_unsigned_u8(const int8_t *in, uint8_t *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = (uint8_t)(in[i] + 128);
    }
}

/* round(in / scale) + zero, halves away from zero. */
MNC_KERNEL void mnc_quantize_u8(const float *in, uint8_t *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        int8_t stored;

        mnc_quantize_s8(in + i, &stored, 1, scale, zero - 128);
        out[i] = (uint8_t)(stored + 128);
    }
}

/* round((in - offset) / scale) + zero, halves away from zero.  Each feature has a scale
 * and an offset of its own, and `inner` elements one behind the other. */
MNC_KERNEL void mnc_quantize_features_u8(const float *in, uint8_t *out, int count, const float *scale,
                                         const float *offset, int features, int inner, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int f = i / inner % features;
        const float x = in[i] - MNC_READ(offset[f]);

        mnc_quantize_u8(&x, out + i, 1, MNC_READ(scale[f]), zero);
    }
}

MNC_KERNEL void mnc_dequantize_u8(const uint8_t *in, float *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = scale * (float)((int)in[i] - zero);
    }
}
