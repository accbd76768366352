"""The file's tensors in the IR: shapes without batch, element types, scales, constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mnc.errors import refuse
from mnc.frontends.assembly import BATCH, Value
from mnc.frontends.tflite.file import Tensor
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, Shape

ELEMENTS: dict[str, np.dtype[Any]] = {
    "FLOAT32": np.dtype("<f4"),
    "FLOAT16": np.dtype("<f2"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "BOOL": np.dtype("?"),
}
"""The element types that a constant may have."""

ZERO_POINTS = {each.name: each.zero_points for each in (DType.INT8, DType.UINT8, DType.INT16)}
"""The types of the values of quantised networks, and their zero points: int16 is symmetric."""
UNSIGNED16 = ("INT16", (-(2**15),))
"""Type and zero points of what SOFTMAX gives QUANTIZE in 65536ths: it is held as the int32 that it is plus 2^15."""

TRUTH = ElementType(DType.INT8, Quantisation((1.0,), 0))
"""The element type of true and false, 1 and 0, where the network takes or gives them, and between integers."""

SCALES = (2.0**-60, 2.0**60)
"""Between these, products and quotients of scales are numbers in float32 too."""

WAYS_OUT = {
    "FLOAT16": "convert without float16 quantisation: leave converter.target_spec.supported_types unset",
}


def axes_of(shape: Shape) -> tuple[int, ...]:
    """The IR's axes for those of a shape of TFLite: a batch of one in front is not written.

    Reshaping may leave no batch axis at all; such a shape is held as it is.
    """
    batch = (BATCH,) if len(shape) > 1 and shape[0] == 1 else ()
    return (*batch, *range(len(shape) - len(batch)))


def held(shape: Shape) -> Shape:
    """The IR's shape for one of TFLite."""
    return shape[axes_of(shape).count(BATCH) :] or (1,)


def seen_as(value: Value, shape: Shape) -> Value:
    """The value under a shape of TFLite's that differs from its own at most by a batch of one."""
    return replace(value, axes=tuple(range(len(shape))) if value.type.shape == shape else axes_of(shape))


def element_type(where: str, tensor: Tensor) -> ElementType:
    """The element type of a tensor that the network computes; CompileError where mnc has none for it."""
    if tensor.oddity:
        raise refuse(where, f"tensor {tensor.name!r} is not supported: {tensor.oddity}")
    if tensor.type == "FLOAT32":
        return ElementType(DType.FLOAT32)
    if tensor.type == "BOOL":
        return TRUTH
    if tensor.type == "INT32" and not tensor.scale:
        return ElementType(DType.INT32)
    if tensor.type == "INT32" or (tensor.type, tuple(tensor.zero_point)) == UNSIGNED16:
        if len(tensor.scale) != 1 or (tensor.type == "INT32" and any(tensor.zero_point)):
            raise refuse(where, f"the {tensor.type.lower()} tensor {tensor.name!r} has not one scale round 0")
        return ElementType(DType.INT32, _quantisation(where, tensor))
    if tensor.type in ZERO_POINTS:
        dtype = DType(tensor.type.lower())
        if len(tensor.scale) != 1 or len(tensor.zero_point) != 1:
            what = "no scale" if not tensor.scale else "more than one scale"
            raise refuse(where, f"the {dtype.value} tensor {tensor.name!r} has {what}")
        if tensor.zero_point[0] not in ZERO_POINTS[tensor.type]:
            raise refuse(where, f"the {dtype.value} tensor {tensor.name!r} has the zero point {tensor.zero_point[0]}")
        return ElementType(dtype, _quantisation(where, tensor, tensor.zero_point[0]))
    way_out = WAYS_OUT.get(tensor.type, "convert to int8 with a representative data set, or to float32")
    raise refuse(where, f"values of type {tensor.type} are not supported, as {tensor.name!r} is", way_out)


def _quantisation(where: str, tensor: Tensor, zero_point: int = 0, axis: int | None = None) -> Quantisation:
    """Of a constant, a scale may be 0, as converters write it for zeros: it becomes one that rounds to nothing."""
    if any(0 < scale < SCALES[0] or SCALES[1] < scale < math.inf for scale in tensor.scale):
        raise refuse(where, f"tensor {tensor.name!r} has a scale beyond {SCALES[0]:.2g} to {SCALES[1]:.2g}")
    scales = tensor.scale if tensor.data is None else tuple(scale or SCALES[0] for scale in tensor.scale)
    try:
        return Quantisation(scales, zero_point, axis)
    except ValueError as fault:
        raise refuse(where, f"tensor {tensor.name!r}: {fault}") from None


def stored_array(where: str, tensor: Tensor) -> Array:
    """A constant's elements, in its own type."""
    assert tensor.data is not None
    element = ELEMENTS.get(tensor.type)
    if tensor.oddity or element is None:
        reason = tensor.oddity or f"its elements are {tensor.type}"
        raise refuse(where, f"the constant {tensor.name!r} is not supported: {reason}")
    if tensor.data.nbytes != tensor.elements * element.itemsize:
        raise refuse(
            where,
            f"the constant {tensor.name!r} should have {tensor.elements * element.itemsize} bytes, "
            f"not {tensor.data.nbytes}",
            "the file is damaged; convert the model again",
        )
    array = np.asarray(tensor.data.view(np.uint8).view(element).reshape(tensor.shape))
    if element.kind == "f" and not np.isfinite(array).all():
        raise refuse(
            where,
            f"the constant {tensor.name!r} holds values that are not finite",
            "training has diverged; train again with a smaller learning rate, or convert an earlier checkpoint",
        )
    return array


def weights(where: str, tensor: Tensor, array: Array, order: Sequence[int], channels: int = 0) -> Constant:
    """Weights or a bias as a constant of the IR, the axes in `order`.

    Quantised ones are symmetric; several scales are those of the output
    channels, which lie along the stored axis `channels`.
    """
    turned = array.transpose(order)
    if array.dtype == np.float32:
        return Constant(turned)
    if any(tensor.zero_point):
        raise refuse(where, f"the weights {tensor.name!r} have a zero point other than 0")
    if not tensor.scale:
        raise refuse(where, f"the weights {tensor.name!r} have no scale")
    if len(tensor.scale) == 1:
        return Constant(turned, _quantisation(where, tensor))
    if tensor.axis != channels or len(tensor.scale) != array.shape[channels]:
        raise refuse(
            where,
            f"the {len(tensor.scale)} scales of {tensor.name!r}, along axis {tensor.axis}, are not one for each of its "
            f"{array.shape[channels]} output channels, which are axis {channels}",
        )
    return Constant(turned, _quantisation(where, tensor, axis=order.index(channels)))


def operand(where: str, tensor: Tensor, array: Array) -> Constant:
    """A constant that is quantised as values are: with one scale and any zero point."""
    if array.dtype == np.float32:
        return Constant(array)
    return Constant(array, element_type(where, tensor).quant)
