"""Kernels for normalisation by statistics of the input."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.loops import Loops, loops, repeated_constant
from mnc.ir.layer import Layer
from mnc.ir.layers import GroupNormalization, LayerNormalization, UnitNormalization
from mnc.ir.types import Constant, Shape
from mnc.program import NULL, Argument, Call, Const, In, Out, Step

SLICE_LOOPS = 2
"""Loops of the kernels over slices, and as many through a slice."""


def layer_normalization(context: Context[LayerNormalization]) -> Step | Refusal:
    """Each slice along the axes."""
    x, layer = context.inputs[0], context.layer
    axes = places(layer.axes, x.type.rank)
    sizes = tuple(size if axis in axes else 1 for axis, size in enumerate(x.type.shape))
    return _normalization(context, x.type.shape, axes, repeated_constant(sizes, len(sizes)))


def group_normalization(context: Context[GroupNormalization]) -> Step | Refusal:
    """The input as (places, groups, channels of a group), each group by itself."""
    (x,), layer = context.inputs, context.layer
    channels = x.type.shape[-1]
    shape = (x.type.elements // channels, layer.groups, channels // layer.groups)
    return _normalization(context, shape, {0, 2}, repeated_constant((1, *shape[1:]), 3))


def unit_normalization(context: Context[UnitNormalization]) -> Step | Refusal:
    """Each slice along the axes divided by its length."""
    x, layer = context.inputs[0], context.layer
    slices, inside = across(x.type.shape, places(layer.axes, x.type.rank))
    if (refused := too_deep(context, slices, inside)) is not None:
        return refused
    arguments = {"in": In(), "out": Out(), **walk(slices, inside), "epsilon": layer.epsilon}
    return context.whole((Call("mnc_unit_normalization_f32", arguments),), nest=slices.around(inside).of(0, 0))


def places(axes: Sequence[int], rank: int) -> frozenset[int]:
    """Axes counted from the first."""
    return frozenset(axis % rank for axis in axes)


def across(shape: Shape, axes: Collection[int], *further: Sequence[int]) -> tuple[Loops, Loops]:
    """The loops over the slices of a row-major value, and those through a slice along `axes`."""
    operands = [repeated_constant(shape, len(shape)), *further]

    def over(chosen: Collection[int]) -> Loops:
        own = [axis for axis in range(len(shape)) if axis in chosen]
        return loops([shape[axis] for axis in own], *([operand[axis] for axis in own] for operand in operands))

    return over(set(range(len(shape))) - set(axes)), over(axes)


def _normalization(
    context: Context[LayerNormalization] | Context[GroupNormalization],
    shape: Shape,
    axes: Collection[int],
    scales: Sequence[int],
) -> Step | Refusal:
    layer = context.layer
    slices, inside = across(shape, axes, scales)
    if (refused := too_deep(context, slices, inside)) is not None:
        return refused
    constants: dict[str, Constant] = {}
    arguments: dict[str, Argument] = {"in": In(), "out": Out(), "gamma": NULL, "beta": NULL}
    for name, constant in (("gamma", layer.gamma), ("beta", layer.beta)):
        if constant is not None:
            constants[name] = constant
            arguments[name] = Const(name)
    arguments |= {
        **walk(slices, inside),
        **slices.moved(1, "gamma_outer", "gamma_inner"),
        **inside.moved(1, "gamma_row", "gamma_stride"),
        "epsilon": layer.epsilon,
    }
    return context.whole((Call("mnc_normalization_f32", arguments),), constants, slices.around(inside).of(0, 0))


def too_deep(context: Context[Layer], slices: Loops, inside: Loops) -> Refusal | None:
    """The refusal of more loops than the kernels have; None where there are no more."""
    depth = max(slices.depth, inside.depth)
    if depth <= SLICE_LOOPS:
        return None
    return Refusal(f"{type(context.layer).__name__} takes at most {SLICE_LOOPS} groups of axes, not {depth}")


def walk(slices: Loops, inside: Loops) -> dict[str, Argument]:
    """A kernel's arguments for the loops over slices and through each."""
    return {
        **slices.sized("outer", "inner"),
        **inside.sized("rows", "count"),
        **slices.moved(0, "outer_stride", "inner_stride"),
        **inside.moved(0, "row_stride", "stride"),
    }
