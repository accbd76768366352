"""Small networks of layers that few use; for `live_keras`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from live_keras import Case

from mnc.ir.types import Array

VOLUME = (3, 4, 5, 2)


def of(shape: tuple[int, ...], build: Callable[[Any, Any, Any], Any], whole: bool = False) -> Case:
    """A network from `keras`, `keras.layers` and its input, and two random samples."""

    def case(keras: Any, layers: Any) -> tuple[Any, list[Array]]:
        rng = np.random.default_rng(3)
        x = rng.integers(0, 5, (2, *shape)) if whole else rng.normal(0.0, 1.0, (2, *shape))
        given = keras.Input(shape)
        return keras.Model(given, build(keras, layers, given)), [x.astype(np.float32)]

    return case


def transposed(**attributes: Any) -> Case:
    return of(VOLUME, lambda _, layers, x: layers.Conv3DTranspose(3, **attributes)(x))


def backwards(tied: bool, cap: float | None) -> Case:
    """Words to vectors and back to numbers of words."""

    def build(_: Any, layers: Any, x: Any) -> Any:
        table = layers.ReversibleEmbedding(5, 4, tie_weights=tied, mask_zero=True, logit_soft_cap=cap)
        return table(layers.LSTM(4, return_sequences=True)(table(x)), reverse=True)

    return of((6,), build, whole=True)


CASES: dict[str, Case] = {
    "volume_valid": transposed(kernel_size=3),
    "volume_same": transposed(kernel_size=3, padding="same", strides=2),
    "volume_uneven": transposed(kernel_size=(2, 3, 4), strides=(3, 2, 1), activation="relu", use_bias=False),
    "volume_wide": transposed(kernel_size=(1, 2, 2), strides=(3, 1, 1), activation="softmax"),
    "volume_more": transposed(kernel_size=3, strides=2, padding="same", output_padding=(1, 0, 1)),
    "volume_dilated": transposed(kernel_size=(2, 3, 2), dilation_rate=(2, 1, 2)),
    "reversible": backwards(tied=True, cap=None),
    "reversible_capped": backwards(tied=False, cap=2.0),
    "mix_up": of((6, 6, 3), lambda _, layers, x: layers.Conv2D(2, 3)(layers.MixUp()(x))),
    "heads_of_images": of((3, 4, 2), lambda _, layers, x: layers.MultiHeadAttention(2, 3)(x, x)),
    "attributes_of_activations": of((6,), lambda k, layers, x: layers.Dense(4, activation=layers.LeakyReLU(0.1))(x)),
}
