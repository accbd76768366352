"""Kernels for layers between int8 and int16: the parts of TensorFlow Lite's SVDF, which keeps frames of int16.

A dense layer from int8 to int16 makes a frame, and a convolution with weights of int16 over all frames makes int8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mnc.backends.select.blocks import unrolled
from mnc.backends.select.context import Context
from mnc.backends.select.quantised.recurrent import block, blocks, widened
from mnc.backends.select.quantised.requantise import limits, operands, quant
from mnc.ir.layers import NO_PADDING, Conv2D, Dense
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.program import Call, Const, In, Name, Out, Scratch, Step
from mnc.reference.quantised.layers import channel_multipliers


def frame_faults(layer: Dense, inputs: Sequence[TensorType], _output: TensorType) -> Iterator[str]:
    """Layers from int8 to int16 that are more than products with one vector, on one scale."""
    if inputs[0].elements != layer.weights.shape[0]:
        yield "from int8 for more than one vector"
    if layer.weights.quant is not None and len(layer.weights.quant.scale) != 1:
        yield "from int8 for weights of several scales"
    if layer.activation is not None:
        yield "from int8 with an activation"


def frame(context: Context[Dense]) -> Step:
    """A dense layer from int8 to int16."""
    layer = context.layer
    count, units = layer.weights.shape
    multiplier, shift = channel_multipliers(layer, operands(context))
    calls = (
        widened(In(), count, quant(context).zero_point, Scratch()),
        Call(
            "mnc_gate_products_s16",
            {
                "in": Scratch(),
                "out": Out(),
                "weights": Const("weights"),
                "bias": Const("bias"),
                "multiplier": Const("multiplier"),
                "shift": Const("shift"),
                "rounding": Name("MNC_TWICE"),
                "gates": 1,
                "count": count,
                "units": units,
                "block_channels": block(units),
                "unroll": unrolled(max(count // 2, 1), compact=context.compact),
            },
        ),
    )
    constants = {
        "weights": Constant(np.concatenate(blocks(layer.weights.array))),
        "bias": Constant(_bias(layer.bias, units)),
        "multiplier": Constant(multiplier.astype(np.int32)),
        "shift": Constant(shift.astype(np.int8)),
    }
    return context.whole(calls, constants, scratch=DType.INT16.bytes * count, scratch_dtype=DType.INT16)


def window_faults(layer: Conv2D, inputs: Sequence[TensorType], _output: TensorType) -> Iterator[str]:
    """Convolutions with weights of int16 that are more than a sum over all of a group's elements."""
    plain = (layer.stride, layer.padding, layer.dilation) == ((1, 1), NO_PADDING, (1, 1))
    if not plain or layer.kernel != inputs[0].shape[:2] or layer.groups != layer.filters:
        yield "with weights of int16 for more than one sum over each group"
    if layer.weights.quant is None or len(layer.weights.quant.scale) != 1 or layer.weights.quant.zero_point != 0:
        yield "with weights of int16 for other than one scale round 0"
    if layer.bias is None or layer.bias.array.dtype != np.int32:
        yield "with weights of int16 for a bias that is not int32"
    if layer.activation is not None:
        yield "with weights of int16 and an activation"


def window(context: Context[Conv2D]) -> Step:
    """A convolution with weights of int16 whose windows are the whole input; sums are taken modulo 2^32."""
    layer = context.layer
    height, width, depth, units = layer.weights.shape
    (multiplier,), (shift,) = channel_multipliers(layer, operands(context))
    call = Call(
        "mnc_window_sums_s8",
        {
            "in": In(),
            "out": Out(),
            "weights": Const("weights"),
            "bias": Const("bias"),
            "taps": height * width,
            "units": units,
            "depth": depth,
            "multiplier": int(multiplier),
            "shift": int(shift),
            **limits(context),
        },
    )
    packed = layer.weights.array.reshape(height * width, depth, units).swapaxes(1, 2)
    return context.whole((call,), {"weights": Constant(packed.ravel()), "bias": Constant(_bias(layer.bias, units))})


def _bias(bias: Constant | None, units: int) -> Array:
    return np.zeros(units, np.int32) if bias is None else bias.array
