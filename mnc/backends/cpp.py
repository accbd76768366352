"""Backend `cpp`: one class in one header, ready for an Arduino sketch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import mnc
from mnc.backends.facts import API, facts, model_hash, terms, version_macro
from mnc.backends.interface import API_VERSION, CFamily
from mnc.backends.memory import arena_map, arena_pointer, memory
from mnc.backends.names import comment
from mnc.backends.unit import Unit, layout, parameter_names
from mnc.backends.writer import Writer, declaration, joined, literal
from mnc.errors import argument, refuse
from mnc.ir.types import DType, TensorType, show
from mnc.pieces import Files
from mnc.plan.arena import Arena
from mnc.program import Program


class Cpp(CFamily):
    """One object that is all the RAM; `predict` runs the network and tells the label.

    Kernels, constants and layers are static members of a class template, so
    that the header may be included in any number of files: the linker keeps
    one copy, and `static const` data stays in flash.
    """

    name = "cpp"
    api_version = API_VERSION
    description = "one C++11 class in one header, with predict(), output and proba"

    def prefix(self, name: str) -> str:
        """The template's scope keeps its members apart."""
        return "layer"

    def operands(self, program: Program) -> tuple[Sequence[str], Sequence[str]]:
        """The inputs are predict's parameters, the outputs members."""
        return parameter_names("input", len(program.graph.inputs)), _outputs(program)

    def wrap(self, program: Program, arena: Arena, pieces: Unit, name: str, *, trace: bool) -> Files:
        """See `CFamily.wrap`."""
        _check_class_name(name, program, arena)
        w = Writer()
        w(f"/* {name}: made by mnc {mnc.__version__}; change the model, not this file. */")
        w(f"#ifndef MNC_CLASS_{name}")
        w(f"#define MNC_CLASS_{name}")
        for header in sorted({*pieces.headers, "<stddef.h>", "<stdint.h>"}):
            w(f"#include {header}")
        w()
        w("/** @file")
        w(f" * The neural network {name}.")
        w(" *")
        for line in facts(program, arena):
            w(f" * {line}")
        w(" *")
        for line in terms(program, "the object", "objects"):
            w(f" * {line}")
        w(" */")
        w()
        version_macro(w)
        w()
        _layers(w, program, arena, pieces, name)
        _class(w, program, arena, pieces, name, trace=trace)
        w("#endif")
        return Files({f"{name}.h": w})


def _check_class_name(name: str, program: Program, arena: Arena) -> None:
    """CompileError where the class would be called like one of its members, or like a macro of any header."""
    members = {"output", "proba", "predict", "reset", "arena", "state", "Unused", *_outputs(program)}
    members |= {fact.name for fact in _known(program, arena)}
    members |= set(parameter_names("input", len(program.graph.inputs)))
    generated = re.fullmatch(r"layer_\d.*|mnc_.*", name)
    if name in members or name.isupper() or generated:
        why = "is a macro's name, as it has no small letter" if name.isupper() else "has another meaning in the class"
        raise refuse(argument("name"), f"{name!r} {why}", f"try {name.capitalize()}Net")


def _layers(w: Writer, program: Program, arena: Arena, pieces: Unit, name: str) -> None:
    """The template: what has one definition however often the header is included, and needs no inline variables."""
    known = _known(program, arena)
    w.lines(pieces.macros)
    w()
    w(f"/* The network's constants and functions: the private half of {name}. */")
    w("template <typename Unused>")
    with w.block(f"class {name}Layers", ";"):
        w.outdented("public:")
        for fact in known:
            w.lines(f"static constexpr {fact.type} {fact.name}{fact.extent} = {fact.value};{fact.remark}")
        w()
        w.outdented("protected:")
        for layer in pieces.layers:
            for constant, values in layer.constants.items():
                w(f"static const {declaration(constant, values)};")
        w()
        kernels = (kernel.text for kernel in pieces.kernels)
        for text in (*kernels, *(f"/* {layer.comment} */\n{layer.function}" for layer in pieces.layers)):
            w.lines(text)
            w()
    w()
    for fact in known:
        w("template <typename Unused>")
        w(f"constexpr {fact.type} {name}Layers<Unused>::{fact.name}{fact.extent};")
        w()
    for layer in pieces.layers:
        for constant, values in layer.constants.items():
            w("template <typename Unused>")
            head = f"const {declaration(f'{name}Layers<Unused>::{constant}', values)}"
            w.array(head, values)
            w()


def _class(w: Writer, program: Program, arena: Arena, pieces: Unit, name: str, *, trace: bool) -> None:
    graph, outputs = program.graph, _outputs(program)
    inputs = parameter_names("input", len(graph.inputs))
    sizes = [graph.types[value].elements for value in graph.outputs]
    members = ["outputs()", *(f"{output}()" for output in outputs[1:]), "output(0)", "proba(0.0f)"]
    w("/** All the memory of one network; any number of objects run side by side. */")
    with w.block(f"class {name} : private {name}Layers<void>", ";"):
        w.outdented("public:")
        for given, pointer in zip(graph.inputs, inputs, strict=True):
            w.lines(f"/* {pointer}: {comment(given.name)}, {show(given.type.shape)}{layout(given.type)} */")
        for fact in _known(program, arena):
            w(f"using {name}Layers<void>::{fact.name};")
        w()
        for output, value, size in zip(outputs, graph.outputs, sizes, strict=True):
            type_ = graph.types[value]
            w.lines(f"/** {comment(value)}, {show(type_.shape)} */")
            w(f"{type_.dtype.c} {output}[{size}];")
        w(f"{_unsigned(sizes[0])} output; /**< the index of the largest of outputs */")
        w("float proba; /**< the largest of outputs, as a real number */")
        w()
        if arena.size:
            members.append("arena()")
        if program.state_bytes:
            members.append("state()")
        w(f"constexpr {name}() : {joined(members)} {{}}")
        w()
        if program.state_bytes:
            w("/** Forget what earlier runs left behind. */")
            with w.block("void reset()"), w.block(f"for (size_t i = 0; i < {program.state_bytes // 4}; ++i)"):
                w("state[i] = 0.0f;")
            w()
        parameters = [
            f"const {given.type.dtype.c} *{pointer}" for given, pointer in zip(graph.inputs, inputs, strict=True)
        ]
        w("/** Run the network; returns output.")
        for pointer, given in zip(inputs, graph.inputs, strict=True):
            w(f" * @param {pointer} {given.type.elements} elements, which are only read")
        w(" */")
        with w.block(f"{_unsigned(sizes[0])} predict({joined(parameters)})"):
            if arena.size:
                arena_map(w, program, arena)
            if arena.size and program.arena_dtype is None:
                w(arena_pointer(program, "this->"))
            for number in program.unread_inputs:
                w(f"(void){inputs[number]};")
            for i, (call, place) in enumerate(zip(pieces.calls, pieces.outputs, strict=True)):
                w.lines(f"this->{call}")
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


@dataclass(frozen=True)
class _Fact:
    """A number, or a list of them, that the class tells."""

    name: str
    type: str
    value: str
    extent: str = ""
    remark: str = ""


def _known(program: Program, arena: Arena) -> list[_Fact]:
    graph = program.graph
    facts = []
    groups = (
        ("kInputShape", [given.type for given in graph.inputs]),
        ("kOutputShape", [graph.types[name] for name in graph.outputs]),
    )
    for (kind, values), count in zip(groups, ("numInputs", "numOutputs"), strict=True):
        elements = values[0].elements
        facts.append(_Fact(count, _unsigned(elements), str(elements)))
        for shape_name, type_ in zip(parameter_names(kind, len(values)), values, strict=True):
            shape = type_.shape or (1,)  # C++ has no empty arrays
            facts.append(_Fact(shape_name, "int", f"{{{joined(shape)}}}", f"[{len(shape)}]"))
            if type_.quant is not None:
                real = " /* real = it * (stored - zero point) */"
                scale, zero = shape_name.replace("Shape", "Scale"), shape_name.replace("Shape", "ZeroPoint")
                if (features := type_.quant.features) is None:
                    facts.append(_Fact(scale, "float", literal(type_.quant.scale[0]), remark=real))
                else:
                    real = f" /* by axis {features.axis}: real = offset + scale * (stored - zero point) */"
                    offsets = scale.replace("Scale", "Offsets")
                    for each, numbers in ((f"{scale}s", features.scale), (offsets, features.offset)):
                        listed, extent = f"{{{joined(list(map(literal, numbers)))}}}", f"[{len(numbers)}]"
                        facts.append(_Fact(each, "float", listed, extent, real))
                facts.append(_Fact(zero, "int", literal(type_.quant.zero_point)))
    return [
        *facts,
        _Fact("kApi", "int", str(API), remark=" /* it grows where callers have to change */"),
        _Fact("kArenaSize", "uint32_t", str(arena.size), remark=" /* bytes */"),
        _Fact("kMacs", "uint32_t", str(sum(graph.macs(node) for node in graph.nodes))),
        _Fact("kModelHash", "uint32_t", f"0x{model_hash(graph):08X}"),
    ]


def _real(type_: TensorType) -> str:
    """The largest output as a real number."""
    if type_.quant is None:
        return "outputs[output]"
    zero = type_.quant.zero_point
    stored = f"outputs[output] - {literal(zero)}" if type_.dtype is DType.INT8 else "outputs[output]"
    return f"{literal(type_.quant.scale[0])} * static_cast<float>({stored})"


def _outputs(program: Program) -> tuple[str, ...]:
    return ("outputs", *(f"outputs{i}" for i in range(1, len(program.graph.outputs))))


def _unsigned(largest: int) -> str:
    return "uint16_t" if largest <= 0xFFFF else "uint32_t"
