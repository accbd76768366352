"""Small networks of layers and operations that few use; for `live_keras`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from live_keras import Case

from mnc.ir.types import Array

VOLUME = (3, 4, 5, 2)
ROW = np.array([0.0, -0.5, 0.5, 1.0], np.float32)
COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")
Build = Callable[[Any, Any, Any], Any]
"""From `keras`, `keras.layers` and what is given to what the network gives."""


def of(shape: tuple[int, ...], build: Build, whole: bool = False) -> Case:
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


def of_two(build: Build) -> Case:
    """A network of two inputs, handed to `build` as a list, of which some numbers are equal."""

    def case(keras: Any, layers: Any) -> tuple[Any, list[Array]]:
        first = np.random.default_rng(3).normal(0.0, 1.0, (2, 3, 4)).round(1).astype(np.float32)
        second = np.stack([first[0], first[0] + first[1] * (first[1] > 0.0)])
        given = [keras.Input((3, 4)), keras.Input((3, 4))]
        return keras.Model(given, build(keras, layers, given)), [first, second]

    return case


def compared(name: str) -> Build:
    """Two tensors, and one with numbers, as 1 and 0."""

    def build(keras: Any, layers: Any, given: Any) -> Any:
        compare = getattr(keras.ops, name)
        found = [compare(*given), compare(given[0], 0.3), compare(0.0, given[1]), compare(given[0], ROW)]
        return [keras.ops.cast(each, "float32") for each in found]

    return build


def chosen(keras: Any, layers: Any, given: Any) -> Any:
    """By a comparison, by a tensor, with numbers and with one column for all."""
    where, (x, y) = keras.ops.where, given
    return [where(x > y, x, y * 2.0), where(x, y, -1e9), where(x > 0.0, 1.0, ROW), where(x[..., :1] > 0.0, x, y)]


def joined(keras: Any, layers: Any, given: Any) -> Any:
    """Of comparisons and of numbers."""
    ops, (x, y) = keras.ops, given
    either = ops.logical_or(ops.logical_and(x > 0.0, y > 0.0), ops.logical_xor(x > 1.0, ops.logical_not(y < 0.0)))
    return [ops.cast(each, "float32") for each in (either, ops.logical_or(ops.logical_and(x, y), ops.logical_not(x)))]


def prepared(_: Any, layers: Any, x: Any) -> Any:
    """By layers of which only one does something at inference; a channel that is the same everywhere stays."""
    flat = layers.Concatenate()([x, x * 0.0])
    return layers.Pipeline([layers.Solarization(), layers.Rescaling(2.0), layers.RandomFlip()])(
        layers.AutoContrast()(flat)
    )


def patches(**attributes: Any) -> Case:
    return of((7, 6, 2), lambda k, _, x: k.ops.image.extract_patches(x, **attributes))


# Networks as Keras' own examples build them


def ghost(keras: Any, layers: Any, x: Any) -> Any:
    """Half of the channels by cheap filters; channels are cut off before a depthwise convolution."""
    first = layers.ReLU(6.0)(layers.Conv2D(4, 1)(x))
    cheap = layers.ReLU(6.0)(layers.DepthwiseConv2D(3, padding="same")(first))
    few = layers.Concatenate()([first, cheap])[..., :6]
    return layers.DepthwiseConv2D(3, strides=2, padding="same")(few) + layers.AveragePooling2D(2)(few)


def vision_transformer(keras: Any, layers: Any, x: Any) -> Any:
    """Patches, which see each other."""
    x = layers.Dense(6)(layers.Reshape((9, 16))(keras.ops.image.extract_patches(x, (2, 2))))
    normal = layers.LayerNormalization()(x)
    return layers.GlobalAveragePooling1D()(x + layers.MultiHeadAttention(2, 3)(normal, normal))


def involution(keras: Any, layers: Any, x: Any) -> Any:
    """A kernel of its own for every pixel."""
    kernel = layers.Reshape((6, 6, 9, 1, 2))(layers.Conv2D(18, 1)(layers.ReLU()(layers.Conv2D(2, 1)(x))))
    seen = keras.ops.image.extract_patches(x, 3, strides=1, padding="same")
    return layers.Reshape((6, 6, 4))(keras.ops.sum(kernel * layers.Reshape((6, 6, 9, 2, 2))(seen), axis=3))


def fourier(keras: Any, layers: Any, x: Any) -> Any:
    """Steps that are mixed by their spectrum."""
    real, _ = keras.ops.fft2((x, keras.ops.zeros_like(x)))
    return layers.LayerNormalization()(x + real)


def graph_attention(keras: Any, layers: Any, given: Any) -> Any:
    """Nodes that see their neighbours."""
    nodes, edges = given
    hidden = layers.Dense(5, use_bias=False)(nodes)
    scores = layers.Dense(1)(hidden) + keras.ops.transpose(layers.Dense(1)(hidden), (0, 2, 1))
    edges = keras.ops.matmul(edges, keras.ops.transpose(edges, (0, 2, 1)))
    scores = keras.ops.where(edges > 0.5, layers.LeakyReLU(0.2)(scores), -1e9)
    return keras.ops.matmul(keras.ops.softmax(scores, -1), hidden)


def pictures(keras: Any, layers: Any, x: Any) -> Any:
    """Images in other sizes and colours."""
    image = keras.ops.image
    return [
        image.resize(x, (5, 9), interpolation="bicubic"),
        image.resize(x, (12, 4)),
        image.crop_images(x, top_cropping=1, left_cropping=2, target_height=3, target_width=3),
        image.pad_images(x, 1, 0, target_height=9, target_width=8),
        image.rgb_to_grayscale(x),
        keras.ops.max_pool(x, 2, 2, "same"),
        keras.ops.average_pool(x, (3, 2), (1, 2), "same"),
    ]


def places(keras: Any, layers: Any, x: Any) -> Any:
    """Places of numbers of which many are equal, and vectors of them."""
    ops = keras.ops
    last = ops.argmax(x, axis=-1)
    return [
        ops.cast(last, "float32"),
        ops.cast(ops.argmin(x, axis=1, keepdims=True), "float32"),
        ops.one_hot(last, 6),
        ops.cumsum(x, axis=1),
        ops.cumsum(x, axis=-1),
    ]


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
    "contrast": of((6, 6, 3), lambda _, layers, x: layers.AutoContrast((-1.0, 2.0))(x)),
    "prepared": of((6, 6, 3), prepared),
    "heads_along_rows": of((3, 4, 2), lambda _, layers, x: layers.MultiHeadAttention(2, 3, attention_axes=2)(x, x)),
    "heads_along_columns": of(
        (3, 4, 2), lambda _, layers, x: layers.MultiHeadAttention(1, 3, 2, attention_axes=1)(x, x)
    ),
    "heads_of_images": of((3, 4, 2), lambda _, layers, x: layers.MultiHeadAttention(2, 3)(x, x)),
    **{f"compared_{name}": of_two(compared(name)) for name in COMPARISONS},
    "chosen": of_two(chosen),
    "joined": of_two(joined),
    "pictures": of((6, 7, 3), pictures),
    "places": of((4, 5), places, whole=True),
    "patches": patches(size=(2, 3)),
    "patches_same": patches(size=3, padding="same"),
    "patches_overlap": patches(size=(3, 2), strides=(2, 1), padding="same"),
    "patches_dilated": patches(size=2, strides=1, dilation_rate=2),
    "spectrum": of_two(lambda k, _, given: list(k.ops.fft(tuple(given)))),
    "spectrum_2d": of_two(lambda k, _, given: list(k.ops.fft2(tuple(given)))),
    "example_ghost": of((8, 8, 4), ghost),
    "example_vision_transformer": of((6, 6, 4), vision_transformer),
    "example_involution": of((6, 6, 4), involution),
    "example_fourier": of((4, 6), fourier),
    "example_graph_attention": of_two(graph_attention),
    "attributes_of_activations": of((6,), lambda k, layers, x: layers.Dense(4, activation=layers.LeakyReLU(0.1))(x)),
}
