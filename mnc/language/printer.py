"""From a `Graph` to text that parses back to an equal one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mnc.arrays import npz
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation
from mnc.ir.state import State
from mnc.ir.types import Array, Constant
from mnc.language.beginnings import spell_beginning
from mnc.language.constants import arrays, key, spell_constant
from mnc.language.forms import Context, spell_quantisation
from mnc.language.functions import spelled
from mnc.language.kind import OUTPUT, Kind, Weight
from mnc.language.kinds import kind_of
from mnc.language.names import quote, spell


@dataclass(frozen=True)
class Shown:
    """A network as text, and the constants that are too large to stand in it."""

    text: str
    constants: Mapping[str, Array]
    """Constants of the .npz file that the text's `weights` statement names, by key."""

    def archive(self) -> bytes:
        """The bytes of the .npz file of `constants`; equal constants give equal bytes."""
        return npz(self.constants)  # every key has a slash, so none is the name of an argument of NumPy's


def show(graph: Graph, weights_file: str | None = None) -> Shown:
    """The text of a network; `weights_file` is what it calls the file of its large constants.

    By default that is the network's name with `.npz` behind it, or `weights.npz`
    where the name is none for a file.
    """
    stem = graph.name if re.fullmatch(r"[\w-][\w.-]{0,99}", graph.name, re.ASCII) else "weights"
    return _Printer(graph, graph.name, {name: name for name in graph.types}).shown(weights_file or f"{stem}.npz")


def show_anonymous(graph: Graph) -> Shown:
    """The text of a network with numbers in place of all names: equal for networks that differ in nothing else."""
    return _Printer(graph, "anonymous", {name: f"v{i}" for i, name in enumerate(graph.types)}).shown("weights.npz")


def summary(graph: Graph, node: Node) -> str:
    """A layer's kind and attributes without operands and weights: `conv2d(filters = 8, kernel = 3)`."""
    if isinstance(node.layer, Activation):
        callee, arguments = spelled(node.layer.function)
    else:
        kind = kind_of(type(node.layer))
        printer = _Printer(graph, graph.name, {})
        callee = kind.name
        arguments = [each for each in printer.attributes(kind, node) if not each.startswith(f"{OUTPUT.name} = ")]
    return f"{callee}({', '.join(arguments)})" if arguments else callee


class _Printer:
    """One run of `show`: collects the constants while it writes the lines."""

    def __init__(self, graph: Graph, name: str, names: Mapping[str, str]) -> None:
        """`name` and `names` are the names that the text has for the network and for each of its values."""
        self._graph = graph
        self._name = name
        self._names = names
        self._constants: dict[str, Array] = {}

    def shown(self, weights_file: str) -> Shown:
        graph = self._graph
        parts = [
            [f"network {spell(self._name)}"],
            [*(self._input(given) for given in graph.inputs), *(self._state(state) for state in graph.states)],
            [self._node(node) for node in graph.nodes],
            [
                *(f"next {each} = {value}" for each, value in self._nexts()),
                f"output {', '.join(self._spelled(graph.outputs))}",
            ],
            [f"weights {quote(weights_file)}"] if self._constants else [],
        ]
        return Shown("\n\n".join("\n".join(part) for part in parts if part) + "\n", self._constants)

    def _spelled(self, values: Iterable[str]) -> list[str]:
        return [spell(self._names[name]) for name in values]

    def _input(self, given: Input) -> str:
        used = self._graph.consumers[given.name] or given.name in self._graph.results
        return f"input {self._typed(given)}{'' if used else ' unused'}"

    def _state(self, state: State) -> str:
        initial, stored = spell_beginning(state, self._names[state.name])
        self._constants.update(stored)
        return f"state {self._typed(state)} = {initial}{f' for {state.held}' if state.held else ''}"

    def _typed(self, given: Input | State) -> str:
        quantised = "" if given.type.quant is None else f" {spell_quantisation(given.type.quant)}"
        return f"{spell(self._names[given.name])}: {given.type}{quantised}"

    def _nexts(self) -> Iterator[tuple[str, str]]:
        """The names of the states and of their next values, as they are spelt."""
        states = self._graph.states
        names, values = self._spelled(each.name for each in states), self._spelled(each.next for each in states)
        return zip(names, values, strict=True)

    def _node(self, node: Node) -> str:
        values = self._spelled(node.inputs)
        if isinstance(node.layer, Activation):
            callee, own = spelled(node.layer.function)
            output = node.layer.output
            arguments = [*own, *([] if output is None else [f"output = {OUTPUT.form.write(output, Context(()))}"])]
        else:
            kind = kind_of(type(node.layer))
            callee, arguments = kind.name, [*self.attributes(kind, node), *self._weights(kind, node)]
        return f"{', '.join(self._spelled(node.outputs))} = {callee}({', '.join([*values, *arguments])})"

    def attributes(self, kind: Kind, node: Node) -> Iterator[str]:
        """The attributes that are not as by default, `name = value` each."""
        context = Context(self._graph.input_types(node))
        for attribute in kind.attributes:
            value = attribute.value_in(node.layer, context)
            if value != attribute.default_in(context):
                yield f"{attribute.name} = {attribute.form.write(value, context)}"
            context.attributes[attribute.name] = value

    def _weights(self, kind: Kind, node: Node) -> Iterator[str]:
        for weight in kind.weights:
            constant = getattr(node.layer, weight.field)
            if constant is None:
                if weight.expected:
                    yield f"{weight.flag} = false"
            elif small := spell_constant(constant):
                yield f"{weight.field} = {small}"
            else:
                self._store(node, weight, constant)
                if weight.shape is None or constant.array.dtype != np.float32:
                    yield f"{weight.field} = {constant.type}"

    def _store(self, node: Node, weight: Weight, constant: Constant) -> None:
        self._constants.update(arrays(key(self._names[node.name], weight.field), constant))
