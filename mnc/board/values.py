"""The layers of a network as a board computes them, and how long each takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnc.backends.facts import model_hash
from mnc.backends.interface import Emission
from mnc.board.conversation import Board, check
from mnc.board.parts import parts
from mnc.ir.types import Array, TensorType
from mnc.targets.interface import Interface, pack


@dataclass(frozen=True)
class Seen:
    """A board's results: for each layer its output as it lies in memory, and the network's outputs."""

    layers: tuple[Array, ...]
    """(samples, *shape) each."""
    outputs: tuple[Array, ...]
    microseconds: tuple[float, ...] | None
    """For each layer the mean over all samples; None where the board has no clock."""


def layer_values(board: Board, emission: Emission, code: int, inputs: Sequence[Array]) -> Seen:
    """Run the network on a board for every sample; `emission` is the traced code, `code` its fingerprint.

    `inputs`: (samples, *shape) each.  CompileError where the board runs another network, or does not answer.
    """
    graph = emission.program.graph
    interface = Interface.of_graph(graph, "net")
    types = [step.writes[0].type for step in emission.program.steps]
    packed = pack(interface.inputs, tuple(inputs), board.where)
    told_of = parts(emission)
    given = sum(kind.bytes for kind in interface.inputs)
    names = [step.node.name for step in emission.program.steps]
    sizes = given, sum(kind.bytes for kind in interface.outputs)
    check(board.greet(), board.where, names, model_hash(graph), code, sizes)
    values: list[list[bytes]] = [[] for _ in types]
    outputs: list[list[bytes]] = [[] for _ in interface.outputs]
    took = [0] * len(types)
    samples = len(packed) // given
    for sample in range(samples):
        board.write_inputs(packed[sample * given : (sample + 1) * given])
        for part, told in zip(told_of, board.run(told_of, first=sample == 0), strict=True):
            (values if part.kind == "L" else outputs)[part.index].append(told.value)
            if part.kind == "L":
                took[part.index] += told.microseconds
    return Seen(
        tuple(_array(each, kind) for each, kind in zip(values, types, strict=True)),
        tuple(_array(each, kind) for each, kind in zip(outputs, interface.outputs, strict=True)),
        tuple(each / samples for each in took) if any(took) else None,
    )


def _array(parts: Sequence[bytes], kind: TensorType) -> Array:
    found = np.frombuffer(b"".join(parts), kind.dtype.numpy.newbyteorder("<"))
    return found.astype(kind.dtype.numpy).reshape(-1, *kind.shape)
