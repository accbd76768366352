"""Small files that mean endless work: what a reading may take is counted in all, not piece by piece."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import SMALL_MODEL, SMALL_WEIGHTS, save_h5, save_zip, sequential
from limited import limited

from mnc import files
from mnc.errors import CompileError
from mnc.frontends import check, load, read
from mnc.frontends.budget import LEAST_BYTES, LIMITS, Budget, SpentError
from mnc.frontends.keras import hdf5
from mnc.frontends.keras.heap import damaged_heap
from mnc.frontends.keras.legacy_weights import _Listed
from mnc.frontends.keras.topology import Ref, in_order
from mnc.frontends.keras.weights import Count, Entry


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("json_bomb.keras", "config.json: reading the file takes"),
        ("laughs_14x10.h5", "the network has more than 16384 layers"),
        ("links100.keras", "everything is supported"),
        ("sparse_40x256MB.h5", "bytes of weights or more; the limit is 67,108,864"),
        ("strided_fraction.tflite", "begin, end and strides must be whole numbers"),
    ],
)
def test_a_small_file_ends_soon(name: str, said: str, fixtures: Path) -> None:
    ended = limited("check", fixtures / "hostile" / name)
    assert ended.status == (0 if "supported" in said else 1)
    assert said in ended.said
    assert ended.said.count("error: ") <= 1


def test_a_budget_is_of_the_whole_reading() -> None:
    budget = Budget(1000)
    for _ in range(4):
        budget.take("here", "bytes of weights", LEAST_BYTES // 4)
    with pytest.raises(SpentError, match="here: reading the file takes 67,108,865 bytes of weights or more"):
        budget.take("here", "bytes of weights")
    budget.take("here", "layers", LIMITS["layers"])
    assert Budget(2**27).limit("bytes of weights") == 2**30


BY_NAME = "weights looked at by name"
"""Only of lists whose order says nothing: `test_weights_are_looked_for_among_those_of_their_layer`."""


@pytest.mark.parametrize("what", sorted(LIMITS.keys() - {BY_NAME}))
def test_everything_that_has_a_limit_is_counted(
    what: str, fixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.h5"
    file.write_bytes((fixtures / "keras" / "nested.k2.h5").read_bytes())
    with h5py.File(file, "r+") as stored:
        group = stored["model_weights"]
        name = next(each for each in datasets(group) if group[each].size > 1)
        values = group[name][()]
        del group[name]
        group.create_dataset(name, data=values, chunks=tuple(max(1, n // 2) for n in values.shape))
    load(file)
    monkeypatch.setitem(LIMITS, what, 0)
    with pytest.raises(CompileError, match=f"reading the file takes [0-9,]+ {what} or more; the limit is 0"):
        load(file)


def datasets(group: Any) -> list[str]:
    """The names of the datasets below a group."""
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def test_layers_that_share_a_dataset_take_it_each(tmp_path: Path) -> None:
    dense = [("Dense", {"name": f"d{i}", "units": 2048, "use_bias": False}) for i in range(5)]
    names = [f"d{i}" for i in range(5)]
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 2048]})
    path = save_h5(tmp_path / "m.h5", sequential(given, *dense), {name: [] for name in names})
    with h5py.File(path, "r+") as file:
        file.create_dataset("one", (2048, 2048), "f4")  # 16 MB that are declared and not stored
        for name in names:
            file[f"model_weights/{name}/k"] = file["one"]
            file[f"model_weights/{name}"].attrs["weight_names"] = [b"k"]
    (problem,) = check(path)
    assert problem.where == "m.h5: model_weights/d4/k"
    assert "83,886,080 bytes of weights" in problem.what


def test_a_chunk_larger_than_its_dataset_counts(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv/conv/bias:0"]
        file["model_weights/conv/conv"].create_dataset("bias:0", (3,), "f4", maxshape=(None,), chunks=(2**26,))
    (problem,) = check(path)
    assert "takes 268,435,672 bytes of weights" in problem.what


def test_text_that_an_attribute_repeats_is_counted_before_it_is_read(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["long"] = "x" * 2**20
        names = [weight for weight, _ in SMALL_WEIGHTS["conv"]]
        group = file["model_weights/conv"]
        del group.attrs["weight_names"]
        group.attrs.create("weight_names", names * 100, dtype=h5py.string_dtype())
    (problem,) = read(path).problems
    assert "bytes of text" in problem.what


@pytest.mark.parametrize("way", ["soft", "hard", "deep"])
def test_no_link_leads_into_another_file(way: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["k"] = np.ones((3, 3, 2, 3), np.float32)
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv/conv/kernel:0"]
        file["away"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/")
        if way == "hard":
            file["model_weights/conv/conv/kernel:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "k")
        else:
            file["again"] = h5py.SoftLink("/away")
            target = "/away/k" if way == "soft" else "/./again/k"
            file["model_weights/conv/conv/kernel:0"] = h5py.SoftLink(target)
    (problem,) = check(path)
    assert "a link into another file, which is not followed" in problem.what


@pytest.mark.parametrize("target", ["/kept/k", "../../../kept/k", "/round", "k"])
def test_links_inside_the_file_are_followed_by_hand(target: str, tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    expected = load(path)
    with h5py.File(path, "r+") as file:
        file["kept/k"] = file["model_weights/conv/conv/kernel:0"]
        del file["model_weights/conv/conv/kernel:0"]
        file["round"] = h5py.SoftLink("/round")
        file["model_weights/conv/conv/kernel:0"] = h5py.SoftLink(target)
    reading = read(path)
    if target == "/kept/k":
        assert reading.graph == expected
    else:  # HDF5 has no `..` either
        (problem,) = reading.problems
        assert ("links lead" if target == "/round" else "is not there") in problem.what


def test_soft_links_are_read_as_what_they_lead_to(tmp_path: Path) -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["a/b/c"] = np.ones(3, np.float32)
        file["a/link"] = h5py.SoftLink("b/c")
        file["far"] = h5py.SoftLink("/a/./link")
    with hdf5.opened("f", memory.getvalue(), Budget(0)) as root:
        found = hdf5.child("f", root, "far")
        assert isinstance(found, hdf5.Dataset)
        assert hdf5.floats("f", found, "the kernel", (3,)).tolist() == [1, 1, 1]


def test_heaps_that_overlap_are_not_walked_through_again_and_again() -> None:
    collection = b"GCOL\1\0\0\0" + (2**18).to_bytes(8, "little")
    step = b"\1\0" + bytes(6) + bytes(8)  # an object of no bytes
    overlapping = (collection + step) * (2**18 // 32)
    assert damaged_heap(overlapping + bytes(2**18)) is not None


def test_a_long_queue_behind_a_circle_is_seen_through() -> None:
    count = 20_000
    calls: dict[str, list[tuple[Ref, ...]]] = {"a": [(Ref("b", 0, 0),)], "b": [(Ref("a", 0, 0),)]}
    calls |= {f"n{i}": [(Ref(f"n{i - 1}" if i else "a", 0, 0),)] for i in range(count)}
    with pytest.raises(CompileError, match="in a circle: 'a', 'b'\n"):
        in_order("m", calls, {})


def test_an_archive_of_very_many_members_is_not_opened(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "m.keras", SMALL_MODEL, {})
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(5000):
            archive.writestr(str(i), b"")
    (problem,) = check(path)
    assert problem.what == "the archive has more than 4,096 members, and no larger one is read"


@pytest.mark.parametrize("suffix", [".h5", ".mnc", ".tflite"])
def test_what_is_no_regular_file_is_refused_at_once(suffix: str, tmp_path: Path) -> None:
    fifo = tmp_path / f"m{suffix}"
    os.mkfifo(fifo)
    for path in (fifo, Path("/dev/zero"), Path("/dev/null")):
        (problem,) = check(path)
        assert problem.what == "this is not a regular file"
    assert limited("compile", fifo).status == 1
    assert limited("fmt", fifo).said.count("error: ") == 1


def test_a_file_is_measured_before_it_is_read(tmp_path: Path) -> None:
    for name, head in (
        ("m.tflite", b"\0\0\0\0TFL3"),
        ("m.mnc", b"network n" + b"\n" * 2**17),
        ("m.h5", b"\x89HDF\r\n\x1a\n"),
    ):
        path = tmp_path / name
        with path.open("wb") as file:
            file.write(head)
            file.truncate(2**31)  # takes no room on the disk
        ended = limited("check", path)
        assert ended.status == 1
        assert "the file has 2,147,483,648 bytes; the limit is" in ended.said


def test_contents_and_their_limit(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert files.content(path, 5) == b"12345"
    assert files.head(path, 3) == b"123"
    with pytest.raises(CompileError, match=r"5 bytes; the limit is 4\nhint: why"):
        files.content(path, 4, "why")
    with pytest.raises(CompileError, match="cannot be read: is a directory"):
        files.content(tmp_path, 4)


@pytest.mark.parametrize("same", [False, True])
def test_weights_are_looked_for_among_those_of_their_layer(same: bool) -> None:
    """A list that is longer than Keras' order goes by names: all names for every layer were quadratic."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["m/w"] = np.ones(1, np.float32)
    budget, count = Budget(0), 1500
    with hdf5.opened("f", memory.getvalue(), budget) as root:
        dataset = hdf5.child("f", root, "m/w")
        assert isinstance(dataset, hdf5.Dataset)
        names = ["d" if same else f"d{i}" for i in range(count)]
        entries = tuple(Entry("f", f"m/{name}/kernel:0", dataset) for name in [*names, "state"])
        model = _Listed("f", "f", ("m",), trainable=True, entries=entries)
        layers = [model.member(name, "Dense", i, trainable=True).layer(Count(1)) for i, name in enumerate(names)]
        if same:
            budget.take("f", "weights looked at by name", LIMITS["weights looked at by name"] - 9 * count)
            with pytest.raises(SpentError, match="weights looked at by name or more"):
                model.distribute(2)
            return
        model.distribute(2)
        assert [len(layer.shapes) for layer in layers] == [1] * count
        budget.take("f", "weights looked at by name", LIMITS["weights looked at by name"] - count)
        with pytest.raises(SpentError):
            budget.take("f", "weights looked at by name")
