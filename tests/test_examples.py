"""The examples do what they say."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnc
from mnc.cli import run

STRICT = ("-std=c89", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2")


VOICES = ("en-us", "en-gb", "en-gb-scotland", "en-029")


def test_the_digits_are_read_as_well_as_keras_reads_them(root: Path, cc: str, tmp_path: Path) -> None:
    example = root / "examples" / "digits"
    assert run(["compile", str(example / "nano.h5"), "-o", str(tmp_path)]) == 0
    program = tmp_path / "digits"
    sources = [example / "main.c", tmp_path / "nano.c"]
    subprocess.run([cc, *STRICT, f"-I{tmp_path}", "-o", program, *sources, "-lm"], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert "352 of 360 unseen digits are right (97.8%)" in done.stdout  # what Keras gets on the same images


@pytest.fixture(scope="module")
def microphone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the example that listens was made, and what it printed."""
    for package in ("pymicro_wakeword", "pymicro_features"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    for program in ("espeak-ng", "make", "cc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("listen")
    settings = [f"PYTHON={sys.executable}", f"BUILD={folder}", f"CFLAGS={' '.join(STRICT)}"]
    command = ["make", "-f", str(root / "examples" / "wake_word" / "Makefile"), *settings]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, done.stdout


def test_the_wake_word_is_heard_in_four_voices_and_in_nothing_else(microphone: tuple[Path, str]) -> None:
    _, printed = microphone
    heard = {line.split()[0] for line in printed.splitlines() if " okay nabu at " in line}
    silent = {line.split()[0] for line in printed.splitlines() if " nothing in " in line}
    spoken = {f"okay_nabu.{voice}.wav" for voice in VOICES}
    assert len(heard & spoken) >= 3
    assert heard | silent == spoken | {"weather.wav", "hey_jarvis.wav"}
    assert {"weather.wav", "hey_jarvis.wav"} <= silent


def test_the_wake_word_has_tensorflow_lite_micros_bytes(root: Path, microphone: tuple[Path, str]) -> None:
    """The package's network on the frames of a voice; the program pushes the frames as they are quantised here."""
    runtime = pytest.importorskip("tflite_micro", reason="TensorFlow Lite Micro is not installed").runtime
    import pymicro_wakeword  # type: ignore[import-not-found, unused-ignore]

    model = Path(pymicro_wakeword.__file__).parent / "models" / "okay_nabu.tflite"
    front_end = module(root / "examples" / "wake_word" / "front_end.py")
    silence, spoken = front_end.SILENCE, front_end.samples(str(microphone[0] / f"okay_nabu.{VOICES[0]}.wav"))
    frames = np.stack(list(front_end.frames(np.concatenate([silence, spoken]))))
    graph = mnc.load(model)
    quant = graph.inputs[0].type.quant
    assert quant is not None
    stored = np.round(frames / 25.6 / quant.scale + quant.zero_point).clip(-128, 127).astype(np.int8)
    runs = stored[: len(stored) // 3 * 3].reshape(-1, 3, 40)
    interpreter = runtime.Interpreter.from_file(str(model), arena_size=200_000)
    expected = []
    for given in runs:
        interpreter.set_input(given[None], 0)
        interpreter.invoke()
        expected.append(interpreter.get_output(0).reshape(-1).copy())
    assert max(expected) > 200  # it has heard the word
    np.testing.assert_array_equal(mnc.compile(graph, name="nabu").predict(runs), np.stack(expected))


def module(path: Path) -> Any:
    """A program of an example as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
