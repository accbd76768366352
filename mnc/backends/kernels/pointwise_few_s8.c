/* Which element of a pixel is the lower half of its pair `k`, or the `upper` one.  Four
 * neighbours are a pair of the even ones and a pair of the odd ones; three at the end are
 * so, too, the last four of the pixel once more. */
MNC_KERNEL int mnc_element_of_pair(int k, int upper, int channels)
{
    const int whole = channels & ~3;
    int element;

    if ((2 * k) < whole) {
        element = (2 * k) - (k % 2) + (2 * upper);
    } else if (channels == 3) {
        element = (k != 0) ? 1 : (2 * upper);
    } else if ((channels % 4) == 3) {
        element = channels - 4 + k - (whole / 2) + (2 * upper);
    } else {
        element = (upper == 0) ? whole : (channels - 1);
    }
    return element;
}

/* A pixel's elements as pairs of 16 bits.  Of three channels, two pixels go at once where
 * the block has as many: the outer elements of either, then the middle ones of both. */
MNC_KERNEL void mnc_pairs_of_pixel_s8(uint32_t *pairs, const int8_t *x, int channels, int block_pixels)
{
#if defined(MNC_DSP)
    const int whole = channels & ~3;
    uint32_t other;
    int k;

    MNC_UNROLL
    for (k = 0; k < whole; k += 4) {
        MNC_LOAD_VECTOR4(pairs[(k / 2) + 1], x + k);
        MNC_EVEN(pairs[k / 2], pairs[(k / 2) + 1]);
        MNC_ODD(pairs[(k / 2) + 1], pairs[(k / 2) + 1]);
    }
    if ((channels == 3) && (block_pixels > 1)) {
        MNC_LOAD_VECTOR4(pairs[2], x);
        MNC_LOAD_VECTOR4(other, x + 2);
        MNC_EVEN(pairs[0], pairs[2]);
        MNC_ODD(pairs[2], pairs[2]);
        MNC_ODD(pairs[1], other);
        MNC_EVEN(other, other);
        MNC_JOIN(pairs[2], pairs[2], other);
    } else if (channels == 3) {
        MNC_LOAD_S8(pairs[0], x);
        MNC_LOAD_S8(other, x + 2);
        MNC_PAIR(pairs[0], pairs[0], other);
        MNC_LOAD_S8(pairs[2], x + 1);
    } else if ((channels % 4) == 3) {
        MNC_LOAD_VECTOR4(other, x + channels - 4);
        MNC_EVEN(pairs[whole / 2], other);
        MNC_ODD(pairs[(whole / 2) + 1], other);
    } else if ((channels % 4) == 2) {
        MNC_LOAD_S8(pairs[whole / 2], x + whole);
        MNC_LOAD_S8(other, x + whole + 1);
        MNC_PAIR(pairs[whole / 2], pairs[whole / 2], other);
    } else if ((channels % 4) == 1) {
        MNC_LOAD_S8(pairs[whole / 2], x + whole);
    }
#else
    (void)pairs;
    (void)x;
    (void)channels;
    (void)block_pixels;
#endif
}

/* The outputs of one channel for a block of pixels.
 * pairs: of the pixels, as mnc_pairs_of_pixel_s8 has them; x: the pixels themselves.
 * record: as mnc_pointwise_few_s8 has them. */
MNC_KERNEL void mnc_channel_of_few_s8(const uint32_t *pairs, const int8_t *x, int8_t *out, const int32_t *record,
                                      int in_channels, int in_pixel, int out_pixel, int block_pixels, int shift,
                                      int positive, int low, int high)
{
    const int count = (in_channels + 1) / 2;
    const int32_t *const scales = record + count + 1;
    int32_t sum[4];
    int32_t multiplier;
    int32_t offset;
    int32_t own = 0;
    int i;
    int k;
#if defined(MNC_DSP)
    uint32_t w;
    uint32_t next;

    MNC_LOAD_TWO(w, next, record);
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        MNC_PAIRS_PLUS(sum[i], pairs[(in_channels == 3) ? ((i / 2 * 3) + (i % 2)) : (i * count)], w, next);
    }
    MNC_UNROLL
    for (k = 1; k < count; k += 2) {
        if ((k + 1) < count) {
            MNC_LOAD_TWO(w, next, record + k + 1);
        } else {
            MNC_LOAD_VECTOR4(w, record + k + 1);
        }
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            if (in_channels != 3) {
                MNC_MULTIPLY_PAIRS(sum[i], pairs[(i * count) + k], w);
            } else if ((i % 2) == 0) {
                MNC_MULTIPLY_LOW(sum[i], pairs[(i / 2 * 3) + 2], w);
            } else {
                MNC_MULTIPLY_UPPER_LOW(sum[i], pairs[(i / 2 * 3) + 2], w);
            }
            if ((k + 1) < count) {
                MNC_MULTIPLY_PAIRS(sum[i], pairs[(i * count) + k + 1], next);
            }
        }
    }
    (void)x;
    (void)in_pixel;
#else
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        sum[i] = MNC_READ_S32(record[1]);
        MNC_UNROLL
        for (k = 0; k < count; ++k) {
            const int32_t w = MNC_READ_S32(record[(k == 0) ? 0 : (k + 1)]);

            sum[i] += (x[(i * in_pixel) + mnc_element_of_pair(k, 0, in_channels)] * (((w & 65535) ^ 32768) - 32768)) +
                      (x[(i * in_pixel) + mnc_element_of_pair(k, 1, in_channels)] * MNC_SHIFT_RIGHT(w, 16));
        }
    }
    (void)pairs;
#endif
    MNC_READ_TWO(multiplier, offset, scales);
    if (shift == 0) {
        own = MNC_READ_S32(scales[2]);
    }
    MNC_UNROLL
    for (i = 0; i < block_pixels; ++i) {
        MNC_STORE_S8(out + (i * out_pixel), mnc_requantise_enlarged_s8(sum[i], multiplier, offset, shift, (int)own,
                                                                       positive, low, high));
    }
}

/* A dense layer on each of `pixels` pixels, from up to 16 input channels: a 1x1
 * convolution of one row.  The pairs of a block of pixels stay in registers for all
 * output channels, `unroll` of which are written out.  The input's zero point is in the
 * bias.  The last block overlaps the one before.
 * records: [out_channels][pairs of input channels + 4]: a pair of
 * weights, each of 16 bits, the bias, the other pairs, and the channel's scales as
 * mnc_requantise_enlarged_s8 takes them. */
MNC_KERNEL void mnc_pointwise_few_s8(const int8_t *in, int8_t *out, const int32_t *records, int in_channels,
                                     int out_channels, int pixels, int in_pixel, int out_pixel, int out_channel,
                                     int block_pixels, int unroll, int shift, int positive, int low, int high)
{
    const int count = (in_channels + 1) / 2;
    const int size = count + 4;
    uint32_t pairs[8];
    int p;
    int i;
    int c;
    int t;

    p = 0;
    while (p < pixels) {
        const int8_t *x;
        const int32_t *record = records;
        int8_t *y;

        if (((pixels % block_pixels) != 0) && (p > (pixels - block_pixels))) {
            p = pixels - block_pixels;
        }
        x = in + (p * in_pixel);
        y = out + (p * out_pixel);
        MNC_UNROLL
        for (i = 0; i < block_pixels; ++i) {
            if ((in_channels != 3) || ((i % 2) == 0)) {
                mnc_pairs_of_pixel_s8(pairs + ((in_channels == 3) ? (3 * (i / 2)) : (i * count)), x + (i * in_pixel),
                                      in_channels, block_pixels);
            }
        }
        for (c = 0; c < out_channels; c += unroll) {
            MNC_OPAQUE(record);
            MNC_OPAQUE(y);
            MNC_UNROLL
            for (t = 0; t < unroll; ++t) {
                mnc_channel_of_few_s8(pairs, x, y + (t * out_channel), record + (t * size), in_channels, in_pixel,
                                      out_pixel, block_pixels, shift, positive, low, high);
            }
            record += unroll * size;
            y += unroll * out_channel;
        }
        p += block_pixels;
    }
}
