/* A template, written for int8; library.py makes the kernels for int16 by substituting type names. */

/* The largest, or where `smaller` the smallest, of outer * inner * count elements, for
 * each of rows * pixels * channels outputs. */
MNC_KERNEL void mnc_reduce_extreme_s8(const int8_t *in, int8_t *out, int smaller, int rows, int pixels, int channels,
                                      int row, int pixel, int channel, int outer, int inner, int count,
                                      int outer_stride, int inner_stride, int stride)
{
    int8_t *out_at = out;
    int y;
    int p;
    int c;
    int i;
    int j;
    int k;

    for (y = 0; y < rows; ++y) {
        for (p = 0; p < pixels; ++p) {
            for (c = 0; c < channels; ++c) {
                const int8_t *first = in + ((y * row) + (p * pixel) + (c * channel));
                int8_t result = *first;

                for (i = 0; i < outer; ++i) {
                    for (j = 0; j < inner; ++j) {
                        const int8_t *x = first + ((i * outer_stride) + (j * inner_stride));

                        for (k = 0; k < count; ++k) {
                            const int8_t next = x[k * stride];

                            result = ((smaller != 0) ? (next < result) : (next > result)) ? next : result;
                        }
                    }
                }
                *out_at = result;
                ++out_at;
            }
        }
    }
}
