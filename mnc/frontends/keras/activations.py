"""Keras' activation functions, by name or as layers, as the version that wrote the file means them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mnc.frontends.keras.assembly import Activation, AlongAxis, Glu
from mnc.frontends.keras.config import Config, is_of_keras
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.ir.activations import (
    Clip,
    Elu,
    Exponential,
    Function,
    Gelu,
    HardShrink,
    HardSigmoid,
    HardSwish,
    LogSigmoid,
    Mish,
    Relu,
    Selu,
    Sigmoid,
    Softplus,
    SoftShrink,
    Softsign,
    SparsePlus,
    Squareplus,
    Swish,
    Tanh,
    TanhShrink,
)
from mnc.ir.layers import LogSoftmax, Softmax, Sparsemax
from mnc.names import brief

FUNCTIONS: dict[str, Function] = {
    "elu": Elu(),
    "celu": Elu(),  # with its default alpha of 1 it is the same function
    "exponential": Exponential(),
    "gelu": Gelu(),
    "hard_shrink": HardShrink(),
    "hard_silu": HardSwish(),
    "hard_swish": HardSwish(),
    "hard_tanh": Clip(-1.0, 1.0),
    "leaky_relu": Relu(negative_slope=0.2),
    "log_sigmoid": LogSigmoid(),
    "mish": Mish(),
    "relu": Relu(),
    "relu6": Relu(max_value=6.0),
    "selu": Selu(),
    "sigmoid": Sigmoid(),
    "silu": Swish(),
    "soft_shrink": SoftShrink(),
    "softplus": Softplus(),
    "softsign": Softsign(),
    "sparse_plus": SparsePlus(),
    "sparse_sigmoid": HardSigmoid(0.5),
    "squareplus": Squareplus(),
    "swish": Swish(),
    "tanh": Tanh(),
    "tanh_shrink": TanhShrink(),
}

ALONG_AXIS: dict[str, AlongAxis] = {
    "glu": Glu(),
    "log_softmax": LogSoftmax(),
    "softmax": Softmax(),
    "sparsemax": Sparsemax(),
}
"""Functions that go along the last axis."""


def hard_sigmoid(keras: int) -> HardSigmoid:
    """Keras 1 and 2 have the slope 0.2, Keras 3 has 1/6."""
    return HardSigmoid(0.2 if keras < 3 else 1.0 / 6.0)


def read_activation(config: Config, key: str = "activation", default: str = "linear") -> Activation:
    """The function that an attribute names; None is the identity."""
    value = config.raw(key, default)
    if isinstance(value, Mapping):
        class_name, inner = value.get("class_name"), value.get("config")
        if not is_of_keras(value):
            raise config.fault(f"the custom {key} {brief(class_name)} is not supported", AS_TFLITE)
        if isinstance(class_name, str) and class_name in (*LAYERS, "Softmax") and isinstance(inner, Mapping):
            return _layer(config, key, class_name, inner)
        if class_name != "function" or not isinstance(inner, str):
            raise config.fault(f"{key} = {brief(value)} is not supported", AS_TFLITE)
        value = inner  # a serialised function: {"class_name": "function", "config": "relu", ...}
    if value is None or value == "linear":
        return None
    if isinstance(value, str) and value in ALONG_AXIS:
        return ALONG_AXIS[value]
    if value == "hard_sigmoid":
        return hard_sigmoid(config.keras)
    if isinstance(value, str) and value in FUNCTIONS:
        return FUNCTIONS[value]
    known_names = ", ".join(sorted([*FUNCTIONS, *ALONG_AXIS, "hard_sigmoid", "linear"]))
    raise config.fault(f"the {key} {brief(value)} is not supported", f"mnc knows {known_names}", AS_TFLITE)


def _layer(config: Config, key: str, class_name: str, inner: Mapping[str, object]) -> Activation:
    """A layer that stands where a function is expected: Dense(3, activation=LeakyReLU(0.1))."""
    own = Config(inner, f"{config.where}/{key} ({class_name})", config.findings)
    function: Function | AlongAxis
    if class_name == "Softmax":
        own.only("axis", -1)
        function = Softmax()
    else:
        function = LAYERS[class_name](own)
    own.refuse_leftovers()
    return function


def relu(config: Config) -> Function:
    """ReLU with its three parameters."""
    function = Relu(
        max_value=config.optional_number("max_value"),
        negative_slope=config.number("negative_slope", 0.0),
        threshold=config.number("threshold", 0.0),
    )
    if min(function.max_value or 0.0, function.negative_slope, function.threshold) < 0.0:
        raise config.fault("max_value, negative_slope and threshold must not be negative")
    return function


def leaky_relu(config: Config) -> Function:
    """A slope below 0: `alpha` in Keras 1 and 2, `negative_slope` in Keras 3."""
    key = "alpha" if "alpha" in config else "negative_slope"
    return Relu(negative_slope=config.number(key, 0.3))


def thresholded_relu(config: Config) -> Function:
    """0 below a threshold."""
    return Relu(threshold=config.number("theta", 1.0))


def elu(config: Config) -> Function:
    """The exponential linear unit."""
    return Elu(config.number("alpha", 1.0))


LAYERS: dict[str, Callable[[Config], Function]] = {
    "ReLU": relu,
    "LeakyReLU": leaky_relu,
    "ThresholdedReLU": thresholded_relu,
    "ELU": elu,
}
"""Layers that are just a function of each element."""


def read_function(config: Config, key: str, default: str) -> Function | None:
    """Like `read_activation`, where a function along an axis has no place."""
    function = read_activation(config, key, default)
    if isinstance(function, AlongAxis):
        raise config.fault(f"the {key} {type(function).__name__.lower()!r} is not supported here", AS_TFLITE)
    return function
