/* Rows of a table by number.  Digits behind the point do not count; a number outside
 * of the table (or none) stands for its first or last row.
 * table: [entries][dimensions]. */
MNC_KERNEL void mnc_embedding_f32(const float *in, float *out, const float *table, int count, int entries,
                                  int dimensions)
{
    int i;
    int d;

    for (i = 0; i < count; ++i) {
        const float x = in[i];
        const int row = !(x > 0.0f) ? 0 : (x < (float)(entries - 1)) ? (int)x : (entries - 1);

        for (d = 0; d < dimensions; ++d) {
            out[(i * dimensions) + d] = MNC_READ(table[(row * dimensions) + d]);
        }
    }
}
