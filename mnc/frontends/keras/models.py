"""Models as the file describes them: parsed whole, before anything is built, so that all refusals are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.budget import SpentError
from mnc.frontends.keras.assembly import Build
from mnc.frontends.keras.config import Config, Findings
from mnc.frontends.keras.container import SavedModel
from mnc.frontends.keras.inputs import InputSpec, input_spec, unknown_input
from mnc.frontends.keras.registry import CLASSES, convert
from mnc.frontends.keras.spelling import respell
from mnc.frontends.keras.topology import NO_ARGUMENTS, Arguments, Ref, in_order, read_calls, read_refs
from mnc.frontends.keras.ways_out import AS_TFLITE, SAVE_AGAIN
from mnc.frontends.keras.weights import LayerWeights, Member, ModelWeights
from mnc.ir.types import Shape
from mnc.names import brief, snake

MODELS = ("Sequential", "Functional")
MAX_DEPTH = 16
"""How deep models may be nested."""


@dataclass(frozen=True)
class LayerSpec:
    """One layer, its configuration understood."""

    where: str
    build: Build | None
    """None where the layer was refused."""
    weights: LayerWeights
    arguments: frozenset[str] | None = frozenset()
    """Names of the arguments that a call may have besides inputs; None: any, in any place."""

    @classmethod
    def refused(cls, where: str) -> LayerSpec:
        """The placeholder of a layer that cannot be read."""
        return cls(where, None, LayerWeights(where, ()))


@dataclass(frozen=True)
class TimedSpec:
    """A layer or model that TimeDistributed calls once for each step, because it cannot take all of them at once."""

    where: str
    inner: Spec


@dataclass(frozen=True)
class Step:
    """One call of a layer or a nested model."""

    name: str
    index: int
    """Which call it is, from 0."""
    spec: Spec
    inputs: tuple[Ref, ...]
    arguments: Arguments = NO_ARGUMENTS
    """All arguments of the call, the inputs among them."""


@dataclass(frozen=True)
class ModelSpec:
    """A model: its inputs, its calls in execution order, its outputs.  Calls are counted from 0."""

    where: str
    inputs: tuple[InputSpec, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Ref, ...]


Spec = LayerSpec | TimedSpec | ModelSpec


class Parser:
    """From the configuration to specifications; problems are collected, not raised, wherever reading can go on."""

    def __init__(self, saved: SavedModel) -> None:
        self.problems: list[Problem] = []
        self.budget = saved.budget
        self.findings = Findings(saved.keras or _guess_version(saved.config), saved.backend)

    def model(self, where: str, entry: object, weights: ModelWeights, depth: int = 0) -> ModelSpec:
        """A model; CompileError where its own structure is at fault."""
        if depth > MAX_DEPTH:
            raise refuse(where, f"models are nested more than {MAX_DEPTH} deep", "nest fewer models")
        class_name, config = _entry(where, entry)
        if class_name not in MODELS:
            raise refuse(
                where,
                f"the model is a {brief(class_name)}, not a Sequential or functional model",
                AS_TFLITE,
                "or build its functional model, keras.Model(x, model.call(x)) with x = keras.Input(...), and save that",
            )
        layers = config.get("layers")
        if not isinstance(layers, list):
            raise refuse(where, "the key 'layers' is missing", SAVE_AGAIN)
        members = _Members(self, where, layers, weights, depth)
        return members.sequential(config) if class_name == "Sequential" else members.functional(config)

    def layer(self, where: str, entry: Mapping[str, object], weights: Member, depth: int) -> Spec:
        """A layer, or whatever stands in the place of one."""
        self.budget.take(where, "layers")
        class_name, config = _entry(where, entry)
        if class_name in MODELS:
            return self.model(where, entry, weights.model(), depth + 1)
        inner = config.get("layer")
        if class_name == "TimeDistributed" and isinstance(inner, Mapping) and not _takes_all_steps(inner):
            return self._timed(where, config, inner, weights, depth)
        try:
            build, count, arguments = convert(where, entry, self.findings)
            own = weights.layer(count)
        except SpentError:
            raise
        except CompileError as error:
            self.problems += error.problems
            return LayerSpec.refused(where)
        return LayerSpec(where, build, own, arguments)

    def _timed(
        self, where: str, config: Mapping[str, object], inner: Mapping[str, object], weights: Member, depth: int
    ) -> Spec:
        own = Config(config, where, self.findings)
        own.ignore("layer")
        try:
            own.check_policy()
            own.refuse_leftovers()
            place, _, _ = _place(f"{where}/layer", inner)
        except CompileError as error:
            self.problems += error.problems
            return LayerSpec.refused(where)
        if depth > MAX_DEPTH:
            raise refuse(where, f"layers are nested more than {MAX_DEPTH} deep", "nest fewer layers")
        return TimedSpec(where, self.layer(place, inner, weights.inside("layer", _is_trainable(inner)), depth + 1))

    def input(self, where: str, name: str, raw: Mapping[str, object]) -> InputSpec:
        """An InputLayer."""
        config = Config(raw, where, self.findings)
        for key in ("sparse", "ragged"):
            config.only(key, False, None)
        dtype = config.raw("dtype", "float32")
        if isinstance(dtype, str) and dtype.lstrip("u").startswith("int"):
            self.findings.note(f"input {brief(name)} is {dtype} in Keras; the network takes its numbers as float")
        return input_spec(where, name, config.raw("batch_shape", config.raw("batch_input_shape")))


class _Members:
    """The layers of one model."""

    def __init__(
        self, parser: Parser, where: str, entries: Sequence[object], weights: ModelWeights, depth: int
    ) -> None:
        self._parser = parser
        self._where = where
        self._entries = entries
        self._weights = weights
        self._depth = depth
        self._ordinals: Counter[str] = Counter()

    def sequential(self, config: Mapping[str, object]) -> ModelSpec:
        """The layers as one chain."""
        given: InputSpec | None = None
        steps: list[Step] = []
        names: set[str] = set()
        source = Ref("", 0, 0)
        for i, entry in enumerate(self._entries):
            where, class_name, name = _place(f"{self._where}/layers/{i}", entry)
            assert isinstance(entry, Mapping)
            raw = _entry(where, entry)[1]
            if class_name == "InputLayer":
                if i > 0:
                    raise refuse(where, "an InputLayer stands behind other layers", SAVE_AGAIN)
                given = self._parser.input(where, name, raw)
                source = Ref(given.name, 0, 0)
                continue
            spec = self._member(where, name, class_name, entry)
            if given is None:
                given = _first_input(where, name, spec, raw, config)
                source = Ref(given.name, 0, 0)
            if name in names or name == given.name:
                raise refuse(where, f"two layers are called {brief(name)}", SAVE_AGAIN)
            names.add(name)
            steps.append(Step(name, 0, spec, (source,)))
            source = Ref(name, 0, 0)
        if given is None:
            raise refuse(self._where, "the model has no layers", SAVE_AGAIN)
        return ModelSpec(self._where, (given,), tuple(steps), (source,))

    def functional(self, config: Mapping[str, object]) -> ModelSpec:
        """The layers as the file wires them."""
        specs: dict[str, Spec | InputSpec] = {}
        calls: dict[str, tuple[Arguments, ...]] = {}
        is_keras3 = False
        for i, entry in enumerate(self._entries):
            where, class_name, name = _place(f"{self._where}/layers/{i}", entry)
            assert isinstance(entry, Mapping)
            name = _name(entry, name)
            if name in specs:
                raise refuse(where, f"two layers are called {brief(name)}", SAVE_AGAIN)
            if class_name == "InputLayer":
                specs[name] = self._parser.input(where, name, _entry(where, entry)[1])
                self._ordinals[snake(class_name)] += 1
                calls[name] = (NO_ARGUMENTS,)
                continue
            inbound = entry.get("inbound_nodes", [])
            is_keras3 |= isinstance(inbound, list) and any(isinstance(node, Mapping) for node in inbound)
            specs[name] = self._member(where, name, class_name, entry)
            if isinstance(inbound, list):
                self._parser.budget.take(where, "calls of layers", len(inbound))
            try:
                calls[name] = read_calls(where, inbound)
                for call in calls[name]:
                    _inputs(specs[name], call)
            except CompileError as error:
                if not _is_refused(specs[name]):  # one refusal of a layer is enough
                    self._parser.problems += error.problems
                specs[name] = LayerSpec.refused(where)
                calls[name] = (NO_ARGUMENTS,) * (len(inbound) if isinstance(inbound, list) else 1)
        return self._wired(config, specs, calls, is_keras3)

    def _wired(
        self,
        config: Mapping[str, object],
        specs: Mapping[str, Spec | InputSpec],
        calls: Mapping[str, Sequence[Arguments]],
        is_keras3: bool,
    ) -> ModelSpec:
        outputs = read_refs(self._where, "output_layers", config.get("output_layers"))
        counted = [name for name, spec in specs.items() if isinstance(spec, ModelSpec) or _is_refused(spec)]
        counts = {name: len(calls[name]) for name in counted}
        reads = {name: tuple(call.refs for call in own) for name, own in calls.items()}
        read = [ref for layer in reads.values() for refs in layer for ref in refs]
        if is_keras3:  # in output_layers alone it counts from 1
            offsets = _call_offsets(counts, read, 0)
            output_offsets = _call_offsets(counts, outputs, 1)
        else:
            offsets = output_offsets = _call_offsets(counts, (*read, *outputs), 1)
        given: dict[str, InputSpec] = {}
        for ref in read_refs(self._where, "input_layers", config.get("input_layers")):
            source = specs.get(ref.layer)
            if not isinstance(source, InputSpec):
                what = f"the input {brief(ref.layer)} is not an InputLayer of the model"
                raise refuse(self._where, what, SAVE_AGAIN)
            given[ref.layer] = source
        steps = []
        for name, index in in_order(self._where, reads, offsets):
            spec = specs[name]
            if isinstance(spec, InputSpec):
                if name not in given:
                    raise refuse(spec.where, "the InputLayer is not among input_layers", SAVE_AGAIN)
                continue
            arguments = calls[name][index].replaced(lambda ref: _counted(ref, offsets))
            if not arguments.refs and not _is_refused(spec):
                raise _without_input(spec.where, arguments)
            steps.append(Step(name, index, spec, _inputs(spec, arguments), arguments))
        if not given or not outputs:
            raise refuse(self._where, "a model needs at least one input and one output", SAVE_AGAIN)
        outputs = tuple(_counted(ref, output_offsets) for ref in outputs)
        produced = {(step.name, step.index) for step in steps} | {(name, 0) for name in given}
        for ref in outputs:
            if (ref.layer, ref.call) not in produced:
                raise refuse(self._where, f"the output {brief(ref.layer)} does not exist", SAVE_AGAIN)
        return ModelSpec(self._where, tuple(given.values()), tuple(steps), outputs)

    def _member(self, where: str, name: str, class_name: str, entry: Mapping[str, object]) -> Spec:
        kind = snake(class_name)
        ordinal = self._ordinals[kind]
        self._ordinals[kind] += 1
        try:
            weights = self._weights.member(name, class_name, ordinal, _is_trainable(entry))
        except SpentError:
            raise
        except CompileError as error:
            self._parser.problems += error.problems
            return LayerSpec.refused(where)
        return self._parser.layer(where, entry, weights, self._depth)


def with_shapes(model: ModelSpec, shapes: Mapping[str, Shape]) -> ModelSpec:
    """A model whose inputs of these names have these shapes; CompileError where one does not fit."""
    known = [given.name for given in model.inputs]
    for name in shapes:
        if name not in known:
            named = f"its inputs are {', '.join(map(brief, known))}"
            raise refuse(model.where, f"there is no input {brief(name)}", named)
    return replace(model, inputs=tuple(given.of_shape(shapes.get(given.name)) for given in model.inputs))


def _first_input(
    where: str, name: str, spec: Spec, raw: Mapping[str, object], config: Mapping[str, object]
) -> InputSpec:
    """The input of a Sequential that has no InputLayer."""
    name = f"{name}_input"
    if isinstance(spec, ModelSpec) and len(spec.inputs) == 1:
        return InputSpec(spec.inputs[0].where, name, spec.inputs[0].sizes, spec.inputs[0].fault)
    for stated in (raw, config):
        for key in ("batch_input_shape", "batch_shape", "build_input_shape"):
            if isinstance(stated.get(key), list):
                return input_spec(where, name, stated[key])
    size = raw.get("input_dim")
    if type(size) is int and raw.get("input_length") is None:
        return input_spec(where, name, [None, size])
    return unknown_input(where, name)


def _takes_all_steps(inner: Mapping[str, object]) -> bool:
    """Whether a layer's own form takes one more axis in front, so that TimeDistributed needs no loop."""
    stated, config = inner.get("class_name"), inner.get("config")
    if not isinstance(stated, str) or not isinstance(config, Mapping):
        return stated != "Sequential"
    known = CLASSES.get(respell(stated, config)[0])
    return known is not None and known.over_time


def _is_trainable(entry: Mapping[str, object]) -> bool:
    config = entry.get("config")
    return not isinstance(config, Mapping) or config.get("trainable") is not False


def _inputs(spec: Spec | InputSpec, call: Arguments) -> tuple[Ref, ...]:
    """The tensors that a call reads as inputs, or all where the layer sorts its arguments by itself."""
    accepted = spec.arguments if isinstance(spec, LayerSpec) else frozenset({"mask"})
    return call.refs if accepted is None or _is_refused(spec) else call.inputs(spec.where, accepted)


def _is_refused(spec: Spec | InputSpec) -> bool:
    return isinstance(spec, LayerSpec) and spec.build is None


def _entry(where: str, entry: object) -> tuple[str, Mapping[str, object]]:
    """class_name and config of a serialised object; early Keras has a Sequential's layers in place of its config."""
    if not isinstance(entry, Mapping):
        raise refuse(where, f"it must be an object with class_name and config, not {brief(entry)}", SAVE_AGAIN)
    class_name, config = entry.get("class_name"), entry.get("config")
    if not isinstance(class_name, str) or not class_name:
        raise refuse(where, "the key 'class_name' is missing", SAVE_AGAIN)
    if class_name == "Model":
        class_name = "Functional"
    if isinstance(config, list) and class_name == "Sequential":
        config = {"layers": config}
    if not isinstance(config, Mapping):
        raise refuse(where, "the key 'config' is missing", SAVE_AGAIN)
    return class_name, config


def _place(where: str, entry: object) -> tuple[str, str, str]:
    """A layer's place for messages, its class and its name."""
    class_name, config = _entry(where, entry)
    name = _name(config, snake(class_name) or "layer")
    shown = class_name if len(class_name) <= 60 and class_name.isprintable() else brief(class_name)
    return f"{where} ({shown} {brief(name)})", class_name, name


def _name(config: Mapping[str, object], otherwise: str) -> str:
    name = config.get("name")
    return name if isinstance(name, str) and name else otherwise


def _without_input(where: str, arguments: Arguments) -> CompileError:
    if not any(isinstance(each, str) for each in arguments.positional):
        return refuse(where, "the layer is called without an input", SAVE_AGAIN)
    what = "the operands of the function are not in the file: Keras 2 saves the operands of tf.einsum incompletely"
    return refuse(where, what, AS_TFLITE, "or put layers.Dot, tf.matmul or an EinsumDense in its place")


def _counted(ref: Ref, offsets: Mapping[str, int]) -> Ref:
    return Ref(ref.layer, ref.call - offsets.get(ref.layer, 0), ref.tensor)


def _call_offsets(counts: Mapping[str, int], refs: Iterable[Ref], otherwise: int) -> dict[str, int]:
    """Where the calls of nested models (`counts`: how many each has) are counted from, by the references to them.

    In Keras 1 and 2 a model's first node is the model itself, so its calls in
    the enclosing model begin at 1; Keras 3 begins at 0.  Where the references
    leave it open it is `otherwise`.
    """
    seen: dict[str, set[int]] = {name: set() for name in counts}
    for ref in refs:
        if ref.layer in seen:
            seen[ref.layer].add(ref.call)
    return {name: 0 if 0 in seen[name] else 1 if count in seen[name] else otherwise for name, count in counts.items()}


def _guess_version(config: Mapping[str, object]) -> int:
    """The version whose meaning holds in a file that does not state it, from how it is spelt."""
    text = str(config)
    return 3 if "batch_shape" in text or "DTypePolicy" in text else 2
