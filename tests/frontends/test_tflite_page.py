"""docs/tflite.md has a table of all operators of TensorFlow Lite Micro, as they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from tflite_cases import single_operators
from tflite_drawing import CASES
from tflite_files import File, Operator, Tensor, read, register

from mnc.backends import get, refusals
from mnc.frontends.tflite.folding import FOLDS
from mnc.frontends.tflite.loops import LOOP
from mnc.frontends.tflite.operators import CONVERTERS
from mnc.frontends.tflite.unsupported import ELSEWHERE
from mnc.frontends.tflite.variables import ON_VARIABLES

REGISTERED = [
    "ABS",
    "ADD",
    "ADD_N",
    "ARG_MAX",
    "ARG_MIN",
    "ASSIGN_VARIABLE",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "BATCH_TO_SPACE_ND",
    "BROADCAST_ARGS",
    "BROADCAST_TO",
    "CALL_ONCE",
    "CAST",
    "CEIL",
    "CONCATENATION",
    "CONV_2D",
    "COS",
    "CUMSUM",
    "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE",
    "DEQUANTIZE",
    "DIV",
    "DYNAMIC_UPDATE_SLICE",
    "ELU",
    "EMBEDDING_LOOKUP",
    "EQUAL",
    "EXP",
    "EXPAND_DIMS",
    "FILL",
    "FLOOR",
    "FLOOR_DIV",
    "FLOOR_MOD",
    "FULLY_CONNECTED",
    "GATHER",
    "GATHER_ND",
    "GREATER",
    "GREATER_EQUAL",
    "HARD_SWISH",
    "IF",
    "L2_NORMALIZATION",
    "L2_POOL_2D",
    "LEAKY_RELU",
    "LESS",
    "LESS_EQUAL",
    "LOG",
    "LOGICAL_AND",
    "LOGICAL_NOT",
    "LOGICAL_OR",
    "LOGISTIC",
    "LOG_SOFTMAX",
    "MAXIMUM",
    "MAX_POOL_2D",
    "MEAN",
    "MINIMUM",
    "MIRROR_PAD",
    "MUL",
    "NEG",
    "NOT_EQUAL",
    "PACK",
    "PAD",
    "PADV2",
    "PRELU",
    "QUANTIZE",
    "READ_VARIABLE",
    "REDUCE_ALL",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RELU",
    "RELU6",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "ROUND",
    "RSQRT",
    "SELECT_V2",
    "SHAPE",
    "SIN",
    "SLICE",
    "SOFTMAX",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQRT",
    "SQUARE",
    "SQUARED_DIFFERENCE",
    "SQUEEZE",
    "STRIDED_SLICE",
    "SUB",
    "SUM",
    "SVDF",
    "TANH",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNPACK",
    "VAR_HANDLE",
    "WHILE",
    "ZEROS_LIKE",
]
"""The operators that TensorFlow Lite Micro can register, as its MicroMutableOpResolver of August 2026 names them."""
SIGNAL = [
    "SignalDelay",
    "SignalEnergy",
    "SignalFftAutoScale",
    "SignalFilterBank",
    "SignalFilterBankLog",
    "SignalFilterBankSpectralSubtraction",
    "SignalFilterBankSquareRoot",
    "SignalFramer",
    "SignalIrfft",
    "SignalOverlapAdd",
    "SignalPCAN",
    "SignalRfft",
    "SignalStacker",
    "SignalWindow",
]
"""Its own operators for signals, which are custom operators of a file."""
OTHERS = ["CIRCULAR_BUFFER", "DECODE", "ETHOS_U", "TFLite_Detection_PostProcess"]
"""Its further custom operators."""
TYPES = ("FLOAT32", "INT8", "UINT8", "INT16")
HEAD = ("operator", "float32", "int8", "uint8", "int16", "why not")
OF_ALL = "not supported on uint8 values, nor by TensorFlow Lite Micro"
"""The reason why nearly all operators are not computed in uint8: the page has it once, above the table."""

OF_INTEGERS = [f"not supported in {type_}, nor by TensorFlow Lite Micro" for type_ in ("int8", "int16")]


def answer(kind: str, type_: str) -> str:
    """Empty where a network of the operator in this type compiles; else the refusal."""
    if kind in ON_VARIABLES:
        quantised: dict[str, Any] = {} if type_ == "FLOAT32" else {"scale": [0.5], "zero_point": [0]}
        reading = read(register(type_, **quantised))
        return "" if reading.graph is not None else reading.problems[0].what
    if kind not in (*CONVERTERS, "ZEROS_LIKE") and not (kind == LOOP and type_ == "FLOAT32"):
        if kind == LOOP:
            return "only loops of float32 are read, as the recurrent layers they were"
        tensors = [Tensor((1, 4), name="x"), Tensor((1, 4), name="y")]
        (problem, *_) = read(File(tensors, [Operator(kind, [0], [1])], [0], [1])).problems
        hints = [] if problem.hints == (ELSEWHERE,) else problem.hints[:1]
        return "; ".join(("not read", *hints))
    drawn = single_operators(kind.lower(), quantised=type_ != "FLOAT32", stored="INT16" if type_ == "INT16" else "INT8")
    quick = settings(max_examples=1, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    file, _ = find(drawn, lambda _: True, settings=quick)
    reading = read(in_uint8(file) if type_ == "UINT8" else file)
    if reading.graph is None:
        return reading.problems[0].what.removeprefix("it is ")
    return next(iter(refusals(get("c"), reading.graph).values()), "")


def in_uint8(file: File) -> File:
    """The network with uint8 for all values of int8; weights stay what they are."""
    values = [tensor.type == "INT8" and tensor.data is None for tensor in file.tensors]
    tensors = [
        replace(tensor, type="UINT8", zero_point=[tensor.zero_point[0] + 128]) if is_value else tensor
        for tensor, is_value in zip(file.tensors, values, strict=True)
    ]
    return replace(file, tensors=tensors)


def rows() -> Iterator[tuple[str, ...]]:
    """One for each operator."""
    for kind in sorted({*REGISTERED, *CONVERTERS}):
        assert kind not in CONVERTERS or kind.lower() in CASES, kind
        answers = [answer(kind, type_) for type_ in TYPES]
        reasons = dict.fromkeys(each for each in answers if each and each != OF_ALL)
        if all(reason in reasons for reason in OF_INTEGERS):
            reasons = {"not supported in integers, nor by TensorFlow Lite Micro": None}
        cells = ["no" if each else "yes" for each in answers]
        if kind in {*FOLDS, "SHAPE"} - {*CONVERTERS}:
            reasons = {"computed at compile time where its operands are known, and refused elsewhere": None}
        yield (f"`{kind}`", *cells, "; ".join(reasons))
    for kind in SIGNAL + OTHERS:
        yield (f"`{kind}`", *["no"] * len(TYPES), answer(kind, "FLOAT32"))


def table() -> str:
    lines = (HEAD, ("---",) * len(HEAD), *rows())
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def test_the_page_has_the_table_of_operators(root: Path, *, update_golden: bool) -> None:
    page = root / "docs" / "tflite.md"
    text = page.read_text("utf-8")
    wanted = re.sub(r"(?:^\| .*\n)+", lambda _: table(), text, count=1, flags=re.MULTILINE)
    if update_golden:
        page.write_text(wanted, "utf-8")
    elif text != wanted:
        pytest.fail("run: pytest tests/frontends/test_tflite_page.py --update-golden")
