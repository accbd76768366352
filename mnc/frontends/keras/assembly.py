"""The Graph under construction, and the view of it that a layer's converter has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.budget import SpentError
from mnc.frontends.keras.config import SAVE_AGAIN, brief
from mnc.frontends.keras.topology import NO_ARGUMENTS, Arguments
from mnc.frontends.keras.weights import LayerWeights
from mnc.ir.activations import Abs, Function, Sigmoid, Sign
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation as Elementwise
from mnc.ir.layers import Add, Flatten, LogSoftmax, Multiply, Permute, ReduceMax, Reshape, Slice, Softmax, Sparsemax
from mnc.ir.types import Constant, Shape, ShapeError, TensorType
from mnc.names import Names

MAX_NODES = 2**14
"""Models in models, each called twice by the next, are soon a bomb and not a network."""

CHANNELS_FIRST = {2: (1, 0), 3: (2, 0, 1)}
"""Where Keras' axes (channels, steps) or (channels, height, width) are in channels-last order, by rank."""


@dataclass(frozen=True)
class Glu:
    """One half of the elements along the last axis times the sigmoid of the other half."""


AlongAxis = Softmax | LogSoftmax | Sparsemax | Glu
"""Activations that go along Keras' last axis."""

Activation = Function | AlongAxis | None
"""The activation of a Keras layer; None: linear."""


@dataclass(frozen=True)
class Mask:
    """Which steps of a sequence count: 1 where they do, 0 where they are padding.

    It becomes layers where it is read; most layers let it pass.
    """

    of: Value
    """Its source: the mask itself (steps,) where `padding` is None, else a sequence."""
    padding: float | None = None
    """A step of nothing but this number is padding."""


@dataclass(frozen=True)
class Value:
    """One tensor of the Keras model and how it is held.

    Images of a channels-first model are held channels last; Keras' axes then
    differ from the IR's, and every reader must say which ones it means.
    """

    name: str
    type: TensorType
    axes: tuple[int, ...]
    """Keras' axis k is the IR's axis `axes[k]`."""
    before_flatten: tuple[Shape, tuple[int, ...]] | None = None
    """Where a channels-first image was flattened channels last: its shape and axes before that."""
    mask: Mask | None = None
    """The mask that Keras carries along with it: some steps are padding."""

    @property
    def shape(self) -> Shape:
        """As Keras sees it, without batch."""
        return tuple(self.type.shape[axis] for axis in self.axes)

    @property
    def is_plain(self) -> bool:
        """Whether elements lie in Keras' own order."""
        return self.axes == tuple(range(len(self.axes))) and self.before_flatten is None


def inputs_of(values: Sequence[Value]) -> tuple[str, ...]:
    """The types of a layer's inputs, for hints; no more than three of them."""
    return tuple(f"its input {brief(value.name)} is {value.type}" for value in values[:3])


@dataclass
class Assembly:
    """The part of the network that has been built so far."""

    nodes: list[Node] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    names: Names = field(default_factory=lambda: Names(mark="__"))
    masks: dict[Mask, Value] = field(default_factory=dict)
    """Masks that have been read, as values."""

    def input(self, where: str, name: str, shape: Shape, channels_first: bool) -> Value:
        """A graph input of this Keras shape; images of a channels-first model are given channels last."""
        axes = CHANNELS_FIRST[len(shape)] if channels_first else tuple(range(len(shape)))
        held = [0] * len(shape)
        for size, axis in zip(shape, axes, strict=True):
            held[axis] = size
        try:
            given = Input(self.names.new(name), TensorType(tuple(held)))
        except ShapeError as fault:
            raise refuse(where, str(fault), "rebuild the model for smaller inputs") from None
        self.inputs.append(given)
        return Value(given.name, given.type, axes)

    def emit(self, where: str, name: str, layer: Layer, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
        """Add a node; its outputs are called `name`, or `name/1` and so on from the second."""
        if len(self.nodes) >= MAX_NODES:
            hint = "call nested models less often"
            raise SpentError(Problem(where, f"the network has more than {MAX_NODES} layers", (hint,)))
        try:
            types = layer.outputs(*(value.type for value in inputs))
        except ShapeError as fault:
            raise refuse(where, str(fault), *inputs_of(inputs)) from None
        names = tuple(self.names.new(f"{name}/{i}" if i else name) for i in range(len(types)))
        self.nodes.append(Node(names, layer, tuple(value.name for value in inputs), where))
        mask = next((value.mask for value in inputs if value.mask is not None), None)
        return tuple(Value(n, t, tuple(range(t.rank)), mask=mask) for n, t in zip(names, types, strict=True))

    def mask(self, where: str, mask: Mask) -> Value:
        """The mask as a value (steps,), made when it is first read."""
        if mask.padding is None:
            return mask.of
        if mask not in self.masks:
            x = self.plain(where, mask.of)
            name = f"{x.name}/mask"
            offset = Constant(np.float32(-mask.padding))
            (distance,) = self.emit(where, f"{name}/distance", Add(operand=offset), (x,))
            (size,) = self.emit(where, f"{name}/size", Elementwise(Abs()), (distance,))
            if size.type.rank > 1:
                (size,) = self.emit(where, f"{name}/largest", ReduceMax(tuple(range(1, size.type.rank))), (size,))
            (self.masks[mask],) = self.emit(where, name, Elementwise(Sign()), (size,))
        return self.masks[mask]

    def graph(self, name: str, outputs: tuple[Value, ...]) -> Graph:
        return Graph(name, tuple(self.inputs), tuple(self.nodes), tuple(value.name for value in outputs))

    def plain(self, where: str, value: Value) -> Value:
        """The tensor with its elements in Keras' own order."""
        if value.before_flatten is not None:
            shape, axes = value.before_flatten
            (image,) = self.emit(where, f"{value.name}/image", Reshape(shape), (value,))
            (turned,) = self.emit(where, f"{value.name}/channels_first", Permute(axes), (image,))
            return self.emit(where, f"{value.name}/flat", Flatten(), (turned,))[0]
        if value.is_plain:
            return value
        return self.emit(where, f"{value.name}/channels_first", Permute(value.axes), (value,))[0]

    def held_as(self, where: str, value: Value, axes: tuple[int, ...]) -> Value:
        """The tensor laid out so that Keras' axis k is the IR's axis `axes[k]`."""
        if value.axes == axes:
            return value
        value = self.plain(where, value)
        order = tuple(axes.index(i) for i in range(len(axes)))
        if order == tuple(range(len(axes))):
            return value
        (turned,) = self.emit(where, f"{value.name}/channels_last", Permute(order), (value,))
        return replace(turned, axes=axes)


@dataclass(frozen=True)
class Call:
    """One call of one Keras layer: what its converter builds from and builds into."""

    where: str
    name: str
    """The name of the result."""
    inputs: tuple[Value, ...]
    weights: LayerWeights
    assembly: Assembly
    arguments: Arguments = NO_ARGUMENTS
    """All arguments of the call, with a Value for each tensor."""
    over_time: bool = False
    """Whether TimeDistributed applies the layer: inputs have one more axis in front than it knows."""
    again: bool = False
    """Whether the layer has been called before."""

    def fault(self, what: str, *hints: str) -> CompileError:
        """The refusal of this call; without hints it says what the inputs are."""
        return refuse(self.where, what, *(hints or inputs_of(self.inputs)))

    @property
    def held(self) -> Value:
        """The only input, in whatever order it is held."""
        if len(self.inputs) != 1:
            raise self.fault(f"the layer takes one input, not {len(self.inputs)}", SAVE_AGAIN)
        return self.inputs[0]

    @property
    def x(self) -> Value:
        """The only input, its elements in Keras' own order."""
        return self.assembly.plain(self.where, self.held)

    @property
    def tensor(self) -> Value:
        """The only input, held in whatever order but with all its axes."""
        return self.held if self.held.before_flatten is None else self.x

    def image(self, data_format: str) -> Value:
        """The only input as an image that is held (height, width, channels)."""
        assert not self.over_time, "layers for images are called step by step"
        return self._held("(height, width, channels)", 3, data_format)

    def sequence(self, data_format: str) -> Value:
        """The only input as a sequence that is held (steps, channels), behind the times under TimeDistributed."""
        if self.over_time:
            if len(self.x.axes) != 3 or data_format != "channels_last":
                raise self.fault("the layer needs an input (times, steps, channels) here, channels last")
            return self.x
        return self._held("(steps, channels)", 2, data_format)

    def _held(self, wanted: str, rank: int, data_format: str) -> Value:
        x = self.held
        if len(x.axes) != rank:
            raise self.fault(f"the layer needs an input {wanted}, not one of {len(x.axes)} axes")
        axes = CHANNELS_FIRST[rank] if data_format == "channels_first" else tuple(range(rank))
        return self.assembly.held_as(self.where, x, axes)

    def axis(self, key: str, axis: int, value: Value) -> int:
        """The IR's axis for an axis as Keras counts it: 0 is the batch, negative counts from the last."""
        rank, first = len(value.axes), 1 if self.over_time else 0
        position = axis + rank if axis < 0 else axis - 1 + first
        if not first <= position < rank or axis == 0:
            raise self.fault(f"{key} = {axis} is not among the {rank - first} axes after the batch")
        return value.axes[position]

    def mask_of(self, x: Value) -> Value | None:
        """The mask of the only input (steps,): the call's `mask` argument, or the one that the input carries along."""
        given = self.arguments.named.get("mask")
        if given is None:
            return None if x.mask is None else self.assembly.mask(self.where, x.mask)
        if not isinstance(given, Value) or given.shape != x.shape[:1]:
            raise self.fault(f"the mask must be a tensor of {x.shape[:1]}")
        return self.assembly.plain(self.where, given)

    def refuse_mask(self, value: Value) -> None:
        """For layers that Keras gives a mask to: refuse where there is one."""
        if value.mask is not None:
            raise self.fault(
                "the layer reads a mask (from mask_zero of an Embedding, or from Masking), which is not supported",
                "train without the mask, or give sequences of the full length only and rebuild the model without it",
            )

    def emit(self, layer: Layer, *inputs: Value, part: str = "", axes: tuple[int, ...] | None = None) -> Value:
        """One node; `part` names what is not yet the layer's result."""
        name = f"{self.name}/{part}" if part else self.name
        (value,) = self.assembly.emit(self.where, name, layer, inputs)
        return value if axes is None else replace(value, axes=axes)

    def emit_all(self, layer: Layer, *inputs: Value, part: str = "") -> tuple[Value, ...]:
        """One node with all its outputs."""
        return self.assembly.emit(self.where, f"{self.name}/{part}" if part else self.name, layer, inputs)

    def activated(self, make: Callable[[Function | None], Layer], activation: Activation, *inputs: Value) -> Value:
        """A layer with its `activation` argument: fused, or behind it along Keras' last axis."""
        axes = inputs[0].axes if all(value.axes == inputs[0].axes for value in inputs) else None
        if not isinstance(activation, AlongAxis):
            return self.emit(make(activation), *inputs, axes=axes)
        logits = self.emit(make(None), *inputs, part="logits", axes=axes)
        return self.along(activation, logits, logits.axes[-1])

    def along(self, activation: AlongAxis, x: Value, axis: int) -> Value:
        """An activation that goes along one of the IR's axes."""
        if not isinstance(activation, Glu):
            return self.emit(replace(activation, axis=axis), x, axes=x.axes)
        shape = x.type.shape
        if shape[axis] % 2:
            raise self.fault(f"an axis of {shape[axis]} elements cannot be halved")
        half = shape[axis] // 2
        sizes = tuple(half if k == axis else n for k, n in enumerate(shape))
        starts = [tuple(first if k == axis else 0 for k in range(len(shape))) for first in (0, half)]
        value, gate = (
            self.emit(Slice(start, sizes, (1,) * len(sizes)), x, part=part)
            for start, part in zip(starts, ("value", "gate"), strict=True)
        )
        gate = self.emit(Elementwise(Sigmoid()), gate, part="sigmoid")
        return self.emit(Multiply(), value, gate, axes=x.axes)


Build = Callable[[Call], Value | tuple[Value, ...]]
"""The result of a converter for a configuration: a function that builds one call of the layer."""
