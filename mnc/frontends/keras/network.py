"""From parsed models to a Graph, call by call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.assembly import CHANNELS_FIRST, Assembly, Mask, Value
from mnc.frontends.budget import Budget, SpentError
from mnc.frontends.frontend import Reading
from mnc.frontends.keras.assembly import Call
from mnc.frontends.keras.config import Findings
from mnc.frontends.keras.container import CLASSES, SavedModel
from mnc.frontends.keras.hdf5 import FOREIGN_WEIGHTS
from mnc.frontends.keras.inputs import InputSpec
from mnc.frontends.keras.models import LayerSpec, ModelSpec, Parser, Spec, TimedSpec, with_shapes
from mnc.frontends.keras.topology import NO_ARGUMENTS, Arguments, Ref
from mnc.frontends.keras.unrolling import unrolled
from mnc.frontends.keras.ways_out import AS_TFLITE, SAVE_AGAIN
from mnc.ir.class_names import named
from mnc.ir.types import Shape
from mnc.names import brief

MAX_NODES = 2**14
"""Models in models, each called twice by the next, are soon a bomb and not a network."""

CHANNELS_LAST = {2: "(steps, channels)", 3: "(height, width, channels)", 4: "(depth, height, width, channels)"}
"""How images of a channels-first model are taken, by their number of axes."""

Results = tuple[Value | None, ...]
"""The outputs of a call; None for an output, or no outputs, where it was refused."""


def read_model(saved: SavedModel, input_shapes: Mapping[str, Shape]) -> Reading:
    """The network of a file, or everything that was refused; `input_shapes` fill open axes of its inputs."""
    parser = Parser(saved)
    try:
        model = parser.model(saved.where, saved.config, saved.weights)
        model = with_shapes(model, input_shapes)
        saved.weights.distribute(parser.findings.keras)
    except CompileError as error:
        return Reading(None, grouped((*parser.problems, *error.problems)))
    builder = _Builder(parser.findings, parser.problems, saved.budget)
    try:
        outputs = builder.outermost(model)
    except CompileError as error:
        builder.problems += error.problems
        outputs = ()
    if builder.problems:
        return Reading(None, grouped(builder.problems))
    graph = builder.assembly.graph(saved.stem, [value.name for value in outputs])
    notes = list(parser.findings.notes)
    if saved.classes is not None:
        try:
            graph = named(graph, saved.classes.split("\n"), CLASSES)
        except CompileError as error:
            notes.append(f"the names of the classes in the file are left out: {error.problems[0].what}")
    return Reading(graph, (), tuple(notes))


def grouped(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """One problem for all layers that have the same fault and the same ways out, at the place of the first."""
    alike: dict[tuple[str, tuple[str, ...]], list[Problem]] = {}
    for problem in dict.fromkeys(problems):
        alike.setdefault((problem.what, problem.hints), []).append(problem)
    return tuple(
        first if not others else replace(first, where=f"{first.where} and {len(others)} more")
        for first, *others in alike.values()
    )


class _Builder:
    """From specifications to nodes; what depends on a refused layer is left out."""

    def __init__(self, findings: Findings, problems: list[Problem], budget: Budget) -> None:
        self.assembly = Assembly(limit=MAX_NODES)
        self._budget = budget
        self.problems = problems
        self._findings = findings
        self._called: set[int] = set()

    def outermost(self, model: ModelSpec) -> tuple[Value, ...]:
        """Build the whole network; what it gives, where nothing was refused."""
        values = []
        for result in self._model(model, tuple(self._input(given) for given in model.inputs), ""):
            if result is None:
                assert self.problems
                return ()
            if result.before_flatten is not None:
                result = self.assembly.plain(model.where, result)
            plain = tuple(range(len(result.axes)))
            turned = CHANNELS_FIRST.get(len(plain), plain)
            if result.axes not in (plain, turned):  # a volume, which is held in an order of its own
                wanted = turned if result.axes[0] == plain[-1] else plain
                result = self.assembly.held_as(model.where, result, wanted)
            if not result.is_plain:
                self._findings.note(f"output {brief(result.name)} is channels first in Keras, here channels last")
            values.append(result)
        return tuple(values)

    def _input(self, given: InputSpec) -> Value | None:
        """An input of the network; images of a channels-first model are taken channels last."""
        if given.fault is not None:
            self.problems.append(given.fault)
            return None
        assert given.sizes is not None
        shape = tuple(size for size in given.sizes if size is not None)
        turned = len(shape) in self._findings.channels_first
        axes = CHANNELS_FIRST[len(shape)] if turned else tuple(range(len(shape)))
        value = self.assembly.input(given.where, given.name, shape, axes)
        if turned:
            order = CHANNELS_LAST[len(shape)]
            self._findings.note(f"input {brief(given.name)} is channels first in Keras; the network takes it {order}")
        return value

    def _model(self, model: ModelSpec, inputs: Results, prefix: str) -> Results:
        """The outputs of one call of a model."""
        known: dict[tuple[str, int], Results] = {}
        if len(inputs) != len(model.inputs):
            raise refuse(model.where, f"the model takes {len(model.inputs)} inputs, not {len(inputs)}", SAVE_AGAIN)
        for given, value in zip(model.inputs, inputs, strict=True):
            if value is not None and not given.takes(value.shape):
                raise refuse(given.where, f"the model is for inputs {given.sizes}, not {value.shape}", SAVE_AGAIN)
            known[given.name, 0] = (value,)
        for step in model.steps:
            where = step.spec.where
            name = f"{prefix}{step.name}" + (f"__{step.index + 1}" if step.index else "")
            try:
                inputs = tuple(_tensor(known, where, ref) for ref in step.inputs)
                tensors = {ref: _tensor(known, where, ref) for ref in step.arguments.refs}
                if None in tensors.values() and not isinstance(step.spec, ModelSpec):
                    continue  # a refusal that follows from another
                arguments = step.arguments.replaced(tensors.__getitem__)
                known[step.name, step.index] = self._call(step.spec, inputs, name, arguments)
            except SpentError:
                raise
            except CompileError as error:
                self.problems += error.problems
        return tuple(_tensor(known, model.where, ref) for ref in model.outputs)

    def _call(self, spec: Spec, given: Results, name: str, arguments: Arguments = NO_ARGUMENTS) -> Results:
        self._budget.take(spec.where, "calls of layers")
        if isinstance(spec, (ModelSpec, TimedSpec)):
            given = _with_masks(given, arguments.named.get("mask"))
        if isinstance(spec, ModelSpec):
            return self._model(spec, given, f"{name}/")
        inputs = tuple(value for value in given if value is not None)
        if len(inputs) < len(given):
            return ()
        if isinstance(spec, TimedSpec):
            return self._timed(spec, inputs, name)
        return self._layer(spec, inputs, name, arguments)

    def _layer(self, spec: LayerSpec, inputs: tuple[Value, ...], name: str, arguments: Arguments) -> Results:
        if spec.build is None:
            return ()
        again = id(spec) in self._called
        self._called.add(id(spec))
        result = spec.build(Call(spec.where, name, inputs, spec.weights, self.assembly, arguments, again=again))
        unused = spec.weights.unused()
        if unused:
            raise refuse(unused[0], "the layer has no use for this weight", FOREIGN_WEIGHTS)
        return result if isinstance(result, tuple) else (result,)

    def _timed(self, spec: TimedSpec, inputs: tuple[Value, ...], name: str) -> Results:
        if len(inputs) != 1:
            raise refuse(spec.where, f"the layer takes one input, not {len(inputs)}", SAVE_AGAIN)

        def call(own: str, step: Value) -> Value | None:
            results = self._call(spec.inner, (step,), own)
            if len(results) > 1:
                raise refuse(spec.where, "the wrapped layer gives several outputs", AS_TFLITE)
            return results[0] if results else None

        result = unrolled(self.assembly, spec.where, name, inputs[0], call)
        return (None if result is None else replace(result, mask=inputs[0].mask),)


def _with_masks(inputs: Results, stated: object) -> Results:
    """The inputs of a nested model with the masks that its call states."""
    masks = stated if isinstance(stated, tuple) else (stated,) * (len(inputs) == 1)
    if len(masks) != len(inputs):
        return inputs
    return tuple(
        replace(x, mask=Mask(replace(mask, mask=None))) if x is not None and isinstance(mask, Value) else x
        for x, mask in zip(inputs, masks, strict=True)
    )


def _tensor(known: Mapping[tuple[str, int], Results], where: str, ref: Ref) -> Value | None:
    values = known.get((ref.layer, ref.call), ())
    if not values:
        return None
    if ref.tensor >= len(values):
        raise refuse(where, f"{brief(ref.layer)} has {len(values)} outputs, not {ref.tensor + 1}", SAVE_AGAIN)
    return values[ref.tensor]
