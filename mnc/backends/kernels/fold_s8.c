/* Means on the output's scale from the sums of channels over `count` pixels: the multiplier divides by their number. */
MNC_KERNEL void mnc_fold_rescale_s8(const int32_t *sums, int8_t *out, int channels, int32_t count, int in_zero,
                                    int32_t multiplier, int shift, int zero, int low, int high)
{
    int c;

    for (c = 0; c < channels; ++c)
        out[c] = mnc_requantise_s8(sums[c] - count * in_zero, multiplier, shift, 1, zero, low, high);
}
