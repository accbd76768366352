"""The program that shows a packed network at work: it runs a stored sample, and compares with the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnc.backends.layer import parameter_names
from mnc.backends.memory import class_region, region_macro
from mnc.backends.writer import Writer, joined, literal
from mnc.compiler import Build
from mnc.errors import refuse
from mnc.ir.graph import Graph
from mnc.ir.types import Array, DType
from mnc.reference import evaluate
from mnc.samples import random_inputs

VERSION = "1.0.0"
"""Of a network as a library; whoever publishes one counts on from here."""
AUTHOR = "mnc"
"""The author in a manifest where `--author` names none."""
LICENCE = "Apache-2.0"
"""Of generated code, which holds mnc's kernels, as SPDX calls it."""


@dataclass(frozen=True)
class Example:
    """How a network is called: pieces of a program in the language of its interface."""

    header: str
    """The network's own header."""
    sample_header: str
    """The name of the header with the sample."""
    sample: str
    """Its text."""
    definitions: str
    """The network's memory, `classify()`, and `differing()`, which compares what the last run gave."""
    begin: str
    """A statement that comes before the first run; may be empty."""
    label: str
    """The macro that has the reference's answer to the sample."""
    language: str
    """`c` or `cpp`, which is also how the program's file ends."""
    class_name: str | None
    """An expression for the name of class `label`; None where the classes have no names."""

    def program(self, *, entry: str = "int main(void)") -> str:
        """A whole program: it tells the label, and succeeds where all outputs are as the reference has them.

        An entry point without a status leaves it at the line that says how many outputs differ.
        """
        w = Writer()
        w("#include <stdio.h>")
        w(f'#include "{self.header}"')
        w(f'#include "{self.sample_header}"')
        w()
        w.lines(self.definitions)
        w()
        with w.block(entry):
            w("int label, wrong;")
            w()
            if self.begin:
                w(self.begin)
            w("label = classify();")
            w("wrong = differing();")
            if self.class_name:
                w(f'printf("class %s\\n", {self.class_name});')
            w(f'printf("label %d, the reference says %d; %d outputs differ\\n", label, {self.label}, wrong);')
            if entry.startswith("int "):
                w("return wrong == 0 ? 0 : 1;")
        return w.text()


def first_sample(graph: Graph, samples: Sequence[Array] | None = None) -> tuple[Array, ...]:
    """One array for each input: the first of `samples` (batch first), or random numbers, the same every time."""
    return tuple(array[0] for array in (random_inputs(graph) if samples is None else samples))


def sources(build: Build) -> Mapping[str, str]:
    """The generated files, in `src/`."""
    return {f"src/{name}": text for name, text in build.files.items()}


def example(build: Build, sample: Sequence[Array]) -> Example:
    """How this network is called; CompileError where it is neither C nor C++."""
    name = build.name
    if build.emission.blob is not None:
        raise refuse(
            f"network {name!r}",
            f"has its constants in {name}.bin, which a package has no place for",
            "leave -X weights=binary out, or --package",
        )
    label = f"{name.upper()}_SAMPLE_LABEL"
    pointers = [f"{name}_{each}" for each in parameter_names("sample", len(sample))]
    text = _sample(build, sample, pointers, label)
    regions = build.emission.plan.region_names
    if f"{name}.c" in build.files:
        begin = f"{name}_init({joined(['&network', *(f'&network_{each}' for each in regions)])});"
        code, named = _c_function(build, pointers), "class_names[label]" if _has_class_names(build) else None
        return Example(f"{name}.h", f"{name}_sample.h", text, code, begin, label, "c", named)
    if f"{name}.h" in build.files:
        begin = f"network.begin({joined([f'network_{each}' for each in regions])});" if regions else ""
        code, named = _cpp_function(build, pointers), f"{name}::kClasses[label]" if _has_class_names(build) else None
        return Example(f"{name}.h", f"{name}_sample.h", text, code, begin, label, "cpp", named)
    raise refuse(
        f"network {name!r}",
        f"is not C or C++, so it cannot be packed: {joined(list(build.files))}",
        "use a backend that generates C or C++",
    )


def _has_class_names(build: Build) -> bool:
    """Whether each element of the first output has a name."""
    graph = build.graph
    return bool(graph.classes) and graph.types[graph.outputs[0]].elements == len(graph.classes)


def summary(build: Build) -> str:
    """The network in one sentence."""
    report = build.report
    return f"{report.params:,} parameters, {report.macs:,} multiplications a run, {report.ram.total:,} bytes of RAM"


def _sample(build: Build, sample: Sequence[Array], names: Sequence[str], label: str) -> str:
    outputs, largest = expected_outputs(build.graph, sample)
    guard = f"{build.name.upper()}_SAMPLE_H"
    w = Writer()
    w(f"/* A sample for {build.name}, and what the reference makes of it. */")
    w(f"#ifndef {guard}")
    w(f"#define {guard}")
    if any(x.dtype != np.float32 for x in (*sample, *outputs)):
        w("#include <stdint.h>")
    w()
    w(f"#define {label} {int(np.argmax(outputs[0][0]))}")
    for name, x in zip(names, sample, strict=True):
        w()
        w.array(f"static const {DType.of(x).c} {name}[{x.size}]", x)
    for macro, name, y in zip(*_expected(build), outputs, strict=True):
        w()
        if y.dtype == np.float32:
            w("/* The difference that rounding may make; a network of integers gives the same bits everywhere. */")
            w(f"#define {macro}_TOLERANCE {literal(tolerance(y, largest))}")
        w.array(f"static const {DType.of(y).c} {name}[{y.size}]", y)
    w()
    w("#endif")
    return w.text()


def expected_outputs(graph: Graph, sample: Sequence[Array]) -> tuple[list[Array], float]:
    """The reference's outputs for a sample, batch first, and the largest value that it computes with on the way."""
    values = evaluate(graph, [x[None] for x in sample])
    return [values[name] for name in graph.outputs], max(float(np.abs(x).max(initial=0.0)) for x in values.values())


def tolerance(output: Array, largest: float) -> float:
    """1e-4 of the output's largest value; where the network computes with far larger ones, some of their last bits."""
    return max(1e-4 * float(np.abs(output).max(initial=0.0)), 2e-6 * largest, 1e-30)


def _expected(build: Build) -> tuple[list[str], list[str]]:
    """For each output, the prefix of its macro, and the array of the reference's results."""
    names = parameter_names("expected", len(build.graph.outputs))
    return [f"{build.name}_{name}".upper() for name in names], [f"{build.name}_{name}" for name in names]


def _comparison(w: Writer, build: Build, got: Sequence[str]) -> None:
    """`differing()`: of the outputs, by their names, how many elements differ from the reference's."""
    w()
    w("/* How many of the outputs differ from the reference's by more than rounding. */")
    with w.block("static int differing(void)"):
        w("int i, wrong = 0;")
        for macro, name, output, value in zip(*_expected(build), got, build.graph.outputs, strict=True):
            type_ = build.graph.types[value]
            w()
            with w.block(f"for (i = 0; i < {type_.elements}; ++i)"):
                if type_.dtype is DType.FLOAT32:
                    w(f"const float error = {output}[i] - {name}[i];")
                    w()
                    w(f"wrong += !(error <= {macro}_TOLERANCE && -error <= {macro}_TOLERANCE);")
                else:
                    w(f"wrong += {output}[i] != {name}[i];")
        w("return wrong;")


def _c_function(build: Build, pointers: Sequence[str]) -> str:
    name, graph = build.name, build.graph
    outputs = parameter_names("scores", len(graph.outputs))
    several = len(outputs) > 1
    sizes = [f"{name.upper()}_OUTPUT{f'_{i}' if several else ''}_SIZE" for i in range(len(outputs))]
    w = Writer()
    w(f"static {name}_t network; /* all the memory that the network uses */")
    for region in build.emission.plan.region_names:
        w(f"{region_macro(name, region)} static {name}_{region}_t network_{region};")
    for output, size, value in zip(outputs, sizes, graph.outputs, strict=True):
        w(f"static {graph.types[value].dtype.c} {output}[{size}];")
    if _has_class_names(build):
        w(f"static const char *const class_names[] = {name.upper()}_CLASSES;")
    w()
    w("/* The index of the largest output for the stored sample. */")
    with w.block("static int classify(void)"):
        w("int i, label = 0;")
        w()
        w(f"{name}_run(&network, {joined([*pointers, *outputs])});")
        w(f"for (i = 1; i < {sizes[0]}; ++i)")
        w(f"    if ({outputs[0]}[i] > {outputs[0]}[label])")
        w("        label = i;")
        w("return label;")
    _comparison(w, build, outputs)
    return w.text()


def _cpp_function(build: Build, pointers: Sequence[str]) -> str:
    name, count = build.name, len(build.graph.outputs)
    w = Writer()
    w(f"static {name} network; /* all the memory that the network uses */")
    for region in build.emission.plan.region_names:
        w(f"{region_macro(name, region)} static {name}::{class_region(region)} network_{region};")
    w()
    w("/* The index of the largest output for the stored sample. */")
    with w.block("static int classify()"):
        w(f"return static_cast<int>(network.predict({joined(pointers)}));")
    _comparison(w, build, ["network.outputs", *(f"network.outputs{i}" for i in range(1, count))])
    return w.text()
