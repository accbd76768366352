/* A template, written for float32; library.py makes the kernels for int8 and int16 and uint8 by substituting type names. */

/* The input rows that one output row reads: `count` rows, `step` apart, from
 * row `first` on; NULL where a row lies outside the `height` rows of `in`. */
MNC_KERNEL void mnc_rows_f32(const float **rows, const float *in, int first, int step, int count, int height,
                             int row_size)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int y = first + (i * step);
        rows[i] = ((y >= 0) && (y < height)) ? (in + (y * row_size)) : NULL;
    }
}

/* Likewise where `in` holds `ring` rows: row r lies where row r modulo `ring` does. */
MNC_KERNEL void mnc_ring_rows_f32(const float **rows, const float *in, int first, int step, int count, int height,
                                  int row_size, int ring)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int y = first + (i * step);
        rows[i] = ((y >= 0) && (y < height)) ? (in + (y % ring * row_size)) : NULL;
    }
}
