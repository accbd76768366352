"""The part that all C-like backends share: kernels, constants, one function a layer, the calls of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mnc.backends import blob
from mnc.backends.blob import Blob
from mnc.backends.facts import model_hash
from mnc.backends.layer import LayerText, Order, layer_text, order_of
from mnc.backends.library import Item, Library, headers
from mnc.backends.memory import located
from mnc.backends.records import Records
from mnc.backends.selftest import SelfTest
from mnc.backends.states import Beginning, beginning, holding
from mnc.backends.turns import Turns
from mnc.backends.windows import operand, plus
from mnc.backends.writer import joined
from mnc.ir.types import Array, DType, TensorType
from mnc.names import snake
from mnc.plan.liveness import Plan
from mnc.program import (
    ROW,
    Buffer,
    Program,
    Record,
    Slices,
    Step,
)
from mnc.targets.builtin import REACH_OF_LPM


@dataclass(frozen=True)
class RunCall:
    """One statement of a run."""

    statement: str
    numbers: range
    """The layers that it computes."""
    place: str = ""
    """Where the output of its layer begins, where it is one layer as a whole."""
    checked: str = ""
    """The statement in its place in a self-test."""
    repeated: int = 0
    """How many times that statement is made, with `i` counting up; 0: once, without."""
    resumes: bool = False
    """Whether it is a slice, and says whether there are more."""

    @property
    def layer(self) -> int | None:
        """Its number, where it is one layer as a whole."""
        return self.numbers.start if self.place else None


@dataclass(frozen=True)
class Unit:
    """C text in pieces, for a backend to wrap."""

    headers: tuple[str, ...]
    macros: tuple[str, ...]
    """Items of them, in order."""
    kernels: tuple[Item, ...]
    layers: tuple[LayerText, ...]
    """In order of execution."""
    calls: tuple[RunCall, ...]
    """One a stage; they name `arena` and `state` (or the parts of them), and inputs and outputs as `unit` was told."""
    pointers: Mapping[str, str]
    """For each buffer how a run spells its place."""
    constant_bytes: Mapping[str, int]
    """Bytes of constants of each step, by the name of its node."""
    other_bytes: int
    """Bytes of further constants: the structs that a library's functions take, and the states' first values."""
    begin: Beginning | None = None
    """The function that gives states their first values; None where nothing outlives a run."""
    hold: Beginning | None = None
    """The function that does so after the first runs, for states that are held; None where none is."""
    test: SelfTest | None = None
    """The parts of a self-test; None: there is none."""
    blob: Blob | None = None
    """The constants, where they lie in a file of their own."""


def unit(
    program: Program,
    plan: Plan,
    prefix: str,
    library: Library,
    helpers: Collection[str],
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    trace: bool = False,
    test: SelfTest | None = None,
) -> Unit:
    """Print a program as it is planned.

    `helpers` are kernels that are wanted besides; `inputs` and `outputs` are
    what a run calls the caller's memory.  With a `test` there are its functions, too.
    """
    outer = {"input": inputs, "output": outputs}
    pointers = {name: _pointer(program, buffer, plan, outer) for name, buffer in program.buffers.items()}
    memories = {
        name: located(plan, buffer)[0] for name, buffer in program.buffers.items() if buffer.kind in ("arena", "state")
    }
    layers: list[LayerText] = []
    if test is not None:
        layers.append(LayerText("checksums, sums, and an input, for the self-test", {}, "\n".join(test.wrappers())))
    owned: list[Mapping[str, Array]] = []
    calls: list[RunCall] = []
    defined: dict[str, Record] = {}
    slices = Slices(program, plan.stages)
    apart = _apart(program, plan, prefix)
    places = blob.places(apart)
    for stage in plan.stages:
        names, resumes = {}, slices.resumes(stage)
        for i in stage.numbers:
            step = program.steps[i]
            function = names[i] = prefix + function_ending(i, step)
            records = Records(step, prefix, function)
            order = order_of(step, plan.arena.offsets, descending=stage.descending)
            if stage.interleaved:
                order = Order(descending=False)
            rings = plan.rings if stage.interleaved or resumes else None
            layers.append(layer_text(program, records, defined, library, order, rings, places))
            owned.append(layers[-1].constants)
            defined |= records.constants
        reading = {i for i in names if any(f"{names[i]}_{each}" in apart for each in program.steps[i].constants)}
        operands = {i: [pointers[buffer] for buffer in _memory(program.steps[i])] for i in names}
        turns = Turns(program, stage, f"{prefix}_stage_{stage.first:02d}", names, operands, plan.rings, memories, outer)
        turns = replace(turns, reading=frozenset(reading))
        if resumes:
            turns = replace(turns, costs=slices.costs(stage.numbers))
        if stage.interleaved:
            statement = turns.statement
            if trace:
                turns = replace(turns, told=turns.traced)
            layers.append(LayerText(turns.comment, {}, turns.function()))
            checked = ""
            if test is not None:
                turns = turns.checked(partial(test.told, first=stage.first), test.kept(stage.numbers))
                layers.append(LayerText(turns.comment, {}, turns.function()))
                checked = turns.statement
            calls.append(RunCall(statement, stage.numbers, checked=checked, resumes=resumes))
            continue
        ((i, function),) = names.items()
        apart_of = [blob.MEMBER] * (i in reading)
        place, count = pointers[program.steps[i].writes[0].buffer], program.steps[i].loop.count
        if resumes:
            layers.append(LayerText(turns.comment, {}, turns.function()))
            parts = program.steps[i].parts
            row = "i" if parts == 1 else f"i / {parts}"
            row = f"{count - 1} - {operand(row)}" if stage.descending else row
            part = [f"i % {parts}"] if parts > 1 else []
            one = f"{function}({joined([*apart_of, *operands[i], row, *part])});"
            calls.append(RunCall(turns.statement, stage.numbers, place, one, count * parts, resumes=True))
            continue
        statement = f"{function}({joined([*apart_of, *operands[i]])});"
        calls.append(RunCall(statement, stage.numbers, place, statement))
    begin = beginning(program, plan, prefix)
    hold = holding(program, plan, prefix)
    for each, remark in ((begin, "before the first one"), (hold, "where it keeps its values of before the first one")):
        if each is not None:
            layers.append(LayerText(f"what outlives a run, {remark}", each.constants, each.function))
    if test is not None:
        held = [each.constants for each in (begin, hold) if each is not None]
        groups = [*(list(each.items()) for each in owned), [pair for each in held for pair in each.items()]]
        layers.append(LayerText("the constants' checksums, for the self-test", {}, test.constants(groups)))
    functions = "\n".join(layer.function for layer in layers)
    items = library.closure({"MNC_FLASH", *helpers, *library.mentioned(functions)})
    content = None
    if program.apart:
        left = [f"{name} {array.tobytes().hex()}" for layer in layers for name, array in layer.constants.items()]
        readers = [functions, *(each.statement for each in calls), *(item.text for item in items), *left]
        content = Blob.of(apart, [*readers, blob.ends(program.graph)], model_hash(program.graph))
    return Unit(
        headers(functions, items) + _library_headers(program),
        (*(item.text for item in items if item.parameters is None), *_out_of_reach(program)),
        tuple(item for item in items if item.parameters is not None),
        tuple(layers),
        tuple(calls),
        pointers,
        {step.node.name: sum(c.bytes for c in step.constants.values()) for step in program.steps},
        sum(record.bytes for record in defined.values())
        + sum(each.bytes for each in (begin, hold) if each is not None),
        begin,
        hold,
        test,
        content,
    )


def _apart(program: Program, plan: Plan, prefix: str) -> dict[str, Array]:
    """The constants that lie in a file of their own, by name, in order of execution.

    Rows that stand for rows of an input stay in the code: they may have to lie in the memory of inputs.
    """
    numbers = [i for stage in plan.stages for i in stage.numbers] if program.apart else []
    return {
        f"{prefix}{function_ending(i, program.steps[i])}_{name}": constant.array
        for i in numbers
        for name, constant in program.steps[i].constants.items()
        if name != ROW
    }


def function_ending(number: int, step: Step) -> str:
    """The name of a layer's function, but for the prefix that the network's functions share."""
    return f"_{number:02d}_{snake(type(step.node.layer).__name__)}"


def _memory(step: Step) -> list[str]:
    """The buffers that a layer's function takes pointers to, in their order."""
    buffers = [value.buffer for value in (*step.reads, *step.writes)]
    return buffers + [step.scratch_buffer] * (step.arena_scratch > 0) + [step.state_buffer] * (step.state > 0)


def _out_of_reach(program: Program) -> list[str]:
    """For a network of large constants, the lines that keep it from being compiled for AVR."""
    size = sum(constant.bytes for step in program.steps for constant in step.constants.values())
    if size - sum(step.row_bytes for step in program.steps) <= REACH_OF_LPM:
        return []
    return [
        f'#if defined(__AVR__)\n#error "AVR reads the first 64 KiB of flash, the constants take {size:,} bytes"\n#endif'
    ]


def layout(given: TensorType) -> str:
    """How the elements of an input or output lie, where there is something to say."""
    return ", channels last" if given.rank > 1 else ""


def _pointer(program: Program, buffer: Buffer, plan: Plan, outer: Mapping[str, Sequence[str]]) -> str:
    if buffer.kind in ("input", "output"):
        return outer[buffer.kind][buffer.index]
    memory, offset = located(plan, buffer)
    dtype = program.state_dtype if buffer.kind == "state" else program.arena_dtype
    if dtype is not None:
        return plus(memory, offset // buffer.dtype.bytes)
    place = plus(memory, offset)
    if buffer.dtype is DType.INT8:
        return place
    return f"({buffer.dtype.c} *)(void *){place if place == memory else f'({place})'}"


def _library_headers(program: Program) -> tuple[str, ...]:
    named = {call.header for step in program.steps for call in step.all_calls}
    return tuple(sorted(f'"{header}"' for header in named if header))
