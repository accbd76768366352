/* out = a + b, each operand first shifted left by 20 bits and brought to a common scale. */
MNC_KERNEL void mnc_add_s8(const int8_t *a, const int8_t *b, int8_t *out, int count, int a_zero, int32_t a_multiplier,
                           int a_shift, int b_zero, int32_t b_multiplier, int b_shift, int32_t multiplier, int shift,
                           int zero, int low, int high)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int32_t l = mnc_rescale(((int32_t)a[i] - a_zero) * 1048576, a_multiplier, a_shift);
        const int32_t r = mnc_rescale(((int32_t)b[i] - b_zero) * 1048576, b_multiplier, b_shift);

        out[i] = mnc_requantise_s8(l + r, multiplier, shift, 1, zero, low, high);
    }
}

MNC_KERNEL void mnc_multiply_s8(const int8_t *a, const int8_t *b, int8_t *out, int count, int a_zero, int b_zero,
                                int32_t multiplier, int shift, int zero, int low, int high)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int32_t product = ((int32_t)a[i] - a_zero) * ((int32_t)b[i] - b_zero);

        out[i] = mnc_requantise_s8(product, multiplier, shift, 1, zero, low, high);
    }
}

/* To another scale and zero point. */
MNC_KERNEL void mnc_rescale_s8(const int8_t *in, int8_t *out, int count, int in_zero, int32_t multiplier, int shift,
                               int zero, int low, int high)
{
    int i;

    for (i = 0; i < count; ++i)
        out[i] = mnc_requantise_s8((int32_t)in[i] - in_zero, multiplier, shift, 1, zero, low, high);
}

/* Any function of one int8, tabulated from -128 on. */
MNC_KERNEL void mnc_lookup_s8(const int8_t *in, int8_t *out, int count, const int8_t *table)
{
    int i;

    for (i = 0; i < count; ++i)
        out[i] = table[in[i] + 128];
}

/* round(in / scale) + zero, halves away from zero. */
MNC_KERNEL void mnc_quantize_s8(const float *in, int8_t *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i) {
        float x = in[i] / scale, rest;
        int n;

        x = x < -512.0f ? -512.0f : x > 512.0f ? 512.0f : x;
        n = (int)x;
        rest = x - (float)n;
        n += rest >= 0.5f ? zero + 1 : rest <= -0.5f ? zero - 1 : zero;
        out[i] = (int8_t)(n < -128 ? -128 : n > 127 ? 127 : n);
    }
}

MNC_KERNEL void mnc_dequantize_s8(const int8_t *in, float *out, int count, float scale, int zero)
{
    int i;

    for (i = 0; i < count; ++i)
        out[i] = scale * (float)(in[i] - zero);
}
