"""The network to be: layers that know their types, not yet their names and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Reshape
from mnc.ir.state import State
from mnc.ir.types import Constant, TensorType
from mnc.language.beginnings import INITIAL, missing
from mnc.language.calls import Bound, MissingWeight, Pending, softmax_over
from mnc.language.expressions import Hints, Scope
from mnc.language.naming import Label, Strength, name_all
from mnc.language.source import LimitError, Place, Source
from mnc.language.values import Tensor
from mnc.language.weights import Loader, MissingWeights, Origin, fill

MAX_LAYERS = 65_536
"""How many layers a network may have."""


@dataclass(frozen=True)
class Made:
    """A layer of the network to be."""

    layer: Layer
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    labels: tuple[Label, ...]
    """One for each output."""
    missing: tuple[MissingWeight, ...]
    at: Place


@dataclass
class Kept:
    """A state of the network to be."""

    tensor: Tensor
    initial: Constant
    at: Place
    held: int = 0
    next: Tensor | None = None


@dataclass
class Construction:
    """The part of a network that has been put together so far."""

    source: Source
    inputs: dict[str, Tensor] = field(default_factory=dict)
    states: dict[str, Kept] = field(default_factory=dict)
    outputs: list[Tensor] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    blocks: list[Label] = field(default_factory=list)
    """The names of the calls of blocks."""

    def label(self, kind: str, given: str | None, hints: Hints, scope: Scope, at: Place) -> Label:
        """The name that a layer or a call of a block asks for."""
        if given is not None:
            return Label(given, Strength.GIVEN, scope.label, at)
        if hints and hints[0] is not None:
            return Label(hints[0], Strength.ASSIGNED, scope.label, at)
        return Label(kind, Strength.KIND, scope.label, at)

    def add(
        self, bound: Bound, inputs: tuple[Tensor, ...], given: str | None, hints: Hints, scope: Scope, at: Place
    ) -> Tensor | tuple[Tensor, ...]:
        """Add a layer; its output, or all of them where it has several."""
        if len(self.made) >= MAX_LAYERS:
            raise LimitError(at, f"the network has more than {MAX_LAYERS:,} layers")
        first = self.label(bound.kind, given, hints, scope, at)
        missing = tuple(bound.missing)
        if bound.softmax or bound.sequence:
            return self._chain(bound, inputs, first, missing, at)
        labels = [first]
        for number in range(1, len(bound.types)):
            hint = hints[number] if number < len(hints) else None
            if hint is not None:
                labels.append(Label(hint, Strength.ASSIGNED, scope.label, at))
            else:
                labels.append(Label(f"/{number}", Strength.KIND, scope.label, at, part_of=first))
        outputs = self._append(bound.kind, bound.layer, inputs, bound.types, tuple(labels), missing, at)
        return outputs[0] if len(outputs) == 1 else outputs

    def _chain(
        self, bound: Bound, inputs: tuple[Tensor, ...], name: Label, missing: tuple[MissingWeight, ...], at: Place
    ) -> Tensor:
        """A layer that is several in the IR: parts called `name/part`, the last one `name` itself."""
        steps: list[tuple[str, Layer, tuple[TensorType, ...], tuple[MissingWeight, ...]]] = []
        if bound.sequence:
            row = Reshape((1, *inputs[0].type.shape))
            steps.append(("/row", row, row.outputs(inputs[0].type), ()))
        (type_,) = bound.types
        steps.append(("/image" if bound.sequence else "/logits", bound.layer, bound.types, missing))
        if bound.sequence:
            back = Reshape(type_.shape[1:])
            type_ = back.infer(type_)
            steps.append(("/logits", back, (type_,), ()))
        if bound.softmax:
            softmax = softmax_over(type_)
            steps.append(("", softmax, (type_,), ()))
        for number, (part, layer, types, needs) in enumerate(steps, 1):
            label = name if number == len(steps) else Label(part, Strength.KIND, name.scope, at, part_of=name)
            inputs = self._append(bound.kind, layer, inputs, types, (label,), needs, at)
        return inputs[0]

    def _append(
        self,
        kind: str,
        layer: Layer,
        inputs: tuple[Tensor, ...],
        types: tuple[TensorType, ...],
        labels: tuple[Label, ...],
        missing: tuple[MissingWeight, ...],
        at: Place,
    ) -> tuple[Tensor, ...]:
        line = self.source.line(at)
        outputs = tuple(Tensor(type_, line, f"{kind}(...)") for type_ in types)
        self.made.append(Made(layer, inputs, outputs, labels, missing, at))
        return outputs

    def unread(self) -> list[str]:
        """The inputs that nothing reads."""
        read = {tensor for made in self.made for tensor in made.inputs} | set(self.outputs)
        read |= {kept.next for kept in self.states.values() if kept.next is not None}
        return [name for name, tensor in self.inputs.items() if tensor not in read]

    def graph(self, name: str, name_at: Place, origins: Sequence[Origin], load: Loader) -> Graph:
        """The finished network; SourceError or CompileError where names or weights do not work out."""
        labels = [*self.blocks, *(label for made in self.made for label in made.labels)]
        names = name_all(labels, (*self.inputs, *self.states))
        called = {tensor: given for given, tensor in self.inputs.items()}
        called |= {kept.tensor: given for given, kept in self.states.items()}
        for made in self.made:
            called.update(zip(made.outputs, (names[label] for label in made.labels), strict=True))
        layers = [
            MissingWeights(called[made.outputs[0]], _stated(made.layer), made.missing, made.at)
            for made in self.made
            if made.missing
        ]
        layers += [
            MissingWeights(given, frozenset(), needs, kept.at)
            for given, kept in self.states.items()
            if (needs := missing(kept.initial, kept.tensor.type))
        ]
        constants = fill(self.source, name_at, layers, origins, load)
        return Graph(
            name,
            tuple(Input(given, tensor.type) for given, tensor in self.inputs.items()),
            tuple(self._node(made, called, constants.get(called[made.outputs[0]], {})) for made in self.made),
            tuple(called[tensor] for tensor in self.outputs),
            states=tuple(
                State(
                    given,
                    kept.tensor.type,
                    constants.get(given, {}).get(INITIAL.field, kept.initial),
                    called[kept.next],
                    kept.held,
                )
                for given, kept in self.states.items()
                if kept.next is not None
            ),
        )

    def _node(self, made: Made, called: Mapping[Tensor, str], constants: Mapping[str, Any]) -> Node:
        layer = replace(made.layer, **constants) if constants else made.layer
        outputs = tuple(called[tensor] for tensor in made.outputs)
        return Node(outputs, layer, tuple(called[tensor] for tensor in made.inputs), self.source.where(made.at))


def _stated(layer: Layer) -> frozenset[str]:
    """The fields of a layer's constants that do not come from a file."""
    return frozenset(name for name, constant in layer.constants.items() if not isinstance(constant, Pending))
