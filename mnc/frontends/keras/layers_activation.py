"""Activation functions as layers of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import Build, Call, Value
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.ir.activations import Elu, Function, Relu
from mnc.ir.layers import Activation, Identity, PReLU, Softmax
from mnc.ir.types import Constant


def elementwise(function: Function | None) -> Build:
    """A function of each element, in whatever order they are held."""

    def build(call: Call) -> Value:
        x = call.held
        result = call.emit(Identity() if function is None else Activation(function), x, axes=x.axes)
        return replace(result, before_flatten=x.before_flatten)

    return build


@converts("Activation", over_time=True)
def activation(config: Config) -> Build:
    """Any activation function by name."""
    function = read_activation(config)
    return _softmax(-1) if isinstance(function, Softmax) else elementwise(function)


@converts("ReLU", over_time=True)
def relu(config: Config) -> Build:
    """ReLU with its three parameters."""
    function = Relu(
        max_value=config.optional_number("max_value"),
        negative_slope=config.number("negative_slope", 0.0),
        threshold=config.number("threshold", 0.0),
    )
    if min(function.max_value or 0.0, function.negative_slope, function.threshold) < 0.0:
        raise config.fault("max_value, negative_slope and threshold must not be negative")
    return elementwise(function)


@converts("LeakyReLU", over_time=True)
def leaky_relu(config: Config) -> Build:
    """A slope below 0: `alpha` in Keras 1 and 2, `negative_slope` in Keras 3."""
    key = "alpha" if "alpha" in config else "negative_slope"
    return elementwise(Relu(negative_slope=config.number(key, 0.3)))


@converts("ThresholdedReLU", over_time=True)
def thresholded_relu(config: Config) -> Build:
    """0 below a threshold."""
    return elementwise(Relu(threshold=config.number("theta", 1.0)))


@converts("ELU", over_time=True)
def elu(config: Config) -> Build:
    """The exponential linear unit."""
    return elementwise(Elu(config.number("alpha", 1.0)))


@converts("PReLU", over_time=True)
def prelu(config: Config) -> Build:
    """A learnt slope below 0, for each element or shared along some axes."""
    shared = () if config.raw("shared_axes") is None else config.integer_list("shared_axes", -8)

    def build(call: Call) -> Value:
        x = call.tensor
        held_shared = {call.axis("shared_axes", axis, x) for axis in shared}
        sizes = [1 if axis in held_shared else x.type.shape[axis] for axis in x.axes]
        if call.over_time:
            sizes[0] = 1
        stored = call.weights.array("alpha", tuple(sizes[1:] if call.over_time else sizes))
        alpha = np.transpose(stored.reshape(sizes), np.argsort(x.axes))
        return call.emit(PReLU(Constant(alpha)), x, axes=x.axes)

    return build


@converts("Softmax", over_time=True)
def softmax(config: Config) -> Build:
    """Softmax along one axis."""
    axis = config.raw("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise config.fault(f"axis = {axis!r} is not supported; softmax goes along one axis")
    return _softmax(axis, masks=True)


def _softmax(axis: int, masks: bool = False) -> Build:
    def build(call: Call) -> Value:
        x = call.tensor
        if masks:
            call.refuse_mask(x)
        return call.emit(Softmax(call.axis("axis", axis, x)), x, axes=x.axes)

    return build
