/* A template, written for float32; library.py makes the kernels for int8 and int16 and uint8 by substituting type names. */

/* Add numbers to sums[0], and to sums[1] each by its place, counted from `first`, in cycles of 31.
 * Groups of 64 keep rounding small. */
MNC_KERNEL void mnc_sums_f32(const float *x, long first, long count, MNC_SUM *sums)
{
    MNC_SUM plain;
    MNC_SUM weighted;
    long i = 0;
    long end;

    while (i < count) {
        plain = 0;
        weighted = 0;
        end = ((count - i) < 64) ? count : (i + 64);
        while (i < end) {
            plain += (MNC_SUM)x[i];
            weighted += (MNC_SUM)x[i] * (MNC_SUM)(((first + i) % 31) + 1);
            ++i;
        }
        sums[0] += plain;
        sums[1] += weighted;
    }
}
