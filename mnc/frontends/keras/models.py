"""Models as the file describes them: parsed whole, before anything is built, so that all refusals are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.keras.assembly import Build
from mnc.frontends.keras.config import SAVE_AGAIN, Config, Findings, brief
from mnc.frontends.keras.container import SavedModel
from mnc.frontends.keras.registry import convert
from mnc.frontends.keras.spelling import respell
from mnc.frontends.keras.topology import Ref, in_order, read_calls, read_refs
from mnc.frontends.keras.weights import LayerWeights, ModelWeights, snake_case
from mnc.ir.types import Shape

MODELS = ("Sequential", "Functional")
MAX_DEPTH = 16
"""How deep models may be nested."""
FIXED_SHAPE = (
    "rebuild the model with a fixed input shape, for instance keras.Input((96, 96, 3)), and load the weights into it"
)


@dataclass(frozen=True)
class LayerSpec:
    """One layer, its configuration understood."""

    where: str
    name: str
    build: Build | None
    """None where the layer was refused."""
    weights: LayerWeights


@dataclass(frozen=True)
class InputSpec:
    """One input of a model."""

    where: str
    name: str
    shape: Shape | None
    """As Keras sees it, without batch; None where the file does not say."""


@dataclass(frozen=True)
class Step:
    """One call of a layer or a nested model."""

    name: str
    index: int
    """Which call it is, from 0."""
    layer: LayerSpec | ModelSpec
    arguments: tuple[Ref, ...]


@dataclass(frozen=True)
class ModelSpec:
    """A model: its inputs, its calls in execution order, its outputs.  Calls are counted from 0."""

    where: str
    name: str
    inputs: tuple[InputSpec, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Ref, ...]


class Parser:
    """From the configuration to specifications; problems are collected, not raised, wherever reading can go on."""

    def __init__(self, saved: SavedModel) -> None:
        self.problems: list[Problem] = []
        self.findings = Findings(saved.keras or _guess_version(saved.config), saved.backend)

    def model(self, where: str, entry: Mapping[str, object], weights: ModelWeights, depth: int) -> ModelSpec:
        """A model; CompileError where its own structure is at fault."""
        if depth > MAX_DEPTH:
            raise refuse(where, f"models are nested more than {MAX_DEPTH} deep", "nest fewer models")
        class_name, config = _entry(where, entry)
        if class_name not in MODELS:
            raise refuse(
                where,
                f"the model is a {brief(class_name)}, not a Sequential or functional model",
                "rebuild it as a functional model and load the weights into it",
            )
        name = config.get("name")
        name = name if isinstance(name, str) and name else class_name.lower()
        layers = config.get("layers")
        if not isinstance(layers, list):
            raise refuse(where, "the key 'layers' is missing", SAVE_AGAIN)
        if class_name == "Sequential":
            return self._sequential(where, name, config, layers, weights, depth)
        return self._functional(where, name, config, layers, weights, depth)

    def _sequential(
        self,
        where: str,
        name: str,
        config: Mapping[str, object],
        layers: Sequence[object],
        weights: ModelWeights,
        depth: int,
    ) -> ModelSpec:
        given: InputSpec | None = None
        steps: list[Step] = []
        ordinals: Counter[str] = Counter()
        source = Ref("", 0, 0)
        for i, entry in enumerate(layers):
            layer_where, class_name, raw = self._identify(where, i, entry)
            layer_name = _name(raw, f"{snake_case(class_name)}_{i}")
            if class_name == "InputLayer":
                if i > 0:
                    raise refuse(layer_where, "an InputLayer stands behind other layers", SAVE_AGAIN)
                given = self._input(layer_where, layer_name, raw)
                source = Ref(given.name, 0, 0)
                continue
            layer = self._layer(layer_where, layer_name, class_name, raw, entry, weights, ordinals, depth)
            if given is None:
                given = self._first_input(layer_where, layer_name, layer, raw, config)
                source = Ref(given.name, 0, 0)
            if any(step.name == layer_name for step in steps) or layer_name == given.name:
                raise refuse(layer_where, f"two layers are called {brief(layer_name)}", SAVE_AGAIN)
            steps.append(Step(layer_name, 0, layer, (source,)))
            source = Ref(layer_name, 0, 0)
        if given is None:
            raise refuse(where, "the model has no layers", SAVE_AGAIN)
        return ModelSpec(where, name, (given,), tuple(steps), (source,))

    def _first_input(
        self,
        where: str,
        name: str,
        layer: LayerSpec | ModelSpec,
        raw: Mapping[str, object],
        config: Mapping[str, object],
    ) -> InputSpec:
        """The input of a Sequential that has no InputLayer."""
        if isinstance(layer, ModelSpec) and len(layer.inputs) == 1:
            return InputSpec(where, f"{name}_input", layer.inputs[0].shape)
        for stated in (raw, config):
            for key in ("batch_input_shape", "batch_shape", "build_input_shape"):
                if isinstance(stated.get(key), list):
                    return InputSpec(where, f"{name}_input", self._shape(where, f"{name}_input", stated[key]))
        size = raw.get("input_dim")
        if isinstance(size, int) and not isinstance(size, bool) and raw.get("input_length") is None and size > 0:
            return InputSpec(where, f"{name}_input", (size,))
        return InputSpec(where, f"{name}_input", None)

    def _functional(
        self,
        where: str,
        name: str,
        config: Mapping[str, object],
        layers: Sequence[object],
        weights: ModelWeights,
        depth: int,
    ) -> ModelSpec:
        specs: dict[str, LayerSpec | ModelSpec | InputSpec] = {}
        calls: dict[str, tuple[tuple[Ref, ...], ...]] = {}
        is_keras3 = False
        ordinals: Counter[str] = Counter()
        for i, entry in enumerate(layers):
            layer_where, class_name, raw = self._identify(where, i, entry)
            assert isinstance(entry, Mapping)
            stated = entry.get("name")
            layer_name = stated if isinstance(stated, str) and stated else _name(raw, f"{snake_case(class_name)}_{i}")
            if layer_name in specs:
                raise refuse(layer_where, f"two layers are called {brief(layer_name)}", SAVE_AGAIN)
            inbound = entry.get("inbound_nodes", [])
            is_keras3 |= isinstance(inbound, list) and any(isinstance(node, Mapping) for node in inbound)
            if class_name == "InputLayer":
                specs[layer_name] = self._input(layer_where, layer_name, raw)
                ordinals[snake_case(class_name)] += 1
                calls[layer_name] = ((),)
                continue
            specs[layer_name] = self._layer(layer_where, layer_name, class_name, raw, entry, weights, ordinals, depth)
            try:
                calls[layer_name] = read_calls(layer_where, inbound)
            except CompileError as error:
                spec = specs[layer_name]
                if not (isinstance(spec, LayerSpec) and spec.build is None):  # one refusal of a layer is enough
                    self.problems += error.problems
                specs[layer_name] = LayerSpec(layer_where, layer_name, None, LayerWeights(layer_where, ()))
                calls[layer_name] = ((),) * (len(inbound) if isinstance(inbound, list) else 1)
        inputs = read_refs(where, "input_layers", config.get("input_layers"))
        outputs = read_refs(where, "output_layers", config.get("output_layers"))
        models = [name for name, spec in specs.items() if isinstance(spec, ModelSpec)]
        counts = {name: len(calls[name]) for name in models}
        inbound_refs = [ref for layer in calls.values() for refs in layer for ref in refs]
        if is_keras3:  # in output_layers alone it counts from 1
            offsets = _call_offsets(counts, inbound_refs, 0)
            output_offsets = _call_offsets(counts, outputs, 1)
        else:
            offsets = output_offsets = _call_offsets(counts, (*inbound_refs, *outputs), 1)
        outputs = tuple(_counted(ref, output_offsets) for ref in outputs)
        steps = []
        for layer_name, index in in_order(where, calls, offsets):
            spec = specs[layer_name]
            if not isinstance(spec, InputSpec):
                arguments = tuple(_counted(ref, offsets) for ref in calls[layer_name][index])
                if not arguments and not (isinstance(spec, LayerSpec) and spec.build is None):
                    raise refuse(spec.where, "the layer is called without an input", SAVE_AGAIN)
                steps.append(Step(layer_name, index, spec, arguments))
        given = []
        for ref in inputs:
            source = specs.get(ref.layer)
            if not isinstance(source, InputSpec):
                raise refuse(where, f"the input {brief(ref.layer)} is not an InputLayer of the model", SAVE_AGAIN)
            given.append(source)
        if not given or not outputs:
            raise refuse(where, "a model needs at least one input and one output", SAVE_AGAIN)
        produced = {(step.name, step.index) for step in steps} | {(spec.name, 0) for spec in given}
        for ref in outputs:
            if (ref.layer, ref.call) not in produced:
                raise refuse(where, f"the output {brief(ref.layer)} does not exist", SAVE_AGAIN)
        return ModelSpec(where, name, tuple(given), tuple(steps), outputs)

    def _identify(self, where: str, index: int, entry: object) -> tuple[str, str, Mapping[str, object]]:
        """A layer's place for messages, its class and its configuration."""
        place = f"{where}/layers/{index}"
        class_name, config = _entry(place, entry)
        name = config.get("name")
        shown = f"{_short(class_name)} {brief(name)}" if isinstance(name, str) else _short(class_name)
        place = f"{place} ({shown})"
        if class_name in MODELS:
            return place, class_name, config
        assert isinstance(entry, Mapping)
        return place, *respell(class_name, config)

    def _input(self, where: str, name: str, raw: Mapping[str, object]) -> InputSpec:
        config = Config(raw, where, self.findings)
        for key in ("sparse", "ragged"):
            config.only(key, False, None)
        dtype = config.raw("dtype", "float32")
        if isinstance(dtype, str) and dtype.lstrip("u").startswith("int"):
            self.findings.note(f"input {brief(name)} is {dtype} in Keras; the network takes its numbers as float")
        stated = config.raw("batch_shape", config.raw("batch_input_shape"))
        return InputSpec(where, name, self._shape(where, name, stated))

    def _shape(self, where: str, name: str, stated: object) -> Shape | None:
        """The shape behind the batch axis; a problem is noted where it is not fixed."""
        if not isinstance(stated, list) or len(stated) < 2:
            self._problem(where, f"input {brief(name)} must have a shape, not {brief(stated)}", FIXED_SHAPE)
            return None
        sizes = stated[1:]
        if any(size is None for size in sizes):
            shown = "(" + ", ".join("?" if size is None else brief(size) for size in sizes) + ")"
            self._problem(where, f"input {brief(name)} has no fixed shape: {shown}", FIXED_SHAPE)
            return None
        if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
            self._problem(where, f"input {brief(name)} cannot have the shape {brief(sizes)}", FIXED_SHAPE)
            return None
        return tuple(sizes)

    def _layer(
        self,
        where: str,
        name: str,
        class_name: str,
        raw: Mapping[str, object],
        entry: object,
        weights: ModelWeights,
        ordinals: Counter[str],
        depth: int,
    ) -> LayerSpec | ModelSpec:
        assert isinstance(entry, Mapping)
        kind = snake_case(class_name)
        ordinal = ordinals[kind]
        ordinals[kind] += 1
        if class_name in MODELS:
            return self.model(where, entry, weights.model(name, class_name, ordinal), depth + 1)
        build, own = None, LayerWeights(where, ())
        try:
            own = weights.layer(name, class_name, ordinal)
            build = convert(where, entry, self.findings)
        except CompileError as error:
            self.problems += error.problems
        return LayerSpec(where, name, build, own)

    def _problem(self, where: str, what: str, *hints: str) -> None:
        self.problems.append(Problem(where, what, hints))


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


def _name(raw: Mapping[str, object], otherwise: str) -> str:
    name = raw.get("name")
    return name if isinstance(name, str) and name else otherwise


def _short(name: str) -> str:
    return name if len(name) <= 60 and name.isprintable() else brief(name)


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
