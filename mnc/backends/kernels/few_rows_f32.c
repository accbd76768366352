/* The rows that mnc_rows_f32 gives, with code for each of them, so that their
 * addresses can stay in registers. */
MNC_KERNEL void mnc_few_rows_f32(const float **rows, const float *in, int first, int step, int count, int height,
                                 int row_size)
{
    int i;

    MNC_UNROLL
    for (i = 0; i < count; ++i) {
        const int y = first + (i * step);
        rows[i] = ((y >= 0) && (y < height)) ? (in + (y * row_size)) : NULL;
    }
}

/* The rows that mnc_ring_rows_f32 gives, with code for each of them, so that their
 * addresses can stay in registers. */
MNC_KERNEL void mnc_few_ring_rows_f32(const float **rows, const float *in, int first, int step, int count,
                                      int height, int row_size, int ring)
{
    int i;

    MNC_UNROLL
    for (i = 0; i < count; ++i) {
        const int y = first + (i * step);
        rows[i] = ((y >= 0) && (y < height)) ? (in + (y % ring * row_size)) : NULL;
    }
}
