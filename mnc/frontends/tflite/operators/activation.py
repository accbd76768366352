"""Activations, and operators that change the element type."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.tensors import element_type
from mnc.ir.activations import (
    Abs,
    Ceil,
    Cos,
    Elu,
    Exponential,
    Floor,
    Function,
    Gelu,
    HardSwish,
    Log,
    Power,
    Relu,
    Round,
    Rsqrt,
    Sigmoid,
    Sin,
    Sqrt,
    Square,
    Tanh,
)
from mnc.ir.layers import (
    Activation,
    Dequantize,
    Identity,
    LogSoftmax,
    Multiply,
    PReLU,
    Quantize,
    Softmax,
    UnitNormalization,
)
from mnc.ir.types import Constant, DType, ElementType, Quantisation, show
from mnc.reference.quantised.layers import LOG_UNIT, hard_swish_fits, is_fine_share

FIXED: dict[tuple[str, str], Quantisation] = {
    ("LOGISTIC", "INT8"): Quantisation((1 / 256,), -128),
    ("LOGISTIC", "INT16"): Quantisation((1 / 32768,), 0),
    ("LOG_SOFTMAX", "INT8"): LOG_UNIT,
    ("SOFTMAX", "INT8"): Quantisation((1 / 256,), -128),
    ("SOFTMAX", "INT16"): Quantisation((1 / 32768,), 0),
    ("L2_NORMALIZATION", "INT8"): Quantisation((1 / 128,), 0),
    ("TANH", "INT8"): Quantisation((1 / 128,), 0),
    ("TANH", "INT16"): Quantisation((1 / 32768,), 0),
}
"""The only output scale and zero point that integer kernels of these have."""


def relu(call: Call) -> Value:
    """max(x, 0)."""
    return _function(call, Relu())


def relu6(call: Call) -> Value:
    """min(max(x, 0), 6)."""
    return _function(call, Relu(6.0))


def elu(call: Call) -> Value:
    """The exponential linear unit with alpha 1."""
    call.not_int16()
    return _function(call, Elu())


def hard_swish(call: Call) -> Value:
    """X * relu6(x + 3) / 6."""
    call.not_int16()
    quants = call.value().type.quant, element_type(call.where, call.result).quant
    scales = [quant.scale[0] for quant in quants if quant is not None]
    if call.is_quantised and not hard_swish_fits(*scales):
        raise call.fault(
            f"its scales are too far apart for TFLite's 16-bit arithmetic: {scales[0]:g} of its input, "
            f"{scales[1]:g} of its output",
            "calibrate the converter with samples in which both take on their usual values",
        )
    return _function(call, HardSwish())


def logistic(call: Call) -> Value:
    """1 / (1 + exp(-x))."""
    return _function(call, Sigmoid())


def tanh(call: Call) -> Value:
    """The hyperbolic tangent."""
    return _function(call, Tanh())


def _function(call: Call, function: Function) -> Value:
    return call.emit(Activation(function, output=_output(call)), call.value())


def _output(call: Call) -> ElementType | None:
    fixed = FIXED.get((call.operator.kind, call.result.type))
    output = call.output
    if output is not None and fixed is not None and output.quant != fixed:
        type_ = call.result.type.lower()
        raise call.fault(
            f"its {type_} output must have the scale {fixed.scale[0]} and the zero point {fixed.zero_point}"
        )
    return output


ELEMENTARY: dict[str, Function] = {
    "ABS": Abs(),
    "CEIL": Ceil(),
    "COS": Cos(),
    "EXP": Exponential(),
    "FLOOR": Floor(),
    "LOG": Log(),
    "ROUND": Round(),
    "RSQRT": Rsqrt(),
    "SIN": Sin(),
    "SQRT": Sqrt(),
    "SQUARE": Square(),
}
"""Operators that are one function of each element."""
INTEGER_FUNCTIONS = ("ABS", "RSQRT")
"""The element functions that TensorFlow Lite Micro computes in int8."""


def elementary(call: Call) -> Value:
    """One function of each element; most of them in float32 only, as TensorFlow Lite Micro has them."""
    if call.operator.kind not in INTEGER_FUNCTIONS:
        call.not_quantised()
    if call.operator.kind == "ABS" and call.result.type == "INT16":
        return _function(call, Relu(negative_slope=-1.0))
    call.not_int16()
    return _function(call, ELEMENTARY[call.operator.kind])


POWERS: dict[float, Function | None] = {1.0: None, 2.0: Square(), 0.5: Sqrt(), -0.5: Rsqrt()}
"""Powers that have a function of their own; the first is the number itself."""


def pow_(call: Call) -> Value:
    """Numbers to the power of one constant."""
    call.not_quantised()
    exponent = call.operand(1, "exponent").array
    if exponent.size != 1:
        raise call.fault(f"it has {exponent.size} exponents; one number for all is supported")
    number = float(exponent.ravel()[0])
    function = POWERS.get(number, Power(number))
    return call.value() if function is None else call.emit(Activation(function), call.value())


def gelu(call: Call) -> Value:
    """The input times the share of a normal distribution below it."""
    call.not_int16()
    return _function(call, Gelu(bool(call.option("Approximate"))))


def neg(call: Call) -> Value:
    """The elements with the other sign."""
    call.not_quantised()
    return call.emit(Multiply(operand=Constant(np.array(-1.0, np.float32))), call.value())


def log_softmax(call: Call) -> Value:
    """The logarithm of SOFTMAX over the last axis."""
    call.not_int16()
    return call.emit(LogSoftmax(output=_output(call)), call.value())


def l2_normalization(call: Call) -> Value:
    """Each vector along the last axis divided by its length, which counts as 0.001 at least."""
    call.not_int16()
    if call.activation() is not None:
        raise call.fault("a fused activation is not supported here, nor by TensorFlow Lite Micro")
    return call.emit(UnitNormalization(epsilon=1e-3, output=_output(call)), call.value())


def leaky_relu(call: Call) -> Value:
    """A ReLU with a slope below zero."""
    return _function(call, Relu(negative_slope=float(call.option("Alpha"))))


def prelu(call: Call) -> Value:
    """A ReLU with learnt slopes, which broadcast as NumPy's arrays do."""
    x = call.value()
    alpha = call.slopes(1)
    rank = x.type.rank
    shape = (*(1,) * (rank - len(alpha.shape)), *alpha.shape)
    if math.prod(shape[:-rank]) != 1:
        raise call.fault(f"its slopes {show(alpha.shape)} have more axes than its input")
    return call.emit(PReLU(Constant(alpha.array.reshape(shape[-rank:]), alpha.quant), output=call.output), x)


def softmax(call: Call) -> Value:
    """Over the last axis."""
    beta = float(call.option("Beta"))
    if beta != 1.0:
        raise call.fault(f"beta = {beta:g} is not supported; it must be 1")
    x, output = call.value(), element_type(call.where, call.result)
    if x.type.dtype is DType.INT8 and output.dtype is DType.INT32 and output.quant is not None:
        if not is_fine_share(output.quant.scale[0]):
            raise call.fault(f"its int16 output must have the scale {2.0**-16}, not {output.quant.scale[0]:g}")
        return call.emit(Softmax(output=output), x)
    if x.type.dtype is not output.dtype:
        raise call.fault(f"it makes {call.result.type} of {x.type.dtype.name}", "use QUANTIZE or DEQUANTIZE")
    return call.emit(Softmax(output=_output(call)), x)


def quantize(call: Call) -> Value:
    """To int8, int16 or int32, from float32, from another of them or from another scale."""
    output = call.output
    if output is None or output.quant is None:
        raise call.fault("its output must be int8, int16 or int32, with a scale")
    if call.value().type.dtype is DType.FLOAT32 and output.dtype is DType.INT32:
        raise call.fault("it makes INT32 of FLOAT32, which TensorFlow Lite Micro does not support either")
    return call.emit(Quantize(output=output), call.value())


def dequantize(call: Call) -> Value:
    """To float32."""
    if call.is_quantised:
        raise call.fault("its output must be float32")
    x = call.value()
    return call.emit(Identity() if x.type.dtype is DType.FLOAT32 else Dequantize(), x)
