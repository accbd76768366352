/* Adds to the sums of a block the products of `count` elements; `unroll` divides it.
 * w: [count][block_channels]. */
MNC_KERNEL void mnc_gate_sums_s16(int32_t *sum, const int16_t *x, const int8_t *w, int count, int block_channels,
                                  int unroll)
{
    int k, t, c;

    for (k = 0; k < count; k += unroll) {
        MNC_UNROLL
        for (t = 0; t < unroll; ++t) {
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c)
                sum[c] += (int32_t)x[t] * MNC_READ_S8(w[t * block_channels + c]);
        }
        x += unroll;
        w += unroll * block_channels;
    }
}

/* The arguments of an LSTM's gates: for each, the saturated sum of its products with
 * the input and with the state, each of which is first brought to int16.  Zero points
 * are taken off already.  The last block of channels overlaps the one before.
 * weights: for each gate and block of channels [features][block], then [units][block].
 * bias: [gates][units]; multiplier and shift: [2][gates], those of the input first. */
MNC_KERNEL void mnc_gates_s16(const int16_t *in, const int16_t *state, int16_t *out, const int8_t *weights,
                              const int32_t *bias, const int32_t *multiplier, const int8_t *shift, int rounding,
                              int gates, int features, int units, int block_channels, int unroll, int unroll_state)
{
    int g, o, c;

    for (g = 0; g < gates; ++g) {
        for (o = 0; o < units; o += block_channels) {
            int32_t given[16], kept[16];

            if (units % block_channels != 0 && o > units - block_channels)
                o = units - block_channels;
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                given[c] = MNC_READ_S32(bias[o + c]);
                kept[c] = 0;
            }
            mnc_gate_sums_s16(given, in, weights, features, block_channels, unroll);
            weights += features * block_channels;
            mnc_gate_sums_s16(kept, state, weights, units, block_channels, unroll_state);
            weights += units * block_channels;
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c) {
                int32_t y = mnc_requantise_s16(given[c], MNC_READ_S32(multiplier[g]), MNC_READ_S8(shift[g]), rounding,
                                               -32768, 32767);

                y += mnc_requantise_s16(kept[c], MNC_READ_S32(multiplier[gates + g]), MNC_READ_S8(shift[gates + g]),
                                        rounding, -32768, 32767);
                out[o + c] = (int16_t)(y < -32768 ? -32768 : y > 32767 ? 32767 : y);
            }
        }
        bias += units;
        out += units;
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
        const int32_t given = (int32_t)gates[u] * gates[3 * units + u];
        int32_t sum = mnc_narrow_s16(kept, (int32_t)1 << 30, -14, -32768, 32767);

        sum += mnc_narrow_s16(given, multiplier, shift, -32768, 32767);
        sum = sum < -most ? -most : sum > most ? most : sum;
        cell[u] = (int16_t)(sum < -32768 ? -32768 : sum > 32767 ? 32767 : sum);
    }
}

/* The state of an LSTM after its cell: o * tanh(c), which lies where the candidate was.
 * gates: i, f, o, tanh(c), each of `units`, in Q15. */
MNC_KERNEL void mnc_lstm_state_s16(const int16_t *gates, int16_t *state, int units, int32_t multiplier, int shift,
                                   int low, int high)
{
    int u;

    for (u = 0; u < units; ++u)
        state[u] =
            mnc_narrow_s16((int32_t)gates[2 * units + u] * gates[3 * units + u], multiplier, shift, low, high);
}

/* Products of a vector with the weights of gates, each brought to int16.  The last
 * block of channels overlaps the one before.
 * weights: for each gate and block of channels [count][block].  bias: [gates][units]. */
MNC_KERNEL void mnc_gate_products_s16(const int16_t *in, int16_t *out, const int8_t *weights, const int32_t *bias,
                                      const int32_t *multiplier, const int8_t *shift, int rounding, int gates,
                                      int count, int units, int block_channels, int unroll)
{
    int g, o, c;

    for (g = 0; g < gates; ++g) {
        for (o = 0; o < units; o += block_channels) {
            int32_t sum[16];

            if (units % block_channels != 0 && o > units - block_channels)
                o = units - block_channels;
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c)
                sum[c] = MNC_READ_S32(bias[o + c]);
            mnc_gate_sums_s16(sum, in, weights, count, block_channels, unroll);
            weights += count * block_channels;
            MNC_UNROLL
            for (c = 0; c < block_channels; ++c)
                out[o + c] = mnc_requantise_s16(sum[c], MNC_READ_S32(multiplier[g]), MNC_READ_S8(shift[g]), rounding,
                                                -32768, 32767);
        }
        bias += units;
        out += units;
    }
}

/* Adds to numbers, each sum limited to what int16 holds. */
MNC_KERNEL void mnc_add_saturated_s16(int16_t *sum, const int16_t *more, int count)
{
    int i;

    for (i = 0; i < count; ++i) {
        const int32_t y = (int32_t)sum[i] + more[i];

        sum[i] = (int16_t)(y < -32768 ? -32768 : y > 32767 ? 32767 : y);
    }
}

/* Numbers times a gate in Q15. */
MNC_KERNEL void mnc_gated_s16(const int16_t *gate, const int16_t *in, int16_t *out, int count)
{
    int i;

    for (i = 0; i < count; ++i)
        out[i] = mnc_narrow_s16((int32_t)gate[i] * in[i], (int32_t)1 << 30, -14, -32768, 32767);
}

/* The state of a GRU after its gates: update * state + (1 - update) * candidate, all in Q15. */
MNC_KERNEL void mnc_gru_state_s16(const int16_t *update, const int16_t *candidate, int16_t *state, int units)
{
    int u;

    for (u = 0; u < units; ++u) {
        const int32_t kept = (int32_t)update[u] * state[u];
        const int32_t given = ((int32_t)32768 - update[u]) * candidate[u];

        state[u] = mnc_narrow_s16(kept + given, (int32_t)1 << 30, -14, -32768, 32767);
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
    int u, t, d;

    for (u = 0; u < units; ++u) {
        uint32_t sum = (uint32_t)MNC_READ_S32(bias[u]);

        for (t = 0; t < taps; ++t) {
            const int first = (t * units + u) * depth;

            MNC_UNROLL
            for (d = 0; d < depth; ++d)
                sum += (uint32_t)((int32_t)in[first + d] * MNC_READ_S16(weights[first + d]));
        }
        out[u] = mnc_requantise_s8((int32_t)sum, multiplier, shift, 1, zero, low, high);
    }
}
