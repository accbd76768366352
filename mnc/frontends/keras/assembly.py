"""The view of the Graph under construction that a layer's converter has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mnc.errors import CompileError, refuse
from mnc.frontends.assembly import CHANNELS_FIRST, Assembly, Mask, Value, inputs_of
from mnc.frontends.keras.topology import NO_ARGUMENTS, Arguments
from mnc.frontends.keras.ways_out import AS_TFLITE, SAVE_AGAIN
from mnc.frontends.keras.weights import LayerWeights
from mnc.ir.activations import Function, Sigmoid
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation as Elementwise
from mnc.ir.layers import LogSoftmax, Multiply, ReduceMax, Slice, Softmax, Sparsemax


@dataclass(frozen=True)
class Glu:
    """One half of the elements along the last axis times the sigmoid of the other half."""


AlongAxis = Softmax | LogSoftmax | Sparsemax | Glu
"""Activations that go along Keras' last axis."""

Activation = Function | AlongAxis | None
"""The activation of a Keras layer; None: linear."""


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
        """The refusal of this call; without hints of what Keras does and mnc does not, with the inputs."""
        return refuse(self.where, what, *(hints or (*inputs_of(self.inputs), AS_TFLITE)))

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
        """The mask of the only input, (steps,); a step of several that count or not does where any of them does."""
        stated = self.stated_mask(x)
        if stated is None:
            return None
        mask = self.assembly.mask(self.where, stated)
        if mask.shape[:1] != x.shape[:1]:
            raise self.fault(f"the mask must be a tensor of {x.shape[:1]}")
        if mask.type.rank > 1:
            mask = self.emit(ReduceMax(tuple(range(1, mask.type.rank))), mask, part="any_mask")
        return mask

    def stated_mask(self, x: Value) -> Mask | None:
        """The call's `mask` argument, or else what the input carries along."""
        given = self.arguments.named.get("mask")
        if given is None:
            return x.mask
        if not isinstance(given, Value):
            raise self.fault("the mask must be a tensor of the model")
        return Mask(replace(self.assembly.plain(self.where, given), mask=None))

    def emit(self, layer: Layer, *inputs: Value, part: str = "", axes: tuple[int, ...] | None = None) -> Value:
        """One node; `part` names what is not yet the layer's result."""
        name = f"{self.name}/{part}" if part else self.name
        value = self.assembly.emit(self.where, name, layer, inputs)
        return value if axes is None else replace(value, axes=axes)

    def emit_all(self, layer: Layer, *inputs: Value, part: str = "") -> tuple[Value, ...]:
        """One node with all its outputs."""
        return self.assembly.emit_all(self.where, f"{self.name}/{part}" if part else self.name, layer, inputs)

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
