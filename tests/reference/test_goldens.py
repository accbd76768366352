"""The reference against what Keras computed, before and after all passes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mnc.frontends import load
from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.passes import optimise


def goldens(folder: Path) -> list[tuple[Path, Path]]:
    """(model file, golden file) of every Keras model in a folder."""
    entries = json.loads((folder / "index.json").read_text())["models"]
    pairs = [
        (folder / file, folder / entry["golden"])
        for entry in entries
        for file in entry.get("files", [entry.get("file")])
        if Path(file).suffix in (".h5", ".keras")
    ]
    assert pairs
    return pairs


def arrays(golden: Path, letter: str) -> list[Array]:
    """x or x0, x1, ...; likewise y."""
    with np.load(golden) as stored:
        return [stored[name] for name in (letter, *(f"{letter}{i}" for i in range(9))) if name in stored]


def error(graph: Graph, golden: Path) -> float:
    """The largest difference from the golden outputs, relative to the largest value in each output."""
    y = graph.predict(arrays(golden, "x"))
    pairs = zip(y if isinstance(y, list) else [y], arrays(golden, "y"), strict=True)
    return max(float(np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max())) for got, wanted in pairs)


@pytest.mark.parametrize("folder", ["micromobilenet", "mlperf_tiny", "public_ops"])
def test_goldens_before_and_after_all_passes(folder: str, models: Path) -> None:
    wrong = []
    for model, golden in goldens(models / folder):
        graph = load(model)
        # the autoencoder's inner values are a hundred times its outputs, and Keras' own rounding with them
        tolerance = 1e-4 if model.stem == "ad01" else 1e-5
        for stage, network in (("loaded", graph), ("optimised", optimise(graph))):
            difference = error(network, golden)
            if difference > tolerance:
                wrong.append(f"{model.name}, {stage}: {difference:.1e}")
    assert wrong == []
