"""The cheapest families of `keras.applications` are read and give Keras' answers, MobileNetV3Small in int8, too."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from application_networks import CASES, IMAGES
from live_keras import agrees, answers

from mnc import backends
from mnc.frontends import load
from mnc.quantise.front import quantised
from mnc.quantise.pipeline import Scheme


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return answers("application_networks", tmp_path_factory.mktemp("applications"))


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize("name", CASES)
def test_applications(networks: Path, name: str, kind: str) -> None:
    answers = np.load(networks / f"{name}.npz")["y0"]
    assert np.ptp(answers, axis=0).max() > 1e-2 * np.abs(answers).max()  # else any network would do
    agrees(networks, name, kind)


def test_mobilenet_v3_small_in_int8(networks: Path) -> None:
    stored = np.load(networks / "mobilenet_v3_small.npz")
    x, truth = stored["x0"], stored["y0"]
    half = IMAGES // 2
    graph = load(networks / "mobilenet_v3_small.keras")
    answer = quantised(graph, Scheme(x[:half]), partial(backends.refusals, backends.get("c"))).graph.predict(x[half:])
    assert isinstance(answer, np.ndarray)
    noise = np.sum((answer - truth[half:]) ** 2)
    assert 10 * np.log10(np.sum(truth[half:] ** 2) / noise) >= 30.0
