"""The flatbuffer of a TFLite file as plain, checked values.

The package `tflite` has the accessors that the flatbuffers compiler makes of
TFLite's schema.  They trust every offset in the file, so nothing outside this
module touches them: what leaves it are dataclasses whose indices exist, whose
sizes are sane and whose buffers lie inside the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import tflite

from mnc import files
from mnc.errors import CompileError, refuse
from mnc.frontends.tflite.options import OPTIONS
from mnc.ir.types import MAX_ELEMENTS, Array, Shape, show

MAX_BYTES = 2**28
MAX_ITEMS = 2**16
"""Tensors, operators, buffers: more than any network for a microcontroller has."""
MAX_RANK = 8
MAX_NAME = 1024
"""Names are cut there."""
SCHEMA_VERSION = 3
SUBGRAPHS = {"CALL_ONCE": ("InitSubgraphIndex",), "WHILE": ("CondSubgraphIndex", "BodySubgraphIndex")}
"""The options of an operator that are numbers of subgraphs."""
MAX_CALLED = 64
"""Subgraphs that a network calls: converters write one, and two for each loop."""
REREADING = 16
"""How many times its own size a file may be read: honest tables share little."""

T = TypeVar("T")
Option = int | float | bool | str


@dataclass(frozen=True)
class Tensor:
    """One tensor of the file."""

    name: str
    shape: Shape
    """With the batch axis."""
    open_axes: tuple[int, ...]
    """The axes that the file leaves open; `shape` has 1 there."""
    type: str
    """As the schema calls it: FLOAT32, INT8."""
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0
    """The axis that the scales belong to, where there are several."""
    data: Array | None = None
    """The bytes of a constant."""
    oddity: str = ""
    """The property that keeps mnc from reading the tensor; empty where there is none."""
    variable: bool = False
    """Whether it keeps its value from one inference to the next, as the state of a recurrent operator does."""
    unsigned: bool = False
    """Whether the file has uint8 where `type` is INT8: 128 more than `data`, and so its zero point."""

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Operator:
    """One operator: tensors by index, absent ones as -1."""

    kind: str
    """As the schema calls it: CONV_2D."""
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Option] | None
    """By the schema's names; None where the file gives none."""


@dataclass(frozen=True)
class Model:
    """One subgraph of the file, the first where nothing else is said."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    size: int
    """Bytes of the whole file."""
    called: Mapping[int, Model] = field(default_factory=dict)
    """By number, the subgraphs that operators of this one run."""


def read_file(path: Path) -> Model:
    """The network in the file; CompileError where it is no sound TFLite file."""
    return parse(files.content(path, MAX_BYTES, "no microcontroller holds it; train a smaller network"), path.name)


def parse(content: bytes, where: str) -> Model:
    """The network in these bytes; `where` names them in errors."""
    try:
        return _Source(content, where).model()
    # The accessors raise these on offsets and lengths that lead out of the file.
    except (struct.error, TypeError, ValueError, IndexError, OverflowError):
        raise _damaged(where, "an offset leads out of it") from None


def _damaged(where: str, what: str) -> CompileError:
    return refuse(where, f"the file is damaged: {what}", "convert the model again, or copy the file again")


_KINDS: dict[int, str] = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
_TYPES: dict[int, str] = {code: name for name, code in vars(tflite.TensorType).items() if isinstance(code, int)}


class _Source:
    """The bytes, and how many more may be read: tables may overlap, so that a small file could mean endless work."""

    def __init__(self, content: bytes, where: str) -> None:
        self.content = content
        self.where = where
        self.allowance = REREADING * len(content)

    def model(self) -> Model:
        root = tflite.Model.GetRootAs(self.content, 0)
        if root.Version() != SCHEMA_VERSION:
            raise refuse(
                self.where,
                f"version {root.Version()} of TFLite's schema is not supported",
                f"convert the model with a TensorFlow that writes version {SCHEMA_VERSION}",
            )
        if root.SubgraphsLength() < 1:
            raise _damaged(self.where, "it has no network")
        buffers = self.items("buffers", root.BuffersLength, root.Buffers, _buffer)
        kinds = self.items("operator codes", root.OperatorCodesLength, root.OperatorCodes, self.kind)
        model = self.subgraph(root.Subgraphs(0), buffers, kinds)
        if not model.inputs or not model.outputs:
            raise _damaged(self.where, "the network has no inputs or no outputs")
        called = {
            int(each.options[option])
            for each in model.operators
            if each.options
            for option in SUBGRAPHS.get(each.kind, ())
        }
        if len(called) > MAX_CALLED:
            raise refuse(self.where, f"the network calls {len(called)} subgraphs; the limit is {MAX_CALLED}")
        found = [number for number in sorted(called) if 0 < number < root.SubgraphsLength()]
        return replace(model, called={n: self.subgraph(root.Subgraphs(n), buffers, kinds) for n in found})

    def subgraph(self, graph: Any, buffers: tuple[Array | None, ...], kinds: tuple[str, ...]) -> Model:
        """One of the file's subgraphs."""
        model = Model(
            self.items("tensors", graph.TensorsLength, graph.Tensors, lambda stored: self.tensor(stored, buffers)),
            self.items(
                "operators", graph.OperatorsLength, graph.Operators, lambda stored: self.operator(stored, kinds)
            ),
            self.integers(graph.InputsLength, graph.InputsAsNumpy),
            self.integers(graph.OutputsLength, graph.OutputsAsNumpy),
            len(self.content),
        )
        _check_indices(model, self.where)
        return model

    def items(
        self, what: str, length: Callable[[], int], item: Callable[[int], Any], convert: Callable[[Any], T]
    ) -> tuple[T, ...]:
        """A vector of tables, each converted."""
        count = length()
        if count > MAX_ITEMS:
            raise refuse(self.where, f"the file has {count:,} {what}; the limit is {MAX_ITEMS:,}")
        return tuple(convert(item(i)) for i in range(count))

    def take(self, count: int) -> None:
        """Count the bytes that are about to be read."""
        self.allowance -= count
        if self.allowance < 0:
            raise _damaged(self.where, "its tables overlap")

    def numbers(self, length: Callable[[], int], array: Callable[[], Array]) -> Array:
        """A vector of numbers."""
        count = length()
        self.take(4 * count)
        return array() if count else np.empty(0, np.int32)

    def integers(self, length: Callable[[], int], array: Callable[[], Array]) -> tuple[int, ...]:
        """A vector of whole numbers."""
        return tuple(int(n) for n in self.numbers(length, array))

    def text(self, stored: bytes | None) -> str:
        self.take(len(stored or b""))
        return str((stored or b"")[:MAX_NAME], "utf-8", "replace")

    def kind(self, stored: Any) -> str:
        """The operator's name.  Old files have its number in a field of eight bits."""
        code = int(max(stored.BuiltinCode(), stored.DeprecatedBuiltinCode()))
        if code == tflite.BuiltinOperator.CUSTOM:
            return f"CUSTOM {self.text(stored.CustomCode())!r}"
        return _KINDS.get(code, f"number {code}")

    def operator(self, stored: Any, kinds: tuple[str, ...]) -> Operator:
        kind = kinds[stored.OpcodeIndex()]
        inputs = self.integers(stored.InputsLength, stored.InputsAsNumpy)
        outputs = self.integers(stored.OutputsLength, stored.OutputsAsNumpy)
        options = _options(stored, kind)
        if options is not None:
            options = MappingProxyType(
                {name: self.text(value) if isinstance(value, bytes) else value for name, value in options.items()}
            )
        return Operator(kind, inputs, outputs, options)

    def tensor(self, stored: Any, buffers: tuple[Array | None, ...]) -> Tensor:
        shape = self.integers(stored.ShapeLength, stored.ShapeAsNumpy)
        signature = self.integers(stored.ShapeSignatureLength, stored.ShapeSignatureAsNumpy) or shape
        scale, zero_point, axis = self.quantisation(stored.Quantization())
        data = buffers[stored.Buffer()]
        oddity = ""
        if len(shape) > MAX_RANK:
            oddity = f"it has {len(shape)} axes"
        elif len(signature) != len(shape):
            oddity = "its shape and its shape signature have different axes"
        elif min(shape, default=0) < 0 or math.prod(shape) > MAX_ELEMENTS:
            oddity = f"its shape is {show(shape)}"
        elif stored.IsVariable():
            oddity = "it keeps its value from one inference to the next"
        elif data is not None and stored.Sparsity() is not None:
            oddity = "it is stored sparsely"
        return Tensor(
            self.text(stored.Name()),
            shape,
            tuple(i for i, size in enumerate(signature) if size < 0),
            _TYPES.get(stored.Type(), f"number {stored.Type()}"),
            scale,
            zero_point,
            axis,
            data,
            oddity,
            bool(stored.IsVariable()),
        )

    def quantisation(self, stored: Any) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        """(scales, zero points, the axis they belong to)."""
        if stored is None:
            return (), (), 0
        scale = tuple(float(s) for s in self.numbers(stored.ScaleLength, stored.ScaleAsNumpy))
        return scale, self.integers(stored.ZeroPointLength, stored.ZeroPointAsNumpy), stored.QuantizedDimension()


def _buffer(stored: Any) -> Array | None:
    """A constant's bytes; None where there are none, or where they lie outside the flatbuffer."""
    return np.asarray(stored.DataAsNumpy()) if stored.DataLength() else None


def _options(stored: Any, kind: str) -> Mapping[str, Option] | None:
    """The operator's options by name; None where it has none, or where they are of another operator."""
    known = OPTIONS.get(kind)
    if known is None or stored.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, known.table):
        return None
    table = stored.BuiltinOptions()
    if table is None:
        return None
    options = getattr(tflite, known.table)()
    options.Init(table.Bytes, table.Pos)
    return MappingProxyType({name: getattr(options, name)() for name in known.fields})


def _check_indices(model: Model, where: str) -> None:
    count = len(model.tensors)
    for operator in model.operators:
        if not all(-1 <= i < count for i in operator.inputs) or not all(0 <= i < count for i in operator.outputs):
            raise _damaged(where, f"a {operator.kind} refers to a tensor that does not exist")
    if not all(0 <= i < count for i in (*model.inputs, *model.outputs)):
        raise _damaged(where, "its inputs or outputs refer to a tensor that does not exist")
