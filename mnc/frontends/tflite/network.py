"""The operators of a TFLite network, in their order, as a Graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.assembly import Assembly, ConsequenceError, Value
from mnc.frontends.frontend import Reading
from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.dilation import dilated
from mnc.frontends.tflite.file import SUBGRAPHS, Model, Operator, Tensor
from mnc.frontends.tflite.folding import FOLDS, folded
from mnc.frontends.tflite.loops import LOOP, Given, loop
from mnc.frontends.tflite.loops.emission import emitted
from mnc.frontends.tflite.open_axes import closed, filled, is_open, left_open
from mnc.frontends.tflite.operators import CONVERTERS
from mnc.frontends.tflite.operators.recurrent import STATES
from mnc.frontends.tflite.operators.truth import COMPARISONS
from mnc.frontends.tflite.tensors import ELEMENTS, TRUTH, axes_of, element_type, held, stored_array
from mnc.frontends.tflite.unsigned import ON_UINT8, signed
from mnc.frontends.tflite.unsupported import way_out
from mnc.frontends.tflite.variables import ON_VARIABLES, Variables
from mnc.ir.layers import Quantize, shifted
from mnc.ir.state import State
from mnc.ir.types import Array, DType, ElementType, Shape, ShapeError, TensorType, show

OF_SHAPES = ("SHAPE", "ZEROS_LIKE")
"""The operators whose result follows from the shape of what they read."""
ZEROED = ("FLOAT32", "INT8", "INT32", "INT64")
"""The types of ZEROS_LIKE, which stores zeros whatever the zero point is."""
TRUTHS = "BOOL"
"""The type of true and false."""
ON_TRUTHS = (*COMPARISONS, "CAST", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "REDUCE_ALL", "SELECT", "SELECT_V2")
"""The operators that give or read true and false."""
BETWEEN_TYPES = (*ON_TRUTHS, "ARG_MAX", "ARG_MIN", "QUANTIZE", "DEQUANTIZE", "SOFTMAX")
"""The operators whose converters look at the types themselves."""
MOVING_TRUTHS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
"""The operators that give them another shape."""
PLACES = "INT32"
"""The type of places: in a table, where they are held as float32, and of elements along an axis."""
LOOKING_UP = ("EMBEDDING_LOOKUP", "GATHER")
"""The operators that read places in a table."""
ON_PLACES = (*LOOKING_UP, "EXPAND_DIMS", "QUANTIZE", "RESHAPE", "SQUEEZE")
"""The operators that read computed values of int32."""
SHARING = 16
"""How many times its own size the constants of a file may take: a small file can refer to one buffer many times."""


def read_network(model: Model, name: str, input_shapes: Mapping[str, Shape] | None = None) -> Reading:
    """The network, or everything in it that is refused, at once; `input_shapes` fill open axes of its inputs."""
    model = dilated(closed(signed(model), input_shapes or {}))
    reader = _Reader(model)
    reader.read_inputs()
    for index, operator in enumerate(model.operators):
        reader.read_operator(index, operator)
    outputs, states = reader.outputs(), reader.states()
    if reader.faults:
        return Reading(None, reader.problems())
    return Reading(reader.assembly.graph(name, outputs, states))


@dataclass
class _Reader:
    """Walks over the operators; what is refused is noted, and its result taken as the file declares it."""

    model: Model
    assembly: Assembly = field(default_factory=lambda: Assembly(batch=True))
    faults: dict[Problem, list[tuple[str, int]]] = field(default_factory=dict)
    """Refusals without their place, and the places in the order of the file: where, and an operator's number."""
    doubtful: set[int] = field(default_factory=set)
    """The tensors that refused operators would have given, and what follows from them."""
    values: dict[int, Value | None] = field(default_factory=dict)
    """The network's values, by tensor; None where an operator was refused."""
    known: dict[int, Array] = field(default_factory=dict)
    constant_bytes: int = 0
    variables: Variables = field(init=False)

    def __post_init__(self) -> None:
        self.variables = Variables(self.assembly, self.model.called)

    def note(self, error: CompileError, kind: str = "", index: int = -1) -> None:
        """Keep what was refused, at an operator of this kind or elsewhere."""
        for problem in error.problems:
            places = self.faults.setdefault(replace(problem, where=kind or problem.where), [])
            if (problem.where, index) not in places:
                places.append((problem.where, index))

    def problems(self) -> tuple[Problem, ...]:
        """All that was refused, once each, with its first place and how often it was found."""
        found = []
        for fault, places in self.faults.items():
            where, index = places[0]
            if len(places) > 1:
                where = f"{fault.where}, {len(places)} times, first at operator {index}"
            found.append(replace(fault, where=where))
        return tuple(found)

    def read_inputs(self) -> None:
        for index in self.model.inputs:
            tensor = self.model.tensors[index]
            if index in self.values:
                self.note(refuse(f"input {tensor.name!r}", "the file lists it more than once among the inputs"))
                continue
            self.values[index] = None
            try:
                self.values[index] = self._input(tensor)
            except CompileError as error:
                self.note(error)
                self.doubtful.add(index)

    def _input(self, tensor: Tensor) -> Value:
        where = f"input {tensor.name!r}"
        element = element_type(where, tensor)
        if element.dtype is DType.INT32:
            raise refuse(where, f"inputs of type {tensor.type} are not supported", "give the model float32 or int8")
        if len(tensor.shape) < 2 or tensor.shape[0] != 1:
            raise refuse(
                where,
                f"its shape {show(tensor.shape)} has no batch axis of 1 in front",
                "convert the model for one sample, or with the batch axis left open",
            )
        if is_open(tensor):
            raise left_open(tensor)
        outside = ElementType(DType.UINT8, shifted(element)) if tensor.unsigned else element
        given = self.assembly.input(where, tensor.name or "input", tensor.shape, axes_of(tensor.shape), outside)
        if not tensor.unsigned:
            return given
        stored = self.assembly.emit(where, f"{given.name}/int8", Quantize(output=element), [given])
        return replace(stored, axes=given.axes)

    def read_operator(self, index: int, operator: Operator) -> None:
        names = [self.model.tensors[i].name for i in operator.outputs]
        where = f"operator {index}, {operator.kind}" + (f" {names[0].split(';')[0]!r}" if names else "")
        doubtful = not self.doubtful.isdisjoint(operator.inputs)
        try:
            self._operator(where, operator)
        except CompileError as error:
            if not (doubtful and isinstance(error, ConsequenceError)):
                self.note(error, operator.kind, index)
            doubtful = True
            self._stand_in(operator)
        if doubtful:
            self.doubtful.update(operator.outputs)

    def _stand_in(self, operator: Operator) -> None:
        """Take the results of an operator that cannot be read as the file declares them, to look at what follows."""
        for output in operator.outputs:
            self.values.setdefault(output, self._declared(output))

    def _operator(self, where: str, operator: Operator) -> None:
        taken = [i for i in operator.outputs if i in self.values or i in self.known]
        if taken or len(set(operator.outputs)) != len(operator.outputs):
            raise refuse(
                where, "it gives a tensor that is already there", "the file is damaged; convert the model again"
            )
        if operator.kind in ON_VARIABLES:
            self._variable(where, operator)
            return
        if operator.kind == LOOP:
            self._loop(where, operator)
            return
        converter = CONVERTERS.get(operator.kind)
        if converter is None and operator.kind not in (*FOLDS, *OF_SHAPES):
            raise refuse(where, f"the operator {operator.kind} is not supported", way_out(operator.kind))
        states = STATES.get(operator.kind, ())
        known = tuple(None if place in states else self._known(where, i) for place, i in enumerate(operator.inputs))
        if operator.kind in OF_SHAPES and len(operator.inputs) == len(operator.outputs) == 1:
            value = self.values.get(operator.inputs[0])
            if value is not None:
                self.known[operator.outputs[0]] = self._of_shape(where, operator, value)
                return
        present = [x for x in known if x is not None]
        if len(operator.outputs) == 1 and present and len(present) == len(known):
            result = folded(operator, present)
            if result is not None:
                self.known[operator.outputs[0]] = result
                return
        if converter is None:
            what = f"the operator {operator.kind} is supported only where it is known before the network runs"
            raise refuse(where, what, way_out(operator.kind))
        if any(self.values.get(i, True) is None for i in operator.inputs):
            self._stand_in(operator)  # what it reads was refused before
            return
        self.values.update(zip(operator.outputs, self._convert(where, operator, known), strict=True))

    def _of_shape(self, where: str, operator: Operator, value: Value) -> Array:
        """The result of an operator that reads nothing of a value but its shape."""
        if operator.kind == "SHAPE":
            return np.array(value.shape, np.int32)
        given, made = (self.model.tensors[i] for i in (operator.inputs[0], operator.outputs[0]))
        if made.type != given.type or made.type not in ZEROED:
            raise refuse(where, f"it is supported from one of {', '.join(ZEROED)} to the same, not to {made.type}")
        return np.zeros(value.shape, ELEMENTS[made.type])

    def _variable(self, where: str, operator: Operator) -> None:
        """An operator on a variable."""
        given = tuple(self.values.get(i) for i in operator.inputs)
        if any(i in self.values and self.values[i] is None for i in operator.inputs):
            return  # what it assigns was refused before
        results = tuple(self.model.tensors[i] for i in operator.outputs)
        value = self.variables.operator(where, operator, results, given)
        if value is not None:
            self.values[operator.outputs[0]] = value

    def _loop(self, where: str, operator: Operator) -> None:
        """A recurrent layer that is written as a loop."""
        options = operator.options or {}
        condition, body = (self.model.called.get(int(options.get(option, -1))) for option in SUBGRAPHS[LOOP])
        if condition is None or body is None or len(operator.inputs) != len(operator.outputs):
            raise refuse(where, "its subgraphs are not in the file", "the file is damaged; convert the model again")
        known = [self._known(where, i) for i in operator.inputs]
        given = [self.values.get(i) for i in operator.inputs]
        if any(x is None and value is None for x, value in zip(known, given, strict=True)):
            self._stand_in(operator)  # what it reads was refused before
            return
        for i, value in zip(operator.inputs, given, strict=True):
            if value is not None and self.model.tensors[i].type != "FLOAT32":
                what = f"its loop is not that of a recurrent layer: it reads {self.model.tensors[i].type}"
                raise refuse(where, what, way_out(operator.kind))
        found = loop(where, condition, body, [_begin(x, value) for x, value in zip(known, given, strict=True)])
        read = {*(i for each in self.model.operators for i in each.inputs), *self.model.outputs}
        name = self.model.tensors[operator.outputs[0]].name.split(";")[0] or "loop"
        results = emitted(self.assembly, where, name, found, given, [i in read for i in operator.outputs])
        for place, result in results.items():
            if isinstance(result, np.ndarray):
                self.known[operator.outputs[place]] = result
            else:
                self.values[operator.outputs[place]] = result

    def _known(self, where: str, index: int) -> Array | None:
        """A tensor's elements where they are known before the network runs."""
        if index < 0 or index in self.values:
            return None
        if index not in self.known:
            tensor = self.model.tensors[index]
            if tensor.data is None:
                raise ConsequenceError(Problem(where, f"it reads {tensor.name!r}, which no operator before it gives"))
            self.known[index] = stored_array(where, tensor)
        found = self.known[index]
        self.constant_bytes += found.nbytes
        if self.constant_bytes > SHARING * self.model.size:
            raise refuse(where, f"constants are shared so often that they take {SHARING} times the file")
        return found

    def _convert(self, where: str, operator: Operator, known: tuple[Array | None, ...]) -> tuple[Value, ...]:
        tensors = self.model.tensors
        results = tuple(tensors[i] for i in operator.outputs)
        if not results:
            raise refuse(where, "it has 0 outputs")
        operands = [tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
        if operator.kind not in ON_UINT8 and any(tensor.unsigned for tensor in operands):
            raise refuse(
                where,
                "it is not supported on uint8 values, nor by TensorFlow Lite Micro",
                "convert the model in int8; its inputs and outputs may stay uint8",
            )
        if operator.kind not in (*ON_TRUTHS, *MOVING_TRUTHS) and any(tensor.type == TRUTHS for tensor in operands):
            kinds = "comparisons, LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, REDUCE_ALL, SELECT, SELECT_V2 and CAST"
            raise refuse(
                where, "it is not supported on BOOL values", f"{kinds} are, and so are numbers that CAST makes"
            )
        declared = [element_type(where, result) for result in results if operator.kind != "CAST"]
        for i in operator.inputs:
            if i in self.values and not (tensors[i].type == PLACES and operator.kind in LOOKING_UP):
                given = element_type(where, tensors[i])
                if given.dtype is DType.INT32 and operator.kind not in ON_PLACES:
                    what = f"values of type {tensors[i].type} are not supported here, as {tensors[i].name!r} is"
                    raise refuse(where, what, "leave what computes with them to the program round the network")
                types = given.dtype, tensors[i].type == TRUTHS
                if operator.kind not in BETWEEN_TYPES and types != (declared[0].dtype, results[0].type == TRUTHS):
                    raise refuse(
                        where, f"it makes {results[0].type} of {tensors[i].type}", "use QUANTIZE or DEQUANTIZE"
                    )
        call = Call(
            where,
            operator,
            tuple(None if i < 0 else tensors[i] for i in operator.inputs),
            results,
            tuple(self.values.get(i) for i in operator.inputs),
            known,
            self.assembly,
        )
        given_back = CONVERTERS[operator.kind](call)
        values = given_back if isinstance(given_back, tuple) else (given_back,)
        if len(values) != len(results):
            raise refuse(where, f"it has {len(results)} outputs instead of {len(values)}")
        if call.is_clamped:
            values = tuple(map(call.clamped, values))
        return tuple(self._placed(where, value, result) for value, result in zip(values, results, strict=True))

    def _placed(self, where: str, value: Value, declared: Tensor) -> Value:
        """The value under the shape that the file declares for it, which must agree."""
        shape = filled(declared, value.type.elements)
        if held(shape) == value.type.shape:
            return replace(value, axes=axes_of(shape))
        if declared.open_axes:
            return value
        what = f"the file says that it gives {show(declared.shape)}, but it works out as {show(value.shape)}"
        raise ConsequenceError(Problem(where, what, ("the file is damaged; convert the model again",)))

    def _declared(self, index: int) -> Value | None:
        tensor = self.model.tensors[index]
        try:
            element = element_type("", tensor)
            return Value(
                self.assembly.names.new("refused"),
                TensorType(held(tensor.shape), element.dtype, element.quant),
                axes_of(tensor.shape),
            )
        except (CompileError, ShapeError):
            return None

    def states(self) -> tuple[State, ...]:
        """The variables that the network reads; none where one cannot be a state."""
        try:
            return self.variables.states()
        except CompileError as error:
            self.note(error)
            return ()

    def outputs(self) -> tuple[str, ...]:
        names = []
        for index in self.model.outputs:
            value = self.values.get(index)
            tensor = self.model.tensors[index]
            if value is not None and (tensor.type == PLACES) is not (value.type.dtype is DType.INT32):
                what = f"values of type {tensor.type} that are held as {value.type.dtype.value} are not given out"
                self.note(refuse(f"output {tensor.name!r}", what))
            elif value is not None and tensor.unsigned:
                stored = ElementType(value.type.dtype, value.type.quant)
                output = ElementType(DType.UINT8, shifted(stored))
                where = f"output {tensor.name!r}"
                names.append(self.assembly.emit(where, f"{value.name}/uint8", Quantize(output=output), [value]).name)
            elif value is not None and tensor.type == TRUTHS and value.type.dtype is not DType.INT8:
                where = f"output {tensor.name!r}"
                names.append(self.assembly.emit(where, f"{value.name}/int8", Quantize(output=TRUTH), [value]).name)
            elif value is not None:
                names.append(value.name)
            elif index not in self.values:
                self.note(refuse(f"output {tensor.name!r}", "it does not depend on the network's inputs"))
        return tuple(names)


def _begin(known: Array | None, value: Value | None) -> Given:
    """A variable of a loop before the first iteration."""
    if known is not None:
        return known
    assert value is not None
    return value.shape
