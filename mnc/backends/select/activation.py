"""Activations: fused into a kernel's store where they are a clamp, else over the row after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from mnc.ir import activations as fn
from mnc.names import snake
from mnc.program import Argument, Call, In, Name, Out, Scratch

FLOAT_MAX = 3.4028234663852886e38


def epilogue(function: fn.Function | None, count: int) -> tuple[Mapping[str, Argument], tuple[Call, ...]]:
    """A kernel's `activation` and `high` arguments, and the calls that follow on its `count` elements of output."""
    linear: dict[str, Argument] = {"activation": Name("MNC_LINEAR"), "high": 0.0}
    if function is None:
        return linear, ()
    if isinstance(function, fn.Relu) and function.is_clamp:
        if function.max_value is None:
            return {"activation": Name("MNC_RELU"), "high": 0.0}, ()
        return {"activation": Name("MNC_CLAMP"), "high": function.max_value}, ()
    return linear, (over(function, Out(), count),)


def over(function: fn.Function, source: In | Out | Scratch, count: int, target: Out | Scratch | None = None) -> Call:
    """The call that applies a function to `count` elements; None: into the output."""
    kernel, parameters = _kernel(function)
    return Call(kernel, {"in": source, "out": target or Out(), "count": count, **parameters})


def _kernel(function: fn.Function) -> tuple[str, Mapping[str, Argument]]:
    """The kernel of a function and its parameters: called like the class and its fields, but for these few."""
    match function:
        case fn.Relu(high, slope, threshold):
            limit = FLOAT_MAX if high is None else high
            return "mnc_relu_f32", {"threshold": threshold, "slope": slope, "high": limit}
        case fn.Elu(alpha):
            return "mnc_elu_f32", {"alpha": alpha, "scale": 1.0}
        case fn.Selu():
            return "mnc_elu_f32", {"alpha": 1.6732632423543772, "scale": 1.0507009873554805}
        case fn.Gelu(approximate):
            return ("mnc_gelu_tanh_f32" if approximate else "mnc_gelu_f32"), {}
    parameters = {field.name: getattr(function, field.name) for field in fields(function)}
    return f"mnc_{snake(type(function).__name__)}_f32", parameters
