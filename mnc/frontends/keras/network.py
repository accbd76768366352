"""Models: parsed whole first, so that all refusals are known, then built call by call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.frontend import Reading
from mnc.frontends.keras.assembly import Assembly, Build, Call, Value
from mnc.frontends.keras.config import Config, Findings, brief
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


def read_model(saved: SavedModel) -> Reading:
    """The network of a file, or everything that was refused."""
    parser = _Parser(saved)
    try:
        model = parser.model(saved.where, saved.config, saved.weights, 0)
    except CompileError as error:
        return Reading(None, (*parser.problems, *error.problems))
    builder = _Builder(parser.findings, parser.problems)
    try:
        outputs = builder.outermost(model)
    except CompileError as error:
        builder.problems += error.problems
        outputs = ()
    if builder.problems:
        return Reading(None, tuple(dict.fromkeys(builder.problems)))
    graph = builder.assembly.graph(saved.stem, outputs)
    return Reading(graph, (), tuple(parser.findings.notes))


class _Parser:
    """From the configuration to specifications; problems are collected, not raised, wherever reading can go on."""

    def __init__(self, saved: SavedModel) -> None:
        self.problems: list[Problem] = []
        self.findings = Findings(saved.keras or _guess_version(saved.config))

    def model(self, where: str, entry: Mapping[str, object], weights: ModelWeights, depth: int) -> ModelSpec:
        """A model; CompileError where its own structure is at fault."""
        if depth > MAX_DEPTH:
            raise refuse(where, f"models are nested more than {MAX_DEPTH} deep")
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
            raise refuse(where, "the key 'layers' is missing", "save the model again with Keras")
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
                    raise refuse(layer_where, "an InputLayer stands behind other layers")
                given = self._input(layer_where, layer_name, raw)
                source = Ref(given.name, 0, 0)
                continue
            layer = self._layer(layer_where, layer_name, class_name, raw, entry, weights, ordinals, depth)
            if given is None:
                given = self._first_input(layer_where, layer_name, layer, raw, config)
                source = Ref(given.name, 0, 0)
            if any(step.name == layer_name for step in steps) or layer_name == given.name:
                raise refuse(layer_where, f"two layers are called {brief(layer_name)}")
            steps.append(Step(layer_name, 0, layer, (source,)))
            source = Ref(layer_name, 0, 0)
        if given is None:
            raise refuse(where, "the model has no layers")
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
        dict_form = False
        ordinals: Counter[str] = Counter()
        for i, entry in enumerate(layers):
            layer_where, class_name, raw = self._identify(where, i, entry)
            assert isinstance(entry, Mapping)
            stated = entry.get("name")
            layer_name = stated if isinstance(stated, str) and stated else _name(raw, f"{snake_case(class_name)}_{i}")
            if layer_name in specs:
                raise refuse(layer_where, f"two layers are called {brief(layer_name)}")
            inbound = entry.get("inbound_nodes", [])
            dict_form |= isinstance(inbound, list) and any(isinstance(node, Mapping) for node in inbound)
            if class_name == "InputLayer":
                specs[layer_name] = self._input(layer_where, layer_name, raw)
                ordinals[snake_case(class_name)] += 1
                calls[layer_name] = ((),)
                continue
            specs[layer_name] = self._layer(layer_where, layer_name, class_name, raw, entry, weights, ordinals, depth)
            calls[layer_name] = read_calls(layer_where, inbound)
        inputs = read_refs(where, "input_layers", config.get("input_layers"))
        outputs = read_refs(where, "output_layers", config.get("output_layers"))
        offsets = _call_offsets(specs, calls, outputs, dict_form)
        steps = []
        for layer_name, index in in_order(where, calls, offsets):
            spec = specs[layer_name]
            if not isinstance(spec, InputSpec):
                arguments = tuple(_counted(ref, offsets) for ref in calls[layer_name][index])
                if not arguments:
                    raise refuse(spec.where, "the layer is called without an input")
                steps.append(Step(layer_name, index, spec, arguments))
        given = []
        for ref in inputs:
            source = specs.get(ref.layer)
            if not isinstance(source, InputSpec):
                raise refuse(where, f"the input {brief(ref.layer)} is not an InputLayer of the model")
            given.append(source)
        if not given or not outputs:
            raise refuse(where, "a model needs at least one input and one output")
        produced = {(step.name, step.index) for step in steps} | {(spec.name, 0) for spec in given}
        outputs = tuple(_counted(ref, offsets) for ref in outputs)
        for ref in outputs:
            if (ref.layer, ref.call) not in produced:
                raise refuse(where, f"the output {brief(ref.layer)} does not exist")
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


class _Builder:
    """From specifications to nodes; what depends on a refused layer is left out."""

    def __init__(self, findings: Findings, problems: list[Problem]) -> None:
        self.assembly = Assembly()
        self.problems = problems
        self._findings = findings

    def outermost(self, model: ModelSpec) -> tuple[Value, ...]:
        inputs: list[Value | None] = []
        for given in model.inputs:
            if given.shape is None:
                inputs.append(None)
                if not self.problems:
                    raise refuse(given.where, f"the shape of input {brief(given.name)} is unknown", FIXED_SHAPE)
                continue
            turned = len(given.shape) in self._findings.channels_first
            inputs.append(self.assembly.input(given.where, given.name, given.shape, turned))
            if turned:
                order = "(height, width, channels)" if len(given.shape) == 3 else "(steps, channels)"
                self._findings.note(
                    f"input {brief(given.name)} is channels first in Keras; the network takes it {order}"
                )
        results = self._run(model, tuple(inputs), "")
        values = []
        for result in results:
            if result is None:
                return ()
            if result.before_flatten is not None:
                result = self.assembly.plain(model.where, result)
            if not result.is_plain:
                self._findings.note(f"output {brief(result.name)} is channels first in Keras, here channels last")
            values.append(result)
        return tuple(values)

    def _run(self, model: ModelSpec, inputs: tuple[Value | None, ...], prefix: str) -> tuple[Value | None, ...]:
        """The values that one call of a model gives."""
        known: dict[tuple[str, int], tuple[Value | None, ...]] = {}
        if len(inputs) != len(model.inputs):
            raise refuse(model.where, f"the model takes {len(model.inputs)} inputs, not {len(inputs)}")
        for given, value in zip(model.inputs, inputs, strict=True):
            self._check_input(given, value)
            known[given.name, 0] = (value,)
        for step in model.steps:
            arguments = tuple(self._tensor(known, step.layer.where, ref) for ref in step.arguments)
            name = f"{prefix}{step.name}" + (f"__{step.index + 1}" if step.index else "")
            known[step.name, step.index] = self._step(step, arguments, name)
        return tuple(self._tensor(known, model.where, ref) for ref in model.outputs)

    def _check_input(self, given: InputSpec, value: Value | None) -> None:
        if value is not None and given.shape is not None and value.shape != given.shape:
            raise refuse(given.where, f"the model is built for inputs of {given.shape}, but gets {value.shape}")

    def _step(self, step: Step, arguments: tuple[Value | None, ...], name: str) -> tuple[Value | None, ...]:
        layer = step.layer
        inputs = tuple(value for value in arguments if value is not None)
        try:
            if isinstance(layer, ModelSpec):
                return self._run(layer, arguments, f"{name}/")
            if layer.build is None or len(inputs) < len(arguments):
                return ()
            result = layer.build(Call(layer.where, name, inputs, layer.weights, self.assembly))
            unused = layer.weights.unused()
            if unused:
                raise refuse(
                    unused[0], "the layer has no use for this weight", "the file holds another version's layer"
                )
        except CompileError as error:
            self.problems += error.problems
            return ()
        return result if isinstance(result, tuple) else (result,)

    def _tensor(self, known: Mapping[tuple[str, int], tuple[Value | None, ...]], where: str, ref: Ref) -> Value | None:
        values = known.get((ref.layer, ref.call), ())
        if not values:
            return None
        if ref.tensor >= len(values):
            raise refuse(where, f"{brief(ref.layer)} has {len(values)} outputs; there is no output {ref.tensor}")
        return values[ref.tensor]


def _entry(where: str, entry: object) -> tuple[str, Mapping[str, object]]:
    """class_name and config of a serialised object; early Keras has a Sequential's layers in place of its config."""
    if not isinstance(entry, Mapping):
        raise refuse(where, f"it must be an object with class_name and config, not {brief(entry)}")
    class_name, config = entry.get("class_name"), entry.get("config")
    if not isinstance(class_name, str) or not class_name:
        raise refuse(where, "the key 'class_name' is missing", "save the model again with Keras")
    if class_name == "Model":
        class_name = "Functional"
    if isinstance(config, list) and class_name == "Sequential":
        config = {"layers": config}
    if not isinstance(config, Mapping):
        raise refuse(where, "the key 'config' is missing", "save the model again with Keras")
    return class_name, config


def _name(raw: Mapping[str, object], otherwise: str) -> str:
    name = raw.get("name")
    return name if isinstance(name, str) and name else otherwise


def _short(name: str) -> str:
    return name if len(name) <= 60 and name.isprintable() else brief(name)


def _counted(ref: Ref, offsets: Mapping[str, int]) -> Ref:
    return Ref(ref.layer, ref.call - offsets.get(ref.layer, 0), ref.tensor)


def _call_offsets(
    specs: Mapping[str, object], calls: Mapping[str, Sequence[Sequence[Ref]]], outputs: Sequence[Ref], dict_form: bool
) -> dict[str, int]:
    """Where a nested model's calls are counted from.

    In Keras 1 and 2 its first node is the model itself, so the calls in the
    enclosing model begin at 1; Keras 3 begins at 0.  Where the references leave
    it open, the form of inbound_nodes tells the version.
    """
    seen: dict[str, set[int]] = {}
    for ref in (*outputs, *(ref for layer in calls.values() for refs in layer for ref in refs)):
        seen.setdefault(ref.layer, set()).add(ref.call)
    offsets = {}
    for name, spec in specs.items():
        if isinstance(spec, ModelSpec):
            indices, count = seen.get(name, set()), len(calls[name])
            offsets[name] = 0 if 0 in indices else 1 if count in indices else 0 if dict_form else 1
    return offsets


def _guess_version(config: Mapping[str, object]) -> int:
    """The version whose meaning holds in a file that does not state it, from how it is spelt."""
    text = str(config)
    return 3 if "batch_shape" in text or "DTypePolicy" in text else 2
