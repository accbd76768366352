"""Writing small TFLite files, for tests that need one of a certain kind, and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import flatbuffers
import numpy as np
import tflite

from mnc.frontends.frontend import Reading
from mnc.frontends.tflite.file import parse
from mnc.frontends.tflite.network import read_network
from mnc.frontends.tflite.options import OPTIONS
from mnc.ir.types import Array


@dataclass
class Tensor:
    """One tensor; `data` makes it a constant and gives its shape and type."""

    shape: tuple[int, ...] = ()
    type: str = "FLOAT32"
    scale: Sequence[float] = ()
    zero_point: Sequence[int] = ()
    axis: int = 0
    data: Array | None = None
    name: str = ""
    signature: Sequence[int] = ()
    variable: bool = False

    @classmethod
    def of(cls, data: Array, scale: Sequence[float] = (), zero_point: Sequence[int] = (), axis: int = 0) -> Tensor:
        """A constant."""
        return cls(data.shape, data.dtype.name.upper(), scale, zero_point or [0] * len(scale), axis, data)

    @classmethod
    def int8(cls, shape: tuple[int, ...], scale: float = 0.1, zero_point: int = 0) -> Tensor:
        """A value that the network computes in int8."""
        return cls(shape, "INT8", [scale], [zero_point])


@dataclass
class Operator:
    kind: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class File:
    tensors: Sequence[Tensor]
    operators: Sequence[Operator]
    inputs: Sequence[int]
    outputs: Sequence[int]
    once: Sequence[File] = ()
    """Further subgraphs, from number 1 on, for CALL_ONCE."""

    def content(self) -> bytes:
        """The whole file."""
        return _write(self)


def ints(*numbers: int) -> Tensor:
    """A constant of whole numbers."""
    return Tensor.of(np.array(numbers, np.int32))


def read(file: File) -> Reading:
    """The network that the frontend reads from a file."""
    return read_network(parse(file.content(), "small.tflite"), "small")


def register(type_: str = "FLOAT32", initial: Array | None = None, **quantised: Any) -> File:
    """The last three frames of four numbers, of which the network gives the window, as microWakeWord's are written."""
    dtype = np.dtype(type_.lower())
    begin = np.zeros((1, 2, 4), dtype) if initial is None else initial
    window, tail = Tensor((1, 3, 4), type_, **quantised), Tensor((1, 2, 4), type_, **quantised)
    tensors = [
        Tensor((1, 1, 4), type_, name="x", **quantised),
        Tensor((), "RESOURCE", name="handle"),
        replace(tail, name="before"),
        replace(window, name="window"),
        replace(tail, name="after"),
        ints(0, 1, 0),
        ints(1, 2, 4),
    ]
    operators = [
        Operator("CALL_ONCE", [], [], {"InitSubgraphIndex": 1}),
        Operator("VAR_HANDLE", [], [1], {"SharedName": "history"}),
        Operator("READ_VARIABLE", [1], [2]),
        Operator("CONCATENATION", [2, 0], [3], {"Axis": 1}),
        Operator("SLICE", [3, 5, 6], [4]),
        Operator("ASSIGN_VARIABLE", [1, 4], []),
    ]
    constant = Tensor.of(begin, quantised.get("scale", ()), quantised.get("zero_point", ()))
    handle = Operator("VAR_HANDLE", [], [0], {"SharedName": "history"})
    once = File([Tensor((), "RESOURCE"), constant], [handle, Operator("ASSIGN_VARIABLE", [0, 1], [])], [], [])
    return File(tensors, operators, [0], [3], [once])


def _write(file: File) -> bytes:
    builder = flatbuffers.Builder(1024)
    kinds = sorted({operator.kind for each in (file, *file.once) for operator in each.operators})
    buffers = [_buffer(builder, None)]
    graphs = [_subgraph(builder, each, kinds, buffers) for each in (file, *file.once)]
    codes = [_operator_code(builder, kind) for kind in kinds]
    model = _table(
        builder,
        "Model",
        {
            "Version": 3,
            "OperatorCodes": _offsets(builder, codes),
            "Subgraphs": _offsets(builder, graphs),
            "Buffers": _offsets(builder, buffers),
        },
    )
    builder.Finish(model, b"TFL3")
    return bytes(builder.Output())


def _subgraph(builder: flatbuffers.Builder, file: File, kinds: Sequence[str], buffers: list[Any]) -> Any:
    """A file's network; its constants go to the end of `buffers`."""
    first = len(buffers)
    buffers += [_buffer(builder, tensor.data) for tensor in file.tensors]
    tensors = [_tensor(builder, tensor, first + i) for i, tensor in enumerate(file.tensors)]
    operators = [_operator(builder, operator, kinds.index(operator.kind)) for operator in file.operators]
    vectors = {
        "Tensors": _offsets(builder, tensors),
        "Inputs": _numbers(builder, file.inputs, np.int32),
        "Outputs": _numbers(builder, file.outputs, np.int32),
        "Operators": _offsets(builder, operators),
        "Name": builder.CreateString("main"),
    }
    return _table(builder, "SubGraph", vectors)


def _table(builder: flatbuffers.Builder, kind: str, fields: Mapping[str, Any]) -> Any:
    """One table of the schema; fields that are None are left out."""
    getattr(tflite, f"{kind}Start")(builder)
    for name, value in fields.items():
        if value is not None:
            getattr(tflite, f"{kind}Add{name}")(builder, value)
    return getattr(tflite, f"{kind}End")(builder)


def _offsets(builder: flatbuffers.Builder, offsets: Sequence[Any]) -> Any:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _numbers(builder: flatbuffers.Builder, numbers: Sequence[float], dtype: Any) -> Any:
    return builder.CreateNumpyVector(np.array(numbers, dtype)) if len(numbers) > 0 else None


def _buffer(builder: flatbuffers.Builder, data: Array | None) -> Any:
    if data is None:
        return _table(builder, "Buffer", {})
    content = np.ascontiguousarray(data).tobytes()
    builder.StartVector(1, len(content), 16)  # kernels read constants in place, aligned
    for byte in reversed(content):
        builder.PrependByte(byte)
    return _table(builder, "Buffer", {"Data": builder.EndVector()})


def _tensor(builder: flatbuffers.Builder, tensor: Tensor, buffer: int) -> Any:
    quantisation = None
    if len(tensor.scale) > 0:
        fields = {
            "Scale": _numbers(builder, tensor.scale, np.float32),
            "ZeroPoint": _numbers(builder, tensor.zero_point, np.int64),
            "QuantizedDimension": tensor.axis,
        }
        quantisation = _table(builder, "QuantizationParameters", fields)
    fields = {
        "Shape": _numbers(builder, tensor.shape, np.int32),
        "ShapeSignature": _numbers(builder, tensor.signature, np.int32),
        "Name": builder.CreateString(tensor.name or f"tensor{buffer - 1}"),
        "Quantization": quantisation,
        "Type": getattr(tflite.TensorType, tensor.type),
        "Buffer": buffer,
        "IsVariable": tensor.variable,
    }
    return _table(builder, "Tensor", fields)


def _operator(builder: flatbuffers.Builder, operator: Operator, code: int) -> Any:
    fields = {
        "OpcodeIndex": code,
        "Inputs": _numbers(builder, operator.inputs, np.int32),
        "Outputs": _numbers(builder, operator.outputs, np.int32),
    }
    if operator.kind in OPTIONS:
        table = OPTIONS[operator.kind].table
        options = {
            name: _numbers(builder, value, np.int32)
            if isinstance(value, list)
            else builder.CreateString(value)
            if isinstance(value, str)
            else value
            for name, value in operator.options.items()
        }
        fields["BuiltinOptions"] = _table(builder, table, options)
        fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, table)
    return _table(builder, "Operator", fields)


def _operator_code(builder: flatbuffers.Builder, kind: str) -> Any:
    code = getattr(tflite.BuiltinOperator, kind, tflite.BuiltinOperator.CUSTOM)
    custom = builder.CreateString(kind) if code == tflite.BuiltinOperator.CUSTOM else None
    return _table(
        builder,
        "OperatorCode",
        {"BuiltinCode": code, "DeprecatedBuiltinCode": min(code, 127), "CustomCode": custom, "Version": 1},
    )
