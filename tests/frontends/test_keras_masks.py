"""Masks go where Keras' masks go, and are read as Keras reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_keras import agrees, answers
from masked_networks import CASES


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return answers("masked_networks", tmp_path_factory.mktemp("masks"))


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize("name", CASES)
def test_masks(networks: Path, name: str, kind: str) -> None:
    agrees(networks, name, kind)
