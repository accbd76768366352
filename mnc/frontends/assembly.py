"""The Graph under construction, and its values, which know how their axes lie.

The IR is channels last and writes no batch.  A file format orders axes in its
own way; a converter speaks of the format's axes, and each value knows which of
the IR's axes they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.budget import SpentError
from mnc.ir.activations import Abs, Sign
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, Add, Concatenate, Flatten, Maximum, Minimum, Permute, ReduceMax, Reshape
from mnc.ir.state import State
from mnc.ir.types import Constant, DType, ElementType, Shape, ShapeError, TensorType
from mnc.names import Names, brief

CHANNELS_FIRST = {2: (1, 0), 3: (2, 0, 1), 4: (3, 0, 1, 2)}
"""Where the axes (channels, steps), (channels, height, width) or (channels, depth, height, width) are in
channels-last order, by rank."""

FLOAT = ElementType(DType.FLOAT32)

BATCH = -1
"""The place of an axis that the IR does not write: a batch of one."""


class ConsequenceError(CompileError):
    """A fault that may follow from one before it: shapes that do not fit, numbers that are not known."""


@dataclass(frozen=True)
class Mask:
    """Which steps of a sequence count: 1 where they do, 0 where they are padding.

    It becomes layers where it is read.
    """

    of: Value | tuple[Mask, ...]
    """Its source: the mask itself where `padding` is None, else a sequence; or other masks."""
    padding: float | None = None
    """This number is padding."""
    vectors: bool = False
    """Whether a step is padding that is nothing but that number along the last axis, else every number is one."""
    joined: Literal["any", "all", "behind"] = "any"
    """How masks make one: a step counts where any counts, or all; or they stand one behind the other."""

    @property
    def rank(self) -> int:
        """How many axes it has; a text of sentences has two."""
        if isinstance(self.of, tuple):
            return self.of[0].rank
        return len(self.of.axes) - self.vectors


@dataclass(frozen=True)
class Value:
    """One tensor that the network computes, and how it is held.

    The axes of the model differ from the IR's where images of a channels-first
    model are held channels last, or where the model writes a batch; every
    reader must say which ones it means.
    """

    name: str
    type: TensorType
    axes: tuple[int, ...]
    """The model's axis k is the IR's axis `axes[k]`, or `BATCH`."""
    before_flatten: tuple[Shape, tuple[int, ...]] | None = None
    """Where a channels-first image was flattened channels last: its shape and axes before that."""
    mask: Mask | None = None
    """The mask that the model carries along with it: some steps are padding."""

    @property
    def shape(self) -> Shape:
        """The shape as the model sees it."""
        return tuple(1 if axis == BATCH else self.type.shape[axis] for axis in self.axes)

    @property
    def order(self) -> tuple[int, ...]:
        """The IR's axes in the model's order."""
        return tuple(axis for axis in self.axes if axis != BATCH)

    @property
    def is_plain(self) -> bool:
        """Whether elements lie in the model's own order."""
        return self.order == tuple(range(len(self.order))) and self.before_flatten is None


def inputs_of(values: Sequence[Value]) -> tuple[str, ...]:
    """The types of a layer's inputs, for hints; no more than three of them."""
    return tuple(dict.fromkeys(f"its input {brief(value.name)} is {value.type}" for value in values[:3]))


@dataclass
class Assembly:
    """The part of the network that has been built so far."""

    batch: bool = False
    """Whether the model's results have a batch of one in front."""
    limit: int | None = None
    """The most nodes; None: whatever reads the file has a limit of its own."""
    nodes: list[Node] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    names: Names = field(default_factory=lambda: Names(mark="__"))
    states: list[State] = field(default_factory=list)
    """Those of layers that keep one."""
    masks: dict[Mask, Value] = field(default_factory=dict)
    """Masks that have been read, as values."""

    def input(self, where: str, name: str, shape: Shape, axes: tuple[int, ...], element: ElementType = FLOAT) -> Value:
        """An input of the network of this shape as the model sees it."""
        held = tuple(shape[axes.index(axis)] for axis in range(len(shape) - axes.count(BATCH)))
        try:
            given = Input(self.names.new(name), TensorType(held, element.dtype, element.quant))
        except ShapeError as fault:
            raise refuse(where, str(fault), "rebuild the model for smaller inputs") from None
        self.inputs.append(given)
        return Value(given.name, given.type, axes)

    def state(self, name: str, type_: TensorType, axes: tuple[int, ...]) -> Value:
        """A value that outlives a run."""
        return Value(self.names.new(name), type_, axes)

    def kept(self, name: str, shape: Shape, axes: tuple[int, ...], element: ElementType = FLOAT) -> Value:
        """A value that outlives a run, stored as zeros before the first; `keep` gives its next value."""
        return self.state(name, TensorType(shape, element.dtype, element.quant), axes)

    def keep(self, kept: Value, after: Value) -> None:
        """The value that `kept` takes when a run ends."""
        self.states.append(State(kept.name, kept.type, Constant(np.zeros((), kept.type.dtype.numpy)), after.name))

    def emit(self, where: str, name: str, layer: Layer, inputs: Sequence[Value]) -> Value:
        """Add a node of one output."""
        (value,) = self.emit_all(where, name, layer, inputs)
        return value

    def emit_all(self, where: str, name: str, layer: Layer, inputs: Sequence[Value]) -> tuple[Value, ...]:
        """Add a node; its outputs are called `name`, or `name/1` and so on from the second."""
        if self.limit is not None and len(self.nodes) >= self.limit:
            hint = "call nested models less often"
            raise SpentError(Problem(where, f"the network has more than {self.limit} layers", (hint,)))
        try:
            types = layer.outputs(*(value.type for value in inputs))
        except ShapeError as fault:
            raise ConsequenceError(Problem(where, str(fault), inputs_of(inputs))) from None
        names = tuple(self.names.new(f"{name}/{i}" if i else name) for i in range(len(types)))
        self.nodes.append(Node(names, layer, tuple(value.name for value in inputs), where))
        front = (BATCH,) if self.batch else ()
        return tuple(Value(n, t, (*front, *range(t.rank))) for n, t in zip(names, types, strict=True))

    def graph(self, name: str, outputs: Sequence[str], states: Sequence[State] = ()) -> Graph:
        return Graph(name, tuple(self.inputs), tuple(self.nodes), tuple(outputs), states=(*self.states, *states))

    def mask(self, where: str, mask: Mask) -> Value:
        """The mask as a value, made when it is first read."""
        if isinstance(mask.of, Value) and mask.padding is None:
            return mask.of
        if mask not in self.masks and isinstance(mask.of, tuple):
            parts = [self.mask(where, part) for part in mask.of]
            layers: dict[str, Layer] = {"any": Maximum(), "all": Minimum(), "behind": Concatenate(0)}
            self.masks[mask] = self.emit(where, f"{parts[0].name}/{mask.joined}", layers[mask.joined], parts)
        elif mask not in self.masks:
            assert isinstance(mask.of, Value)
            assert mask.padding is not None
            x = self.plain(where, mask.of)
            name = f"{x.name}/mask"
            offset = Constant(np.float32(-mask.padding))
            distance = self.emit(where, f"{name}/distance", Add(operand=offset), (x,))
            size = self.emit(where, f"{name}/size", Activation(Abs()), (distance,))
            if mask.vectors:
                size = self.emit(where, f"{name}/largest", ReduceMax((size.type.rank - 1,)), (size,))
            self.masks[mask] = self.emit(where, name, Activation(Sign()), (size,))
        return self.masks[mask]

    def plain(self, where: str, value: Value) -> Value:
        """The tensor with its elements in the model's own order."""
        if value.before_flatten is not None:
            shape, axes = value.before_flatten
            image = self.emit(where, f"{value.name}/image", Reshape(shape), (value,))
            turned = self.emit(where, f"{value.name}/channels_first", Permute(axes), (image,))
            return self._like(value, self.emit(where, f"{value.name}/flat", Flatten(), (turned,)))
        if value.is_plain:
            return value
        return self._like(value, self.emit(where, f"{value.name}/channels_first", Permute(value.order), (value,)))

    def _like(self, value: Value, turned: Value) -> Value:
        """The value in another order of its elements."""
        return replace(turned, mask=value.mask)

    def held_as(self, where: str, value: Value, axes: tuple[int, ...]) -> Value:
        """The tensor laid out so that the model's axis k, a batch not counted, is the IR's axis `axes[k]`."""
        if value.order == axes:
            return value
        if value.before_flatten is not None:
            value = self.plain(where, value)
        order = tuple(value.order[axes.index(i)] for i in range(len(axes)))
        if order == tuple(range(len(axes))):
            return value
        turned = self.emit(where, f"{value.name}/channels_last", Permute(order), (value,))
        return replace(turned, axes=(*turned.axes[: -len(axes)], *axes), mask=value.mask)
