"""Layers that combine several tensors."""

from __future__ import annotations

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import Converter, converts
from mnc.ir.layers import Add, Average, Concatenate, Dot, Maximum, Merge, Minimum, Multiply, Subtract, UnitNormalization


def _operands(call: Call) -> tuple[Value, ...]:
    """The inputs, all held in the same order: the common one, else Keras' own."""
    first = call.inputs[0].axes
    if all(value.axes == first and value.before_flatten is None for value in call.inputs):
        return call.inputs
    return tuple(call.assembly.plain(call.where, value) for value in call.inputs)


def _merge(kind: type[Merge]) -> Build:
    def build(call: Call) -> Value:
        operands = _operands(call)
        if len(operands) < 2:
            raise call.fault("the layer needs at least two inputs")
        # axes of one element stand before those of an operand that has fewer, as NumPy broadcasts
        return call.emit(kind(), *operands, axes=None if operands[0].is_plain else operands[0].axes)

    return build


def _merging(kind: type[Merge]) -> Converter:
    def convert(_config: Config) -> Build:
        return _merge(kind)

    return convert


for _name, _kind in (
    ("Add", Add),
    ("Subtract", Subtract),
    ("Multiply", Multiply),
    ("Average", Average),
    ("Maximum", Maximum),
    ("Minimum", Minimum),
):
    converts(_name, to=(_kind,))(_merging(_kind))


@converts("Concatenate", to=(Concatenate,))
def concatenate(config: Config) -> Build:
    """One behind the other along an axis."""
    axis = config.integer("axis", -1, -8)
    return _concatenate(axis)


def _concatenate(axis: int) -> Build:
    def build(call: Call) -> Value:
        operands = _operands(call)
        held_axis = call.axis("axis", axis, operands[0])
        return call.emit(Concatenate(held_axis), *operands, axes=operands[0].axes)

    return build


@converts("Merge", to=(Add, Average, Concatenate, Maximum, Multiply))
def merge(config: Config) -> Build:
    """Keras 1's merge: one class for all of them."""
    mode = config.choice("mode", "sum", "mul", "ave", "max", "concat", default="sum")
    axis = config.integer("concat_axis", -1, -8)
    config.ignore("dot_axes", "output_shape", "output_shape_type", "mode_type", "arguments")
    config.ignore("output_mask", "output_mask_type", "node_indices", "tensor_indices")
    if mode == "concat":
        return _concatenate(axis)
    return _merge({"sum": Add, "mul": Multiply, "ave": Average, "max": Maximum}[mode])


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
