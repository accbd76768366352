"""Steps whose iterations are made in parts, each of which computes a range of the outputs.

A part is a call of the same kernel with other sizes and places.  It reads and writes nothing that the whole call does
not, and no element is computed in another way, so neither the plan nor a bit of the outputs depends on the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mnc.backends.select.axes import CUTS
from mnc.backends.select.axis import Axis, Cut, Sizes, measured
from mnc.backends.select.cmsis.structs import dims
from mnc.ir.graph import Graph
from mnc.program import Argument, Call, Const, In, Out, Program, Range, Record, RowPointers, Scratch, Stage, State, Step
from mnc.program.slices import WHOLE, operations, piece

DENSE = "arm_fully_connected_s8"
"""The function of CMSIS-NN that is called for ranges of its outputs."""
MOST_PARTS = 32767
"""Of an iteration; a counter that is a `short` counts them."""


def in_ranges(program: Program, stages: Sequence[Stage]) -> Program:
    """A planned program whose steps, where an iteration is more than a slice, are made in parts."""
    if program.sliced <= WHOLE:
        return program
    graph, limit, steps = program.graph, program.sliced, list(program.steps)
    for stage in stages:
        for i in stage.numbers:
            steps[i] = ranged(graph, steps[i], limit)
    return replace(program, steps=tuple(steps))


def resumable(program: Program) -> Program:
    """The program whose steps, where they take more operations than a slice, are such as can be cut, if there are."""
    if program.sliced <= WHOLE:
        return program
    return program.with_steps([_cut(program.graph, step, program.sliced) for step in program.steps])


def _cut(graph: Graph, step: Step, limit: int) -> Step:
    """The first of a step, its fallbacks and its form by rows that fits, else that of the smallest pieces."""
    if operations(graph, step) <= limit:
        return step
    forms = list(_forms(step))
    sizes = [piece(graph, ranged(graph, each, limit)) for each in forms]
    fitting = (each for each, size in zip(forms, sizes, strict=True) if size <= limit)
    chosen = next(fitting, None) or forms[sizes.index(min(sizes))]
    other = None if chosen.fallback is None else _cut(graph, chosen.fallback, limit)
    return replace(chosen, fallback=other)


def _forms(step: Step) -> Iterator[Step]:
    yield step
    for other in (step.fallback, step.by_row):
        if other is not None:
            yield from _forms(other)


def ranged(graph: Graph, step: Step, limit: int) -> Step:
    """The step in parts of at most `limit` operations, or of as few as can be; as it is where its iterations fit."""
    step = replace(step, ranges=())
    whole = -(-operations(graph, step) // step.loop.count)
    if whole <= limit:
        return step
    if len(step.calls) == 1 and step.calls[0].kernel == DENSE and not step.scratch:
        return replace(step, ranges=tuple(_of_library(step.calls[0], whole, limit)))
    if not _separable(step):
        return step
    costs = _costs(step.calls, whole, has_products=graph.macs(step.node) > 0)
    if costs is None:
        return step
    parts: list[Range] = []
    for call, cost in zip(step.calls, costs, strict=True):
        own = [Range((call,), cost)] if cost <= limit else _parts(call, cost, limit, in_place=step.in_place)
        parts += own
    joined = _joined(parts, limit)
    if sum(each.count for each in joined) not in range(2, MOST_PARTS + 1):
        return step
    return replace(step, ranges=tuple(joined))


def _of_library(call: Call, cost: int, limit: int) -> Iterator[Range]:
    """CMSIS-NN's dense layer in parts of some outputs; their numbers are members of structs.

    Nothing where structs point to constants of each output, from whose beginning the function counts.
    """
    structs = {name: each for name, each in call.arguments.items() if isinstance(each, Record)}
    inputs, outputs = structs["filter_dims"].members["n"], structs["output_dims"].members["c"]
    assert isinstance(inputs, int) and isinstance(outputs, int)
    if outputs == 1 or any(isinstance(member, Const) for each in structs.values() for member in each.members.values()):
        return
    most = max(limit * outputs // cost, 1)
    count = -(-outputs // -(-outputs // most))
    steps = {"filter_data": inputs, "bias_data": 1, "output_data": 1}

    def made(first: int, size: int) -> Call:
        sizes = {"filter_dims": dims(inputs, 1, 1, size), "bias_dims": dims(1, 1, 1, size)}
        places = {name: _moved(call.arguments[name], first * by) for name, by in steps.items()}
        return replace(call, arguments={**call.arguments, **sizes, "output_dims": dims(1, 1, 1, size), **places})

    moves = {name: (by * count, 0) for name, by in steps.items() if isinstance(call.arguments[name], In | Out | Const)}
    yield Range((made(0, count),), -(-cost * count // outputs), outputs // count, moves=moves)
    if rest := outputs % count:
        yield Range((made(outputs - rest, rest),), -(-cost * rest // outputs))


def _separable(step: Step) -> bool:
    """Whether all that a call leaves to the next ones lies in memory of the network."""
    if not step.calls or any(call.header for call in step.calls):
        return False
    alone = len(step.calls) == 1 and not step.before and not step.after and step.loop.count == 1
    rows = len(step.calls) == 1 and step.rows is not None and not step.before and not step.after
    return step.scratch == step.arena_scratch or alone or rows


def _costs(calls: Sequence[Call], whole: int, *, has_products: bool) -> list[int] | None:
    """The operations of each call; None where a kernel is not known.

    Those of a layer without multiply-accumulate operations go over its largest value each.
    """
    known = [CUTS.get(call.kernel) for call in calls]
    cuts = [cut for cut in known if cut is not None]
    if len(cuts) < len(calls):
        return None
    if not has_products:
        return [whole] * len(calls)
    works = [measured(cut.work, _sizes(call)) if cut.work else 0 for call, cut in zip(calls, cuts, strict=True)]
    total = sum(works)
    return [-(-whole * work // total) for work in works] if total else None


def _sizes(call: Call) -> Sizes:
    return {name: argument for name, argument in call.arguments.items() if isinstance(argument, int)}


def _joined(parts: Sequence[Range], limit: int) -> list[Range]:
    """Neighbouring calls that are not cut, in one part where that fits."""
    made: list[Range] = []
    for part in parts:
        last = made[-1] if made else None
        if last is not None and last.count == part.count == 1 and last.cost + part.cost <= limit:
            made[-1] = Range((*last.calls, *part.calls), last.cost + part.cost)
        else:
            made.append(part)
    return made


def _parts(call: Call, cost: int, limit: int, *, in_place: bool) -> list[Range]:
    """A call in parts: along the loop that gives the fewest of at most `limit` operations, else along two loops.

    A call that writes where it reads keeps the order of its elements, so it is cut along its outermost loops.
    """
    axes = _loops(CUTS[call.kernel], _sizes(call))
    if in_place:
        axes = axes[:1]
    single = [_along(call, axis, cost, limit) for axis in axes]
    fitting = [each for each in single if max(part.cost for part in each) <= limit]
    if fitting:
        return min(fitting, key=_count)
    double = list(_along_two(call, cost, limit, in_place=in_place))
    options = [[Range((call,), cost)], *single, *double]
    fitting = [each for each in double if max(part.cost for part in each) <= limit]
    return min(fitting or options, key=lambda each: (max(part.cost for part in each), _count(each)))


def _count(parts: Sequence[Range]) -> int:
    return sum(part.count for part in parts)


def _loops(cut: Cut, sizes: Sizes) -> list[Axis]:
    """The loops of more than one block that may be cut."""
    free = (axis for axis in cut.axes if all(sizes[name] == 1 for name in axis.within))
    return [axis for axis in free if sizes[axis.size] > measured(axis.unit, sizes)]


@dataclass(frozen=True)
class _Blocks:
    """One loop of a call in blocks."""

    call: Call
    axis: Axis

    @property
    def sizes(self) -> Sizes:
        return _sizes(self.call)

    @property
    def unit(self) -> int:
        return measured(self.axis.unit, self.sizes)

    @property
    def size(self) -> int:
        return self.sizes[self.axis.size]

    @property
    def count(self) -> int:
        return -(-self.size // self.unit)

    def at_once(self, cost: int, limit: int) -> int:
        """Blocks of a part of at most `limit` operations, at least one, so that parts are about equal."""
        most = max(limit * self.size // (cost * self.unit), 1)
        return -(-self.count // -(-self.count // most))

    def made(self, first: int, count: int) -> Call:
        """The call for so many blocks from one on."""
        start, size = first * self.unit, count * self.unit
        if first + count == self.count and self.size % self.unit:
            size = self.size - start
            if self.axis.overlaps and count == 1:
                start, size = self.size - self.unit, self.unit
        moved = {name: measured(move, self.sizes) * start for name, move in self.axis.moves.items()}
        moved |= {name: measured(move, self.sizes) * first for name, move in self.axis.blocks.items()}
        arguments = {name: _moved(argument, moved.get(name, 0)) for name, argument in self.call.arguments.items()}
        return replace(self.call, arguments={**arguments, self.axis.size: size})

    def moves(self, count: int) -> dict[str, int]:
        """Elements that operands move from one part of so many blocks to the next."""
        by_index = {name: measured(move, self.sizes) * count * self.unit for name, move in self.axis.moves.items()}
        by_block = {name: measured(move, self.sizes) * count for name, move in self.axis.blocks.items()}
        return {name: move for name, move in {**by_index, **by_block}.items() if self._is_place(name)}

    def _is_place(self, name: str) -> bool:
        return isinstance(self.call.arguments[name], In | Out | Const | Scratch | State | RowPointers)


def _moved(argument: Argument, by: int) -> Argument:
    """An operand from another element on."""
    if by and isinstance(argument, In | Out | Const | Scratch | State | RowPointers):
        return replace(argument, offset=argument.offset + by)
    return argument


def _along(call: Call, axis: Axis, cost: int, limit: int) -> list[Range]:
    """A call in parts of one loop."""
    blocks = _Blocks(call, axis)
    at_once = blocks.at_once(cost, limit)
    whole = blocks.size // (at_once * blocks.unit)  # parts without the last block, where that is cut or reaches back
    rest = blocks.count - whole * at_once

    def spent(count: int) -> int:
        return -(-cost * count * blocks.unit // blocks.size)

    moves = {name: (move, 0) for name, move in blocks.moves(at_once).items()}
    parts = [Range((blocks.made(0, at_once),), spent(at_once), whole, moves=moves)] if whole else []
    if rest:
        parts.append(Range((blocks.made(whole * at_once, rest),), spent(rest)))
    return parts


def _along_two(call: Call, cost: int, limit: int, *, in_place: bool) -> Iterator[list[Range]]:
    """A call in parts of one loop within those of another, both in equal parts; the outer one goes block by block."""
    axes = CUTS[call.kernel].axes
    outer = _loops(CUTS[call.kernel], _sizes(call))
    for one in outer[:1] if in_place else outer:
        blocks = _Blocks(call, one)
        if blocks.size % blocks.unit:
            continue
        block = blocks.made(0, 1)
        inside = [axis for axis in _loops(CUTS[call.kernel], _sizes(block)) if axis is not one]
        if in_place:
            inside = [axis for axis in inside if axes.index(axis) > axes.index(one)][:1]
        for other in inside:
            parts = _Blocks(block, other)
            if parts.size % parts.unit:
                continue
            own = -(-cost // blocks.count)
            most = max(limit * parts.size // (own * parts.unit), 1)
            at_once = next(n for n in range(min(most, parts.count), 0, -1) if parts.count % n == 0)
            inner = parts.count // at_once
            far, near = blocks.moves(1), parts.moves(at_once)
            moves = {name: (far.get(name, 0), near.get(name, 0)) for name in {**far, **near}}
            yield [Range((parts.made(0, at_once),), -(-own // inner), blocks.count * inner, inner, moves=moves)]
