"""Backend cmsis-nn without the library: a stand-in checks every argument and computes what the library would."""

from __future__ import annotations

import pytest
from generated_c import SANITIZED, WARNINGS
from hypothesis import given
from networks import batches
from quantised_networks import IMAGES, quantised_networks
from same_bits import BATCH, assert_same_bits
from stand_in import CORES, STAND_IN, core

from mnc.ir.graph import Graph

ANY = quantised_networks() | quantised_networks(IMAGES, max_layers=9)
TARGETS = {"plain": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55"}
"""A target for each form of the library."""


@pytest.mark.parametrize("form", CORES)
@pytest.mark.parametrize("target", ["any", "its own"])
@BATCH
@given(graphs=batches(ANY, 12))
def test_random_networks(
    graphs: list[Graph], form: str, target: str, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is made for no target is right for all."""
    assert_same_bits(
        graphs,
        tmp_path_factory.mktemp("cmsis"),
        gcc,
        [*SANITIZED, *WARNINGS, core(form)],
        backend="cmsis-nn",
        target=None if target == "any" else TARGETS[form],
        library=STAND_IN,
    )
