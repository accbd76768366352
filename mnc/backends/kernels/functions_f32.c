/* Activation functions of whole values, element by element; all work in place. */

/* min(x, high) where x >= threshold, else slope * (x - threshold). */
MNC_KERNEL void mnc_relu_f32(const float *in, float *out, int count, float threshold, float slope, float high)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = (x < threshold) ? (slope * (x - threshold)) : (x > high) ? high : x;
    }
}

MNC_KERNEL void mnc_elu_f32(const float *in, float *out, int count, float alpha, float scale)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = scale * ((in[i] > 0.0f) ? in[i] : (alpha * MNC_EXPM1F(in[i])));
    }
}

MNC_KERNEL float mnc_sigmoid1_f32(float x)
{
    return 1.0f / (1.0f + MNC_EXPF(-x));
}

MNC_KERNEL void mnc_sigmoid_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_sigmoid1_f32(in[i]);
    }
}

/* clamp(slope * x + 0.5, 0, 1). */
MNC_KERNEL float mnc_hard_sigmoid1_f32(float x, float slope)
{
    const float y = (slope * x) + 0.5f;
    return (y < 0.0f) ? 0.0f : (y > 1.0f) ? 1.0f : y;
}

MNC_KERNEL void mnc_hard_sigmoid_f32(const float *in, float *out, int count, float slope)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_hard_sigmoid1_f32(in[i], slope);
    }
}

MNC_KERNEL void mnc_tanh_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_TANHF(in[i]);
    }
}

/* log(1 + exp(x)), written so that the exponential never overflows. */
MNC_KERNEL float mnc_softplus1_f32(float x)
{
    return (x > 0.0f) ? (x + MNC_LOG1PF(MNC_EXPF(-x))) : MNC_LOG1PF(MNC_EXPF(x));
}

MNC_KERNEL void mnc_softplus_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_softplus1_f32(in[i]);
    }
}

MNC_KERNEL void mnc_softsign_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = in[i] / (1.0f + ((in[i] < 0.0f) ? -in[i] : in[i]));
    }
}

MNC_KERNEL void mnc_swish_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = in[i] * mnc_sigmoid1_f32(in[i]);
    }
}

MNC_KERNEL void mnc_hard_swish_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = in[i] * mnc_hard_sigmoid1_f32(in[i], 1.0f / 6.0f);
    }
}

/* x / 2 * (1 + erf(x / sqrt(2))). */
MNC_KERNEL void mnc_gelu_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = 0.5f * in[i] * (1.0f + MNC_ERFF(in[i] * 0.70710678f));
    }
}

/* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). */
MNC_KERNEL void mnc_gelu_tanh_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = 0.5f * x * (1.0f + MNC_TANHF(0.79788456f * (x + (0.044715f * x * x * x))));
    }
}

MNC_KERNEL void mnc_exponential_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_EXPF(in[i]);
    }
}

MNC_KERNEL void mnc_mish_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = in[i] * MNC_TANHF(mnc_softplus1_f32(in[i]));
    }
}

MNC_KERNEL void mnc_celu_f32(const float *in, float *out, int count, float alpha)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = (x > 0.0f) ? x : (alpha * MNC_EXPM1F(x / alpha));
    }
}

MNC_KERNEL void mnc_hard_shrink_f32(const float *in, float *out, int count, float threshold)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = ((x > threshold) || (x < -threshold)) ? x : 0.0f;
    }
}

MNC_KERNEL void mnc_soft_shrink_f32(const float *in, float *out, int count, float threshold)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        const float from_above = x - threshold;
        const float from_below = x + threshold;

        out[i] = (x > threshold) ? from_above : (x < -threshold) ? from_below : 0.0f;
    }
}

MNC_KERNEL void mnc_tanh_shrink_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = x - MNC_TANHF(x);
    }
}

MNC_KERNEL void mnc_threshold_f32(const float *in, float *out, int count, float threshold, float value)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = (x > threshold) ? x : value;
    }
}

/* (x + sqrt(x * x + b)) / 2, without cancellation where x < 0. */
MNC_KERNEL void mnc_squareplus_f32(const float *in, float *out, int count, float b)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        const float root = MNC_SQRTF((x * x) + b);
        out[i] = (x > 0.0f) ? (0.5f * (x + root)) : (b == 0.0f) ? 0.0f : (0.5f * b / (root - x));
    }
}

/* x from 1 on, 0 up to -1, a parabola between. */
MNC_KERNEL void mnc_sparse_plus_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        const float above = !(x > -1.0f) ? 0.0f : (x + 1.0f);
        out[i] = (x > 1.0f) ? x : (0.25f * above * above);
    }
}

MNC_KERNEL void mnc_log_sigmoid_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = -mnc_softplus1_f32(-in[i]);
    }
}
