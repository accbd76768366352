"""Files of other tools: recognised by content, whatever they are called, and the way from each is said."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from keras_files import refusal, save_h5

from mnc.cli import run
from mnc.frontends import load
from mnc.frontends.foreign import FOREIGN, refused


def field(number: int, value: int | bytes) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"\0" * 20)
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.tflite"))
    return content.getvalue()


class Trap:
    """Whoever unpickles one makes a folder."""

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.mkdir, (Path("trapped"),)


NODE = field(1, b"Placeholder") + field(2, b"Placeholder")
FILES: dict[str, tuple[bytes, str]] = {
    "m.onnx": (
        field(1, 8) + field(2, b"tf2onnx") + field(7, b"\x0a\x05" + b"\0" * 300) + field(8, field(2, 9)),
        "onnx2tf -i model.onnx",
    ),
    "large.onnx": (field(1, 9) + field(2, b"pytorch") + varint(7 << 3 | 2) + varint(10**8) + b"\0" * 99, "onnx2tf"),
    "m.ort": (b"\x1c\0\0\0ORTM" + b"\0" * 99, "onnx2tf"),
    "m.pt": (zipped("archive/data.pkl", "archive/version", "archive/data/0"), "litert_torch.convert"),
    "m.script.pt": (zipped("m/constants.pkl", "m/code/__torch__.py"), "litert_torch.convert"),
    "m.pth": (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "litert_torch.convert"),
    "m.pte": (b"\x1c\0\0\0ET12" + b"\0" * 99, "litert_torch.convert"),
    "m.pickle": (pickle.dumps(Trap()), "set_weights"),
    "m.joblib": (pickle.dumps(np.zeros(9), protocol=2), "set_weights"),
    "m.pkl": (pickle.dumps(Trap(), protocol=0), "set_weights"),
    "saved_model.pb": (field(1, 1) + field(2, field(1, b"\x0a\x00") + field(2, b"\0" * 200)), "from_saved_model"),
    "saved.zip": (zipped("saved/saved_model.pb", "saved/variables/variables.index"), "from_saved_model"),
    "frozen.pb": (field(1, NODE) + field(1, NODE), "from_frozen_graph"),
    "m.mlmodel": (field(1, 4) + field(2, b"\x0a\0") + field(403, b"\0" * 9), "model.save('model.h5')"),
    "m.zip": (zipped("read me.txt", "net/model.tflite"), "unpack it"),
    "m.gz": (b"\x1f\x8b\x08" + b"\0" * 20, "unpack it"),
    "m.tar": (tarred(), "unpack it"),
    "m.gguf": (b"GGUF\x03\0\0\0" + b"\0" * 50, "microcontrollers"),
    "m.safetensors": (struct.pack("<Q", 30) + b'{"a": {"dtype": "F32", "shape"', "load_weights"),
    "x.npy": (b"\x93NUMPY\x01\0v\0{'descr': '<f4'", "--calibration"),
    "x.npz": (zipped("x.npy", "y.npy"), "--calibration"),
    "tfjs.json": (b'{"format": "layers-model", "modelTopology": {}}', "tensorflowjs_converter"),
    "model_data.cc": (
        b'#include "model.h"\nalignas(16) const uint8_t g[] = {0x1c, 0x00, 0x00, 0x00, 0x54, 0x46, 0x4c, 0x33,',
        "xxd -r -p",
    ),
    "train.py": (b"# trains\nimport tensorflow as tf\nmodel = tf.keras.Sequential()\n", "run it"),
    "m.xml": (b'<?xml version="1.0"?>\n<net name="m" version="11">', "made from"),
    "download.h5": (b"<!DOCTYPE html><html>", "download the file itself"),
    "lfs.tflite": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 88200\n", "git lfs pull"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("ending", ["", ".h5", ".mnc"])
def test_a_file_of_another_kind_is_recognised_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ending: str
) -> None:
    content, hint = FILES[name]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"{name}{ending}"
    path.write_bytes(content)
    error, *hints = refusal(path).splitlines()
    assert error.startswith(f"error: {path.name}: this is a")
    assert hint in " ".join(hints)
    assert list(tmp_path.iterdir()) == [path], "nothing was unpacked or run"


FOLDERS: dict[str, tuple[Sequence[str], str]] = {
    "saved": (("saved_model.pb", "variables", "assets"), "from_saved_model"),
    "checkpoints": (("checkpoint", "cp.ckpt.index", "cp.ckpt.data-00000-of-00001"), "load_weights"),
    "unpacked": (("config.json", "metadata.json", "model.weights.h5"), "zip model.keras"),
    "web": (("model.json", "group1-shard1of1.bin"), "tensorflowjs_converter"),
    "photos": (("a.png",), "give the model's file"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_are_recognised(tmp_path: Path, name: str) -> None:
    names, hint = FOLDERS[name]
    folder = tmp_path / name
    folder.mkdir()
    for each in names:
        (folder / each).touch()
    error, *hints = refusal(folder).splitlines()
    assert error.startswith(f"error: {name}: this is a")
    assert hint in " ".join(hints)


def test_every_kind_is_tried_here(tmp_path: Path) -> None:
    """A kind without a file or folder above could recognise nothing and nobody would see it."""
    tried = set()
    for name, (content, _) in FILES.items():
        (tmp_path / name).write_bytes(content)
        tried.add(refusal(tmp_path / name).splitlines()[0].partition(": this is ")[2])
    assert {kind.name for kind in FOREIGN} - tried == {
        "a TensorFlow checkpoint, which holds weights only",
        "an unpacked Keras model",
    }


def test_models_that_are_read_are_not_taken_for_something_else(fixtures: Path, root: Path) -> None:
    read = [
        path
        for folder in (fixtures, root / "mnc", root / "examples")
        for path in folder.rglob("*")
        if path.suffix in (".h5", ".keras", ".tflite", ".mnc")
    ]
    assert len(read) > 40
    assert [path for path in read if refused(path, path.read_bytes()[:65536])] == []


def test_onnx_files_of_a_real_exporter(models: Path) -> None:
    for path in sorted(models.glob("*/*.onnx")):
        assert "this is an ONNX model" in refusal(path)


def test_texts_that_begin_oddly_are_still_the_languages_own(tmp_path: Path) -> None:
    path = tmp_path / "m.txt"
    for text in ("\n \n# import this\nnetwork n(x: float[4])\n", "conv\n", "imports\n"):
        path.write_text(text)
        assert ": this is a" not in refusal(path)


def test_compile_prints_one_error_with_its_hints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(FILES["m.onnx"][0])
    assert run(["compile", str(path), "-o", str(tmp_path / "out")]) == 1
    error, first, second = capsys.readouterr().err.splitlines()
    assert error == "error: m.onnx: this is an ONNX model"
    assert first == "hint: convert it to TensorFlow Lite with: onnx2tf -i model.onnx"
    assert second.startswith("hint: if it was made from a Keras model")
    assert not (tmp_path / "out").exists()


def test_a_keras_archive_may_hold_files_of_other_names(tmp_path: Path, fixtures: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes((fixtures / "keras" / "nested.k3.keras").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/labels.h5", b"x")
    assert load(path)
    assert load(save_h5(tmp_path / "m.onnx"))
