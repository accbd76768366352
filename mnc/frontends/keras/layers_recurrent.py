"""Recurrent layers, in both directions too, and layers applied to each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_function
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config, is_of_keras
from mnc.frontends.keras.registry import CLASSES, converts, understood
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.frontends.keras.weights import Count, LayerWeights
from mnc.ir.activations import Function, Sign
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    Average,
    Concatenate,
    Dense,
    Multiply,
    Recurrent,
    Reshape,
    Reverse,
    SimpleRNN,
    Slice,
)
from mnc.ir.types import Constant
from mnc.names import brief, snake

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
        """The IR's layer for inputs of `features` features; `scope` tells apart what one Keras layer has twice."""
        kernel, recurrent, bias = self._weights(weights, features, scope)
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


@dataclass(frozen=True)
class Loop:
    """A recurrent layer: its cell, or several of which each reads what the one before gives."""

    cells: tuple[Spec, ...]
    """All of them return alike and read in one order."""
    names: tuple[str, ...] = ()
    """Where each of several cells has its weights."""
    starts_at_zero: bool = True
    """Whether the output of steps that do not count before any that does is 0, and not the initial state."""

    @property
    def outer(self) -> Spec:
        return self.cells[-1]

    @property
    def count(self) -> Count:
        """How many weights it has."""
        return sum((cell.weights for cell in self.cells), Count())

    @property
    def states(self) -> int:
        """How many vectors its state consists of."""
        return sum(cell.kind.states for cell in self.cells)

    def weights(self, weights: LayerWeights, i: int) -> LayerWeights:
        """Those of a cell, of the layer's."""
        cell = weights.inside("cell")
        return cell.inside("cells").inside(self.names[i]) if self.names else cell

    def run(self, call: Call, weights: LayerWeights, given: Given, part: str = "") -> tuple[Value, ...]:
        """The outputs, and the state where it is returned."""
        x, mask, initial = given.x, given.mask, list(given.initial)
        keep = self.outer.return_sequences, self.outer.return_state
        after = self._after(call, given, part)
        states: list[Value] = []
        for i, cell in enumerate(self.cells):
            last = i == len(self.cells) - 1
            name = part if last else "/".join(filter(None, (part, f"cell{i}")))
            layer = cell.layer(self.weights(weights, i), x.shape[-1], f"{part}{i}" if self.names else part).changed(
                return_sequences=keep[0] or not last,
                go_backwards=cell.go_backwards and i == 0,
                stateful=cell.stateful and not initial,
                initial_state=bool(initial),
                masked=mask is not None,
            )
            own = [initial.pop(0) for _ in range(cell.kind.states if initial else 0)]
            inputs = (x, *own, *(() if mask is None else (mask,)))
            name = "/".join(filter(None, (name, "held"))) if last and after is not None else name
            x, *more = call.emit_all(layer, *inputs, part=name)
            states += more
            if i == 0 and mask is not None and cell.go_backwards and not last:
                mask = call.emit(Reverse(0), mask, part=f"{part}mask_backwards")
        if after is not None:
            x = call.emit(Multiply(), x, after, part=part)
        return (replace(x, mask=call.stated_mask(call.inputs[0]) if keep[0] else None), *states)

    def _after(self, call: Call, given: Given, part: str) -> Value | None:
        """The factor of the outputs: 0 where a step does not count and its output shall be 0."""
        spec, mask = self.outer, given.mask
        from_zero = bool(given.initial) and self.starts_at_zero
        if mask is None or not (spec.zero_output_for_mask or from_zero):
            return None
        steps, name = given.x.shape[0], f"{part}_counted" if part else "counted"
        if spec.go_backwards:
            mask = call.emit(Reverse(0), mask, part=f"{name}/backwards")
        if not spec.zero_output_for_mask:
            so_far = Dense(Constant(np.triu(np.ones((steps, steps), np.float32))))
            mask = call.emit(Activation(Sign()), call.emit(so_far, mask, part=f"{name}/so_far"), part=f"{name}/begun")
        if spec.return_sequences:
            return call.emit(Reshape((steps, 1)), mask, part=name)
        return call.emit(Slice((steps - 1,), (1,), (1,)), mask, part=name)


@dataclass(frozen=True)
class Given:
    """The inputs of one call of a recurrent layer."""

    x: Value
    mask: Value | None
    initial: tuple[Value, ...]


@converts("SimpleRNN", to=(SimpleRNN,), arguments=CALL_ARGUMENTS, masks="own")
def simple_rnn(config: Config) -> Build:
    """The plain recurrent layer."""
    return _recurrent(config, _loop(config, read_spec(SimpleRNN, config)))


@converts("GRU", to=(GRU,), arguments=CALL_ARGUMENTS, masks="own")
def gru(config: Config) -> Build:
    """The gated recurrent unit, with the reset gate before or after the product."""
    return _recurrent(config, _loop(config, read_spec(GRU, config)))


@converts("LSTM", to=(LSTM,), arguments=CALL_ARGUMENTS, masks="own")
def lstm(config: Config) -> Build:
    """Long short-term memory."""
    return _recurrent(config, _loop(config, read_spec(LSTM, config)))


@converts("RNN", to=(GRU, LSTM, SimpleRNN), arguments=CALL_ARGUMENTS, masks="own")
def rnn(config: Config) -> Build:
    """A recurrent layer that is written as its cell, or several, and the loop round it."""
    return _recurrent(config, _rnn_loop(config))


KINDS: Mapping[str, type[Recurrent]] = {"SimpleRNN": SimpleRNN, "GRU": GRU, "LSTM": LSTM}


def _loop(config: Config, *cells: Spec, names: Sequence[str] = ()) -> Loop:
    return Loop(cells, tuple(names), config.findings.backend != "jax")


def _rnn_loop(config: Config) -> Loop:
    """An RNN of a cell, or of StackedRNNCells."""
    cell = config.raw("cell")
    stated, inner = _cell(cell)
    outer = {key: value for key, value in config.remaining().items() if key != "cell"}
    cells: Sequence[object] = (cell,)
    if stated == "StackedRNNCells":
        stack = Config(inner, config.where, config.findings)
        listed = stack.raw("cells")
        stack.refuse_leftovers()
        if not isinstance(listed, list) or not listed:
            raise config.fault(f"cells must be a list of cells, not {brief(listed)}")
        cells = listed
    specs: list[Spec] = []
    names: list[str] = []
    for each in cells:
        stated, inner = _cell(each)
        if stated not in CELLS or not (isinstance(each, Mapping) and is_of_keras(each)):
            known = f"mnc knows {', '.join(CELLS)}, and StackedRNNCells of these"
            raise config.fault(f"the cell {brief(stated)} is not supported", known, AS_TFLITE)
        merged = Config({**inner, **outer}, config.where, config.findings)
        specs.append(read_spec(KINDS[CELLS[stated]], merged))
        merged.refuse_leftovers()
        stem = snake(stated)
        alike = sum(snake(_cell(before)[0]) == stem for before in cells[: len(names)])
        names.append(f"{stem}_{alike}" if alike else stem)
    config.ignore_all()
    return _loop(config, *specs, names=names if len(cells) > 1 or cells[0] is not cell else ())


def _cell(entry: object) -> tuple[str, Mapping[str, object]]:
    """Class and configuration of a serialised cell; empty where it is none."""
    stated = entry.get("class_name") if isinstance(entry, Mapping) else None
    inner = entry.get("config") if isinstance(entry, Mapping) else None
    return (stated, inner) if isinstance(stated, str) and isinstance(inner, Mapping) else ("", {})


def _recurrent(config: Config, loop: Loop) -> Build:
    config.weights = loop.count

    def build(call: Call) -> tuple[Value, ...]:
        return loop.run(call, call.weights, _given(call, loop.states, loop.outer))

    return build


def _given(call: Call, states: int, spec: Spec) -> Given:
    """The sequence, its mask and its initial state, where there are any."""
    given = call.arguments.named.get("initial_state")
    initial = call.inputs[1:] if given is None else tuple(_flat(given))
    values = [call.assembly.plain(call.where, each) for each in initial if isinstance(each, Value)]
    if len(values) != len(initial) or len(values) not in (0, states):
        raise call.fault(f"the initial state must be {states} tensors of the model")
    x = _sequence(call, spec.stateful and not initial)
    # called with several tensors, layers of Keras 3 do not see the mask that one of them carries
    sees = spec.keras < 3 or not values or call.arguments.named.get("mask") is not None
    return Given(x, call.mask_of(x) if sees else None, tuple(values))


def _flat(nested: object) -> Iterator[object]:
    """The tensors of a state, which may be a list of lists."""
    if isinstance(nested, tuple):
        for each in nested:
            yield from _flat(each)
    else:
        yield nested


def _sequence(call: Call, stateful: bool) -> Value:
    if stateful and call.again:
        raise call.fault(
            "the layer is stateful and called more than once; the calls would share one state",
            "call it once, with the sequences one behind the other, Concatenate(axis=1), and take its steps apart",
        )
    x = call.assembly.plain(call.where, call.inputs[0])
    if len(x.axes) != 2:
        raise call.fault(f"the layer needs a sequence (steps, features), not an input of {len(x.axes)} axes")
    return x


@converts(
    "Bidirectional",
    to=(Add, Average, Concatenate, GRU, LSTM, Multiply, Reverse, SimpleRNN),
    arguments=CALL_ARGUMENTS,
    masks="own",
)
def bidirectional(config: Config) -> Build:
    """A recurrent layer and its mirror image, which reads the steps backwards."""
    merge = config.raw("merge_mode", "concat")
    if merge is not None and merge != "concat" and (not isinstance(merge, str) or merge not in MERGES):
        raise config.fault(
            f"merge_mode = {brief(merge)} is not supported", f"mnc knows concat, {', '.join(MERGES)}, null", AS_TFLITE
        )
    forward = _inner_loop(config, "layer")
    backward = Loop(
        tuple(replace(cell, go_backwards=not cell.go_backwards) for cell in forward.cells),
        forward.names,
        forward.starts_at_zero,
    )
    if config.raw("backward_layer") is not None:
        backward = _inner_loop(config, "backward_layer")
    config.weights = forward.count + backward.count
    config.ignore("num_constants")
    # Keras' wrapper writes its layer's attributes beside its own
    config.ignore("return_sequences", "return_state", "stateful", "go_backwards", "zero_output_for_mask")
    returns = [(loop.outer.return_sequences, loop.outer.return_state) for loop in (forward, backward)]
    if returns[0] != returns[1]:
        raise config.fault("the two directions must return the same")

    def build(call: Call) -> tuple[Value, ...]:
        stateful = forward.outer.stateful or backward.outer.stateful
        given = _given(call, forward.states + backward.states, replace(forward.outer, stateful=stateful))
        halves = given.initial[: forward.states], given.initial[forward.states :]
        there, back = (
            loop.run(call, call.weights.inside(f"{name}_layer"), replace(given, initial=initial), name)
            for loop, name, initial in zip((forward, backward), ("forward", "backward"), halves, strict=True)
        )
        states = (*there[1:], *back[1:])
        returned = back[0]
        if backward.outer.return_sequences:
            returned = replace(call.emit(Reverse(0), returned, part="backward_in_order"), mask=there[0].mask)
        if merge is None:
            return (there[0], returned, *states)
        layer = Concatenate(-1) if merge == "concat" else MERGES[str(merge)]()
        return (replace(call.emit(layer, there[0], returned), mask=there[0].mask), *states)

    return build


def _inner_loop(config: Config, key: str) -> Loop:
    """The recurrent layer that a wrapper holds."""
    class_name, inner = _inner(config, key)
    if class_name == "RNN":
        return _rnn_loop(inner)
    if class_name not in KINDS:
        known = f"mnc knows {', '.join(KINDS)} and RNN"
        raise config.fault(f"the wrapped layer {brief(class_name)} is not supported", known, AS_TFLITE)
    spec = read_spec(KINDS[class_name], inner)
    inner.refuse_leftovers()
    loop = _loop(inner, spec)
    if config.keras < 2:
        return loop
    # the wrapper says whether masked steps give 0, whatever the layer's attribute says
    return replace(loop, cells=tuple(replace(each, zero_output_for_mask=each.return_sequences) for each in loop.cells))


def _inner(config: Config, key: str) -> tuple[str, Config]:
    entry = config.raw(key)
    if not isinstance(entry, Mapping):
        raise config.fault(f"{key} must be a layer, not {brief(entry)}")
    return understood(f"{config.where}/{key}", entry, config.findings)


@converts("TimeDistributed", to=(), masks="passes")
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
