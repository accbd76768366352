/* How the sums of gates are rounded where it is as MNC_TWICE says, multipliers are at
 * least 2^30, shifts go to the right by 0 to 20, and sums are far from the ends of int32. */
#define MNC_TWICE_PLAIN 3

/* A number of int32 within int16. */
MNC_KERNEL int16_t mnc_saturated_s16(int32_t x)
{
    int32_t y = x;

    MNC_SATURATE_S16(y);
    return (int16_t)y;
}

/* A sum of a gate's products on its way to int16. */
MNC_KERNEL int32_t mnc_gate_sum_s16(int32_t sum, int32_t multiplier, int shift, int rounding)
{
    int32_t y;

    if (rounding == MNC_TWICE_PLAIN) {
        y = mnc_saturated_s16(mnc_rescale_plain(sum, multiplier, shift));
    } else {
        y = mnc_requantise_s16(sum, multiplier, shift, rounding, -32768, 32767);
    }
    return y;
}

/* A product of two numbers of int16 on its way to int16, rounded as by mnc_narrow_s16. */
MNC_KERNEL int16_t mnc_narrow_product_s16(int32_t x, int32_t multiplier, int shift, int low, int high)
{
    int32_t y;

    if ((shift > 0) || (shift < -20) || (multiplier < ((int32_t)1 << 30))) {
        y = mnc_narrow_s16(x, multiplier, shift, low, high);
    } else {
        y = mnc_rescale_plain(x, multiplier, shift);
        if ((low <= -32768) && (high >= 32767)) {
            y = mnc_saturated_s16(y);
        } else {
            y = (y < low) ? low : y;
            y = (y > high) ? high : y;
        }
    }
    return (int16_t)y;
}

/* Adds to the sums of a block of channels the products of two neighbouring elements.
 * w: for each two channels the weights of either element, [block_channels / 2][2][2]; an
 * odd block ends with a channel of zeros. */
MNC_KERNEL void mnc_multiply_gate_s16(int32_t *sum, const int16_t *x, const int8_t *w, int block_channels)
{
    int c;
#if defined(MNC_DSP)
    uint32_t pair;
    uint32_t both;
    uint32_t of_pair;

    MNC_LOAD_VECTOR4(pair, x);
    MNC_UNROLL
    for (c = 0; c < block_channels; c += 2) {
        MNC_LOAD_VECTOR4(both, w + (2 * c));
        MNC_EVEN(of_pair, both);
        MNC_MULTIPLY_PAIRS(sum[c], pair, of_pair);
        if ((c + 1) < block_channels) {
            MNC_ODD(both, both);
            MNC_MULTIPLY_PAIRS(sum[c + 1], pair, both);
        }
    }
#else
    MNC_UNROLL
    for (c = 0; c < block_channels; ++c) {
        const int8_t *const v = w + (4 * (c / 2)) + (c % 2);

        sum[c] += ((int32_t)x[0] * MNC_READ_S8(v[0])) + ((int32_t)x[1] * MNC_READ_S8(v[2]));
    }
#endif
}

/* Adds to the sums of a block the products of `count` elements; `unroll` divides its half.
 * weights: for each two elements as mnc_multiply_gate_s16 reads them, then those of an odd one. */
MNC_KERNEL void mnc_gate_sums_s16(int32_t *sum, const int16_t *x, const int8_t *w, int count, int block_channels,
                                  int unroll)
{
    const int16_t *x_at = x;
    const int8_t *w_at = w;
    const int step = (block_channels + 1) / 2 * 4;
    int k;
    int t;

    for (k = 0; k < (count / 2); k += unroll) {
        MNC_UNROLL
        for (t = 0; t < unroll; ++t) {
            mnc_multiply_gate_s16(sum, x_at + (2 * t), w_at + (t * step), block_channels);
        }
        x_at += 2 * unroll;
        w_at += unroll * step;
    }
    if ((count % 2) != 0) {
        MNC_UNROLL
        for (t = 0; t < block_channels; ++t) {
            sum[t] += (int32_t)x_at[0] * MNC_READ_S8(w_at[t]);
        }
    }
}

/* The arguments of an LSTM's gates: for each, the saturated sum of its products with
 * the input and with the state, each of which is first brought to int16.  Zero points
 * are taken off already.  The last block of channels overlaps the one before.
 * weights: for each gate and block of channels those of the input, then those of the
 * state, as mnc_gate_sums_s16 reads them.
 * bias: [gates][units]; multiplier and shift: [2][gates], those of the input first. */
MNC_KERNEL void mnc_gates_s16(const int16_t *in, const int16_t *state, int16_t *out, const int8_t *weights,
                              const int32_t *bias, const int32_t *multiplier, const int8_t *shift, int rounding,
                              int gates, int features, int units, int block_channels, int unroll, int unroll_state)
{
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    int16_t *out_at = out;
    const int step = (block_channels + 1) / 2 * 4;
    int g;
    int o;
    int c;

    for (g = 0; g < gates; ++g) {
        o = 0;
        while (o < units) {
            int32_t given[16];
            int32_t kept[16];

            if (((units % block_channels) != 0) && (o > (units - block_channels))) {
                o = units - block_channels;
            }
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                given[c] = MNC_READ_S32(bias_at[o + c]);
                kept[c] = 0;
            }
            mnc_gate_sums_s16(given, in, weights_at, features, block_channels, unroll);
            weights_at += (features / 2 * step) + (features % 2 * block_channels);
            mnc_gate_sums_s16(kept, state, weights_at, units, block_channels, unroll_state);
            weights_at += (units / 2 * step) + (units % 2 * block_channels);
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                out_at[o + c] = mnc_saturated_s16(
                    mnc_gate_sum_s16(given[c], MNC_READ_S32(multiplier[g]), MNC_READ_S8(shift[g]), rounding) +
                    mnc_gate_sum_s16(kept[c], MNC_READ_S32(multiplier[gates + g]), MNC_READ_S8(shift[gates + g]),
                                     rounding));
            }
            o += block_channels;
        }
        bias_at += units;
        out_at += units;
    }
}

/* The cell of an LSTM after its gates: c = f * c + i * candidate, no further from 0 than
 * `most`; the gates are in Q15.
 * gates: i, f, o, candidate, each of `units`. */
MNC_KERNEL void mnc_lstm_cell_s16(const int16_t *gates, int16_t *cell, int units, int32_t multiplier, int shift,
                                  int32_t most)
{
    int u;

    for (u = 0; u < units; ++u) {
        const int32_t kept = (int32_t)gates[units + u] * cell[u];
        const int32_t given = (int32_t)gates[u] * gates[(3 * units) + u];
        int32_t sum = mnc_narrow_product_s16(kept, (int32_t)1 << 30, -14, -32768, 32767);

        sum += mnc_narrow_product_s16(given, multiplier, shift, -32768, 32767);
        if (most < 32768) {
            sum = (sum < -most) ? -most : (sum > most) ? most : sum;
        }
        cell[u] = mnc_saturated_s16(sum);
    }
}

/* The state of an LSTM after its cell: o * tanh(c), which lies where the candidate was.
 * gates: i, f, o, tanh(c), each of `units`, in Q15. */
MNC_KERNEL void mnc_lstm_state_s16(const int16_t *gates, int16_t *state, int units, int32_t multiplier, int shift,
                                   int low, int high)
{
    int u;

    for (u = 0; u < units; ++u) {
        state[u] =
            mnc_narrow_product_s16((int32_t)gates[(2 * units) + u] * gates[(3 * units) + u], multiplier, shift, low,
                                   high);
    }
}

/* Products of a vector with the weights of gates, each brought to int16.  The last
 * block of channels overlaps the one before.
 * weights: for each gate and block of channels as mnc_gate_sums_s16 reads them.  bias:
 * [gates][units]. */
MNC_KERNEL void mnc_gate_products_s16(const int16_t *in, int16_t *out, const int8_t *weights, const int32_t *bias,
                                      const int32_t *multiplier, const int8_t *shift, int rounding, int gates,
                                      int count, int units, int block_channels, int unroll)
{
    const int8_t *weights_at = weights;
    const int32_t *bias_at = bias;
    int16_t *out_at = out;
    const int step = (block_channels + 1) / 2 * 4;
    int g;
    int o;
    int c;

    for (g = 0; g < gates; ++g) {
        o = 0;
        while (o < units) {
            int32_t sum[16];

            if (((units % block_channels) != 0) && (o > (units - block_channels))) {
                o = units - block_channels;
            }
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                sum[c] = MNC_READ_S32(bias_at[o + c]);
            }
            mnc_gate_sums_s16(sum, in, weights_at, count, block_channels, unroll);
            weights_at += (count / 2 * step) + (count % 2 * block_channels);
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                out_at[o + c] = (int16_t)mnc_gate_sum_s16(sum[c], MNC_READ_S32(multiplier[g]), MNC_READ_S8(shift[g]),
                                                       rounding);
            }
            o += block_channels;
        }
        bias_at += units;
        out_at += units;
    }
}

/* Adds to numbers, each sum limited to what int16 holds. */
MNC_KERNEL void mnc_add_saturated_s16(int16_t *sum, const int16_t *more, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        sum[i] = mnc_saturated_s16((int32_t)sum[i] + more[i]);
    }
}

/* Numbers times a gate in Q15. */
MNC_KERNEL void mnc_gated_s16(const int16_t *gate, const int16_t *in, int16_t *out, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        out[i] = mnc_narrow_product_s16((int32_t)gate[i] * in[i], (int32_t)1 << 30, -14, -32768, 32767);
    }
}

/* The state of a GRU after its gates: update * state + (1 - update) * candidate, all in Q15. */
MNC_KERNEL void mnc_gru_state_s16(const int16_t *update, const int16_t *candidate, int16_t *state, int units)
{
    int u;

    for (u = 0; u < units; ++u) {
        const int32_t kept = (int32_t)update[u] * state[u];
        const int32_t given = ((int32_t)32768 - update[u]) * candidate[u];

        state[u] = mnc_narrow_product_s16(kept + given, (int32_t)1 << 30, -14, -32768, 32767);
    }
}

/* Sums of products of all that is remembered and its weights, of `depth` filters for each
 * unit, brought to int8.  The sums are taken modulo 2^32, as an overflow of TensorFlow
 * Lite Micro's goes.
 * in and weights: [taps][units][depth]. */
MNC_KERNEL void mnc_window_sums_s8(const int16_t *in, int8_t *out, const int16_t *weights, const int32_t *bias,
                                   int taps, int units, int depth, int32_t multiplier, int shift, int zero, int low,
                                   int high)
{
    int u;
    int t;
    int d;

    for (u = 0; u < units; ++u) {
        uint32_t sum = (uint32_t)MNC_READ_S32(bias[u]);

        for (t = 0; t < taps; ++t) {
            const int first = ((t * units) + u) * depth;

            MNC_UNROLL
            for (d = 0; d < depth; ++d) {
                sum += (uint32_t)((int32_t)in[first + d] * MNC_READ_S16(weights[first + d]));
            }
        }
        out[u] = mnc_requantise_s8((int32_t)sum, multiplier, shift, 1, zero, low, high);
    }
}
