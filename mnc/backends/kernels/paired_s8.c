/* Adds to the sums of a block the products of two neighbouring elements of a window.
 * Each weight is that of an even channel plus 256 times that of the next, and so is
 * the sum of an odd channel: its own sum times 256 plus the even channel's, modulo 2^32.
 * w: two weights for each two channels, `channel_step` from one such pair to the next. */
MNC_KERNEL void mnc_multiply_paired_s8(int32_t *sum, const int16_t *x, const int16_t *w, int channel_step, int pixel,
                                       int block_pixels, int block_channels)
{
    int i;
    int c;
#if defined(MNC_DSP)
    uint32_t pair;
    uint32_t even;
    uint32_t both;

    if (block_pixels >= block_channels) {
        MNC_UNROLL
        for (c = 0; c < block_channels; c += 2) {
            MNC_LOAD_VECTOR4(both, w + (c / 2 * channel_step));
            MNC_EVEN(even, both);
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_LOAD_VECTOR4(pair, x + (i * pixel));
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c], pair, even);
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c + 1], pair, both);
            }
        }
    } else {
        uint32_t pairs[4];

        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            MNC_LOAD_VECTOR4(pairs[i], x + (i * pixel));
        }
        MNC_UNROLL
        for (c = 0; c < block_channels; c += 2) {
            MNC_LOAD_VECTOR4(both, w + (c / 2 * channel_step));
            MNC_EVEN(even, both);
            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c], pairs[i], even);
                MNC_MULTIPLY_PAIRS(sum[(i * block_channels) + c + 1], pairs[i], both);
            }
        }
    }
#else
    int t;

    MNC_UNROLL
    for (c = 0; c < block_channels; c += 2) {
        MNC_UNROLL
        for (t = 0; t < 2; ++t) {
            const int32_t both = MNC_READ_S16(w[(c / 2 * channel_step) + t]);
            const int32_t even = ((both & 255) ^ 128) - 128;

            MNC_UNROLL
            for (i = 0; i < block_pixels; ++i) {
                int32_t *const s = sum + (i * block_channels) + c;

                s[0] += x[(i * pixel) + t] * even;
                s[1] = (int32_t)((uint32_t)s[1] + (uint32_t)(x[(i * pixel) + t] * both));
            }
        }
    }
#endif
}

/* Adds to the sums of a block the products of `pairs` pairs of neighbouring elements,
 * `unroll` of them at once.
 * w: as mnc_multiply_paired_s8 reads them, `pair_step` from one pair of elements to the next. */
MNC_KERNEL void mnc_run_paired_s8(int32_t *sum, const int16_t *x, const int16_t *w, int pairs, int pair_step,
                                  int channel_step, int pixel, int block_pixels, int block_channels, int unroll)
{
    const int16_t *x_at = x;
    const int16_t *w_at = w;
    int k;
    int t;

    for (k = 0; k < (pairs / unroll); ++k) {
        MNC_UNROLL
        for (t = 0; t < unroll; ++t) {
            mnc_multiply_paired_s8(sum, x_at + (2 * t), w_at + (t * pair_step), channel_step, pixel, block_pixels,
                                   block_channels);
        }
        x_at += 2 * unroll;
        w_at += unroll * pair_step;
    }
    MNC_UNROLL
    for (t = 0; t < (pairs % unroll); ++t) {
        mnc_multiply_paired_s8(sum, x_at + (2 * t), w_at + (t * pair_step), channel_step, pixel, block_pixels,
                               block_channels);
    }
}

/* The sums of a block, of which those of odd channels are paired with those before, to
 * its outputs.
 * scales: for each channel, or with a `scale_step` of 0 for all, as mnc_requantise_ready_s8
 * takes them. */
MNC_KERNEL void mnc_requantise_paired_s8(const int32_t *sum, int8_t *out, const int32_t *scales, int scale_step,
                                         int positive, int out_pixel, int out_channel, int block_pixels,
                                         int block_channels, int low, int high)
{
    int32_t doubled = MNC_READ_S32(scales[0]);
    int32_t offset = MNC_READ_S32(scales[1]);
    int shift = (int)MNC_READ_S32(scales[2]);
    int i;
    int c;

    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        if ((c > 0) && (scale_step > 0)) {
            doubled = MNC_READ_S32(scales[c * scale_step]);
            offset = MNC_READ_S32(scales[(c * scale_step) + 1]);
            shift = (int)MNC_READ_S32(scales[(c * scale_step) + 2]);
        }
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            const int32_t *const s = sum + (i * block_channels) + c;
            const int32_t own =
                ((c % 2) == 0) ? s[0] : MNC_SHIFT_RIGHT((int32_t)((uint32_t)s[0] - (uint32_t)s[-1]), 8);

            out[(i * out_pixel) + (c * out_channel)] =
                mnc_requantise_ready_s8(own, doubled, offset, shift, positive, low, high);
        }
    }
}
