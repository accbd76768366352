"""What the kernels cannot take, although the layer kind has one."""

from __future__ import annotations

from collections.abc import Sequence

from mnc.backends.select.loops import loops, repeated_constant
from mnc.backends.select.norm import across, places
from mnc.ir.layer import Layer
from mnc.ir.layers import LayerNormalization, Merge, Permute, PReLU, UnitNormalization
from mnc.ir.types import DType, Shape, TensorType
from mnc.program import dense

LOOPS = 4
"""So many nested loops a kernel of three and the rows round it make."""
SLICE_LOOPS = 2
"""So many loops the kernels of normalisation have over slices, and through a slice."""


def limit(layer: Layer, inputs: Sequence[TensorType], output: TensorType) -> str | None:
    """Why this very layer has no kernel, or None.  Values of up to four axes never meet a limit.

    Axes that are neighbours, and treated alike, count as one.
    """
    kind, shape = type(layer).__name__, output.shape
    match layer:
        case Merge():
            depth = _depth(shape, *(x.shape for x in inputs))
            return f"{kind} broadcasts along at most {LOOPS} axes in turn, not {depth}" if depth > LOOPS else None
        case PReLU():
            depth = _depth(shape, layer.alpha.shape)
            return f"{kind} shares alpha along at most {LOOPS} axes in turn, not {depth}" if depth > LOOPS else None
        case Permute():
            strides = dense(inputs[0].shape)
            depth = loops(shape, dense(shape), [strides[axis] for axis in layer.axes]).depth
            return f"{kind} moves at most {LOOPS} groups of axes, not {depth}" if depth > LOOPS else None
        case LayerNormalization() | UnitNormalization():
            slices, inside = across(shape, places(layer.axes, len(shape)))
            depth = max(slices.depth, inside.depth)
            return f"{kind} takes at most {SLICE_LOOPS} groups of axes, not {depth}" if depth > SLICE_LOOPS else None
    return None


def misplaced(layer: Layer, inputs: Sequence[TensorType], output: TensorType) -> str | None:
    """Why the float32 kernels cannot take these operands, or None."""
    other = next((type_ for type_ in (*inputs, output) if type_.dtype is not DType.FLOAT32), None)
    return None if other is None else f"{type(layer).__name__} has no kernel for {other.dtype.value} without a scale"


def _depth(shape: Shape, *others: Shape) -> int:
    return loops(shape, dense(shape), *(repeated_constant(other, len(shape)) for other in others)).depth
