"""Patches of images, as transformers and involutions read them."""

from __future__ import annotations

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operands, Result, operation
from mnc.ir.layers import Concatenate, Identity, Pair, Permute, Reshape, Slice, ZeroPadding2D

MOST = 64
"""Pixels of a patch that overlaps others: for each there is a copy of the image in code."""


@operation("ExtractPatchesOfSizes", "images sizes strides rates padding")
def extract_patches_of_sizes(op: Operands) -> Result:
    """Patches as TensorFlow states them, with 1 for the batch and for the channels."""
    stated = [op.config.integers(key, 4) for key in ("sizes", "strides", "rates")]
    if any(each[0] != 1 or each[3] != 1 for each in stated):
        raise op.call.fault("patches go along the batch or the channels")
    size, strides, dilation = ((height, width) for _, height, width, _ in stated)
    return _extracted(op, size, strides, dilation, op.config.choice("padding", "VALID", "SAME").lower())


@operation(
    "ExtractPatches",
    "images size strides dilation_rate padding data_format",
    dilation_rate=1,
    padding="valid",
    data_format="channels_last",
)
def extract_patches(op: Operands) -> Result:
    """The pixels of each patch behind one another, in place of channels."""
    op.config.choice("data_format", "channels_last")
    size = _pair(op, "size")
    strides = size if op.raw("strides") is None else _pair(op, "strides")
    return _extracted(op, size, strides, _pair(op, "dilation_rate"), op.config.choice("padding", "valid", "same"))


def _extracted(op: Operands, size: Pair, strides: Pair, dilation: Pair, padding: str) -> Value:
    image = op.value("images")
    if len(image.shape) != 3:
        raise op.call.fault("patches are those of images (height, width, channels)")
    if padding == "same":
        image = _padded(op, image, size, strides, dilation)
    spans = tuple((n - 1) * d + 1 for n, d in zip(size, dilation, strict=True))
    rows, columns = ((n - span) // step + 1 for n, span, step in zip(image.shape, spans, strides, strict=False))
    if rows < 1 or columns < 1:
        raise op.call.fault(f"patches of {size[0]}x{size[1]} do not fit an image of {image.shape[0]}x{image.shape[1]}")
    if strides == size and dilation == (1, 1):
        return _tiles(op, image, size, (rows, columns))
    if size[0] * size[1] > MOST:
        raise op.call.fault(f"patches of {size[0]}x{size[1]} pixels that overlap are too many copies of the image")
    parts = [
        _cut(op, image, (i * dilation[0], j * dilation[1]), (rows, columns), strides, f"pixel{i}_{j}")
        for i in range(size[0])
        for j in range(size[1])
    ]
    return op.emit(Concatenate(2), *parts) if len(parts) > 1 else op.emit(Identity(), *parts)


def _pair(op: Operands, name: str) -> Pair:
    height, width = op.config.integers(name, 2, 1)
    return height, width


def _padded(op: Operands, image: Value, size: Pair, strides: Pair, dilation: Pair) -> Value:
    """The image with as many zeros round it as TensorFlow's rule has, the odd one behind."""
    sides = []
    for n, k, step, d in zip(image.shape, size, strides, dilation, strict=False):
        total = max((-(-n // step) - 1) * step + (k - 1) * d + 1 - n, 0)
        sides.append((total // 2, total - total // 2))
    return op.emit(ZeroPadding2D((sides[0], sides[1])), image, part="padded") if any(map(sum, sides)) else image


def _cut(op: Operands, image: Value, first: Pair, count: Pair, steps: Pair, part: str) -> Value:
    """One pixel of every patch."""
    return op.emit(Slice((*first, 0), (*count, image.shape[2]), (*steps, 1)), image, part=part)


def _tiles(op: Operands, image: Value, size: Pair, count: Pair) -> Value:
    """Patches that neither overlap nor leave anything out between them."""
    (height, width), (rows, columns), channels = size, count, image.shape[2]
    if image.shape[:2] != (rows * height, columns * width):
        image = _cut(op, image, (0, 0), (rows * height, columns * width), (1, 1), "whole")
    split = op.emit(Reshape((rows, height, columns, width, channels)), image, part="split")
    turned = op.emit(Permute((0, 2, 1, 3, 4)), split, part="turned")
    return op.emit(Reshape((rows, columns, height * width * channels)), turned)
