"""How the values of a network go along time, and which layers treat their rows one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    Embedding,
    Identity,
    LayerNormalization,
    LogSoftmax,
    MaxPooling2D,
    Merge,
    Permute,
    Pooling2D,
    PReLU,
    Quantize,
    Reduction,
    Reshape,
    Reverse,
    Slice,
    Softmax,
    Sparsemax,
    Take,
    UnitNormalization,
    ZeroPadding2D,
)
from mnc.ir.layers.window import extent
from mnc.ir.types import Constant, Shape, TensorType


@dataclass(frozen=True)
class Rows:
    """How a value goes along time."""

    axis: int
    """The axis of time among its own."""
    window: int
    """Its rows where the network takes a whole window."""
    stride: int
    """Frames from a row to the next."""
    late: int = 0
    """Rows that runs give before row 0."""
    begins: str = ""
    """A layer that pads the beginning of time or carries a state, on the way to it; none: empty."""
    ends: str = ""
    """A layer that pads the end of time, on the way to it; none: empty."""


@dataclass(frozen=True)
class WholeWindow:
    """A value of a whole window."""

    runs: int = 0
    """Runs before the first window is whole."""
    begins: str = ""


Time = Rows | WholeWindow


@dataclass(frozen=True)
class SlidingWindow:
    """A layer's window along time, in rows of its input."""

    span: int
    stride: int
    before: int
    """Rows of padding before the first row."""
    after: int
    outside: float
    """The number that padding stands for."""


def with_rows(shape: Shape, axis: int, rows: int) -> Shape:
    """A shape with another number of rows along the axis of time."""
    return (*shape[:axis], rows, *shape[axis + 1 :])


def joint(layer: Layer, times: Sequence[Time], types: Sequence[TensorType], output: TensorType) -> Rows | None:
    """How values go along time that are joined row by row; None where they are not."""
    rows = [each for each in times if isinstance(each, Rows)]
    first, rank = rows[0], output.rank
    alike = all((each.axis, each.window, each.stride) == (first.axis, first.window, first.stride) for each in rows)
    if len(rows) < len(times) or not alike or any(type_.rank != rank for type_ in types):
        return None
    if isinstance(layer, Concatenate) and layer.axis % rank == first.axis:
        return None
    if isinstance(layer, Merge) and layer.operand is not None and not _steady(layer.operand, first.axis, rank):
        return None
    late = max(each.late for each in rows)
    begins = next((each.begins for each in rows if each.begins), "")
    return replace(first, late=late, begins=begins, ends=next((each.ends for each in rows if each.ends), ""))


def _steady(constant: Constant, axis: int, rank: int) -> bool:
    """Whether a constant that is repeated over a value of this rank is one for all rows."""
    place = axis - (rank - len(constant.shape))
    return place < 0 or constant.shape[place] == 1


def window_along(layer: Layer, axis: int) -> SlidingWindow | None:
    """A layer's window along time; None where it has none."""
    if axis > 1:
        return None
    if isinstance(layer, Conv2D | DepthwiseConv2D):
        span = extent(layer.kernel[axis], layer.dilation[axis])
        return SlidingWindow(span, layer.stride[axis], *layer.padding[axis], 0.0)
    if isinstance(layer, Pooling2D):
        if isinstance(layer, AveragePooling2D) and max(layer.padding[axis]) and not layer.count_padding:
            return None
        outside = -math.inf if isinstance(layer, MaxPooling2D) else 0.0
        return SlidingWindow(layer.pool[axis], layer.stride[axis], *layer.padding[axis], outside)
    return None


def unpadded(layer: Layer, axis: int) -> Layer:
    """The layer without padding along time."""
    assert isinstance(layer, Conv2D | DepthwiseConv2D | Pooling2D)
    height, width = layer.padding
    return layer.changed(padding=((0, 0), width) if axis == 0 else (height, (0, 0)))


def kept_axis(layer: Layer, axis: int, given: TensorType, made: TensorType) -> int | None:
    """The axis of time behind a layer that treats rows one by one, all alike; None where it does not."""
    rank = given.rank
    match layer:
        case Activation() | Identity() | Dequantize() | Embedding():
            return axis
        case Quantize():
            return None if given.quant and given.quant.features and axis == rank - 1 else axis
        case PReLU():
            return axis if _steady(layer.alpha, axis, rank) else None
        case Dense():
            return axis if axis != rank - 1 else None
        case BatchNormalization() | Softmax() | LogSoftmax() | Sparsemax() | Take() | Reverse():
            return axis if layer.axis % rank != axis else None
        case LayerNormalization() | UnitNormalization():
            return axis if axis not in {each % rank for each in layer.axes} else None
        case Reduction():
            places = layer.places(rank)
            below = 0 if layer.keepdims else sum(place < axis for place in places)
            return None if axis in places else axis - below
        case Permute():
            return layer.axes.index(axis)
        case Slice():
            whole = (layer.starts[axis], layer.sizes[axis], layer.steps[axis]) == (0, given.shape[axis], 1)
            return axis if whole else None
        case ZeroPadding2D():
            return axis if axis > 1 or layer.padding[axis] == (0, 0) else None
        case Reshape():
            return _kept_by_reshape(given.shape, made.shape, axis)
    return None


def _kept_by_reshape(given: Shape, made: Shape, axis: int) -> int | None:
    """The axis that has the same elements before it, and as many of its own."""
    before = math.prod(given[:axis])
    places = (i for i in range(len(made)) if math.prod(made[:i]) == before and made[i] == given[axis])
    return next(places, None)


def resized(layer: Layer, shape: Shape, axis: int, rows: int) -> Layer:
    """The layer for another number of rows."""
    if isinstance(layer, Reshape):
        return layer.changed(shape=with_rows(shape, axis, rows))
    if isinstance(layer, Slice):
        return layer.changed(sizes=with_rows(layer.sizes, axis, rows))
    return layer


def read_rows(layer: Layer, axis: int, window: int) -> tuple[int, int]:
    """The first row of a window that a layer reads, and how many up to the last one."""
    if isinstance(layer, Slice) and layer.steps[axis] > 0:
        return layer.starts[axis], (layer.sizes[axis] - 1) * layer.steps[axis] + 1
    return 0, window


def reading(layer: Layer, axis: int, first: int) -> Layer:
    """The layer for a window without its rows before `first`, which it does not read."""
    if isinstance(layer, Slice):
        return layer.changed(starts=with_rows(layer.starts, axis, layer.starts[axis] - first))
    return layer
