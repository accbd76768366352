/* A template, written for float32; library.py makes the kernels for int8 and int16 and int32 and uint8 by substituting type names. */

/* The indices of the `count` largest of `size` values, the largest first; of equal ones the
 * first comes first.  count is at most size. */
MNC_KERNEL void mnc_top_f32(const float *values, int size, int count, int *indices)
{
    int i;
    int place;

    for (i = 0; i < size; ++i) {
        for (place = (i < count) ? i : count; (place > 0) && (values[i] > values[indices[place - 1]]); --place) {
            if (place < count) {
                indices[place] = indices[place - 1];
            }
        }
        if (place < count) {
            indices[place] = i;
        }
    }
}
