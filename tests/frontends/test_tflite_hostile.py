"""Damaged and hostile TFLite files: whatever their bytes are, there is a network, or one clear refusal.

The files are mutated with fixed seeds, so that every run tries the same ones.
"""

from __future__ import annotations

import random
import time
import tracemalloc
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_files import File, Operator, Tensor

import mnc
from mnc.errors import CompileError
from mnc.frontends.tflite.file import parse
from mnc.frontends.tflite.network import read_network
from mnc.ir.graph import Graph

SECONDS, BYTES = 5.0, 256 * 2**20
"""The most that one small file may take; honest ones take a hundredth."""
NUMBERS = (
    0,
    1,
    2,
    7,
    127,
    128,
    255,
    2**16,
    2**24,
    2**30,
    2**31 - 1,
    2**31,
    2**32 - 2,
    2**32 - 1,
    0x7F800000,
    0x7FC00000,
)
"""Sizes, indices, signs and floats that are trouble."""


def survive(content: bytes) -> Graph | None:
    """Read and compile; None where that is refused.  Any other exception, and any warning, is a fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            reading = read_network(parse(content, "hostile.tflite"), "hostile")
            if reading.graph is None:
                assert all(str(problem).strip() for problem in reading.problems)
                return None
            mnc.compile(reading.graph)
            return reading.graph
    except CompileError as error:
        assert error.problems
        return None


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The file cut off, or with some bytes or words of it replaced, near its ends above all: tables lie there."""
    if rng.random() < 0.1:
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        reach = rng.choice((len(content), 3000))
        place = rng.randrange(min(len(content), reach))
        place = len(content) - 1 - place if rng.random() < 0.5 else place
        if rng.random() < 0.5:
            changed[place] = rng.randrange(256)
        else:
            word = place & ~3
            changed[word : word + 4] = rng.choice(NUMBERS).to_bytes(4, "little")
    return bytes(changed)


def network() -> File:
    """A convolution, a pooling, a reshape, a dense layer and a softmax in int8."""
    tensors = [
        Tensor.int8((1, 6, 6, 2), 0.05, -3),
        Tensor.of(np.arange(-27, 27, dtype=np.int8).reshape(3, 3, 3, 2), [0.01, 0.02, 0.03]),
        Tensor.of(np.array([5, -6, 7], np.int32), [0.0005, 0.001, 0.0015]),
        Tensor.int8((1, 6, 6, 3), 0.1, 4),
        Tensor.int8((1, 3, 3, 3), 0.1, 4),
        Tensor.of(np.array([1, 27], np.int32)),
        Tensor.int8((1, 27), 0.1, 4),
        Tensor.of(np.arange(-40, 41, dtype=np.int8).reshape(3, 27), [0.01]),
        Tensor.of(np.array([1, 2, 3], np.int32), [0.001]),
        Tensor.int8((1, 3), 0.2, 9),
        Tensor.int8((1, 3), 1 / 256, -128),
    ]
    window = {"StrideH": 2, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2, "Padding": 1}
    operators = [
        Operator("CONV_2D", [0, 1, 2], [3], {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}),
        Operator("MAX_POOL_2D", [3], [4], window),
        Operator("RESHAPE", [4, 5], [6]),
        Operator("FULLY_CONNECTED", [6, 7, 8], [9]),
        Operator("SOFTMAX", [9], [10], {"Beta": 1.0}),
    ]
    return File(tensors, operators, [0], [10])


@cache
def seeds(fixtures: Path) -> tuple[bytes, ...]:
    small = network().content()
    return small, small, small, (fixtures / "pico.int8.tflite").read_bytes()


def test_the_network_itself_is_sound() -> None:
    assert survive(network().content()) is not None


@pytest.mark.parametrize("part", range(2))
def test_no_mutation_does_harm(part: int, fixtures: Path) -> None:
    rng = random.Random(part)
    tracemalloc.start()
    try:
        for _ in range(150):
            content = mutated(rng.choice(seeds(fixtures)), rng)
            tracemalloc.reset_peak()
            started = time.process_time()
            survive(content)
            assert time.process_time() - started < SECONDS
            assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()


def test_no_end_of_the_file_does_harm() -> None:
    content = network().content()
    for length in range(0, len(content), 7):
        assert survive(content[:length]) is None


# One thing wrong at a time.


def with_tensor(index: int, **changes: Any) -> File:
    file = network()
    tensors = list(file.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(file, tensors=tensors)


def with_operator(index: int, **changes: Any) -> File:
    file = network()
    operators = list(file.operators)
    operators[index] = replace(operators[index], **changes)
    return replace(file, operators=operators)


CONV_WEIGHTS, BIAS, CONV_RESULT, RESHAPED, DENSE_WEIGHTS, SCORES = 1, 2, 3, 6, 7, 10
CONV, POOL, RESHAPE, DENSE, SOFTMAX = range(5)

WRONG: dict[str, tuple[File, str]] = {
    "a negative dimension": (with_tensor(CONV_RESULT, shape=(1, -6, 6, 3)), "its shape is 1x-6x6x3"),
    "a huge dimension": (with_tensor(CONV_RESULT, shape=(1, 2**31 - 1, 2**31 - 1, 3)), "its shape is"),
    "no dimension": (with_tensor(0, shape=()), "no batch axis"),
    "a dimension of 0": (with_tensor(0, shape=(1, 0, 6, 2)), "at least one element"),
    "many dimensions": (with_tensor(CONV_RESULT, shape=(1,) * 40), "it has 40 axes"),
    "another signature": (with_tensor(0, signature=[1, 6]), "shape signature"),
    "a constant cut off": (with_tensor(CONV_WEIGHTS, shape=(3, 3, 3, 3)), "should have 81 bytes, not 54"),
    "a constant of another type": (with_tensor(CONV_WEIGHTS, type="FLOAT32"), "should have 216 bytes, not 54"),
    "a constant without data": (with_tensor(CONV_WEIGHTS, data=None), "which no operator before it gives"),
    "a shape of floats": (
        with_tensor(5, type="FLOAT32", data=np.array([1, 27], np.float32), shape=(1, 30)),
        "should have 120 bytes, not 8",
    ),
    "a scale of 0": (with_tensor(CONV_RESULT, scale=[0.0]), "a scale must be positive and finite"),
    "a negative scale": (with_tensor(CONV_RESULT, scale=[-0.1]), "a scale must be positive and finite"),
    "a weight's scale that is no number": (with_tensor(CONV_WEIGHTS, scale=[0.1, np.nan, 0.1]), "positive and finite"),
    "an infinite scale": (with_tensor(0, scale=[np.inf]), "a scale must be positive and finite"),
    "a scale next to 0": (with_tensor(CONV_WEIGHTS, scale=[0.1, 1e-42, 0.1]), "has a scale beyond"),
    "a zero point out of range": (with_tensor(0, zero_point=[-129]), "has the zero point -129"),
    "a huge zero point": (with_tensor(0, zero_point=[2**62]), f"has the zero point {2**62}"),
    "no zero point": (with_tensor(0, zero_point=[]), "more than one scale"),
    "no quantisation": (with_tensor(CONV_RESULT, scale=[], zero_point=[]), "has no scale"),
    "two scales for values": (with_tensor(CONV_RESULT, scale=[0.1, 0.1], zero_point=[0, 0]), "more than one scale"),
    "scales of another axis": (with_tensor(CONV_WEIGHTS, axis=3), "along axis 3, are not one for each"),
    "scales of no axis": (with_tensor(CONV_WEIGHTS, axis=-1), "along axis -1, are not one for each"),
    "scales of an axis far away": (with_tensor(CONV_WEIGHTS, axis=2**31 - 1), "are not one for each"),
    "too few scales": (with_tensor(CONV_WEIGHTS, scale=[0.1, 0.2], zero_point=[0, 0]), "the 2 scales of 'tensor1'"),
    "scales along the weights' rows": (
        with_tensor(CONV_WEIGHTS, axis=1),
        "the 3 scales of 'tensor1', along axis 1, are not one for each of its 3 output channels",
    ),
    "weights round another zero": (with_tensor(DENSE_WEIGHTS, zero_point=[1]), "a zero point other than 0"),
    "a bias of int8": (with_tensor(BIAS, data=np.ones(3, np.int8), type="INT8"), "a bias of type INT8"),
    "a bias for fewer": (with_tensor(BIAS, data=np.ones(2, np.int32), shape=(2,)), "are not one for each of its 2"),
    "a bias on another scale": (
        with_tensor(BIAS, scale=[0.0005, 0.1, 0.0015]),
        "its bias 'tensor2' has the scale 0.1, its products have 0.001",
    ),
    "a bias of fewer scales": (
        with_tensor(BIAS, data=np.ones(2, np.int32), scale=[0.0005, 0.001], shape=(2,)),
        "its bias must be 3, not 2",
    ),
    "a bias near the end of int32": (with_tensor(BIAS, data=np.full(3, 2**31 - 1, np.int32)), "sums beyond 32 bits"),
    "a bias at the end of int32": (with_tensor(BIAS, data=np.full(3, -(2**31), np.int32)), "sums beyond 32 bits"),
    "weights of int16": (with_tensor(CONV_WEIGHTS, data=np.ones((3, 3, 3, 2), np.int16), type="INT16"), "are INT16"),
    "another result's type": (with_tensor(CONV_RESULT, type="UINT8"), "it is not supported on uint8 values"),
    "an input without a batch": (with_tensor(0, shape=(6, 6, 2)), "no batch axis of 1"),
    "an output scale too fine": (with_tensor(9, scale=[1e-15]), "scales so far apart"),
    "an index out of the file": (with_operator(CONV, inputs=[0, 1, 99]), "a tensor that does not exist"),
    "a negative index": (with_operator(CONV, outputs=[-1]), "a tensor that does not exist"),
    "no weights": (with_operator(CONV, inputs=[0, -1, 2]), "its weights is not known"),
    "no inputs": (with_operator(CONV, inputs=[]), "CONV_2D"),
    "no image": (with_operator(POOL, inputs=[-1]), "must be computed by the network"),
    "no outputs": (with_operator(CONV, outputs=[]), "0 outputs"),
    "two outputs": (with_operator(CONV, outputs=[3, 4]), "2 outputs"),
    "an output twice": (with_operator(CONV, outputs=[3, 3]), "already there"),
    "the input overwritten": (with_operator(CONV, outputs=[0]), "already there"),
    "itself read": (with_operator(CONV, inputs=[3, 1, 2]), "which no operator before it gives"),
    "a circle": (with_operator(CONV, inputs=[6, 1, 2]), "which no operator before it gives"),
    "a result computed late": (with_operator(SOFTMAX, inputs=[8]), "must be computed by the network"),
    "a stride of 0": (with_operator(POOL, options={"FilterHeight": 2, "FilterWidth": 2}), "must be at least 1"),
    "a negative stride": (
        with_operator(POOL, options={"StrideH": -2, "StrideW": -2, "FilterHeight": 2, "FilterWidth": 2}),
        "must be at least 1",
    ),
    "a window of 0": (with_operator(POOL, options={"StrideH": 2, "StrideW": 2}), "must be at least 1"),
    "a huge window": (
        with_operator(POOL, options={"StrideH": 2, "StrideW": 2, "FilterHeight": 2**31 - 1, "FilterWidth": 1}),
        "beyond the image",
    ),
    "an unknown padding": (
        with_operator(POOL, options={"StrideH": 2, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2, "Padding": 9}),
        "padding number 9 is not supported",
    ),
    "an unknown activation": (
        with_operator(DENSE, options={"FusedActivationFunction": 77}),
        "the fused activation number 77 is not supported",
    ),
    "shuffled weights": (with_operator(DENSE, options={"WeightsFormat": 1}), "shuffled weights"),
    "another beta": (with_operator(SOFTMAX, options={"Beta": float("nan")}), "beta = nan is not supported"),
    "a reshape to less than nothing": (
        with_tensor(5, data=np.array([-1, -1], np.int32)),
        "cannot be reshaped to",
    ),
    "a reshape to too much": (with_tensor(5, data=np.array([2**31 - 1, 2**31 - 1], np.int32)), "cannot be reshaped to"),
    "an output from nowhere": (replace(network(), outputs=[1]), "does not depend on the network's inputs"),
    "an output that is no tensor": (replace(network(), outputs=[99]), "a tensor that does not exist"),
    "no network inputs": (replace(network(), inputs=[]), "no inputs or no outputs"),
    "an input given twice": (replace(network(), inputs=[0, 0]), "more than once"),
    "a constant as input": (replace(network(), inputs=[0, CONV_WEIGHTS]), "has more than one scale"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str) -> None:
    file, expected = WRONG[case]
    with pytest.raises(CompileError) as caught:
        reading = read_network(parse(file.content(), "wrong.tflite"), "wrong")
        if reading.problems:
            raise CompileError(*reading.problems)
        assert reading.graph is not None
        mnc.compile(reading.graph)
    assert expected in str(caught.value)
