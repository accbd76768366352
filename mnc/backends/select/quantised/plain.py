"""Kernels for int8 layers without weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mnc.backends.program import Argument, Call, Const, In, Out, Rows, Step, Window
from mnc.backends.select import shape
from mnc.backends.select.quantised import conv
from mnc.backends.select.quantised.requantise import limits, operands, quant
from mnc.backends.select.site import Site
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    Identity,
    MaxPooling2D,
    Multiply,
    Pooling2D,
    Quantize,
    Softmax,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, DType
from mnc.reference.quantised.arithmetic import high_multiply, quantise_multiplier
from mnc.reference.quantised.fixed_point import exp_of_negative
from mnc.reference.quantised.layers import add_multipliers, apply_quantised, softmax_parameters


def pooling2d(site: Site[Pooling2D]) -> Step:
    """Max or average pooling, row by row."""
    layer = site.layer
    (x,), y = site.inputs, site.output
    kernel = "mnc_max_pooling2d_s8" if isinstance(layer, MaxPooling2D) else "mnc_average_pooling2d_s8"
    arguments: dict[str, Argument] = {
        "rows": Rows(),
        "out": Out(),
        "channels": x.image[2],
        "pool_height": layer.pool[0],
        "pool_width": layer.pool[1],
        "stride": layer.stride[1],
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        "in_pixel": x.layout.pixel,
        "out_pixel": y.layout.pixel,
    }
    return site.by_rows(Window(layer.pool[0], layer.stride[0], layer.padding[0][0]), (Call(kernel, arguments),), {})


def add(site: Site[Add]) -> Step:
    """A sum of two values of any scales."""
    first, second, total = add_multipliers(quant(site).scale[0], quant(site, 1).scale[0], operands(site).scale)
    arguments: dict[str, Argument] = {
        "a": In(0),
        "b": In(1),
        "out": Out(),
        "count": site.output.type.elements,
        "a_zero": quant(site).zero_point,
        **_pair("a_", first),
        "b_zero": quant(site, 1).zero_point,
        **_pair("b_", second),
        **_pair("", total),
        **limits(site, site.layer.activation),
    }
    return site.whole((Call("mnc_add_s8", arguments),), in_place=True)


def multiply(site: Site[Multiply]) -> Step:
    """A product of two values of any scales."""
    real = quant(site).scale[0] * quant(site, 1).scale[0] / operands(site).scale
    arguments: dict[str, Argument] = {
        "a": In(0),
        "b": In(1),
        "out": Out(),
        "count": site.output.type.elements,
        "a_zero": quant(site).zero_point,
        "b_zero": quant(site, 1).zero_point,
        **_pair("", quantise_multiplier(real)),
        **limits(site, site.layer.activation),
    }
    return site.whole((Call("mnc_multiply_s8", arguments),), in_place=True)


def activation(site: Site[Activation]) -> Step:
    """Any function of one int8 is a table of 256 values, made by the reference."""
    (x,), y = site.inputs, site.output
    every = np.arange(-128, 128, dtype=np.int8).reshape(256, *(1,) * max(x.type.rank, 1))
    (table,) = apply_quantised(site.layer, [x.type], [y.type], every)
    call = Call("mnc_lookup_s8", {"in": In(), "out": Out(), "count": y.type.elements, "table": Const("table")})
    return site.whole((call,), {"table": Constant(table.ravel())}, in_place=True)


def quantize(site: Site[Quantize]) -> Step:
    """From float32, or from one scale to another."""
    (x,), y = site.inputs, site.output
    if x.type.dtype is DType.FLOAT32:
        scale, zero = operands(site).scale, operands(site).zero
        shared: dict[str, Argument] = {"in": In(), "out": Out(), "count": y.type.elements}
        return site.whole((Call("mnc_quantize_s8", {**shared, "scale": scale, "zero": zero}),))
    return site.whole((_rescale(site, 0, Out(), y.type.elements),), in_place=True)


def dequantize(site: Site[Dequantize]) -> Step:
    """To float32."""
    given = quant(site)
    shared: dict[str, Argument] = {"in": In(), "out": Out(), "count": site.output.type.elements}
    call = Call("mnc_dequantize_s8", {**shared, "scale": given.scale[0], "zero": given.zero_point})
    return site.whole((call,))


def softmax(site: Site[Softmax]) -> Step:
    """Softmax along the last axis; the exponentials are a table."""
    multiplier, shift, smallest = softmax_parameters(quant(site).scale[0])
    differences = -np.arange(min(256, 1 - smallest), dtype=np.int64)
    powers = exp_of_negative(high_multiply(differences << shift, multiplier), 5)
    axis = site.output.type.shape[-1]
    arguments: dict[str, Argument] = {
        "in": In(),
        "out": Out(),
        "vectors": site.output.type.elements // axis,
        "count": axis,
        "powers": Const("powers"),
        "powers_count": len(differences),
    }
    return site.whole(
        (Call("mnc_softmax_s8", arguments),), {"powers": Constant(powers.astype(np.int32))}, in_place=True
    )


def _rescale(site: Site[Layer], read: int, out: Out, count: int) -> Call:
    given = quant(site, read)
    return Call(
        "mnc_rescale_s8",
        {
            "in": In(read),
            "out": out,
            "count": count,
            "in_zero": given.zero_point,
            **_pair("", quantise_multiplier(given.scale[0] / operands(site).scale)),
            **limits(site),
        },
    )


def _pair(prefix: str, pair: tuple[int, int]) -> dict[str, Argument]:
    return {f"{prefix}multiplier": pair[0], f"{prefix}shift": pair[1]}


INT8: Mapping[type[Layer], Callable[[Site[Any]], Step]] = {
    Activation: activation,
    Add: add,
    AveragePooling2D: pooling2d,
    Concatenate: shape.concatenate,
    Conv2D: conv.conv2d,
    Dense: conv.dense,
    DepthwiseConv2D: conv.depthwise_conv2d,
    Dequantize: dequantize,
    Identity: shape.copy,
    MaxPooling2D: pooling2d,
    Multiply: multiply,
    Quantize: quantize,
    Softmax: softmax,
    ZeroPadding2D: shape.zero_padding2d,
}
"""The int8 kernels of the C backends; views need none."""
