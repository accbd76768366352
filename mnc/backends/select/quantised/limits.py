"""Limits of the integer kernels: layers that are refused although their kind has a kernel.

Limits of all kinds are here: element types, scales, weights, clamps; those of one kind stand beside its selection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mnc.backends.select import dot, reduce
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.quantised import activation, activation16, merge, move, pool, recurrent, svdf
from mnc.backends.select.quantised.accumulators import by_channel, largest_sums
from mnc.backends.select.quantised.requantise import scale_of
from mnc.ir.activations import Relu
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    ArgMax,
    ArgMin,
    AveragePooling2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    Divide,
    GlobalAveragePooling,
    Linear,
    LogSoftmax,
    MatMul,
    Merge,
    Multiply,
    PReLU,
    Quantize,
    Recurrent,
    ReduceMean,
    ReduceSum,
    ResizeBilinear,
    SimpleRNN,
    Softmax,
    SquaredDifference,
    Subtract,
    UnitNormalization,
)
from mnc.ir.layers.recurrent import STATE_SCALE
from mnc.ir.types import Constant, DType, TensorType
from mnc.program import Step
from mnc.reference.quantised.layers import GATE_SCALE

SCALES = (2.0**-60, 2.0**60)
"""Between these, products and quotients of scales are numbers in float32 too."""
LARGEST_FACTOR = 2.0**30
"""Bound of a factor from one scale to another: a multiplier shifts to the left by less."""
WORST_INPUT = {DType.INT8: 256, DType.INT16: 2**15}
"""Largest amount that an input adds to a sum by a weight of 1; for int8 with the zero point, which is in the bias."""
LARGEST_SUM = 47
"""Bits of a sum of int16 values, without the sign."""
LARGEST_QUOTIENT = 2.0**22
"""Bound of the factor of a quotient: a number of int8 in 32 bits, times its multiplier, is shifted to the right."""
LARGEST_WIDE_FACTOR = 2.0**7
"""Bound of a multiplier from a sum of `LARGEST_SUM` bits to the output's scale."""


Select = Callable[[Context[Any]], Step | Refusal]
Faults = Callable[[Any, Sequence[TensorType], TensorType], Iterator[str]]
"""Limits of one kind: from a layer, its inputs and its output, all quantised, to faults such as "for 3 operands"."""

_SHARED: Mapping[type[Layer], Faults] = {
    Add: merge.faults,
    AveragePooling2D: pool.faults,
    GlobalAveragePooling: pool.faults,
    GRU: recurrent.faults,
    LSTM: recurrent.faults,
    MatMul: dot.faults,
    Multiply: merge.faults,
    ReduceMean: reduce.faults,
    ReduceSum: reduce.faults,
    ResizeBilinear: move.faults,
    SimpleRNN: recurrent.faults,
    SquaredDifference: merge.faults,
    Subtract: merge.faults,
}
OWN: Mapping[DType, Mapping[type[Layer], Faults]] = {
    DType.INT8: {
        **_SHARED,
        Activation: activation.faults,
        LogSoftmax: activation.log_softmax_faults,
        Softmax: activation.softmax_faults,
        UnitNormalization: activation.unit_faults,
    },
    DType.INT16: {**_SHARED, Activation: activation16.faults, Softmax: activation16.softmax_faults},
}
"""Limits that only one kind has; they stand beside its selection."""


def within_limits(table: Mapping[type[Layer], Select]) -> Mapping[type[Layer], Select]:
    """The selections of a table, asked only for layers whose operands integer kernels can take."""

    def limited(select: Select) -> Select:
        def chosen(context: Context[Any]) -> Step | Refusal:
            fault = misfit(context.layer, [x.type for x in context.inputs], context.outputs[0].type)
            return select(context) if fault is None else Refusal(fault)

        return chosen

    return {kind: limited(select) for kind, select in table.items()}


def misfit(layer: Layer, inputs: Sequence[TensorType], output: TensorType) -> str | None:
    """Why this very layer has no int8 or int16 kernel for these operands, or None."""
    if isinstance(layer, Merge) and layer.operand is not None:
        inputs = layer.operands(inputs, layer.operand.type)
    elif isinstance(layer, Recurrent):
        inputs = inputs[:1]  # the layer itself says of which types its state is
    dtype = DType.INT16 if DType.INT16 in [type_.dtype for type_ in (*inputs, output)] else DType.INT8
    fault = next(_faults(layer, inputs, output, dtype), None)
    return fault and f"{type(layer).__name__} has no {dtype.value} kernel {fault}"


def _faults(layer: Layer, inputs: Sequence[TensorType], output: TensorType, dtype: DType) -> Iterator[str]:
    """The faults of a layer, its operands' first: later checks rely on the operands."""
    anything, own = (DType.FLOAT32, DType.INT8, DType.INT16), (dtype,)
    border = (*anything, DType.UINT8, DType.INT32)
    taken = {
        Quantize: border,
        Conv2D: (*own, DType.UINT8),
        Dense: (*own, DType.INT8),
        DepthwiseConv2D: (*own, DType.UINT8),
    }
    for type_ in inputs:  # uint8 where a step reads it in place of the int8 that it stands for
        yield from _operand(type_, "input", taken.get(type(layer), own))
    of_window = isinstance(layer, Conv2D) and {inputs[0].dtype, layer.weights.type.dtype} == {DType.INT16}
    allowed = {
        ArgMax: (DType.INT32,),
        ArgMin: (DType.INT32,),
        Conv2D: (DType.INT8,) if of_window else own,
        Dequantize: anything[:1],
        Quantize: border[1:],
        Softmax: (*own, DType.INT32) if dtype is DType.INT8 else own,
    }
    yield from _operand(output, "output", allowed.get(type(layer), own))
    if isinstance(layer, Conv2D) and of_window:
        yield from svdf.window_faults(layer, inputs, output)
    elif isinstance(layer, Linear):
        yield from _weights(layer, DType.INT16 if inputs[0].dtype is DType.INT16 else DType.INT8)  # uint8 is as int8
        if isinstance(layer, Dense) and inputs[0].dtype is not dtype:
            yield from svdf.frame_faults(layer, inputs, output)
    elif isinstance(layer, PReLU):
        yield from _slopes(layer.alpha)
    fused = None if isinstance(layer, Recurrent) else getattr(layer, "activation", None)
    if fused is not None:
        if not (isinstance(fused, Relu) and fused.is_clamp):
            yield f"with {type(fused).__name__} fused"
        elif abs(fused.max_value or 0.0) >= LARGEST_FACTOR * scale_of(output):
            yield f"for a clamp at {fused.max_value} on the output's scale"
    wide = inputs[0].dtype is DType.INT16 and isinstance(layer, (Linear, MatMul, Recurrent))
    largest = LARGEST_WIDE_FACTOR if wide else LARGEST_FACTOR
    if isinstance(layer, Quantize) and DType.INT32 in (inputs[0].dtype, output.dtype):
        largest = 1.0 if inputs[0].dtype is DType.INT32 else LARGEST_WIDE_FACTOR  # no product leaves 32 bits
    if any(factor >= largest for factor in _factors(layer, inputs, output)):
        yield "for scales so far apart"
    if (own_faults := OWN[dtype].get(type(layer))) is not None:
        yield from own_faults(layer, inputs, output)


def _operand(type_: TensorType, what: str, allowed: Collection[DType]) -> Iterator[str]:
    if type_.dtype not in allowed:
        yield f"for {type_.dtype.value} as {what}"
    elif type_.dtype is DType.FLOAT32 or (type_.dtype is DType.INT32 and type_.quant is None):
        return
    elif type_.quant is None:
        yield f"for an {what} without a scale"
    elif type_.quant.axis is not None:
        yield f"for an {what} with several scales"
    elif type_.quant.zero_point not in type_.dtype.zero_points:
        yield f"for an {what} with the zero point {type_.quant.zero_point}"
    elif not SCALES[0] <= scale_of(type_) <= SCALES[1]:
        yield f"for an {what} of scale {scale_of(type_):g}"


def _weights(layer: Linear, dtype: DType) -> Iterator[str]:
    """Bias and weights are to be as TFLite has them, and no sum may leave int32, or 48 bits."""
    weights, quant = by_channel(layer), layer.weights.quant
    if weights.dtype != np.int8 or quant is None or quant.zero_point != 0:
        yield "for weights that are not int8 round 0"
        return
    if len(quant.scale) not in (1, layer.filters):
        yield f"for {len(quant.scale)} scales of {layer.filters} channels"
    if any(not SCALES[0] <= scale <= SCALES[1] for scale in quant.scale):
        yield "for weights of such scales"
    bias = np.zeros(1, np.int32 if dtype is DType.INT8 else np.int64) if layer.bias is None else layer.bias.array
    wide = dtype is DType.INT16 and bias.dtype == np.int64
    if not wide and bias.dtype != np.int32:
        yield f"for a bias that is not {'int32' if dtype is DType.INT8 else 'int64 or int32'}"
    bits = LARGEST_SUM if wide and not isinstance(layer, Conv2DTranspose) else 31
    if int(largest_sums(weights, bias, WORST_INPUT[dtype]).max()) >= 1 << bits:
        yield f"for sums beyond {bits + 1} bits"


def _slopes(alpha: Constant) -> Iterator[str]:
    yield from _operand(alpha.type, "alpha", (DType.INT8,))


def _factors(layer: Layer, inputs: Sequence[TensorType], output: TensorType) -> Iterator[float]:
    """By what stored numbers are multiplied on their way to the output's scale."""
    if DType.FLOAT32 in (inputs[0].dtype, output.dtype):
        return
    plain = [scale_of(type_) / scale_of(output) for type_ in inputs]
    match layer:
        case Linear():
            yield from (plain[0] * scale for scale in _scales(layer.weights))
            return
        case Recurrent():
            of_state = scale_of(output) if isinstance(layer, LSTM) else STATE_SCALE
            for given, weights in ((scale_of(inputs[0]), layer.kernel), (of_state, layer.recurrent_kernel)):
                yield from (given * scale / GATE_SCALE for scale in _scales(weights))
            yield STATE_SCALE * (STATE_SCALE if isinstance(layer, LSTM) else 1.0) / scale_of(output)
            return
        case Multiply() | MatMul():
            yield plain[0] * scale_of(inputs[-1])
            return
        case Divide():
            yield plain[0] / scale_of(inputs[-1]) * LARGEST_FACTOR / LARGEST_QUOTIENT
            return
        case SquaredDifference():
            twice = 2.0 * max(map(scale_of, inputs))
            yield twice * twice / scale_of(output)
            return
        case PReLU():
            yield from (plain[0] * scale for scale in _scales(layer.alpha))
        case Activation(function=Relu(negative_slope=slope)):
            yield plain[0] * abs(slope)
    yield from plain


def _scales(constant: Constant) -> tuple[float, ...]:
    return () if constant.quant is None else constant.quant.scale
