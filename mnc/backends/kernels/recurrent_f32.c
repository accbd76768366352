/* A step that the mask leaves out: the state is what it was. */
MNC_KERNEL void mnc_keep_f32(const float *mask, const float *before, float *state, int count)
{
    int i;

    if (*mask == 0.0f) {
        for (i = 0; i < count; ++i) {
            state[i] = before[i];
        }
    }
}

/* The cell of an LSTM after its gates: c = f * c + i * candidate.
 * gates: i, f, o, candidate, each of `units`. */
MNC_KERNEL void mnc_lstm_cell_f32(const float *gates, float *cell, int units)
{
    int u;

    for (u = 0; u < units; ++u) {
        cell[u] = MNC_FMA(gates[units + u], cell[u], gates[u] * gates[(3 * units) + u]);
    }
}

/* The candidate of a GRU that resets after the product: += reset * past. */
MNC_KERNEL void mnc_gru_candidate_f32(const float *reset, const float *past, float *candidate, int units)
{
    int u;

    for (u = 0; u < units; ++u) {
        candidate[u] = MNC_FMA(reset[u], past[u], candidate[u]);
    }
}

/* The state of a GRU: h = z * h + (1 - z) * candidate. */
MNC_KERNEL void mnc_gru_state_f32(const float *update, const float *candidate, float *state, int units)
{
    int u;

    for (u = 0; u < units; ++u) {
        state[u] = MNC_FMA(update[u], state[u] - candidate[u], candidate[u]);
    }
}
