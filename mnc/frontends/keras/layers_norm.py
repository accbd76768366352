"""Normalisation, and scaling by constants."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras import hdf5
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.frontends.keras.weights import Count
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    Multiply,
    ReduceMean,
    Reshape,
    UnitNormalization,
)
from mnc.ir.types import Array, Constant, Shape
from mnc.names import brief


@converts("BatchNormalization", to=(BatchNormalization,), over_time=True, masks="passes")
def batch_normalization(config: Config) -> Build:
    """Batch normalisation with the statistics learnt in training."""
    axis = _single_axis(config)
    epsilon = config.number("epsilon", 1e-3)
    has_beta = config.boolean("center", True)
    has_gamma = config.boolean("scale", True)
    config.weights = Count(has_gamma + has_beta, 2)
    config.ignore("momentum", "synchronized", "fused", "renorm_clipping", "renorm_momentum", "virtual_batch_size")
    config.only("renorm", False, None)  # its statistics would be five, not two
    config.only("mode", 0)  # Keras 1: the other modes normalise by the input's own statistics

    def build(call: Call) -> Value:
        x = call.tensor
        held_axis = call.axis("axis", axis, x)
        size = (x.type.shape[held_axis],)
        gamma = call.weights.take("gamma", size) if has_gamma else None
        beta = call.weights.take("beta", size) if has_beta else None
        mean = call.weights.take("moving_mean", size)
        variance = call.weights.take("moving_variance", size)
        if not (variance.array + epsilon > 0).all():
            raise call.fault("the moving variance + epsilon must be positive, and is not", hdf5.FOREIGN_WEIGHTS)
        return call.emit(BatchNormalization(mean, variance, gamma, beta, epsilon, held_axis), x, axes=x.axes)

    return build


def _single_axis(config: Config) -> int:
    """`axis` as Keras counts it, where only one is meant; it may be written as a list of one."""
    axes = _axes(config)
    if len(axes) != 1:
        raise config.fault(f"axis = {list(axes)} is not supported; it must be one axis", AS_TFLITE)
    return axes[0]


def _axes(config: Config) -> tuple[int, ...]:
    return (-1,) if config.raw("axis") is None else config.integer_list("axis", -8)


@converts("LayerNormalization", to=(LayerNormalization,), over_time=True, masks="passes")
def layer_normalization(config: Config) -> Build:
    """Layer normalisation along one axis or several."""
    axes = _axes(config)
    epsilon = config.number("epsilon", 1e-3)
    has_beta = config.boolean("center", True)
    has_gamma = config.boolean("scale", True)
    config.weights = Count(has_gamma + has_beta)
    config.only("rms_scaling", False)

    def build(call: Call) -> Value:
        x = call.tensor
        held = tuple(call.axis("axis", axis, x) for axis in axes)
        sizes = tuple(x.type.shape[axis] for axis in held)
        order = np.argsort(held)
        ascending = tuple(sorted(held))

        def weights(role: str) -> Constant:
            return Constant(np.transpose(call.weights.array(role, sizes), order))

        gamma = weights("gamma") if has_gamma else None
        beta = weights("beta") if has_beta else None
        return call.emit(LayerNormalization(gamma, beta, ascending, epsilon), x, axes=x.axes)

    return build


@converts("GroupNormalization", to=(GroupNormalization,), masks="passes")
def group_normalization(config: Config) -> Build:
    """Group normalisation; -1 group is one for each channel."""
    groups = config.integer("groups", 32, -1)
    axis = _single_axis(config)
    epsilon = config.number("epsilon", 1e-3)
    has_beta = config.boolean("center", True)
    has_gamma = config.boolean("scale", True)
    config.weights = Count(has_gamma + has_beta)

    def build(call: Call) -> Value:
        x = call.tensor
        rank, channel_axis = len(x.axes), x.axes.index(call.axis("axis", axis, x))
        if x.axes[channel_axis] != rank - 1:  # hold it channels last
            others = iter(range(rank - 1))
            x = call.assembly.held_as(
                call.where, x, tuple(rank - 1 if k == channel_axis else next(others) for k in range(rank))
            )
        size = (x.type.shape[-1],)
        gamma = call.weights.take("gamma", size) if has_gamma else None
        beta = call.weights.take("beta", size) if has_beta else None
        count = size[0] if groups == -1 else groups
        return call.emit(GroupNormalization(gamma, beta, count, epsilon), x, axes=x.axes)

    return build


def rms_factor(call: Call, x: Value, axes: tuple[int, ...], epsilon: float) -> Value:
    """1 / the square root of (the mean of the squares along these axes + epsilon); the axes stay, with one element."""
    mean = call.emit(ReduceMean(axes, True), call.emit(SQUARE, x, part="square"), part="mean")
    above = call.emit(Add(operand=Constant(np.float32(epsilon))), mean, part="above")
    return call.emit(Activation(fn.Rsqrt()), above, part="factor")


@converts("RMSNormalization", to=(Activation, Add, Multiply, ReduceMean), over_time=True)
def rms_normalization(config: Config) -> Build:
    """Scale * in / the square root of (the mean of its squares + epsilon), along the last axis or axes."""
    axes = sorted(_axes(config))
    epsilon = config.number("epsilon", 1e-6)
    config.weights = Count(1)

    def build(call: Call) -> Value:
        x = call.tensor
        held = tuple(call.axis("axis", axis, x) for axis in axes)
        if held != x.axes[len(x.axes) - len(held) :]:  # Keras multiplies by its scale along the last axes
            raise call.fault(f"axis = {axes} is not supported; the axes must be the last ones, each once", AS_TFLITE)
        stored = call.weights.array("scale", tuple(x.type.shape[axis] for axis in held))
        scale = np.transpose(stored, np.argsort(held)).reshape(
            [n if axis in held else 1 for axis, n in enumerate(x.type.shape)]
        )
        unit = call.emit(Multiply(), x, rms_factor(call, x, tuple(sorted(held)), epsilon), part="unit")
        return call.emit(Multiply(operand=Constant(scale)), unit, axes=x.axes)

    return build


SQUARE = Activation(fn.Square())


@converts("UnitNormalization", to=(UnitNormalization,), over_time=True, masks="passes")
def unit_normalization(config: Config) -> Build:
    """Vectors of length 1; Keras 2 takes a length of 1e-6 for the smallest, Keras 3 one of 1e-12."""
    axes = _axes(config)

    def build(call: Call) -> Value:
        x = call.tensor
        held = sorted(call.axis("axis", axis, x) for axis in axes)
        return call.emit(UnitNormalization(tuple(held), 1e-6 if config.keras < 3 else 1e-12), x, axes=x.axes)

    return build


@converts("Rescaling", to=(BatchNormalization,), over_time=True, masks="passes since 3")
def rescaling(config: Config) -> Build:
    """Scale * x + offset: one of each, or one for each channel."""
    scale, offset = _numbers(config, "scale", 1.0), _numbers(config, "offset", 0.0)

    def build(call: Call) -> Value:
        x = call.tensor
        if not x.axes:
            raise call.fault("the layer needs an input of at least one axis")
        size = (x.shape[-1],)
        gamma, beta = _spread(call, "scale", scale, size), _spread(call, "offset", offset, size)
        return call.emit(_affine(gamma, beta, x.axes[-1]), x, axes=x.axes)

    return build


@converts("Normalization", to=(BatchNormalization, Reshape), over_time=True, masks="passes since 3")
def normalization(config: Config) -> Build:
    """(x - mean) / standard deviation, or its inverse; the statistics are in the attributes or in the weights."""
    stated = config.raw("axis", [-1])
    axes = () if stated is None else config.integer_list("axis", -8)
    invert = config.boolean("invert", False)
    given = None
    if config.raw("mean") is not None or config.raw("variance") is not None:
        given = (_numbers(config, "mean", None), _numbers(config, "variance", None))
    config.weights = Count(0, 0 if given else 3)

    def build(call: Call) -> Value:
        x = call.x
        places = sorted(call.axis("axis", axis, x) for axis in axes) or [len(x.axes) - 1]
        if places != list(range(places[0], places[-1] + 1)):
            raise call.fault(f"axis = {list(axes)} is not supported; the axes must be neighbours", AS_TFLITE)
        sizes = tuple(x.shape[place] for place in places)
        if given is not None:
            mean, variance = (_spread(call, role, values, sizes) for role, values in zip(ROLES, given, strict=True))
        else:
            shape = sizes if axes else ()
            mean, variance = (np.broadcast_to(call.weights.array(role, shape), sizes) for role in ROLES)
        call.weights.discard()  # how many samples the statistics are of
        # Keras divides by max(deviation, 1e-7)
        floor = np.maximum(np.asarray(variance, np.float64), 1e-14)
        flat = [np.ravel(values) for values in (mean, floor)]
        deviation = np.sqrt(flat[1])
        layer = (
            _affine(deviation, flat[0], places[0])
            if invert
            else BatchNormalization(Constant(flat[0]), Constant(flat[1]), None, None, 0.0, places[0])
        )
        if len(places) == 1:
            return call.emit(layer, x)
        before, after = x.shape[: places[0]], x.shape[places[-1] + 1 :]
        merged = call.emit(Reshape((*before, math.prod(sizes), *after)), x, part="merged")
        return call.emit(Reshape(x.shape), call.emit(layer, merged, part="normalised"))

    return build


ROLES = ("mean", "variance")


def _affine(scale: Array, offset: Array, axis: int) -> BatchNormalization:
    """Scale * x + offset as batch normalisation of mean 0 and variance 1."""
    zeros, ones = np.zeros(scale.shape), np.ones(scale.shape)
    return BatchNormalization(Constant(zeros), Constant(ones), Constant(scale), Constant(offset), 0.0, axis)


def _spread(call: Call, key: str, values: Array, shape: Shape) -> Array:
    """One value for each place, from as many or fewer by NumPy's broadcasting."""
    fitting = values.reshape(values.shape[next((i for i, n in enumerate(values.shape) if n > 1), values.ndim) :])
    try:
        return np.broadcast_to(fitting, shape)
    except ValueError:
        raise call.fault(f"{key} has the shape {values.shape}, which does not fit {shape}") from None


def _numbers(config: Config, key: str, default: float | None) -> Array:
    """A number or nested lists of numbers, as a float64 array."""
    value = config.raw(key, default)
    if isinstance(value, Mapping):  # a serialised array: {"class_name": "__numpy__", "config": {"value": ...}}
        inner = value.get("config", value)
        value = inner.get("value") if isinstance(inner, Mapping) else None
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.asarray(np.nan)
    with np.errstate(over="ignore"):
        fits = np.isfinite(array.astype(np.float32)).all()
    if not fits or array.size == 0 or isinstance(value, (str, bool)):
        raise config.fault(f"{key} must be finite numbers, not {brief(value)}")
    return array
