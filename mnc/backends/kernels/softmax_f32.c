/* exp(in) / sum of exp(in) along each of `vectors` times `stride` vectors: their
 * `count` elements lie `stride` apart.  The largest element is subtracted first,
 * so that nothing overflows.  Works in place. */
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
            y[i * stride] = MNC_EXPF(x[i * stride] - largest);
            sum += y[i * stride];
        }
        for (i = 0; i < count; ++i)
            y[i * stride] /= sum;
    }
}
