"""A network on a window of frames becomes one on the newest frames alone, which remembers by its states.

Not one of `PASSES`: the network that comes out takes other inputs.

Time is the first axis of the input.  A run takes the next `hop` frames.  Of each
value that goes along time it computes the rows that these frames complete, each
row once: where a window reaches further back, the rows before are a state.  What
needs all of a window's rows at once (a dense layer behind Flatten, global
pooling, attention) reads a state of as many rows.

The rows of a value are counted from the first frame: row r is the one that the
network computes for row r of any sequence long enough.  A value may be late, when
its row r takes frames that come after those of row r.  Then the first rows that
runs give are none of the sequence; layers that pad the beginning of time or carry
a state begin behind them (`State.held`), and outputs count from there on
(`Stream.silent`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from mnc.errors import argument, refuse
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import (
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv2D,
    Merge,
    Pooling2D,
    Recurrent,
    Resize,
    Slice,
    ZeroPadding2D,
)
from mnc.ir.state import State
from mnc.ir.types import Constant, DType, TensorType
from mnc.names import Names
from mnc.passes.along_time import (
    Rows,
    SlidingWindow,
    Time,
    WholeWindow,
    joint,
    kept_axis,
    read_rows,
    reading,
    resized,
    unpadded,
    window_along,
    with_rows,
)
from mnc.passes.channel_bounds import zero_of


@dataclass(frozen=True)
class Stream:
    """A network that is run once for every `hop` frames."""

    graph: Graph
    """Its input is the newest frames, (hop, ...)."""
    hop: int
    """Frames that a run takes."""
    silent: int
    """Runs whose outputs do not count, from the first one on."""
    delay: int
    """Frames by which outputs that go along time lag behind the newest frame, beyond what causal layers need."""
    sliding: bool
    """Whether output m is the network's answer to the window from frame m * hop on, whatever came before.

    Otherwise layers pad the beginning of time, or carry a state: the outputs are those of one sequence without end.
    """


def stream(graph: Graph, hop: int | None = None) -> Stream:
    """The network for frames that come one after the other.

    `hop`: frames a run, by default as many as the strides along time multiply to.
    CompileError where a layer needs frames that come after the window, or `hop` does not go with the strides.
    """
    if len(graph.inputs) != 1:
        raise refuse(f"network {graph.name!r}", f"has {len(graph.inputs)} inputs, and frames go to one", WHOLE)
    (given,) = graph.inputs
    if not given.type.shape:
        raise refuse(f"input {given.name!r}", "has no axis of time", WHOLE)
    if graph.states:
        return _remembering(graph, hop)
    smallest = math.lcm(*_Streaming(graph, 0).strides())
    hop = smallest if hop is None else hop
    if hop < 1 or hop % smallest:
        what = f"is {hop}, and the strides of the network along time multiply to {smallest}"
        raise refuse(argument("hop"), what, f"give a multiple of {smallest}")
    looking = _Streaming(graph, hop)
    looking.rewrite()
    return _Streaming(graph, hop, looking.needs).run()


SLIDING = (Conv2D, Conv2DTranspose, DepthwiseConv2D, Pooling2D, Recurrent, Resize, ZeroPadding2D)
"""Kinds whose work grows with the rows of a window."""
_NOT_CARRIED = "reads each window backwards, takes a mask, or gives its state to other layers"
WHOLE = "leave the option out: the network then takes its inputs as a whole"


def _remembering(graph: Graph, hop: int | None) -> Stream:
    """A network that has states already takes as many frames a run as its input holds."""
    frames = graph.inputs[0].type.shape[0]
    if hop not in (None, frames):
        raise refuse(argument("hop"), f"is {hop}, and the network takes {frames} frames a run", "leave it out")
    return Stream(graph, frames, 0, 0, sliding=False)


_Key = tuple[str, float]
"""A value, and the number that stands before its first row."""


@dataclass
class _Need:
    """Rows of a value that came before the newest ones."""

    rows: int = 0
    held: int = 0
    """Runs in which they stay what stands before the first row."""


@dataclass
class _Streaming:
    """Rewrites a network node by node, in execution order; `hop` 0: only to look at the strides."""

    graph: Graph
    hop: int
    needs: dict[_Key, _Need] = field(default_factory=dict)
    """Rows before the newest ones that readers need; found by a first rewriting, used by a second."""
    time: dict[str, Time] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    joined: dict[_Key, str] = field(default_factory=dict)
    """Values with the rows before them in front."""

    def __post_init__(self) -> None:
        (given,) = self.graph.inputs
        self.time[given.name] = Rows(0, given.type.shape[0], 1)
        self.types = dict(self.graph.types)
        self.invent = Names(self.graph.types).new

    def strides(self) -> Iterator[int]:
        """Frames between two rows of each value along time."""
        for node in self.graph.nodes:
            rows = self._along(node)
            self._mark(node, WholeWindow() if rows is None else rows)
        return (each.stride for each in self.time.values() if isinstance(each, Rows))

    def _mark(self, node: Node, time: Time) -> None:
        self.time.update(dict.fromkeys(node.outputs, time))

    def rewrite(self) -> None:
        """Rewrite all nodes."""
        for node in self.graph.nodes:
            self._rewrite(node)

    def run(self) -> Stream:
        """The network rewritten, where all that its values need of the past is known."""
        self.rewrite()
        ready = [self._ready(name) for name in self.graph.outputs]
        (given,) = self.graph.inputs
        inputs = (Input(given.name, replace(given.type, shape=(self.hop, *given.type.shape[1:]))),)
        graph = replace(self.graph, inputs=inputs, nodes=tuple(self.nodes), states=tuple(self.states.values()))
        along = [each for name in self.graph.outputs if isinstance(each := self.time[name], Rows)]
        begins = any(each.begins for each in (self.time[name] for name in self.graph.outputs))
        sliding = not begins and not along
        delay = max((each.late * each.stride for each in along if each.ends), default=0)
        return Stream(graph, self.hop, max(ready), delay, sliding)

    def _ready(self, name: str) -> int:
        """Runs before an output counts; CompileError where its rows begin inside a run."""
        time = self.time[name]
        if isinstance(time, WholeWindow):
            return time.runs
        runs, inside = divmod(time.late, self._new(time))
        if inside:
            what = f"begins {time.late} rows late, inside a run of {self._new(time)} rows"
            raise refuse(f"output {name!r}", what, f"--hop {time.stride} gives one row a run")
        return runs

    def _new(self, rows: Rows) -> int:
        """Rows of a value that a run computes."""
        return self.hop // rows.stride

    # One layer

    def _along(self, node: Node) -> Rows | None:
        """How a node's outputs go along time; None where it needs the rows of a whole window at once."""
        times = [self.time[name] for name in node.inputs]
        types = [self.graph.types[name] for name in node.inputs]
        along = [(each, type_) for each, type_ in zip(times, types, strict=True) if isinstance(each, Rows)]
        if not along:
            return None
        rows, type_ = along[0]
        layer = node.layer
        if isinstance(layer, Merge | Concatenate):
            return joint(layer, times, types, self.graph.output_type(node))
        if len(node.inputs) > 1:
            return None
        window = window_along(layer, rows.axis)
        if window is not None:
            return self._slid(node, rows, window)
        if isinstance(layer, Recurrent):
            return rows if layer.return_sequences and not layer.return_state and rows.axis == 0 else None
        axis = kept_axis(layer, rows.axis, type_, self.graph.output_type(node))
        return None if axis is None else replace(rows, axis=axis)

    def _slid(self, node: Node, rows: Rows, window: SlidingWindow) -> Rows:
        """The rows of a layer whose window slides along time."""
        count = self.graph.output_type(node).shape[rows.axis]
        if window.before >= window.span:
            what = f"pads {window.before} rows before the first, and its window spans {window.span}"
            raise refuse(node.where, what, "use padding 'valid' or 'causal' along time", WHOLE)
        late = -(-(window.span + rows.late - window.before) // window.stride) - 1
        return Rows(
            rows.axis,
            count,
            rows.stride * window.stride,
            late,
            rows.begins or (node.where if window.before else ""),
            rows.ends or (node.where if window.after else ""),
        )

    def _rewrite(self, node: Node) -> None:
        layer = node.layer
        if isinstance(layer, Recurrent) and isinstance(self.time[node.inputs[0]], Rows) and self._carries(node):
            return
        rows = self._along(node)
        if rows is None:
            self._whole(node)
            return
        self._mark(node, rows)
        (first, *_) = (each for name in node.inputs if isinstance(each := self.time[name], Rows))
        window = window_along(layer, first.axis)
        if window is not None:
            self._slide(node, first, rows, window)
            return
        names = node.inputs
        if isinstance(layer, Merge | Concatenate):
            names = tuple(self._delayed(name, rows.late) for name in names)
        changed = resized(layer, self.graph.output_type(node).shape, rows.axis, self._new(rows))
        self.nodes.append(replace(node, layer=changed, inputs=names))

    def _slide(self, node: Node, given: Rows, rows: Rows, window: SlidingWindow) -> None:
        """A window along time over the rows that it needs, without padding there."""
        (name,) = node.inputs
        before = 0.0
        if window.before:
            name, given = self._aligned(name, given)
            before = window.outside
            rows = self._slid(node, given, window)
            self._mark(node, rows)
        new, made = self._new(given), self._new(rows)
        # Run 0 gives the rows up to `newest` of the output, from rows up to `last` of the input.
        newest, last = made - 1 - rows.late, new - 1 - given.late
        end = newest * window.stride - window.before + window.span - 1
        count = (made - 1) * window.stride + window.span
        held = given.late // new if window.before else 0
        source = self._rows(name, given, count, last - end, before, held)
        self.nodes.append(replace(node, layer=unpadded(node.layer, given.axis), inputs=(source,)))

    def _carries(self, node: Node) -> bool:
        """Whether a recurrent layer goes on from one run to the next; it is then rewritten."""
        layer, (name, *more) = node.layer, node.inputs
        assert isinstance(layer, Recurrent)
        given = self.time[name]
        assert isinstance(given, Rows)
        if more or layer.go_backwards or layer.return_state or given.axis != 0:
            return False
        name, given = self._aligned(name, given)
        held = given.late // self._new(given)
        states, nexts = [], []
        for type_ in layer.state_types(self.graph.output_type(node)):
            state, following = self.invent(f"{node.name}/state"), self.invent(f"{node.name}/next")
            zero = Constant(np.asarray(type_.quant.zero_point if type_.quant else 0, type_.dtype.numpy))
            self.states[state] = State(state, type_, zero, following, held)
            states.append(state)
            nexts.append(following)
        changed = layer.changed(stateful=False, initial_state=True, return_state=True)
        self.nodes.append(replace(node, layer=changed, inputs=(name, *states), outputs=(*node.outputs, *nexts)))
        begins = given.begins or node.where
        self._mark(
            node,
            replace(given, begins=begins)
            if layer.return_sequences
            else WholeWindow(-(-(given.window + given.late) // self._new(given)) - 1, begins),
        )
        return True

    def _whole(self, node: Node) -> None:
        """A layer that reads rows of whole windows; CompileError where that would compute rows anew for each window."""
        names, runs, begins, layer = [], [0], "", node.layer
        for name in node.inputs:
            time = self.time[name]
            begins = begins or time.begins
            if isinstance(time, Rows):
                self._refuse_borders(node, time)
                new = self._new(time)
                behind = -(-(time.window + time.late) // new)
                first, count = read_rows(layer, time.axis, time.window)
                skipped = behind * new - time.late - first - count
                names.append(self._rows(name, time, count, skipped, 0.0, 0))
                runs.append(behind - 1)
                layer = reading(layer, time.axis, first)
            else:
                if isinstance(layer, SLIDING):
                    what = "would compute every row of each window anew, behind a layer that needs the whole window"
                    raise refuse(node.where, what, WHOLE)
                names.append(name)
                runs.append(time.runs)
        if len({each for each in runs if each}) > 1:
            raise refuse(node.where, "joins windows that are whole after different numbers of frames", WHOLE)
        self._mark(node, WholeWindow(max(runs), begins))
        self.nodes.append(replace(node, layer=layer, inputs=tuple(names)))

    def _refuse_borders(self, node: Node, time: Rows) -> None:
        """CompileError where a layer cannot read a window of rows: rows at its end differ from those of a sequence."""
        if time.ends:
            what = f"pads the end of each window, and {node.where} reads the rows there"
            raise refuse(time.ends, what, "use padding 'valid' or 'causal' along time", WHOLE)
        if isinstance(node.layer, Recurrent):
            raise refuse(node.where, _NOT_CARRIED, "use a recurrent layer that reads forwards, without masks", WHOLE)
        if isinstance(node.layer, SLIDING):
            what = "pads its windows in time in a way that no frames before can stand for"
            raise refuse(node.where, what, "use padding 'valid' along time", WHOLE)

    # Rows that came before

    def _aligned(self, name: str, given: Rows) -> tuple[str, Rows]:
        """The value, late by whole runs."""
        late = -(-given.late // self._new(given)) * self._new(given)
        return self._delayed(name, late), replace(given, late=late)

    def _delayed(self, name: str, late: int) -> str:
        """The value with its rows as late as that."""
        time = self.time[name]
        if not isinstance(time, Rows) or time.late == late:
            return name
        return self._rows(name, time, self._new(time), late - time.late, 0.0, 0)

    def _rows(self, name: str, time: Rows, count: int, skipped: int, before: float, held: int) -> str:
        """`count` rows of a value, the last of which has `skipped` newer ones behind it in a run.

        `before`: the number that stands where no row has been yet; `held`: runs in which it stays there.
        """
        new = self._new(time)
        need = self.needs.setdefault((name, before), _Need())
        need.rows, need.held = max(need.rows, count + skipped - new), max(need.held, held)
        source = self._joined((name, before), time, need) if need.rows else name
        start = need.rows + new - skipped - count
        if start == 0 and skipped == 0:
            return source
        return self._part(name, source, time, need.rows + new, (start, count))

    def _joined(self, key: _Key, time: Rows, need: _Need) -> str:
        """A value behind the rows before it, which are a state."""
        if key not in self.joined:
            name, before = key
            type_, new = self.types[name], self._new(time)
            state, both = self.invent(f"{name}/past"), self.invent(f"{name}/joined")
            self.nodes.append(Node((both,), Concatenate(time.axis), (state, name), f"value {name!r}"))
            following = self._part(name, both, time, need.rows + new, (new, need.rows))
            past = replace(type_.inside, shape=with_rows(type_.shape, time.axis, need.rows))
            initial = Constant(np.array(_stored(type_, before), type_.dtype.numpy))
            self.states[state] = State(state, past, initial, following, need.held)
            self.joined[key] = both
        return self.joined[key]

    def _part(self, name: str, source: str, time: Rows, rows: int, part: tuple[int, int]) -> str:
        """Some of the `rows` rows of a source that has those of the value `name`: the first one, and how many."""
        made = self.invent(f"{name}/rows")
        shape = with_rows(self.types[name].shape, time.axis, rows)
        starts = with_rows((0,) * len(shape), time.axis, part[0])
        cut = Slice(starts, with_rows(shape, time.axis, part[1]), (1,) * len(shape))
        self.nodes.append(Node((made,), cut, (source,), f"value {name!r}"))
        self.types[made] = self.types[name]
        return made


def _stored(type_: TensorType, number: float) -> float:
    """A number as a value stores it: 0, or one below all others."""
    if number == 0:
        return 0 if type_.quant is None else zero_of(type_)
    return LOWEST if type_.dtype is DType.FLOAT32 else type_.dtype.least


LOWEST = float(np.finfo(np.float32).min)
