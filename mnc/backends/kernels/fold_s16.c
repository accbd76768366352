/* Means on the output's scale from the sums of channels: the multiplier divides by the number of pixels. */
MNC_KERNEL void mnc_fold_rescale_s16(const int32_t *sums, int16_t *out, int channels, int32_t multiplier, int shift,
                                     int low, int high)
{
    int c;

    for (c = 0; c < channels; ++c) {
        out[c] = mnc_narrow_s16(sums[c], multiplier, shift, low, high);
    }
}
