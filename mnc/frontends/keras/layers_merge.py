"""Layers that combine several tensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.frontends.assembly import Mask, Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import Converter, converts
from mnc.ir.layers import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    ReduceMax,
    Reshape,
    Subtract,
    UnitNormalization,
)
from mnc.ir.types import Constant


def _operands(call: Call) -> tuple[Value, ...]:
    """The inputs, all held in the same order: the common one, else Keras' own."""
    first = call.inputs[0].axes
    if all(value.axes == first and value.before_flatten is None for value in call.inputs):
        return call.inputs
    return tuple(call.assembly.plain(call.where, value) for value in call.inputs)


def _merged_mask(call: Call, keras: int) -> Mask | None:
    """In Keras 3 steps count where they do in any input, in Keras 1 and 2 where in all that have a mask."""
    masks = tuple(dict.fromkeys(value.mask for value in call.inputs if value.mask is not None))
    if not masks or (keras >= 3 and any(value.mask is None for value in call.inputs)):
        return None
    return masks[0] if len(masks) == 1 else Mask(masks, joined="any" if keras >= 3 else "all")


def _masked_product(call: Call) -> Value:
    """In Keras 3 a step of an input that does not count is 1 in a product, and 0 where it counts in none of them."""
    mask = _merged_mask(call, 3)
    factors = []
    for i, value in enumerate(call.inputs):
        value = call.assembly.plain(call.where, value)
        if value.mask is None:
            factors.append(value)
            continue
        column = _column(call, value.mask, f"counted{i}")
        kept = call.emit(Multiply(), value, column, part=f"kept{i}")
        less = call.emit(Multiply(operand=Constant(np.float32(-1.0))), column, part=f"less{i}")
        ones = call.emit(Add(operand=Constant(np.float32(1.0))), less, part=f"ones{i}")
        factors.append(call.emit(Add(), kept, ones, part=f"factor{i}"))
    if mask is None:
        return call.emit(Multiply(), *factors)
    product = call.emit(Multiply(), *factors, part="product")
    return replace(call.emit(Multiply(), product, _column(call, mask, "counted")), mask=mask)


def _column(call: Call, mask: Mask, part: str) -> Value:
    """A mask as vectors of one element."""
    value = call.assembly.mask(call.where, mask)
    return call.emit(Reshape((*value.type.shape, 1)), value, part=part)


def _joined_mask(call: Call, keras: int, axis: int) -> Mask | None:
    """That of sequences one behind the other; along other axes like that of a sum."""
    if axis != 0 or all(value.mask is None for value in call.inputs):
        return _merged_mask(call, keras)
    masks = []
    for i, value in enumerate(call.inputs):
        if value.mask is None:  # every step counts
            zeros = call.emit(Multiply(operand=Constant(np.float32(0.0))), value, part=f"zeros{i}")
            ones = call.emit(Add(operand=Constant(np.float32(1.0))), zeros, part=f"ones{i}")
            masks.append(Mask(call.emit(ReduceMax(tuple(range(1, ones.type.rank))), ones, part=f"mask{i}")))
        else:
            masks.append(value.mask)
    return Mask(tuple(masks), joined="behind")


def _merge(kind: type[Merge], keras: int) -> Build:
    def build(call: Call) -> Value:
        operands = _operands(call)
        if len(operands) < 2:
            raise call.fault("the layer needs at least two inputs")
        if kind is Multiply and keras >= 3 and any(value.mask is not None for value in call.inputs):
            return _masked_product(call)
        # axes of one element stand before those of an operand that has fewer, as NumPy broadcasts
        result = call.emit(kind(), *operands, axes=None if operands[0].is_plain else operands[0].axes)
        return replace(result, mask=_merged_mask(call, keras))

    return build


def _merging(kind: type[Merge]) -> Converter:
    def convert(config: Config) -> Build:
        return _merge(kind, config.keras)

    return convert


for _name, _kind in (
    ("Add", Add),
    ("Subtract", Subtract),
    ("Multiply", Multiply),
    ("Average", Average),
    ("Maximum", Maximum),
    ("Minimum", Minimum),
):
    converts(_name, to=(_kind,), masks="own")(_merging(_kind))


@converts("Concatenate", to=(Concatenate,), masks="own")
def concatenate(config: Config) -> Build:
    """One behind the other along an axis."""
    axis = config.integer("axis", -1, -8)
    return _concatenate(axis, config.keras)


def _concatenate(axis: int, keras: int) -> Build:
    def build(call: Call) -> Value:
        operands = _operands(call)
        held_axis = call.axis("axis", axis, operands[0])
        result = call.emit(Concatenate(held_axis), *operands, axes=operands[0].axes)
        return replace(result, mask=_joined_mask(call, keras, operands[0].axes.index(held_axis)))

    return build


@converts("Merge", to=(Add, Average, Concatenate, Maximum, Multiply), masks="own")
def merge(config: Config) -> Build:
    """Keras 1's merge: one class for all of them."""
    mode = config.choice("mode", "sum", "mul", "ave", "max", "concat", default="sum")
    axis = config.integer("concat_axis", -1, -8)
    config.ignore("dot_axes", "output_shape", "output_shape_type", "mode_type", "arguments")
    config.ignore("output_mask", "output_mask_type", "node_indices", "tensor_indices")
    if mode == "concat":
        return _concatenate(axis, config.keras)
    return _merge({"sum": Add, "mul": Multiply, "ave": Average, "max": Maximum}[mode], config.keras)


@converts("Dot", to=(Dot,))
def dot(config: Config) -> Build:
    """The sum of products along one axis of each input."""
    axes = config.integers("axes", 2, None, -8)
    normalize = config.boolean("normalize", False)

    def build(call: Call) -> Value:
        if len(call.inputs) != 2:
            raise call.fault(f"the layer takes two inputs, not {len(call.inputs)}")
        operands = [call.assembly.plain(call.where, value) for value in call.inputs]
        places = [call.axis("axes", axis, value) for axis, value in zip(axes, operands, strict=True)]
        if normalize:
            operands = [
                call.emit(UnitNormalization((place,), 1e-6 if config.keras < 3 else 1e-7), value, part=f"unit{i}")
                for i, (place, value) in enumerate(zip(places, operands, strict=True))
            ]
        return call.emit(Dot((places[0], places[1])), *operands)

    return build
