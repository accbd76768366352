/* The sum of outer * inner * count elements on the output's scale, for each of rows *
 * pixels * channels outputs; the multiplier may divide it by their number. */
MNC_KERNEL void mnc_reduce_sum_s8(const int8_t *in, int8_t *out, int rows, int pixels, int channels, int row,
                                  int pixel, int channel, int outer, int inner, int count, int outer_stride,
                                  int inner_stride, int stride, int in_zero,
                                  int32_t multiplier, int shift, int zero, int low, int high)
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
                int32_t sum = -(int32_t)outer * inner * count * in_zero;

                for (i = 0; i < outer; ++i) {
                    for (j = 0; j < inner; ++j) {
                        const int8_t *x = first + ((i * outer_stride) + (j * inner_stride));

                        for (k = 0; k < count; ++k) {
                            sum += x[k * stride];
                        }
                    }
                }
                *out_at = mnc_requantise_s8(sum, multiplier, shift, 1, zero, low, high);
                ++out_at;
            }
        }
    }
}
