"""Writing small TFLite files, for tests that need one of a certain kind, and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

    def content(self) -> bytes:
        """The whole file."""
        return _write(self)


def ints(*numbers: int) -> Tensor:
    """A constant of whole numbers."""
    return Tensor.of(np.array(numbers, np.int32))


def read(file: File) -> Reading:
    """The network that the frontend reads from a file."""
    return read_network(parse(file.content(), "small.tflite"), "small")


def _write(file: File) -> bytes:
    builder = flatbuffers.Builder(1024)
    kinds = sorted({operator.kind for operator in file.operators})
    buffers = [_buffer(builder, None)] + [_buffer(builder, tensor.data) for tensor in file.tensors]
    tensors = [_tensor(builder, tensor, i + 1) for i, tensor in enumerate(file.tensors)]
    operators = [_operator(builder, operator, kinds.index(operator.kind)) for operator in file.operators]
    name = builder.CreateString("main")
    vectors = {
        "Tensors": _offsets(builder, tensors),
        "Inputs": _numbers(builder, file.inputs, np.int32),
        "Outputs": _numbers(builder, file.outputs, np.int32),
        "Operators": _offsets(builder, operators),
        "Name": name,
    }
    graph = _table(builder, "SubGraph", vectors)
    codes = [_operator_code(builder, kind) for kind in kinds]
    model = _table(
        builder,
        "Model",
        {
            "Version": 3,
            "OperatorCodes": _offsets(builder, codes),
            "Subgraphs": _offsets(builder, [graph]),
            "Buffers": _offsets(builder, buffers),
        },
    )
    builder.Finish(model, b"TFL3")
    return bytes(builder.Output())


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
            name: _numbers(builder, value, np.int32) if isinstance(value, list) else value
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
