"""Normalisation: to a mean and a deviation, to a length, and among neighbouring channels."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.layers_norm import rms_factor
from mnc.frontends.keras.operations import Operands, Result, operation
from mnc.frontends.keras.operations_arithmetic import without_batch
from mnc.frontends.keras.operations_reduce import axes_of, variance_of
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    Conv2D,
    Divide,
    LayerNormalization,
    Maximum,
    Multiply,
    ReduceMean,
    ReduceSum,
    UnitNormalization,
)
from mnc.ir.types import Array, Constant


@operation("LayerNorm", "x gamma beta axis epsilon rms_scaling", axis=-1, epsilon=1e-7, rms_scaling=False)
def layer_norm(op: Operands) -> Result:
    """Less the mean, in units of the deviation, times gamma plus beta."""
    op.config.only("rms_scaling", False)
    x = op.value()
    axes = axes_of(op, x)
    shape = tuple(x.shape[axis] for axis in axes)
    gamma, beta = (_fitting(op, name, shape) if name in op else None for name in ("gamma", "beta"))
    return op.emit(LayerNormalization(gamma, beta, axes, op.config.number("epsilon", 1e-7)), x)


@operation("RMSNorm", "x scale axis epsilon", axis=-1, epsilon=1e-7)
def rms_norm(op: Operands) -> Result:
    """In units of the root of the mean square, times the scale."""
    x = op.value()
    axes = axes_of(op, x)
    factor = rms_factor(op.call, x, axes, op.config.number("epsilon", 1e-7))
    if "scale" not in op:
        return op.emit(Multiply(), x, factor)
    scaled = op.emit(Multiply(), x, factor, part="normal")
    return op.emit(Multiply(operand=_fitting(op, "scale", tuple(x.shape[axis] for axis in axes))), scaled)


def _fitting(op: Operands, name: str, shape: tuple[int, ...]) -> Constant:
    """Constant numbers of this shape."""
    array = without_batch(op, op.numbers(name), len(shape))
    try:
        return Constant(np.broadcast_to(array, shape).astype(np.float32))
    except ValueError:
        raise op.call.fault(f"{name} of the shape {array.shape} does not fit {shape}") from None


@operation("BatchNorm", "x mean variance offset scale axis epsilon", epsilon=1e-3)
def batch_norm(op: Operands) -> Result:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, all constant, along one axis."""
    x = op.value()
    axes = axes_of(op, x)
    if len(axes) != 1:
        raise op.call.fault("the axis must be one")
    shape = tuple(n if k == axes[0] else 1 for k, n in enumerate(x.shape))
    mean, variance, scale, offset = (
        _row(op, name, shape[axes[0]], default)
        for name, default in (("mean", 0.0), ("variance", 1.0), ("scale", 1.0), ("offset", 0.0))
    )
    deviation = variance + op.config.number("epsilon")
    if (deviation <= 0.0).any():
        raise op.call.fault("variance + epsilon must be positive, and is not")
    factor = scale / np.sqrt(deviation)
    shift = offset - mean * factor
    if axes[0] == len(shape) - 1:
        return op.affine(x, factor, shift)
    scaled = op.emit(Multiply(operand=Constant(factor.reshape(shape).astype(np.float32))), x, part="scaled")
    return op.emit(Add(operand=Constant(shift.reshape(shape).astype(np.float32))), scaled)


def _row(op: Operands, name: str, size: int, default: float) -> Array:
    array = op.numbers(name) if name in op else np.array(default)
    if array.size != 1 and not array.shape[-1:] == (array.size,) == (size,):
        raise op.call.fault(f"{name} of the shape {array.shape} does not fit an axis of {size}")
    return np.broadcast_to(array.ravel(), (size,))


@operation("Moments", "x axes keepdims")
def moments(op: Operands) -> Result:
    """The mean and the variance."""
    x, keepdims = op.value(), op.config.boolean("keepdims", False)
    op.config.only("synchronized", False)
    op.config.only("shift", None)
    axes = axes_of(op, x, "axes")
    return op.emit(ReduceMean(axes, keepdims), x, part="mean"), variance_of(op, x, axes, keepdims, "variance")


@operation("L2Normalize", "x axis epsilon", epsilon=1e-12)
def l2_normalize(op: Operands) -> Result:
    """Vectors of length 1; TensorFlow takes the sum of squares for `epsilon` at least."""
    x = op.value()
    return op.emit(UnitNormalization(axes_of(op, x), op.config.number("epsilon") ** 0.5), x)


@operation("Normalize", "x axis order", axis=-1, order=2)
def normalize(op: Operands) -> Result:
    """Vectors whose length is 1, or the sum of whose absolute values is."""
    order = op.config.number("order")
    x = op.value()
    axes, least = axes_of(op, x), op.config.number("epsilon", 1e-7)
    if order == 2.0:
        return op.emit(UnitNormalization(axes, least), x)
    if order != 1.0:
        raise op.call.fault(f"order = {order:g} is not supported; mnc knows the orders 1 and 2")
    size = op.emit(ReduceSum(axes, True), op.emit(Activation(fn.Abs()), x, part="absolute"), part="size")
    return op.emit(Divide(), x, op.emit(Maximum(operand=Constant(np.float32(least))), size, part="unit"))


@operation("ClipByNorm", "x clip_norm axes")
def clip_by_norm(op: Operands) -> Result:
    """Vectors of at most this length."""
    x, most = op.value(), op.config.number("clip_norm")
    if most <= 0.0:
        raise op.call.fault(f"clip_norm = {most:g} must be positive")
    axes = axes_of(op, x, "axes")
    length = _length(op, x, axes)
    unit = op.emit(Maximum(operand=Constant(np.float32(most))), length, part="unit")
    return op.emit(Divide(), op.affine(x, most, part="longest"), unit)


def _length(op: Operands, x: Value, axes: tuple[int, ...]) -> Value:
    square = op.emit(Activation(fn.Square()), x, part="square")
    return op.emit(Activation(fn.Sqrt()), op.emit(ReduceSum(axes, True), square, part="sum"), part="length")


@operation("LocalResponse", "x depth_radius bias alpha beta", depth_radius=5, bias=1.0, alpha=1.0, beta=0.5)
def local_response(op: Operands) -> Result:
    """Each channel over a power of the squares of its neighbours: x / (bias + alpha * their sum) ** beta."""
    x, radius = op.value(), op.config.integer("depth_radius", least=0)
    if len(x.shape) != 3:
        raise op.call.fault("the operation needs an image (height, width, channels)")
    bias, alpha, beta = (op.config.number(key) for key in ("bias", "alpha", "beta"))
    places = np.arange(x.shape[2])
    near = alpha * (np.abs(places[:, None] - places) <= radius)
    square = op.emit(Activation(fn.Square()), x, part="square")
    kernel = Constant(near.astype(np.float32)[None, None])
    total = op.emit(Conv2D(kernel, Constant(np.full(x.shape[2], bias, np.float32))), square, part="neighbours")
    power = fn.Sqrt() if beta == 0.5 else fn.Power(beta)
    return op.emit(Divide(), x, op.emit(Activation(power), total, part="power"))
