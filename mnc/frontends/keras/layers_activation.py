"""Activation functions as layers of their own."""

from __future__ import annotations

from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import Build, Call, Value
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.ir.activations import Elu, Function, Relu
from mnc.ir.layers import Activation, Identity, Softmax


def elementwise(function: Function | None) -> Build:
    """A function of each element, in whatever order they are held."""

    def build(call: Call) -> Value:
        x = call.held
        result = call.emit(Identity() if function is None else Activation(function), x, axes=x.axes)
        return Value(result.name, result.type, result.axes, x.before_flatten)

    return build


@converts("Activation")
def activation(config: Config) -> Build:
    """Any activation function by name."""
    function = read_activation(config)
    return _softmax(-1) if isinstance(function, Softmax) else elementwise(function)


@converts("ReLU")
def relu(config: Config) -> Build:
    """ReLU with its three parameters."""
    return elementwise(
        Relu(
            max_value=config.optional_number("max_value"),
            negative_slope=config.number("negative_slope", 0.0),
            threshold=config.number("threshold", 0.0),
        )
    )


@converts("LeakyReLU")
def leaky_relu(config: Config) -> Build:
    """A slope below 0: `alpha` in Keras 1 and 2, `negative_slope` in Keras 3."""
    key = "alpha" if "alpha" in config else "negative_slope"
    return elementwise(Relu(negative_slope=config.number(key, 0.3)))


@converts("ELU")
def elu(config: Config) -> Build:
    """The exponential linear unit."""
    return elementwise(Elu(config.number("alpha", 1.0)))


@converts("Softmax")
def softmax(config: Config) -> Build:
    """Softmax along one axis."""
    axis = config.raw("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise config.fault(f"axis = {axis!r} is not supported; softmax goes along one axis")
    return _softmax(axis)


def _softmax(axis: int) -> Build:
    def build(call: Call) -> Value:
        x = call.held if call.held.before_flatten is None else call.x
        return call.emit(Softmax(call.axis("axis", axis, x)), x, axes=x.axes)

    return build
