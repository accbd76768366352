/* (in - mean) / sqrt(variance + epsilon) * gamma + beta, the statistics taken
 * over each of `outer` x `inner` slices of `rows` x `count` elements.  Two
 * passes, so that a large mean does not swallow the variance. */
MNC_KERNEL void mnc_normalization_f32(const float *in, float *out, const float *gamma, const float *beta, int outer,
                                      int inner, int rows, int count, int outer_stride, int inner_stride,
                                      int row_stride, int stride, int gamma_outer, int gamma_inner, int gamma_row,
                                      int gamma_stride, float epsilon)
{
    const float part = 1.0f / ((float)rows * (float)count);
    int o;
    int i;
    int r;
    int k;

    for (o = 0; o < outer; ++o) {
        for (i = 0; i < inner; ++i) {
            const int first = (o * outer_stride) + (i * inner_stride);
            float mean = 0.0f;
            float variance = 0.0f;
            float scale;

            for (r = 0; r < rows; ++r) {
                for (k = 0; k < count; ++k) {
                    mean += in[first + (r * row_stride) + (k * stride)];
                }
            }
            mean *= part;
            for (r = 0; r < rows; ++r) {
                for (k = 0; k < count; ++k) {
                    const float x = in[first + (r * row_stride) + (k * stride)] - mean;
                    variance = MNC_FMA(x, x, variance);
                }
            }
            scale = 1.0f / MNC_SQRTF(MNC_FMA(variance, part, epsilon));
            for (r = 0; r < rows; ++r) {
                for (k = 0; k < count; ++k) {
                    const int at = first + (r * row_stride) + (k * stride);
                    const int g = (o * gamma_outer) + (i * gamma_inner) + (r * gamma_row) + (k * gamma_stride);
                    const float x = (in[at] - mean) * scale;

                    out[at] = MNC_FMA(x, (gamma == NULL) ? 1.0f : MNC_READ(gamma[g]),
                                      (beta == NULL) ? 0.0f : MNC_READ(beta[g]));
                }
            }
        }
    }
}

/* in / max(length, epsilon), with the length of each of `outer` x `inner` slices of
 * `rows` x `count` elements. */
MNC_KERNEL void mnc_unit_normalization_f32(const float *in, float *out, int outer, int inner, int rows, int count,
                                           int outer_stride, int inner_stride, int row_stride, int stride,
                                           float epsilon)
{
    int o;
    int i;
    int r;
    int k;

    for (o = 0; o < outer; ++o) {
        for (i = 0; i < inner; ++i) {
            const int first = (o * outer_stride) + (i * inner_stride);
            float length = 0.0f;
            float scale;

            for (r = 0; r < rows; ++r) {
                for (k = 0; k < count; ++k) {
                    const float x = in[first + (r * row_stride) + (k * stride)];
                    length = MNC_FMA(x, x, length);
                }
            }
            length = MNC_SQRTF(length);
            scale = 1.0f / ((length > epsilon) ? length : epsilon);
            for (r = 0; r < rows; ++r) {
                for (k = 0; k < count; ++k) {
                    out[first + (r * row_stride) + (k * stride)] = in[first + (r * row_stride) + (k * stride)] * scale;
                }
            }
        }
    }
}
