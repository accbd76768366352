"""Backend `micropython`: one module for MicroPython (or any Python) that needs nothing but `array` and `math`.

It shares selection's frame and the memory plan with mnc, and nothing of C:
the kernels are Python, and so is what calls them.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from mnc.backends import Backend, Emission, Target
from mnc.backends.names import comment
from mnc.backends.select import Refused, Select, select
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.loops import flat
from mnc.errors import refuse
from mnc.ir import activations as fn
from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, Conv2D, Dense, DepthwiseConv2D, MaxPooling2D, Softmax
from mnc.ir.types import Constant, DType
from mnc.plan.liveness import Plan, plan
from mnc.program import NULL, Argument, Call, Const, In, Out, Program, Step, Value

LARGEST = 3.4e38
"""Bounds of an output without bounds."""


def _image(prefix: str, value: Value) -> dict[str, Argument]:
    """A value's sizes and strides, as a kernel takes them."""
    height, width, channels = value.image
    layout = value.layout
    sizes = {"height": height, "width": width, "channels": channels}
    strides = {"row": layout.row, "pixel": layout.pixel, "channel": layout.channel}
    return {f"{prefix}_{name}": number for name, number in {**sizes, **strides}.items()}


def _bounds(function: fn.Function | None) -> dict[str, Argument] | Refusal:
    """A clamp's ends."""
    if function is None:
        return {"lowest": -LARGEST, "highest": LARGEST}
    if not isinstance(function, fn.Relu) or not function.is_clamp:
        return Refusal(f"the micropython backend has no {type(function).__name__}")
    return {"lowest": 0.0, "highest": LARGEST if function.max_value is None else function.max_value}


def conv2d(context: Context[Conv2D | DepthwiseConv2D | Dense]) -> Step | Refusal:
    """A depthwise convolution has a group for each channel; a dense layer is a 1x1 convolution."""
    layer, (x,), y = context.layer, context.inputs, context.output
    if isinstance(layer, Dense):
        layer = Conv2D(Constant(layer.weights.array[None, None]), layer.bias, activation=layer.activation)
    bounds = _bounds(layer.activation)
    if isinstance(bounds, Refusal):
        return bounds
    constants = {"weights": layer.weights} | ({} if layer.bias is None else {"bias": layer.bias})
    arguments: dict[str, Argument] = {
        "x": In(),
        "y": Out(),
        "weights": Const("weights"),
        "bias": NULL if layer.bias is None else Const("bias"),
        **_image("in", x),
        **_image("out", y),
        "groups": layer.groups if isinstance(layer, Conv2D) else x.image[2],
        "kernel_height": layer.kernel[0],
        "kernel_width": layer.kernel[1],
        "stride_y": layer.stride[0],
        "stride_x": layer.stride[1],
        "dilation_y": layer.dilation[0],
        "dilation_x": layer.dilation[1],
        "top": layer.padding[0][0],
        "left": layer.padding[1][0],
        **bounds,
    }
    return context.whole((Call("conv2d", arguments),), constants)


def max_pooling2d(context: Context[MaxPooling2D]) -> Step:
    layer, (x,), y = context.layer, context.inputs, context.output
    window: dict[str, Argument] = {
        "pool_height": layer.pool[0],
        "pool_width": layer.pool[1],
        "stride_y": layer.stride[0],
        "stride_x": layer.stride[1],
        "top": layer.padding[0][0],
        "left": layer.padding[1][0],
    }
    return context.whole(
        (Call("max_pooling2d", {"x": In(), "y": Out(), **_image("in", x), **_image("out", y), **window}),)
    )


def activation(context: Context[Activation]) -> Step | Refusal:
    count, bounds = context.output.type.elements, _bounds(context.layer.function)
    if isinstance(bounds, Refusal):
        return bounds
    call = Call("clamp", {"x": In(), "y": Out(), "count": count, **bounds})
    return context.whole((call,), nest=flat(count))


def softmax(context: Context[Softmax]) -> Step | Refusal:
    if context.layer.axis not in (-1, context.output.type.rank - 1):
        return Refusal("the micropython backend has softmax along the last axis only")
    count = context.output.type.shape[-1]
    vectors = context.output.type.elements // count
    call = Call("softmax", {"x": In(), "y": Out(), "vectors": vectors, "count": count})
    return context.whole((call,), nest=flat(vectors * count))


TABLE: Mapping[type[Layer], Select] = {
    Activation: activation,
    Conv2D: conv2d,
    Dense: conv2d,
    DepthwiseConv2D: conv2d,
    MaxPooling2D: max_pooling2d,
    Softmax: softmax,
}


class MicroPython:
    """One module with one class; `predict` takes and gives flat sequences of floats."""

    name = "micropython"
    api_version = 4
    description = "one module for MicroPython"
    options: Mapping[str, str] = MappingProxyType({})

    def configured(self, settings: Mapping[str, str], target: Target | None) -> Backend:
        for key in settings:
            raise refuse("backend 'micropython'", f"has no option {key!r}")
        return self

    def select(self, graph: Graph) -> Program | tuple[Refused, ...]:
        return select(graph, {DType.FLOAT32: TABLE}, backend=self.name)

    def emit(self, program: Program, name: str, *, trace: bool = False) -> Emission:
        if keyword.iskeyword(name):
            raise refuse(f"name {name!r}", "is a keyword of Python")
        layout = plan(program)
        constants = {step.node.name: sum(each.bytes for each in step.constants.values()) for step in program.steps}
        return Emission({f"{name}.py": _module(program, layout, name)}, program, layout, constants)


def _module(program: Program, layout: Plan, name: str) -> str:
    kernels = (resources.files("mnc_example") / "kernels.py").read_text(encoding="utf-8")
    used = [each for each in kernels.split("\n\n\n") if any(f"def {kernel}(" in each for kernel in program.kernels)]
    head = ["from array import array"] + ["from math import exp"] * ("softmax" in program.kernels)
    numbers = [
        f"_{i}_{key} = array('f', {[float(v) for v in constant.array.ravel()]})"
        for i, step in enumerate(program.steps)
        for key, constant in step.constants.items()
    ]
    inputs = [f"input{i}" for i in range(len(program.graph.inputs))]
    outputs = [f"self.output{i}" for i in range(len(program.graph.outputs))]
    places = {
        buffer.name: inputs[buffer.index]
        if buffer.kind == "input"
        else outputs[buffer.index]
        if buffer.kind == "output"
        else _slice(layout.arena.offsets[buffer.name], buffer.bytes)
        for buffer in program.buffers.values()
    }
    sizes = [program.graph.types[value].elements for value in program.graph.outputs]
    body = [f"class {name}:", "    def __init__(self):"]
    body += [f"        self.arena = memoryview(array('f', [0.0] * {math.ceil(layout.arena.size / 4)}))"]
    body += [f"        {output} = array('f', [0.0] * {size})" for output, size in zip(outputs, sizes, strict=True)]
    body += ["", f"    def predict(self, {', '.join(inputs)}):", "        arena = self.arena"]
    for i, step in enumerate(program.steps):
        body += [f"        # {comment(step.node.name)}"]
        body += [f"        {call.kernel}({_arguments(call, i, step, places)})" for call in step.calls]
    body += [f"        return {', '.join(outputs)}", ""]
    return "\n".join([*head, "", "\n\n\n".join(["", *used, "\n".join(numbers), "\n".join(body)])])


def _slice(offset: int, size: int) -> str:
    return f"arena[{offset // 4} : {(offset + size) // 4}]"


def _arguments(call: Call, number: int, step: Step, places: Mapping[str, str]) -> str:
    def text(argument: Argument) -> str:
        match argument:
            case In(read):
                return places[step.reads[read].buffer]
            case Out(write=write):
                return places[step.writes[write].buffer]
            case Const(name):
                return f"_{number}_{name}"
            case _:
                return "None" if argument == NULL else repr(argument)

    return ", ".join(f"{key}={text(argument)}" for key, argument in call.arguments.items())
