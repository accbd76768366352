"""Networks that Keras answers for: what is read of their files, and their generated C, in float32 and masks in int8."""

from __future__ import annotations

from pathlib import Path

import masked_networks
import numpy as np
import pytest
import rare_networks
from generated_c import Case, run_cases
from live_keras import agrees, answers
from same_bits import case_of

import mnc
from mnc.ir.types import Array
from mnc.reference import predict

CASES = {**masked_networks.CASES, **rare_networks.CASES}
PLAIN = ("-Wall", "-Werror")
COUNTS = 8
"""How often the samples are there for calibration, each time a little louder."""
ENOUGH = 20.0
"""Decibels that int8 keeps of these small networks, whose weights are random."""
IN_INT8 = (
    *("read_words", "met_add", "read_lstm", "read_mean", "read_attention"),
    *("of_two_attention", "of_two_heads_causal", "of_two_heads_scores", "of_two_grouped"),
)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    return answers("rare_networks", answers("masked_networks", folder))


def ends(networks: Path, name: str) -> tuple[list[Array], list[Array]]:
    """Inputs and what Keras answered."""
    stored = np.load(networks / f"{name}.npz")
    inputs, outputs = ([stored[key] for key in stored.files if key[0] == letter] for letter in "xy")
    return inputs, outputs


@pytest.mark.parametrize("name", CASES)
def test_reading(networks: Path, name: str) -> None:
    agrees(networks, name, "h5")


def test_generated_c(networks: Path, tcc: str, tmp_path: Path) -> None:
    cases, truths = [], {}
    for name in CASES:
        inputs, truths[name] = ends(networks, name)
        files = mnc.compile(mnc.load(networks / f"{name}.keras"), name=f"net_{name}").files
        cases.append(Case(f"net_{name}", files, inputs, [y[0].size for y in truths[name]]))
    for (name, truth), found in zip(truths.items(), run_cases(cases, tmp_path, tcc, PLAIN), strict=True):
        for own, want in zip(found, truth, strict=True):
            np.testing.assert_allclose(own.reshape(want.shape), want, 0, 1e-4 * np.abs(want).max(), err_msg=name)


def test_masks_in_int8(networks: Path, tcc: str, tmp_path: Path) -> None:
    """A mask hides in steps of a scale what it hides in float, and its -1e9 leaves the scores what they are."""
    cases: list[Case] = []
    wanted: list[Array | list[Array]] = []
    for name in IN_INT8:
        inputs, truth = ends(networks, name)
        louder = [x * np.linspace(0.8, 1.2, COUNTS, dtype=np.float32).reshape(-1, *[1] * x.ndim) for x in inputs]
        seen = [
            (np.broadcast_to(x, (COUNTS, *x.shape)) if (x == x.round()).all() else more).reshape(-1, *x.shape[1:])
            for x, more in zip(inputs, louder, strict=True)
        ]
        graph = mnc.load(networks / f"{name}.keras")
        built = mnc.compile(graph, name=f"net_{name}", quantize="int8", calibration=seen, allow_loss=True)
        given = [end.type.stored(x) for end, x in zip(built.graph.inputs, inputs, strict=True)]
        cases.append(case_of(built, given))
        wanted.append(predict(built.graph, given))
        for output, own, want in zip(built.graph.outputs, _listed(wanted[-1]), truth, strict=True):
            noise = np.sum((built.graph.types[output].real(own).reshape(want.shape) - want) ** 2)
            assert 10.0 * np.log10(np.sum(want**2) / noise) >= ENOUGH, name
    for case, found, exactly in zip(cases, run_cases(cases, tmp_path, tcc, PLAIN), wanted, strict=True):
        for own, exact in zip(found, _listed(exactly), strict=True):
            np.testing.assert_allclose(own, exact.reshape(own.shape), 0, 1e-6, err_msg=case.name)


def _listed(values: Array | list[Array]) -> list[Array]:
    return values if isinstance(values, list) else [values]
