/* Initialises the sums of a block of pixels x channels with the channels' biases. */
MNC_KERNEL void mnc_begin_s8(int32_t *sum, const int32_t *bias, int block_pixels, int block_channels)
{
    int i;
    int c;

    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            sum[(i * block_channels) + c] = MNC_READ_S32(bias[c]);
        }
    }
}

/* Adds to the sums of a block the products of a run that lies in padding, whose
 * elements all hold `value`.
 * w: [run / 4][block_channels][4], or [block_channels][run] below four. */
MNC_KERNEL void mnc_padding_run_s8(int32_t *sum, int value, const int8_t *w, int run, int block_pixels,
                                   int block_channels)
{
    const int8_t *w_at = w;
    int i;
    int c;
    int k;

    for (k = 0; k < ((run < 4) ? 1 : ((run + 3) / 4)); ++k) {
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            int32_t total = 0;
            int t;

            MNC_UNROLL
            for (t = 0; t < ((run < 4) ? run : 4); ++t) {
                total += MNC_READ_S8(*w_at);
                ++w_at;
            }
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                sum[(i * block_channels) + c] += total * value;
            }
        }
    }
}

/* Requantises the sums of a block to its outputs. */
MNC_KERNEL void mnc_end_s8(const int32_t *sum, int8_t *out, const int32_t *multiplier, const int8_t *shift,
                           int per_channel, int general, int out_pixel, int out_channel, int block_pixels,
                           int block_channels, int zero, int low, int high)
{
    int i;
    int c;

    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        const int32_t by = MNC_READ_S32(multiplier[c * per_channel]);
        const int power = MNC_READ_S8(shift[c * per_channel]);

        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            out[(i * out_pixel) + (c * out_channel)] =
                mnc_requantise_s8(sum[(i * block_channels) + c], by, power, general, zero, low, high);
        }
    }
}
