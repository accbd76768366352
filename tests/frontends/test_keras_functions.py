"""Every group of operations of `keras.ops` that mnc reads, beside what Keras computes."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_keras import agrees, answers
from operation_networks import CASES


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return answers("operation_networks", tmp_path_factory.mktemp("operations"))


@pytest.mark.parametrize("name", CASES)
def test_operations(networks: Path, name: str) -> None:
    for kind in ("keras", "h5"):
        agrees(networks, name, kind)
