"""Frames of a camera: range, mean, deviation and order of channels in the first layer's weights, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import chain

import mnc
from mnc.cli import run
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from mnc.ir.types import Array, Constant
from mnc.passes import optimise
from mnc.passes.frame import Frame, fed_frames
from mnc.quantise import Scheme

rng = np.random.default_rng(11)


def constant(*shape: int) -> Constant:
    return Constant(rng.normal(size=shape))


def as_trained(frames: Array, frame: Frame) -> Array:
    """The steps one by one, as a training script has them."""
    x = frames.astype(np.float64)
    if frame.order == "bgr":
        x = x[..., ::-1]
    if frame.range is not None:
        x = (x - frame.range[0]) / (frame.range[1] - frame.range[0])
    return np.asarray((x - np.array(frame.mean or 0.0)) / np.array(frame.std or 1.0)).astype(np.float32)


def same(graph: Graph, frame: Frame) -> Graph:
    """The network for frames after all passes: it gives what the old one gives of scaled frames, by as many layers."""
    frames = rng.integers(0, 256, (4, *graph.inputs[0].type.shape)).astype(np.float32)
    changed = optimise(fed_frames(graph, frame))
    expected = np.asarray(graph.predict(as_trained(frames, frame)))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(np.asarray(changed.predict(frames)) / scale, expected / scale, atol=2e-5)
    assert [type(node.layer) for node in changed.nodes] == [type(node.layer) for node in optimise(graph).nodes]
    return changed


STARTS: dict[str, Callable[[], dict[str, Layer]]] = {
    "conv": lambda: {"conv": Conv2D(constant(3, 3, 3, 4), constant(4), stride=(2, 2))},
    "dense": lambda: {"flat": Flatten(), "dense": Dense(constant(6 * 5 * 3, 4))},
    "depthwise": lambda: {
        "depthwise": DepthwiseConv2D(constant(3, 2, 3, 2), constant(6)),
        "relu": Activation(Relu(max_value=6.0)),
        "conv": Conv2D(constant(1, 1, 6, 4)),
    },
    "separable": lambda: {"separable": SeparableConv2D(constant(2, 2, 3, 2), constant(1, 1, 6, 4), constant(4))},
    "normalised": lambda: {"bn": norm(3), "conv": Conv2D(constant(1, 1, 3, 4))},
}
PADDED: dict[str, Callable[[], dict[str, Layer]]] = {
    "same": lambda: {"conv": Conv2D(constant(3, 3, 3, 4), None, padding=((1, 1), (1, 1)))},
    "depthwise": lambda: {
        "depthwise": DepthwiseConv2D(constant(3, 3, 3, 1), padding=((1, 1), (1, 1))),
        "mean": GlobalAveragePooling(),
        "dense": Dense(constant(3, 4)),
    },
    "pad": lambda: {"pad": ZeroPadding2D(((1, 0), (0, 1))), "conv": Conv2D(constant(2, 2, 3, 4), constant(4))},
}


def norm(size: int) -> BatchNormalization:
    return BatchNormalization(constant(size), Constant(rng.uniform(0.5, 2.0, size)), constant(size), constant(size))


@given(
    start=st.sampled_from(sorted(STARTS)),
    range_=st.sampled_from((None, (0.0, 255.0), (-128.0, 127.0))),
    mean=st.sampled_from(((), (0.5,), (0.485, 0.456, 0.406))),
    std=st.sampled_from(((), (0.25,), (0.229, 0.224, 0.225))),
    order=st.sampled_from(("rgb", "bgr")),
)
def test_a_frame_gives_what_the_scaled_image_gave(
    start: str, range_: tuple[float, float] | None, mean: tuple[float, ...], std: tuple[float, ...], order: str
) -> None:
    same(chain((6, 5, 3), **STARTS[start]()), Frame(range_, mean, std, order))


@pytest.mark.parametrize("start", PADDED)
def test_in_front_of_padding_a_scale_folds_and_a_mean_does_not(start: str) -> None:
    graph = chain((6, 5, 3), **PADDED[start]())
    same(graph, Frame((0.0, 255.0), (), (0.2, 0.3, 0.4), "bgr"))
    with pytest.raises(CompileError, match="pads the image with zeros"):
        fed_frames(graph, Frame((0.0, 255.0), (0.5,)))


def test_channels_change_places_behind_layers_that_keep_them_apart() -> None:
    layers = {"pool": MaxPooling2D((2, 2), (1, 1)), "bn": norm(3), "flat": Flatten(), "dense": Dense(constant(60, 4))}
    same(chain((6, 5, 3), **layers), Frame(order="bgr"))


@pytest.mark.parametrize(
    ("layers", "frame", "reason"),
    [
        ({"relu": Activation(Relu())}, Frame((0.0, 255.0)), "Activation, whose weights"),
        ({"mean": GlobalAveragePooling()}, Frame(order="bgr", mean=(1.0, 2.0)), "2 numbers"),
        ({"depthwise": DepthwiseConv2D(constant(2, 2, 3, 1), None)}, Frame(order="bgr"), "DepthwiseConv2D reads"),
    ],
)
def test_what_does_not_fold_is_refused(layers: dict[str, Layer], frame: Frame, reason: str) -> None:
    with pytest.raises(CompileError, match=reason):
        fed_frames(chain((6, 5, 3), **layers), frame)


def test_a_network_in_integers_says_itself_what_its_elements_mean() -> None:
    graph = chain((6, 5, 3), **STARTS["conv"]())
    x = rng.uniform(0, 1, (20, 6, 5, 3)).astype(np.float32)
    quantised = mnc.compile(graph, quantize="int8", calibration=x).graph
    with pytest.raises(CompileError, match="int8 already"):
        fed_frames(quantised, Frame((0.0, 255.0)))
    frames = rng.integers(-128, 128, (4, 6, 5, 3)).astype(np.int8)
    turned = fed_frames(quantised, Frame(order="bgr"))
    np.testing.assert_array_equal(turned.predict(frames), quantised.predict(frames[..., ::-1]))


@pytest.mark.parametrize("io", ["int8", "uint8", "float"])
def test_channels_of_integers_change_places_behind_any_ends(io: str) -> None:
    graph = chain((6, 5, 3), **STARTS["depthwise"]())
    scheme = Scheme(rng.uniform(0, 1, (20, 6, 5, 3)).astype(np.float32), io=io)
    quantised = mnc.compile(graph, scheme=scheme).graph
    frames = rng.integers(0, 128, (4, 6, 5, 3)).astype(quantised.inputs[0].type.dtype.numpy)
    turned = fed_frames(quantised, Frame(order="bgr"))
    np.testing.assert_array_equal(turned.predict(frames), quantised.predict(frames[..., ::-1]))


def test_int8_from_frames_has_a_scale_of_one(fixtures: Path) -> None:
    graph = fed_frames(chain((6, 5, 3), **STARTS["conv"]()), Frame((0.0, 255.0)))
    frames = rng.integers(0, 256, (20, 6, 5, 3)).astype(np.float32)
    frames.ravel()[:2] = 0, 255
    quant = mnc.compile(graph, quantize="int8", calibration=frames).graph.inputs[0].type.quant
    assert quant is not None
    assert quant.scale[0] == pytest.approx(1.0)
    assert int(quant.zero_point) == -128


def test_the_command_line(fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(fixtures / "pico.keras3.h5")
    assert run(["verify", model, "--input-range", "0..255"]) == 0
    assert run(["compile", model, "-o", str(tmp_path), "--input-range", "0..255"]) == 0
    capsys.readouterr()
    assert run(["compile", model, "-o", str(tmp_path / "no"), "--input-order", "bgr"]) == 1
    assert "--input-order: is for frames of 3 channels" in capsys.readouterr().err
    for wrong in (["--input-range", "255..0"], ["--input-mean", "a"], ["--input-std", ""]):
        assert run(["compile", model, *wrong]) == 2
    assert run(["compile", model, "--input-std", "0"]) == 1
    assert not (tmp_path / "no").exists()


def test_images_are_read_for_the_network_that_takes_frames(
    fixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr("mnc.commands.quantise.QuantiseOptions.scheme", lambda self, graph: seen.append(self.pixels))
    model = str(fixtures / "pico.keras3.h5")
    assert run(["compile", model, "-o", str(tmp_path), "--input-range", "0..255"]) == 0
    assert seen == [(0.0, 255.0)]
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("RGB", (8, 8)).save(tmp_path / "a.png")
    images = ["--quantize", "int8", "--calibration", str(tmp_path)]
    assert run(["compile", model, *images, "--input-order", "bgr"]) == 2
