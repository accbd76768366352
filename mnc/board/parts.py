"""The parts of which a run of traced code tells: layers, rows of layers, and at the end outputs."""

from __future__ import annotations

from dataclasses import dataclass

from mnc.backends.interface import Emission


@dataclass(frozen=True)
class Part:
    """A value of which a run tells: a layer's output (`L`), a row of it, or an output of the network (`O`)."""

    kind: str
    index: int
    row: int
    """-1: all of it."""
    size: int
    """Bytes."""

    @property
    def words(self) -> str:
        """For messages."""
        of = f"layer {self.index}" if self.kind == "L" else f"output {self.index}"
        return of if self.row < 0 else f"row {self.row} of {of}"


def parts(emission: Emission) -> list[Part]:
    """The parts that a run tells of, in its order."""
    graph, events = emission.program.graph, emission.events
    sizes = layer_sizes(emission)
    layers = [Part("L", i, row, sizes[i]) for i, row in events]
    return layers + [Part("O", i, -1, graph.types[name].bytes) for i, name in enumerate(graph.outputs)]


def layer_sizes(emission: Emission) -> list[int]:
    """Bytes of each layer's output, or of a row of it where it goes row by row."""
    rows = {i: row + 1 for i, row in emission.events}  # the last row of a layer comes last
    return [step.writes[0].type.bytes // (rows[i] or 1) for i, step in enumerate(emission.program.steps)]
