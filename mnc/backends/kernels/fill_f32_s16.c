/* A template, written for float32; library.py makes the kernels for int16 by substituting type names. */

MNC_KERNEL void mnc_fill_f32(float *out, int count, float value)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = value;
    }
}
