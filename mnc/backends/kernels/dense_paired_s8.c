/* Adds to the sums of a block of channels the products of four neighbouring elements.
 * Weights and sums of odd channels are paired with those before, as for
 * mnc_multiply_paired_s8.
 * w: [2][block_channels / 2][2], those of the even elements first. */
MNC_KERNEL void mnc_multiply_dense_s8(int32_t *sum, const int8_t *x, const int16_t *w, int block_channels)
{
    int c;
    int t;
#if defined(MNC_DSP)
    uint32_t elements[2];
    uint32_t even;
    uint32_t both;

    MNC_LOAD_VECTOR4(elements[1], x);
    MNC_EVEN(elements[0], elements[1]);
    MNC_ODD(elements[1], elements[1]);
    MNC_UNROLL
    for (t = 0; t < 2; ++t) {
        MNC_UNROLL
        for (c = 0; c < block_channels; c += 2) {
            MNC_LOAD_VECTOR4(both, w + (t * block_channels) + c);
            MNC_EVEN(even, both);
            MNC_MULTIPLY_PAIRS(sum[c], elements[t], even);
            MNC_MULTIPLY_PAIRS(sum[c + 1], elements[t], both);
        }
    }
#else
    int k;

    MNC_UNROLL
    for (t = 0; t < 2; ++t) {
        MNC_UNROLL
        for (c = 0; c < block_channels; c += 2) {
            MNC_UNROLL
            for (k = 0; k < 2; ++k) {
                const int32_t both = MNC_READ_S16(w[(t * block_channels) + c + k]);

                sum[c] += x[(2 * k) + t] * (((both & 255) ^ 128) - 128);
                sum[c + 1] = (int32_t)((uint32_t)sum[c + 1] + (uint32_t)(x[(2 * k) + t] * both));
            }
        }
    }
#endif
}

/* A dense layer on one pixel.  The number of input channels is a multiple of 4 * `unroll`;
 * their zero point is in the bias.  The last block of channels overlaps the one before.
 * weights: [blocks of channels][in_channels / 4], each as mnc_multiply_dense_s8 reads it.
 * bias: as the sums, 256 times its own plus the channel's before where the channel is odd. */
MNC_KERNEL void mnc_dense_paired_s8(const int8_t *in, int8_t *out, const int16_t *weights, const int32_t *bias,
                                    const int32_t *scales, int scale_step, int positive, int in_channels,
                                    int out_channels, int block_channels, int unroll, int low, int high)
{
    const int16_t *weights_at = weights;
    const int32_t *bias_at = bias;
    const int32_t *scales_at = scales;
    int o;
    int k;
    int t;

    o = 0;
    while (o < out_channels) {
        const int8_t *x = in;
        int32_t sum[16];

        if (((out_channels % block_channels) != 0) && (o > (out_channels - block_channels))) {
            o = out_channels - block_channels;
        }
        mnc_begin_s8(sum, bias_at, 1, block_channels);
        for (k = 0; k < in_channels; k += 4 * unroll) {
            MNC_UNROLL
            for (t = 0; t < unroll; ++t) {
                mnc_multiply_dense_s8(sum, x + (4 * t), weights_at + (2 * t * block_channels), block_channels);
            }
            x += 4 * unroll;
            weights_at += 2 * unroll * block_channels;
        }
        mnc_requantise_paired_s8(sum, out + o, scales_at, scale_step, positive, 1, 1, 1, block_channels, low, high);
        bias_at += block_channels;
        scales_at += scale_step * block_channels;
        o += block_channels;
    }
}
