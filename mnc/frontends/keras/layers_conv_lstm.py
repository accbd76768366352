"""Convolutional LSTM: one that sees images, and whose products are convolutions; each step is code of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnc.errors import refuse
from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_function
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.planes import padded, pair
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.unrolling import MAX_STEPS
from mnc.frontends.keras.ways_out import AS_TFLITE, at_most
from mnc.frontends.keras.weights import Count
from mnc.ir.activations import Function
from mnc.ir.layers import Activation, Add, Concatenate, Conv2D, Multiply, Pair, Reshape, Slice
from mnc.ir.types import Constant

GATES = ("input", "forget", "cell", "output")
"""In the order of the weights."""

LAYERS = (Activation, Add, Concatenate, Conv2D, Multiply, Reshape, Slice)


@converts("ConvLSTM1D", to=LAYERS, arguments=("initial_state", "mask"), masks="own")
def conv_lstm1d(config: Config) -> Build:
    """An LSTM whose products are convolutions along sequences; unrolled."""
    return _conv_lstm(config, 1)


@converts("ConvLSTM2D", to=LAYERS, arguments=("initial_state", "mask"), masks="own")
def conv_lstm2d(config: Config) -> Build:
    """An LSTM whose products are convolutions over images; unrolled."""
    return _conv_lstm(config, 2)


@dataclass(frozen=True)
class _Cell:
    """One step, its weights known."""

    call: Call
    kernel: Constant
    recurrent: Constant
    bias: Constant | None
    padding: str
    stride: Pair
    dilation: Pair
    activation: Function | None
    gate: Function | None

    def step(self, name: str, x: Value, state: tuple[Value, Value] | None) -> tuple[Value, Value]:
        """The new output and cell, from an image and the output and cell before it (None: zeros)."""
        emit = self.call.emit
        padding = padded(self.padding, x, self.kernel_size, self.stride, self.dilation)
        layer = Conv2D(self.kernel, self.bias, self.stride, padding, self.dilation)
        seen = emit(layer, x, part=f"{name}/seen")
        if state is not None:
            output = state[0]
            again = Conv2D(self.recurrent, padding=padded("same", output, self.kernel_size, (1, 1)))
            seen = emit(Add(), seen, emit(again, output, part=f"{name}/remembered"), part=f"{name}/sum")
        gates = {}
        for k, gate in enumerate(GATES):
            if gate == "forget" and state is None:
                continue
            function = self.activation if gate == "cell" else self.gate
            gates[gate] = self._gate(f"{name}/{gate}", seen, k, function)
        cell = emit(Multiply(), gates["input"], gates["cell"], part=f"{name}/new")
        if state is not None:
            kept = emit(Multiply(), gates["forget"], state[1], part=f"{name}/kept")
            cell = emit(Add(), kept, cell, part=f"{name}/state")
        shown = cell if self.activation is None else emit(Activation(self.activation), cell, part=f"{name}/shown")
        return emit(Multiply(), gates["output"], shown, part=f"{name}/result"), cell

    @property
    def kernel_size(self) -> Pair:
        height, width, *_ = self.kernel.shape
        return height, width

    def _gate(self, name: str, seen: Value, k: int, function: Function | None) -> Value:
        height, width, channels = seen.type.shape
        own = channels // len(GATES)
        part = self.call.emit(Slice((0, 0, k * own), (height, width, own), (1, 1, 1)), seen, part=f"{name}_sum")
        return part if function is None else self.call.emit(Activation(function), part, part=name)


def _conv_lstm(config: Config, axes: int) -> Build:
    filters = config.integer("filters")
    size = config.integers("kernel_size", axes)
    kernel_size, stride = pair(size), pair(config.integers("strides", axes, 1))
    dilation = pair(config.integers("dilation_rate", axes, 1))
    padding = config.choice("padding", "valid", "same", default="valid")
    has_bias = config.boolean("use_bias", True)
    activation = read_function(config, "activation", "tanh")
    gate = read_function(config, "recurrent_activation", "hard_sigmoid" if config.keras < 3 else "sigmoid")
    returns_sequence, returns_state, backwards = (
        config.boolean(key, False) for key in ("return_sequences", "return_state", "go_backwards")
    )
    first = config.choice("data_format", "channels_last", "channels_first", default="channels_last") != "channels_last"
    config.ignore("unit_forget_bias", "dropout", "recurrent_dropout", "unroll", "zero_output_for_mask")
    config.only("stateful", False)
    config.only("time_major", False, None)
    config.weights = Count(2 + has_bias)
    image = (axes, *range(axes)) if first else tuple(range(axes + 1))
    """Where Keras' axes of an image are, channels last."""

    def build(call: Call) -> Value | tuple[Value, ...]:
        x, state = _inputs(call, axes, image)
        channels = x.type.shape[-1]
        weights = call.weights.inside("cell")
        kernel, recurrent = (
            Constant(weights.array(role, (*size, n, 4 * filters)).reshape(*kernel_size, n, 4 * filters))
            for role, n in (("kernel", channels), ("recurrent_kernel", filters))
        )
        bias = weights.take("bias", (4 * filters,)) if has_bias else None
        cell = _Cell(call, kernel, recurrent, bias, padding, stride, dilation, activation, gate)
        count, *shape = x.type.shape
        outputs: list[Value] = []
        for i in reversed(range(count)) if backwards else range(count):
            row = Slice((i, *(0,) * len(shape)), (1, *shape), (1,) * (len(shape) + 1))
            step = call.emit(row, x, part=f"{i}/row") if count > 1 else x
            step = call.emit(Reshape((*(1,) * (2 - axes), *shape)), step, part=f"{i}/image")
            state = cell.step(str(i), step, state)
            outputs.append(state[0])
        assert state is not None
        result = _sequence(call, outputs, axes, image) if returns_sequence else _image(call, state[0], axes, image, "")
        if not returns_state:
            return result
        return result, _image(call, state[0], axes, image, "output"), _image(call, state[1], axes, image, "cell")

    return build


def _inputs(call: Call, axes: int, image: tuple[int, ...]) -> tuple[Value, tuple[Value, Value] | None]:
    """The images, held (steps, height, width, channels), and the output and the cell before the first, as images."""
    x = call.inputs[0]
    if len(x.axes) != axes + 2:
        raise call.fault(f"the layer needs {axes + 2} axes, the steps first, not an input of {len(x.axes)} axes")
    if call.mask_of(x) is not None:
        raise call.fault(
            "the layer reads a mask (from Masking), which is not supported",
            AS_TFLITE,
        )
    if x.shape[0] > MAX_STEPS:
        raise refuse(
            call.where,
            f"the layer takes {x.shape[0]} steps, each code of its own; the limit is {MAX_STEPS}",
            at_most(MAX_STEPS, "steps"),
        )
    given = call.arguments.named.get("initial_state")
    initial = call.inputs[1:] if given is None else (given if isinstance(given, tuple) else (given,))
    values = [each for each in initial if isinstance(each, Value)]
    x = call.assembly.held_as(call.where, x, (0, *(axis + 1 for axis in image)))
    if not initial:
        return x, None
    if len(values) != 2 or len(initial) != 2 or any(len(each.axes) != axes + 1 for each in values):
        raise call.fault("the initial state must be 2 tensors, the output and the cell, each an image")
    states = []
    for name, value in zip(("first_output", "first_cell"), values, strict=True):
        held = call.assembly.held_as(call.where, value, image)
        states.append(call.emit(Reshape((*(1,) * (2 - axes), *held.type.shape)), held, part=name))
    return x, (states[0], states[1])


def _image(call: Call, value: Value, axes: int, image: tuple[int, ...], part: str) -> Value:
    """An image as a result of the layer; that of a sequence has one row until here."""
    return call.emit(Reshape(value.type.shape[2 - axes :]), value, part=part, axes=image)


def _sequence(call: Call, outputs: Sequence[Value], axes: int, image: tuple[int, ...]) -> Value:
    rows = [
        call.emit(Reshape((1, *each.type.shape[2 - axes :])), each, part=f"row{i}") for i, each in enumerate(outputs)
    ]
    return call.emit(Concatenate(0), *rows, axes=(0, *(axis + 1 for axis in image)))
