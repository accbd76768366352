"""Backend `cpp`: one class in one header, ready for an Arduino sketch."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import mnc
from mnc.backends.blob import MEMBER, PARAMETER
from mnc.backends.c_functions import operands_of_test
from mnc.backends.c_run import counts, end_run, run_calls, take_frame, unread
from mnc.backends.cpp_facts import Fact, known_facts, output_names, unsigned
from mnc.backends.cpp_run import (
    begin_functions,
    begin_run,
    feeding_functions,
    find_largest,
    name_memory,
    name_moment,
    no_rows,
    step_function,
    without_weights,
)
from mnc.backends.facts import LICENCE, facts, terms, version_macro
from mnc.backends.interface import API_VERSION, CFamily
from mnc.backends.layer import parameter_names
from mnc.backends.limits import asserted_in_class
from mnc.backends.memory import (
    class_region,
    counters,
    feeding_memory,
    memory,
    part,
    region_comment,
    region_memory,
    section_macro,
    state_memory,
    unused,
)
from mnc.backends.names import comment
from mnc.backends.profile import HELPERS, define_names, names_type, table_line
from mnc.backends.selftest import RESULT, SelfTest
from mnc.backends.states import begins_at_zero
from mnc.backends.unit import Unit, layout
from mnc.backends.writer import Writer, declaration, joined
from mnc.errors import argument, refuse
from mnc.ir.types import show
from mnc.pieces import Files
from mnc.plan.liveness import Plan
from mnc.program import Program


class Cpp(CFamily):
    """One object that is all the RAM; `predict` runs the network and tells the label.

    Kernels, constants and layers are static members of a class template, so
    that the header may be included in any number of files: the linker keeps
    one copy, and `static const` data stays in flash.
    """

    name = "cpp"
    api_version = API_VERSION
    has_regions = True
    has_blobs = True
    description = "one C++11 class in one header, with predict(), output and proba"

    def prefix(self, name: str) -> str:
        """The template's scope keeps its members apart."""
        return "layer"

    def operands(self, program: Program) -> tuple[Sequence[str], Sequence[str]]:
        """The inputs are predict's parameters, the outputs members."""
        return parameter_names("input", len(program.graph.inputs)), output_names(program)

    def helpers(self, program: Program) -> Collection[str]:
        """The kernel that searches the outputs."""
        graph = program.graph
        top = [f"mnc_top_{graph.types[graph.outputs[0]].dtype.suffix}"] if self.top else []
        return [*top, *(HELPERS if program.timed else ()), *(["mnc_weights_fault"] if program.apart else ())]

    def wrap(self, program: Program, plan: Plan, pieces: Unit, name: str, *, trace: bool) -> Files:
        """See `CFamily.wrap`."""
        known = known_facts(program, plan)
        if pieces.blob is not None:
            known.append(Fact("kWeightsSize", "uint32_t", str(len(pieces.blob.content)), remark=" /* bytes */"))
        _check_class_name(name, program, plan, known)
        w = Writer()
        w(LICENCE)
        w(f"/* {name}: made by mnc {mnc.__version__}; change the model, not this file. */")
        w(f"#ifndef MNC_CLASS_{name}")
        w(f"#define MNC_CLASS_{name}")
        for header in sorted({*pieces.headers, "<stddef.h>", "<stdint.h>"}):
            w(f"#include {header}")
        w()
        w("/** @file")
        w(f" * The neural network {name}.")
        w(" *")
        for line in facts(program, plan):
            w(f" * {line}")
        w(" *")
        for line in terms(program, "the object", "objects"):
            w(f" * {line}")
        w(" */")
        w()
        version_macro(w)
        w()
        for region in plan.regions:
            section_macro(w, name, region)
            w()
        _layers(w, program, known, pieces, name)
        _class(w, program, plan, pieces, name, known, top=self.top, trace=trace)
        w("#endif")
        return Files({f"{name}.h": w})


def _check_class_name(name: str, program: Program, plan: Plan, known: Sequence[Fact]) -> None:
    """CompileError where the class would be called like one of its members, or like a macro of any header."""
    members = {"output", "proba", "predict", "reset", "arena", "state", "Unused", *output_names(program)}
    members |= {"top", "made", "row", "push_row", "finish", "ticks", "profile", "layer_names"}
    members |= {"step", "weights", "push", "frames", "waiting", "runs", "unused", "begin"}
    members |= {"selftest", "check_layers", "seed", "sums", "crcs", "wrong"}
    members |= {each for region in plan.regions for each in (class_region(region.name), part(region))}
    members |= {fact.name for fact in known}
    members |= set(parameter_names("input", len(program.graph.inputs)))
    generated = re.fullmatch(r"layer_\d.*|mnc_.*", name)
    if name in members or name.isupper() or generated:
        why = "is a macro's name, as it has no small letter" if name.isupper() else "has another meaning in the class"
        raise refuse(argument("name"), f"{name!r} {why}", f"try {name.capitalize()}Net")


def _layers(w: Writer, program: Program, known: Sequence[Fact], pieces: Unit, name: str) -> None:
    """The template: what has one definition however often the header is included, and needs no inline variables."""
    w.lines("\n\n".join(pieces.macros))
    w()
    w(f"/* The network's constants and functions: the private half of {name}. */")
    w("template <typename Unused>")
    with w.block(f"class {name}Layers", ";"):
        w.outdented("public:")
        for fact in known:
            w.lines(f"static constexpr {fact.type}{fact.gap}{fact.name}{fact.extent} = {fact.value};{fact.remark}")
        w()
        w.outdented("protected:")
        for layer in pieces.layers:
            for constant, values in layer.constants.items():
                w(f"static const {declaration(constant, values)};")
        if program.timed:
            w(f"static const {names_type(program, 'layer_names')};")
        w()
        kernels = (kernel.text for kernel in pieces.kernels)
        for text in (*kernels, *(f"/* {layer.comment} */\n{layer.function}" for layer in pieces.layers)):
            w.lines(text)
            w()
    w()
    for fact in known:
        w("template <typename Unused>")
        w(f"constexpr {fact.type}{fact.gap}{name}Layers<Unused>::{fact.name}{fact.extent};")
        w()
    for layer in pieces.layers:
        for constant, values in layer.constants.items():
            w("template <typename Unused>")
            head = f"const {declaration(f'{name}Layers<Unused>::{constant}', values)}"
            w.array(head, values)
            w()
    if program.timed:
        w("template <typename Unused>")
        define_names(w, program, f"const {names_type(program, f'{name}Layers<Unused>::layer_names')}")
        w()


def _class(
    w: Writer, program: Program, plan: Plan, pieces: Unit, name: str, known: Sequence[Fact], *, top: bool, trace: bool
) -> None:
    graph, outputs = program.graph, output_names(program)
    inputs = parameter_names("input", len(graph.inputs))
    sizes = [graph.types[value].elements for value in graph.outputs]
    members = ["outputs()", *(f"{output}()" for output in outputs[1:]), "output(0)", "proba(0.0f)"]
    w("/** All the memory of one network; any number of objects run side by side. */")
    with w.block(f"class {name} : private {name}Layers<void>", ";"):
        w.outdented("public:")
        for given, pointer in zip(graph.inputs, inputs, strict=True):
            w.lines(f"/* {pointer}: {comment(given.name)}, {show(given.type.shape)}{layout(given.type)} */")
        for fact in known:
            w(f"using {name}Layers<void>::{fact.name};")
        w()
        for region in plan.regions:
            w(f"/** {region_comment(region)} */")
            with w.block(f"struct {class_region(region.name)}", ";"):
                region_memory(w, program, region)
            w()
        for output, value, size in zip(outputs, graph.outputs, sizes, strict=True):
            type_ = graph.types[value]
            w.lines(f"/** {comment(value)}, {show(type_.shape)} */")
            w(f"{type_.dtype.c} {output}[{size}];")
        w(f"{unsigned(sizes[0])} output; /**< the index of the largest of outputs */")
        w("float proba; /**< the largest of outputs, as a real number */")
        if program.timed:
            members.append("ticks()")
            w("uint32_t ticks[kLayers]; /**< how long each layer took in the last run, as MNC_READ_TICKS counts */")
        w()
        if plan.arena.size and not plan.regions:
            members.append("arena()")
        if program.state_bytes and not plan.regions:
            members.append("state()")
        members += [f"{part(region)}(nullptr)" for region in plan.regions]
        members += [f"{MEMBER}(nullptr)"] * program.apart
        if program.collected:
            members += ["frames()", "waiting(0)"]
        if program.counted:
            members.append("runs(0)")
        if unused(program):
            members.append("unused()")
        if counters(program, plan):
            members.append("made()")
        if begins_at_zero(program, plan) or plan.regions:
            w(f"constexpr {name}() : {joined(members)} {{}}")
        else:
            w(f"{name}() : {joined(members)} {{ reset(); }}")
        w()
        begin_functions(w, program, plan, pieces)
        if top:
            w("/** The k largest of outputs after a run, the largest first; of equal ones the first comes first.")
            w(" * @param classes k indices, all written */")
            with w.block("void top(int k, int *classes) const"):
                w(f"this->mnc_top_{graph.types[graph.outputs[0]].dtype.suffix}(outputs, {sizes[0]}, k, classes);")
            w()
        if program.timed:
            w("/** A line of the table of the ticks that layers took in the last run: name, ticks, per cent of all.")
            w(" * @param layer from 0 to kLayers; kLayers itself: all of them together")
            w(" * @param line kProfileLine characters, of which the last is a zero */")
            with w.block("void profile(int layer, char *line) const"):
                w.lines(table_line(program, "ticks", "this->layer_names", "kLayers", "this->"))
            w()
        if pieces.test is not None:
            _selftest(w, program, plan, pieces, pieces.test)
        default = " = nullptr" if program.feed == "owned" else ""
        parameters = [
            f"const {given.type.dtype.c} *{pointer}{default}"
            for given, pointer in zip(graph.inputs, inputs, strict=True)
        ]
        feeding_functions(w, program, plan, pieces, trace=trace)
        role = "which are copied, unless they are in place already" if default else "which are only read"
        if program.sliced:
            step_function(w, program, plan, pieces, parameters, trace=trace)
        w("/** Run the network; returns output.")
        for pointer, given in zip(inputs, graph.inputs, strict=True):
            w(f" * @param {pointer} {given.type.elements} elements, {role}")
        w(" */")
        with w.block(f"{unsigned(sizes[0])} predict({joined(parameters)})"):
            if program.sliced:
                no_rows(w, program, plan)
                with w.block(f"while (step({joined(inputs)}))"):
                    pass
                w("return output;")
            elif program.fed is not None:
                rows, size = program.fed_value.image[0], program.fed_value.layout.row
                no_rows(w, program, plan)
                with w.block(f"for (size_t y = 0; y < {rows}; ++y)"):
                    w(f"push_row(input + y * {size});")
                w("return output;")
            else:
                name_memory(w, program, plan)
                without_weights(w, program, "return output;")
                unread(w, program)
                name_moment(w, program, plan)
                begin_run(w, program, pieces)
                run_calls(w, pieces.calls, timed=program.timed, trace=trace, this="this->")
                end_run(w, program, pieces, "", "this->")
                find_largest(w, program)
                w("return output;")
        if program.frames is not None:
            w()
            w("/** Hand in the next frame; returns whether the outputs are new.")
            w(f" * @param frame {graph.inputs[0].type.elements // program.frames.hop} elements, which are only read */")
            with w.block(f"bool push(const {graph.inputs[0].type.dtype.c} *frame)"):
                if program.collected:
                    w("int i;")
                    w()
                    take_frame(w, program, "")
                    with w.block(f"if (waiting < {program.frames.hop})"):
                        w("return false;")
                    w("waiting = 0;")
                w(f"predict({'frames' if program.collected else 'frame'});")
                w(f"return {counts(program, '') or 'true'};")
        if plan.arena.size or program.remembers or plan.regions or program.apart:
            w()
            w.outdented("private:")
        for region in plan.regions:
            w(f"{class_region(region.name)} *{part(region)};")
            w.lines(f'static_assert(sizeof({class_region(region.name)}) == {region.bytes}, "as it is planned");')
        if program.apart:
            w(f"{PARAMETER}; /* the constants; nullptr: there are none */")
        if plan.arena.size and not plan.regions:
            w(memory(program, plan.arena.size))
        if program.state_bytes and not plan.regions:
            w(f"{state_memory(program, program.state_bytes)} /* outlives a run */")
        feeding_memory(w, program)
        if counted := counters(program, plan):
            of_rows = "rows handed in, and made by each layer of the first stage"
            w(f"short made[{counted}]; /* {'how far a run has come' if program.sliced else of_rows} */")
        asserted_in_class(w, program, plan, pieces)
    w()


def _selftest(w: Writer, program: Program, plan: Plan, pieces: Unit, test: SelfTest) -> None:
    """The functions that test the network on its device."""
    given, _ = operands_of_test(program)
    inputs = parameter_names("input", len(program.graph.inputs))
    names = [parameter.rpartition("*")[2] for parameter in given]
    w("/** Test constants, then every layer on an input that is made here: for a device in the field.")
    for name in names:
        w(f" * @param {name} as for predict, but written, too")
    for i, line in enumerate(RESULT):
        w(f" * {'    ' if i else '@return '}{line}")
    w(" */")
    reset = "reset();" if program.remembers else ""
    with w.block(f"int selftest({joined(given)})"):
        w(f"int wrong = this->{test.prefix}_check_constants();")
        w()
        w.lines(reset)
        with w.block("if (wrong == 0)"):
            w(f"wrong = check_layers({joined(names)});")
        w.lines(reset)
        w("return wrong;")
    w()
    w("/** The second half of selftest(). */")
    with w.block(f"int check_layers({joined(given)})"):
        name_memory(w, program, plan)
        if program.fed is not None:
            w(f"{program.fed_value.type.dtype.c} *row;")
        owned = [pieces.pointers[each.name] for each in program.graph.inputs]
        places = {"owned": owned, "caller": list(inputs)}.get(program.feed, [])
        test.prologue(w, list(zip(places, program.graph.inputs, strict=False)), plan.stages, "this->")
        test.calls(w, pieces.calls, "this->row()", "this->")
        w("return found;")
    w()
