"""Kernels for int8 layers that move elements, and for those that change their scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnc.backends.select import shape
from mnc.backends.select.context import Context
from mnc.backends.select.quantised.requantise import call, operands, pair, quant, rescaled, rescaling
from mnc.ir.layers import Dequantize, Quantize, ResizeBilinear
from mnc.ir.types import DType, TensorType
from mnc.program import Argument, Call, In, Out, RowNumber, RowPointers, Step, Window
from mnc.reference.quantised.resize import PLACE_BITS, bilinear_ratio


def faults(layer: ResizeBilinear, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """Sizes whose last rows, in steps of 1/1024 pixel, would be read beyond the input."""
    size, n = output.shape[0], inputs[0].shape[0]
    step, start = bilinear_ratio(layer, size, n)
    if (size - 1) * step + start >= n << PLACE_BITS:
        yield f"from {n} rows to {size}"


def resize_bilinear(context: Context[ResizeBilinear]) -> Step:
    """Each output row from the two input rows round it, places in steps of 1/1024 pixel."""
    (x,), y = context.inputs, context.output
    one = 1 << PLACE_BITS
    down, across = (bilinear_ratio(context.layer, y.image[i], x.image[i]) for i in (0, 1))
    bilinear = Call(
        "mnc_resize_bilinear_s8",
        {
            "rows": RowPointers(),
            "out": Out(),
            "channels": x.image[2],
            "in_width": x.image[1],
            "out_width": y.image[1],
            "row": RowNumber(),
            "row_step": down[0],
            "row_start": down[1],
            "step": across[0],
            "start": across[1],
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
        },
    )
    window = Window(2, down[0], -down[1], divisor=one)
    return context.by_rows(window, (bilinear,), after=rescaled(context))


def quantize(context: Context[Quantize]) -> Step:
    """From float32, or from one type or scale to another."""
    (x,), y = context.inputs, context.output
    if x.type.dtype is y.type.dtype and (y.type.dtype is not DType.INT32 or x.type.quant == y.type.quant):
        return shape.copy(context)
    if DType.UINT8 in (x.type.dtype, y.type.dtype):
        kernel = "mnc_signed_s8" if x.type.dtype is DType.UINT8 else "mnc_unsigned_u8"
        return context.by_rows(Window(), (Call(kernel, {"in": In(), "out": Out(), "count": y.layout.row}),))
    shared: dict[str, Argument] = {"in": In(), "out": Out(), "count": y.type.elements}
    if x.type.dtype is DType.FLOAT32:
        shared |= {"scale": operands(context).scale, "zero": operands(context).zero}
        return context.whole((call(context, "quantize", shared),))
    in_zero, multiplier, shift = rescaling(context)
    shared |= {"count": y.layout.row, **pair("", (multiplier, shift))}
    if DType.INT32 in (x.type.dtype, y.type.dtype):
        shared |= {"in_zero": in_zero} if x.type.dtype is DType.INT8 else {}
        shared |= {"zero": operands(context).zero} if y.type.dtype is DType.INT8 else {}
        return context.by_rows(Window(), (Call(f"mnc_from_{x.type.dtype.suffix}_{y.type.dtype.suffix}", shared),))
    widened = y.type.dtype is DType.INT16
    shared |= {"in_zero": in_zero} if widened else {"zero": operands(context).zero}
    return context.by_rows(Window(), (Call("mnc_widen_s16" if widened else "mnc_narrow_s8", shared),), {})


def dequantize(context: Context[Dequantize]) -> Step:
    """To float32."""
    (x,), given = context.inputs, quant(context)
    shared: dict[str, Argument] = {"in": In(), "out": Out(), "count": x.type.elements, "scale": given.scale[0]}
    if x.type.dtype is DType.INT16:
        return context.whole((Call("mnc_dequantize_s16", shared),))
    return context.whole((Call("mnc_dequantize_s8", {**shared, "zero": given.zero_point}),))
