"""Networks of one TFLite operator that only moves values, drawn by hypothesis, in float32, int8 and int16."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from tflite_drawing import VALID, Case, Maker, case, fused, image, moved
from tflite_files import File, Operator, Tensor


@case
def reshape(c: Case) -> File:
    shape = image(c)
    x = c.input(shape)
    _, height, width, depth = shape
    new = c.choice((1, height * width * depth), (1, height * width, depth), (1, depth, height, width))
    return moved(c, "RESHAPE", x, (c.integers(*new),), new)


@case
def squeeze(c: Case) -> File:
    x = c.input((1, 1, 1, c.integer(1, 9)))
    return moved(c, "SQUEEZE", x, (), (1, c.tensors[x].shape[3]), SqueezeDims=[1, 2])


@case
def expand_dims(c: Case) -> File:
    shape = (1, c.integer(1, 5), c.integer(1, 5))
    x = c.input(shape)
    axis = c.integer(1, 3)
    return moved(c, "EXPAND_DIMS", x, (c.integers(axis),), (*shape[:axis], 1, *shape[axis:]))


def padded(kind: str) -> Maker:
    def make(c: Case) -> File:
        shape = image(c)[: c.integer(2, 4)]
        x = c.input(shape)
        amounts = np.array([(0, 0), *(c.pair(0, 2) for _ in shape[1:])], np.int32)
        inputs = [c.constant(amounts)]
        if kind == "PADV2" and c.quantised:
            zero, scale = c.tensors[x].zero_point, c.tensors[x].scale
            inputs.append(c.add(Tensor.of(np.array(zero, c.stored.lower()), scale, zero)))
        elif kind == "PADV2":
            inputs.append(c.constant(np.array([0], np.float32)))
        return moved(c, kind, x, inputs, [n + int(a.sum()) for n, a in zip(shape, amounts, strict=True)])

    make.__name__ = kind.lower()
    return make


case(padded("PAD"))
case(padded("PADV2"))


@case
def concatenation(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 4)])
    axis = c.integer(1, len(shape) - 1)
    x = c.input(shape)
    inputs, total = [x], shape[axis]
    for _ in range(c.integer(1, 3)):
        other = [*shape[:axis], c.integer(1, 4), *shape[axis + 1 :]]
        inputs.append(c.like(x, other))
        total += other[axis]
    c.given[1:] = inputs[1:]
    y = c.like(x, [*shape[:axis], total, *shape[axis + 1 :]])
    return c.file("CONCATENATION", inputs, y, Axis=c.choice(axis, axis - len(shape)), FusedActivationFunction=0)


@case
def dynamic_update_slice(c: Case) -> File:
    shape = image(c)[: c.integer(2, 4)]
    part = [1, *(c.choice(n, c.integer(1, n)) for n in shape[1:])]
    start = [c.integer(-1, n) for n in shape]
    x = c.input(shape)
    update = c.like(x, part)
    c.given.append(update)
    return moved(c, "DYNAMIC_UPDATE_SLICE", x, (update, c.integers(*start)), shape)


@case
def transpose(c: Case) -> File:
    shape = image(c)
    order = [0, *c.draw(st.permutations([1, 2, 3]))]
    x = c.input(shape)
    return moved(c, "TRANSPOSE", x, (c.integers(*order),), [shape[i] for i in order])


@case
def slice(c: Case) -> File:  # noqa: A001 - the operator's name
    shape = image(c)[: c.integer(2, 4)]
    begin = [0, *(c.integer(0, n - 1) for n in shape[1:])]
    size = [1, *(c.integer(1, n - first) for n, first in zip(shape[1:], begin[1:], strict=True))]
    stated = [-1 if first + n == whole else n for first, n, whole in zip(begin, size, shape, strict=True)]
    x = c.input(shape)
    return moved(c, "SLICE", x, (c.integers(*begin), c.integers(*c.choice(size, stated))), size)


@case
def strided_slice(c: Case) -> File:
    shape = image(c)
    begin = [0, *(c.integer(-n, n - 1) for n in shape[1:])]
    end = [1, *(c.integer(first % n + 1, n) for n, first in zip(shape[1:], begin[1:], strict=True))]
    step = [1, *c.pair(1, 3), 1]
    masks = [c.integer(0, 15), c.integer(0, 15), c.choice(0, 0, 2, 4, 8)]
    shrunk = [i for i in range(4) if masks[2] >> i & 1]
    result = []
    for i, n in enumerate(shape):
        first = 0 if masks[0] >> i & 1 else begin[i]
        last = n if masks[1] >> i & 1 else end[i]
        if i in shrunk:
            begin[i], step[i] = begin[i] % n, 1
            end[i] = begin[i] + 1
        else:
            result.append(len(range(n)[first : last : step[i]]))
    masks[0] &= ~masks[2]
    masks[1] &= ~masks[2]
    x = c.input(shape)
    inputs = (c.integers(*begin), c.integers(*end), c.integers(*step))
    return moved(c, "STRIDED_SLICE", x, inputs, result, BeginMask=masks[0], EndMask=masks[1], ShrinkAxisMask=masks[2])


def parts(c: Case, sizes: list[int], axis: int, shape: list[int], x: int) -> list[int]:
    return [c.like(x, [*shape[:axis], n, *shape[axis + 1 :]]) for n in sizes]


def axis_of(c: Case, shape: list[int]) -> tuple[int, int]:
    """An axis, and how the file names it."""
    axis = c.integer(0, len(shape) - 1)
    return axis, c.choice(axis, axis - len(shape))


@case
def split(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 4)])
    axis, named = axis_of(c, shape)
    count = c.integer(1, 3)
    size = shape[axis]
    shape[axis] *= count if axis > 0 else 1
    count, size = (1, 1) if axis == 0 else (count, size)
    x = c.input(shape)
    return c.file("SPLIT", (c.integers(named), x), parts(c, [size] * count, axis, shape, x), NumSplits=count)


@case
def split_v(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 4)])
    axis, named = c.integer(1, len(shape) - 1), 0
    named = c.choice(axis, axis - len(shape))
    sizes = [c.integer(1, 3) for _ in range(c.integer(1, 3))]
    shape[axis] = sum(sizes)
    x = c.input(shape)
    stated = c.choice(sizes, [*sizes[:-1], -1])
    inputs = (x, c.integers(*stated), c.integers(named))
    return c.file("SPLIT_V", inputs, parts(c, sizes, axis, shape, x), NumSplits=len(sizes))


@case
def unpack(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 4)])
    axis, named = axis_of(c, shape)
    x = c.input(shape)
    results = [c.like(x, [n for i, n in enumerate(shape) if i != axis]) for _ in range(shape[axis])]
    return c.file("UNPACK", (x,), results, Axis=named, Num=shape[axis])


@case
def pack(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 3)])
    x = c.input(shape)
    inputs = [x, *(c.like(x, shape) for _ in range(c.integer(0, 2)))]
    c.given[1:] = inputs[1:]
    axis = c.integer(0, len(shape))
    named = c.choice(axis, axis - len(shape) - 1)
    y = c.like(x, [*shape[:axis], len(inputs), *shape[axis:]])
    return c.file("PACK", inputs, y, Axis=named, ValuesCount=len(inputs))


@case
def gather(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 4)])
    axis, named = axis_of(c, shape)
    places = c.rng.integers(0, shape[axis], c.choice((), (c.integer(1, 6),), (2, c.integer(1, 3)))).astype(np.int32)
    x = c.input(shape)
    y = c.like(x, [*shape[:axis], *places.shape, *shape[axis + 1 :]])
    return c.file("GATHER", (x, c.constant(places)), y, Axis=named)


@case
def gather_nd(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 4)])
    depth = c.integer(1, len(shape))
    rows = c.choice((c.integer(1, 5),), (2, c.integer(1, 3)))
    places = np.stack([c.rng.integers(0, n, rows) for n in shape[:depth]], -1).astype(np.int32)
    x = c.input(shape)
    return c.file("GATHER_ND", (x, c.constant(places)), c.like(x, [*rows, *shape[depth:]]))


@case
def mirror_pad(c: Case) -> File:
    shape = [1, *(c.integer(2, 6) for _ in range(c.integer(1, 3)))]
    symmetric = c.choice(0, 1)
    amounts = np.array([(0, 0), *(c.pair(0, min(2, n - 1 + symmetric)) for n in shape[1:])], np.int32)
    x = c.input(shape)
    result = [n + int(a.sum()) for n, a in zip(shape, amounts, strict=True)]
    return moved(c, "MIRROR_PAD", x, (c.constant(amounts),), result, Mode=symmetric)


@case
def reverse_v2(c: Case) -> File:
    shape = image(c)[: c.integer(2, 4)]
    first = c.integer(0, len(shape) - 1)
    axes = range(first, c.integer(first, len(shape) - 1) + 1)  # TFLM takes neighbours only
    x = c.input(shape)
    return moved(c, "REVERSE_V2", x, (c.integers(*axes),), shape)


@case
def tile(c: Case) -> File:
    shape = image(c)[: c.integer(2, 4)]
    times = [c.integer(1, 3) for _ in shape]
    x = c.input(shape)
    return moved(c, "TILE", x, (c.integers(*times),), [n * t for n, t in zip(shape, times, strict=True)])


@case
def broadcast_to(c: Case) -> File:
    shape = list(image(c)[: c.integer(2, 4)])
    own = [1, *(n if c.choice(True, False) else 1 for n in shape[1:])]
    x = c.input(own)
    return moved(c, "BROADCAST_TO", x, (c.integers(*shape),), shape)


def blocks(kind: str) -> Maker:
    def make(c: Case) -> File:
        _, height, width, depth = image(c)
        block = c.integer(1, 3)
        few, many = (1, height, width, depth * block**2), (1, height * block, width * block, depth)
        given, result = (many, few) if kind == "SPACE_TO_DEPTH" else (few, many)
        return moved(c, kind, c.input(given), (), result, BlockSize=block)

    make.__name__ = kind.lower()
    return make


case(blocks("DEPTH_TO_SPACE"))
case(blocks("SPACE_TO_DEPTH"))


def grid(c: Case) -> tuple[list[int], list[int], list[list[int]]]:
    """An image or a sequence that is whole blocks, the blocks, and how much of it lies at each side."""
    _, height, width, depth = image(c)
    block = [c.integer(1, 3) for _ in range(c.integer(1, 2))]
    space = [n * size for n, size in zip((height, width), block, strict=False)]
    sides = [[c.integer(0, min(2, (n - 1) // 2)), c.integer(0, min(2, (n - 1) // 2))] for n in space]
    return [1, *space, depth], block, sides


@case
def space_to_batch_nd(c: Case) -> File:
    """Without padding, for which TFLM takes memory that it has not set."""
    whole, block, _ = grid(c)
    x = c.input(whole)
    batched = [math.prod(block), *(n // size for n, size in zip(whole[1:-1], block, strict=True)), whole[-1]]
    inputs = (c.integers(*block), c.constant(np.zeros((len(block), 2), np.int32)))
    return moved(c, "SPACE_TO_BATCH_ND", x, inputs, batched)


@case
def batch_to_space_nd(c: Case) -> File:
    """Behind a SPACE_TO_BATCH_ND, as the network's own input has a batch of one."""
    whole, block, sides = grid(c)
    x = c.input(whole)
    sizes, none = c.integers(*block), c.constant(np.zeros((len(block), 2), np.int32))
    batched = c.like(x, [math.prod(block), *(n // size for n, size in zip(whole[1:-1], block, strict=True)), whole[-1]])
    y = c.like(x, [1, *(n - sum(side) for n, side in zip(whole[1:-1], sides, strict=True)), whole[-1]])
    crops = c.constant(np.array(sides, np.int32))
    first = Operator("SPACE_TO_BATCH_ND", [x, sizes, none], [batched])
    return File(c.tensors, [first, Operator("BATCH_TO_SPACE_ND", [batched, sizes, crops], [y])], c.given, [y])


@case
def dilated_convolution(c: Case) -> File:
    """As converters write one, without padding, for which TFLM takes memory that it has not set."""
    rows, columns, depth = c.integer(3, 6), c.integer(3, 6), c.integer(1, 3)
    block, kernel, filters = c.pair(1, 3), c.pair(1, 3), c.integer(1, 4)
    x = c.input([1, rows * block[0], columns * block[1], depth])
    space = [rows, columns]
    batch = math.prod(block)
    images = c.like(x, [batch, *space, depth])
    weights = c.weights((filters, *kernel, depth), 0)
    bias = c.bias(x, weights, filters)
    space = [n - k + 1 for n, k in zip(space, kernel, strict=True)]
    sums = c.value([batch, *space, filters], c.sum_scale(x, weights, depth * math.prod(kernel)))
    y = c.like(sums, [1, space[0] * block[0], space[1] * block[1], filters])
    sizes, none = c.integers(*block), c.constant(np.zeros((2, 2), np.int32))
    options = {"Padding": VALID, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    operators = [
        Operator("SPACE_TO_BATCH_ND", [x, sizes, none], [images]),
        Operator("CONV_2D", [images, weights, bias], [sums], {**options, **fused(c)}),
        Operator("BATCH_TO_SPACE_ND", [sums, sizes, none], [y]),
    ]
    return File(c.tensors, operators, c.given, [y])


@case
def fill(c: Case) -> File:
    """The largest of some numbers as all elements."""
    x, shape = c.input((1, c.integer(1, 6))), image(c)[: c.integer(1, 4)]
    largest = c.like(x, ())
    operators = [
        Operator("REDUCE_MAX", [x, c.integers(0, 1)], [largest], {"KeepDims": False}),
        Operator("FILL", [c.integers(*shape), largest], [y := c.like(x, shape)]),
    ]
    return File(c.tensors, operators, c.given, [y])


NOT_IN_TFLM = {"gelu", "pow", "tile"}
"""The operators that TensorFlow Lite Micro does not have."""
NOT_MOVED_IN_INT16 = {
    "batch_to_space_nd", "depth_to_space", "fill", "gather", "gather_nd", "mirror_pad", "space_to_batch_nd",
    "space_to_depth", "dilated_convolution",
}  # fmt: skip
"""The operators that TensorFlow Lite Micro moves no int16 values by."""
