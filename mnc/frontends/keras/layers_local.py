"""Convolutions of Keras 1 and 2 whose weights are others at each place of their output."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.products import weighed
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.frontends.keras.weights import Count
from mnc.ir.layers import Conv2D, Identity, Permute, Reshape, Take

MOST = 2**16
"""Elements of all windows together: their places are written out."""


@converts("LocallyConnected1D", to=(Conv2D, Identity, Permute, Reshape, Take))
def locally_connected1d(config: Config) -> Build:
    """A dense layer for each window of a sequence."""
    return _locally_connected(config, 1)


@converts("LocallyConnected2D", to=(Conv2D, Identity, Permute, Reshape, Take))
def locally_connected2d(config: Config) -> Build:
    """A dense layer for each window of an image."""
    return _locally_connected(config, 2)


def _locally_connected(config: Config, axes: int) -> Build:
    """The windows behind one another, then a product with weights that have an axis for each of their places."""
    filters = config.integer("filters")
    size = config.integers("kernel_size", axes)
    strides = config.integers("strides", axes, 1)
    config.choice("padding", "valid", default="valid")
    config.choice("data_format", "channels_last", default="channels_last")
    has_bias = config.boolean("use_bias", True)
    config.weights = Count(1 + has_bias)
    activation = read_activation(config)
    if config.integer("implementation", 1) != 1:
        raise config.fault("only implementation = 1 is supported, whose weights go by windows", AS_TFLITE)

    def build(call: Call) -> Value:
        x = call.x
        if len(x.shape) != axes + 1:
            raise call.fault(f"the layer needs an input of {axes + 1} axes after the batch, not {len(x.shape)}")
        given, channels = x.shape[:-1], x.shape[-1]
        count = tuple((n - k) // step + 1 for n, k, step in zip(given, size, strides, strict=True))
        if min(count) < 1:
            raise call.fault(f"a window of {list(size)} does not fit into {list(given)}")
        if math.prod(count) * math.prod(size) > MOST:
            raise call.fault(f"{math.prod(count)} windows of {math.prod(size)} places are too many", AS_TFLITE)
        elements = math.prod(size) * channels
        kernel = call.weights.array("kernel", (math.prod(count), elements, filters)).reshape(*count, elements, filters)
        bias = call.weights.array("bias", (*count, filters)) if has_bias else None
        places = np.arange(math.prod(given)).reshape(given)
        seen = np.lib.stride_tricks.sliding_window_view(places, size)[
            tuple(slice(None, None, step) for step in strides)
        ]
        flat = call.emit(Reshape((math.prod(given), channels)), x, part="places")
        windows = call.emit(Take(tuple(seen.ravel().tolist()), 0), flat, part="windows")
        rows = call.emit(Reshape((*count, elements)), windows, part="rows")
        letters = "hw"[:axes]
        return weighed(call, rows, kernel, (f"{letters}k", f"{letters}kf", f"{letters}f"), bias, activation)

    return build
