"""Layers over volumes, as layers over the images that `volumes` makes of them.

What treats the depth by itself (pooling, padding, cropping, enlarging) is one
layer over the planes and one along the depth.  A convolution is one
two-dimensional convolution for each plane of its output, all with the same
weights, over the planes that it sees.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from mnc.errors import refuse
from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import AlongAxis, Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.unrolling import MAX_STEPS
from mnc.frontends.keras.volumes import HELD, as_depths, as_planes, as_volume, from_depths
from mnc.frontends.keras.ways_out import at_most
from mnc.frontends.keras.weights import Count
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Cropping2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GlobalPooling,
    MaxPooling2D,
    Padding,
    Pair,
    Permute,
    Pooling2D,
    Reshape,
    ResizeNearest,
    Slice,
    ZeroPadding2D,
    same_padding,
)
from mnc.ir.layers.window import extent
from mnc.ir.types import Constant, Shape

NO_MARGIN = (0, 0)


def _both(call: Call, layout: str, planes: Callable[[Shape], Layer], depths: Callable[[Shape], Layer]) -> Value:
    """A layer over the planes, then one along the depth; each is made for the shape of its image."""
    x = as_volume(call, layout)
    image = as_planes(call, x)
    y = call.emit(planes(image.type.shape), image, part="over_planes")
    rows = as_depths(call, y, x.type.shape[2])
    z = call.emit(depths(rows.type.shape), rows, part="along_depth")
    height, width, _ = y.type.shape
    return from_depths(call, z, (height, width), layout)


def _margins(layout: str, margins: tuple[Pair, Pair, Pair], make: Callable[[Padding], Layer]) -> Build:
    """A layer that adds or takes away at the ends of each axis."""
    depth, *sides = margins

    def build(call: Call) -> Value:
        return _both(call, layout, lambda _: make((sides[0], sides[1])), lambda _: make((NO_MARGIN, depth)))

    return build


@converts("ZeroPadding3D", to=(Reshape, ZeroPadding2D))
def zero_padding3d(config: Config) -> Build:
    """Zeros round the volume."""
    return _margins(config.data_format(4), _stated_margins(config, "padding", 1), ZeroPadding2D)


@converts("Cropping3D", to=(Cropping2D, Reshape))
def cropping3d(config: Config) -> Build:
    """The volume without its borders."""
    return _margins(config.data_format(4), _stated_margins(config, "cropping", 1), Cropping2D)


def _stated_margins(config: Config, key: str, default: int) -> tuple[Pair, Pair, Pair]:
    depth, vertical, horizontal = config.margins(key, 3, default)
    return depth, vertical, horizontal


@converts("UpSampling3D", to=(Reshape, ResizeNearest))
def up_sampling3d(config: Config) -> Build:
    """Every plane, row and column several times."""
    depth, vertical, horizontal = config.integers("size", 3, 2)
    layout = config.data_format(4)

    def planes(shape: Shape) -> Layer:
        return ResizeNearest((shape[0] * vertical, shape[1] * horizontal))

    def depths(shape: Shape) -> Layer:
        return ResizeNearest((shape[0], shape[1] * depth))

    return lambda call: _both(call, layout, planes, depths)


@converts("MaxPooling3D", to=(MaxPooling2D, Reshape))
def max_pooling3d(config: Config) -> Build:
    """The largest value of each window."""
    return _pooling(config, MaxPooling2D)


@converts("AveragePooling3D", to=(AveragePooling2D, Reshape))
def average_pooling3d(config: Config) -> Build:
    """The mean of each window; padding does not count."""
    return _pooling(config, AveragePooling2D)


def _pooling(config: Config, kind: type[Pooling2D]) -> Build:
    pool = config.integers("pool_size", 3, 2)
    strides = pool if config.raw("strides") is None else config.integers("strides", 3)
    same = config.choice("padding", "valid", "same", default="valid") == "same"
    layout = config.data_format(4)

    def margin(size: int, axis: int) -> Pair:
        return same_padding(size, pool[axis], strides[axis], 1) if same else NO_MARGIN

    # the mean of a window is the mean over its depth of its planes' means, padding left out of either
    def planes(shape: Shape) -> Layer:
        return kind((pool[1], pool[2]), (strides[1], strides[2]), (margin(shape[0], 1), margin(shape[1], 2)))

    def depths(shape: Shape) -> Layer:
        return kind((1, pool[0]), (1, strides[0]), (NO_MARGIN, margin(shape[1], 0)))

    return lambda call: _both(call, layout, planes, depths)


@converts("GlobalAveragePooling3D", to=(GlobalAveragePooling, Reshape))
def global_average_pooling3d(config: Config) -> Build:
    """The mean of each channel."""
    return _global_pooling(config, GlobalAveragePooling)


@converts("GlobalMaxPooling3D", to=(GlobalMaxPooling, Reshape))
def global_max_pooling3d(config: Config) -> Build:
    """The largest value of each channel."""
    return _global_pooling(config, GlobalMaxPooling)


def _global_pooling(config: Config, kind: type[GlobalPooling]) -> Build:
    keepdims = config.boolean("keepdims", False)
    layout = config.data_format(4)

    def build(call: Call) -> Value:
        x = as_volume(call, layout)
        height, width, depth, channels = x.type.shape
        image = call.emit(Reshape((height, width * depth, channels)), x, part="image")
        if not keepdims:
            return call.emit(kind(), image)
        y = call.emit(kind(), image, part="pooled")
        return call.emit(Reshape((1, 1, 1, channels)), y, axes=HELD[layout])

    return build


@converts("Conv3D", to=(Concatenate, Conv2D, Permute, Reshape, Slice, ZeroPadding2D))
def conv3d(config: Config) -> Build:
    """Conv3D of any stride, dilation and number of groups: a convolution for each plane of the output."""
    filters = config.integer("filters")
    size = config.integers("kernel_size", 3)
    strides, dilation = config.integers("strides", 3, 1), config.integers("dilation_rate", 3, 1)
    same = config.choice("padding", "valid", "same", default="valid") == "same"
    groups = config.integer("groups", 1)
    has_bias = config.boolean("use_bias", True)
    config.weights = Count(1 + has_bias)
    activation, layout = read_activation(config), config.data_format(4)

    def build(call: Call) -> Value:
        x = as_volume(call, layout)
        height, width, depth, channels = x.type.shape
        if channels % groups:
            raise call.fault(f"{groups} groups do not divide {channels} channels")
        each = channels // groups
        stored = call.weights.array("kernel", (*size, each, filters))
        weights = Constant(np.transpose(stored, (1, 2, 0, 3, 4)).reshape(*size[1:], size[0] * each, filters))
        bias = call.weights.take("bias", (filters,)) if has_bias else None
        (before, after), vertical, horizontal = (
            same_padding(n, k, s, d) if same else NO_MARGIN
            for n, k, s, d in zip((depth, height, width), size, strides, dilation, strict=True)
        )
        if before or after:
            rows = as_depths(call, as_planes(call, x), depth)
            rows = call.emit(ZeroPadding2D((NO_MARGIN, (before, after))), rows, part="padded")
            x = from_depths(call, rows, (height, width), layout, "padded_volume")
        depth += before + after
        count = (depth - extent(size[0], dilation[0])) // strides[0] + 1
        if count < 1:
            raise call.fault(f"a kernel of {size[0]} planes does not fit {depth}")
        if count > MAX_STEPS:
            raise refuse(
                call.where,
                f"the layer gives {count} planes, each a convolution of its own; the limit is {MAX_STEPS}",
                at_most(MAX_STEPS, "planes of output"),
            )
        grouped = call.emit(Reshape((height, width, depth, groups, each)), x, part="groups")
        if groups > 1:
            grouped = call.emit(Permute((0, 1, 3, 2, 4)), grouped, part="by_group")
        axis = 3 if groups > 1 else 2
        make = functools.partial(
            Conv2D, weights, bias, (strides[1], strides[2]), (vertical, horizontal), (dilation[1], dilation[2]), groups
        )
        fused = None if isinstance(activation, AlongAxis) else activation
        planes = []
        for i in range(count):
            start = tuple(i * strides[0] if k == axis else 0 for k in range(5))
            sizes = tuple(size[0] if k == axis else n for k, n in enumerate(grouped.type.shape))
            step = tuple(dilation[0] if k == axis else 1 for k in range(5))
            seen = call.emit(Slice(start, sizes, step), grouped, part=f"{i}/seen")
            image = call.emit(Reshape((height, width, math.prod(sizes[2:]))), seen, part=f"{i}/image")
            planes.append(call.emit(make(fused), image, part=str(i)))
        joined = call.emit(Concatenate(-1), *planes, part="joined") if count > 1 else planes[0]
        shape = Reshape((*joined.type.shape[:2], count, filters))
        if not isinstance(activation, AlongAxis):
            return call.emit(shape, joined, axes=HELD[layout])
        return call.along(activation, call.emit(shape, joined, part="logits", axes=HELD[layout]), 3)

    return build
