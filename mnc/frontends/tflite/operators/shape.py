"""Operators that only move values, or give them another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mnc.frontends.assembly import BATCH, Value
from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.operators.pad import padded
from mnc.frontends.tflite.operators.part import part
from mnc.frontends.tflite.tensors import held, seen_as
from mnc.ir.layers import Broadcast, Concatenate, Permute, Slice
from mnc.ir.types import Shape, show

MAX_COPIES = 2**13
"""Times that a value is repeated: far beyond what a microcontroller holds."""


def reshape(call: Call) -> Value:
    """To the shape that is given, where it is known, else to the one that the file declares."""
    call.keeps_scale()
    x = call.value()
    given = call.optional_array(1)
    if given is None or given.dtype.kind != "i":
        return call.shaped(x)
    shape = tuple(int(n) for n in given.ravel())
    rest = math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and rest > 0 and x.type.elements % rest == 0:
        shape = tuple(x.type.elements // rest if n == -1 else n for n in shape)
    if min(shape, default=1) < 1 or math.prod(shape) != x.type.elements:
        raise call.fault(f"{show(x.shape)} has {x.type.elements:,} elements, so it cannot be reshaped to {show(shape)}")
    return seen_as(call.reshaped(x, held(shape)), shape)


def rearranged(call: Call) -> Value:
    """SQUEEZE and EXPAND_DIMS: to the shape that the file declares."""
    call.keeps_scale()
    return call.shaped(call.value())


def transpose(call: Call) -> Value:
    """The axes in any order, that of a batch of one included."""
    call.keeps_scale()
    x = call.value()
    order = call.integers(1, "order of axes")
    if sorted(order) != list(range(len(x.shape))):
        raise call.fault(f"its order {order} must name each axis of {show(x.shape)} once")
    if order[:1] == (0,) and x.axes[0] == BATCH:
        return call.emit(Permute(tuple(axis - 1 for axis in order[1:])), x)
    return call.shaped(call.emit(Permute(order), call.whole(x), part="turned"))


def dynamic_update_slice(call: Call) -> Value:
    """The first with the second in the place of a part of it, which begins where the third says, but ends inside."""
    for i in (0, 1):
        call.keeps_scale(i)
    whole, update, start = call.value(0).shape, call.value(1).shape, call.integers(2, "start")
    if not len(start) == len(update) == len(whole) or any(m > n for m, n in zip(update, whole, strict=True)):
        raise call.fault(f"its update {show(update)} at {show(start)} does not fit {show(whole)}")
    first = [min(max(s, 0), n - m) for s, n, m in zip(start, whole, update, strict=True)]
    part = call.whole(call.value(1))

    def taken(x: Value, axis: int, begin: int, end: int) -> list[Value]:
        sizes = list(x.type.shape)
        sizes[axis] = end - begin
        starts = tuple(begin if i == axis else 0 for i in range(len(sizes)))
        return [call.emit(Slice(starts, tuple(sizes), (1,) * len(sizes)), x)] if begin < end else []

    def put(x: Value, axis: int) -> Value:
        """The update in `x`, which is larger along `axis` and those behind it only."""
        if axis == len(whole):
            return part
        s, m, n = first[axis], update[axis], whole[axis]
        if m == n:
            return put(x, axis + 1)
        (middle,) = taken(x, axis, s, s + m)
        return call.emit(Concatenate(axis), *taken(x, axis, 0, s), put(middle, axis + 1), *taken(x, axis, s + m, n))

    return call.shaped(put(call.whole(call.value(0)), 0))


def concatenation(call: Call) -> Value:
    """One behind the other along any axis, with a fused activation."""
    values = [call.value(i) for i in range(len(call.inputs))]
    if not values:
        raise call.fault("it has no inputs")
    return call.activated(_joined(call, values, call.integer("Axis")))


def pack(call: Call) -> Value:
    """The values along an axis of their own."""
    values = [call.value(i) for i in range(len(call.inputs))]
    axis, rank = call.integer("Axis"), len(call.result.shape)
    if not values or not -rank <= axis < rank:
        raise call.fault(f"{len(values)} values cannot be packed along axis {axis} of {show(call.result.shape)}")
    axis %= rank
    shape = [n for k, n in enumerate(call.result.shape) if k != axis]
    if any(math.prod(shape) != x.type.elements for x in values):
        raise call.fault(f"its inputs are not parts of {show(call.result.shape)}")
    shape.insert(axis, 1)
    thick = [seen_as(call.reshaped(x, held(tuple(shape)), "part"), tuple(shape)) for x in values]
    return _joined(call, thick, axis)


def _joined(call: Call, values: Sequence[Value], axis: int) -> Value:
    for i in range(len(values)):
        call.keeps_scale(i)
    along = [call.along(axis, x) for x in values]
    if len({x.type.rank for x, _ in along}) > 1:  # some have a batch of one, others a longer first axis
        along = [(call.whole(x), axis % len(x.shape)) for x in values]
    joined = call.emit(Concatenate(along[0][1], output=call.output), *(x for x, _ in along))
    return call.shaped(joined)


def tile(call: Call) -> Value:
    """Repeated as a whole along each axis."""
    call.keeps_scale()
    x, times = call.value(), call.integers(1, "multiples")
    if len(times) != len(x.shape) or not min(times, default=0) >= 1 or math.prod(times) > MAX_COPIES:
        raise call.fault(f"its multiples {show(times)} must be one number, 1 or more, for each axis of {show(x.shape)}")
    shape = list(x.shape)
    for axis in reversed(range(len(shape))):
        if times[axis] > 1:
            # The elements from this axis on are a run, which comes several times.
            outer, run = math.prod(shape[:axis]), math.prod(shape[axis:])
            runs = call.reshaped(x, (outer, 1, run), "runs")
            x = call.emit(Broadcast((outer, times[axis], run)), runs, part="copies")
            shape[axis] *= times[axis]
    return call.reshaped(x, held(tuple(shape)))


def broadcast_to(call: Call) -> Value:
    """Repeated along new axes, and those of one element."""
    call.keeps_scale()
    return _repeated(call, call.value(), call.integers(1, "shape"))


def fill(call: Call) -> Value:
    """One computed number as all elements of a shape that is known."""
    call.keeps_scale(1)
    x = call.value(1)
    if x.type.elements != 1:
        raise call.fault(f"its value {show(x.shape)} must be one number")
    return _repeated(call, call.reshaped(x, (1,), "number"), call.integers(0, "shape"))


def _repeated(call: Call, x: Value, shape: Shape) -> Value:
    if min(shape, default=1) < 1 or math.prod(shape) > MAX_COPIES * x.type.elements:
        raise call.fault(f"{show(x.shape)} cannot be repeated to {show(shape)}")
    given = (1,) * (len(shape) - len(x.shape)) + x.shape
    # Axes of 1 in front say nothing, as a batch of one does not.
    front = next((i for i, n in enumerate(shape) if n != 1), len(shape) - 1)
    return call.shaped(call.emit(Broadcast(shape[front:]), call.reshaped(x, given[front:], "axes")))


def space_to_depth(call: Call) -> Value:
    """Blocks of pixels as the channels of one pixel."""
    height, width, channels, block = _blocks(call)
    if height % block or width % block:
        raise call.fault(f"{height}x{width} pixels are no whole blocks of {block}")
    split = (height // block, block, width // block, block, channels)
    return _regrouped(call, split, (0, 2, 1, 3, 4))


def depth_to_space(call: Call) -> Value:
    """The channels of each pixel as a block of pixels."""
    height, width, channels, block = _blocks(call)
    if channels % (block * block):
        raise call.fault(f"{channels} channels are no whole blocks of {block}x{block}")
    return _regrouped(call, (height, width, block, block, channels // block**2), (0, 2, 1, 3, 4))


def _blocks(call: Call) -> tuple[int, int, int, int]:
    """Height, width and channels of the image, and the size of a block."""
    call.keeps_scale()
    x, block = call.value(), call.integer("BlockSize")
    if x.type.rank != 3 or len(x.shape) != 4 or not 0 < block <= MAX_COPIES:
        raise call.fault(f"it needs an image of four axes with the batch, not {show(x.shape)} in blocks of {block}")
    height, width, channels = x.type.shape
    return height, width, channels, block


def _regrouped(call: Call, split: Shape, order: Sequence[int]) -> Value:
    blocks = call.reshaped(call.value(), split, "blocks")
    return call.shaped(call.emit(Permute(tuple(order)), blocks, part="turned"))


def space_to_batch_nd(call: Call) -> Value:
    """Every n-th row and column as an image of its own."""
    x, block = _grid(call)
    amounts = np.zeros((len(x.shape), 2), np.int64)
    amounts[1 : 1 + len(block)] = _sides(call, "paddings", len(block))
    if amounts.any():
        x = padded(call, x, amounts)
    shape = [n + int(sum(sides)) for n, sides in zip(call.value().shape, amounts.tolist(), strict=True)]
    if any(n % size for n, size in zip(shape[1:], block, strict=False)):
        raise call.fault(f"{show(shape)} is no whole blocks of {show(block)}")
    for axis, size in reversed(list(enumerate(block, start=1))):
        shape[axis] //= size
        x = _turned(call, x, (math.prod(shape[: axis + 1]), size, math.prod(shape[axis + 1 :])))
        shape[0] *= size
    return call.shaped(x)


def batch_to_space_nd(call: Call) -> Value:
    """Images of every n-th row and column as one image."""
    x, block = _grid(call)
    crops = _sides(call, "crops", len(block))
    shape = list(x.shape)
    if shape[0] % math.prod(block):
        raise call.fault(f"{shape[0]} images are no whole blocks of {show(block)}")
    for axis, size in enumerate(block, start=1):
        shape[0] //= size
        x = _turned(call, x, (size, math.prod(shape[: axis + 1]), math.prod(shape[axis + 1 :])))
        shape[axis] *= size
    ends = [(0, 0), *crops, *[(0, 0)] * (len(shape) - 1 - len(block))]
    ranges = [range(before, n - after) for n, (before, after) in zip(shape, ends, strict=True)]
    return call.shaped(part(call, seen_as(call.reshaped(x, tuple(shape), "image"), tuple(shape)), ranges))


def _grid(call: Call) -> tuple[Value, tuple[int, ...]]:
    """The images, and the size of a block along each axis behind the batch."""
    call.keeps_scale()
    x, block = call.value(), call.integers(1, "block shape")
    if not (0 < len(block) < len(x.shape) and 1 <= min(block) <= max(block) <= MAX_COPIES):
        raise call.fault(f"its blocks {show(block)} do not fit {show(x.shape)}")
    return x, block


def _sides(call: Call, what: str, count: int) -> list[tuple[int, int]]:
    amounts = call.array(2, what)
    if amounts.shape != (count, 2) or amounts.dtype.kind != "i" or amounts.min() < 0:
        raise call.fault(f"its {what} must be two numbers, 0 or more, for each of its {count} blocks")
    return [(int(before), int(after)) for before, after in amounts]


def _turned(call: Call, x: Value, shape: Shape) -> Value:
    """The elements as three axes of this shape, the first two exchanged."""
    return call.emit(Permute((1, 0, 2)), call.reshaped(x, shape, "blocks"), part="turned")
