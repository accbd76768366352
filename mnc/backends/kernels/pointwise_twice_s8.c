/* The sums of a block, each plus the products of two neighbouring elements of its pixel;
 * where they `begin`, the biases plus these.
 * w: [block_channels][2]. */
MNC_KERNEL void mnc_multiply_twice_s8(int32_t *sum, const int16_t *x, const int16_t *w, const int32_t *bias, int begin,
                                      int pixel, int block_pixels, int block_channels)
{
    int i, c;
#if defined(MNC_DSP)
    uint32_t weights[8], pair;

    MNC_UNROLL
    for (c = 0; c < block_channels; ++c)
        MNC_LOAD_VECTOR4(weights[c], w + 2 * c);
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        MNC_LOAD_VECTOR4(pair, x + i * pixel);
        MNC_UNROLL
        for (c = 0; c < block_channels; ++c) {
            if (begin)
                MNC_PAIRS_PLUS(sum[i * block_channels + c], pair, weights[c], bias[c]);
            else
                MNC_MULTIPLY_PAIRS(sum[i * block_channels + c], pair, weights[c]);
        }
    }
#else
    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        const int32_t first = MNC_READ_S16(w[2 * c]), second = MNC_READ_S16(w[2 * c + 1]);

        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            int32_t *const s = sum + i * block_channels + c;

            *s = (begin ? bias[c] : *s) + x[i * pixel] * first + x[i * pixel + 1] * second;
        }
    }
#endif
}

/* A dense layer on each of `pixels` pixels, from few input channels: a 1x1 convolution of
 * one row.  A block of pixels copies what it sees to `window` once, widened.  Sums are twice
 * what they stand for, as weights and biases are; the input's zero point is in the bias.  The
 * last block of pixels overlaps the one before, and so does the last block of channels.
 * weights: [blocks of channels][(in_channels + 1) / 2][block_channels][2].
 * scales: for each channel, or with a `scale_step` of 0 for all, as mnc_requantise_twice_s8
 * takes them. */
MNC_KERNEL void mnc_pointwise_twice_s8(const int8_t *const *rows, int8_t *out, int16_t *window, const int16_t *weights,
                                       const int32_t *bias, const int32_t *scales, int scale_step, int positive,
                                       int in_channels, int out_channels, int pixels, int in_pixel, int out_pixel, int out_channel,
                                       int block_pixels, int block_channels, int low, int high)
{
    const int pairs = (in_channels + 1) / 2;
    const int size = block_pixels * in_channels;
    int p, o, c, i, k;

    window[size] = 0;
    for (p = 0; p < pixels; p += block_pixels) {
        const int16_t *w = weights;
        const int32_t *b = bias, *s = scales;

        if (pixels % block_pixels != 0 && p > pixels - block_pixels)
            p = pixels - block_pixels;
        mnc_window_s8(window, rows, 1, p, block_pixels, 1, in_channels, pixels, in_pixel, size, 0);
        for (o = 0; o < out_channels; o += block_channels) {
            const int16_t *x = window;
            int8_t *y;
            int32_t sum[16], start[8];

            if (out_channels % block_channels != 0 && o > out_channels - block_channels)
                o = out_channels - block_channels;
            MNC_OPAQUE(x);
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c)
                start[c] = MNC_READ_S32(b[c]);
            MNC_UNROLL
            for (k = 0; k < pairs; ++k)
                mnc_multiply_twice_s8(sum, x + 2 * k, w + 2 * k * block_channels, start, k == 0, in_channels,
                                      block_pixels, block_channels);
            y = out + p * out_pixel + o * out_channel;
            MNC_OPAQUE(y);
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                const int32_t multiplier = MNC_READ_S32(s[scale_step * c]), offset = MNC_READ_S32(s[scale_step * c + 1]);
                const int shift = (int)MNC_READ_S32(s[scale_step * c + 2]);

                MNC_UNROLL
                for (i = 0; i < block_pixels; ++i)
                    y[i * out_pixel + c * out_channel] = mnc_requantise_twice_s8(
                        sum[i * block_channels + c], multiplier, offset, shift, positive, low, high);
            }
            w += 2 * pairs * block_channels;
            b += block_channels;
            s += scale_step * block_channels;
        }
    }
}
