"""A network: named values, layers in execution order, every type known.

A `Graph` is valid or it does not exist: building one checks that names are
unique and defined before use, infers every type, and raises `CompileError`
with the source location of the layer that does not fit.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import overload

from mnc.errors import CompileError, Problem
from mnc.ir.layer import Layer
from mnc.ir.layers import Recurrent
from mnc.ir.state import State
from mnc.ir.types import Array, DType, ShapeError, TensorType
from mnc.shown import Drawn


@dataclass(frozen=True)
class Input:
    """A value that the caller provides."""

    name: str
    type: TensorType


@dataclass(frozen=True)
class Node:
    """One layer at work: the values it reads and the values it defines."""

    outputs: tuple[str, ...]
    layer: Layer
    inputs: tuple[str, ...]
    origin: str = field(default="", compare=False)
    """Where the user wrote it, for error messages."""

    @property
    def name(self) -> str:
        """The first output's name, by which the node is known."""
        return self.outputs[0]

    @property
    def where(self) -> str:
        return self.origin or f"layer {self.name!r}"


@dataclass(frozen=True)
class Graph(Drawn):
    """A whole network.  Values are single-assignment; names are the edges."""

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    classes: tuple[str, ...] = field(default=(), compare=False)
    """The names of the classes that an output's elements stand for; none where nobody has said."""
    states: tuple[State, ...] = ()
    """The values that a run leaves to the next one."""
    types: Mapping[str, TensorType] = field(init=False, compare=False, repr=False)
    """The type of every value, inputs and states included; derived."""

    def __post_init__(self) -> None:
        types: dict[str, TensorType] = {}
        for given in self.inputs:
            if given.name in types:
                raise self._problem(given.name, f"two inputs are called {given.name!r}")
            types[given.name] = given.type.inside
        for state in self.states:
            if state.name in types:
                raise self._problem(f"state {state.name!r}", f"the name {state.name!r} is taken")
            types[state.name] = state.type
        for node in self.nodes:
            for name, type_ in zip(node.outputs, _infer(node, types), strict=True):
                if name in types:
                    raise self._problem(node.where, f"the name {name!r} is taken")
                types[name] = type_
        for name in self.outputs:
            if name not in types:
                raise self._problem("outputs", f"no layer gives {name!r}")
        for state in self.states:
            self._check_next(state, types)
        if not self.inputs or not self.outputs:
            raise self._problem("", "a network needs at least one input and one output")
        for name, type_ in types.items():
            if type_.dtype is DType.INT64:
                raise self._problem(name, "is of int64, which only constants may be")
        object.__setattr__(self, "types", MappingProxyType(types))

    def __repr__(self) -> str:
        given, gives = ", ".join(str(each.type) for each in self.inputs), map(self.types.get, self.outputs)
        return f"<Graph {self.name!r}: {given} to {', '.join(map(str, gives))}, {len(self.nodes)} layers>"

    def _check_next(self, state: State, types: Mapping[str, TensorType]) -> None:
        """CompileError where a state's next value is none of its type, or a layer keeps memory beside the states."""
        found = types.get(state.next)
        if found is None:
            raise self._problem(f"state {state.name!r}", f"its next value, {state.next!r}, is given by no layer")
        if found != state.type:
            scaled = " with another scale or zero point" if str(found) == str(state.type) else ""
            what = f"it is {state.type}, its next value {state.next!r} is {found}{scaled}"
            raise self._problem(f"state {state.name!r}", what)
        for node in self.nodes:
            if isinstance(node.layer, Recurrent) and node.layer.stateful:
                raise CompileError(
                    Problem(
                        node.where,
                        f"keeps a state of its own, beside the states of the network, as {state.name!r}",
                        ("give it initial_state and return_state, and make a state of what it returns",),
                    )
                )

    def _problem(self, where: str, what: str) -> CompileError:
        return CompileError(Problem(where or f"network {self.name!r}", what))

    @cached_property
    def given(self) -> Mapping[str, TensorType]:
        """The types of the values that are there before the first layer: of the inputs, then of the states."""
        return {name: self.types[name] for name in (*(i.name for i in self.inputs), *(s.name for s in self.states))}

    @cached_property
    def results(self) -> tuple[str, ...]:
        """The values that outlive the layers: the outputs, then the states' next values."""
        return (*self.outputs, *(state.next for state in self.states))

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """The node that defines each value (inputs and states have none)."""
        return {name: node for node in self.nodes for name in node.outputs}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each value, in execution order, each once."""
        readers: dict[str, list[Node]] = {name: [] for name in self.types}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def input_types(self, node: Node) -> tuple[TensorType, ...]:
        return tuple(self.types[name] for name in node.inputs)

    def output_type(self, node: Node) -> TensorType:
        """The type of the node's first output."""
        return self.types[node.name]

    def macs(self, node: Node) -> int:
        return node.layer.macs(*self.input_types(node))

    def sole_consumer(self, value: str) -> Node | None:
        """The only node that reads `value`, where it is no result of the network."""
        readers = self.consumers[value]
        return readers[0] if len(readers) == 1 and value not in self.results else None

    def with_nodes(self, nodes: Iterable[Node]) -> Graph:
        """The network with other nodes, checked anew; this very graph where they are its own nodes."""
        made = tuple(nodes)
        unchanged = len(made) == len(self.nodes) and all(map(operator.is_, made, self.nodes))
        return self if unchanged else replace(self, nodes=made)

    @overload
    def predict(self, x: Array | Sequence[Array]) -> Array | list[Array]: ...

    @overload
    def predict(
        self, x: Array | Sequence[Array], states: Mapping[str, Array]
    ) -> tuple[Array | list[Array], dict[str, Array]]: ...

    def predict(
        self, x: Array | Sequence[Array], states: Mapping[str, Array] | None = None
    ) -> Array | list[Array] | tuple[Array | list[Array], dict[str, Array]]:
        """Run the network in NumPy: the definition that generated code is held to.

        `x` is (batch, *input shape), or a list of such arrays where there are
        several inputs; the result has the same form.  Floats given to quantised
        inputs are quantised, and quantised outputs come back as floats; integers
        are what the network stores, and so are its outputs then.  CompileError
        where `x` does not fit: no number is cast to another value.

        Of a network with states the samples are one sequence: each run begins with
        what the one before left, the first with the initial values.  `states` has
        other values to begin with, by the names of their states, as the network
        stores them; then the result is a pair: the outputs, and all states after
        the last run.  A state that is held for its first runs is not any more then.
        """
        from mnc.reference import predict, predict_on

        return predict(self, x) if states is None else predict_on(self, x, states)


def _infer(node: Node, types: Mapping[str, TensorType]) -> tuple[TensorType, ...]:
    for name in node.inputs:
        if name not in types:
            raise CompileError(Problem(node.where, f"reads {name!r}, which nothing before it gives"))
    least, most = node.layer.arity
    kind = type(node.layer).__name__
    if len(node.inputs) < least or (most is not None and len(node.inputs) > most):
        takes = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        raise CompileError(Problem(node.where, f"{kind} takes {takes} inputs, not {len(node.inputs)}"))
    try:
        inferred = node.layer.outputs(*(types[name] for name in node.inputs))
    except ShapeError as fault:
        shapes = tuple(f"{name!r} is {types[name]}" for name in node.inputs)
        raise CompileError(Problem(node.where, f"{kind}: {fault}", shapes)) from None
    assert len(inferred) == len(node.outputs), f"{kind} has {len(inferred)} outputs"
    return inferred
