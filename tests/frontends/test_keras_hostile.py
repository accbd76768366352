"""Whatever is in a file: a network comes out, or a CompileError that prints; nothing else."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import h5py
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_files import SMALL_MODEL, SMALL_WEIGHTS, save_h5, save_zip

from mnc.frontends import read
from mnc.frontends.keras.heap import damaged_heap

FIXTURES = Path(__file__).parent.parent / "fixtures" / "keras"
QUICKLY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.sampled_from([2**31 - 1, 10**12, 10**5000, -(10**5000)]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["same", "causal", "relu", "softmax", "channels_first", "conv", "image", "x" * 5000]),
    st.sampled_from(["Sequential", "Functional", "Dense", "Bidirectional", "TimeDistributed", "Reshape", "InputLayer"]),
    st.lists(st.one_of(st.none(), st.integers(-2, 9)), max_size=4),
    st.just({}),
    st.just([[["image", 0, 0, {}]]]),
    st.just({"class_name": "Dense", "config": {}}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something can be put in the place of something else."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key, item in inner for place in places(item, (*path, key)))]


@st.composite
def spoilt(draw: st.DrawFn, original: Any) -> Any:
    """A JSON value with a few things changed, removed, doubled or moved."""
    value = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 3))):
        known = places(value)
        if not known:
            break
        *path, key = draw(st.sampled_from(known))
        holder = value
        for step in path:
            holder = holder[step]
        change = draw(st.sampled_from(["replace", "replace", "remove", "move", "double"]))
        if change == "remove":
            del holder[key]
        elif change == "move":
            source = value
            for step in draw(st.sampled_from(known)):
                source = source[step]
            holder[key] = copy.deepcopy(source)
        elif change == "double" and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(draw(JUNK))
    return value


def survives(path: Path) -> None:
    """The reading is whole: a network, or problems that print."""
    reading = read(path)
    assert (reading.graph is None) == bool(reading.problems)
    for problem in reading.problems:
        assert str(problem).startswith("error: ")
        assert problem.hints


@QUICKLY
@given(spoilt(SMALL_MODEL))
def test_spoilt_configurations(tmp_path: Path, model: Any) -> None:
    survives(save_h5(tmp_path / "m.h5", as_text(model)))


def as_text(model: Any) -> str:
    """JSON, with numbers that Python itself does not print."""
    marked: list[int] = []

    def mark(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: mark(item) for key, item in value.items()}
        if isinstance(value, list):
            return [mark(item) for item in value]
        if isinstance(value, int) and abs(value) > 10**4000:
            marked.append(value)
            return f"enormous {value > 0}"
        return value

    text = json.dumps(mark(model))
    return text.replace('"enormous True"', "1" + "0" * 4200).replace('"enormous False"', "-1" + "0" * 4200)


def stored(name: str) -> Any:
    with h5py.File(FIXTURES / name, "r") as file:
        return json.loads(file.attrs["model_config"])


@pytest.mark.parametrize("name", ["recurrent", "timed", "nested", "merged", "normalised", "sequences"])
@settings(QUICKLY, max_examples=40)
@given(data=st.data())
def test_spoilt_configurations_of_every_layer(tmp_path: Path, name: str, data: st.DataObject) -> None:
    model = data.draw(spoilt(stored(f"{name}.k2.h5")))
    path = tmp_path / "m.h5"
    path.write_bytes((FIXTURES / f"{name}.k2.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = as_text(model)
    survives(path)


@QUICKLY
@given(spoilt(SMALL_MODEL))
def test_spoilt_archives(tmp_path: Path, model: Any) -> None:
    variables = {f"layers/{name}/vars/{i}": v for name, own in SMALL_WEIGHTS.items() for i, (_, v) in enumerate(own)}
    survives(save_zip(tmp_path / "m.keras", as_text(model), variables))


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, str]:
    names = [f"model_weights/{layer}/{name}" for layer, own in SMALL_WEIGHTS.items() for name, _ in own]
    groups = [f"model_weights/{layer}" for layer in SMALL_WEIGHTS] + ["model_weights"]
    place = draw(st.sampled_from(names + groups))
    return place, draw(st.sampled_from(["gone", "soft", "hard", "external", "group", "scalar", "huge", "text"]))


@QUICKLY
@given(st.lists(changes(), min_size=1, max_size=3))
def test_spoilt_weights(tmp_path: Path, made: list[tuple[str, str]]) -> None:
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        for place, change in made:
            if place in file:
                del file[place]
            if place.rpartition("/")[0] not in file:
                continue
            if change == "soft":
                file[place] = h5py.SoftLink("/model_weights")
            elif change == "hard":
                file[place] = file["/"]
            elif change == "external":
                file[place] = h5py.ExternalLink("/etc/passwd", "/")
            elif change == "group":
                file.create_group(place)
            elif change == "scalar":
                file[place] = 3.0
            elif change == "huge":
                file.create_dataset(place, shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000))
            elif change == "text":
                file[place] = "text"
    survives(path)


@QUICKLY
@given(st.binary(max_size=200), st.sampled_from([b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"PK\x05\x06"]))
def test_noise_behind_a_signature(tmp_path: Path, noise: bytes, signature: bytes) -> None:
    path = tmp_path / "m"
    path.write_bytes(signature + noise)
    survives(path)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@settings(QUICKLY, max_examples=60)
@given(kept=st.integers(0, 20_000))
def test_truncated_anywhere(tmp_path: Path, suffix: str, kept: int) -> None:
    path = tmp_path / f"m{suffix}"
    save_h5(path) if suffix == ".h5" else save_zip(path, SMALL_MODEL, {})
    path.write_bytes(path.read_bytes()[:kept])
    survives(path)


def heap(*objects: tuple[int, int], size: int = 4096) -> bytes:
    """A global heap collection with objects of these (index, size)."""
    content = b"GCOL\x01\0\0\0" + size.to_bytes(8, "little")
    for index, length in objects:
        content += index.to_bytes(2, "little") + bytes(6) + length.to_bytes(8, "little")
        content += bytes(0 if index == 0 else -(-length // 8) * 8)
    return content.ljust(4096, b"\0")


def test_heaps_that_hdf5_must_not_walk_through() -> None:
    assert damaged_heap(b"") is None
    assert damaged_heap(heap((1, 10), (0, 4096 - 16 - 32))) is None
    assert damaged_heap(heap((1, 4096 - 32))) is None
    assert damaged_heap(b"12345678" + heap((1, 10), (0, 0))) == 8  # HDF5 never comes to its end
    assert damaged_heap(heap((1, 5000))) == 0
    assert damaged_heap(heap((1, 10), (0, 100))) == 0
    assert damaged_heap(heap((1, 10), (0, 4096 - 16 - 32), size=8192)) == 0
    assert damaged_heap(heap(size=16)) == 0
    assert damaged_heap(heap()[:12]) == 0


def test_a_file_with_a_damaged_heap_is_refused_before_hdf5_sees_it(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    content = bytearray(path.read_bytes())
    place = content.find(b"GCOL")
    content[place + 24 : place + 32] = (2**40).to_bytes(8, "little")
    path.write_bytes(content)
    (problem,) = read(path).problems
    assert problem.what == f"the HDF5 data is damaged at byte {place}"
