"""Activations, and what changes the type of number."""

from __future__ import annotations

from mnc.frontends.tflite.assembly import Call, converts
from mnc.frontends.tflite.tensors import Value
from mnc.ir.activations import Elu, Function, HardSwish, Relu, Sigmoid, Tanh
from mnc.ir.layers import Activation, Dequantize, Identity, PReLU, Quantize, Softmax
from mnc.ir.types import Constant, DType, Number, Quantisation

FUNCTIONS: dict[str, Function] = {
    "ELU": Elu(),
    "HARD_SWISH": HardSwish(),
    "LOGISTIC": Sigmoid(),
    "RELU": Relu(),
    "RELU6": Relu(6.0),
    "TANH": Tanh(),
}
FIXED: dict[str, Quantisation] = {
    "LOGISTIC": Quantisation((1 / 256,), -128),
    "SOFTMAX": Quantisation((1 / 256,), -128),
    "TANH": Quantisation((1 / 128,), 0),
}
"""The only output scale and zero point that int8 kernels of these have."""


@converts(*FUNCTIONS)
def activation(call: Call) -> Value:
    """A function of each element."""
    return call.emit(Activation(FUNCTIONS[call.operator.kind], output=_output(call)), call.value())


def _output(call: Call) -> Number | None:
    fixed = FIXED.get(call.operator.kind)
    output = call.output
    if output is not None and fixed is not None and output.quant != fixed:
        raise call.fault(f"its int8 output must have the scale {fixed.scale[0]} and the zero point {fixed.zero_point}")
    return output


@converts("LEAKY_RELU")
def leaky_relu(call: Call) -> Value:
    """A ReLU with a slope below zero."""
    return call.emit(Activation(Relu(negative_slope=float(call.option("Alpha"))), output=call.output), call.value())


@converts("PRELU")
def prelu(call: Call) -> Value:
    """A ReLU with learnt slopes."""
    x = call.value()
    array = call.array(1, "slopes")
    alpha = call.weights(1, "slopes", tuple(range(array.ndim)))
    # The axes of the slopes and of the input, aligned at the last.
    shape = alpha.shape[-x.type.rank :]
    if any(n != 1 for n in alpha.shape[: -x.type.rank]):
        raise call.fault(f"its slopes {alpha.shape} have more axes than its input")
    shape = (1,) * (x.type.rank - len(shape)) + shape
    return call.emit(PReLU(Constant(alpha.array.reshape(shape), alpha.quant), output=call.output), x)


@converts("SOFTMAX")
def softmax(call: Call) -> Value:
    """Over the last axis."""
    beta = float(call.option("Beta"))
    if beta != 1.0:
        raise call.fault(f"beta = {beta:g} is not supported; it must be 1")
    return call.emit(Softmax(output=_output(call)), call.value())


@converts("QUANTIZE")
def quantize(call: Call) -> Value:
    """To int8, from float32 or from another scale."""
    output = call.output
    if output is None:
        raise call.fault("its output must be int8")
    return call.emit(Quantize(output=output), call.value())


@converts("DEQUANTIZE")
def dequantize(call: Call) -> Value:
    """To float32."""
    if call.is_quantised:
        raise call.fault("its output must be float32")
    x = call.value()
    return call.emit(Identity() if x.type.dtype is DType.FLOAT32 else Dequantize(), x)
