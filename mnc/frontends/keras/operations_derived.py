"""Functions of one element or two that are made of simpler ones: quotients, remainders, exponentials, angles."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Converter, Operand, Operands, Result, operation
from mnc.frontends.keras.operations_arithmetic import added, combined, constant, pair
from mnc.frontends.keras.operations_compare import is_truth, truth
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    Divide,
    Equal,
    FloorDivide,
    FloorMod,
    Greater,
    GreaterEqual,
    Maximum,
    Multiply,
    Subtract,
    Where,
)

# Quotients and remainders


@operation("FloorDivide", "x1 x2")
def floor_divide(op: Operands) -> Result:
    """The quotient, rounded down."""
    return combined(op, FloorDivide, *_divided(op))


@operation("Mod", "x1 x2")
def modulo(op: Operands) -> Result:
    """The remainder of the quotient that is rounded down; it has the sign of x2."""
    return combined(op, FloorMod, *_divided(op))


@operation("Fmod", "x1 x2")
def remainder(op: Operands) -> Result:
    """The remainder of the quotient that is rounded towards 0; it has the sign of x1."""
    a, b = _divided(op)
    (size, sign), (divisor, _) = (_size_and_sign(op, each, part) for each, part in ((a, "x1"), (b, "x2")))
    return combined(op, Multiply, combined(op, FloorMod, size, divisor, "remainder"), sign)


def _size_and_sign(op: Operands, x: Operand, part: str) -> tuple[Operand, Operand]:
    if not isinstance(x, Value):
        return np.abs(x), np.sign(x)
    return op.emit(Activation(fn.Abs()), x, part=f"{part}_size"), op.emit(Activation(fn.Sign()), x, part=f"{part}_sign")


def _divided(op: Operands) -> tuple[Operand, Operand]:
    a, b = pair(op)
    if not isinstance(b, Value) and not b.all():
        raise op.call.fault("a constant divisor is 0")
    return a, b


@operation("DivideNoNan", "x1 x2")
def divide_no_nan(op: Operands) -> Result:
    """The quotient, 0 where the divisor is 0."""
    a, b = pair(op)
    if not isinstance(b, Value):
        assert isinstance(a, Value)
        return op.emit(Multiply(operand=constant(np.divide(1.0, b, out=np.zeros_like(b), where=b != 0.0))), a)
    is_zero = op.emit(Equal(operand=constant(np.array(0.0))), b, part="is_zero")
    # a layer has one constant, which stands where the condition is not 0
    chosen = Where(operand=constant(np.zeros(())), operand_first=True)
    return op.emit(chosen, is_zero, combined(op, Divide, a, b, "quotient"))


@operation("Trunc")
def trunc(op: Operands) -> Result:
    """Rounded towards 0."""
    return truncated(op, op.value())


def truncated(op: Operands, x: Value, part: str = "") -> Value:
    """A tensor rounded towards 0."""
    size = op.emit(Activation(fn.Abs()), x, part=f"{part}_size" if part else "size")
    floor = op.emit(Activation(fn.Floor()), size, part=f"{part}_floor" if part else "floor")
    sign = op.emit(Activation(fn.Sign()), x, part=f"{part}_sign" if part else "sign")
    return op.emit(Multiply(), floor, sign, part=part)


@operation("Reciprocal")
def reciprocal(op: Operands) -> Result:
    """1 / x."""
    return combined(op, Divide, np.ones(()), op.value())


# Exponentials and logarithms


@operation("Expm1")
def expm1(op: Operands) -> Result:
    """exp(x) - 1."""
    x = op.value()
    return op.affine(op.emit(Activation(fn.Exponential()), x, part="exponential"), 1.0, -1.0)


@operation("Exp2")
def exp2(op: Operands) -> Result:
    """2 to the power of x."""
    return op.emit(Activation(fn.Exponential()), op.affine(op.value(), math.log(2.0), part="logarithm"))


def _logarithm(base: float) -> Converter:
    def convert(op: Operands) -> Result:
        """The logarithm to this base."""
        logarithm = op.emit(Activation(fn.Log()), op.value(), part="logarithm")
        return op.affine(logarithm, 1.0 / math.log(base))

    return convert


for _name, _base in (("Log2", 2.0), ("Log10", 10.0)):
    operation(_name)(_logarithm(_base))


def _of_both_powers(sign: float) -> Converter:
    def convert(op: Operands) -> Result:
        """(exp(x) + exp(-x)) / 2, or half of the difference."""
        x = op.value()
        rising = op.emit(Activation(fn.Exponential()), x, part="rising")
        falling = op.emit(Activation(fn.Exponential()), op.affine(x, -1.0, part="negative"), part="falling")
        return op.affine(op.emit(Add() if sign > 0 else Subtract(), rising, falling, part="both"), 0.5)

    return convert


for _name, _sign in (("Cosh", 1.0), ("Sinh", -1.0)):
    operation(_name)(_of_both_powers(_sign))


@operation("Logaddexp", "x1 x2")
def logaddexp(op: Operands) -> Result:
    """The logarithm of the sum of both exponentials: the larger operand, and log1p(exp(-|x1 - x2|))."""
    a, b = pair(op)
    distance = op.emit(Activation(fn.Abs()), combined(op, Subtract, a, b, "difference"), part="distance")
    falling = op.emit(Activation(fn.Exponential()), op.affine(distance, -1.0, part="negative"), part="falling")
    more = op.emit(Activation(fn.Log1p()), falling, part="more")
    return op.emit(Add(), combined(op, Maximum, a, b, "larger"), more)


@operation("Hypot", "x1 x2")
def hypot(op: Operands) -> Result:
    """The length of vectors of two components."""
    a, b = pair(op)
    squares = [
        op.emit(Activation(fn.Square()), each, part=f"square{i}") if isinstance(each, Value) else np.square(each)
        for i, each in enumerate((a, b))
    ]
    return op.emit(Activation(fn.Sqrt()), combined(op, Add, squares[0], squares[1], "sum"))


@operation("Cbrt")
def cbrt(op: Operands) -> Result:
    """The cube root, which has the sign of x."""
    x = op.value()
    root = op.emit(Activation(fn.Power(1.0 / 3.0)), op.emit(Activation(fn.Abs()), x, part="size"), part="root")
    return op.emit(Multiply(), root, op.emit(Activation(fn.Sign()), x, part="sign"))


# Angles


@operation("Tan")
def tan(op: Operands) -> Result:
    """The sine over the cosine."""
    x = op.value()
    sine, cosine = (op.emit(Activation(each()), x, part=part) for each, part in ((fn.Sin, "sine"), (fn.Cos, "cosine")))
    return op.emit(Divide(), sine, cosine)


def _scale(factor: float) -> Converter:
    def convert(op: Operands) -> Result:
        """One unit of angles in another."""
        return op.affine(op.value(), factor)

    return convert


for _name, _factor in (("Deg2rad", math.pi / 180.0), ("Rad2deg", 180.0 / math.pi)):
    operation(_name)(_scale(_factor))


@operation("Erfc")
def erfc(op: Operands) -> Result:
    """1 - erf(x)."""
    return op.affine(op.emit(Activation(fn.Erf()), op.value(), part="erf"), -1.0, 1.0)


# Steps


@operation("Heaviside", "x1 x2")
def heaviside(op: Operands) -> Result:
    """0 below 0, 1 above, x2 at 0."""
    a, b = pair(op)
    if not isinstance(a, Value):
        raise op.call.fault("x1 must be a tensor of the model")
    zero = constant(np.array(0.0))
    above = op.emit(Greater(operand=zero), a, part="above")
    at = combined(op, Multiply, op.emit(Equal(operand=zero), a, part="at"), b, "value")
    return added(op, above, at)


@operation("Signbit")
def signbit(op: Operands) -> Result:
    """1 below 0."""
    return op.emit(Greater(operand=constant(np.array(0.0)), operand_first=True), op.value())


@operation("Isclose", "x1 x2 rtol atol equal_nan", rtol=1e-5, atol=1e-8)
def isclose(op: Operands) -> Result:
    """1 where |x1 - x2| is at most atol + rtol * |x2|."""
    a, b = pair(op)
    op.config.only("equal_nan", False)
    distance = op.emit(Activation(fn.Abs()), combined(op, Subtract, a, b, "difference"), part="distance")
    size: Operand
    if isinstance(b, Value):
        size = op.emit(Activation(fn.Abs()), b, part="size")
        size = op.affine(size, op.config.number("rtol"), op.config.number("atol"), part="near")
    else:
        size = op.config.number("atol") + op.config.number("rtol") * np.abs(b)
    return combined(op, GreaterEqual, size, distance)


# Types.  All numbers here are float32, which holds whole numbers up to 2^24.

FLOATS = ("float32", "float16", "bfloat16", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@operation("Cast ConvertToTensor Array", "x dtype sparse ragged")
def cast(op: Operands) -> Result:
    """Numbers of another type: integers are rounded towards 0, truths are 0 and 1."""
    op.config.only("sparse", None, False)
    op.config.only("ragged", None, False)
    x = op.value()
    dtype = op.config.choice("dtype", *FLOATS, *INTEGERS, "bool", default="float32")
    if dtype == "bool":
        return op.nothing(truth(op, x, "x"))
    return truncated(op, x) if dtype in INTEGERS and not is_truth(op, x) else op.nothing(x)


@operation("Conjugate Copy Real")
def itself(op: Operands) -> Result:
    """The input: numbers here are real, and nobody else writes to a tensor."""
    return op.nothing(op.value())
