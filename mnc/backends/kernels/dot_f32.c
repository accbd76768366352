/* out[i, j] = sum over k of a[i, k] * b[j, k], i and j each being two loops; the
 * sums of `block` neighbouring columns stay in registers, and the last block
 * reaches back over the one before instead of being cut. */
MNC_KERNEL void mnc_dot_f32(const float *a, const float *b, float *out, int a_outer, int a_inner, int b_outer,
                            int b_inner, int count, int a_outer_stride, int a_inner_stride, int a_stride,
                            int b_outer_stride, int b_inner_stride, int b_stride, int block)
{
    float *out_at = out;
    int i;
    int j;
    int m;
    int n;
    int k;
    int c;

    for (i = 0; i < a_outer; ++i) {
        for (j = 0; j < a_inner; ++j) {
            for (m = 0; m < b_outer; ++m) {
                n = 0;
                while (n < b_inner) {
                    const float *x = a + (i * a_outer_stride) + (j * a_inner_stride);
                    const float *y = b + (m * b_outer_stride);
                    float *z = out_at + (m * b_inner);
                    float sum[8];

                    if (n > (b_inner - block)) {
                        n = b_inner - block;
                    }
                    y += n * b_inner_stride;
                    z += n;
                    MNC_UNROLL
                    for (c = 0; c < block; ++c) {
                        sum[c] = 0.0f;
                    }
                    for (k = 0; k < count; ++k) {
                        MNC_UNROLL
                        for (c = 0; c < block; ++c) {
                            sum[c] = MNC_FMA(*x, y[c * b_inner_stride], sum[c]);
                        }
                        x += a_stride;
                        y += b_stride;
                    }
                    MNC_UNROLL
                    for (c = 0; c < block; ++c) {
                        z[c] = sum[c];
                    }
                    n += block;
                }
            }
            out_at += b_outer * b_inner;
        }
    }
}
