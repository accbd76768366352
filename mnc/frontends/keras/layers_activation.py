"""Activation functions as layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import LAYERS, read_activation
from mnc.frontends.keras.assembly import AlongAxis, Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import Converter, converts
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.frontends.keras.weights import Count
from mnc.ir.activations import Function
from mnc.ir.layers import Activation, Add, Identity, LogSoftmax, Multiply, PReLU, Slice, Softmax, Sparsemax
from mnc.ir.types import Constant


def elementwise(function: Function | None) -> Build:
    """A function of each element, in whatever order they are held."""

    def build(call: Call) -> Value:
        x = call.held
        result = call.emit(Identity() if function is None else Activation(function), x, axes=x.axes)
        return replace(result, before_flatten=x.before_flatten)

    return build


@converts(
    "Activation", to=(Activation, LogSoftmax, Multiply, Slice, Softmax, Sparsemax), over_time=True, masks="passes"
)
def activation(config: Config) -> Build:
    """Any activation function by name."""
    function = read_activation(config)
    return _along_last(function) if isinstance(function, AlongAxis) else elementwise(function)


def _function_layer(read: Callable[[Config], Function]) -> Converter:
    def convert(config: Config) -> Build:
        return elementwise(read(config))

    convert.__doc__ = read.__doc__
    return convert


for _name, _read in LAYERS.items():
    converts(_name, to=(Activation,), over_time=True, masks="passes")(_function_layer(_read))


@converts("PReLU", to=(PReLU,), over_time=True, masks="passes")
def prelu(config: Config) -> Build:
    """A learnt slope below 0, for each element or shared along some axes."""
    shared = () if config.raw("shared_axes") is None else config.integer_list("shared_axes", -8)
    config.weights = Count(1)

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


@converts("Softmax", to=(Add, Multiply, Softmax), over_time=True, arguments=("mask",), masks="passes")
def softmax(config: Config) -> Build:
    """Softmax along one axis."""
    axis = config.raw("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise config.fault(f"axis = {axis!r} is not supported; softmax goes along one axis", AS_TFLITE)
    config.ignore("robust_masking")  # in float32 -1e9 leaves nothing of a number, added or put in its place

    def build(call: Call) -> Value:
        x = call.tensor
        place = call.axis("axis", axis, x)
        mask = _mask(call, x)
        if mask is None:
            return call.emit(Softmax(place), x, axes=x.axes)
        # what does not count is -1e9 before and 0 behind, also where nothing counts
        missing = call.emit(Add(operand=Constant(np.float32(-1.0))), mask, part="missing")
        hidden = call.emit(Multiply(operand=Constant(np.float32(1e9))), missing, part="hidden")
        seen = call.emit(Add(), call.emit(Multiply(), x, mask, part="seen"), hidden, part="masked")
        return call.emit(Multiply(), call.emit(Softmax(place), seen, part="shares"), mask)

    return build


def _mask(call: Call, x: Value) -> Value | None:
    """The mask of a softmax: along each axis of its input as long as it, or 1."""
    given = call.arguments.named.get("mask")
    if given is None and x.mask is not None:
        if len(x.shape) > 1:
            raise call.fault(
                f"the layer reads a mask of {x.shape[0]} steps, which Keras does not fit to an input of more axes",
                "give the mask to the layer itself, as softmax(x, mask=mask)",
            )
        return call.assembly.mask(call.where, x.mask)
    if given is None:
        return None
    if not isinstance(given, Value) or not x.is_plain or call.over_time:
        raise call.fault("the mask must be a tensor of the model, and the input channels last")
    if len(given.shape) != len(x.shape) or any(n not in (1, m) for n, m in zip(given.shape, x.shape, strict=True)):
        raise call.fault(f"a mask of {given.shape} does not fit {x.shape}")
    return call.assembly.plain(call.where, given)


def _along_last(function: AlongAxis) -> Build:
    def build(call: Call) -> Value:
        x = call.tensor
        return call.along(function, x, call.axis("axis", -1, x))

    return build
