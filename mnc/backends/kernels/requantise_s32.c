/* Numbers of 8 bits on their way to int32: less their zero point, then on another scale. */
MNC_KERNEL void mnc_from_s8_s32(const int8_t *in, int32_t *out, int count, int in_zero, int32_t multiplier, int shift)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_rescale((int32_t)in[i] - in_zero, multiplier, shift);
    }
}

/* From int16 to int32. */
MNC_KERNEL void mnc_from_s16_s32(const int16_t *in, int32_t *out, int count, int32_t multiplier, int shift)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_rescale(in[i], multiplier, shift);
    }
}

/* From one scale of int32 to another. */
MNC_KERNEL void mnc_from_s32_s32(const int32_t *in, int32_t *out, int count, int32_t multiplier, int shift)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_rescale(in[i], multiplier, shift);
    }
}

/* From int32 to int16. */
MNC_KERNEL void mnc_from_s32_s16(const int32_t *in, int16_t *out, int count, int32_t multiplier, int shift)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_narrow_s16(in[i], multiplier, shift, -32768, 32767);
    }
}

/* From int32 to int8. */
MNC_KERNEL void mnc_from_s32_s8(const int32_t *in, int8_t *out, int count, int32_t multiplier, int shift, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_requantise_s8(in[i], multiplier, shift, 1, zero, -128, 127);
    }
}

MNC_KERNEL void mnc_dequantize_s32(const int32_t *in, float *out, int count, float scale)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = scale * (float)in[i];
    }
}
