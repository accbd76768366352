"""The kernel for transposed convolutions in float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mnc.backends.select.activation import epilogue
from mnc.backends.select.blocks import float_block, pack, split
from mnc.backends.select.context import Context
from mnc.backends.select.conv import bias_at, strides
from mnc.ir.layers import Conv2DTranspose
from mnc.ir.types import Constant
from mnc.program import Argument, Call, Const, Out, RowNumber, RowPointers, Step, Window


def conv2d_transpose(context: Context[Conv2DTranspose]) -> Step:
    """Each output row gathered from the input rows that reach it."""
    layer, (x,), y = context.layer, context.inputs, context.output
    gathering = Gathering.of(context)
    block_pixels, block_channels = float_block(gathering.inner_pixels, layer.filters, registers=context.float_registers)
    matrix = layer.weights.array.transpose(0, 1, 3, 2)
    fused, after = epilogue(layer.activation, y.layout.row)
    calls = [
        Call(
            "mnc_conv2d_transpose_f32",
            {
                "rows": RowPointers(),
                "out": Out(first * y.layout.channel),
                "weights": Const("weights", first * matrix[..., 0].size),
                "bias": bias_at(layer.bias, first),
                "row": RowNumber(),
                "in_channels": x.image[2],
                "out_channels": count,
                **gathering.arguments,
                **strides(x, y),
                "block_pixels": block_pixels,
                "block_channels": part,
                **fused,
            },
        )
        for first, count, part in split(layer.filters, block_channels)
    ]
    constants = {"weights": Constant(pack(matrix, block_channels))}
    if layer.bias is not None:
        constants["bias"] = layer.bias
    return context.by_rows(gathering.window, (*calls, *after), constants)


@dataclass(frozen=True)
class Gathering:
    """Which input pixels reach which output pixels.

    Along each axis, input pixel x' reaches output pixel x through tap
    k = x + crop - x' * stride (both divided by the dilation).  The first such
    x' is floor((x + crop - (kernel - 1) * dilation + stride - 1) / stride).
    """

    window: Window
    arguments: Mapping[str, Argument]
    """Arguments that a kernel takes for it."""
    inner_pixels: int
    """About the number of neighbouring output pixels of one phase that touch no border."""

    @classmethod
    def of(cls, context: Context[Conv2DTranspose]) -> Gathering:
        """The gathering of a layer."""
        layer, (x,), y = context.layer, context.inputs, context.output
        (top, _), (left, _) = layer.crop
        height, width = layer.kernel
        above = (height - 1) * layer.dilation[0] - top - (layer.stride[0] - 1)
        aside = (width - 1) * layer.dilation[1] - left - (layer.stride[1] - 1)
        before = max(-(-aside // layer.stride[1]), 0)
        taps = (-(-height // layer.stride[0]), -(-width // layer.stride[1]))
        return cls(
            Window(taps[0], 1, above, layer.dilation[0], layer.stride[0]),
            {
                "height": taps[0],
                "kernel_height": height,
                "kernel_width": width,
                "stride_y": layer.stride[0],
                "stride_x": layer.stride[1],
                "dilation": layer.dilation[1],
                "row_start": -above % layer.stride[0],
                "start": before * layer.stride[1] - aside,
                "before": before,
                "in_width": x.image[1],
                "out_width": y.image[1],
            },
            max(x.image[1] - (taps[1] - 1) * layer.dilation[1], 1),
        )
