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

/* in - log(sum of exp(in)), along vectors that lie as those of mnc_softmax_f32.  Works in place. */
MNC_KERNEL void mnc_log_softmax_f32(const float *in, float *out, int vectors, int count, int stride)
{
    int v, i;

    for (v = 0; v < vectors * stride; ++v) {
        const int first = v / stride * stride * count + v % stride;
        const float *const x = in + first;
        float *const y = out + first;
        float largest = x[0], sum = 0.0f, logarithm;

        for (i = 1; i < count; ++i)
            largest = x[i * stride] > largest ? x[i * stride] : largest;
        for (i = 0; i < count; ++i)
            sum += MNC_EXPF(x[i * stride] - largest);
        logarithm = MNC_LOGF(sum);
        for (i = 0; i < count; ++i)
            y[i * stride] = x[i * stride] - largest - logarithm;
    }
}

/* max(in - t, 0) with the t by which the outputs sum to 1, along vectors that lie as
 * those of mnc_softmax_f32.  The elements above t are found by Michelot's algorithm
 * (1986): all at first, then those above the t of the ones before.  Works in place. */
MNC_KERNEL void mnc_sparsemax_f32(const float *in, float *out, int vectors, int count, int stride)
{
    int v, i;

    for (v = 0; v < vectors * stride; ++v) {
        const int first = v / stride * stride * count + v % stride;
        const float *const x = in + first;
        float *const y = out + first;
        float largest = x[0], t = 0.0f;
        int above = count, before = count + 1;

        for (i = 1; i < count; ++i)
            largest = x[i * stride] > largest ? x[i * stride] : largest;
        while (above > 0 && above < before) {
            float sum = -1.0f;
            int next = 0;

            for (i = 0; i < count; ++i)
                sum += before > count || x[i * stride] - largest > t ? x[i * stride] - largest : 0.0f;
            t = sum / (float)above;
            for (i = 0; i < count; ++i)
                next += x[i * stride] - largest > t;
            before = above;
            above = next;
        }
        for (i = 0; i < count; ++i) {
            const float x_above = x[i * stride] - largest - t;

            y[i * stride] = x_above > 0.0f ? x_above : 0.0f;
        }
    }
}
