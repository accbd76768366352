"""TensorFlow Lite Micro's own interpreter, which generated code is held against where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from mnc.errors import argument, refuse
from mnc.extras import install
from mnc.ir.types import Array

ARENA = 2**26
"""Bytes that it may use; a page that it does not touch takes no memory."""
LEAVE_OUT = "leave it out: the reference is compared in any case"
IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of every .tflite file."""


def interpreted(content: bytes, inputs: Sequence[Array], count: int) -> list[Array]:
    """TensorFlow Lite Micro's `count` outputs, (samples, elements) each, as they are stored.

    `content` is that of a .tflite file; `inputs` holds one array for each of its
    inputs, (samples, *shape), as they are stored.  The samples are one sequence:
    variables go on from one to the next.  CompileError where the interpreter is
    not installed, or does not run the file.
    """
    if content[4:8] != IDENTIFIER:
        what = "TensorFlow Lite Micro runs .tflite files, and this model is none"
        raise refuse(argument("oracle"), what, LEAVE_OUT)
    try:
        runtime = importlib.import_module("tflite_micro").runtime
    except ImportError:
        what = "needs TensorFlow Lite Micro's interpreter, which is not installed"
        raise refuse(argument("oracle"), what, install("oracle")) from None
    try:
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA)
        runs = [_run(interpreter, sample, count) for sample in zip(*inputs, strict=True)]
    except (RuntimeError, ValueError) as fault:
        what = f"TensorFlow Lite Micro does not run this file: {fault}"
        raise refuse(argument("oracle"), what, LEAVE_OUT) from None
    return [np.stack(of_output) for of_output in zip(*runs, strict=True)]


def _run(interpreter: Any, sample: Sequence[Array], count: int) -> list[Array]:
    for i, x in enumerate(sample):
        details = interpreter.get_input_details(i)
        interpreter.set_input(x.reshape(details["shape"]).astype(details["dtype"]), i)
    interpreter.invoke()
    outputs = [np.array(interpreter.get_output(i)).reshape(-1) for i in range(count)]
    return [y.view(np.int8) if y.dtype == np.bool_ else y for y in outputs]
