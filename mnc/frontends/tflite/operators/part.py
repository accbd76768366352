"""Operators that choose elements by their places: slices, splits, gathering, mirrors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.operators import truth
from mnc.frontends.tflite.slicing import strided
from mnc.frontends.tflite.tensors import seen_as
from mnc.ir.layers import Embedding, Quantize, Reverse, Slice, Take
from mnc.ir.types import Constant, DType, show

MAX_TABLE = 2**16
"""Places in a table: more than any network for a microcontroller gathers."""


def slice_(call: Call) -> Value:
    """A part of each axis, from `begin`, of `size` (-1: all that follow)."""
    call.keeps_scale()
    x = call.value()
    begin, size = call.integers(1, "begin"), call.integers(2, "size")
    if len(begin) != len(x.shape) or len(size) != len(x.shape):
        raise call.fault(f"its begin and size must have one number for each axis of {show(x.shape)}")
    counts = [n - first if count == -1 else count for first, count, n in zip(begin, size, x.shape, strict=True)]
    if not all(0 <= first < first + n <= whole for first, n, whole in zip(begin, counts, x.shape, strict=True)):
        raise call.fault(f"its part from {show(begin)} of size {show(size)} is not inside {show(x.shape)}")
    return call.shaped(part(call, x, [range(first, first + n) for first, n in zip(begin, counts, strict=True)]))


def strided_slice(call: Call) -> Value:
    """A part of each axis, every n-th element, backwards too; axes may be dropped, or new."""
    call.keeps_scale()
    x = call.value()
    begin, end, stride = (call.array(i, what) for i, what in ((1, "begin"), (2, "end"), (3, "strides")))
    try:
        places = strided(x.shape, begin, end, stride, call.integer)
    except ValueError as fault:
        raise call.fault(str(fault)) from None
    taken = [place for place in places if place is not None]
    ranges = [
        range(place % n, place % n + 1) if isinstance(place, int) else range(n)[place]
        for place, n in zip(taken, x.shape, strict=True)
    ]
    return call.shaped(part(call, x, ranges))


def part(call: Call, x: Value, ranges: Sequence[range], result: int = 0) -> Value:
    """The elements at these places of each axis of the file's shape."""
    if not all(ranges):
        raise call.fault(f"nothing of {show(x.shape)} is left")
    inside = ranges[len(x.shape) - x.type.rank :]
    if all(own == range(n) for own, n in zip(inside, x.type.shape, strict=True)):
        return x
    starts, sizes = tuple(own[0] for own in inside), tuple(map(len, inside))
    steps = tuple(own.step if len(own) > 1 else 1 for own in inside)
    return call.emit(Slice(starts, sizes, steps), x, result=result)


def split(call: Call) -> tuple[Value, ...]:
    """Equal parts along an axis."""
    axis, count = call.integers(0, "axis"), len(call.results)
    if len(axis) != 1:
        raise call.fault("its axis must be one number")
    return _split(call, 1, axis[0], (-1,) * count)


def split_v(call: Call) -> tuple[Value, ...]:
    """Parts of given sizes along an axis."""
    axis = call.integers(2, "axis")
    if len(axis) != 1:
        raise call.fault("its axis must be one number")
    return _split(call, 0, axis[0], call.integers(1, "sizes"))


def _split(call: Call, index: int, axis: int, sizes: Sequence[int]) -> tuple[Value, ...]:
    """Parts along an axis; where sizes are -1, they share what is left equally."""
    call.keeps_scale(index)
    x, axis = call.along(axis, call.value(index))
    whole, left = x.type.shape[axis], sizes.count(-1)
    rest = whole - sum(n for n in sizes if n != -1)
    sizes = [rest // left if n == -1 else n for n in sizes]
    if len(sizes) != len(call.results) or sum(sizes) != whole or min(sizes) < 1:
        raise call.fault(f"{len(call.results)} parts of {show(sizes)} do not make up the {whole} of axis {axis}")
    parts, first = [], 0
    for i, n in enumerate(sizes):
        ranges = [range(first, first + n) if k == axis else range(size) for k, size in enumerate(x.type.shape)]
        parts.append(call.shaped(part(call, x, [range(1)] * (len(x.shape) - x.type.rank) + ranges, i), i))
        first += n
    return tuple(parts)


def unpack(call: Call) -> tuple[Value, ...]:
    """The parts of one element along an axis, which they lose."""
    return _split(call, 0, call.integer("Axis"), (1,) * len(call.results))


def gather(call: Call) -> Value:
    """Elements, or runs of them, at known places along an axis; or rows of a known table at computed places."""
    if call.optional_array(1) is None and call.optional_array(0) is not None:
        if call.integer("BatchDims") != 0 or call.integer("Axis") != 0:
            raise call.fault("a table is supported where its first axis is looked up, without batch_dims")
        return _looked_up(call, 0, 1)
    call.keeps_scale()
    places = call.array(1, "indices")
    if call.integer("BatchDims") != 0:
        raise call.fault(f"batch_dims = {call.integer('BatchDims')} is not supported; it must be 0")
    x, axis = call.along(call.integer("Axis"), call.value())
    if places.dtype.kind != "i" or places.size == 0 or not 0 <= places.min() <= places.max() < x.type.shape[axis]:
        raise call.fault(f"its indices must be whole numbers from 0 to {x.type.shape[axis] - 1}")
    return call.shaped(_taken(call, x, places.ravel().tolist(), axis))


def cast(call: Call) -> Value:
    """True and false; or numbers to places in a table: what looks them up leaves out what is behind the point."""
    x, given, made = call.value(), call.inputs[0], call.result.type
    assert given is not None
    if "BOOL" in (given.type, made):
        return truth.cast(call)
    if (given.type, made) != ("FLOAT32", "INT32"):
        hint = "it is read from FLOAT32 to INT32, for places in a table, and from and to BOOL; QUANTIZE changes scales"
        raise call.fault(f"it is not read from {given.type} to {made}", hint)
    return x


def embedding_lookup(call: Call) -> Value:
    """Rows of a known table at computed places; those outside of it, on which TensorFlow Lite Micro stops, are near."""
    return _looked_up(call, 1, 0)


def _looked_up(call: Call, table: int, places: int) -> Value:
    """Rows of a table of float32, or of int8, which is held as the float32 that it stands for."""
    call.not_int16()
    if call.value(places).type.dtype is not DType.FLOAT32:
        raise call.fault("its indices are computed as INT32; those that CAST makes of FLOAT32 are supported")
    tensor = call.inputs[table]
    assert tensor is not None
    made = call.result.type
    if tensor.type != made and (call.operator.kind, tensor.type, made) != ("EMBEDDING_LOOKUP", "INT8", "FLOAT32"):
        raise call.fault(f"it makes {made} of a table of {tensor.type}, which TensorFlow Lite Micro does not")
    stored = call.operand(table, "table", tensor.type)
    if tensor.type != made and any(tensor.zero_point):
        raise call.fault(f"its table has the zero point {tensor.zero_point[0]}; it must be 0 where it gives FLOAT32")
    rows = stored.type.real(stored.array).astype(np.float32)
    if rows.ndim < 1:
        raise call.fault("its table has no axes")
    if call.output is not None and call.output.quant != stored.quant:
        raise call.fault("its table and its output have different scales or zero points, though it only moves values")
    embedding = Embedding(Constant(rows.reshape(len(rows), -1)))
    if call.output is None:
        return call.shaped(call.emit(embedding, call.value(places)))
    return call.shaped(call.emit(Quantize(output=call.output), call.emit(embedding, call.value(places), part="rows")))


def gather_nd(call: Call) -> Value:
    """Elements, or runs of them, at known places along the first axes."""
    call.keeps_scale()
    x, places = call.value(), call.array(1, "indices")
    depth = places.shape[-1] if places.ndim else 0
    if places.dtype.kind != "i" or places.size == 0 or not 0 < depth <= len(x.shape):
        raise call.fault(f"its indices {show(places.shape)} are not places in {show(x.shape)}")
    leading, rows = x.shape[:depth], places.reshape(-1, depth)
    if (rows < 0).any() or (rows >= np.array(leading)).any():
        raise call.fault(f"one of its indices is not in {show(x.shape)}")
    flat = np.ravel_multi_index(tuple(rows.T), leading)
    runs = call.reshaped(x, (math.prod(leading), math.prod(x.shape[depth:])), "runs")
    return call.shaped(_taken(call, runs, flat.tolist(), 0))


def mirror_pad(call: Call) -> Value:
    """The value with its own elements, mirrored, round it."""
    call.keeps_scale()
    x, amounts = call.value(), call.array(1, "paddings")
    if amounts.shape != (len(x.shape), 2) or amounts.dtype.kind != "i" or amounts.min() < 0:
        raise call.fault(f"its paddings must be two numbers, 0 or more, for each axis of {show(x.shape)}")
    symmetric = call.integer("Mode")
    for axis, (n, (before, after)) in enumerate(zip(x.shape, amounts.tolist(), strict=True)):
        if max(before, after) > n - 1 + symmetric:
            raise call.fault(f"it pads axis {axis} by {max(before, after)}, more than a mirror of its {n} elements")
        if before or after:
            places = np.pad(np.arange(n), (before, after), "symmetric" if symmetric else "reflect")
            shape = (*x.shape[:axis], len(places), *x.shape[axis + 1 :])
            held, own = call.along(axis, x)
            x = seen_as(_taken(call, held, places.tolist(), own), shape)
    return call.shaped(x)


def reverse(call: Call) -> Value:
    """The elements in reverse order along some axes."""
    call.keeps_scale()
    x = call.value()
    for axis in call.integers(1, "axes"):
        held, own = call.along(axis, x)
        x = seen_as(call.emit(Reverse(own), held), x.shape)
    return call.shaped(x)


def _taken(call: Call, x: Value, places: Sequence[int], axis: int) -> Value:
    if len(places) > MAX_TABLE:
        raise call.fault(f"a table of {len(places):,} places is not supported; the limit is {MAX_TABLE:,}")
    return call.emit(Take(tuple(places), axis), x)
