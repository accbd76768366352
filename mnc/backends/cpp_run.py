"""The functions of backend `cpp` by which memory and inputs come to an object, and pieces of its run."""

from __future__ import annotations

from collections.abc import Sequence

from mnc.backends.blob import FAULTS, MEMBER
from mnc.backends.c_run import begin_feeding, end_run, run_calls, times_layers, unread
from mnc.backends.cpp_facts import real, unsigned
from mnc.backends.in_slices import remarks, step_body
from mnc.backends.layer import parameter_names
from mnc.backends.memory import (
    arena_map,
    arena_pointer,
    class_region,
    counters,
    located,
    part,
    pointers,
    region_of,
    state_places,
    state_pointer,
)
from mnc.backends.profile import starts
from mnc.backends.unit import Unit
from mnc.backends.writer import Writer, joined
from mnc.plan.liveness import Plan
from mnc.program import Holder, Program, Slices, ring_rows

OBJECT = Holder("", "this->", "this->")
"""A class whose members are the network's memory."""


def name_memory(w: Writer, program: Program, plan: Plan) -> None:
    """The name of the arena in the calls of a run."""
    if plan.arena.size:
        arena_map(w, program, plan)
    if plan.regions:
        for pointer in pointers(program, plan, OBJECT):
            w(pointer)
        return
    if plan.arena.size and program.arena_dtype is None:
        w(arena_pointer(program, "this->"))
    if program.state_bytes and program.state_dtype is None:
        w(state_pointer(program, "this->"))


def name_input_memory(w: Writer, program: Program, plan: Plan, given: str) -> None:
    """The name of the memory that an input lies in, where it is no member."""
    buffer = program.buffers[given]
    if plan.regions or program.arena_dtype is None:
        w(arena_pointer(program, region_of(plan, buffer, "this->"), located(plan, buffer)[0]))


def begin_functions(w: Writer, program: Program, plan: Plan, pieces: Unit) -> None:
    """The functions before the first run, as far as there is something to do."""
    if plan.regions or pieces.blob is not None:
        what = ["memories besides the object's own"] * bool(plan.regions) + ["weights"] * (pieces.blob is not None)
        w(f"/** Hand in the {' and the '.join(what)}; call it once before anything else.")
        for i, region in enumerate(plan.regions, 1):
            alone = "alone" if region.state else "alone while it runs"
            end = " */" if i == len(plan.regions) and pieces.blob is None else ""
            w(f" * @param in_{region.name} of this network {alone}, of whatever content{end}")
        parameters = [f"{class_region(each.name)} &in_{each.name}" for each in plan.regions]
        if pieces.blob is not None:
            parameters += ["const void *file", "size_t size"]
            w(" * @param file the generated file .bin, which stays where it is as long as the network runs")
            w(" * @param size bytes from there on that may be read, kWeightsSize or more")
            for i, line in enumerate(FAULTS):
                w(f" * {'    ' if i else '@return '}{line}{' */' if i == len(FAULTS) - 1 else ''}")
        w.lines(f"{'void' if pieces.blob is None else 'int'} begin({joined(parameters)})")
        with w.block():
            if pieces.blob is not None:
                low, high = pieces.blob.layout
                words = f"0x{low:08X}UL, 0x{high:08X}UL"
                w.lines(f"const int fault = this->mnc_weights_fault(file, size, kWeightsSize, {words});")
                w()
                w(f"{MEMBER} = fault == 0 ? static_cast<const uint8_t *>(file) : nullptr;")
            for region in plan.regions:
                w(f"{part(region)} = &in_{region.name};")
            if program.remembers:
                w("reset();")
            if pieces.blob is not None:
                w("return fault;")
        w()
    if program.remembers:
        w("/** Forget what earlier runs left behind. */")
        with w.block("void reset()"):
            if pieces.begin is not None:
                w.lines(f"this->{pieces.begin.call(*state_places(program, '', pieces.begin.memories))}")
            if counters(program, plan):
                no_rows(w, program, plan)
            begin_feeding(w, program, "")
        w()


def name_moment(w: Writer, program: Program, plan: Plan) -> None:
    """The local in which the moment is when a layer began, where time is counted by layers."""
    if times_layers(program, plan):
        w("uint32_t began;")


def begin_run(w: Writer, program: Program, pieces: Unit) -> None:
    """The statements in front of a run's calls: owned inputs are copied, and the clock starts."""
    inputs = parameter_names("input", len(program.graph.inputs))
    for given, pointer in zip(program.graph.inputs, inputs, strict=True) if program.feed == "owned" else ():
        place = pieces.pointers[given.name]
        loop = f"for (size_t i = 0; i < {given.type.elements}; ++i)"
        with w.block(f"if ({pointer} != nullptr && {pointer} != {place})"), w.block(loop):
            w(f"{f'({place})' if ' ' in place else place}[i] = {pointer}[i];")
    if program.timed:
        for statement in starts(program, "this->"):
            w(statement)


def step_function(
    w: Writer, program: Program, plan: Plan, pieces: Unit, parameters: Sequence[str], *, trace: bool
) -> None:
    """The function that makes the next slice of a run."""
    w("/** Make the next slice of a run; returns whether there is more to do, until the outputs are there.")
    for line in remarks(program, plan):
        w(f" * {line}")
    w(" * The first slice begins a run, and so does the one behind a run's last; reset(), and predict()")
    w(" * as well, give up a run that is not at its end.")
    if program.state_bytes:
        w(" * Then only reset() leaves states as they are before the first run.")
    for pointer in parameter_names("input", len(program.graph.inputs)):
        role = "read in the first slice" if program.feed == "owned" else "the same in all slices of a run"
        w(f" * @param {pointer} as for predict, {role}")
    w(" */")
    count, begins = Slices(program, plan.stages).position, program.timed or program.feed == "owned"
    with w.block(f"bool step({joined(parameters)})"):
        name_memory(w, program, plan)
        name_moment(w, program, plan)
        w("int more = 0;")
        if begins or count > 1:
            w("int i;")
        if begins:
            w("int begun = 0;")
        w()
        without_weights(w, program, "return false;")
        unread(w, program)

        def end() -> None:
            end_run(w, program, pieces, "", "this->")
            find_largest(w, program)

        step_body(
            w,
            program,
            pieces,
            count,
            (lambda: begin_run(w, program, pieces)) if begins else None,
            end,
            trace=trace,
            this="this->",
        )
        w("return more != 0;")
    w()


def without_weights(w: Writer, program: Program, statement: str) -> None:
    """The statement that leaves a function where no weights were handed in, or none that fit."""
    if program.apart:
        with w.block(f"if ({MEMBER} == nullptr)"):
            w(statement)


def find_largest(w: Writer, program: Program) -> None:
    """The label, and how sure it is."""
    first = program.graph.types[program.graph.outputs[0]]
    w("output = 0;")
    loop = f"for ({unsigned(first.elements)} i = 1; i < numOutputs; ++i)"
    with w.block(loop), w.block("if (outputs[i] > outputs[output])"):
        w("output = i;")
    w(f"proba = {real(first)};")


def feeding_functions(w: Writer, program: Program, plan: Plan, pieces: Unit, *, trace: bool) -> None:
    """The functions by which inputs come into the object."""
    graph = program.graph
    if program.feed == "owned":
        for given, pointer in zip(graph.inputs, parameter_names("input", len(graph.inputs)), strict=True):
            w(f"/** Where to write {pointer} before a run, which writes over it. */")
            with w.block(f"{given.type.dtype.c} *{pointer}()"):
                name_input_memory(w, program, plan, given.name)
                w(f"return {pieces.pointers[given.name]};")
            w()
    if program.fed is None:
        return
    value = program.fed_value
    rows, size = value.image[0], value.layout.row
    type_ = value.type.dtype.c
    w("/** Where the next row may be written before it is handed in, by a camera's DMA say. */")
    with w.block(f"{type_} *row()"):
        name_input_memory(w, program, plan, value.buffer)
        w(f"return {pieces.pointers[value.buffer]} + made[0] % {ring_rows(value, plan.rings) or rows} * {size};")
    w()
    w(f"/** Hand in the next of {rows} rows; returns whether it was the last one and the outputs are there.")
    w(f" * @param row {size} elements, which are copied, unless they are in row() already; nullptr: they are */")
    with w.block(f"bool push_row(const {type_} *row)"):
        name_memory(w, program, plan)
        name_moment(w, program, plan)
        without_weights(w, program, "return false;")
        w(f"{type_} *const slot = this->row();")
        with w.block("if (row != nullptr && row != slot)"), w.block(f"for (size_t i = 0; i < {size}; ++i)"):
            w("slot[i] = row[i];")
        if program.timed:
            with w.block("if (made[0] == 0)"):
                for statement in starts(program, "this->"):
                    w(statement)
        w("++made[0];")
        first, *rest = pieces.calls
        run_calls(w, [first], timed=program.timed, trace=trace, this="this->")
        with w.block(f"if (made[0] < {rows})"):
            w("return false;")
        no_rows(w, program, plan)
        run_calls(w, rest, timed=program.timed, trace=trace, this="this->")
        find_largest(w, program)
        w("return true;")
    w()


def no_rows(w: Writer, program: Program, plan: Plan) -> None:
    """The counters of rows before the first one."""
    with w.block(f"for (int i = 0; i < {counters(program, plan)}; ++i)"):
        w("made[i] = 0;")
