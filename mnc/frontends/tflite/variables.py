"""Variables: VAR_HANDLE names one, READ_VARIABLE and ASSIGN_VARIABLE read and set it, CALL_ONCE sets it at first.

A variable that the network reads is a state of the graph.  A read behind an
assignment gives what was assigned; the last assignment of a run is the state's
next value.  The subgraph of CALL_ONCE is evaluated here, at compile time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mnc.errors import CompileError, refuse
from mnc.frontends.assembly import Assembly, Value
from mnc.frontends.tflite.file import Model, Operator, Tensor
from mnc.frontends.tflite.tensors import axes_of, element_type, held, stored_array
from mnc.frontends.tflite.unsigned import signed
from mnc.ir.layers import Reshape
from mnc.ir.state import State
from mnc.ir.types import Constant, ShapeError, TensorType, show

ON_VARIABLES = ("ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE")
"""The operators that are read here."""
MAX_CALLS = 64
"""Operators CALL_ONCE of a file: converters write one."""

DAMAGED = "the file is damaged; convert the model again"

Key = tuple[str, str]
"""A variable's container and its name in that."""


@dataclass
class _Variable:
    """A variable that the network reads."""

    state: Value
    initial: Constant
    now: Value
    """The value that a read gives: the state, or the one last assigned."""


@dataclass
class Variables:
    """The variables of a network under construction."""

    assembly: Assembly
    subgraphs: Mapping[int, Model]
    handles: dict[int, Key] = field(default_factory=dict)
    """The variable that each tensor of type RESOURCE names."""
    beginnings: dict[Key, Tensor] = field(default_factory=dict)
    """The constants that CALL_ONCE assigns."""
    assigned: dict[Key, Value] = field(default_factory=dict)
    """The values to which variables were set that no operator has read as yet."""
    read: dict[Key, _Variable] = field(default_factory=dict)
    calls: int = 0

    def operator(
        self, where: str, operator: Operator, results: tuple[Tensor, ...], given: tuple[Value | None, ...]
    ) -> Value | None:
        """One of `ON_VARIABLES`; the value that a read gives.

        `given` are its inputs as values of the network.  CompileError where it is refused.
        """
        counts = {"ASSIGN_VARIABLE": (2, 0), "CALL_ONCE": (0, 0), "READ_VARIABLE": (1, 1), "VAR_HANDLE": (0, 1)}
        if (len(operator.inputs), len(operator.outputs)) != counts[operator.kind]:
            raise refuse(where, f"it has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs")
        match operator.kind:
            case "CALL_ONCE":
                self._call(where, operator)
            case "VAR_HANDLE":
                self.handles[operator.outputs[0]] = _key(where, operator)
            case "READ_VARIABLE":
                return self._read(where, self._named(where, operator.inputs[0]), results[0])
            case "ASSIGN_VARIABLE":
                self._assign(where, self._named(where, operator.inputs[0]), given[1])
        return None

    def _named(self, where: str, handle: int) -> Key:
        if handle not in self.handles:
            raise refuse(where, "no VAR_HANDLE before it names its variable", DAMAGED)
        return self.handles[handle]

    def _call(self, where: str, operator: Operator) -> None:
        """The subgraph's assignments of constants."""
        self.calls += 1
        index = (operator.options or {}).get("InitSubgraphIndex", -1)
        model = self.subgraphs.get(int(index))
        if model is None or self.calls > MAX_CALLS:
            raise refuse(
                where, f"the file has no subgraph {index} to call once", "the file is damaged; convert it again"
            )
        model = signed(model)
        handles: dict[int, Key] = {}
        for each in model.operators:
            if each.kind == "VAR_HANDLE" and len(each.outputs) == 1:
                handles[each.outputs[0]] = _key(where, each)
            elif each.kind == "ASSIGN_VARIABLE" and len(each.inputs) == 2 and each.inputs[0] in handles:
                tensor = model.tensors[each.inputs[1]]
                if tensor.data is None:
                    what = f"its subgraph assigns {tensor.name!r}, which is no constant"
                    raise refuse(where, what, "give the variables constant initial values before converting")
                self.beginnings[handles[each.inputs[0]]] = tensor
            else:
                raise refuse(
                    where,
                    f"its subgraph has the operator {each.kind}; it may assign constants to variables, and no more",
                    "give the variables constant initial values before converting",
                )

    def _read(self, where: str, key: Key, result: Tensor) -> Value:
        variable = self.read.get(key)
        if variable is None and key in self.assigned:  # what earlier runs left is never seen
            return self._seen(where, key, self.assigned[key], result)
        if variable is None:
            variable = self.read[key] = self._state(where, key, result)
        return self._seen(where, key, variable.now, result)

    def _seen(self, where: str, key: Key, value: Value, result: Tensor) -> Value:
        """A variable's value as a read declares it; CompileError where it declares another type."""
        element = element_type(where, result)
        wanted = TensorType(held(result.shape), element.dtype, element.quant)
        if wanted != value.type:
            raise _other_type(where, key, "reads", wanted, value.type)
        return replace(value, axes=axes_of(result.shape))

    def _state(self, where: str, key: Key, result: Tensor) -> _Variable:
        """The state that a variable is, of the type in which it is first read."""
        element = element_type(where, result)
        type_ = TensorType(held(result.shape), element.dtype, element.quant)
        tensor = self.beginnings.get(key)
        if tensor is None:
            raise refuse(
                where,
                f"the variable {key[1]!r} has no value before the first run",
                "give it one before converting, for instance zeros, which CALL_ONCE then assigns",
            )
        array = stored_array(where, tensor)
        beginning = TensorType(held(tensor.shape), element_type(where, tensor).dtype, element_type(where, tensor).quant)
        if beginning != type_:
            raise _other_type(where, key, "reads", type_, beginning)
        state = self.assembly.state(key[1] or "state", type_, axes_of(result.shape))
        return _Variable(state, Constant(np.reshape(array, type_.shape)), state)

    def _assign(self, where: str, key: Key, value: Value | None) -> None:
        if value is None:
            raise refuse(where, f"it assigns a constant to {key[1]!r} in each run", "read the constant instead")
        variable = self.read.get(key)
        if variable is None:
            self.assigned[key] = value
            return
        wanted = variable.state.type
        if value.type.shape != wanted.shape and value.type.elements == wanted.elements:
            value = self.assembly.emit(where, f"{variable.state.name}/assigned", Reshape(wanted.shape), [value])
        if value.type != wanted:
            raise _other_type(where, key, "assigns", value.type, wanted)
        variable.now = value

    def states(self) -> tuple[State, ...]:
        """The states of the network, in the order in which they are first read; CompileError where one cannot be."""
        found = []
        for key, each in self.read.items():
            try:
                found.append(State(each.state.name, each.state.type, each.initial, each.now.name))
            except ShapeError as fault:  # noqa: PERF203  # which of them is told
                raise refuse(f"variable {key[1]!r}", str(fault)) from None
        return tuple(found)


def _key(where: str, operator: Operator) -> Key:
    if operator.options is None:
        raise refuse(where, "the file gives the operator no options", "convert the model again")
    return str(operator.options["Container"]), str(operator.options["SharedName"])


def _other_type(where: str, key: Key, does: str, type_: TensorType, kept: TensorType) -> CompileError:
    scaled = ", with another scale or zero point" if str(type_) == str(kept) else ""
    return refuse(
        where,
        f"it {does} {key[1]!r} as {type_.dtype.value} {show(type_.shape)}, but the variable is "
        f"{kept.dtype.value} {show(kept.shape)}{scaled}",
        "TensorFlow's converter puts a QUANTIZE where scales differ; convert the model again with it",
    )
