"""The functions of backend `c` by which inputs come to a network, and a run calls its layers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from mnc.backends.blob import MEMBER
from mnc.backends.c_functions import operands_of_test
from mnc.backends.layer import parameter_names
from mnc.backends.memory import arena_map, located, part, pointers, region_of
from mnc.backends.profile import after, before, starts
from mnc.backends.selftest import SelfTest
from mnc.backends.turns import no_counts
from mnc.backends.unit import RunCall, Unit
from mnc.backends.windows import operand, plus
from mnc.backends.writer import Writer, joined
from mnc.ir.types import DType
from mnc.plan.liveness import Plan
from mnc.program import Program, Slices, ring_rows


def locals_of_run(w: Writer, program: Program, plan: Plan, name: str) -> None:
    """The locals of a run's calls, under a map of the arena."""
    if plan.arena.size:
        arena_map(w, program, plan)
    for pointer in pointers(program, plan, program.held(name)):
        w(pointer)
    if program.apart:
        w(f"const uint8_t *const {MEMBER} = {program.held(name).kept}{MEMBER};")
    if program.timed:
        w(f"uint32_t *const ticks = {program.held(name).kept}ticks;")
        if times_layers(program, plan):
            w("uint32_t began;")


def times_layers(program: Program, plan: Plan) -> bool:
    """Whether a run counts the time of layers itself, and not only functions that it calls."""
    slices = Slices(program, plan.stages)
    return program.timed and any(not (stage.interleaved or slices.resumes(stage)) for stage in plan.stages)


def run_calls(w: Writer, calls: Sequence[RunCall], *, timed: bool, trace: bool, this: str = "") -> None:
    """The statements of a run; `this` stands before the functions that they call."""
    for call in calls:
        if timed and call.layer is not None:
            w(before(call.layer))
        w.lines(f"{this}{call.statement}")
        if timed and call.layer is not None:
            w(after(call.layer))
        if trace and call.layer is not None:
            w(f"MNC_TRACE({call.layer}, {call.place});")


def where_weights(w: Writer, program: Program) -> AbstractContextManager[None]:
    """The block of statements that are made where weights were handed in that fit."""
    return w.block(f"if ({MEMBER} != NULL)") if program.apart else nullcontext()


def unread(w: Writer, program: Program) -> None:
    """Statements that name inputs which no layer reads."""
    inputs = parameter_names("input", len(program.graph.inputs))
    for number in program.unread_inputs:
        w(f"(void){inputs[number]};")


def begin_run(w: Writer, program: Program, pieces: Unit) -> None:
    """The statements in front of a run's calls: owned inputs are copied, with a declared `i`, and the clock starts."""
    inputs = parameter_names("input", len(program.graph.inputs))
    for given, value in zip(inputs, program.graph.inputs, strict=True) if program.feed == "owned" else ():
        place = pieces.pointers[value.name]
        loop = f"for (i = 0; i < {value.type.elements}; ++i)"
        with w.block(f"if (({given} != NULL) && ({given} != {operand(place)}))"), w.block(loop):
            w(f"{operand(place)}[i] = {given}[i];")
    if program.timed:
        for statement in starts(program):
            w(statement)


def owner(name: str, given: str) -> str:
    """The function that says where an input lies."""
    number = given.removeprefix("input")
    return f"{name}_input{number and '_' + number}"


def input_type(program: Program, given: str) -> str:
    """The C type of an input's elements."""
    return program.graph.inputs[int(given.removeprefix("input") or 0)].type.dtype.c


def input_place(program: Program, plan: Plan, name: str, given: str) -> str:
    """Where an owned input lies, from outside a run."""
    value = program.graph.inputs[int(given.removeprefix("input") or 0)]
    (_, offset), type_ = located(plan, program.buffers[value.name]), value.type.dtype
    arena = f"{region_of(plan, program.buffers[value.name], program.held(name).arena)}arena"
    if program.arena_dtype is not None:
        return plus(arena, offset // type_.bytes)
    place = plus(f"{arena}.as_int8", offset)
    return place if type_ is DType.INT8 else f"({type_.c} *)(void *)({place})"


def declare_feeding(w: Writer, program: Program, name: str) -> None:
    """The functions by which inputs come into the network's memory."""
    if program.feed == "owned":
        for given in parameter_names("input", len(program.graph.inputs)):
            w(f"/** Where to write {given} before a run, which writes over it.")
            w(" * @param net the memory")
            w(" * @return the place of its first element */")
            w(f"{input_type(program, given)} *{owner(name, given)}({program.held(name).type} *net);")
            w()
    if program.frames is not None:
        w("/** Hand in the next frame.")
        w(f" * @param net the memory, after {name}_init")
        w(f" * @param frame {name.upper()}_FRAME_SIZE elements, which are only read")
        for output in parameter_names("output", len(program.graph.outputs)):
            w(f" * @param {output} as for {name}_run")
        w(" * @return 1 if the outputs are new, 0 if more frames are needed for that */")
        w.lines(f"int {name}_push({_push_parameters(program, name, 'frame')});")
        w()
    if program.fed is not None:
        value = program.fed_value
        w("/** Where the next row may be written before it is handed in, by a camera's DMA say.")
        w(f" * @param net the memory, after {name}_init")
        w(f" * @return the place of a row's {value.layout.row} elements */")
        w(f"{value.type.dtype.c} *{name}_row({program.held(name).type} *net);")
        w()
        w(f"/** Hand in the next of {value.image[0]} rows.")
        w(f" * @param net the memory, after {name}_init")
        w(f" * @param row {value.layout.row} elements, which are copied; NULL: they are in {name}_row(net)")
        for output in parameter_names("output", len(program.graph.outputs)):
            w(f" * @param {output} as for {name}_run, and the same for all rows")
        w(" * @return 1 if that was the last row and the outputs are there, 0 otherwise */")
        w.lines(f"int {name}_push_row({_push_parameters(program, name)});")
        w()


def _push_parameters(program: Program, name: str, what: str = "row") -> str:
    outputs = parameter_names("output", len(program.graph.outputs))
    types = [program.graph.types[value].dtype.c for value in program.graph.outputs]
    given = f"const {program.graph.inputs[0].type.dtype.c} *{what}"
    made = [f"{type_} *{at}" for type_, at in zip(types, outputs, strict=True)]
    return joined([f"{program.held(name).type} *net", given, *made])


def init_again(plan: Plan, name: str) -> str:
    """The call that sets a network up again."""
    return f"{name}_init({joined(['net', *(f'net->{part(each)}' for each in plan.regions)])});"


def check_layers(w: Writer, program: Program, plan: Plan, pieces: Unit, test: SelfTest, name: str) -> None:
    """The function that runs the network on noise and compares each layer's output."""
    inputs, outputs = operands_of_test(program)
    w("/* 0: every layer gives what the reference does; n: layer n is the first that does not. */")
    parameters = joined([f"{program.held(name).type} *net", *inputs, *outputs])
    w.lines(f"MNC_LAYER int {test.prefix}_check_layers({parameters})")
    with w.block():
        for pointer in pointers(program, plan, program.held(name)):
            w(pointer)
        if program.fed is not None:
            value = program.fed_value
            w(f"short *const made = {program.held(name).kept}made;")
            w(f"{value.type.dtype.c} *row;")
        places = []
        if program.feed == "owned":
            names = parameter_names("input", len(program.graph.inputs))
            places = [input_place(program, plan, name, given) for given in names]
        elif program.feed == "caller":
            places = list(parameter_names("input", len(program.graph.inputs)))
        test.prologue(w, list(zip(places, program.graph.inputs, strict=False)), plan.stages)
        if not (plan.arena.size or program.state_bytes or program.fed is not None):
            w("(void)net;")
        test.calls(w, pieces.calls, f"{name}_row(net)")
        w("return found;")
    w()


def frames_of(program: Program) -> str:
    """The frames that a run takes, in words."""
    assert program.frames is not None
    return "frame" if program.frames.hop == 1 else f"{program.frames.hop} frames"


def begin_feeding(w: Writer, program: Program, owner: str) -> None:
    """The counters of runs and of frames before the first one."""
    if program.collected:
        w(f"{owner}waiting = 0;")
    if program.counted:
        w(f"{owner}runs = 0;")


def end_run(w: Writer, program: Program, pieces: Unit, owner: str, prefix: str = "") -> None:
    """The end of a run that is counted."""
    if not program.counted:
        return
    if pieces.hold is None:
        with w.block(f"if ({owner}runs < {program.counted})"):
            w(f"++{owner}runs;")
        return
    with w.block(f"if ({owner}runs < {program.counted})"):
        w(f"++{owner}runs;")
        w(f"{prefix}{pieces.hold.call(*pieces.hold.memories, f'{owner}runs')}")


def frames_source(w: Writer, program: Program, name: str) -> None:
    """The function that takes frames one by one."""
    if program.frames is None:
        return
    outputs, kept = parameter_names("output", len(program.graph.outputs)), program.held(name).kept
    w()
    w.lines(f"int {name}_push({_push_parameters(program, name, 'frame')})")
    with w.block():
        if program.collected:
            w("int ready = 0;")
            w("int i;")
            w()
            take_frame(w, program, kept)
        with w.block(f"if ({kept}waiting == {program.frames.hop})") if program.collected else nullcontext():
            given = f"{kept}frames" if program.collected else "frame"
            if program.collected:
                w(f"{kept}waiting = 0;")
            w(f"{name}_run({joined(['net', given, *outputs])});")
            ready = counts(program, kept)
            if program.collected:
                w(f"ready = ({ready}) ? 1 : 0;" if ready else "ready = 1;")
        result = f"({ready}) ? 1 : 0" if ready else "1"
        w(f"return {'ready' if program.collected else result};")


def take_frame(w: Writer, program: Program, owner: str) -> None:
    """Statements that put a frame behind those that wait for a run, with a declared `i`."""
    assert program.frames is not None
    size = program.collected // program.frames.hop
    with w.block(f"for (i = 0; i < {size}; ++i)"):
        w(f"{owner}frames[({owner}waiting * {size}) + i] = frame[i];")
    w(f"++{owner}waiting;")


def counts(program: Program, owner: str) -> str:
    """The condition that the outputs of a run count; empty: they always do."""
    assert program.frames is not None
    return f"{owner}runs > {program.frames.silent}" if program.frames.silent else ""


def fed_source(w: Writer, program: Program, plan: Plan, pieces: Unit, name: str, *, trace: bool) -> None:
    """The functions of a network that is fed row by row."""
    value = program.fed_value
    type_, height, size = value.type.dtype.c, value.image[0], value.layout.row
    held, counted = ring_rows(value, plan.rings) or height, len(plan.stages[0].numbers) + 1
    outputs = parameter_names("output", len(program.graph.outputs))
    w(f"{type_} *{name}_row({program.held(name).type} *net)")
    with w.block():
        place = input_place(program, plan, name, "input")
        w(f"return {place} + ({program.held(name).kept}made[0] % {held} * {size});")
    w()
    w.lines(f"int {name}_push_row({_push_parameters(program, name)})")
    with w.block():
        locals_of_run(w, program, plan, name)
        w(f"short *const made = {program.held(name).kept}made;")
        w(f"{type_} *const slot = {name}_row(net);")
        w("int done = 0;")
        w("int i;")
        w()
        with where_weights(w, program):
            with w.block("if ((row != NULL) && (row != slot))"), w.block(f"for (i = 0; i < {size}; ++i)"):
                w("slot[i] = row[i];")
            if program.timed:
                with w.block("if (made[0] == 0)"):
                    for statement in starts(program):
                        w(statement)
            w("++made[0];")
            first, *rest = pieces.calls
            run_calls(w, [first], timed=program.timed, trace=trace)
            with w.block(f"if (made[0] == {height})"):
                no_counts(w, counted)
                run_calls(w, rest, timed=program.timed, trace=trace)
                w("done = 1;")
        w("return done;")
    w()
    w.lines(f"void {name}_run({run_parameters(program, name)})")
    with w.block():
        w("int y;")
        w()
        with w.block(f"for (y = 0; y < {counted}; ++y)"):
            w(f"{program.held(name).kept}made[y] = 0;")
        with w.block(f"for (y = 0; y < {height}; ++y)"):
            w.lines(f"(void){name}_push_row({joined(['net', f'input + ((size_t)y * {size}u)', *outputs])});")


def run_parameters(program: Program, name: str) -> str:
    """The parameters of a run."""
    graph = program.graph
    inputs = parameter_names("input", len(graph.inputs))
    outputs = parameter_names("output", len(graph.outputs))
    types = [given.type.dtype.c for given in graph.inputs]
    results = [graph.types[value].dtype.c for value in graph.outputs]
    return joined(
        [
            f"{program.held(name).type} *net",
            *(f"const {type_} *{pointer}" for type_, pointer in zip(types, inputs, strict=True)),
            *(f"{type_} *{pointer}" for type_, pointer in zip(results, outputs, strict=True)),
        ]
    )
