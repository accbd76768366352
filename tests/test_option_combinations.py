"""Options of `mnc compile` in combinations that nobody thought of: clean code with the right outputs, or a refusal."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnc.cli import run

IMAGE = """\
network image_net
input image: float32[8, 7, 3]
x = conv2d(image, filters = 4, kernel = 3, stride = 2, activation = relu)
x = depthwise_conv2d(x, kernel = 3, padding = same, activation = relu6)
output scores = dense(flatten(x), units = 3, activation = softmax)
weights random(seed = 1)
"""
SOUND = """\
network sound_net
input frames: float32[6, 4]
x = conv1d(frames, filters = 5, kernel = 3, activation = relu)
output y = dense(gru(x, units = 4), units = 3)
weights random(seed = 2)
"""
SHAPES = {"image.mnc": (8, 7, 3), "sound.mnc": (6, 4)}
STRICT = ("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")


def chosen(*ways: str) -> st.SearchStrategy[list[str]]:
    """One of these, or none of them, which is four times as likely."""
    return st.sampled_from([""] * 4 * len(ways) + list(ways)).map(str.split)


OPTIONS = (
    chosen("--backend c", "--backend cpp"),
    chosen("--target cortex-m4", "--target cortex-m0plus", "--target avr", "--target esp32", "--target cortex-m55"),
    chosen("--quantize int8", "--quantize int16x8", "--quantize mixed --min-sqnr 20"),
    chosen("--io uint8", "--io int8", "--io float"),
    chosen("--input-range 0..2", "--input-order bgr", "--input-mean 0.5 --input-std 0.1,0.2,0.3"),
    chosen("--memory fast", "--memory least"),
    chosen("--input owned", "--feed rows", "--feed frames", "--feed frames --hop 2"),
    chosen("--region fast=200 --region slow=64K", "--region dtcm=64K"),
    chosen("--classes cat,dog,??="),
    chosen("-X code=compact", "-X flash=0", "-X winograd=1"),
    chosen("-X profile=1", "-X selftest=1", "-X profile=1 -X selftest=1"),
    chosen("-X step=1", "-X step=400", "-X weights=binary"),
    chosen("-X top=1"),
)


@pytest.fixture(scope="module")
def three(fixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two networks in float32 with samples beside them, and one in integers."""
    folder = tmp_path_factory.mktemp("models")
    for name, text in (("image.mnc", IMAGE), ("sound.mnc", SOUND)):
        (folder / name).write_text(text)
        samples = np.random.default_rng(3).uniform(0, 1, (24, *SHAPES[name])).astype(np.float32)
        np.save(folder / f"{name}.npy", samples)
    return {**{name: folder / name for name in SHAPES}, "pico": fixtures / "pico.int8.tflite"}


def test_success_with_right_outputs_or_a_clear_refusal(
    three: dict[str, Path],
    gcc: str,
    gxx: str,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where code is written, the example of its package compares the outputs, built with all warnings as errors.

    Nothing is measured on the target: it is the code for it that is of interest.
    """
    monkeypatch.setattr("mnc.compiler.measured", lambda build, run: build)

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(model=st.sampled_from([*SHAPES, "pico"]), options=st.tuples(*OPTIONS))
    def try_it(model: str, options: tuple[list[str], ...]) -> None:
        words = [word for each in options for word in each]
        if "--quantize" in words:
            words += ["--calibration", f"{three[model]}.npy", "--allow-loss"] if model in SHAPES else []
        folder = tmp_path_factory.mktemp("made")
        backend = [] if "--backend" in words else ["--backend", "c"]
        arguments = ["compile", str(three[model]), *words, *backend, "--name", "Net"]
        status = run([*arguments, "--package", "platformio", "-o", str(folder)])
        said = capsys.readouterr().err
        assert status in (0, 1, 2), said
        assert "this is a fault of" not in said, said
        if status:
            assert said.startswith(("error: ", "warning: ", "note: ")), said
            assert not any(folder.iterdir())
            return
        sources = [*folder.glob("src/*.c"), *folder.glob("examples/Net/src/main.*")]
        how = ["-Isrc", "-Iexamples/Net/src", *map(str, sources), "-lm"]
        build = [gxx, "-std=c++11"] if "cpp" in words else [gcc, "-std=c89"]
        for command in ([*build, *STRICT, "-O1", *how, "-o", "example"], ["./example"]):
            done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            assert done.returncode == 0, done.stdout.decode(errors="replace")[:4000]

    try_it()
