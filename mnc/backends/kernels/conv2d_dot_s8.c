/* Takes weights from 0 to 255 apart, four a word, into pairs. */
MNC_KERNEL void mnc_pairs_of_fours(uint32_t *pairs, const int32_t *fours, int count)
{
    int k;

    for (k = 0; k < count; ++k) {
        const uint32_t four = (uint32_t)MNC_READ_S32(fours[k]);

        pairs[2 * k] = four & 0xFF00FFu;
        pairs[(2 * k) + 1] = (four >> 8) & 0xFF00FFu;
    }
}

/* Dot products of windows with one channel's weights, both in pairs of a word, from 0 to 255:
 * `rows` runs of 2 * `fours` words each.  Runs of a window lie `band` words apart, windows
 * `step`.
 * weights: [rows][2 * fours]. */
MNC_KERNEL void mnc_dots_of_pairs(uint32_t *sums, const uint32_t *window, const uint32_t *weights, uint32_t begin,
                                  int pixels, int rows, int fours, int band, int step)
{
#if defined(MNC_DOTS)
    MNC_DOTS(sums, window, weights, begin, pixels, rows, fours, band, step);
#else
    int p;
    int r;
    int k;

    for (p = 0; p < pixels; ++p) {
        uint32_t sum = begin;

        for (r = 0; r < rows; ++r) {
            const uint32_t *const x = window + (p * step) + (r * band);
            const uint32_t *const w = weights + (r * 2 * fours);

            for (k = 0; k < (2 * fours); ++k) {
                sum += ((x[k] & 0xFFFFu) * (w[k] & 0xFFFFu)) + ((x[k] >> 16) * (w[k] >> 16));
            }
        }
        sums[p] = sum;
    }
#endif
}

/* One row of a convolution, channels last, on a core that adds a product of 16 bits to its
 * accumulator while it loads the next two factors: one output channel after the other, for
 * `block_pixels` pixels, at most 16.  What these see is laid down in pairs of a word, padding
 * included, and so are a channel's weights; both count from -128, and so does what only fills
 * up a word.  The last block overlaps the one before.
 * pairs: kernel_height rows of `band` words, of which a pixel has `pixel`; then
 * [kernel_height][2 * fours] for the weights.
 * weights: [out_channels][kernel_height][fours], elements 0, 2, 1 and 3 from the lowest byte.
 * bias: as for inputs and weights that count from -128. */
MNC_KERNEL void mnc_conv2d_dot_s8(const int8_t *const *rows, int8_t *out, int32_t *pairs, const int32_t *weights,
                                  const int32_t *bias, const int32_t *multiplier, const int8_t *shift,
                                  int per_channel, int in_channels, int out_channels, int kernel_height,
                                  int kernel_width, int stride, int padding, int in_width, int out_width,
                                  int in_pixel, int out_pixel, int out_channel, int block_pixels, int pixel,
                                  int fours, int band, int in_zero, int zero, int low, int high)
{
    const int columns = ((block_pixels - 1) * stride) + kernel_width;
    const int words = kernel_height * fours;
    const int latest = out_width - block_pixels;
    uint32_t *const window = (uint32_t *)pairs;
    uint32_t *const wide = window + (kernel_height * band);
    uint32_t sums[16];
    uint32_t inputs[16];
    int p;
    int r;
    int j;
    int k;
    int o;

    for (p = 0; p < out_width; p += block_pixels) {
        const int at = (p > latest) ? latest : p;
        const int32_t *w = weights;

        for (r = 0; r < kernel_height; ++r) {
            uint32_t *to = window + (r * band);

            for (j = 0; j < columns; ++j) {
                const int column = (at * stride) - padding + j;

                if ((rows[r] != NULL) && (column >= 0) && (column < in_width)) {
                    const int8_t *const x = rows[r] + (column * in_pixel);

                    for (k = 0; k < (in_channels / 2); ++k) {
                        to[k] = ((uint32_t)(uint8_t)x[2 * k] | ((uint32_t)(uint8_t)x[(2 * k) + 1] << 16)) ^ 0x800080u;
                    }
                    if ((in_channels % 2) != 0) {
                        to[k] = (uint32_t)(uint8_t)x[2 * k] ^ 0x80u;
                    }
                } else {
                    for (k = 0; k < pixel; ++k) {
                        to[k] = (uint32_t)(in_zero + 128) * 0x10001u;
                    }
                }
                to += pixel;
            }
            while (to < (window + ((r + 1) * band))) {
                *to = 0;
                ++to;
            }
        }
        for (k = 0; k < (2 * words); ++k) {
            wide[k] = 0x800080u;
        }
        mnc_dots_of_pairs(inputs, window, wide, 0, block_pixels, kernel_height, fours, band, stride * pixel);
        for (o = 0; o < out_channels; ++o) {
            const int32_t by = MNC_READ_S32(multiplier[o * per_channel]);
            const int power = MNC_READ_S8(shift[o * per_channel]);
            int8_t *y = out + (at * out_pixel) + (o * out_channel);

            mnc_pairs_of_fours(wide, w, words);
            w += words;
            mnc_dots_of_pairs(sums, window, wide, (uint32_t)MNC_READ_S32(bias[o]), block_pixels, kernel_height, fours,
                              band, stride * pixel);
            for (k = 0; k < block_pixels; ++k) {
                *y = mnc_requantise_s8((int32_t)(sums[k] - inputs[k]), by, power, 0, zero, low, high);
                y += out_pixel;
            }
        }
    }
}
