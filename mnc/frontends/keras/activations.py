"""Keras' activation functions by name, as the version that wrote the file means them."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.frontends.keras.assembly import Activation
from mnc.frontends.keras.config import Config, brief
from mnc.ir.activations import (
    Elu,
    Exponential,
    Function,
    Gelu,
    HardSigmoid,
    HardSwish,
    Mish,
    Relu,
    Selu,
    Sigmoid,
    Softplus,
    Softsign,
    Swish,
    Tanh,
)
from mnc.ir.layers import Softmax

FUNCTIONS: dict[str, Function] = {
    "elu": Elu(),
    "celu": Elu(),  # with its default alpha of 1 it is the same function
    "exponential": Exponential(),
    "gelu": Gelu(),
    "hard_silu": HardSwish(),
    "hard_swish": HardSwish(),
    "leaky_relu": Relu(negative_slope=0.2),
    "mish": Mish(),
    "relu": Relu(),
    "relu6": Relu(max_value=6.0),
    "selu": Selu(),
    "sigmoid": Sigmoid(),
    "silu": Swish(),
    "softplus": Softplus(),
    "softsign": Softsign(),
    "swish": Swish(),
    "tanh": Tanh(),
}


def hard_sigmoid(keras: int) -> HardSigmoid:
    """Keras 1 and 2 have the slope 0.2, Keras 3 has 1/6."""
    return HardSigmoid(0.2 if keras < 3 else 1.0 / 6.0)


def read_activation(config: Config, key: str = "activation", default: str = "linear") -> Activation:
    """The function that an attribute names; None is the identity."""
    value = config.raw(key, default)
    if isinstance(value, Mapping):  # a serialised function: {"class_name": "function", "config": "relu", ...}
        module = value.get("module")
        known = module is None or (isinstance(module, str) and module.split(".")[0] in ("builtins", "keras"))
        if value.get("class_name") != "function" or not known or not isinstance(value.get("config"), str):
            raise config.fault(
                f"{key} = {brief(value)} is not supported", "put a layer in its place, or name a function of Keras"
            )
        value = value["config"]
    if value is None or value == "linear":
        return None
    if value == "softmax":
        return Softmax()
    if value == "hard_sigmoid":
        return hard_sigmoid(config.keras)
    if isinstance(value, str) and value in FUNCTIONS:
        return FUNCTIONS[value]
    known_names = ", ".join(sorted([*FUNCTIONS, "hard_sigmoid", "linear", "softmax"]))
    raise config.fault(f"the {key} {brief(value)} is not supported", f"mnc knows {known_names}")


def read_function(config: Config, key: str, default: str) -> Function | None:
    """Like `read_activation`, where softmax has no place."""
    function = read_activation(config, key, default)
    if isinstance(function, Softmax):
        raise config.fault(f"the {key} 'softmax' is not supported here")
    return function
