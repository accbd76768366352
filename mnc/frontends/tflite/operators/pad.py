"""Padding and cropping along any axis, by layers that do it for the rows and columns of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.slicing import strided
from mnc.frontends.tflite.tensors import Value
from mnc.ir.layer import Layer
from mnc.ir.layers import Cropping2D, MaxPooling2D, Padding, Pair, Permute, ZeroPadding2D
from mnc.ir.types import show

UNTOUCHED: Pair = (0, 0)


def pad(call: Call) -> Value:
    """Zeros round the value: in int8 the zero point."""
    return _padded(call)


def padv2(call: Call) -> Value:
    """PAD with a value of its own, which must stand for 0."""
    quant = call.value().type.quant
    zero = 0 if quant is None else quant.zero_point
    value = call.array(2, "padding value")
    if value.size != 1 or value.item() != zero:
        shown = f"{value.item():g}" if value.size == 1 else f"of shape {show(value.shape)}"
        raise call.fault(f"its padding value {shown} is not supported; it must be {zero}, which stands for 0")
    return _padded(call)


def _padded(call: Call) -> Value:
    call.keeps_scale()
    x = call.value()
    amounts = call.array(1, "paddings")
    if amounts.shape != (len(x.shape), 2) or amounts.dtype.kind != "i" or amounts.min() < 0:
        raise call.fault(f"its paddings must be two numbers, 0 or more, for each axis of {show(x.shape)}")
    pairs = [(int(before), int(after)) for before, after in amounts]
    if any(any(pair) for pair in pairs[: x.dropped]):
        raise call.fault("it pads the batch axis")
    return _along(call, x, pairs[x.dropped :], lambda padding: ZeroPadding2D(padding))


def slice_(call: Call) -> Value:
    """A part of each axis, from `begin`, of `size` (-1: all that follow)."""
    x = call.value()
    begin, size = call.integers(1, "begin"), call.integers(2, "size")
    if len(begin) != len(x.shape) or len(size) != len(x.shape):
        raise call.fault(f"its begin and size must have one number for each axis of {show(x.shape)}")
    parts = [
        slice(first, n if count == -1 else first + count) for first, count, n in zip(begin, size, x.shape, strict=True)
    ]
    if not all(0 <= part.start < part.stop <= n for part, n in zip(parts, x.shape, strict=True)):
        raise call.fault(f"its part from {show(begin)} of size {show(size)} is not inside {show(x.shape)}")
    return _part(call, x, parts)


def strided_slice(call: Call) -> Value:
    """A part of each axis, every n-th element; axes may be dropped."""
    x = call.value()
    begin, end, stride = (call.array(i, what) for i, what in ((1, "begin"), (2, "end"), (3, "strides")))
    try:
        places = strided(x.shape, begin, end, stride, call.integer)
    except ValueError as fault:
        raise call.fault(str(fault)) from None
    parts = [
        slice(place % n, place % n + 1, 1) if isinstance(place, int) else place
        for place, n in zip(places, x.shape, strict=True)
    ]
    return _part(call, x, parts)


def _part(call: Call, x: Value, parts: Sequence[slice]) -> Value:
    call.keeps_scale()
    ranges = [range(n)[part] for part, n in zip(parts, x.shape, strict=True)]
    if not all(ranges):
        raise call.fault(f"nothing of {show(x.shape)} is left")
    if any(part.step < 0 for part in ranges):
        raise call.fault("negative strides are not supported")
    cut = [(part[0], n - 1 - part[-1]) for part, n in zip(ranges, x.shape, strict=True)]
    inside, steps = cut[x.dropped :], [part.step if len(part) > 1 else 1 for part in ranges[x.dropped :]]
    x = _along(call, x, inside, lambda padding: Cropping2D(padding), "part")
    if any(step > 1 for step in steps):
        if x.type.rank != 3 or steps[2] > 1:
            raise call.fault(f"strides {show(steps)} are supported along rows and columns of images only")
        x = call.emit(MaxPooling2D((1, 1), (steps[0], steps[1])), x, part="steps")  # windows of one element
    return call.shaped(x)


def _along(call: Call, x: Value, pairs: Sequence[Pair], make: Callable[[Padding], Layer], part: str = "") -> Value:
    """A layer for rows and columns at work on up to three axes."""
    if not any(any(pair) for pair in pairs):
        return x
    shape = x.type.shape
    rank = len(shape)
    if rank > 3:
        raise call.fault(f"it is supported on up to three axes besides the batch, not on {show(x.shape)}")
    pairs = [*pairs, UNTOUCHED, UNTOUCHED][:3]
    x = call.reshaped(x, (*shape, 1, 1)[:3], "image")
    if any(pairs[0]) or any(pairs[1]):
        x = call.emit(make((pairs[0], pairs[1])), x, part=part)
    if any(pairs[2]):
        x = call.emit(Permute((2, 0, 1)), x, part="turned")
        x = call.emit(make((pairs[2], UNTOUCHED)), x, part=part)
        x = call.emit(Permute((1, 2, 0)), x, part=part)
    return call.reshaped(x, x.type.shape[:rank])
