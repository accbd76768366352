"""Convolutions and dense layers."""

from __future__ import annotations

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import MAX_PADDING, Call
from mnc.ir.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D
from mnc.ir.types import Constant, show


def conv_2d(call: Call) -> Value:
    """Weights (filters, height, width, channels / groups)."""
    kernel = call.weights(1, (1, 2, 3, 0))
    height, width, depth, _ = kernel.shape
    stride = call.pair("StrideH", "StrideW")
    dilation = call.pair("DilationHFactor", "DilationWFactor")
    padding = call.padding((height, width), stride, dilation)
    x = call.value()
    channels = x.type.shape[2]
    if depth == 0 or channels % depth:
        raise call.fault(f"its weights read {depth} channels, the input has {channels}")
    return call.emit(
        Conv2D(
            kernel,
            call.bias_or_zeros(2, x, kernel),
            stride,
            padding,
            dilation,
            channels // depth,
            call.activation(),
            output=call.output,
        ),
        x,
    )


def depthwise_conv_2d(call: Call) -> Value:
    """Weights (1, height, width, channels * depth multiplier)."""
    stored = call.weights(1, (0, 1, 2, 3), channels=3)
    one, height, width, filters = stored.shape
    stride = call.pair("StrideH", "StrideW")
    dilation = call.pair("DilationHFactor", "DilationWFactor")
    padding = call.padding((height, width), stride, dilation)
    x = call.value()
    channels = x.type.shape[2]
    if one != 1 or filters % channels:
        raise call.fault(f"its weights {show(stored.shape)} do not fit {channels} channels")
    kernel = Constant(stored.array.reshape(height, width, channels, filters // channels), stored.quant)
    return call.emit(
        DepthwiseConv2D(
            kernel, call.bias(2, x, kernel), stride, padding, dilation, call.activation(), output=call.output
        ),
        x,
    )


def transpose_conv(call: Call) -> Value:
    """Inputs: the output's shape, weights (filters, height, width, channels), the image, maybe a bias."""
    size = call.integers(0, "output shape")
    kernel = call.weights(1, (1, 2, 0, 3))
    x = call.value(2)
    if len(size) != 4 or len(x.type.shape) != 3:
        raise call.fault(f"it needs images of four axes with the batch, not {show(x.shape)} and {show(size)}")
    stride = call.pair("StrideH", "StrideW")
    if min(stride) < 1:
        raise call.fault(f"stride {stride} must be at least 1")
    spread = [(n - 1) * s + k for n, s, k in zip(x.type.shape[:2], stride, kernel.shape[:2], strict=True)]
    # The rows before the image are those of a convolution from the output to the input.
    same = call.integer("Padding") == 0
    before = [max(n - out, 0) // 2 if same else 0 for n, out in zip(spread, size[1:3], strict=True)]
    after = [n - b - out for n, b, out in zip(spread, before, size[1:3], strict=True)]
    if max(*before, *map(abs, after)) > MAX_PADDING:
        raise call.fault(f"{show(x.shape)} at stride {stride} does not give {show(size)}")
    return call.emit(
        Conv2DTranspose(
            kernel,
            call.bias(3, x, kernel),
            stride,
            ((before[0], max(after[0], 0)), (before[1], max(after[1], 0))),
            (max(-after[0], 0), max(-after[1], 0)),
            activation=call.activation(),
            output=call.output,
        ),
        x,
    )


def fully_connected(call: Call) -> Value:
    """Weights (units, inputs); whatever axes the input has, it is read as rows of `inputs` values."""
    if call.integer("WeightsFormat") != 0:
        raise call.fault("shuffled weights are not supported", "convert the model for the CPU, without shuffling")
    kernel = call.weights(1, (1, 0))
    x = call.value()
    depth = kernel.shape[0]
    if depth == 0 or x.type.elements % depth:
        raise call.fault(f"its weights read {depth} values, the input is {show(x.shape)}")
    if x.type.shape[-1] != depth:
        rows = x.type.elements // depth
        x = call.reshaped(x, (rows, depth) if rows > 1 else (depth,), "rows")
    y = call.emit(Dense(kernel, call.bias_or_zeros(2, x, kernel), call.activation(), output=call.output), x)
    return call.shaped(y)
