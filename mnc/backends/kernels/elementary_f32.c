/* Elementary functions of whole values, element by element; all work in place. */

/* min(max(x, low), high). */
MNC_KERNEL void mnc_clip_f32(const float *in, float *out, int count, float low, float high)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = (x < low) ? low : (x > high) ? high : x;
    }
}

MNC_KERNEL void mnc_abs_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = (x < 0.0f) ? -x : x;
    }
}

MNC_KERNEL void mnc_sign_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        out[i] = (x > 0.0f) ? 1.0f : (x < 0.0f) ? -1.0f : x;
    }
}

MNC_KERNEL void mnc_square_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = in[i] * in[i];
    }
}

MNC_KERNEL void mnc_sqrt_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_SQRTF(in[i]);
    }
}

MNC_KERNEL void mnc_rsqrt_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = 1.0f / MNC_SQRTF(in[i]);
    }
}

MNC_KERNEL void mnc_power_f32(const float *in, float *out, int count, float exponent)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_POWF(in[i], exponent);
    }
}

MNC_KERNEL void mnc_log_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_LOGF(in[i]);
    }
}

MNC_KERNEL void mnc_log1p_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_LOG1PF(in[i]);
    }
}

MNC_KERNEL void mnc_sin_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_SINF(in[i]);
    }
}

MNC_KERNEL void mnc_cos_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_COSF(in[i]);
    }
}

MNC_KERNEL void mnc_erf_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_ERFF(in[i]);
    }
}

MNC_KERNEL void mnc_floor_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = MNC_FLOORF(in[i]);
    }
}

MNC_KERNEL void mnc_ceil_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = -MNC_FLOORF(-in[i]);
    }
}

/* The nearest whole number, of two the even one. */
MNC_KERNEL void mnc_round_f32(const float *in, float *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        const float below = MNC_FLOORF(in[i]);
        const float rest = in[i] - below;
        const int up = (rest > 0.5f) || ((rest == 0.5f) && ((2.0f * MNC_FLOORF(0.5f * below)) != below));
        out[i] = (up == 0) ? below : (below + 1.0f);
    }
}
