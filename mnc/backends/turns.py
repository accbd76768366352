"""A stage as a C function: whose turn it is to make a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

from mnc.backends import blob
from mnc.backends.profile import after, before
from mnc.backends.windows import both, first_row, operand, plus, row_of, times
from mnc.backends.writer import Writer, joined
from mnc.ir.types import DType
from mnc.program import INPUT, Fold, Program, Rows, Stage, Step
from mnc.program.slices import WHOLE
from mnc.program.stage import Need, needs

TICKS = "ticks"
"""The counters of time of a network that has some."""
FED = "made"
"""The counters of a stage that lives across calls: of the input's rows or of a run's stages, then of each step's."""


def no_counts(w: Writer, count: int, owner: str = "", *, first: int = 0) -> None:
    """The statements by which counters begin at 0; `i` is an `int` that is declared."""
    with w.block(f"for (i = {first}; i < {count}; ++i)"):
        w(f"{owner}{FED}[i] = 0;")


@dataclass(frozen=True)
class Turns:
    """An interleaved stage, whose steps' functions make a row each."""

    program: Program
    stage: Stage
    name: str
    functions: Mapping[int, str]
    """By the numbers of the steps."""
    operands: Mapping[int, Sequence[str]]
    """The arguments of each, but for the row's number."""
    rings: Mapping[str, int]
    memories: Mapping[str, str]
    """The name of the memory that each buffer of the network's own lies in."""
    outer: Mapping[str, Sequence[str]]
    """The names of the caller's inputs and outputs in a run."""
    told: Callable[[int, str, str], str] | None = None
    """The statement behind each row that a layer (by number) has made, or the whole output, by its number as a term and
    its place."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """Further memory that these statements use, by name with its declaration."""
    reading: frozenset[int] = frozenset()
    """The numbers of steps that read constants from a file of their own."""
    costs: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    """Where the stage is in slices, the parts of an iteration of each step, by number (see `Slices.costs`)."""

    def checked(self, told: Callable[[int, str, str], str], kept: Mapping[str, str]) -> Turns:
        """The stage once more, for a self-test."""
        program = replace(self.program, timed=False)
        return replace(self, program=program, name=f"{self.name}_checked", told=told, kept=kept, costs={})

    @property
    def comment(self) -> str:
        """The rule by which rows are made."""
        first, last = self.stage.first, self.stage.last
        if self.kept:
            return f"Layers {first:02d} to {last:02d} once more, for the self-test"
        if not self.stage.interleaved:
            return f"Layer {first:02d}, of which a slice makes some rows or outputs and says whether there are more."
        rule = (
            f"Layers {first:02d} to {last:02d}, a row at a time: whenever one of them can, the last one that can makes "
            "its next row."
        )
        return f"{rule[:-1]}; a slice makes some rows and says whether there are more." if self.costs else rule

    @property
    def _held(self) -> bool:
        """Whether counters live across calls."""
        return self.stage.fed or bool(self.costs)

    @cached_property
    def _memory(self) -> dict[str, str]:
        """The names of the memory that it works on, with their declarations."""
        program, found = self.program, {}
        for number in self.stage.numbers:
            step = program.steps[number]
            values = [(value.buffer, value.type.dtype.c) for value in (*step.reads, *step.writes)]
            values += [(step.scratch_buffer, "")] * (step.arena_scratch > 0)
            values += [(step.state_buffer, "")] * (step.state > 0)
            for name, type_ in values:
                buffer = program.buffers[name]
                if (memory := self.memories.get(name)) is not None:
                    dtype = program.state_dtype if buffer.kind == "state" else program.arena_dtype
                    found[memory] = f"{(dtype or DType.INT8).c} *{memory}"
                else:
                    given = self.outer[buffer.kind][buffer.index]
                    found[given] = f"{'const ' * (buffer.kind == 'input')}{type_} *{given}"
        return dict(sorted(found.items()))

    @property
    def statement(self) -> str:
        """The call in a run."""
        besides = [*[TICKS] * self.program.timed, *[FED] * self._held, *self.kept]
        apart = [blob.MEMBER] * bool(self.reading)
        return f"{self.name}({joined([*apart, *self._memory, *besides])});"

    def function(self) -> str:
        """The definition."""
        w = Writer()
        demands = needs(self.program.steps, self.stage, self.program.fed)
        timed = self.program.timed
        parameters = [*[blob.PARAMETER] * bool(self.reading), *self._memory.values()]
        parameters += [*[f"uint32_t *{TICKS}"] * timed, *[f"short *{FED}"] * self._held]
        parameters += self.kept.values()
        w.lines(f"MNC_LAYER {'int' if self.costs else 'void'} {self.name}({joined(parameters)})")
        with w.block():
            if self.costs:
                w(f"long left = {self._limit}; /* operations, as the plan counts them */")
            if not self._held:
                w("/* The rows that each layer has made. */")
                for number in self.stage.numbers:
                    w(f"int {self._counter(number)} = 0;")
                if any(self._steps[number].ranges for number in self.stage.numbers):
                    w("int part;")
            if timed:
                w("uint32_t began;")
            w("int more = 1;")
            w()
            with w.block(f"while ({'(left >= 0) && (more != 0)' if self.costs else 'more != 0'})"):
                for number in reversed(self.stage.numbers):
                    step, turn = self._steps[number], self._counter(number)
                    can = [f"{turn} < {step.loop.count}"]
                    can += [self._ready(number, k, need) for k, need in demands[number - self.stage.first].items()]
                    otherwise = "else " * (number != self.stage.last)
                    with w.block(f"{otherwise}if ({both(list(filter(None, can)))})"):
                        if self.costs:
                            w(f"left -= {self._cost(number)};")
                        with w.block("if (left >= 0)") if self.costs else nullcontext():
                            self._turn(w, number, turn)
                with w.block("else"):
                    w("more = 0;")
            if self.costs:
                w("return more;")
        return w.text()

    def _turn(self, w: Writer, number: int, turn: str) -> None:
        """The statements by which a step makes a row, or where the stage is in slices a part of one."""
        step, part = self._steps[number], self._part
        apart = [blob.MEMBER] * (number in self.reading)
        operands = [*apart, *self.operands[number], self._row(number), *[part] * bool(step.ranges)]
        call = f"{self.functions[number]}({joined(operands)});"
        timed = self.program.timed
        each = step.ranges and not self._held
        with w.block(f"for (part = 0; part < {step.parts}; ++part)") if each else nullcontext():
            if timed:
                w(before(number))
            w.lines(call)
            if timed:
                w(after(number))
        in_parts = bool(step.ranges) and self._held
        if in_parts:
            w(f"++{part};")
        with w.block(f"if ({part} == {step.parts})") if in_parts else nullcontext():
            if in_parts:
                w(f"{part} = 0;")
            if self.told is not None:
                self._tell(w, self.told, number, turn)
            w(f"++{turn};")

    @property
    def _steps(self) -> Sequence[Step]:
        return self.program.steps

    @property
    def _limit(self) -> int:
        return max(self.program.sliced, WHOLE)

    @property
    def _part(self) -> str:
        """The number of parts that the row in work has."""
        return f"{FED}[{len(self.stage.numbers) + 1}]" if self._held else "part"

    def _cost(self, number: int) -> str:
        """The operations of a step's next part as a term; one that is too large takes a slice of its own."""
        *others, (_, rest) = [(count, min(cost, self._limit)) for count, cost in self.costs[number]]
        places, term = list(accumulate(count for count, _ in others)), str(rest)
        for place, (_, cost) in reversed(list(zip(places, others, strict=True))):
            same = term == str(cost)
            term = term if same else f"({self._part} < {place}) ? {cost} : {operand(term)}"
        return operand(term)

    def _counter(self, number: int) -> str:
        """The number of iterations that a step has made."""
        return f"{FED}[{number - self.stage.first + 1}]" if self._held else f"made_{number:02d}"

    def _row(self, number: int) -> str:
        """The number of the iteration that a step makes next."""
        turn = self._counter(number)
        return f"{self.program.steps[number].loop.count - 1} - {turn}" if self.stage.descending else turn

    def _ready(self, number: int, read: int, need: Need) -> str:
        """The condition that the rows of an input are there which the next iteration needs; none where they are."""
        step, turn = self.program.steps[number], self._counter(number)
        made = f"{FED}[0]" if need.producer == INPUT else self._counter(need.producer)
        count = step.reads[read].image[0] if need.producer == INPUT else self.program.steps[need.producer].loop.count
        if min(need.iterations) == count:
            return f"{made} == {count}"
        match step.loop:
            case Rows(windows):
                window = windows[read]
                reach = (window.size - 1) * window.dilation
                last = plus(first_row(window, turn), reach) if reach else first_row(window, turn)
                if window.divisor == 1:  # one number instead of two
                    last = plus(times(turn, window.stride) if window.stride else "0", reach - window.padding)
                beyond = (step.loop.count - 1) * window.stride - window.padding
                if beyond // window.divisor + reach < count:
                    return f"{made} > {operand(last)}"
                return f"({made} > {operand(last)}) || ({made} == {count})"
        return f"{made} > {turn}"

    def traced(self, number: int, turn: str, place: str) -> str:
        """The statement of a traced build."""
        return f"MNC_TRACE_ROW({number}, {turn}, {place});"

    def _tell(self, w: Writer, told: Callable[[int, str, str], str], number: int, turn: str) -> None:
        step = self.program.steps[number]
        y, place = step.writes[0], self.operands[number][len(step.reads)]
        if isinstance(step.loop, Fold):
            with w.block(f"if ({turn} == {step.loop.count - 1})"):
                w.lines(told(number, "0", place))
            return
        w.lines(told(number, turn, f"{place}{row_of(y, self.rings, turn, y.layout.row)}"))
