from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Identity
from mnc.ir.types import DType, Quantisation, TensorType
from mnc.samples import load_labels, load_samples

ONE = Graph("one", (Input("image", TensorType((2, 3))),), (Node(("y",), Identity(), ("image",)),), ("y",))
TWO = Graph(
    "two",
    (Input("left", TensorType((4,))), Input("right", TensorType((4,)))),
    (Node(("y",), Add(), ("left", "right")),),
    ("y",),
)


def test_npy_holds_the_only_input_in_any_real_type(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    (x,) = load_samples(tmp_path / "x.npy", ONE)
    assert x.dtype == np.float32
    assert x.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]


def test_npz_holds_inputs_by_name_or_number(tmp_path: Path) -> None:
    left, right = np.zeros((5, 4)), np.ones((5, 4))
    np.savez(tmp_path / "named.npz", right=right, left=left, y=np.zeros(3))
    np.savez(tmp_path / "numbered.npz", x0=left, x1=right)
    for file in ("named.npz", "numbered.npz"):
        got = load_samples(tmp_path / file, TWO)
        assert [array.tolist() for array in got] == [left.tolist(), right.tolist()]


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"x0": np.zeros((5, 4))}, "no samples for input 'right'"),
        ({}, "no samples for input 'left'"),
        ({"x0": np.zeros((5, 4)), "x1": np.zeros((6, 4))}, "different numbers of samples: 5, 6"),
        ({"x0": np.zeros((0, 4)), "x1": np.zeros((0, 4))}, "there is no sample in it"),
        ({"x0": np.zeros((5, 3)), "x1": np.zeros((5, 4))}, "input 'left': the samples have shape 5x3"),
        ({"x0": np.zeros(4), "x1": np.zeros((5, 4))}, "input 'left': the samples have shape 4"),
        ({"x0": np.full((5, 4), "a"), "x1": np.zeros((5, 4))}, "real numbers, not "),
        ({"x0": np.zeros((5, 4), complex), "x1": np.zeros((5, 4))}, "real numbers, not "),
        ({"x0": np.full((5, 4), None), "x1": np.zeros((5, 4))}, "not a NumPy"),
    ],
)
def test_what_does_not_fit_is_refused(arrays: dict[str, np.ndarray], what: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub takes `allow_pickle` for one of them
    with pytest.raises(CompileError, match=what):
        load_samples(tmp_path / "x.npz", TWO)


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{", b"PK\x03\x04", b"\x80\x04N.", b"text"]
)
def test_what_is_no_numpy_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(CompileError, match="not a NumPy"):
        load_samples(tmp_path / "x.npy", ONE)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="the file cannot be read: no such file"):
        load_samples(tmp_path / "x.npy", ONE)


def archive(compressed: bool) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, x0=np.zeros((5, 4)), x1=np.ones((5, 4)))
    return file.getvalue()


@settings(max_examples=150)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_archive_is_refused_or_read(compressed: bool, damage: list[tuple[int, int]]) -> None:
    content = bytearray(archive(compressed))
    for place, value in damage:
        content[place % len(content)] = value
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.npz"
        file.write_bytes(content)
        with contextlib.suppress(CompileError):
            load_samples(file, TWO)


def test_a_quantised_input_takes_real_numbers_or_stored_ones(tmp_path: Path) -> None:
    stored = Input("x", TensorType((2,), DType.INT8, Quantisation((0.25,), -8)))
    graph = Graph("stored", (stored,), (Node(("y",), Identity(), ("x",)),), ("y",))
    for fed, dtype in ((np.array([[1.0, 99.0]]), np.float64), (np.array([[1, 99]]), np.int8)):
        np.save(tmp_path / "x.npy", fed)
        (x,) = load_samples(tmp_path / "x.npy", graph)
        assert x.dtype == dtype
        assert x.tolist() == fed.tolist()
    for fed in (np.array([[1, 200]]), np.array([[1, 99]], np.uint8), np.array([[np.nan, 1.0]])):
        np.save(tmp_path / "x.npy", fed)
        with pytest.raises(CompileError, match="input 'x'"):
            load_samples(tmp_path / "x.npy", graph)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([2, 0, 1]),
        np.array([[2], [0], [1]], np.uint8),
        np.eye(3)[[2, 0, 1]],
        np.eye(3, dtype=bool)[[2, 0, 1]],
    ],
)
def test_labels_are_numbers_or_one_hot(labels: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", labels)
    np.savez(tmp_path / "y.npz", x=np.zeros(1), labels=labels)
    np.savez(tmp_path / "only.npz", anything=labels)
    for file in ("y.npy", "y.npz", "only.npz"):
        assert load_labels(tmp_path / file, classes=3, samples=3).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"labels": np.array([0, 1])}, "there are 2 labels for 3 samples"),
        ({"labels": np.array([0, 1, 3])}, "there is a label 3; the network has 3 classes, from 0"),
        ({"labels": np.array([0, 1, -1])}, "there is a label -1"),
        ({"labels": np.array([0.5, 1, 2])}, "the labels are float64 of shape 3"),
        ({"labels": np.zeros((3, 4))}, "the labels are float64 of shape 3x4"),
        ({"labels": np.array(["a", "b", "c"])}, "the labels are <U1 of shape 3"),
        ({"a": np.zeros(3), "b": np.zeros(3)}, "there are no labels in it"),
    ],
)
def test_labels_that_do_not_fit_are_refused(arrays: dict[str, np.ndarray], what: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "y.npz", **arrays)  # type: ignore[arg-type]  # see above
    with pytest.raises(CompileError, match=what):
        load_labels(tmp_path / "y.npz", classes=3, samples=3)
