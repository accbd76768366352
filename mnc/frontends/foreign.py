"""Files of other kinds: each is told by its content, and the way from it to a file that mnc reads is said.

Nothing is unpickled, parsed further than its first fields, or unpacked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mnc.errors import CompileError, refuse


def _never(_found: object) -> bool:
    return False


@dataclass(frozen=True)
class Foreign:
    """A kind of file that mnc does not read."""

    name: str
    hints: tuple[str, ...]
    """Ways to a file that it reads."""
    begins: Callable[[bytes], bool] = _never
    """Whether a file that begins with these bytes is of this kind."""
    packs: Callable[[list[str]], bool] = _never
    """Whether a zip archive that has members of these names is of this kind."""
    holds: Callable[[set[str]], bool] = _never
    """Whether a folder in which these names lie is of this kind."""


def refused(path: Path, head: bytes) -> CompileError | None:
    """The refusal of a file, by its first bytes, where it is of a kind listed here."""
    return _as(path.name, next((kind for kind in FOREIGN if kind.begins(head)), None))


def refused_archive(path: Path, names: list[str]) -> CompileError | None:
    """The refusal of a zip archive that is no Keras model, by its members' names."""
    kind = next((kind for kind in FOREIGN if kind.packs(names)), None)
    packed = next((name for name in names if name.lower().endswith((".tflite", ".h5", ".keras", ".mnc"))), None)
    if kind is None and packed is not None:
        what = f"this is an archive in which {packed[:60]!r} lies"
        return refuse(path.name, what, "unpack it, and give the file itself")
    return _as(path.name, kind)


def _as(where: str, kind: Foreign | None) -> CompileError | None:
    return None if kind is None else refuse(where, f"this is {kind.name}", *kind.hints)


def refused_folder(path: Path) -> CompileError:
    """The refusal of a folder."""
    try:
        names = {member.name for member in path.iterdir()}
    except OSError as fault:
        return refuse(str(path), f"the folder cannot be read: {(fault.strerror or 'unknown reason').lower()}")
    kind = next((kind for kind in FOREIGN if kind.holds(names)), None)
    return _as(path.name, kind) or refuse(path.name, "this is a folder, not a model", "give the model's file")


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    return lambda head: re.match(pattern, head, re.DOTALL) is not None


def _any_named(pattern: str) -> Callable[[list[str]], bool]:
    return lambda names: any(re.fullmatch(pattern, name) for name in names)


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message by their numbers, as far as they are whole numbers or bytes.

    The wire format is that of protobuf's documentation, "Encoding": a tag is
    number * 8 + type; type 0 is a varint, 2 a length and as many bytes.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in (0, 2) or place >= len(message):
            return
        value, place = _varint(message, place)
        yield number, value if kind == 0 else message[place : place + value]
        place += value if kind == 2 else 0


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 64:
        byte = message[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            break
    return value, place


def _is_onnx(head: bytes) -> bool:
    """ModelProto: ir_version (1), then among others graph (7) or opset_import (8); no number above 25."""
    match list(fields(head)):
        case [(1, int(version)), *others]:
            numbers = {number for number, _ in others}
            return version < 64 and not numbers.isdisjoint({7, 8}) and max(numbers) <= 25
    return False


def _is_saved_model(head: bytes) -> bool:
    """SavedModel: saved_model_schema_version (1) is 1, and meta_graphs (2) begins with meta_info_def (1)."""
    match list(fields(head)):
        case [(1, 1), (2, bytes(graph)), *_]:
            return graph.startswith(b"\x0a")
    return False


def _is_frozen_graph(head: bytes) -> bool:
    """GraphDef: its first node (1) has a name (1) and an operation (2), which is a word."""
    match list(fields(head)):
        case [(1, bytes(node)), *_]:
            match list(fields(node)):
                case [(1, bytes()), (2, bytes(operation)), *_]:
                    return re.fullmatch(rb"[A-Z]\w{1,60}", operation) is not None
    return False


def _is_core_ml(head: bytes) -> bool:
    """Model: specificationVersion (1), description (2), then a kind of model, whose number is 200 or more."""
    match list(fields(head)):
        case [(1, int(version)), (2, bytes()), *others]:
            return version < 64 and any(number >= 200 for number, _ in others)
    return False


TFLITE_CONVERTER = 'open("model.tflite", "wb").write(converter.convert())'
KERAS_AGAIN = "if it was made from a Keras model, load that in Keras and save it with model.save('model.h5')"
TORCH = (
    "export it to TensorFlow Lite: litert_torch.convert(model.eval(), (sample,)).export('model.tflite')",
    "or export it to ONNX with torch.onnx.export(...), and convert that with: onnx2tf -i model.onnx",
)
WHOLE_MODEL = (
    "rebuild the model in Keras, load the weights with model.load_weights(...), and save it with model.save('model.h5')"
)
MADE_FROM = "give the file that it was made from: Keras' .h5 or .keras, or a .tflite"

FOREIGN: tuple[Foreign, ...] = (
    Foreign(
        "a Git LFS pointer, not the file that it stands for",
        ("run `git lfs pull`",),
        _starts(b"version https://git-lfs"),
    ),
    Foreign(
        "a web page, not a model",
        ("download the file itself, not the page that shows it",),
        _matches(rb"\s*<(!doctype|!DOCTYPE|html|HTML)\b"),
    ),
    Foreign(
        "a PyTorch model, which holds Python objects; mnc unpickles nothing",
        TORCH,
        _starts(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
        _any_named(r"([^/]+/)?(data|constants)\.pkl"),
    ),
    Foreign(
        "a pickle (.pickle, .joblib, .pt), which can run any program when it is read; mnc unpickles nothing",
        (
            "build the model in Keras, give its layers the weights with set_weights, "
            "and save it with model.save('model.h5')",
            *TORCH[:1],
        ),
        _matches(rb"\x80[\x02-\x05].|\(dp\d|\(lp\d|c[a-z_][\w.]*\n\w+\n[pq(]"),
    ),
    Foreign("an ExecuTorch program", TORCH, lambda head: head[4:8] == b"ET12"),
    Foreign(
        "an ONNX model",
        ("convert it to TensorFlow Lite with: onnx2tf -i model.onnx", KERAS_AGAIN),
        lambda head: head[4:8] == b"ORTM" or _is_onnx(head),
    ),
    Foreign(
        "a TensorFlow SavedModel",
        (
            f"convert its folder: converter = tf.lite.TFLiteConverter.from_saved_model(folder); {TFLITE_CONVERTER}",
            KERAS_AGAIN,
        ),
        _is_saved_model,
        lambda names: any(name.rpartition("/")[2] == "saved_model.pb" for name in names),
        lambda names: "saved_model.pb" in names or "saved_model.pbtxt" in names,
    ),
    Foreign(
        "a frozen TensorFlow graph",
        (
            "convert it: converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(file, inputs, outputs); "
            + TFLITE_CONVERTER,
            KERAS_AGAIN,
        ),
        _is_frozen_graph,
    ),
    Foreign(
        "a TensorFlow checkpoint, which holds weights only",
        (WHOLE_MODEL,),
        holds=lambda names: "checkpoint" in names or any(name.endswith(".index") for name in names),
    ),
    Foreign(
        "an unpacked Keras model",
        ("pack its files again: zip model.keras config.json metadata.json model.weights.h5",),
        holds=lambda names: {"config.json", "model.weights.h5"} <= names,
    ),
    Foreign(
        "a TensorFlow.js model",
        (
            "convert it back: tensorflowjs_converter --input_format=tfjs_layers_model --output_format=keras "
            "model.json model.h5",
        ),
        _matches(rb"\s*\{.{0,4096}\"(modelTopology|weightsManifest)\""),
        holds=lambda names: "model.json" in names and any(name.endswith(".bin") for name in names),
    ),
    Foreign(
        "a TensorFlow Lite model as an array in C",
        (f"{MADE_FROM}; `xxd -r -p` turns the numbers back into one",),
        lambda head: re.search(rb"0x54,\s*0x46,\s*0x4[cC],\s*0x33", head) is not None,
    ),
    Foreign(
        "a program in Python, not a model",
        ("run it, and save the model that it trains with model.save('model.h5')",),
        _matches(rb"(#[^\n]*\n|\s)*(import|from) \w[\w.]*( as \w+)?( import [^\n]*)?\s*\n"),
    ),
    Foreign("a Core ML model", (KERAS_AGAIN,), _is_core_ml),
    Foreign("an OpenVINO model", (MADE_FROM,), _matches(rb"\s*(<\?xml[^>]*>\s*)?<net\s")),
    Foreign(
        "a language model's weights (GGUF)",
        ("mnc compiles networks of Keras and TensorFlow Lite for microcontrollers",),
        _starts(b"GGUF", b"tjgg", b"lmgg"),
    ),
    Foreign("a file of weights without a network (safetensors)", (WHOLE_MODEL,), _matches(rb".{6}\0\0\{\s*\"")),
    Foreign(
        "an array of NumPy, not a network",
        ("samples are given with --calibration or --inputs, beside the model",),
        _starts(b"\x93NUMPY"),
        lambda names: bool(names) and all(name.endswith(".npy") for name in names),
    ),
    Foreign(
        "a packed file",
        ("unpack it, and give the file itself",),
        lambda head: (
            head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd"))
            or head[257:262] == b"ustar"
        ),
    ),
)
"""Every kind, in the order in which they are tried."""
