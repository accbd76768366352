"""The functions of backend `c` besides a run: conversions of inputs and outputs, largest outputs, time by layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mnc.backends.class_names import initialiser
from mnc.backends.layer import parameter_names
from mnc.backends.profile import table_line
from mnc.backends.selftest import RESULT, SelfTest
from mnc.backends.writer import Writer, joined
from mnc.ir.class_names import classified
from mnc.ir.graph import Graph
from mnc.ir.types import TensorType
from mnc.program import Program


@dataclass(frozen=True)
class Function:
    """A function that works on an input or an output besides a run."""

    remark: str
    parameters: Mapping[str, str]
    """A description of each parameter."""
    head: str
    call: str
    result: tuple[str, ...] = ()
    """A description of what it returns, in lines."""


def class_table(w: Writer, graph: Graph, upper: str) -> None:
    """The names of classes as macros, which take no memory until somebody uses them."""
    classes = graph.classes
    number = classified(graph, classes) if classes else None
    if number is None:
        return
    value = graph.outputs[number]
    which = "output" if len(graph.outputs) == 1 else f"output_{number}"
    of = "elements" if graph.types[value].elements == len(classes) else "0 and 1"
    w()
    w(f"/** The names of the classes, of {of} of {which}: `const char *const names[] = {upper}_CLASSES;` */")
    w(f"#define {upper}_CLASS_COUNT {len(classes)}")
    w(f"#define {upper}_CLASSES \\")
    *lines, last = initialiser(classes)
    for line in lines:
        w(f"    {line} \\")
    w(f"    {last}")


def functions(program: Program, name: str, *, top: bool, test: SelfTest | None, init: str = "") -> Iterator[Function]:
    """All functions besides a run and what feeds it; `init` sets the network up again."""
    yield from _conversions(program, name)
    if test is not None:
        inputs, outputs = operands_of_test(program)
        names = [parameter.rpartition("*")[2] for parameter in (*inputs, *outputs)]
        checks = f"{test.prefix}_check_layers({joined(['net', *names])})"
        yield Function(
            "Test constants, then every layer on an input that is made here: for a device in the field.",
            {
                "net": f"the memory, after {name}_init, as which it is left",
                **dict.fromkeys(names, f"as for {name}_run, but written, too"),
            },
            f"int {name}_selftest({joined([f'{program.held(name).type} *net', *inputs, *outputs])})",
            f"int wrong = {test.prefix}_check_constants();\n\n"
            f"{init}\nif (wrong == 0) {{\n    wrong = {checks};\n}}\n{init}\nreturn wrong;",
            RESULT,
        )
    if program.timed:
        layers, lines = f"{name.upper()}_LAYERS", f"{name.upper()}_PROFILE_LINE"
        yield Function(
            "A line of the table of the ticks that layers took in the last run: name, ticks, per cent of all.",
            {
                "net": "the memory, after a run",
                "layer": f"from 0 to {layers}; {layers} itself: all of them together",
                "line": f"{lines} characters, of which the last is a zero",
            },
            f"void {name}_profile(const {program.held(name).type} *net, int layer, char *line)",
            table_line(program, f"{program.held(name).kept}ticks", f"{name}_layer_names", layers),
        )
    if not top:
        return
    graph = program.graph
    for which, value in zip(parameter_names("output", len(graph.outputs)), graph.outputs, strict=True):
        type_ = graph.types[value].dtype
        suffix = which.removeprefix("output") and f"_{which.removeprefix('output')}"
        macro, kernel = f"{name}_output{suffix}".upper(), f"mnc_top_{type_.suffix}"
        output = {"output": f"{macro}_SIZE elements"}
        yield Function(
            f"The index of the largest element of {which}; of equal ones the first.",
            output,
            f"int {name}_argmax{suffix}(const {type_.c} *output)",
            f"int first = 0;\n\n{kernel}(output, {macro}_SIZE, 1, &first);\nreturn first;",
        )
        yield Function(
            f"The k largest elements of {which}, the largest first; of equal ones the first comes first.",
            {**output, "k": f"from 0 to {macro}_SIZE", "classes": "k indices, all written"},
            f"void {name}_top{suffix}(const {type_.c} *output, int k, int *classes)",
            f"{kernel}(output, {macro}_SIZE, k, classes);",
        )


def operands_of_test(program: Program) -> tuple[list[str], list[str]]:
    """The parameters of a self-test: inputs that lie outside of the network's memory, and outputs."""
    graph = program.graph
    given = [each.type.dtype.c for each in graph.inputs] if program.feed == "caller" else []
    made = [graph.types[value].dtype.c for value in graph.outputs]
    inputs, outputs = parameter_names("input", len(graph.inputs)), parameter_names("output", len(made))
    return (
        [f"{type_} *{at}" for type_, at in zip(given, inputs, strict=False)],
        [f"{type_} *{at}" for type_, at in zip(made, outputs, strict=True)],
    )


def _conversions(program: Program, name: str) -> Iterator[Function]:
    graph = program.graph
    for kind, values in ends(graph):
        for i, (_, type_) in enumerate(values):
            if type_.quant is None:
                continue
            which = kind if len(values) == 1 else f"{kind}_{i}"
            stored = type_.dtype.c
            macro = f"{name}_{which}".upper()
            zero = f", {macro}_ZERO_POINT" if not type_.dtype.is_symmetric else ""
            sizes = f"{macro}_SIZE, {macro}_SCALE{zero}"
            if kind == "input" and (features := type_.quant.features) is not None:
                count, inner = len(features.scale), math.prod(type_.shape[features.axis + 1 :])
                yield Function(
                    f"Real numbers, each normalised as its feature is, to what the network takes as {which}.",
                    {"real": f"{macro}_SIZE numbers", "stored": "as many elements, all written"},
                    f"void {name}_quantize_{which}(const float *real, {stored} *stored)",
                    f"static const float scales[] MNC_FLASH = {macro}_SCALES;\n"
                    f"static const float offsets[] MNC_FLASH = {macro}_OFFSETS;\n\n"
                    f"{quantizer(type_)}(real, stored, {macro}_SIZE, scales, offsets, {count}, {inner}{zero});",
                )
            elif kind == "input":
                yield Function(
                    f"Real numbers to what the network takes as {which}: the nearest that it can store.",
                    {"real": f"{macro}_SIZE numbers", "stored": "as many elements, all written"},
                    f"void {name}_quantize_{which}(const float *real, {stored} *stored)",
                    f"{quantizer(type_)}(real, stored, {sizes});",
                )
            else:
                yield Function(
                    f"What the network gives as {which} to real numbers.",
                    {"stored": f"{macro}_SIZE elements", "real": "as many numbers, all written"},
                    f"void {name}_dequantize_{which}(const {stored} *stored, float *real)",
                    f"{converter('dequantize', type_)}(stored, real, {sizes});",
                )


def ends(graph: Graph) -> tuple[tuple[str, list[tuple[str, TensorType]]], ...]:
    """The names and types of the inputs and of the outputs, as a caller sees them."""
    inputs = [(given.name, given.type) for given in graph.inputs]
    return ("input", inputs), ("output", [(name, graph.types[name]) for name in graph.outputs])


def quantizer(type_: TensorType) -> str:
    """The kernel that makes an input of real numbers."""
    by_feature = type_.quant is not None and type_.quant.features is not None
    return converter("quantize_features" if by_feature else "quantize", type_)


def converter(what: str, type_: TensorType) -> str:
    """The kernel that converts real numbers to or from those stored in this type."""
    return f"mnc_{what}_{type_.dtype.suffix}"
