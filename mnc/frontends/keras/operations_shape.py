"""Operations that rearrange: slices, joins, and other shapes of the same elements."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operands, Result, operation
from mnc.frontends.keras.ways_out import ONE_SAMPLE
from mnc.ir.layers import Concatenate, Permute, Reshape, Reverse, Slice, Take, ZeroPadding2D
from mnc.ir.types import Shape

MAX_INDICES = 2**16
"""Of an axis that is taken index by index."""


@operation("GetItem", "x key")
def get_item(op: Operands) -> Result:
    """x[...] with numbers, slices, an ellipsis and new axes; the batch is taken whole."""
    x, key = op.value(), op.raw("key")
    index = list(key) if isinstance(key, tuple) else [key]
    if any(not isinstance(each, (int, slice, type(...), type(None))) or isinstance(each, bool) for each in index):
        raise op.call.fault("an index must be made of whole numbers, slices, an ellipsis and new axes")
    index = _complete(op, index, len(x.shape) + 1)
    if index[0] != slice(None):
        raise op.call.fault("the index takes a part of the batch", "take the batch whole, x[:, ...]")
    starts, sizes, steps, shape = [], [], [], []
    axes = iter(x.shape)
    for each in index[1:]:
        if each is None:
            shape.append(1)
            continue
        size = next(axes)
        if isinstance(each, int):
            if not -size <= each < size:
                raise op.call.fault(f"the index {each} is not on an axis of {size} elements")
            start, count, step = each % size, 1, 1
        else:
            assert isinstance(each, slice)
            start, stop, step = each.indices(size)
            count = len(range(start, stop, step))
            shape.append(count)
        if count == 0:
            raise op.call.fault("the slice is empty")
        starts.append(start)
        sizes.append(count)
        steps.append(step)
    return _reshaped(op, _sliced(op, x, starts, sizes, steps, "slice"), tuple(shape))


def _complete(op: Operands, index: list[object], rank: int) -> list[object]:
    """The index with a slice for every axis that it leaves out."""
    places = [i for i, each in enumerate(index) if each is ...]
    missing = rank - sum(each is not None and each is not ... for each in index)
    if len(places) > 1 or missing < 0:
        raise op.call.fault(f"the index does not fit a tensor of {rank} axes, the batch among them")
    place = places[0] if places else len(index)
    return [*index[:place], *[slice(None)] * missing, *index[place + 1 :]]


def _sliced(
    op: Operands, x: Value, starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int], part: str
) -> Value:
    if tuple(sizes) == x.shape and all(step == 1 for step in steps):
        return x
    return op.emit(Slice(tuple(starts), tuple(sizes), tuple(steps)), x, part=part)


def along(op: Operands, x: Value, axis: int, start: int, count: int, part: str) -> Value:
    """`count` indices of one axis from `start` on."""
    starts = [start if k == axis else 0 for k in range(len(x.shape))]
    sizes = [count if k == axis else size for k, size in enumerate(x.shape)]
    return _sliced(op, x, starts, sizes, [1] * len(sizes), part)


def _reshaped(op: Operands, x: Value, shape: Shape, part: str = "") -> Value:
    return op.emit(Reshape(shape), x, part=part)


@operation("Slice", "x start_indices shape")
def slice_of(op: Operands) -> Result:
    """A block of a tensor, by its first indices and its shape; -1 is what is left."""
    x = op.value()
    starts, stated = (op.config.integer_list(key, -1) for key in ("start_indices", "shape"))
    if len(starts) != len(x.shape) + 1 or len(stated) != len(starts) or starts[0] != 0:
        raise op.call.fault("the slice does not fit the input, whose batch must be taken whole")
    sizes = [n - start if size == -1 else size for n, start, size in zip(x.shape, starts[1:], stated[1:], strict=True)]
    return op.emit(Slice(tuple(starts[1:]), tuple(sizes), (1,) * len(sizes)), x)


@operation("Reshape", "x newshape")
def reshape(op: Operands) -> Result:
    """Elements under another shape; the batch stays the first axis."""
    x, target = op.value(), op.config.integer_list("newshape", -1)
    count = math.prod(x.shape)
    if not target or target[0] not in (-1, 1):
        raise op.call.fault(f"newshape = {list(target)} must keep the batch: its first axis must be -1")
    own = target[1:]
    if own.count(-1) > 1 or 0 in own:
        raise op.call.fault(f"newshape = {list(target)} cannot be a shape")
    known = math.prod(size for size in own if size != -1)
    shape = tuple(count // known if size == -1 else size for size in own)
    if math.prod(shape) != count:
        raise op.call.fault(f"{count} elements do not fill the shape {list(target)}")
    return _reshaped(op, x, shape)


@operation("ExpandDims", "x axis")
def expand_dims(op: Operands) -> Result:
    """New axes of one element."""
    x = op.value()
    axes = op.new_axes("axis", x)
    own = iter(x.shape)
    return _reshaped(op, x, tuple(1 if k in axes else next(own) for k in range(len(x.shape) + len(axes))))


@operation("Squeeze", "x axis")
def squeeze(op: Operands) -> Result:
    """Without some axes of one element, or without any of them."""
    x, axes = op.value(), None
    axes = op.axes("axis", x)
    if axes is None:
        axes = tuple(k for k, size in enumerate(x.shape) if size == 1)
    if any(x.shape[axis] != 1 for axis in axes):
        raise op.call.fault("an axis to be taken away has more than one element")
    return _reshaped(op, x, tuple(size for k, size in enumerate(x.shape) if k not in axes))


@operation("Transpose", "x axes")
def transpose(op: Operands) -> Result:
    """The axes in another order, of which the batch is the first."""
    x = op.value()
    op.config.ignore("conjugate")  # of TensorFlow; numbers here are real
    axes = op.config.integer_list("axes", 0) if "axes" in op else tuple(reversed(range(len(x.shape) + 1)))
    if sorted(axes) != list(range(len(x.shape) + 1)) or axes[0] != 0:
        raise op.call.fault(f"axes = {list(axes)} must name each axis once, and leave the batch where it is")
    return permuted(op, x, tuple(axis - 1 for axis in axes[1:]))


def permuted(op: Operands, x: Value, axes: tuple[int, ...], part: str = "") -> Value:
    """The axes in another order."""
    if axes == tuple(range(len(axes))):
        return op.nothing(x) if not part else x
    return op.emit(Permute(axes), x, part=part)


@operation("Swapaxes", "x axis1 axis2")
def swapaxes(op: Operands) -> Result:
    """Two axes exchanged."""
    x = op.value()
    one, other = op.axis("axis1", x), op.axis("axis2", x)
    order = list(range(len(x.shape)))
    order[one], order[other] = other, one
    return permuted(op, x, tuple(order))


@operation("Moveaxis", "x source destination")
def moveaxis(op: Operands) -> Result:
    """Axes at other places."""
    x = op.value()
    sources, destinations = (op.each_axis(name, x) for name in ("source", "destination"))
    if len(set(sources)) != len(sources) or len(sources) != len(set(destinations)) or len(sources) != len(destinations):
        raise op.call.fault("source and destination must name equally many axes, each once")
    order = [k for k in range(len(x.shape)) if k not in sources]
    for destination, source in sorted(zip(destinations, sources, strict=True)):
        order.insert(destination, source)
    return permuted(op, x, tuple(order))


@operation("Concatenate", "xs axis", axis=-1)
def concatenate(op: Operands) -> Result:
    """One behind the other."""
    xs = op.values("xs")
    return op.emit(Concatenate(op.axis("axis", xs[0])), *xs)


@operation("Stack", "xs axis", axis=0)
def stack(op: Operands) -> Result:
    """One behind the other along a new axis."""
    xs = op.values("xs")
    axis = op.axis("axis", xs[0], more=1)
    longer = [_reshaped(op, x, (*x.shape[:axis], 1, *x.shape[axis:]), f"operand{i}") for i, x in enumerate(xs)]
    return op.emit(Concatenate(axis), *longer)


@operation("Split", "x indices_or_sections axis", axis=0)
def split(op: Operands) -> Result:
    """Equal parts, or parts between indices."""
    return _split(op, "indices_or_sections", sizes=False)


@operation("SplitSizes", "x sizes axis", axis=0)
def split_sizes(op: Operands) -> Result:
    """Equal parts, or parts of these sizes, one of which may be -1: TensorFlow splits so."""
    return _split(op, "sizes", sizes=True)


def _split(op: Operands, key: str, *, sizes: bool) -> tuple[Value, ...]:
    x = op.value()
    axis = op.axis("axis", x)
    size = x.shape[axis]
    if isinstance(op.raw(key), int):
        sections = op.config.integer(key)
        if size % sections:
            raise op.call.fault(f"{size} elements are not split into {sections} equal parts")
        return parts_of(op, x, axis, [size // sections * i for i in range(sections + 1)])
    stated = op.config.integer_list(key, -1 if sizes else 0)
    if not sizes:
        return parts_of(op, x, axis, [0, *stated, size])
    left = size - sum(each for each in stated if each != -1)
    return parts_of(op, x, axis, [0, *itertools.accumulate(left if each == -1 else each for each in stated)])


def parts_of(op: Operands, x: Value, axis: int, bounds: Sequence[int]) -> tuple[Value, ...]:
    """The tensors between neighbouring bounds along an axis."""
    pairs = list(itertools.pairwise(bounds))
    if any(not 0 <= start < stop <= x.shape[axis] for start, stop in pairs):
        raise op.call.fault(f"the parts between {list(bounds)} do not fit {x.shape[axis]} elements, or are empty")
    return tuple(along(op, x, axis, start, stop - start, f"part{i}") for i, (start, stop) in enumerate(pairs))


@operation("Unstack", "x num axis", axis=0)
def unstack(op: Operands) -> Result:
    """The tensors along an axis, one by one."""
    x = op.value()
    axis = op.axis("axis", x)
    op.config.ignore("num")
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return tuple(_reshaped(op, along(op, x, axis, i, 1, f"slice{i}"), shape, f"part{i}") for i in range(x.shape[axis]))


@operation("Take", "x indices axis")
def take(op: Operands) -> Result:
    """Some indices of an axis, which are constant."""
    x, indices = op.value(), op.numbers("indices")
    op.config.only("batch_dims", 0)
    axis = op.axis("axis", x)
    size = x.shape[axis]
    whole = [int(each) for each in indices.ravel()]
    if any(each != index or not -size <= index < size for each, index in zip(indices.ravel(), whole, strict=True)):
        raise op.call.fault(f"the indices must be whole numbers on an axis of {size} elements")
    taken = _taken(op, x, axis, [index % size for index in whole], "taken")
    return _reshaped(op, taken, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@operation("Flip", "x axis")
def flip(op: Operands) -> Result:
    """Backwards along axes."""
    x, axes = op.value(), None
    axes = op.axes("axis", x)
    if axes is None:
        raise op.call.fault("the batch would be reversed, too", ONE_SAMPLE)
    for i, axis in enumerate(axes):
        x = op.emit(Reverse(axis), x, part="" if i == len(axes) - 1 else f"axis{axis}")
    return x


@operation("Roll", "x shift axis")
def roll(op: Operands) -> Result:
    """Turned round along axes."""
    x = op.value()
    axes, shifts = op.each_axis("axis", x), op.config.integer_list("shift", -(2**31))
    if len(axes) != len(shifts):
        raise op.call.fault(f"{len(shifts)} shifts do not fit {len(axes)} axes")
    for axis, shift in zip(axes, shifts, strict=True):
        size = x.shape[axis]
        x = _taken(op, x, axis, [(i - shift) % size for i in range(_countable(op, size))], f"axis{axis}")
    return op.nothing(x)


def _taken(op: Operands, x: Value, axis: int, indices: Sequence[int], part: str = "") -> Value:
    return op.emit(Take(tuple(indices), axis), x, part=part)


def _countable(op: Operands, count: int) -> int:
    """A number of indices that is no attack on memory."""
    if count > MAX_INDICES:
        raise op.call.fault(f"{count} indices along one axis are too many; the limit is {MAX_INDICES}")
    return count


@operation("Repeat", "x repeats axis")
def repeat(op: Operands) -> Result:
    """Every index of an axis several times."""
    x, repeats = op.value(), op.config.integer_list("repeats", 0)
    axis = op.axis("axis", x)
    size = x.shape[axis]
    counts = repeats * size if len(repeats) == 1 else repeats
    if len(counts) != size or not sum(counts):
        raise op.call.fault(f"{len(repeats)} numbers of repetitions do not fit an axis of {size} elements")
    _countable(op, sum(counts))
    return _taken(op, x, axis, [i for i, count in enumerate(counts) for _ in range(count)])


@operation("Tile", "x repeats")
def tile(op: Operands) -> Result:
    """The whole tensor several times along each axis."""
    x, repeats = op.value(), op.config.integer_list("repeats", 1)
    repeats = (*(1,) * (len(x.shape) + 1 - len(repeats)), *repeats)
    if len(repeats) != len(x.shape) + 1 or repeats[0] != 1:
        raise op.call.fault(f"repeats = {list(repeats)} must leave the batch as it is")
    for axis, count in enumerate(repeats[1:]):
        if count > 1:
            _countable(op, x.shape[axis] * count)
            x = _taken(op, x, axis, [*range(x.shape[axis])] * count, f"axis{axis}")
    return op.nothing(x)


@operation("Pad", "x pad_width mode constant_values", mode="constant")
def pad(op: Operands) -> Result:
    """Constants, or what is mirrored, round a tensor."""
    x, widths = op.value(), op.numbers("pad_width").astype(int)
    rank = len(x.shape) + 1
    if widths.ndim and widths.shape[-1] == 2 and widths.size in (2, 2 * rank):
        widths = np.broadcast_to(widths.reshape(-1, 2), (rank, 2))
    else:
        widths = np.repeat(np.broadcast_to(widths.ravel(), (rank,))[:, np.newaxis], 2, axis=1)
    if widths[0].any() or (widths < 0).any():
        raise op.call.fault("the batch would be padded, too, or by less than nothing")
    modes = ("constant", "reflect", "symmetric", "edge", "wrap")
    mode = op.config.choice("mode", *modes, *(each.upper() for each in modes)).lower()  # TensorFlow's are upper case
    value = op.config.number("constant_values", 0.0)
    for axis, (before, after) in enumerate(widths[1:].tolist()):
        if before or after:
            x = _padded(op, x, axis, before, after, mode, value)
    return op.nothing(x)


def _padded(op: Operands, x: Value, axis: int, before: int, after: int, mode: str, value: float) -> Value:
    size = x.shape[axis]
    if mode != "constant":
        if mode not in ("edge", "wrap") and max(before, after) > size - (mode == "reflect"):
            raise op.call.fault(f"an axis of {size} elements is not mirrored as far as that")
        _countable(op, size + before + after)
        indices = np.pad(np.arange(size), (before, after), mode)  # type: ignore[call-overload]
        return _taken(op, x, axis, [int(index) for index in indices], f"axis{axis}")
    shape = (*x.shape[:axis], size + before + after, *x.shape[axis + 1 :])
    image = _reshaped(op, x, (math.prod(x.shape[:axis]), size, math.prod(x.shape[axis + 1 :])), f"image{axis}")
    if value:  # what lies outside is 0 once the value is taken away
        image = op.affine(image, 1.0, -value, part=f"without{axis}")
    padded = op.emit(ZeroPadding2D(((0, 0), (before, after))), image, part=f"padded{axis}")
    if value:
        padded = op.affine(padded, 1.0, value, part=f"with{axis}")
    return _reshaped(op, padded, shape, f"axis{axis}")


@operation("DepthToSpace", "x block_size data_format", data_format="channels_last")
def depth_to_space(op: Operands) -> Result:
    """Blocks of pixels out of channels."""
    x, block = op.value(), op.config.integer("block_size")
    op.config.only("data_format", "channels_last", "NHWC")
    height, width, channels = _image(op, x)
    if channels % block**2:
        raise op.call.fault(f"{channels} channels are not blocks of {block}x{block} pixels")
    inner = _reshaped(op, x, (height, width, block, block, channels // block**2), "blocks")
    inner = op.emit(Permute((0, 2, 1, 3, 4)), inner, part="rows")
    return _reshaped(op, inner, (height * block, width * block, channels // block**2))


@operation("SpaceToDepth", "x block_size data_format", data_format="channels_last")
def space_to_depth(op: Operands) -> Result:
    """Blocks of pixels as channels."""
    x, block = op.value(), op.config.integer("block_size")
    op.config.only("data_format", "channels_last", "NHWC")
    height, width, channels = _image(op, x)
    if height % block or width % block:
        raise op.call.fault(f"{height}x{width} pixels are not blocks of {block}x{block}")
    inner = _reshaped(op, x, (height // block, block, width // block, block, channels), "blocks")
    inner = op.emit(Permute((0, 2, 1, 3, 4)), inner, part="rows")
    return _reshaped(op, inner, (height // block, width // block, channels * block**2))


def _image(op: Operands, x: Value) -> tuple[int, int, int]:
    if len(x.shape) != 3:
        raise op.call.fault(f"the operation needs an image (height, width, channels), not {len(x.shape)} axes")
    height, width, channels = x.shape
    return height, width, channels
