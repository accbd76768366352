"""The values that a network has on an input of noise: what code made with `-X selftest=1` compares with.

Integers that come of integers alone are the same on every machine, so their
checksum is enough.  Floats are not, as a compiler may contract a product and a
sum, or keep more bits; nor are integers that are rounded floats.  Their sums are
compared, within what rounding can do in this very network: the reference runs
with errors added to each layer's output, and the tolerance is a multiple of
what these do to the sums.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph
from mnc.ir.types import Array, DType, TensorType
from mnc.program import Program, Value
from mnc.reference.run import apply_node, beginning

SEED = 0x9E3779B9
"""Of the noise; any number but 0."""
_TRIALS = 6
_OWN, _SHARED = 2e-6, 6e-7
"""Errors that each trial adds to a layer's floats, of the largest in the layer: one to each element, and one to all.

Single operations of a float32 err by 6e-8; sums of thousands of products, and mnc's exponentials, by some times that.
"""
_MARGIN = 8.0
"""Times the largest move of a sum in these trials, or of one element, is its tolerance."""
_FLIPS = 4
"""Roundings to an integer that may always turn out the other way."""
PERIOD = 31
"""Of the weights in the second sum, from 1 upwards; it divides no usual number of channels."""


@dataclass(frozen=True)
class Sums:
    """The plain and the weighted sum of a layer's output, and how far a machine's may be from each."""

    plain: float
    plain_off: float
    weighted: float
    weighted_off: float


Expected = int | Sums
"""A layer's output: its CRC-32 where that is certain, its sums otherwise."""


@dataclass(frozen=True)
class Golden:
    """The figures that the self-test of a network compares with."""

    outputs: tuple[Expected, ...]
    """Of each step's first output, as it lies in memory."""


def golden(program: Program) -> Golden:
    """Run the reference on noise; CompileError where a layer gives no finite numbers for it."""
    graph = program.graph
    rng = np.random.default_rng(0)
    given = {each.name: value for each, value in zip(graph.inputs, _inputs(graph), strict=True)}
    given |= beginning(graph, {})
    values = {name: np.repeat(value, 1 + _TRIALS, axis=0) for name, value in given.items()}
    certain = {name for name, value in values.items() if value.dtype != np.float32}
    for node in graph.nodes:
        outputs = apply_node(graph, node, [values[name] for name in node.inputs])
        exact = certain.issuperset(node.inputs)
        for name, y in zip(node.outputs, outputs, strict=True):
            if not np.isfinite(y).all():
                raise refuse(
                    "option 'selftest'",
                    f"{name!r} has no finite numbers for the noise that the test would run on",
                    "leave it out: `mnc verify --on` compares layers on inputs of your own",
                )
            values[name] = _disturbed(y, rng) if y.dtype == np.float32 else y
            if exact and y.dtype != np.float32:
                certain.add(name)
    found: list[Expected] = []
    for step in program.steps:
        value = step.writes[0]
        memory = in_memory(value, values[value.name])
        if value.name in certain:
            found.append(zlib.crc32(memory[0].astype(memory.dtype.newbyteorder("<")).tobytes()))
        else:
            found.append(_sums(memory))
    return Golden(tuple(found))


def noise(type_: TensorType, seed: int) -> tuple[Array, int]:
    """An input as the kernels `mnc_noise_...` make it, (1, *shape), and the last seed."""
    drawn = np.empty(type_.elements, np.uint32)
    for i in range(type_.elements):
        seed ^= seed << 13 & 0xFFFFFFFF
        seed ^= seed >> 17
        seed ^= seed << 5 & 0xFFFFFFFF
        drawn[i] = seed
    if type_.dtype is DType.FLOAT32:
        values = (drawn >> 8).astype(np.float32) / np.float32(2**24)
    else:
        values = ((drawn >> (32 - 8 * type_.dtype.bytes)).astype(np.int64) + type_.dtype.least).astype(
            type_.dtype.numpy
        )
    return values.reshape(1, *type_.shape), seed


def in_memory(value: Value, array: Array) -> Array:
    """A value's elements, (samples, elements), in the order in which they lie in memory."""
    height, width, channels = value.image
    layout = value.layout
    assert layout.row == width * channels, value.name
    rows = array.reshape(len(array), height, width, channels)
    return (rows if layout.channel == 1 else rows.swapaxes(2, 3)).reshape(len(array), -1)


def _inputs(graph: Graph) -> list[Array]:
    made, seed = [], SEED
    for given in graph.inputs:
        values, seed = noise(given.type, seed)
        made.append(values)
    return made


def _disturbed(y: Array, rng: np.random.Generator) -> Array:
    """Numbers with errors in all samples but the first."""
    largest = np.float32(np.max(np.abs(y[:1]), initial=0.0))
    own = rng.uniform(-_OWN, _OWN, (len(y) - 1, *y.shape[1:]))
    shared = rng.choice([-_SHARED, _SHARED], (len(y) - 1, *[1] * (y.ndim - 1)))
    return np.concatenate([y[:1], y[1:] + (largest * (own + shared)).astype(np.float32)])


def _sums(memory: Array) -> Sums:
    numbers = memory.astype(np.float64)
    weights = np.arange(numbers.shape[1]) % PERIOD + 1
    least = 0.0 if memory.dtype == np.float32 else float(_FLIPS)
    plain, plain_off = _with_tolerance(numbers, least)
    weighted, weighted_off = _with_tolerance(numbers * weights, least * PERIOD)
    return Sums(plain, plain_off, weighted, weighted_off)


def _with_tolerance(terms: Array, least: float) -> tuple[float, float]:
    """The sum of the first sample's terms, and how far another machine's may be from it."""
    first, *others = terms.sum(axis=1)
    adding = 2.0**-20 * float(np.abs(terms[0]).sum())  # the sum itself is one of float32, by groups
    # Moves may cancel in the sum, as those of what is normalised do; the roundings of a machine need not.
    moved = max(float(np.abs(terms[1:] - terms[0]).max()), *(abs(float(other - first)) for other in others))
    return float(first), _MARGIN * moved + adding + least + float(np.finfo(np.float32).tiny)
