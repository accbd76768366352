"""Operations that go element by element: arithmetic with tensors and constants, and functions of one element."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import hard_sigmoid
from mnc.frontends.keras.assembly import Glu
from mnc.frontends.keras.operations import Converter, Operand, Operands, Result, operation
from mnc.ir import activations as fn
from mnc.ir.activations import Function
from mnc.ir.layers import (
    Activation,
    Add,
    Divide,
    LogSoftmax,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Softmax,
    Sparsemax,
    SquaredDifference,
    Subtract,
)
from mnc.ir.types import Array, Constant

FLOAT_MAX = float(np.finfo(np.float32).max)

FUNCTIONS: dict[str, Function] = {
    "Abs": fn.Abs(),
    "Absolute": fn.Abs(),
    "Ceil": fn.Ceil(),
    "Cos": fn.Cos(),
    "Erf": fn.Erf(),
    "Exp": fn.Exponential(),
    "Fabs": fn.Abs(),
    "Floor": fn.Floor(),
    "HardSilu": fn.HardSwish(),
    "HardTanh": fn.Clip(-1.0, 1.0),
    "Log": fn.Log(),
    "Log1p": fn.Log1p(),
    "LogSigmoid": fn.LogSigmoid(),
    "Relu": fn.Relu(),
    "Relu6": fn.Relu(max_value=6.0),
    "Rsqrt": fn.Rsqrt(),
    "Selu": fn.Selu(),
    "Sigmoid": fn.Sigmoid(),
    "Sign": fn.Sign(),
    "Sin": fn.Sin(),
    "Softplus": fn.Softplus(),
    "Softsign": fn.Softsign(),
    "SparsePlus": fn.SparsePlus(),
    "SparseSigmoid": fn.HardSigmoid(0.5),
    "Sqrt": fn.Sqrt(),
    "Square": fn.Square(),
    "Tanh": fn.Tanh(),
    "TanhShrink": fn.TanhShrink(),
}
"""Operations that are a function of each element, without further arguments."""


def _elementwise(function: Function) -> Converter:
    def convert(op: Operands) -> Result:
        return op.emit(Activation(function), op.value())

    convert.__doc__ = type(function).__doc__
    return convert


for _name, _function in FUNCTIONS.items():
    operation(_name)(_elementwise(_function))


@operation("HardSigmoid")
def hard_sigmoid_operation(op: Operands) -> Result:
    """The slope of the version of Keras."""
    return op.emit(Activation(hard_sigmoid(op.config.keras)), op.value())


@operation("Gelu", approximate=True)
def gelu(op: Operands) -> Result:
    """By tanh unless asked for by erf."""
    return op.emit(Activation(fn.Gelu(op.config.boolean("approximate"))), op.value())


@operation("Silu", beta=1.0)
def silu(op: Operands) -> Result:
    """X * sigmoid(x)."""
    op.config.only("beta", 1.0)
    return op.emit(Activation(fn.Swish()), op.value())


def _with_parameters(kind: type[Function], fields: Mapping[str, str]) -> Converter:
    def convert(op: Operands) -> Result:
        parameters = {field: op.config.number(key) for key, field in fields.items() if key in op}
        return op.emit(Activation(kind(**parameters)), op.value())

    convert.__doc__ = kind.__doc__
    return convert


for _name, _kind, _fields in (
    ("Elu", fn.Elu, {"alpha": "alpha"}),
    ("Celu", fn.Celu, {"alpha": "alpha"}),
    ("HardShrink", fn.HardShrink, {"threshold": "threshold"}),
    ("SoftShrink", fn.SoftShrink, {"threshold": "threshold"}),
    ("Squareplus", fn.Squareplus, {"b": "b"}),
    ("Threshold", fn.Threshold, {"threshold": "threshold", "default_value": "value"}),
):
    operation(_name)(_with_parameters(_kind, _fields))
operation("LeakyRelu", negative_slope=0.2)(_with_parameters(fn.Relu, {"negative_slope": "negative_slope"}))


def _along_axis(kind: type[Softmax | LogSoftmax | Sparsemax]) -> Converter:
    def convert(op: Operands) -> Result:
        x = op.value()
        return op.emit(kind(op.axis("axis", x)), x)

    convert.__doc__ = kind.__doc__
    return convert


for _along in (Softmax, LogSoftmax, Sparsemax):
    operation(_along.__name__, axis=-1)(_along_axis(_along))


@operation("Glu", axis=-1)
def glu(op: Operands) -> Result:
    """One half of the elements times the sigmoid of the other half."""
    x = op.value()
    return op.call.along(Glu(), x, op.axis("axis", x))


@operation("Clip", "x x_min x_max")
def clip(op: Operands) -> Result:
    """Between two numbers."""
    low, high = (op.config.number(key) for key in ("x_min", "x_max"))
    return op.emit(Activation(_clamp(low, high)), op.value())


def _clamp(low: float, high: float) -> Function:
    return fn.Relu(None if high >= FLOAT_MAX else high) if low == 0.0 <= high else fn.Clip(low, high)


# Two operands


def pair(op: Operands, *names: str) -> tuple[Operand, Operand]:
    """Both operands, of which one at least is a tensor; those without batch fit the other."""
    both = [op.operand(name) for name in names or ("x1", "x2")]
    tensors = [each for each in both if isinstance(each, Value)]
    if not tensors:
        raise op.call.fault("the operation needs a tensor of the model")
    rank = len(tensors[0].type.shape)
    if any(len(each.type.shape) != rank for each in tensors):
        raise op.call.fault(
            "the tensors have different numbers of axes, so the batch of one would meet an axis of the other"
        )
    first, second = (each if isinstance(each, Value) else without_batch(op, each, rank) for each in both)
    return first, second


def without_batch(op: Operands, array: Array, rank: int) -> Array:
    """Constant numbers for a tensor of `rank` axes."""
    if array.ndim <= rank:
        return array
    if array.ndim > rank + 1 or array.shape[0] != 1:
        raise op.call.fault(f"a constant of the shape {array.shape} has the axis of the batch, or more")
    return np.asarray(array[0])


def _is_along_last(x: Value, array: Array) -> bool:
    """Whether an array is one number, or one for each index of a tensor's last axis."""
    last = x.type.shape[-1:]
    return bool(last) and (array.size == 1 or array.shape[array.ndim - 1 :] == (array.size,) == last)


def combined(op: Operands, kind: type[Merge], a: Operand, b: Operand, part: str = "") -> Value:
    """Two operands, of which one at least is a tensor, by one layer."""
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(kind(), a, b, part=part)
    if isinstance(a, Value):
        return op.emit(kind(operand=constant(b)), a, part=part)
    assert isinstance(b, Value)
    return op.emit(kind(operand=constant(a), operand_first=True), b, part=part)


def constant(array: Operand) -> Constant:
    """Constant numbers as a layer holds them."""
    assert not isinstance(array, Value)
    return Constant(array.astype(np.float32))


def scaled(op: Operands, x: Value, array: Array, kind: type[Merge], *, scale: bool) -> Value:
    """X * array or x + array, as part of the layers round it where that is possible."""
    if not _is_along_last(x, array):
        return combined(op, kind, x, array)
    return op.affine(x, array.ravel()) if scale else op.affine(x, 1.0, array.ravel())


@operation("Add", "x1 x2")
def add(op: Operands) -> Result:
    """x1 + x2."""
    return added(op, *pair(op))


@operation("BiasAdd", "x1 x2")
def bias_add(op: Operands) -> Result:
    """x1 + x2, a number for each channel."""
    op.config.only("data_format", None, "NHWC")
    return added(op, *pair(op))


def added(op: Operands, a: Operand, b: Operand) -> Value:
    """The sum of two operands."""
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(Add(), a, b)
    x, array = (a, b) if isinstance(a, Value) else (b, a)
    assert isinstance(x, Value) and isinstance(array, np.ndarray)
    return scaled(op, x, array, Add, scale=False)


@operation("Subtract", "x1 x2")
def subtract(op: Operands) -> Result:
    """x1 - x2."""
    a, b = pair(op)
    if not isinstance(a, Value):
        assert isinstance(b, Value)
        return op.affine(b, -1.0, a.ravel()) if _is_along_last(b, a) else combined(op, Subtract, a, b)
    return op.emit(Subtract(), a, b) if isinstance(b, Value) else scaled(op, a, -b, Add, scale=False)


@operation("Multiply", "x1 x2")
def multiply(op: Operands) -> Result:
    """x1 * x2."""
    a, b = pair(op)
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(Multiply(), a, b)
    x, array = (a, b) if isinstance(a, Value) else (b, a)
    assert isinstance(x, Value) and isinstance(array, np.ndarray)
    return scaled(op, x, array, Multiply, scale=True)


@operation("TrueDivide Divide", "x1 x2")
def divide(op: Operands) -> Result:
    """x1 / x2."""
    a, b = pair(op)
    if isinstance(b, Value):
        return combined(op, Divide, a, b)
    assert isinstance(a, Value)
    if not b.all():
        raise op.call.fault("a constant divisor is 0")
    return scaled(op, a, 1.0 / b, Multiply, scale=True)


@operation("ZerosLike", "x dtype")
def zeros_like(op: Operands) -> Result:
    """As many zeros."""
    op.config.ignore("dtype")
    return op.emit(Multiply(operand=Constant(np.float32(0.0))), op.value())


@operation("OnesLike", "x dtype")
def ones_like(op: Operands) -> Result:
    """As many ones."""
    op.config.ignore("dtype")
    zeros = op.emit(Multiply(operand=Constant(np.float32(0.0))), op.value(), part="zeros")
    return op.emit(Add(operand=Constant(np.float32(1.0))), zeros)


@operation("Round", "x decimals", decimals=0)
def rounded(op: Operands) -> Result:
    """To whole numbers, halves to even ones, or to so many digits behind the point."""
    x, unit = op.value(), 10.0 ** op.config.integer("decimals", least=-8)
    if unit == 1.0:
        return op.emit(Activation(fn.Round()), x)
    return op.affine(op.emit(Activation(fn.Round()), op.affine(x, unit, part="units"), part="whole"), 1.0 / unit)


@operation("Power", "x1 x2")
def power(op: Operands) -> Result:
    """A tensor to the power of a number, or a number to the power of a tensor."""
    a, b = pair(op)
    if isinstance(a, Value) and not isinstance(b, Value) and b.size == 1:
        return raised(op, a, float(b.ravel()[0]))
    if isinstance(b, Value) and not isinstance(a, Value) and a.size == 1 and a.min() > 0:
        return op.emit(Activation(fn.Exponential()), op.affine(b, np.log(a.ravel()), part="logarithm"))
    raise op.call.fault("the exponent must be one number, or the base one positive number")


def raised(op: Operands, x: Value, exponent: float) -> Value:
    """A tensor to the power of a number."""
    known: dict[float, Function] = {2.0: fn.Square(), 0.5: fn.Sqrt(), -0.5: fn.Rsqrt()}
    return op.nothing(x) if exponent == 1.0 else op.emit(Activation(known.get(exponent, fn.Power(exponent))), x)


@operation("Negative")
def negative(op: Operands) -> Result:
    """-x."""
    return op.affine(op.value(), -1.0)


@operation("Maximum Fmax", "x1 x2")
def maximum(op: Operands) -> Result:
    """The larger of two."""
    return _extreme(op, Maximum)


@operation("Minimum Fmin", "x1 x2")
def minimum(op: Operands) -> Result:
    """The smaller of two."""
    return _extreme(op, Minimum)


def _extreme(op: Operands, kind: type[Merge]) -> Value:
    a, b = pair(op)
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(kind(), a, b)
    x, array = (a, b) if isinstance(a, Value) else (b, a)
    assert isinstance(x, Value) and isinstance(array, np.ndarray)
    if array.size != 1:
        return combined(op, kind, x, array)
    bound = float(array.ravel()[0])
    low, high = (bound, FLOAT_MAX) if kind is Maximum else (-FLOAT_MAX, bound)
    return op.emit(Activation(_clamp(low, high)), x)


@operation("SquaredDifference", "x1 x2")
def squared_difference(op: Operands) -> Result:
    """(x1 - x2)^2."""
    a, b = pair(op)
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(SquaredDifference(), a, b)
    x, array = (a, b) if isinstance(a, Value) else (b, a)
    assert isinstance(x, Value) and isinstance(array, np.ndarray)
    return op.emit(Activation(fn.Square()), scaled(op, x, -array, Add, scale=False))


@operation("Identity StopGradient")
def identity(op: Operands) -> Result:
    """Nothing at inference."""
    return op.nothing(op.value())
