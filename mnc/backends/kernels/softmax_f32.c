/* exp(in) / sum of exp(in) along each of `vectors` times `stride` vectors: their
 * `count` elements lie `stride` apart.  The largest element is subtracted first,
 * so that nothing overflows.  Works in place. */
MNC_KERNEL void mnc_softmax_f32(const float *in, float *out, int vectors, int count, int stride)
{
    int v;
    int i;

    for (v = 0; v < (vectors * stride); ++v) {
        const int first = (v / stride * stride * count) + (v % stride);
        const float *const x = in + first;
        float *const y = out + first;
        float largest = x[0];
        float sum = 0.0f;

        for (i = 1; i < count; ++i) {
            largest = (x[i * stride] > largest) ? x[i * stride] : largest;
        }
        for (i = 0; i < count; ++i) {
            y[i * stride] = MNC_EXPF(x[i * stride] - largest);
            sum += y[i * stride];
        }
        for (i = 0; i < count; ++i) {
            y[i * stride] /= sum;
        }
    }
}

/* in - log(sum of exp(in)), along vectors that lie as those of mnc_softmax_f32.  Works in place. */
MNC_KERNEL void mnc_log_softmax_f32(const float *in, float *out, int vectors, int count, int stride)
{
    int v;
    int i;

    for (v = 0; v < (vectors * stride); ++v) {
        const int first = (v / stride * stride * count) + (v % stride);
        const float *const x = in + first;
        float *const y = out + first;
        float largest = x[0];
        float sum = 0.0f;
        float logarithm;

        for (i = 1; i < count; ++i) {
            largest = (x[i * stride] > largest) ? x[i * stride] : largest;
        }
        for (i = 0; i < count; ++i) {
            sum += MNC_EXPF(x[i * stride] - largest);
        }
        logarithm = MNC_LOGF(sum);
        for (i = 0; i < count; ++i) {
            y[i * stride] = x[i * stride] - largest - logarithm;
        }
    }
}

/* max(in - t, 0) along vectors that lie as those of mnc_softmax_f32.  The support is
 * found by Michelot's algorithm (1986): all elements at first, then those above
 * (the sum of the ones before - 1) / their number.  t is (a sum - 1) / their number,
 * in which each element counts as often as elements of the support are not above it.
 * Works in place. */
MNC_KERNEL void mnc_sparsemax_f32(const float *in, float *out, int vectors, int count, int stride)
{
    int v;
    int i;
    int j;

    for (v = 0; v < (vectors * stride); ++v) {
        const int first = (v / stride * stride * count) + (v % stride);
        const float *const x = in + first;
        float *const y = out + first;
        float largest = x[0];
        float least = 0.0f;
        float sum = -1.0f;
        float t;
        int above = count;
        int before = count + 1;

        for (i = 1; i < count; ++i) {
            largest = (x[i * stride] > largest) ? x[i * stride] : largest;
        }
        while ((above > 0) && (above < before)) {
            float total = -1.0f;
            int next = 0;

            for (i = 0; i < count; ++i) {
                total += ((before > count) || ((x[i * stride] - largest) > least)) ? (x[i * stride] - largest) : 0.0f;
            }
            least = total / (float)above;
            for (i = 0; i < count; ++i) {
                next += (x[i * stride] - largest) > least;
            }
            before = above;
            above = next;
        }
        for (i = 0; i < count; ++i) {
            int times = 0;

            for (j = 0; j < count; ++j) {
                times += ((x[j * stride] - largest) > least) &&
                         ((x[j * stride] < x[i * stride]) || ((x[j * stride] <= x[i * stride]) && (j >= i)));
            }
            sum += ((x[i * stride] - largest) > least) ? ((float)times * x[i * stride]) : 0.0f;
        }
        t = sum / (float)above;
        for (i = 0; i < count; ++i) {
            y[i * stride] = (x[i * stride] > t) ? (x[i * stride] - t) : 0.0f;
        }
    }
}
