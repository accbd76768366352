"""The quick start: its digits, its files, and its words on a network's forms.  Training is tested elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnc
from mnc.cli import run
from mnc.commands.quickstart import FILES
from mnc.extras import install
from mnc.output import MARK
from mnc.zoo.dataset import Dataset, Split
from mnc.zoo.digits import digits, enlarged
from mnc.zoo.quickstart import versions


def test_the_digits_are_enlarged_as_those_that_keras_was_given(models: Path) -> None:
    folder = models / "micromobilenet"
    with np.load(folder / "digits96_test.npz") as test, np.load(folder / "nano.golden.npz") as golden:
        np.testing.assert_array_equal(enlarged(test["x8"][:16].astype(np.int64)), golden["x"])


def test_the_digits_are_split_as_those_that_keras_was_given(models: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    data = digits()
    assert data.test is not None
    with np.load(models / "micromobilenet" / "digits96_test.npz") as test:
        np.testing.assert_array_equal(enlarged(test["x8"].astype(np.int64)), data.test.x)
        np.testing.assert_array_equal(test["labels"], data.test.y)


def test_the_code_chooses_what_the_network_chooses(models: Path, cc: str, root: Path) -> None:
    folder = models / "micromobilenet"
    with np.load(folder / "digits96_test.npz") as test, np.load(folder / "digits96_calib.npz") as calibration:
        seen = enlarged(calibration["x8"].astype(np.int64))
        asked = Split(enlarged(test["x8"][:60].astype(np.int64)), test["labels"][:60])
    data = Dataset(tuple("0123456789"), Split(seen, np.zeros(len(seen), np.int64)), None, asked)
    graph = mnc.load(root / "examples" / "digits" / "nano.h5")
    keras, real, integers = versions("nano", graph, lambda x: np.asarray(graph.predict(x)), data)
    assert keras.build is None and real.build is not None and integers.build is not None
    assert (keras.agreement, real.agreement) == (1.0, 1.0)
    assert keras.accuracy == real.accuracy > 0.95
    assert integers.accuracy > 0.95
    assert (real.build.report.dtype, integers.build.report.dtype) == ("float32", "int8")


@pytest.mark.parametrize("name", FILES)
def test_no_file_that_mnc_has_not_made_is_replaced(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine")
    assert run(["quickstart", "-o", str(tmp_path)]) == 1
    assert f"error: {tmp_path / name}: the file is there, and mnc has not made it" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.filterwarnings("default")  # Keras' own
def test_the_whole_way_writes_its_files_over_old_ones_of_its_own(
    keras: Any, models: Path, cc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(models / "micromobilenet" / "digits96_test.npz") as test:
        few = Split(enlarged(test["x8"][:16].astype(np.int64)), test["labels"][:16])
    monkeypatch.setattr("mnc.zoo.digits.digits", lambda: Dataset(tuple("0123456789"), few, None, few))
    for name in FILES:
        (tmp_path / name).write_bytes(MARK)
    assert run(["quickstart", "-o", str(tmp_path), "--epochs", "1"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert mnc.load(tmp_path / "pico.h5").inputs[0].type.shape == (96, 96, 1)


@pytest.mark.parametrize("missing", ["sklearn.datasets", "keras"])
def test_what_is_not_installed_is_named(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if missing == "keras":
        monkeypatch.setattr("mnc.zoo.digits.digits", lambda: None)
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(["quickstart", "-o", str(tmp_path / "out")]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.endswith("which is not installed")
    assert hint == f"hint: {install('train')}"
    assert not (tmp_path / "out").exists()
