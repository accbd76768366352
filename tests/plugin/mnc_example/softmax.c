/* exp(x) for x of at most 0, for machines whose expf is slow or large: x is
 * r - n ln 2 with r between -ln 2 / 2 and ln 2 / 2, and e^r is its Taylor
 * polynomial of degree MNC_EXP_DEGREE. */
MNC_KERNEL float mnc_exp_by_halves(float x)
{
    int halves, i;
    float r, y = 1.0f;

    if (x < -87.0f)
        return 0.0f;
    halves = (int)(0.5f - x * 1.44269504f);
    r = x + (float)halves * 0.693147181f;
    for (i = MNC_EXP_DEGREE; i > 0; --i)
        y = 1.0f + y * r / (float)i;
    for (i = 0; i < halves; ++i)
        y *= 0.5f;
    return y;
}

/* As mnc's own, without expf. */
MNC_KERNEL void mnc_softmax_f32(const float *in, float *out, int vectors, int count, int stride)
{
    int v, i;

    for (v = 0; v < vectors * stride; ++v) {
        const int first = v / stride * stride * count + v % stride;
        const float *const x = in + first;
        float *const y = out + first;
        float largest = x[0], sum = 0.0f;

        for (i = 1; i < count; ++i)
            largest = x[i * stride] > largest ? x[i * stride] : largest;
        for (i = 0; i < count; ++i) {
            y[i * stride] = mnc_exp_by_halves(x[i * stride] - largest);
            sum += y[i * stride];
        }
        for (i = 0; i < count; ++i)
            y[i * stride] /= sum;
    }
}
