"""Backend `c`: `<name>.h` and `<name>.c` in plain ANSI C."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import mnc
from mnc.backends.blob import ALIGNMENT, FAULTS, MEMBER, PARAMETER
from mnc.backends.c_functions import class_table, converter, ends, functions, quantizer
from mnc.backends.c_run import (
    begin_feeding,
    begin_run,
    check_layers,
    declare_feeding,
    end_run,
    fed_source,
    frames_of,
    frames_source,
    init_again,
    input_place,
    input_type,
    locals_of_run,
    owner,
    run_calls,
    run_parameters,
    unread,
    where_weights,
)
from mnc.backends.c_step import declare_step, step_macros, step_source
from mnc.backends.facts import API, LICENCE, facts, model_hash, terms, version_macro
from mnc.backends.in_slices import POSITION
from mnc.backends.interface import API_VERSION, CFamily
from mnc.backends.layer import parameter_names
from mnc.backends.limits import asserted_in_header, asserted_in_source, limit_macros
from mnc.backends.memory import (
    counters,
    feeding_memory,
    memory,
    part,
    ram_bytes,
    region_comment,
    region_macro,
    region_memory,
    section_macro,
    state_memory,
    state_places,
)
from mnc.backends.names import comment
from mnc.backends.profile import HELPERS, define_names, line_size, names_type
from mnc.backends.selftest import SelfTest
from mnc.backends.turns import no_counts
from mnc.backends.unit import Unit, layout
from mnc.backends.writer import Writer, assertion, declaration, joined, linkage, literal
from mnc.ir.types import DType
from mnc.pieces import Files
from mnc.plan.liveness import Plan
from mnc.program import Program


class C(CFamily):
    """One struct that is all the RAM, one function to set it up, one to run the network."""

    name = "c"
    api_version = API_VERSION
    has_regions = True
    has_blobs = True
    description = "ANSI C (C89 and every later C and C++), one source and one header"

    def helpers(self, program: Program) -> Collection[str]:
        """The kernels that convert inputs and outputs, and that search outputs."""
        graph = program.graph
        return [
            *(HELPERS if program.timed else ()),
            *(["mnc_weights_fault"] if program.apart else ()),
            *(f"mnc_top_{graph.types[v].dtype.suffix}" for v in graph.outputs if self.top),
            *(quantizer(given.type) for given in graph.inputs if given.type.quant is not None),
            *(converter("dequantize", graph.types[v]) for v in graph.outputs if graph.types[v].quant is not None),
        ]

    def wrap(self, program: Program, plan: Plan, pieces: Unit, name: str, *, trace: bool) -> Files:
        """See `CFamily.wrap`."""
        return Files(
            {
                f"{name}.h": _header(program, plan, pieces, name, top=self.top),
                f"{name}.c": _source(program, plan, pieces, name, self.conditions(program), top=self.top, trace=trace),
            }
        )

    def conditions(self, program: Program) -> str:
        """Directives that stop a compiler for which the code would not be right."""
        return ""


def _header(program: Program, plan: Plan, pieces: Unit, name: str, *, top: bool) -> Writer:
    upper = name.upper()
    w = Writer()
    w(LICENCE)
    w(f"/* {name}: made by mnc {mnc.__version__}; change the model, not this file. */")
    w(f"#ifndef {upper}_H")
    w(f"#define {upper}_H")
    if program.apart:
        w("#include <stddef.h>")
    if has_integers(program):
        w("#include <stdint.h>")
    w()
    w("/** @file")
    w(f" * The neural network {name}.")
    w(" *")
    for line in facts(program, plan):
        w(f" * {line}")
    w(" *")
    for line in terms(program, "net", "structs"):
        w(f" * {line}")
    w(" */")
    w()
    version_macro(w)
    macros(w, program, plan, name)
    if pieces.blob is not None:
        w(f"/** Bytes of {name}.bin, its constants, which begin at a multiple of {ALIGNMENT} in memory. */")
        w(f"#define {upper}_WEIGHTS_SIZE {len(pieces.blob.content)}L")
        w()
    with linkage(w):
        for region in plan.regions:
            w(f"/** {region_comment(region)} */")
            with w.block("typedef struct", f" {name}_{region.name}_t;"):
                region_memory(w, program, region)
            w(f"/** Bytes of it, of {region.limit:,} that there are. */")
            w(f"#define {region_macro(name, region.name)}_SIZE {region.bytes}")
            section_macro(w, name, region)
            w()
        w("/** All the memory of one network.  Two of them run side by side; networks that")
        w(" * do not run at the same time may share memory through a union. */")
        with w.block("typedef struct", f" {name}_t;"):
            members(w, program, plan, name)
        w()
        asserted_in_header(w, program, plan, name)
        declarations(w, program, plan, pieces.test, name, top=top)
    w("#endif")
    return w


def has_integers(program: Program) -> bool:
    """Whether its header has a type of <stdint.h>."""
    return (
        program.timed
        or program.apart
        or any(type_.dtype is not DType.FLOAT32 for type_ in program.graph.types.values())
    )


def macros(w: Writer, program: Program, plan: Plan, name: str) -> None:
    """The numbers that a header tells of a network."""
    graph, upper = program.graph, name.upper()
    w("/** The interface below: it grows where callers have to change. */")
    w(f"#define {upper}_API {API}")
    w()
    for end, typed in ends(graph):
        kind = end.upper()
        for i, (value, type_) in enumerate(typed):
            which = f"{upper}_{kind}" if len(typed) == 1 else f"{upper}_{kind}_{i}"
            features = None if type_.quant is None else type_.quant.features
            real = "" if type_.quant is None else "; real = scale * (stored - zero point)"
            if features is not None:
                real = f"; real = offset + scale * (stored - zero point), by axis {features.axis}"
            w.lines(f"/** {kind.lower()} {comment(value)}: {type_}{layout(type_)}{real} */")
            w(f"#define {which}_SIZE {type_.elements}")
            w(f"#define {which}_SHAPE {{{joined(type_.shape)}}}")
            if type_.quant is not None:
                zero = literal(type_.quant.zero_point)
                if features is None:
                    w(f"#define {which}_SCALE {literal(type_.quant.scale[0])}")
                else:
                    w(f"#define {which}_SCALES {{{joined(list(map(literal, features.scale)))}}}")
                    w(f"#define {which}_OFFSETS {{{joined(list(map(literal, features.offset)))}}}")
                w(f"#define {which}_ZERO_POINT {f'({zero})' if zero.startswith('-') else zero}")
    class_table(w, graph, upper)
    w()
    if program.timed:
        w("/** Layers, in the order in which they run. */")
        w(f"#define {upper}_LAYERS {len(program.steps)}")
        w(f"/** Characters of a line that {name}_profile writes. */")
        w(f"#define {upper}_PROFILE_LINE {line_size(program)}")
    if plan.regions:
        w("/** Bytes of RAM, in the structs of all regions and in the network's own, but for its pointers to them. */")
    elif program.apart:
        w("/** Bytes of RAM, all of them in the struct, which also has a pointer to the constants. */")
    elif program.holder is not None:
        w("/** Bytes of RAM that this network needs. */")
    else:
        w("/** Bytes of RAM, all of them in the struct. */")
    w(f"#define {upper}_RAM_SIZE {ram_bytes(program, plan)}")
    if program.frames is not None:
        w("/** Elements of a frame, and frames that a run takes. */")
        w(f"#define {upper}_FRAME_SIZE {graph.inputs[0].type.elements // program.frames.hop}")
        w(f"#define {upper}_HOP {program.frames.hop}")
        w("/** Frames until the first output, and frames by which outputs lag behind the newest one. */")
        w(f"#define {upper}_FIRST_OUTPUT {program.frames.first}")
        w(f"#define {upper}_DELAY {program.frames.delay}")
    w("/** Multiply-accumulate operations of a run. */")
    w(f"#define {upper}_MACS {sum(graph.macs(node) for node in graph.nodes)}")
    step_macros(w, program, plan, upper)
    limit_macros(w, program, name)
    w("/** A hash of the model's structure and weights. */")
    w(f"#define {upper}_MODEL_HASH 0x{model_hash(graph):08X}UL")
    w()


def members(w: Writer, program: Program, plan: Plan, name: str) -> None:
    """The members of a network's struct; where others share the struct, without the arena."""
    if plan.regions:
        w("/** The parts in memories of their own. */")
    for region in plan.regions:
        w(f"{name}_{region.name}_t *{part(region)};")
    if program.holder is None and not plan.regions and (plan.arena.size or not (program.state_bytes or program.timed)):
        of = {"owned": "inputs and what", "rows": "the last rows handed in, and what"}.get(program.feed, "what")
        w(f"/** {of.capitalize()} layers share; of no meaning between runs. */")
        w(memory(program, plan.arena.size))
    if program.timed:
        w("/** How long each layer took in the last run, as MNC_READ_TICKS counts. */")
        w(f"uint32_t ticks[{name.upper()}_LAYERS];")
    if program.state_bytes and not plan.regions:
        w("/** Outlives a run. */")
        w(state_memory(program, program.state_bytes))
    feeding_memory(w, program)
    if counted := counters(program, plan):
        of_rows = "How many rows were handed in, then how many each layer of the first stage has made."
        w(f"/** {POSITION if program.sliced else of_rows} */")
        w(f"short made[{counted}];")
    if program.apart:
        w("/** The constants; NULL: there are none. */")
        w(f"{PARAMETER};")


def declarations(w: Writer, program: Program, plan: Plan, test: SelfTest | None, name: str, *, top: bool) -> None:
    """The functions of a header."""
    graph = program.graph
    w("/** Call once before the first run.")
    w(" * @param net the memory, of whatever content" + ("" if plan.regions or program.apart else " */"))
    for i, region in enumerate(plan.regions, 1):
        end = " */" if i == len(plan.regions) and not program.apart else ""
        alone = "alone" if region.state else "alone while it runs"
        w(f" * @param {part(region)} of this network {alone}, of whatever content{end}")
    if program.apart:
        w(f" * @param weights {name}.bin, which stays where it is as long as the network runs")
        w(f" * @param size bytes from there on that may be read, {name.upper()}_WEIGHTS_SIZE or more")
        for i, line in enumerate(FAULTS):
            w(f" * {'    ' if i else '@return '}{line}{' */' if i == len(FAULTS) - 1 else ''}")
    w.lines(f"{'int' if program.apart else 'void'} {name}_init({_init_parameters(program, plan, name)});")
    w()
    declare_feeding(w, program, name)
    if program.frames is not None:
        w(f"/** Run the network on the next {frames_of(program)}.")
    else:
        w("/** Run the network once.")
    w(f" * @param net the memory, after {name}_init")
    for kind, values in (("input", [i.name for i in graph.inputs]), ("output", graph.outputs)):
        for which in parameter_names(kind, len(values)):
            macro = f"{name}_{kind}{which.removeprefix(kind) and '_' + which.removeprefix(kind)}".upper()
            role = "which are only read" if kind == "input" else "all written"
            if kind == "input" and program.feed == "owned":
                role = f"which are copied; NULL: they are in {owner(name, which)}(net)"
            w(f" * @param {which} {macro}_SIZE elements, {role}")
    w(" */")
    w.lines(f"void {name}_run({run_parameters(program, name)});")
    w()
    declare_step(w, program, plan, name)
    for function in functions(program, name, top=top, test=test, init=init_again(plan, name)):
        w(f"/** {function.remark}")
        for parameter, meaning in function.parameters.items():
            w(f" * @param {parameter} {meaning}")
        for i, line in enumerate(function.result):
            w(f" * {'    ' if i else '@return '}{line}")
        w(" */")
        w.lines(f"{function.head};")
        w()


def _source(
    program: Program, plan: Plan, pieces: Unit, name: str, conditions: str, *, top: bool, trace: bool
) -> Writer:
    w = Writer()
    w(LICENCE)
    w(f"/* {name}: made by mnc {mnc.__version__}; see {name}.h. */")
    w(f'#include "{name}.h"')
    for header in dict.fromkeys((*pieces.headers, *["<stddef.h>"] * (program.feed != "caller"))):
        w(f"#include {header}")
    w()
    if conditions:
        w.lines(conditions)
        w()
    w.lines("\n\n".join(pieces.macros))
    w()
    w("/* ---- kernels; several networks that are compiled as one source share them ---- */")
    w()
    for kernel in pieces.kernels:
        w.lines(kernel.guarded)
        w()
    w("/* ---- layers ---- */")
    w()
    layers_source(w, program, plan, pieces, name, top=top)
    w("/* ---- network ---- */")
    w()
    w("/* The compiler's plan and the struct agree. */")
    for region in plan.regions:
        of, size = f"{name}_{region.name}", f"{region_macro(name, region.name)}_SIZE"
        w.lines(assertion(f"{of}_is_as_planned", f"(long)sizeof({of}_t) == {size}"))
    if program.apart and not plan.regions:
        size, taken = f"{name.upper()}_RAM_SIZE", f"(long)sizeof({name}_t)"
        within = f"({taken} >= {size}) && ({taken} <= ({size} + (2 * (long)sizeof(void *))))"
        w.lines(assertion(f"{name}_ram_is_as_planned", within))
    elif not plan.regions:
        w.lines(assertion(f"{name}_ram_is_as_planned", f"(long)sizeof({name}_t) == {name.upper()}_RAM_SIZE"))
    asserted_in_source(w, program, pieces, name)
    w()
    network_source(w, program, plan, pieces, name, trace=trace)
    return w


def layers_source(
    w: Writer,
    program: Program,
    plan: Plan,
    pieces: Unit,
    name: str,
    *,
    top: bool,
    same: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """A network's constants and the functions of its layers, and those besides a run.

    `same`: constants that are defined already, and under which name.
    """
    for layer in pieces.layers:
        w.lines(f"/* {layer.comment} */")
        for constant, values in layer.constants.items():
            if constant in same:
                w.lines(f"#define {constant} {same[constant]} /* the same numbers */")
                w()
                continue
            w.array(f"static const {declaration(constant, values)}", values)
            w()
        w.lines(layer.function)
        w()
    if program.timed:
        define_names(w, program, f"static const {names_type(program, f'{name}_layer_names')}")
        w()
    if pieces.test is not None:
        check_layers(w, program, plan, pieces, pieces.test, name)
    for function in functions(program, name, top=top, test=pieces.test, init=init_again(plan, name)):
        w.lines(function.head)
        with w.block():
            w.lines(function.call)
        w()


def network_source(w: Writer, program: Program, plan: Plan, pieces: Unit, name: str, *, trace: bool = False) -> None:
    """The functions that set a network up, and run it."""
    kept = program.held(name).kept
    w.lines(f"{'int' if program.apart else 'void'} {name}_init({_init_parameters(program, plan, name)})")
    with w.block():
        if pieces.blob is not None:
            low, high = pieces.blob.layout
            size = f"{name.upper()}_WEIGHTS_SIZE"
            arguments = f"weights, size, {size}, 0x{low:08X}UL, 0x{high:08X}UL"
            w.lines(f"const int fault = mnc_weights_fault({arguments});")
        counted = counters(program, plan)
        if counted:
            w("int i;")
        if counted or program.apart:
            w()
        if counted:
            no_counts(w, counted, kept)
        for region in plan.regions:
            w(f"net->{part(region)} = {part(region)};")
        if pieces.begin is not None:
            w.lines(pieces.begin.call(*state_places(program, kept, pieces.begin.memories)))
        begin_feeding(w, program, kept)
        if program.apart:
            w(f"{kept}{MEMBER} = (fault == 0) ? (const uint8_t *)weights : NULL;")
            w("return fault;")
        elif not (program.remembers or plan.regions):
            w("(void)net; /* nothing outlives a run */")
    w()
    if program.fed is not None:
        fed_source(w, program, plan, pieces, name, trace=trace)
        return
    if program.feed == "owned":
        for given in parameter_names("input", len(program.graph.inputs)):
            w(f"{input_type(program, given)} *{owner(name, given)}({program.held(name).type} *net)")
            with w.block():
                w(f"return {input_place(program, plan, name, given)};")
            w()
    if program.sliced:
        step_source(w, program, plan, pieces, name, trace=trace)
        frames_source(w, program, name)
        return
    w.lines(f"void {name}_run({run_parameters(program, name)})")
    with w.block():
        locals_of_run(w, program, plan, name)
        if program.feed == "owned":
            w("int i;")
            w()
        elif plan.arena.size or program.state_bytes or program.timed or program.apart:
            w()
        else:
            w("(void)net;")
        unread(w, program)
        with where_weights(w, program):
            begin_run(w, program, pieces)
            run_calls(w, pieces.calls, timed=program.timed, trace=trace)
            end_run(w, program, pieces, program.held(name).kept)
    frames_source(w, program, name)


def _init_parameters(program: Program, plan: Plan, name: str) -> str:
    regions = [f"{name}_{each.name}_t *{part(each)}" for each in plan.regions]
    apart = ["const void *weights", "size_t size"] * program.apart
    return joined([f"{program.held(name).type} *net", *regions, *apart])
