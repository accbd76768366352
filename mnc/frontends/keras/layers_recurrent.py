"""Recurrent layers, in both directions too, and layers applied to each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_function
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import CLASSES, converts, understood
from mnc.frontends.keras.weights import Count, LayerWeights
from mnc.ir.activations import Function
from mnc.ir.layers import GRU, LSTM, Add, Average, Concatenate, Multiply, Recurrent, Reshape, Reverse, SimpleRNN
from mnc.ir.types import Constant
from mnc.names import brief

CALL_ARGUMENTS = ("initial_state", "mask")
CELLS = {"SimpleRNNCell": "SimpleRNN", "GRUCell": "GRU", "LSTMCell": "LSTM"}
MERGES = {"sum": Add, "mul": Multiply, "ave": Average}


@dataclass(frozen=True)
class Spec:
    """One recurrent layer, its configuration read."""

    kind: type[Recurrent]
    keras: int
    units: int
    has_bias: bool
    activation: Function | None
    gate: Function | None
    """The recurrent activation, for kinds that have one."""
    reset_after: bool
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool

    @property
    def weights(self) -> Count:
        """How many weights it has; Keras 1 may store each gate's by themselves, which is found out later."""
        return Count(2 + self.has_bias)

    def layer(self, weights: LayerWeights, features: int, scope: str = "") -> Recurrent:
        """The IR's layer for inputs of `features` features; `scope` tells a layer's two directions apart."""
        kernel, recurrent, bias = self._weights(weights.inside("cell"), features, scope)
        common = {
            "kernel": kernel,
            "recurrent_kernel": recurrent,
            "bias": bias,
            "activation": self.activation,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
        }
        make: Callable[..., Recurrent] = self.kind
        if self.kind is GRU:
            return make(**common, recurrent_activation=self.gate, reset_after=self.reset_after)
        if self.kind is LSTM:
            return make(**common, recurrent_activation=self.gate)
        return make(**common)

    def _weights(self, weights: LayerWeights, features: int, scope: str) -> tuple[Constant, Constant, Constant | None]:
        width = self.kind.gates * self.units
        if self.keras == 1 and self.kind.gates > 1 and weights.shapes[:1] == ((features, self.units),):
            return self._keras1_weights(weights, features, scope)
        kernel = weights.take("kernel", (features, width), scope)
        recurrent = weights.take("recurrent_kernel", (self.units, width), scope)
        bias_shape = (2, width) if self.kind is GRU and self.reset_after else (width,)
        return kernel, recurrent, weights.take("bias", bias_shape, scope) if self.has_bias else None

    def _keras1_weights(self, weights: LayerWeights, features: int, scope: str) -> tuple[Constant, Constant, Constant]:
        """Keras 1 can store each gate's W, U and b by itself, the LSTM's gates then in the order i, c, f, o."""
        stored = {}
        for gate in "icfo" if self.kind is LSTM else "zrh":
            stored[gate] = [
                weights.array(f"{name}_{gate}", shape, scope)
                for name, shape in (
                    ("W", (features, self.units)),
                    ("U", (self.units, self.units)),
                    ("b", (self.units,)),
                )
            ]
        order = "ifco" if self.kind is LSTM else "zrh"
        kernel, recurrent, bias = (
            Constant(np.concatenate([stored[gate][i] for gate in order], axis=-1)) for i in range(3)
        )
        return kernel, recurrent, bias


def read_spec(kind: type[Recurrent], config: Config) -> Spec:
    """The attributes of a recurrent layer."""
    config.ignore("unit_forget_bias", "dropout", "recurrent_dropout", "implementation", "unroll", "use_cudnn")
    config.only("time_major", False, None)
    has_gates = kind is not SimpleRNN
    # Keras 1 and the first Keras 2 had the reset gate before the product, and no attribute for it
    return Spec(
        kind=kind,
        keras=config.keras,
        units=config.integer("units"),
        has_bias=config.boolean("use_bias", True),
        activation=read_function(config, "activation", "tanh"),
        gate=read_function(config, "recurrent_activation", "hard_sigmoid") if has_gates else None,
        reset_after=config.boolean("reset_after", False) if kind is GRU else False,
        return_sequences=config.boolean("return_sequences", False),
        return_state=config.boolean("return_state", False),
        go_backwards=config.boolean("go_backwards", False),
        stateful=config.boolean("stateful", False),
        zero_output_for_mask=config.boolean("zero_output_for_mask", False),
    )


@converts("SimpleRNN", to=(SimpleRNN,), arguments=CALL_ARGUMENTS)
def simple_rnn(config: Config) -> Build:
    """The plain recurrent layer."""
    return _recurrent(config, read_spec(SimpleRNN, config))


@converts("GRU", to=(GRU,), arguments=CALL_ARGUMENTS)
def gru(config: Config) -> Build:
    """The gated recurrent unit, with the reset gate before or after the product."""
    return _recurrent(config, read_spec(GRU, config))


@converts("LSTM", to=(LSTM,), arguments=CALL_ARGUMENTS)
def lstm(config: Config) -> Build:
    """Long short-term memory."""
    return _recurrent(config, read_spec(LSTM, config))


@converts("RNN", to=(GRU, LSTM, SimpleRNN), arguments=CALL_ARGUMENTS)
def rnn(config: Config) -> Build:
    """A recurrent layer that is written as its cell and the loop round it."""
    return _recurrent(config, _rnn_spec(config))


KINDS: Mapping[str, type[Recurrent]] = {"SimpleRNN": SimpleRNN, "GRU": GRU, "LSTM": LSTM}


def _rnn_spec(config: Config) -> Spec:
    cell = config.raw("cell")
    stated = cell.get("class_name") if isinstance(cell, Mapping) else None
    inner = cell.get("config") if isinstance(cell, Mapping) else None
    if not isinstance(stated, str) or stated not in CELLS or not isinstance(inner, Mapping):
        raise config.fault(f"the cell {brief(stated)} is not supported", f"mnc knows {', '.join(CELLS)}")
    outer = {key: value for key, value in config.remaining().items() if key != "cell"}
    merged = Config({**inner, **outer}, config.where, config.findings)
    spec = read_spec(KINDS[CELLS[stated]], merged)
    merged.refuse_leftovers()
    config.ignore_all()
    return spec


def _recurrent(config: Config, spec: Spec) -> Build:
    config.weights = spec.weights

    def build(call: Call) -> Value | tuple[Value, ...]:
        inputs, reads = _inputs(call, spec, spec.kind.states)
        part = "held" if spec.zero_output_for_mask and "masked" in reads else ""
        layer = spec.layer(call.weights, inputs[0].shape[-1]).changed(**reads)
        results = call.emit_all(layer, *inputs, part=part)
        results = tuple(
            replace(each, mask=inputs[0].mask if i == 0 and spec.return_sequences else None)
            for i, each in enumerate(results)
        )
        return results if spec.return_state else results[0]

    return build


def _only_counted(call: Call, steps: Value, mask: Value, part: str) -> Value:
    """The outputs of the steps that count, and zeros for the others."""
    column = call.emit(Reshape((steps.shape[0], 1)), mask, part=f"{part or 'output'}_mask")
    return call.emit(Multiply(), steps, column, part=part)


def _inputs(call: Call, spec: Spec, states: int) -> tuple[tuple[Value, ...], dict[str, bool]]:
    """The sequence and its initial state or its mask, where there is one; and the layer's attributes for them."""
    given = call.arguments.named.get("initial_state")
    initial = call.inputs[1:] if given is None else (given if isinstance(given, tuple) else (given,))
    if len(initial) not in (0, states) or not all(isinstance(each, Value) for each in initial):
        raise call.fault(f"the initial state must be {states} tensors")
    x = _sequence(call, spec.stateful)
    mask = call.mask_of(x)
    if mask is None and not initial:
        return (x,), {}
    if initial and spec.stateful:
        raise call.fault("the layer is stateful and called with an initial state", "make it stateless")
    if mask is not None and initial:
        raise call.fault("the layer reads a mask and an initial state, which is not supported together", "drop either")
    if mask is not None and spec.zero_output_for_mask and not spec.return_sequences:
        raise call.fault("zero_output_for_mask = True is not supported where there is a mask and one output")
    if mask is not None:
        return (x, mask), {"masked": True}
    plain = (call.assembly.plain(call.where, each) for each in initial if isinstance(each, Value))
    return (x, *plain), {"initial_state": True}


def _sequence(call: Call, stateful: bool) -> Value:
    if stateful and call.again:
        raise call.fault(
            "the layer is stateful and called more than once; the calls would share one state",
            "make it stateless, or use a layer for each call",
        )
    x = call.assembly.plain(call.where, call.inputs[0])
    if len(x.axes) != 2:
        raise call.fault(f"the layer needs a sequence (steps, features), not an input of {len(x.axes)} axes")
    return x


@converts(
    "Bidirectional",
    to=(Add, Average, Concatenate, GRU, LSTM, Multiply, Reverse, SimpleRNN),
    arguments=CALL_ARGUMENTS,
)
def bidirectional(config: Config) -> Build:
    """A recurrent layer and its mirror image, which reads the steps backwards."""
    merge = config.raw("merge_mode", "concat")
    if merge is not None and merge != "concat" and (not isinstance(merge, str) or merge not in MERGES):
        raise config.fault(
            f"merge_mode = {brief(merge)} is not supported", f"mnc knows concat, {', '.join(MERGES)}, null"
        )
    forward = _inner_spec(config, "layer")
    backward = replace(forward, go_backwards=not forward.go_backwards)
    if config.raw("backward_layer") is not None:
        backward = _inner_spec(config, "backward_layer")
    config.weights = forward.weights + backward.weights
    config.ignore("num_constants")
    # Keras' wrapper writes its layer's attributes beside its own
    config.ignore("return_sequences", "return_state", "stateful", "go_backwards", "zero_output_for_mask")
    if (forward.return_sequences, forward.return_state) != (backward.return_sequences, backward.return_state):
        raise config.fault("the two directions must return the same")

    def build(call: Call) -> tuple[Value, ...]:
        if len(call.inputs) > 1 or call.arguments.named.get("initial_state") is not None:
            raise call.fault(
                "an initial state of both directions is not supported", "call two layers, one with go_backwards"
            )
        inputs, reads = _inputs(call, replace(forward, stateful=forward.stateful or backward.stateful), 0)
        features = inputs[0].shape[-1]

        def one(spec: Spec, direction: str) -> tuple[Value, ...]:
            layer = spec.layer(call.weights.inside(f"{direction}_layer"), features, direction)
            results = call.emit_all(layer.changed(**reads), *inputs, part=direction)
            if spec.zero_output_for_mask and reads:
                mask = inputs[-1]
                if spec.go_backwards:
                    mask = call.emit(Reverse(0), mask, part=f"{direction}_mask")
                results = (_only_counted(call, results[0], mask, f"{direction}_counted"), *results[1:])
            return results

        there, back = one(forward, "forward"), one(backward, "backward")
        states = (*there[1:], *back[1:])
        returned = back[0]
        if backward.return_sequences:
            returned = call.emit(Reverse(0), returned, part="backward_in_order")
        if merge is None:
            return (there[0], returned, *states)
        layer = Concatenate(-1) if merge == "concat" else MERGES[str(merge)]()
        return (call.emit(layer, there[0], returned), *states)

    return build


def _inner_spec(config: Config, key: str) -> Spec:
    """The recurrent layer that a wrapper holds."""
    class_name, inner = _inner(config, key)
    if class_name == "RNN":
        return _rnn_spec(inner)
    if class_name not in KINDS:
        raise config.fault(f"the wrapped layer {brief(class_name)} is not supported", f"mnc knows {', '.join(KINDS)}")
    spec = read_spec(KINDS[class_name], inner)
    inner.refuse_leftovers()
    return spec


def _inner(config: Config, key: str) -> tuple[str, Config]:
    entry = config.raw(key)
    if not isinstance(entry, Mapping):
        raise config.fault(f"{key} must be a layer, not {brief(entry)}")
    return understood(f"{config.where}/{key}", entry, config.findings)


@converts("TimeDistributed", to=())
def time_distributed(config: Config) -> Build:
    """A layer applied to each step by itself, where the layer's IR form does so anyway."""
    class_name, inner = _inner(config, "layer")
    assert CLASSES[class_name].over_time, "the others are called step by step, see `mnc.frontends.keras.unrolling`"
    through = CLASSES[class_name].convert(inner)
    inner.refuse_leftovers()
    config.weights = inner.weights

    def build(call: Call) -> Value | tuple[Value, ...]:
        x = call.x
        if len(x.axes) < 2:
            raise call.fault(f"the layer needs steps along the first axis, not an input of {len(x.axes)} axes")
        return through(replace(call, inputs=(x,), weights=call.weights.inside("layer"), over_time=True))

    return build
