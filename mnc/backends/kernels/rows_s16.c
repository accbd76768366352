/* As mnc_rows_f32, for int16. */
MNC_KERNEL void mnc_rows_s16(const int16_t **rows, const int16_t *in, int first, int step, int count, int height,
                             int row_size)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int y = first + i * step;
        rows[i] = y >= 0 && y < height ? in + y * row_size : NULL;
    }
}
