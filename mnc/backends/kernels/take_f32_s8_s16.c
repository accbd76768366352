/* A template, written for float32; library.py makes the kernels for int8 and int16 by substituting type names. */

/* Runs of `inner` elements from the places that a table names, in each of `outer` blocks of `size` runs.
 * places: [count]. */
MNC_KERNEL void mnc_take_f32(const float *in, float *out, const int32_t *places, int outer, int size, int count,
                             int inner)
{
    float *out_at = out;
    int o;
    int p;
    int i;

    for (o = 0; o < outer; ++o) {
        for (p = 0; p < count; ++p) {
            const float *x = in + (((o * size) + (int)MNC_READ_S32(places[p])) * inner);

            for (i = 0; i < inner; ++i) {
                out_at[i] = x[i];
            }
            out_at += inner;
        }
    }
}
