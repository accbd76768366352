"""Small networks in which masks pass, end, meet and are read; for `live_keras`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from live_keras import Case

from mnc.ir.types import Array

STEPS, FEATURES = 5, 3
Build = Callable[[Any, Any, Any], Any]
"""From `keras`, `keras.layers` and a sequence with a mask to what the network gives."""


def sequences(steps: int = STEPS) -> Array:
    """Sequences with padding at the end, in front, in between and nearly everywhere."""
    x = np.random.default_rng(0).normal(0.0, 1.0, (4, steps, FEATURES)).astype(np.float32)
    x[0, 3:] = x[1, :2] = x[2, 2] = x[3, :1] = x[3, 2:] = 0.0
    return x


WORDS = np.array([[1, 2, 3, 0, 0], [0, 0, 1, 2, 3], [1, 0, 2, 0, 3], [4, 4, 4, 4, 4]], np.float32)
SENTENCES = np.array(
    [
        [[1, 2, 0, 0, 0], [3, 0, 0, 0, 0], [0, 0, 4, 0, 0], [0, 0, 0, 0, 0]],
        [[1, 1, 1, 1, 1], [0, 0, 2, 0, 3], [1, 0, 2, 2, 0], [4, 0, 0, 0, 1]],
    ],
    np.float32,
)


def masked(build: Build, value: float = 0.0) -> Case:
    """Behind Masking."""

    def case(keras: Any, layers: Any) -> tuple[Any, list[Array]]:
        given = keras.Input((STEPS, FEATURES))
        x = sequences()
        return keras.Model(given, build(keras, layers, layers.Masking(value)(given))), [np.where(x == 0.0, value, x)]

    return case


def embedded(build: Build, words: Array = WORDS) -> Case:
    """Behind Embedding(mask_zero=True)."""

    def case(keras: Any, layers: Any) -> tuple[Any, list[Array]]:
        given = keras.Input(words.shape[1:])
        table = layers.Embedding(6, FEATURES, mask_zero=True)
        return keras.Model(given, build(keras, layers, table(given))), [words]

    return case


def attended(build: Build) -> Case:
    """Two sequences of which both have masks, as [query, value]."""

    def case(keras: Any, layers: Any) -> tuple[Any, list[Array]]:
        first, second = keras.Input((STEPS, FEATURES)), keras.Input((STEPS + 2, FEATURES))
        both = [layers.Masking()(first), layers.Masking()(second)]
        return keras.Model([first, second], build(keras, layers, both)), [sequences(), sequences(STEPS + 2)]

    return case


def started(build: Build, states: int) -> Case:
    """With an initial state and a mask."""

    def case(keras: Any, layers: Any) -> tuple[Any, list[Array]]:
        given = keras.Input((STEPS, FEATURES))
        first = [keras.Input((4,)) for _ in range(states)]
        rng = np.random.default_rng(1)
        # the first step counts: behind others backends differ in what is given out before it
        x = sequences()
        x[:, 0] = x[:, -1] = 1.0
        xs = [x, *(rng.normal(0.0, 1.0, (4, 4)).astype(np.float32) for _ in first)]
        return keras.Model([given, *first], build(keras, layers, (layers.Masking()(given), first))), xs

    return case


def mean(layers: Any, x: Any) -> Any:
    """A reader of masks."""
    return layers.GlobalAveragePooling1D()(x)


PASSED: dict[str, Build] = {
    "dense": lambda k, of, x: mean(of, of.Dense(4, "relu")(x)),
    "batch_normalization": lambda k, of, x: mean(of, of.BatchNormalization()(x)),
    "layer_normalization": lambda k, of, x: mean(of, of.LayerNormalization()(x)),
    "spatial_dropout": lambda k, of, x: mean(of, of.SpatialDropout1D(0.3)(x)),
    "prelu": lambda k, of, x: mean(of, of.PReLU()(x)),
    "unit_normalization": lambda k, of, x: mean(of, of.UnitNormalization()(x)),
    "time_distributed": lambda k, of, x: of.LSTM(3)(of.TimeDistributed(of.Dense(4))(x)),
    "nested": lambda k, of, x: of.LSTM(3)(k.Sequential([k.Input((STEPS, FEATURES)), of.Dense(4), of.LeakyReLU()])(x)),
}
ENDED: dict[str, Build] = {
    "conv": lambda k, of, x: of.LSTM(3)(of.Conv1D(4, 3, padding="same")(x)),
    "pooling": lambda k, of, x: of.LSTM(3)(of.MaxPooling1D(2)(x)),
    "reshape": lambda k, of, x: of.LSTM(3)(of.Reshape((FEATURES, STEPS))(x)),
    "rms_normalization": lambda k, of, x: mean(of, of.RMSNormalization()(x)),
    "einsum": lambda k, of, x: mean(of, of.EinsumDense("abc,cd->abd", (None, 4))(x)),
    "operation": lambda k, of, x: mean(of, x * 2.0),
    "slice": lambda k, of, x: of.GRU(3)(x[:, :3]),
    "padding": lambda k, of, x: of.GRU(3)(of.ZeroPadding1D(1)(x)),
    "nested_conv": lambda k, of, x: of.LSTM(3)(k.Sequential([k.Input((STEPS, FEATURES)), of.Conv1D(4, 1)])(x)),
    "softmax": lambda k, of, x: of.Softmax()(of.Conv1D(4, 1)(x)),
    "max_pooling": lambda k, of, x: of.GlobalMaxPooling1D()(x),
}
MET: dict[str, Build] = {
    "add": lambda k, of, x: mean(of, of.Add()([of.Dense(4)(x), of.Masking()(of.ReLU()(of.Dense(4)(x)))])),
    "add_one": lambda k, of, x: mean(of, of.Add()([of.Conv1D(4, 1)(x), of.Dense(4)(x)])),
    "multiply": lambda k, of, x: of.LSTM(3)(
        of.Multiply()([of.Dense(4)(x), of.Masking()(of.ReLU()(of.Conv1D(4, 1)(x)))])
    ),
    "multiply_one": lambda k, of, x: of.LSTM(3)(of.Multiply()([of.Dense(4)(x), of.Conv1D(4, 1)(x)])),
    "concatenate": lambda k, of, x: mean(of, of.Concatenate()([of.Dense(4)(x), x])),
    "concatenate_one": lambda k, of, x: mean(of, of.Concatenate()([of.Conv1D(4, 1)(x), x])),
    "concatenate_time": lambda k, of, x: of.LSTM(3)(of.Concatenate(axis=1)([x, of.Dense(FEATURES)(x)])),
    "concatenate_time_one": lambda k, of, x: of.LSTM(3)(of.Concatenate(axis=1)([of.Conv1D(FEATURES, 1)(x), x])),
}
READ: dict[str, Build] = {
    "lstm": lambda k, of, x: list(of.LSTM(4, return_sequences=True, return_state=True)(x)),
    "gru_backwards": lambda k, of, x: of.GRU(4, return_sequences=True, go_backwards=True)(x),
    "zero_output": lambda k, of, x: of.LSTM(4, return_sequences=True, zero_output_for_mask=True)(x),
    "zero_last": lambda k, of, x: of.LSTM(4, zero_output_for_mask=True)(x),
    "zero_backwards": lambda k, of, x: of.LSTM(4, zero_output_for_mask=True, go_backwards=True)(x),
    "bidirectional": lambda k, of, x: of.Bidirectional(of.GRU(4, return_sequences=True))(x),
    "bidirectional_zero": lambda k, of, x: of.Bidirectional(of.GRU(4, zero_output_for_mask=True), "sum")(x),
    "stacked": lambda k, of, x: of.GRU(4)(of.LSTM(3, return_sequences=True)(x)),
    "cells": lambda k, of, x: of.RNN([of.LSTMCell(4), of.GRUCell(3)], return_sequences=True)(x),
    "cells_alike": lambda k, of, x: of.RNN(of.StackedRNNCells([of.LSTMCell(4), of.LSTMCell(3), of.LSTMCell(2)]))(x),
    "cells_backwards": lambda k, of, x: of.RNN([of.LSTMCell(4), of.SimpleRNNCell(3)], go_backwards=True)(x),
    "cells_both_ways": lambda k, of, x: of.Bidirectional(of.RNN([of.LSTMCell(4), of.SimpleRNNCell(3)]))(x),
    "cells_states": lambda k, of, x: list(of.RNN([of.LSTMCell(4), of.GRUCell(3)], return_state=True)(x)),
    "mean": lambda k, of, x: of.GlobalAveragePooling1D(keepdims=True)(x),
    "attention": lambda k, of, x: mean(of, of.Attention(use_scale=True)([of.Dense(4)(x), of.Dense(4)(x)])),
    "attention_query": lambda k, of, x: of.Attention()([of.Dense(4)(x), of.Conv1D(4, 1)(x)]),
    "attention_value": lambda k, of, x: of.Attention()([of.Conv1D(4, 1)(x), of.Dense(4)(x)]),
    "heads_value": lambda k, of, x: of.MultiHeadAttention(2, 4)(of.Conv1D(4, 1)(x), x),
    "heads_key": lambda k, of, x: of.MultiHeadAttention(2, 4, value_dim=3)(x, of.Dense(4)(x), of.Dense(2)(x)),
}
OF_TWO: dict[str, Build] = {
    "attention": lambda k, of, x: list(of.Attention()(x, return_attention_scores=True)),
    "additive": lambda k, of, x: of.AdditiveAttention()(x, use_causal_mask=True),
    "heads": lambda k, of, x: mean(of, of.MultiHeadAttention(2, 3)(*x)),
    "heads_causal": lambda k, of, x: of.MultiHeadAttention(2, 3, use_bias=False)(*x, use_causal_mask=True),
    "heads_scores": lambda k, of, x: list(of.MultiHeadAttention(2, 3)(*x, return_attention_scores=True)),
    "heads_dropout": lambda k, of, x: of.MultiHeadAttention(2, 3, dropout=0.2, output_shape=(2, 3))(*x),
    "grouped": lambda k, of, x: list(of.GroupQueryAttention(3, 4, 2)(*x, return_attention_scores=True)),
}
STARTED: dict[str, tuple[int, Build]] = {
    "lstm": (2, lambda k, of, x: of.LSTM(4, return_sequences=True)(x[0], initial_state=x[1])),
    "gru": (1, lambda k, of, x: list(of.GRU(4, return_state=True)(x[0], initial_state=x[1]))),
    "told": (2, lambda k, of, x: of.LSTM(4, return_sequences=True)(x[0], initial_state=x[1], mask=x[0][:, :, 0] != 0)),
    "both_ways": (4, lambda k, of, x: of.Bidirectional(of.LSTM(4))(x[0], initial_state=x[1])),
}
OF_SENTENCES: dict[str, Build] = {
    "lstm": lambda k, of, x: of.TimeDistributed(of.LSTM(4))(x),
    "lstm_twice": lambda k, of, x: of.LSTM(3)(of.TimeDistributed(of.LSTM(4))(x)),
    "model": lambda k, of, x: of.TimeDistributed(k.Sequential([k.Input((5, FEATURES)), of.Dense(4), of.GRU(4)]))(x),
}

CASES: dict[str, Case] = {
    **{f"passed_{name}": masked(build) for name, build in PASSED.items()},
    **{f"ended_{name}": masked(build) for name, build in ENDED.items()},
    **{f"met_{name}": embedded(build) for name, build in MET.items()},
    **{f"read_{name}": masked(build) for name, build in READ.items()},
    "read_another_number": masked(READ["lstm"], -1.0),
    "read_words": embedded(READ["lstm"]),
    **{f"of_two_{name}": attended(build) for name, build in OF_TWO.items()},
    **{f"started_{name}": started(build, states) for name, (states, build) in STARTED.items()},
    **{f"of_sentences_{name}": embedded(build, SENTENCES) for name, build in OF_SENTENCES.items()},
}
