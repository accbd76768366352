"""Operations that stand among the layers of a functional model: a closed list, of which nothing is evaluated.

`keras.ops` of Keras 3 names them; those of TensorFlow, which Keras 2 saves as
TFOpLambda and SlicingOpLambda, are spelt in the same way by `operations_keras2`.
A converter is registered under the class's name with the names of its
parameters, in the order in which a call gives them; attributes of the class
go by their own names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mnc.errors import CompileError, refuse
from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config, Findings
from mnc.frontends.keras.ways_out import AS_TFLITE, ONE_SAMPLE, SAVE_AGAIN
from mnc.ir.layer import Layer
from mnc.ir.layers import BatchNormalization, Identity
from mnc.ir.types import Array, Constant
from mnc.names import brief

Result = Value | tuple[Value, ...]
Operand = Value | Array
"""A tensor of the model, or constant numbers in float64."""


class Operands:
    """The arguments of one call of an operation, by the names of its parameters."""

    def __init__(self, call: Call, given: Mapping[str, object], findings: Findings) -> None:
        self.call = call
        self._given = {key: value for key, value in given.items() if value is not None}
        self.config = Config({key: _json(value) for key, value in self._given.items()}, call.where, findings)
        """The arguments that are no tensors, to be read by type."""
        self.config.ignore("name")

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def raw(self, name: str) -> object:
        """Any argument; None where it is absent."""
        self.config.ignore(name)
        return self._given.get(name)

    def value(self, name: str = "x") -> Value:
        """A tensor, its elements in Keras' own order."""
        value = self.raw(name)
        if not isinstance(value, Value):
            raise self.call.fault(f"{name} must be a tensor of the model, not {brief(value)}")
        return self.call.assembly.plain(self.call.where, value)

    def values(self, name: str) -> tuple[Value, ...]:
        """A list of tensors."""
        value = self.raw(name)
        if not isinstance(value, tuple) or not all(isinstance(each, Value) for each in value):
            raise self.call.fault(f"{name} must be tensors of the model, not {brief(value)}")
        return tuple(self.call.assembly.plain(self.call.where, each) for each in value)

    def operand(self, name: str) -> Operand:
        """A tensor or constant numbers."""
        value = self.raw(name)
        return self.value(name) if isinstance(value, Value) else self._numbers(name, value)

    def numbers(self, name: str) -> Array:
        """Constant numbers."""
        return self._numbers(name, self.raw(name))

    def _numbers(self, name: str, value: object) -> Array:
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError, OverflowError):
            array = np.asarray(np.nan)
        with np.errstate(over="ignore"):
            fits = np.isfinite(array.astype(np.float32)).all()
        if not fits or array.size == 0 or isinstance(value, (str, bool)):
            raise self.call.fault(f"{name} must be finite numbers or a tensor of the model, not {brief(value)}")
        return array

    def axis(self, name: str, x: Value, default: int | None = None, more: int = 0) -> int:
        """One axis of the IR, from 0; `more` axes are about to be added."""
        return self._axis(name, self.config.integer(name, default, -32), len(x.axes) + more)

    def axes(self, name: str, x: Value) -> tuple[int, ...] | None:
        """Axes of the IR, ascending; None where the argument is absent."""
        if name not in self:
            return None
        given = self.config.integer_list(name, -32)
        return tuple(sorted({self._axis(name, each, len(x.axes)) for each in given}))

    def each_axis(self, name: str, x: Value) -> tuple[int, ...]:
        """Axes of the IR as they are given."""
        return tuple(self._axis(name, each, len(x.axes)) for each in self.config.integer_list(name, -32))

    def new_axes(self, name: str, x: Value) -> tuple[int, ...]:
        """Axes that are about to be added, among those of the result."""
        given = self.config.integer_list(name, -32)
        return tuple(sorted({self._axis(name, each, len(x.axes) + len(given)) for each in given}))

    def _axis(self, name: str, axis: int, rank: int) -> int:
        position = axis + rank if axis < 0 else axis - 1
        if axis == 0 or position == -1:
            raise self.call.fault(f"{name} = {axis} is the axis of the batch", ONE_SAMPLE)
        if not 0 <= position < rank:
            raise self.call.fault(f"{name} = {axis} is not among the {rank} axes after the batch")
        return position

    def emit(self, layer: Layer, *inputs: Value, part: str = "") -> Value:
        """One node; `part` names what is not yet the result."""
        return self.call.emit(layer, *inputs, part=part)

    def part(self, name: str) -> Call:
        """The call under a longer name, for what is not yet the result; itself without one."""
        return replace(self.call, name=f"{self.call.name}/{name}") if name else self.call

    def affine(self, x: Value, scale: Any = 1.0, offset: Any = 0.0, part: str = "") -> Value:
        """Scale * x + offset, one of each or one for each index of the last axis."""
        return self.emit(affine(x, scale, offset), x, part=part)

    def nothing(self, x: Value) -> Value:
        """The result is the input."""
        return self.emit(Identity(), x)


def affine(x: Value, scale: Any, offset: Any) -> BatchNormalization:
    """Scale * x + offset along the last axis, as batch normalisation of mean 0 and variance 1."""
    size = (x.type.shape[-1],)
    gamma, beta = (np.broadcast_to(np.asarray(each, np.float64), size) for each in (scale, offset))
    return BatchNormalization(
        Constant(np.zeros(size)), Constant(np.ones(size)), Constant(gamma), Constant(beta), 0.0, len(x.type.shape) - 1
    )


def _json(value: object) -> object:
    """An argument as a Config reads it."""
    return list(map(_json, value)) if isinstance(value, tuple) else value


Converter = Callable[[Operands], Result]


@dataclass(frozen=True)
class Operation:
    """One operation."""

    parameters: tuple[str, ...]
    """Of a call, in order."""
    convert: Converter
    defaults: Mapping[str, object]
    """Arguments that its name decides."""


OPERATIONS: dict[str, Operation] = {}
"""By the names of their classes in `keras.ops`."""

KERAS_2: dict[str, tuple[str, Mapping[str, str], Mapping[str, object]]] = {}
"""TensorFlow's functions: the operation, our names of arguments by TensorFlow's, and what the function fixes."""

KERAS_2_CLASSES = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})


def operation(names: str, parameters: str = "x", **defaults: object) -> Callable[[Converter], Converter]:
    """Register a converter for operations; names and parameters stand between blanks."""

    def register(converter: Converter) -> Converter:
        for name in names.split():
            assert name not in OPERATIONS, name
            OPERATIONS[name] = Operation(tuple(parameters.split()), converter, defaults)
        return converter

    return register


def keras_2(functions: str, name: str, renamed: Mapping[str, str] | None = None, **fixed: object) -> None:
    """Spell functions of TensorFlow, between blanks, as an operation of Keras 3."""
    for function in functions.split():
        assert function not in KERAS_2, function
        KERAS_2[function] = (name, renamed or {}, fixed)


def build_operation(where: str, entry: Mapping[str, object], findings: Findings) -> Build:
    """How to build the calls of an operation; CompileError where it is not in the list."""
    stated, config = entry.get("class_name"), entry.get("config")
    if not isinstance(stated, str) or not isinstance(config, Mapping):
        raise refuse(where, "it must be an operation with class_name and config", SAVE_AGAIN)
    renamed: Mapping[str, str] = {}
    fixed: Mapping[str, object] = {}
    own = {str(key): value for key, value in config.items() if key not in ("name", "trainable", "dtype")}
    if stated in KERAS_2_CLASSES:
        function = own.pop("function", own.get("node_def", stated))
        if not isinstance(function, str) or function not in KERAS_2:
            raise _unknown(where, function)
        name, renamed, fixed = KERAS_2[function]
    elif stated in OPERATIONS:
        name = stated
        if "dtype" in config and config["dtype"] is not None:
            own["dtype"] = config["dtype"]
    else:
        raise _unknown(where, stated)
    known = OPERATIONS[name]

    def build(call: Call) -> Result:
        given = {**known.defaults, **own, **fixed}
        if len(call.arguments.positional) > len(known.parameters):
            raise call.fault(f"the operation takes {len(known.parameters)} arguments")
        named = {renamed.get(key, key): value for key, value in call.arguments.named.items()}
        positional = dict(zip(known.parameters, call.arguments.positional, strict=False))
        operands = Operands(call, {**given, **positional, **named}, findings)
        result = known.convert(operands)
        operands.config.refuse_leftovers()
        return result

    return build


def _unknown(where: str, name: object) -> CompileError:
    if isinstance(name, str) and name.upper().endswith(("FFT", "FFT2", "STFT")):
        return refuse(
            where,
            f"the operation {brief(name)} is not supported, nor is the operator that a .tflite has for it",
            "compute it in the program, and compile the layers behind it, keras.Model(spectrum, outputs)",
        )
    if name in ("shape", "compat.v1.shape"):
        return refuse(
            where,
            "the operation tf.shape gives a size that is known only when the network runs",
            "put a layer in its place, whose result is the same: Flatten()(x), or Reshape((4, -1))(x), for "
            "tf.reshape(x, [tf.shape(x)[0], ...])",
        )
    return refuse(
        where,
        f"the operation {brief(name)} is not supported",
        AS_TFLITE,
        "or write it by operations that are read; docs/layers.md lists them",
    )


def elements(x: Value) -> int:
    """How many elements a tensor has, without batch."""
    return math.prod(x.shape)
