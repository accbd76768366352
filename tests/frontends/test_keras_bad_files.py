"""Files whose weights or container are damaged, incomplete or hostile: one error each, with the place and a way out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras_files import OTHER_WEIGHTS, SMALL_MODEL, SMALL_WEIGHTS, numbers, refusal, save_h5, save_zip, sequential

from mnc.frontends import check
from mnc.frontends.budget import Budget
from mnc.frontends.keras import hdf5
from mnc.ir.types import Array

DAMAGED = "the file is damaged or incomplete; save the model again, or copy the file again"
NO_ARCHIVE = "the file is damaged or incomplete; save it again, or copy it again"
NORM = "model_config/layers/2 (BatchNormalization 'norm')"


def broken(kernel: Array, place: tuple[int | slice, ...], value: float) -> Array:
    kernel = kernel.copy()
    kernel[place] = value
    return kernel


KERNEL = "conv/kernel:0"
BIAS = SMALL_WEIGHTS["conv"][1]
NORM_WEIGHTS = list(SMALL_WEIGHTS["norm"])
LOUD = "training has diverged; train again with a smaller learning rate, or load an earlier checkpoint"

WEIGHTS: dict[str, tuple[str, list[tuple[str, Array]], str, str]] = {
    "a wrong shape": (
        "conv",
        [(KERNEL, numbers(3, 3, 2, 4)), BIAS],
        "model_weights/conv/conv/kernel:0: the kernel has the shape 3x3x2x4; the configuration asks for 3x3x2x3",
        OTHER_WEIGHTS,
    ),
    "NaN": (
        "conv",
        [(KERNEL, broken(numbers(3, 3, 2, 3), (1, 2, 0, 1), np.nan)), BIAS],
        "model_weights/conv/conv/kernel:0: "
        "the kernel holds 1 of 54 values that are not finite in float32, the first at [1, 2, 0, 1]",
        LOUD,
    ),
    "infinity": (
        "conv",
        [(KERNEL, broken(numbers(3, 3, 2, 3), (slice(2), 0, 0, 0), -np.inf)), BIAS],
        "model_weights/conv/conv/kernel:0: "
        "the kernel holds 2 of 54 values that are not finite in float32, the first at [0, 0, 0, 0]",
        LOUD,
    ),
    "too large for float32": (
        "conv",
        [(KERNEL, numbers(3, 3, 2, 3)), ("conv/bias:0", np.array([0, 1e300, 0]))],
        "model_weights/conv/conv/bias:0: the bias holds 1 of 3 values that are not finite in float32, the first at [1]",
        LOUD,
    ),
    "a missing bias": (
        "conv",
        [(KERNEL, numbers(3, 3, 2, 3))],
        "model_weights/conv: the bias is missing",
        OTHER_WEIGHTS,
    ),
    "a weight too many": (
        "conv",
        [*SMALL_WEIGHTS["conv"], ("conv/more:0", numbers(2))],
        "model_weights/conv/conv/more:0: the layer has no use for this weight",
        OTHER_WEIGHTS,
    ),
    "weights in another order": (
        "norm",
        [NORM_WEIGHTS[i] for i in (1, 0, 2, 3)],
        "model_weights/norm/norm/beta:0: the gamma was expected here, not the beta",
        OTHER_WEIGHTS,
    ),
    "a negative variance": (
        "norm",
        [*NORM_WEIGHTS[:3], ("norm/moving_variance:0", numbers(3))],
        f"{NORM}: the moving variance + epsilon must be positive, and is not",
        OTHER_WEIGHTS,
    ),
    "weights of text": (
        "conv",
        [(KERNEL, np.full((3, 3, 2, 3), b"a")), BIAS],
        "model_weights/conv/conv/kernel:0: the kernel holds |S1, not numbers",
        OTHER_WEIGHTS,
    ),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_bad_weights(tmp_path: Path, name: str) -> None:
    layer, weights, fault, way_out = WEIGHTS[name]
    path = save_h5(tmp_path / "m.h5", weights={**SMALL_WEIGHTS, layer: weights})
    assert refusal(path) == f"error: m.h5: {fault}\nhint: {way_out}"


def test_a_layer_without_its_weights(tmp_path: Path) -> None:
    weights = {name: own for name, own in SMALL_WEIGHTS.items() if name != "conv"}
    path = save_h5(tmp_path / "m.h5", weights=weights)
    assert refusal(path) == f"error: m.h5: model_weights/conv: the kernel is missing\nhint: {OTHER_WEIGHTS}"


def changed(path: Path, change: Callable[[h5py.File], object]) -> Path:
    save_h5(path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(name: str, make: Callable[[h5py.File], object]) -> Callable[[h5py.File], object]:
    def change(file: h5py.File) -> object:
        del file[name]
        return make(file)

    return change


CONTAINERS: dict[str, tuple[Callable[[h5py.File], object], str, str]] = {
    "only weights": (
        lambda file: file.attrs.pop("model_config"),
        "m.h5: there is no model_config in it; it holds weights only, or was not written by Keras",
        "write the model's configuration, open('model.json', 'w').write(model.to_json()), and give both: "
        "mnc compile model.json --weights m.h5\n"
        "hint: rebuild the model in Keras, load the weights with model.load_weights(...), "
        "and save it with model.save('model.h5')",
    ),
    "no weights": (
        replaced("model_weights", lambda file: None),
        "m.h5: model_weights: the group is missing",
        "save the whole model with model.save('model.h5')",
    ),
    "weights in no known format": (
        lambda file: file["model_weights"].attrs.pop("layer_names"),
        "m.h5: model_weights: there is no list layer_names in it",
        "save the whole model with model.save('model.h5')",
    ),
    "a configuration that is a number": (
        lambda file: file.attrs.create("model_config", 3),
        "m.h5, attribute 'model_config': it must hold text",
        DAMAGED,
    ),
    "a listed weight that is not there": (
        lambda file: file["model_weights/conv"].attrs.modify("weight_names", [b"conv/kernel:0", b"lost:0"]),
        "m.h5: model_weights/conv/lost:0: weight_names lists what is not there",
        OTHER_WEIGHTS,
    ),
    "a link into another file": (
        replaced("model_weights/conv", lambda file: file["model_weights"].update(conv=h5py.ExternalLink("o.h5", "x"))),
        "m.h5: model_weights/conv: this is a link into another file, which is not followed",
        "save the model again into a single file",
    ),
    "data kept outside": (
        replaced(
            "model_weights/conv/conv/bias:0",
            lambda file: file["model_weights/conv/conv"].create_dataset(
                "bias:0", shape=(3,), dtype="f4", external=[("/etc/passwd", 0, 12)]
            ),
        ),
        "m.h5: model_weights/conv/conv/bias:0: the bias is kept outside the file, which is not followed",
        "save the model again into a single file",
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_bad_containers(tmp_path: Path, name: str) -> None:
    change, fault, way_out = CONTAINERS[name]
    assert refusal(changed(tmp_path / "m.h5", change)) == f"error: {fault}\nhint: {way_out}"


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files(tmp_path: Path, kept: float) -> None:
    path = save_h5(tmp_path / "m.h5")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    error, hint = refusal(path).splitlines()
    assert error.startswith("error: m.h5: the HDF5 data ")
    assert hint == f"hint: {DAMAGED}"


def test_weights_that_claim_gigabytes_are_not_allocated(tmp_path: Path) -> None:
    layers = ("InputLayer", {"name": "i", "batch_input_shape": [None, 10**5]}), ("Dense", {"name": "d", "units": 10**5})
    path = save_h5(tmp_path / "m.h5", sequential(*layers), {"d": []})
    with h5py.File(path, "r+") as file:
        file["model_weights/d"].create_dataset("k", shape=(10**5, 10**5), dtype="f4", chunks=(100, 100))
        file["model_weights/d"].attrs["weight_names"] = [b"k"]
    assert refusal(path) == (
        "error: m.h5: model_weights/d/k: reading the file takes 40,000,000,000 bytes of weights or more; "
        "the limit is 67,108,864\nhint: a file that asks for more is damaged, or no network for a microcontroller"
    )


def zipped(path: Path, compression: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def test_a_zip_without_a_configuration(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "m.keras", other=b"x")) == (
        "error: m.keras: there is no config.json in the archive\nhint: save the model with model.save('model.keras')"
    )


def test_a_zip_without_weights(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "m.keras", config__json=b"{}")) == (
        "error: m.keras: model.weights.h5: the weights are missing from the archive\n"
        "hint: save the model unsharded with model.save('model.keras')"
    )


@pytest.mark.parametrize("size", [2**26 + 1, 2**22])
def test_zip_bombs(tmp_path: Path, size: int) -> None:
    path = zipped(tmp_path / "m.keras", zipfile.ZIP_BZIP2, config__json=b" " * size, model__weights__h5=b"")
    error, hint = refusal(path).splitlines()
    assert error.startswith("error: m.keras: config.json: it would unpack ")
    assert hint == f"hint: {DAMAGED}"


def test_paths_in_a_zip_are_never_used(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "m.keras", SMALL_MODEL, {})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../escaped", b"x")
        archive.writestr("/absolute", b"x")
    before = sorted(tmp_path.parent.iterdir())
    check(path)
    assert sorted(tmp_path.iterdir()) == [path]
    assert sorted(tmp_path.parent.iterdir()) == before


def test_a_damaged_zip(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "m.keras", SMALL_MODEL, {})
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"filters"', b'"filterz"', 1))
    assert refusal(path) == (
        "error: m.keras: config.json: the archive cannot be read: Bad CRC-32 for file 'config.json'\n"
        f"hint: {NO_ARCHIVE}"
    )
    path.write_bytes(content[: len(content) // 2])
    assert refusal(path) == (f"error: m.keras: the archive cannot be read: File is not a zip file\nhint: {NO_ARCHIVE}")


def test_a_group_whose_name_is_no_text_is_not_there(tmp_path: Path) -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for name in (b"layers", b"\xff\\vars"):
            file.create_group(name)
    with hdf5.opened("f", memory.getvalue(), Budget(0)) as root:
        assert hdf5.keys("f", root) == ("layers",)
