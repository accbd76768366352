/* Means on the output's scale from the sums of channels over `count` pixels: the multiplier divides by their number. */
MNC_KERNEL void mnc_fold_rescale_s8(const int32_t *sums, int8_t *out, int channels, int32_t count, int in_zero,
                                    int32_t multiplier, int shift, int zero, int low, int high)
{
    int c;

    for (c = 0; c < channels; ++c) {
        out[c] = mnc_requantise_s8(sums[c] - (count * in_zero), multiplier, shift, 1, zero, low, high);
    }
}

/* Row number `row` of an image, of in_channels elements, in a dense layer over all of the image: its products are
 * added to the sums, which begin with the biases.  The last block of channels overlaps the one before; the channels
 * that both have also have a sum in each.
 * weights: for each block of channels, as mnc_run_s8 reads them, `unroll` quads at once. */
MNC_KERNEL void mnc_fold_dense_s8(const int8_t *in, int32_t *sums, const int8_t *weights, const int32_t *bias, int row,
                                  int in_channels, int out_channels, int block_channels, int unroll)
{
    const int8_t *weights_at = weights;
    int o;
    int c;

    for (o = 0; o < out_channels; o += block_channels) {
        int32_t sum[16];

        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            sum[c] = (row > 0) ? sums[o + c] : MNC_READ_S32(bias[o + c]);
        }
        mnc_run_s8(sum, in, weights_at, in_channels, 0, 1, block_channels, unroll);
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            sums[o + c] = sum[c];
        }
        weights_at += ((in_channels < 4) ? in_channels : ((in_channels + 3) / 4 * 4)) * block_channels;
    }
}

/* The outputs of a dense layer from its sums. */
MNC_KERNEL void mnc_fold_end_s8(const int32_t *sums, int8_t *out, int out_channels, int block_channels,
                                const int32_t *multiplier, const int8_t *shift, int per_channel, int general, int zero,
                                int low, int high)
{
    const int32_t *sums_at = sums;
    const int32_t *multiplier_at = multiplier;
    const int8_t *shift_at = shift;
    int o;

    o = 0;
    while (o < out_channels) {
        if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
            o = out_channels - block_channels;
        }
        mnc_end_s8(sums_at, out + o, multiplier_at, shift_at, per_channel, general, 0, 1, 1, block_channels, zero, low,
                   high);
        sums_at += block_channels;
        multiplier_at += block_channels * per_channel;
        shift_at += block_channels * per_channel;
        o += block_channels;
    }
}
