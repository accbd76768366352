#define MNC_REDUCE_SUM 0
#define MNC_REDUCE_MAX 1
#define MNC_REDUCE_MIN 2

/* factor * the sum, or the largest or smallest, of outer * inner * count elements, for
 * each of rows * pixels * channels outputs. */
MNC_KERNEL void mnc_reduce_f32(const float *in, float *out, int operation, int rows, int pixels, int channels, int row,
                               int pixel, int channel, int outer, int inner, int count, int outer_stride,
                               int inner_stride, int stride, float factor)
{
    float *out_at = out;
    int y;
    int p;
    int c;
    int i;
    int j;
    int k;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const float *first = in + ((y * row) + (p * pixel) + (c * channel));
                float result = (operation == MNC_REDUCE_SUM) ? 0.0f : *first;

                for (i = 0; i < outer; ++i) {
                    for (j = 0; j < inner; ++j) {
                        const float *x = first + ((i * outer_stride) + (j * inner_stride));

                        for (k = 0; k < count; ++k) {
                            const float next = x[k * stride];

                            if (operation == MNC_REDUCE_SUM) {
                                result += next;
                            } else if (operation == MNC_REDUCE_MAX) {
                                result = (next > result) ? next : result;
                            } else {
                                result = (next < result) ? next : result;
                            }
                        }
                    }
                }
                *out_at = factor * result;
                ++out_at;
            }
        }
    }
}
