"""Samples from a folder of files."""

from __future__ import annotations

import importlib
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from mnc.errors import CompileError
from mnc.frames import CALIBRATING, class_numbers, load_frames
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Identity
from mnc.ir.types import TensorType
from mnc.samples import load_labels

IMAGE = Graph("one", (Input("image", TensorType((2, 3, 1))),), (Node(("y",), Identity(), ("image",)),), ("y",))
VECTOR = Graph("one", (Input("x", TensorType((4,))),), (Node(("y",), Identity(), ("x",)),), ("y",))
TWO = Graph(
    "two",
    (Input("left", TensorType((4,))), Input("right", TensorType((4,)))),
    (Node(("y",), Add(), ("left", "right")),),
    ("y",),
)


def test_every_file_is_a_sample_in_the_order_of_their_names(tmp_path: Path) -> None:
    values = np.arange(18, dtype="<f4").reshape(3, 2, 3, 1)
    values[0].tofile(tmp_path / "a.bin")
    np.save(tmp_path / "b.npy", values[1].astype(np.float64))
    values[2].tofile(tmp_path / "c.RAW")
    (tmp_path / "labels.txt").write_text("not a sample")
    (tmp_path / "folder.bin").mkdir()
    assert np.array_equal(load_frames(tmp_path, IMAGE), values)
    np.save(tmp_path / "several.npy", values)
    assert load_frames(tmp_path, IMAGE).shape == (6, 2, 3, 1)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.bin", bytes(15), "the file has 15 bytes\nhint: an input of 4 in float32 has 16"),
        ("a.npy", b"hello", "not a NumPy .npy file"),
        ("a.npy", b"", "not a NumPy .npy file"),
        ("a.npy", b"PK\x03\x04", "not a NumPy .npy file"),
        ("a.npy", b"\x93NUMPY\x01\x00\x10\x00{'shape': (9,9", "not a NumPy .npy file"),
        ("a.txt", b"", "there is no sample in it"),
        ("a.png", b"", "an image is no sample of 4"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(name: str, content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CompileError) as fault:
        load_frames(tmp_path, VECTOR)
    assert what in str(fault.value)


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for array, what in (
        (np.zeros(5), "the sample has shape 5\nhint: the network takes 4"),
        (np.zeros(4, complex), "not real numbers"),
        (np.full(4, None), "not a NumPy .npy file"),
    ):
        np.save(tmp_path / "x.npy", array, allow_pickle=True)
        with pytest.raises(CompileError) as fault:
            load_frames(tmp_path, VECTOR)
        assert what in str(fault.value)


def test_a_folder_serves_one_input_only(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="the network has 2 inputs"):
        load_frames(tmp_path, TWO)


def png(rows: list[list[int]]) -> bytes:
    """A grey image as a file, by the format's definition."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    lines = b"".join(b"\0" + bytes(row) for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def test_images_need_to_know_what_black_and_white_are(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png([[0, 255, 51], [102, 153, 204]]))
    with pytest.raises(
        CompileError, match="argument 'pixels': what the network takes for black and white is not known"
    ):
        load_frames(tmp_path, IMAGE)


def test_images_are_scaled_to_the_input(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    (tmp_path / "a.png").write_bytes(png([[0, 255, 51], [102, 153, 204]]))
    (tmp_path / "b.png").write_bytes(png([[51] * 30] * 40))
    got = load_frames(tmp_path, IMAGE, (-1.0, 1.0))
    assert got.dtype == np.float32
    assert np.allclose(got[0, :, :, 0], [[-1, 1, -0.6], [-0.2, 0.2, 0.6]])
    assert np.allclose(got[1], -0.6)
    (tmp_path / "b.png").write_bytes(png([[0]])[:30])
    with pytest.raises(CompileError, match="the image cannot be read"):
        load_frames(tmp_path, IMAGE, (0.0, 1.0))


def test_without_pillow_the_way_to_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(png([[0]]))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError):
        importlib.import_module("PIL.Image")
    with pytest.raises(CompileError, match=r"reading images needs Pillow") as fault:
        load_frames(tmp_path, IMAGE, (0.0, 1.0))
    assert "pip install 'pillow>=" in str(fault.value)


def classes_folder(root: Path, counts: dict[str, int], start: float = 0.0) -> None:
    """Raw frames of the image's size, each filled with a number of its own: class * 100 + index."""
    for number, (name, count) in enumerate(sorted(counts.items())):
        (root / name).mkdir(parents=True)
        for i in range(count):
            np.full(IMAGE.inputs[0].type.shape, start + number * 100 + i, "<f4").tofile(root / name / f"{i:03}.raw")


def test_folders_of_classes_take_turns(tmp_path: Path) -> None:
    classes_folder(tmp_path, {"cat": 3, "ant": 1, "bee": 2})
    (tmp_path / ".cache").mkdir()
    got = load_frames(tmp_path, IMAGE)[:, 0, 0, 0]
    assert got.tolist() == [0, 100, 200, 101, 201, 202]
    assert class_numbers(tmp_path).tolist() == [0, 1, 2, 1, 2, 2]
    assert load_labels(tmp_path, 3, 6).tolist() == [0, 1, 2, 1, 2, 2]


def test_samples_are_spread_over_the_classes(tmp_path: Path) -> None:
    classes_folder(tmp_path, {"a": 90, "b": 10})
    got = load_frames(tmp_path, IMAGE, most=8)[:, 0, 0, 0]
    assert got.tolist() == [0, 100, 30, 103, 59, 106, 89, 109]


def test_folders_as_training_takes_them(tmp_path: Path) -> None:
    classes_folder(tmp_path / "train", {"a": 2, "b": 2})
    classes_folder(tmp_path / "test", {"a": 1, "b": 1}, start=1000.0)
    assert load_frames(tmp_path, IMAGE, splits=CALIBRATING).max() == 101
    assert load_frames(tmp_path, IMAGE).min() == 1000
    (tmp_path / "test" / "c").mkdir()
    with pytest.raises(CompileError, match="test/c: there is no sample of this class"):
        load_frames(tmp_path, IMAGE)


def test_a_flat_folder_has_no_classes(tmp_path: Path) -> None:
    np.zeros(IMAGE.inputs[0].type.shape, "<f4").tofile(tmp_path / "a.raw")
    with pytest.raises(CompileError, match="its samples are in no folders of classes"):
        class_numbers(tmp_path)
