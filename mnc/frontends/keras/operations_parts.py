"""Operations that take tensors apart and put them together by named axes: stacks, triangles, differences, turns."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.layers_resize import resized
from mnc.frontends.keras.operations import Converter, Operands, Result, operation
from mnc.frontends.keras.operations_arithmetic import combined, constant, without_batch
from mnc.frontends.keras.operations_images import image_of
from mnc.frontends.keras.operations_shape import along, parts_of, permuted
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    Broadcast,
    Concatenate,
    Multiply,
    ReduceSum,
    Reshape,
    Reverse,
    Subtract,
    Take,
    Where,
    ZeroPadding2D,
)

MOST_DIAGONAL = 2**10
"""Elements of a diagonal, which is taken index by index."""


def _stacked(axis: int) -> Converter:
    def convert(op: Operands) -> Result:
        """One behind the other along the second or the third axis, the batch counted; a new one where it lacks."""
        xs = op.values("xs")
        if len(xs[0].shape) < axis:
            xs = tuple(op.emit(Reshape((*x.shape, 1)), x, part=f"operand{i}") for i, x in enumerate(xs))
        return op.emit(Concatenate(axis - 1), *xs)

    return convert


operation("Hstack", "xs")(_stacked(1))
operation("Dstack", "xs")(_stacked(2))


@operation("Append", "x1 x2 axis")
def append(op: Operands) -> Result:
    """One behind the other along an axis."""
    first, second = op.value("x1"), op.value("x2")
    if "axis" not in op:
        raise op.call.fault("without axis the operation goes over the batch, too", "name the axis")
    return op.emit(Concatenate(op.axis("axis", first)), first, second)


@operation("ArraySplit", "x indices_or_sections axis", axis=0)
def array_split(op: Operands) -> Result:
    """Parts between indices, or so many that differ by one element at most, the longer ones first."""
    x = op.value()
    return _split(op, x, op.axis("axis", x), even=False)


def _split_along(axis: int) -> Converter:
    def convert(op: Operands) -> Result:
        """Parts along the second or the third axis, the batch counted."""
        x = op.value()
        if len(x.shape) < axis:
            raise op.call.fault(f"the input has no axis {axis}")
        return _split(op, x, axis - 1, even=True)

    return convert


operation("Hsplit", "x indices_or_sections")(_split_along(1))
operation("Dsplit", "x indices_or_sections")(_split_along(2))


def _split(op: Operands, x: Value, axis: int, *, even: bool) -> tuple[Value, ...]:
    size = x.shape[axis]
    if not isinstance(op.raw("indices_or_sections"), int):
        return parts_of(op, x, axis, [0, *op.config.integer_list("indices_or_sections", 0), size])
    count = op.config.integer("indices_or_sections")
    if count > size or (even and size % count):
        raise op.call.fault(f"{size} elements are not split into {count} parts")
    return parts_of(op, x, axis, [k * (size // count) + min(k, size % count) for k in range(count + 1)])


@operation("BroadcastTo", "x shape")
def broadcast_to(op: Operands) -> Result:
    """Axes of one element repeated; the batch stays what it is."""
    x, shape = op.value(), op.config.integer_list("shape", -1)
    if len(shape) != len(x.shape) + 1 or shape[0] not in (1, -1):
        raise op.call.fault(f"shape = {list(shape)} must have the axes of the input, and a batch of 1")
    wanted = tuple(own if size == -1 else size for own, size in zip(x.shape, shape[1:], strict=True))
    return op.emit(Broadcast(wanted), x)


@operation("Fliplr")
def fliplr(op: Operands) -> Result:
    """Backwards along the first axis behind the batch."""
    return op.emit(Reverse(0), op.value())


@operation("Rot90", "x k axes", k=1, axes=(0, 1))
def rot90(op: Operands) -> Result:
    """Turned by quarters from the first of two axes to the second."""
    x, quarters = op.value(), op.config.integer("k", least=-8) % 4
    axes = op.each_axis("axes", x)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise op.call.fault("axes must be two different ones")
    first, second = axes
    order = tuple(second if k == first else first if k == second else k for k in range(len(x.shape)))
    if quarters == 2:
        return op.emit(Reverse(second), op.emit(Reverse(first), x, part="first"))
    if quarters == 1:
        return permuted(op, op.emit(Reverse(second), x, part="reversed"), order)
    return op.emit(Reverse(second), permuted(op, x, order, "turned")) if quarters else op.nothing(x)


@operation("Diff", "a n axis", n=1, axis=-1)
def diff(op: Operands) -> Result:
    """Each element less the one before, n times."""
    x, times = op.value("a"), op.config.integer("n", least=0)
    axis = op.axis("axis", x)
    if times >= x.shape[axis] or times > 16:
        raise op.call.fault(f"{x.shape[axis]} elements do not have differences {times} times, or too often")
    for i in range(times):
        size = x.shape[axis] - 1
        later, earlier = (along(op, x, axis, k, size, f"from{k}_{i}") for k in (1, 0))
        x = op.emit(Subtract(), later, earlier, part=f"times{i + 1}")
    return op.nothing(x)


def _triangle(upper: bool) -> Converter:
    def convert(op: Operands) -> Result:
        """0 on one side of a diagonal of the last two axes."""
        x, k = op.value(), op.config.integer("k", 0, -(2**16))
        rows, columns = _matrix(op, x)
        ones = np.ones((rows, columns))
        return op.emit(Multiply(operand=constant(np.triu(ones, k) if upper else np.tril(ones, k))), x)

    return convert


operation("Triu", "x k")(_triangle(True))
operation("Tril", "x k")(_triangle(False))


@operation("BandPart", "x num_lower num_upper")
def band_part(op: Operands) -> Result:
    """0 outside of some diagonals below and above the main one; -1 is all of them."""
    x = op.value()
    rows, columns = _matrix(op, x)
    lower, upper = (op.config.integer(key, least=-1) for key in ("num_lower", "num_upper"))
    band = np.ones((rows, columns))
    band = np.triu(band, -lower) if lower >= 0 else band
    return op.emit(Multiply(operand=constant(np.tril(band, upper) if upper >= 0 else band)), x)


def _matrix(op: Operands, x: Value) -> tuple[int, int]:
    if len(x.shape) < 2:
        raise op.call.fault("the operation needs matrices behind the batch")
    return x.shape[-2], x.shape[-1]


@operation("Diagonal", "x offset axis1 axis2", offset=0, axis1=0, axis2=1)
def diagonal(op: Operands) -> Result:
    """The elements on a diagonal of two axes, as the last axis."""
    return _diagonal(op, "")


@operation("Trace", "x offset axis1 axis2", offset=0, axis1=0, axis2=1)
def trace(op: Operands) -> Result:
    """The sum of a diagonal."""
    x = _diagonal(op, "diagonal")
    return op.emit(ReduceSum((len(x.shape) - 1,)), x)


def _diagonal(op: Operands, part: str) -> Value:
    x, offset = op.value(), op.config.integer("offset", 0, -(2**16))
    one, other = op.axis("axis1", x), op.axis("axis2", x)
    if one == other:
        raise op.call.fault("axis1 and axis2 must be two different axes")
    rest = tuple(k for k in range(len(x.shape)) if k not in (one, other))
    x = permuted(op, x, (*rest, one, other), "turned")
    rows, columns = x.shape[-2:]
    places = np.arange(rows * columns).reshape(rows, columns).diagonal(offset)
    if not 0 < len(places) <= MOST_DIAGONAL:
        raise op.call.fault(
            f"the diagonal has {len(places)} elements; at least 1 and at most {MOST_DIAGONAL} are taken"
        )
    flat = op.emit(Reshape((*x.shape[:-2], rows * columns)), x, part="flat")
    return op.emit(Take(tuple(map(int, places)), len(flat.shape) - 1), flat, part=part)


@operation("Select", "condlist choicelist default", default=0)
def select(op: Operands) -> Result:
    """Of several tensors that of the first condition that is not 0, else a number."""
    conditions, choices = op.values("condlist"), op.values("choicelist")
    if len(conditions) != len(choices):
        raise op.call.fault("there must be as many conditions as choices")
    default = without_batch(op, op.numbers("default"), len(choices[0].shape))
    last = len(choices) - 1
    result = op.emit(Where(operand=constant(default)), conditions[last], choices[last], part=f"choice{last}")
    for k in range(last - 1, -1, -1):
        result = op.emit(Where(), conditions[k], choices[k], result, part=f"choice{k}")
    return op.nothing(result)


@operation("FullLike", "x fill_value dtype")
def full_like(op: Operands) -> Result:
    """One number in the place of each element."""
    zeros = op.emit(Multiply(operand=constant(np.zeros(()))), op.value(), part="zeros")
    return combined(op, Add, zeros, without_batch(op, op.numbers("fill_value"), len(zeros.shape)))


@operation("Crelu", "x axis", axis=-1)
def crelu(op: Operands) -> Result:
    """The tensor where it is above 0, else 0, and behind it the same of its negative."""
    x = op.value("x")
    below = op.emit(Activation(fn.Relu()), op.affine(x, -1.0, part="negative"), part="below")
    return op.emit(Concatenate(op.axis("axis", x)), op.emit(Activation(fn.Relu()), x, part="above"), below)


@operation("ResizeWithPad", "images target_height target_width method", method="bilinear", antialias=False)
def resize_with_pad(op: Operands) -> Result:
    """The image as large as fits into a size, with zeros round it."""
    x = image_of(op)
    target = op.config.integer("target_height"), op.config.integer("target_width")
    ratio = max(x.shape[0] / target[0], x.shape[1] / target[1])
    inner = math.floor(x.shape[0] / ratio), math.floor(x.shape[1] / ratio)
    if min(inner) < 1:
        raise op.call.fault(f"an image of {x.shape[0]}x{x.shape[1]} pixels leaves nothing in {target[0]}x{target[1]}")
    method = op.config.choice("method", "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    antialias = op.config.boolean("antialias")
    image = resized(op.part("image"), x, inner, method, antialias, op.config.keras)
    before = tuple(math.floor((whole - own) / 2) for whole, own in zip(target, inner, strict=True))
    vertical, horizontal = ((before[i], target[i] - inner[i] - before[i]) for i in (0, 1))
    return op.emit(ZeroPadding2D((vertical, horizontal)), image)
