"""Keras models whose file leaves something open: weights in another file, axes; and names as Windows writes them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from goldens import golden
from keras_files import numbers, save_h5, sequential

import mnc
from mnc.cli import run
from mnc.errors import CompileError
from mnc.frontends import load

DENSE = sequential(
    ("InputLayer", {"name": "i", "batch_input_shape": [None, 4]}),
    ("Dense", {"name": "d", "units": 3, "use_bias": True}),
)
WEIGHTS = {"d": [("d/kernel:0", numbers(4, 3)), ("d/bias:0", numbers(3))]}
X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)


def split(folder: Path) -> tuple[Path, Path]:
    """A configuration, and a whole model with its weights."""
    text = folder / "model.json"
    text.write_text(json.dumps({**DENSE, "keras_version": "2.15.0", "backend": "tensorflow"}))
    return text, save_h5(folder / "whole.h5", DENSE, WEIGHTS)


def test_a_configuration_and_a_whole_model(tmp_path: Path) -> None:
    text, whole = split(tmp_path)
    np.testing.assert_array_equal(mnc.load(text, weights=whole).predict(X), mnc.load(whole).predict(X))


@pytest.mark.parametrize("form", ["name first", "date first", "in a string", "with a mark of its bytes"])
def test_configurations_as_people_write_them(tmp_path: Path, form: str) -> None:
    text, whole = split(tmp_path)
    content = text.read_text()
    match form:
        case "name first":
            content = json.dumps({"name": "net", "registered_name": None, **json.loads(content)})
        case "date first":
            content = json.dumps({"saved": {"at": [2024, 5]}, **json.loads(content)}, indent=4)
        case "in a string":
            content = json.dumps(content)
        case _:
            content = "\ufeff" + content
    text.write_text(content, "utf-8")
    np.testing.assert_array_equal(mnc.load(text, weights=whole).predict(X), mnc.load(whole).predict(X))


@pytest.mark.parametrize("weights", ["k04_w.h5", "k04.weights.h5"])
def test_a_configuration_and_a_file_of_weights(models: Path, weights: str) -> None:
    folder = models / "field" / "json-and-weights"
    graph = mnc.load(folder / "k04.json", weights=folder / weights)
    assert graph.types[graph.outputs[0]].elements
    both = [mnc.load(folder / "k04.json", weights=folder / each) for each in ("k04_w.h5", "k04.weights.h5")]
    x = np.random.default_rng(0).normal(size=(4, *graph.inputs[0].type.shape)).astype(np.float32)
    np.testing.assert_array_equal(both[0].predict(x), both[1].predict(x))


@pytest.mark.parametrize("name", ["nested.k3.keras", "recurrent.k3.keras", "timed.k3.keras"])
def test_the_parts_of_an_archive(fixtures: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(fixtures / "keras" / name) as archive:
        (tmp_path / "config.json").write_bytes(archive.read("config.json"))
        (tmp_path / "model.weights.h5").write_bytes(archive.read("model.weights.h5"))
    graph = load(tmp_path / "config.json", weights=tmp_path / "model.weights.h5")
    assert graph.nodes == load(fixtures / "keras" / name).nodes


def test_a_configuration_alone_says_how_to_name_its_weights(tmp_path: Path) -> None:
    text, _ = split(tmp_path)
    with pytest.raises(CompileError, match=r"its weights are in another file\nhint: name that file: .*--weights"):
        load(text)


FOREIGN = {
    "no HDF5": b"weights",
    "an HDF5 file of something else": None,
    "an archive of something else": b"PK\x05\x06" + b"\0" * 18,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_weights_of_something_else(tmp_path: Path, kind: str) -> None:
    text, other = split(tmp_path)[0], tmp_path / "other.h5"
    content = FOREIGN[kind]
    if content is None:
        with h5py.File(other, "w") as file:
            file["data"] = numbers(3)
    else:
        other.write_bytes(content)
    with pytest.raises(CompileError, match=r"hint: name the file that model\.save_weights"):
        load(text, weights=other)


def test_weights_of_a_file_that_has_its_own(tmp_path: Path) -> None:
    _, whole = split(tmp_path)
    with pytest.raises(CompileError, match="weights are for network texts"):
        load(whole, weights=whole)


def test_weights_on_the_command_line(tmp_path: Path) -> None:
    text, whole = split(tmp_path)
    assert run(["compile", str(text), "--weights", str(whole), "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "model.c").exists()


def with_backslashes(path: Path, to: Path) -> Path:
    """An archive as Keras writes it on Windows: groups of HDF5 are called by paths with backslashes."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(to, "w") as out:
        stored = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        content = io.BytesIO()
        with h5py.File(content, "w") as file:

            def copy(name: str, item: h5py.Dataset | h5py.Group) -> None:
                if isinstance(item, h5py.Dataset):
                    owner, _, rest = name.rpartition("/vars/")
                    file[f"{owner.replace('/', chr(92))}/vars/{rest}"] = item[()]

            stored.visititems(copy)
        for member in archive.namelist():
            out.writestr(member, content.getvalue() if member == "model.weights.h5" else archive.read(member))
    return to


@pytest.mark.parametrize("name", ["nested.k3.keras", "nested.k2.keras", "recurrent.k3.keras", "timed.k3.keras"])
def test_archives_of_windows(fixtures: Path, tmp_path: Path, name: str) -> None:
    path = fixtures / "keras" / name
    inputs, expected = golden(path)
    y = load(with_backslashes(path, tmp_path / name)).predict(inputs if len(inputs) > 1 else inputs[0])
    for own, want in zip(y if isinstance(y, list) else [y], expected, strict=True):
        np.testing.assert_allclose(own, want, rtol=1e-4, atol=1e-5)


OPEN = sequential(
    ("InputLayer", {"name": "audio", "batch_input_shape": [None, None, 4]}),
    ("Dense", {"name": "d", "units": 3, "use_bias": True}),
)


def test_open_axes_are_refused_with_the_option_that_closes_them(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5", OPEN, WEIGHTS)
    with pytest.raises(
        CompileError, match=r"has no fixed shape: \(\?, 4\)\nhint: give it one: --input-shape audio=100,4"
    ):
        load(path)


def test_open_axes_take_a_shape(tmp_path: Path) -> None:
    graph = mnc.load(save_h5(tmp_path / "m.h5", OPEN, WEIGHTS), input_shapes={"audio": (7, 4)})
    assert [given.type.shape for given in graph.inputs] == [(7, 4)]
    assert graph.types[graph.outputs[0]].shape == (7, 3)


@pytest.mark.parametrize(
    ("shapes", "fault"),
    [
        ({"audio": (7, 5)}, "input 'audio' is (?, 4) in the file, not (7, 5)"),
        ({"audio": (7,)}, "input 'audio' is (?, 4) in the file, not (7)"),
        ({"video": (7, 4)}, "there is no input 'video'\nhint: its inputs are 'audio'"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path: Path, shapes: dict[str, tuple[int, ...]], fault: str) -> None:
    path = save_h5(tmp_path / "m.h5", OPEN, WEIGHTS)
    with pytest.raises(CompileError) as refused:
        load(path, input_shapes=shapes)
    assert fault in str(refused.value)


def test_shapes_on_the_command_line(tmp_path: Path) -> None:
    path = str(save_h5(tmp_path / "m.h5", OPEN, WEIGHTS))
    assert run(["check", path, "--input-shape", "audio=7,4"]) == 0
    assert run(["check", path, "--input-shape", "audio=7,x"]) == 2
    assert run(["check", path, "--input-shape", "audio=7,5"]) == 1


def test_a_name_that_a_shell_takes_apart_is_quoted(tmp_path: Path) -> None:
    model = json.loads(json.dumps(OPEN).replace("audio", "a b"))
    with pytest.raises(CompileError, match=r"hint: give it one: --input-shape 'a b=100,4'"):
        load(save_h5(tmp_path / "m.h5", model, WEIGHTS))


def test_an_input_of_whose_shape_the_file_says_nothing(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5", sequential(("Dense", {"name": "d", "units": 3})), WEIGHTS)
    with pytest.raises(CompileError, match=r"is unknown\nhint: give it one: --input-shape d_input="):
        load(path)
    y = load(path, input_shapes={"d_input": (4,)}).predict(X)
    assert isinstance(y, np.ndarray)
    assert y.shape == (2, 3)


def test_files_with_fixed_shapes_say_so(fixtures: Path, tmp_path: Path) -> None:
    text = tmp_path / "m.mnc"
    text.write_text("network m\ninput x: float32[3]\noutput relu(x)\n")
    with pytest.raises(CompileError, match=r"the input shapes of .* are fixed\nhint: write the shape into the text"):
        load(text, input_shapes={"x": (3,)})
    with pytest.raises(CompileError, match=r"'input': it is \(96, 96, 1\) in the file, not 9x9x1\nhint: name a shape"):
        load(fixtures / "pico.int8.tflite", input_shapes={"input": (9, 9, 1)})
