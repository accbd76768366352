"""The whole way in one go: a network trained on handwritten digits, made code of, and compared with itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mnc.accuracy import choices
from mnc.compiler import Build
from mnc.compiler import compile as compile_graph
from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.zoo.dataset import Dataset

CALIBRATION = 200
"""How many of the training images int8 is calibrated with."""


@dataclass(frozen=True)
class Version:
    """One form of the network: Keras' model or generated code."""

    name: str
    accuracy: float
    """On the images to test with."""
    agreement: float
    """The share of these images for which it chooses what Keras chooses."""
    build: Build | None


def versions(name: str, graph: Graph, predict: Callable[[Array], Array], data: Dataset) -> tuple[Version, ...]:
    """Keras' model, whose answers `predict` gives, and its code in float32 and in int8.

    All are asked about every image to test with; the code runs on this machine.
    CompileError where it has no C compiler.
    """
    assert data.test is not None
    test = data.test
    real = compile_graph(graph, name=name)
    calibration = data.train.x[:CALIBRATION]
    integers = compile_graph(graph, name=f"{name}_int8", quantize="int8", calibration=calibration)
    answers: Mapping[str, tuple[Build | None, Array | list[Array]]] = {
        "Keras": (None, predict(test.x)),
        "C, float32": (real, real.predict(test.x)),
        "C, int8": (integers, integers.predict(test.x)),
    }
    chosen = {which: choices(given) for which, (_, given) in answers.items()}
    return tuple(
        Version(
            name=which,
            accuracy=float(np.mean(chosen[which] == test.y)),
            agreement=float(np.mean(chosen[which] == chosen["Keras"])),
            build=build,
        )
        for which, (build, _) in answers.items()
    )
