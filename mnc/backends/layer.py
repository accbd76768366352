"""One layer as a C function: the loop over its rows, the rows that each iteration reads, and its calls."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from types import MappingProxyType

from mnc.backends import blob
from mnc.backends.library import Library, calling
from mnc.backends.names import comment
from mnc.backends.records import Records
from mnc.backends.windows import first_row, operand, row_of, times
from mnc.backends.writer import Writer, joined, literal
from mnc.ir.types import Array, show
from mnc.program import (
    Argument,
    Call,
    Const,
    Fold,
    In,
    Name,
    Out,
    Program,
    Range,
    Record,
    RowNumber,
    RowPointers,
    Scratch,
    State,
    Step,
    Value,
    Window,
    ring_rows,
)

REACH_OF_INT = 32767
"""The largest number that every int has."""


@dataclass(frozen=True)
class LayerText:
    """One layer as C text."""

    comment: str
    constants: Mapping[str, Array]
    """By their names in the generated code."""
    function: str


def parameter_names(kind: str, count: int) -> tuple[str, ...]:
    """The parameter names of a run's inputs (or outputs)."""
    return (kind,) if count == 1 else tuple(f"{kind}{i}" for i in range(count))


@dataclass(frozen=True)
class Order:
    """Which way a layer's loop goes through the rows of its output, and why."""

    descending: bool
    reason: str = ""


def order_of(step: Step, offsets: Mapping[str, int], *, descending: bool) -> Order:
    """The order of rows that the plan counts on where the output shares memory with an input."""
    y = step.writes[0]
    ins = parameter_names("in", len(step.reads))
    for name, x in zip(ins, step.reads, strict=True):
        if y.buffer == x.buffer or not offsets.keys() >= {x.buffer, y.buffer}:
            continue
        ahead = offsets[y.buffer] - offsets[x.buffer]
        if not -y.type.bytes < ahead < x.type.bytes:
            continue
        way, other = ("last to first", "upwards") if descending else ("first to last", "downwards")
        where = (
            f"{abs(ahead):,} bytes {'above' if ahead > 0 else 'below'} `{name}`" if ahead else f"where `{name}` does"
        )
        return Order(
            descending,
            f"/* Rows go from {way}, as `out` begins {where}: {other}, a row of output would overwrite rows of"
            f" `{name}` that are still to be read. */",
        )
    return Order(descending)


def layer_text(
    program: Program,
    records: Records,
    defined: Collection[str],
    library: Library,
    order: Order,
    rings: Mapping[str, int] | None,
    apart: Mapping[str, int] = MappingProxyType({}),
) -> LayerText:
    """A layer, with the constant structs that are not yet defined.

    With `rings` the function makes one iteration of the step, for a stage.  `apart`: constants that lie in a file of
    their own, and where there.
    """
    step, function = records.step, records.function
    y = step.writes[0]
    macs = program.graph.macs(step.node)
    shapes = f"{', '.join(show(v.type.shape) for v in step.reads)} -> {show(y.type.shape)}"
    remark = f"{comment(step.node.name)}: {shapes}{f', {macs:,} MACs' if macs else ''}"
    w = Writer()
    ins = parameter_names("in", len(step.reads))
    outs = parameter_names("out", len(step.writes))
    parameters = [f"const {value.type.dtype.c} *{name}" for name, value in zip(ins, step.reads, strict=True)]
    parameters += [f"{value.type.dtype.c} *{name}" for name, value in zip(outs, step.writes, strict=True)]
    parameters += [f"{step.scratch_dtype.c} *scratch"] * (step.arena_scratch > 0)
    parameters += [f"{step.state_dtype.c} *state"] * (step.state > 0)
    parameters += ["int y"] * (rings is not None)
    parameters += ["int part"] * bool(step.ranges)
    constants = {f"{function}_{name}": constant.array for name, constant in step.constants.items()}
    parameters[:0] = [blob.PARAMETER] * bool(apart.keys() & constants.keys())
    records.define(w, {name: record for name, record in records.constants.items() if name not in defined})
    w.lines(f"MNC_LAYER void {function}({', '.join(parameters)})")
    by_rows = step.loop.count > 1 and not step.whole and rings is None
    with w.block():
        if rings is not None and order.reason:
            w.lines(order.reason)
        for name, array in constants.items():
            if name in apart:
                blob.pointer(w, name, array, apart[name])
        records.declare(w)
        for k, (value, window) in enumerate(_gathered(step)):
            w(f"const {value.type.dtype.c} *{_rows_name(step, k)}[{window.size}];")
        on_stack = step.scratch > step.arena_scratch
        if on_stack:
            w(f"{step.scratch_dtype.c} scratch[{step.scratch // step.scratch_dtype.bytes}];")
        if by_rows:
            w("int y;")
        if by_rows or records.locals or on_stack or _gathered(step) or apart.keys() & constants.keys():
            w()
        records.fill(w)
        if rings is not None:
            _iteration(w, records, library, rings, order)
        else:
            _calls(w, records, step.before, library)
            if by_rows:
                down, up = f"for (y = {step.loop.count - 1}; y >= 0; --y)", f"for (y = 0; y < {step.loop.count}; ++y)"
                if order.reason and step.rows is not None:
                    w.lines(order.reason)
                with w.block(down if order.descending else up):
                    _gather(w, step, library)
                    _calls(w, records, step.calls, library, {})
            else:
                _gather(w, step, library)
                _calls(w, records, step.whole or step.calls, library)
            _calls(w, records, step.after, library)
        if rings is not None and not re.search(r"\by\b", w.text().rpartition("int y")[2]):
            w("(void)y; /* the rows of all operands lie in one place */")
    return LayerText(remark, {name: array for name, array in constants.items() if name not in apart}, w.text())


def _iteration(w: Writer, records: Records, library: Library, rings: Mapping[str, int], order: Order) -> None:
    """The calls of the iteration `y` alone, for a stage; with those before the first one, and after the last one."""
    step = records.step
    first, last = (step.loop.count - 1, 0) if order.descending else (0, step.loop.count - 1)
    at_first, at_last = f"y == {first}", f"y == {last}"
    if step.ranges:
        at_first, at_last = f"(part == 0) && ({at_first})", f"(part == {step.parts - 1}) && ({at_last})"
    if step.before:
        with w.block(f"if ({at_first})"):
            _calls(w, records, step.before, library)
    if step.ranges:
        _ranges(w, records, library, rings)
    else:
        _gather(w, step, library, rings)
        _calls(w, records, step.calls, library, rings)
    if step.after:
        with w.block(f"if ({at_last})"):
            _calls(w, records, step.after, library)


def _ranges(w: Writer, records: Records, library: Library, rings: Mapping[str, int]) -> None:
    """The calls of one part of an iteration."""
    step, first = records.step, 0
    rows = [each.moves.get("rows", (0, 0)) != (0, 0) or _row_offset(each.calls[0]) for each in step.ranges]
    if not any(rows):
        _gather(w, step, library, rings)
    for i, each in enumerate(step.ranges):
        last = i == len(step.ranges) - 1
        condition = "else" if last else f"{'else ' * (i > 0)}if (part < {first + each.count})"
        with w.block(condition) if len(step.ranges) > 1 else nullcontext():
            moves = {name: _terms(each, first, *move) for name, move in each.moves.items()}
            if any(rows):
                _gather(w, step, library, rings, _behind(_row_offset(each.calls[0]), moves.get("rows", "")))
            _calls(w, records, each.calls, library, rings, moves)
        first += each.count


def _row_offset(call: Call) -> int:
    """Elements from the beginning of rows to where a call reads them."""
    return next((a.offset for a in call.arguments.values() if isinstance(a, RowPointers)), 0)


def _behind(offset: int, moves: str) -> str:
    """The text behind a pointer that is moved by a number and by terms."""
    return (f" + {offset}" if offset else "") + moves


def _terms(parts: Range, first: int, far: int, near: int) -> str:
    """How far an operand moves up to a part, as terms behind a pointer; `first` is the number of the first part."""
    part = f"part - {first}" if first else "part"
    wide = "(long)" if max(far, near) * parts.count > REACH_OF_INT else ""
    both = [(part, far)]
    if parts.inner > 1:
        both = [(f"{operand(part)} / {parts.inner}", far), (f"{operand(part)} % {parts.inner}", near)]

    def moved(term: str, stride: int) -> str:
        return operand(term if stride == 1 and not wide else times(f"{wide}{operand(term)}", stride))

    return "".join(f" + {moved(term, stride)}" for term, stride in both if stride and parts.count > 1)


def _calls(
    w: Writer,
    records: Records,
    calls: Sequence[Call],
    library: Library,
    rings: Mapping[str, int] | None = None,
    moves: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Calls in the iteration `y` of the step's loop, or in none.

    `rings` has the bytes that are held of each buffer of which a few rows are; None: there is no iteration.
    `moves`: by parameter, the terms by which operands are further on in a part of the iteration.
    """
    step, function, rows = records.step, records.function, records.step.rows
    ins, outs = parameter_names("in", len(step.reads)), parameter_names("out", len(step.writes))

    def pointer(name: str, offset: int, moves: str = "") -> str:
        return name + (f" + {offset}" if offset else "") + moves

    def read(k: int, offset: int, stride: int | None) -> str:
        if rings is None:
            return pointer(ins[k], offset)
        x, window = step.reads[k], rows.windows[k] if rows else Window()
        if stride is None and x.buffer in rings:
            above = window.padding * x.layout.row  # of the window's first row, whose place in the ring is a term
            return pointer(ins[k], offset + above, row_of(x, rings, first_row(window), x.layout.row))
        if stride is None:
            by_row = x.layout.row if rows or isinstance(step.loop, Fold) else 0
            stride = window.stride * (rows.band if rows else 1) * by_row
        return pointer(ins[k], offset, row_of(x, rings, "y", stride))

    def written(k: int, offset: int, stride: int | None) -> str:
        if rings is None:
            return pointer(outs[k], offset)
        y = step.writes[k]
        moved = (rows.band * y.layout.row if rows else 0) if stride is None else stride
        return pointer(outs[k], offset, row_of(y, rings, "y", moved))

    def render(parameter: str, argument: Argument) -> str:
        if isinstance(argument, RowPointers):
            return plain(parameter, argument)
        return plain(parameter, argument) + moves.get(parameter, "")

    def plain(parameter: str, argument: Argument) -> str:
        match argument:
            case RowPointers(k):
                return _rows_name(step, k)
            case RowNumber():
                return "0" if rings is None else "y"
            case In(k, offset, stride):
                return read(k, offset, stride)
            case Out(offset, k, stride):
                return written(k, offset, stride)
            case Scratch(offset):
                return pointer("scratch", offset)
            case State(offset):
                return pointer("state", offset)
            case Const(name, offset, stride):
                y = "(long)y" if abs(stride) * (step.loop.count - 1) > REACH_OF_INT else "y"
                moves = (
                    ""
                    if rings is None or not stride
                    else f" {'-' if stride < 0 else '+'} {operand(times(y, abs(stride)))}"
                )
                return pointer(f"{function}_{name}", offset, moves)
            case Name(text):
                return text
            case Record():
                return f"&{records.name(argument, parameter)}"
            case _:
                return literal(argument)

    for call in calls:
        if call.header:
            texts = [
                f"{render(p, argument)} /* {p} */" if isinstance(argument, int) else render(p, argument)
                for p, argument in call.arguments.items()
            ]
            made = f"{call.kernel}({joined(texts)})"
            w.wrapped(f"MNC_CHECK({made});" if call.checked else f"{made};")
            continue
        parameters = library.parameters(call.kernel)
        assert {p.name for p in parameters} == set(call.arguments), call.kernel
        w.wrapped(
            calling(call.kernel, parameters, {p.name: render(p.name, call.arguments[p.name]) for p in parameters})
        )


def _gather(w: Writer, step: Step, library: Library, rings: Mapping[str, int] | None = None, moved: str = "") -> None:
    """The pointers to the rows that iteration y reads; `moved`: the text behind that to the input."""
    ins = parameter_names("in", len(step.reads))
    by_rows = rings is not None or step.loop.count > 1
    for k, (value, window) in enumerate(_gathered(step)):
        first = first_row(window) if by_rows else str(-window.padding // window.divisor)
        numbers: tuple[object, ...] = (first, window.dilation, window.size, value.image[0], value.layout.row)
        few = "few_" if RowPointers(k, written_out=True) in _arguments(step) else ""
        gather = f"mnc_{few}rows_{value.type.dtype.suffix}"
        if (ring := ring_rows(value, rings or {})) is not None:
            gather, numbers = f"mnc_{few}ring_rows_{value.type.dtype.suffix}", (*numbers, ring)
        names = (parameter.name for parameter in library.parameters(gather)[2:])
        named = joined([f"{number} /* {name} */" for number, name in zip(numbers, names, strict=True)])
        w.wrapped(f"{gather}({_rows_name(step, k)}, {ins[k]}{moved}, {named});")


def _gathered(step: Step) -> tuple[tuple[Value, Window], ...]:
    """The inputs, with their windows, where calls take pointers to their rows."""
    if step.rows is None or not any(isinstance(argument, RowPointers) for argument in _arguments(step)):
        return ()
    return tuple(zip(step.reads, step.rows.windows, strict=True))


def _arguments(step: Step) -> list[Argument]:
    """The arguments of all calls of an iteration."""
    return [argument for call in step.calls for argument in call.arguments.values()]


def _rows_name(step: Step, read: int) -> str:
    return "rows" if len(step.reads) == 1 else f"rows{read}"
