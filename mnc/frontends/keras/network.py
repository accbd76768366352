"""From parsed models to a Graph, call by call."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.frontend import Reading
from mnc.frontends.keras.assembly import Assembly, Call, Value
from mnc.frontends.keras.config import SAVE_AGAIN, Findings, brief
from mnc.frontends.keras.container import SavedModel
from mnc.frontends.keras.hdf5 import FOREIGN_WEIGHTS
from mnc.frontends.keras.models import FIXED_SHAPE, InputSpec, ModelSpec, Parser, Step
from mnc.frontends.keras.topology import Ref


def read_model(saved: SavedModel) -> Reading:
    """The network of a file, or everything that was refused."""
    parser = Parser(saved)
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
            raise refuse(model.where, f"the model takes {len(model.inputs)} inputs, not {len(inputs)}", SAVE_AGAIN)
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
            raise refuse(given.where, f"the model is for inputs {given.shape}, not {value.shape}", SAVE_AGAIN)

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
                raise refuse(unused[0], "the layer has no use for this weight", FOREIGN_WEIGHTS)
        except CompileError as error:
            self.problems += error.problems
            return ()
        return result if isinstance(result, tuple) else (result,)

    def _tensor(self, known: Mapping[tuple[str, int], tuple[Value | None, ...]], where: str, ref: Ref) -> Value | None:
        values = known.get((ref.layer, ref.call), ())
        if not values:
            return None
        if ref.tensor >= len(values):
            raise refuse(
                where,
                f"{brief(ref.layer)} has {len(values)} outputs, not {ref.tensor + 1}",
                SAVE_AGAIN,
            )
        return values[ref.tensor]
