"""Backend `cpp`: one class in one header, ready for an Arduino sketch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mnc
from mnc.backends.facts import facts, model_hash
from mnc.backends.interface import CFamily
from mnc.backends.memory import memory
from mnc.backends.names import comment
from mnc.backends.program import Program
from mnc.backends.unit import Unit, parameter_names
from mnc.backends.writer import TYPES, Writer, array, declaration, joined, literal
from mnc.ir.types import TensorType, show
from mnc.plan.arena import Arena


class Cpp(CFamily):
    """One object that is all the RAM; `predict` runs the network and tells the label.

    Kernels, constants and layers are static members of a class template, so
    that the header may be included in any number of files: the linker keeps
    one copy, and `static const` data stays in flash.
    """

    name = "cpp"
    description = "one C++11 class in one header, with predict(), output and proba"

    def prefix(self, name: str) -> str:
        """The template's scope keeps its members apart."""
        return "layer"

    def operands(self, program: Program) -> tuple[Sequence[str], Sequence[str]]:
        """The inputs are predict's parameters, the outputs members."""
        return parameter_names("input", len(program.graph.inputs)), _outputs(program)

    def wrap(self, program: Program, arena: Arena, pieces: Unit, name: str, *, trace: bool) -> Mapping[str, str]:
        """See `CFamily.wrap`."""
        w = Writer()
        w(f"/* {name}: made by mnc {mnc.__version__}; change the model, not this file.")
        for line in facts(program, arena):
            w(f" * {line}")
        w(" */")
        w(f"#ifndef MNC_CLASS_{name}")
        w(f"#define MNC_CLASS_{name}")
        for header in sorted({*pieces.headers, "<stddef.h>", "<stdint.h>"}):
            w(f"#include {header}")
        w()
        _layers(w, program, pieces, name)
        _class(w, program, arena, pieces, name, trace=trace)
        w("#endif")
        return {f"{name}.h": w.text()}


def _layers(w: Writer, program: Program, pieces: Unit, name: str) -> None:
    shapes = _shapes(program)
    w(pieces.macros)
    w()
    w(f"/* The network's constants and functions: the private half of {name}. */")
    w("template <typename Unused>")
    with w.block(f"class {name}Layers", ";"):
        w.outdented("public:")
        for constant, shape in shapes.items():
            w(f"static constexpr int {constant}[{len(shape)}] = {{{joined(shape)}}};")
        w()
        w.outdented("protected:")
        for layer in pieces.layers:
            for constant, values in layer.constants.items():
                w(f"static const {declaration(constant, values)};")
        w()
        for text in (pieces.kernels, *(f"/* {layer.comment} */\n{layer.function}" for layer in pieces.layers)):
            w.lines(text)
            w()
    w()
    for constant, shape in shapes.items():
        w("template <typename Unused>")
        w(f"constexpr int {name}Layers<Unused>::{constant}[{len(shape)}];")
        w()
    for layer in pieces.layers:
        for constant, values in layer.constants.items():
            w("template <typename Unused>")
            head = f"const {declaration(f'{name}Layers<Unused>::{constant}', values)}"
            for line in array(head, values):
                w(line)
            w()


def _class(w: Writer, program: Program, arena: Arena, pieces: Unit, name: str, *, trace: bool) -> None:
    graph, outputs = program.graph, _outputs(program)
    inputs = parameter_names("input", len(graph.inputs))
    sizes = [graph.types[value].elements for value in graph.outputs]
    first = graph.inputs[0].type.elements
    members = ["outputs()", *(f"{output}()" for output in outputs[1:]), "output(0)", "proba(0.0f)"]
    w("/* All the memory of one network; any number of objects run side by side. */")
    with w.block(f"class {name} : private {name}Layers<void>", ";"):
        w.outdented("public:")
        for given, pointer in zip(graph.inputs, inputs, strict=True):
            w(f"/* {pointer}: {comment(given.name)}, {show(given.type.shape)}, channels last */")
        w(f"static constexpr {_unsigned(first)} numInputs = {first};")
        w(f"static constexpr {_unsigned(sizes[0])} numOutputs = {sizes[0]};")
        for constant in _shapes(program):
            w(f"using {name}Layers<void>::{constant};")
        w(f"static constexpr uint32_t kArenaSize = {arena.size}; /* bytes */")
        w(f"static constexpr uint32_t kMacs = {sum(graph.macs(node) for node in graph.nodes)};")
        w(f"static constexpr uint32_t kModelHash = 0x{model_hash(graph):08X};")
        w()
        for output, value, size in zip(outputs, graph.outputs, sizes, strict=True):
            type_ = graph.types[value]
            w(f"{TYPES[type_.dtype.value]} {output}[{size}]; /* {comment(value)}, {show(type_.shape)} */")
        w(f"{_unsigned(sizes[0])} output; /* the index of the largest of outputs */")
        w("float proba; /* the largest of outputs */")
        w()
        if arena.size:
            members.append("arena()")
        if program.state_bytes:
            members.append("state()")
        w(f"constexpr {name}() : {joined(members)} {{}}")
        w()
        if program.state_bytes:
            w("/* Forget what earlier runs left behind. */")
            with w.block("void reset()"), w.block(f"for (size_t i = 0; i < {program.state_bytes // 4}; ++i)"):
                w("state[i] = 0.0f;")
            w()
        parameters = [
            f"const {TYPES[given.type.dtype.value]} *{pointer}"
            for given, pointer in zip(graph.inputs, inputs, strict=True)
        ]
        w("/* Run the network; returns output. */")
        with w.block(f"{_unsigned(sizes[0])} predict({joined(parameters)})"):
            for number in program.unread_inputs:
                w(f"(void){inputs[number]};")
            for i, (call, place) in enumerate(zip(pieces.calls, pieces.outputs, strict=True)):
                w(f"this->{call}")
                if trace:
                    w(f"MNC_TRACE({i}, {place});")
            w("output = 0;")
            loop = f"for ({_unsigned(sizes[0])} i = 1; i < numOutputs; ++i)"
            with w.block(loop), w.block("if (outputs[i] > outputs[output])"):
                w("output = i;")
            w(f"proba = {_real(graph.types[graph.outputs[0]])};")
            w("return output;")
        if arena.size or program.state_bytes:
            w()
            w.outdented("private:")
        if arena.size:
            w(memory(program, arena.size))
        if program.state_bytes:
            w(f"float state[{program.state_bytes // 4}]; /* outlives a run */")
    w()


def _shapes(program: Program) -> Mapping[str, tuple[int, ...]]:
    """The shapes of inputs and outputs, by the names of their constants; a scalar has one element."""
    graph = program.graph
    names = [*parameter_names("kInputShape", len(graph.inputs)), *parameter_names("kOutputShape", len(graph.outputs))]
    values = [*(given.name for given in graph.inputs), *graph.outputs]
    return {name: graph.types[value].shape or (1,) for name, value in zip(names, values, strict=True)}


def _real(type_: TensorType) -> str:
    """The largest output as a real number."""
    if type_.quant is None:
        return "outputs[output]"
    return f"{literal(type_.quant.scale[0])} * static_cast<float>(outputs[output] - {literal(type_.quant.zero_point)})"


def _outputs(program: Program) -> tuple[str, ...]:
    return ("outputs", *(f"outputs{i}" for i in range(1, len(program.graph.outputs))))


def _unsigned(largest: int) -> str:
    return "uint16_t" if largest <= 0xFFFF else "uint32_t"
