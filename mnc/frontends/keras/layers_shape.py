"""Layers that only rearrange."""

from __future__ import annotations

import math

from mnc.frontends.keras.assembly import Build, Call, Value
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.layers_conv import data_format
from mnc.frontends.keras.registry import converts
from mnc.ir.layers import Flatten, Identity, Permute, Reshape
from mnc.ir.types import Shape


@converts("Flatten")
def flatten(config: Config) -> Build:
    """All elements on one axis, in Keras' order."""
    layout = data_format(config)

    def build(call: Call) -> Value:
        x = call.held if call.held.before_flatten is None else call.x
        if layout == "channels_first" and len(x.axes) > 1:  # Keras moves the channels last, then flattens
            rank = len(x.axes)
            return call.emit(Flatten(), call.assembly.held_as(call.where, x, (rank - 1, *range(rank - 1))))
        result = call.emit(Flatten(), x)
        return result if x.is_plain else Value(result.name, result.type, (0,), (x.type.shape, x.axes))

    return build


@converts("Reshape")
def reshape(config: Config) -> Build:
    """The same elements under another shape; one axis may be -1."""
    target = config.integer_list("target_shape", -1)
    if 0 in target or target.count(-1) > 1:
        raise config.fault(f"target_shape = {list(target)} cannot be a shape")

    def build(call: Call) -> Value:
        x = call.x
        return call.emit(Reshape(whole_shape(call, target, x.type.elements)), x)

    return build


def whole_shape(call: Call, target: tuple[int, ...], elements: int) -> Shape:
    """The target shape with -1 replaced by what is left."""
    known = math.prod(size for size in target if size != -1)
    if -1 in target and elements % known:
        raise call.fault(f"{elements} elements do not fill the shape {list(target)}")
    return tuple(elements // known if size == -1 else size for size in target)


@converts("Permute")
def permute(config: Config) -> Build:
    """The axes in another order; Keras counts them from 1."""
    dims = config.integer_list("dims", 1)
    if sorted(dims) != list(range(1, len(dims) + 1)):
        raise config.fault(f"dims = {list(dims)} must name each axis once, counted from 1")

    def build(call: Call) -> Value:
        x = call.x
        order = tuple(dim - 1 for dim in dims)
        if order == tuple(range(len(x.axes))):
            return call.emit(Identity(), x)
        return call.emit(Permute(order), x)

    return build
