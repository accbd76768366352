/* A template, written for float32; library.py makes the kernels for int8 and int16 by substituting type names. */

/* Where the largest, or where `smaller` the smallest, of `count` elements lies that are
 * `inner` apart, for each of outer * inner outputs; of equal ones the first. */
MNC_KERNEL void mnc_arg_extreme_f32(const float *in, int32_t *out, int smaller, int outer, int count, int inner)
{
    int32_t *out_at = out;
    int o;
    int i;
    int k;

    for (o = 0; o < outer; ++o) {
        for (i = 0; i < inner; ++i) {
            const float *const x = in + (o * count * inner) + i;
            int found = 0;

            for (k = 1; k < count; ++k) {
                found = ((smaller != 0) ? (x[k * inner] < x[found * inner]) : (x[k * inner] > x[found * inner])) ? k
                    : found;
            }
            *out_at = found;
            ++out_at;
        }
    }
}
