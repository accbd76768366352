"""How often a network is right, before and after it became code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnc.compiler import Build
from mnc.errors import refuse
from mnc.ir.graph import Graph
from mnc.ir.types import Array


@dataclass(frozen=True)
class Accuracy:
    """Shares of the samples, from 0 to 1."""

    samples: int
    model: float
    """Where the largest output of the network as it was read is the right one."""
    code: float
    """The same of the generated code."""
    agreement: float
    """Where the two choose the same."""


def classes(graph: Graph) -> int:
    """Among how many classes the network chooses; CompileError where it does not."""
    elements = [graph.types[name].elements for name in graph.outputs]
    if len(elements) != 1 or elements[0] < 2:
        what = f"{len(elements)} outputs" if len(elements) != 1 else "one output element"
        hint = "labels are for a network that chooses among classes"
        raise refuse(f"network {graph.name!r}", f"has {what}", hint)
    return elements[0]


def accuracy(
    graph: Graph, build: Build, samples: Sequence[Array], labels: Array, *, cmsis_nn: Path | None = None
) -> Accuracy:
    """What `graph` and the code in `build`, which was made of it, say of samples whose classes are known.

    `samples` holds one array for each input, as `graph` takes them.  The code
    runs on this machine, with the library in `cmsis_nn` where it calls it;
    CompileError as from `Build.predict`.
    """
    expected = choices(graph.predict(list(samples)))
    got = choices(build.predict(list(samples), cmsis_nn=cmsis_nn))
    return Accuracy(
        samples=len(labels),
        model=float(np.mean(expected == labels)),
        code=float(np.mean(got == labels)),
        agreement=float(np.mean(expected == got)),
    )


def choices(outputs: Array | list[Array]) -> Array:
    """The class that each sample's scores are largest for, (samples,)."""
    assert isinstance(outputs, np.ndarray), "see `classes`"
    return np.asarray(outputs.reshape(len(outputs), -1).argmax(axis=1))
