"""Layers that become existing layers, in the forms that are refused: where, why, and what to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_files import numbers, refusal, save_h5, sequential

from mnc.frontends import load

VOLUME = {"filters": 2, "kernel_size": [3, 3, 3]}
IMAGES = {"filters": 2, "kernel_size": [3, 3]}
EINSUM = {"equation": "abc,cd->abd", "output_shape": [None, 5]}

REFUSED: dict[str, tuple[str, list[int], dict[str, Any], str]] = {
    # the class, the input, the configuration: what is said
    "no volume": ("Conv3D", [4, 4, 2], VOLUME, "needs an input (depth, height, width, channels), not one of 3 axes"),
    "too many planes": ("Conv3D", [80, 4, 4, 2], VOLUME, "gives 78 planes, each a convolution of its own"),
    "too few planes": ("Conv3D", [2, 4, 4, 2], VOLUME, "a kernel of 3 planes does not fit 2"),
    "groups": ("Conv3D", [4, 4, 4, 3], {**VOLUME, "groups": 2}, "2 groups do not divide 3 channels"),
    "too many steps": ("ConvLSTM2D", [80, 4, 4, 2], IMAGES, "takes 80 steps, each code of its own"),
    "no steps": ("ConvLSTM2D", [4, 4, 2], IMAGES, "needs 4 axes, the steps first, not an input of 3 axes"),
    "a state that is kept": ("ConvLSTM2D", [3, 4, 4, 2], {**IMAGES, "stateful": True}, "stateful = True is not"),
    "no equation": ("EinsumDense", [4, 3], {"equation": "abc->ab", "output_shape": [4]}, "is not one of two operands"),
    "digits": (
        "EinsumDense",
        [4, 3],
        {"equation": "a1c,cd->a1d", "output_shape": [4, 5]},
        "is not one of two operands",
    ),
    "other axes": ("EinsumDense", [3], EINSUM, "abc,cd->abd does not fit an input of 1 axes and its batch"),
    "the batch moves": (
        "EinsumDense",
        [4, 3],
        {"equation": "abc,cd->bad", "output_shape": [None, 5]},
        "abc,cd->bad moves the batch, or sums over it",
    ),
    "an open size": ("EinsumDense", [4, 3], {**EINSUM, "output_shape": [None, None]}, "the size of the axis d of"),
    "another size": ("EinsumDense", [4, 3], {**EINSUM, "output_shape": [2, 5]}, "the axis b of abc,cd->abd has 4"),
    "a letter twice": (
        "EinsumDense",
        [4, 3],
        {"equation": "abc,ccd->abd", "output_shape": [None, 5]},
        "has a letter twice in one operand",
    ),
    "a bias elsewhere": ("EinsumDense", [4, 3], {**EINSUM, "bias_axes": "c"}, "must be letters of the result"),
    "no boundaries": ("Discretization", [3], {"num_bins": 4}, "bin_boundaries are missing"),
    "boundaries that fall": ("Discretization", [3], {"bin_boundaries": [1.0, 0.5]}, "must be ascending numbers, not"),
    "an enormous boundary": ("Discretization", [3], {"bin_boundaries": [10**4000]}, "must be ascending numbers, not"),
    "too many categories": ("CategoryEncoding", [3], {"num_tokens": 2**31 - 1}, "categories are too many"),
    "too many parts": ("AdaptiveMaxPooling2D", [4, 4, 2], {"output_size": [2**31 - 1, 2]}, "is not brought to"),
    "too many rows": (
        "Resizing",
        [4, 4, 2],
        {"height": 2**31 - 1, "width": 2, "interpolation": "bicubic"},
        "is not brought to",
    ),
    "crops and pads": (
        "Resizing",
        [4, 4, 2],
        {"height": 2, "width": 2, "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        "cannot both be true",
    ),
    "unshared weights with padding": (
        "LocallyConnected2D",
        [4, 4, 2],
        {**IMAGES, "padding": "same", "implementation": 2},
        "padding = 'same' is not supported",
    ),
    "unshared weights as one matrix": (
        "LocallyConnected1D",
        [4, 2],
        {"filters": 2, "kernel_size": [3], "implementation": 2},
        "only implementation = 1 is supported",
    ),
    "a filter": ("UpSampling2D", [4, 4, 2], {"size": 2, "interpolation": "area"}, "interpolation = 'area' is not"),
    "too many heads": (
        "GroupQueryAttention",
        [4, 6],
        {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 3},
        "3 heads of keys do not divide 4 heads of the query",
    ),
    "an axis before the last": ("RMSNormalization", [4, 3], {"axis": [1]}, "the axes must be the last ones, each once"),
}

WEIGHTS = {"a letter twice": [("n/kernel", numbers(3, 3, 5))]}


@pytest.mark.parametrize("name", REFUSED)
def test_a_form_that_is_not_supported_is_named(tmp_path: Path, name: str) -> None:
    class_name, shape, config, fault = REFUSED[name]
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, *shape]})
    channels = shape[-1]
    weights = WEIGHTS.get(name, [])
    if class_name == "Conv3D" and name != "groups":
        weights = [("n/kernel", numbers(3, 3, 3, channels, 2)), ("n/bias", numbers(2))]
    message = refusal(
        save_h5(tmp_path / "m.h5", sequential(given, (class_name, {"name": "n", **config})), {"n": weights})
    )
    assert f"({class_name} 'n'): " in message
    assert fault in message
    assert "hint: " in message


def test_a_masked_sequence_of_images_is_refused(tmp_path: Path) -> None:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 3, 4, 4, 2]})
    model = sequential(given, ("Masking", {"name": "m", "mask_value": 0.0}), ("ConvLSTM2D", {"name": "n", **IMAGES}))
    message = refusal(save_h5(tmp_path / "m.h5", model, {"m": [], "n": []}))
    assert "(ConvLSTM2D 'n'): the layer reads a mask (from Masking), which is not supported" in message


@pytest.mark.parametrize(("size", "kernel", "step"), [((7,), (3,), (2,)), ((5, 6), (2, 3), (1, 2))])
def test_weights_of_each_place(
    tmp_path: Path, size: tuple[int, ...], kernel: tuple[int, ...], step: tuple[int, ...]
) -> None:
    """Against the sum over each window, window by window, as Keras 2 defines it."""
    rng = np.random.default_rng(4)
    count = tuple((n - k) // s + 1 for n, k, s in zip(size, kernel, step, strict=True))
    taps = int(np.prod(kernel)) * 2
    weights = rng.normal(size=(int(np.prod(count)), taps, 3)).astype(np.float32)
    bias = rng.normal(size=(*count, 3)).astype(np.float32)
    config = {"filters": 3, "kernel_size": kernel, "strides": step, "activation": "relu", "implementation": 1}
    class_name = f"LocallyConnected{len(size)}D"
    model = sequential(
        ("InputLayer", {"name": "i", "batch_input_shape": [None, *size, 2]}), (class_name, {"name": "n", **config})
    )
    path = save_h5(tmp_path / "m.h5", model, {"n": [("n/kernel:0", weights), ("n/bias:0", bias)]})
    x = rng.normal(size=(2, *size, 2)).astype(np.float32)
    expected, every = np.zeros((2, *count, 3)), (slice(None),)
    for place, at in enumerate(np.ndindex(*count)):
        window = tuple(slice(i * s, i * s + k) for i, s, k in zip(at, step, kernel, strict=True))
        seen = x[every + window].reshape(2, taps)
        expected[every + at] = np.maximum(seen @ weights[place] + bias[at], 0.0)
    np.testing.assert_allclose(load(path).predict(x), expected, rtol=1e-4, atol=1e-5)
