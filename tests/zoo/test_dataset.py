"""Reading images to train with, and refusing what cannot be trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnc.cli import run
from mnc.errors import CompileError
from mnc.ir.types import Array
from mnc.zoo import dataset

Arrays = dict[str, Array]


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (20, 10)) -> None:
    """An image of one colour; `size` is (width, height)."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for split, count in (("train", 3), ("val", 1), ("test", 2)):
        for number in range(count):
            picture(root / split / "red" / f"{number}.png", (255, 0, 0))
            picture(root / split / "blue" / f"{number}.jpg", (0, 0, 255), (7, 30))
    return root


def test_a_folder_is_read_in_colour_and_in_grey(folder: Path) -> None:
    data = dataset.load(folder, (8, 6), 3)
    assert data.classes == ("blue", "red")
    assert data.shape == (8, 6, 3)
    assert data.train.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.val is not None and data.test is not None
    assert (len(data.val.x), len(data.test.x)) == (2, 4)
    np.testing.assert_allclose(data.train.x[3], np.broadcast_to([1, 0, 0], (8, 6, 3)))
    grey = dataset.load(folder)
    assert grey.shape == (96, 96, 1)
    np.testing.assert_allclose(grey.train.x[3], 76 / 255)  # 0.299 of red, as ITU-R 601-2 has it


def test_an_archive_holds_bytes_or_floats_and_numbers_or_one_hot(tmp_path: Path) -> None:
    x = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)
    y = np.array([0, 1, 2, 0, 1, 2])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y)
    np.savez(tmp_path / "b.npz", x_train=x[..., None] / np.float32(255), y_train=np.eye(3)[y], x_test=x, y_test=y)
    a, b = dataset.load(tmp_path / "a.npz"), dataset.load(tmp_path / "b.npz")
    assert a.shape == (5, 4, 1) and a.val is None and a.test is None
    np.testing.assert_array_equal(a.train.x, b.train.x)
    np.testing.assert_array_equal(a.train.y, b.train.y)
    assert a.fingerprint == b.fingerprint


X, Y = np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "there is no array 'x_train' in it"),
        ({"x_train": X}, "there is 'x_train' but no 'y_train'"),
        ({"x_train": X, "y_train": Y[:3]}, "there are 3 labels for 4 images"),
        ({"x_train": X, "y_train": Y * 0}, "there is only one class, '0'"),
        ({"x_train": X, "y_train": Y * 2}, "there is no image of class 1"),
        ({"x_train": X, "y_train": Y - 1}, "there is a label -1"),
        ({"x_train": X, "y_train": Y / 2}, "the labels are float64 of shape 4"),
        ({"x_train": X, "y_train": np.ones((4, 2))}, "the rows are not one-hot"),
        ({"x_train": X[0], "y_train": Y}, "there are 4 labels for 8 images"),
        ({"x_train": X[..., None], "y_train": Y}, "the images have shape 4x8x8x1x1"),
        ({"x_train": X.astype(np.int32), "y_train": Y}, "the images are int32"),
        ({"x_train": X + np.float32(np.nan), "y_train": Y}, "there is a pixel that is no number"),
        (
            {"x_train": X, "y_train": Y, "x_val": X[:, 1:], "y_val": Y},
            "the images have shape 7x8x1, those of x_train 8x8x1",
        ),
        ({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y * 2}, "there is a label 2; y_train has 0 to 1"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(CompileError) as refused:
        dataset.load(tmp_path / "data.npz")
    assert words in str(refused.value)
    assert len(refused.value.problems) == 1


def test_a_folder_that_does_not_fit_is_refused(folder: Path) -> None:
    def refusal(size: tuple[int, int] = (8, 8)) -> str:
        with pytest.raises(CompileError) as refused:
            dataset.load(folder, size)
        return str(refused.value)

    (folder / "train" / "blue" / "1.jpg").write_bytes(b"no image")
    (folder / "test" / "red" / "0.png").write_bytes(b"")
    said = refusal()
    assert "1.jpg: the image cannot be read" in said and "0.png: the image cannot be read" in said
    assert "too many to be held in memory" in refusal((60_000, 60_000))
    (folder / "val" / "green").mkdir()
    assert "this class is not in train/" in refusal()
    (folder / "train" / "green").mkdir()
    assert "train/green: there is no image of this class" in refusal().replace("\\", "/")
    (folder / "train").rename(folder / "other")
    assert "there is no folder train/ in it" in refusal()
    (folder / "train" / "blue").mkdir(parents=True)
    assert "there is only one class, 'blue'" in refusal()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pico", "--data", "missing"], "there is no such file or folder"),
        (["pico", "--data", "text.npz"], "not a NumPy .npy or .npz file"),
        (["piko", "--data", "data.npz"], "there is no network called 'piko'"),
        (["pico", "--data", "data.npz", "--epochs", "0"], "expected at least 1, not 0"),
        (["pico", "--data", "data.npz", "--learning-rate", "0"], "expected more than 0"),
        (["pico", "--data", "data.npz", "--dropout", "1"], "expected a share from 0 to less than 1"),
        (["pico", "--data", "data.npz", "--size", "9"], "the size of its images is 8x8, not 9x9"),
        (["pico", "--data", "data.npz", "--channels", "3"], "the channels of its images is 1, not 3"),
        (["pico", "--data", "data.npz", "-o", "pico.keras"], "the file must be called .h5"),
        (["pico", "--data", "data.npz", "-o", "no/where.h5"], "there is no such folder to write to"),
        (["pico", "--data", "tiny.npz"], "a window of 3 does not fit into 2"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x_train=X, y_train=Y)
    np.savez("tiny.npz", x_train=X[:, :2, :2], y_train=Y)
    Path("text.npz").write_text("no archive")
    assert run(["train", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert not [*tmp_path.glob("*.h5")]
