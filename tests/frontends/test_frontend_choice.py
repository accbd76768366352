"""The content of a file decides which frontend reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from keras_files import refusal, save_h5

from mnc.errors import CompileError
from mnc.frontends import FRONTENDS, check, load, read


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    for name in ("model.h5", "model.txt", "model", "Model 1.keras"):
        graph = load(save_h5(tmp_path / name))
        assert graph.name == name.split(".")[0]


@pytest.mark.parametrize("userblock", [512, 1024, 4096])
def test_hdf5_behind_a_user_block(tmp_path: Path, userblock: int) -> None:
    path = save_h5(tmp_path / "m.h5", userblock=userblock)
    with path.open("r+b") as file:
        file.write(b"x" * userblock)
    assert load(path) == load(save_h5(tmp_path / "m.other.h5"))


def test_every_frontend_declines_what_is_nothing() -> None:
    for frontend in FRONTENDS:
        assert not frontend.recognises(b"\x00" * 100)


def test_unknown_content(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(bytes(range(256)))
    assert refusal(path).startswith(
        "error: m.h5: the file is of no known kind\nhint: mnc reads Keras .h5, Keras .keras"
    )


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.touch()
    assert refusal(path) == "error: m.h5: the file is empty\nhint: save the model again, or copy the file again"


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    assert refusal(path) == f"error: {path}: the file cannot be read: no such file or directory"


def test_directory(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    assert refusal(saved) == ("error: saved: this is a folder, not a model\nhint: give the model's file")


def test_load_raises_what_check_returns(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5", "{")
    with pytest.raises(CompileError) as raised:
        load(path)
    assert raised.value.problems == check(path) == read(path).problems
