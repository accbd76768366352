"""Quantising on the command line: compile, verify against labels, and wrong usage."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnc import quantise
from mnc.cli import commands, run
from mnc.commands.messages import option
from mnc.commands.quantise import INTERFACES, NUMBERS, RANGES, ROUNDINGS
from mnc.errors import CompileError, Problem
from mnc.frontends import load
from mnc.ir.types import Array


@pytest.fixture
def pico(fixtures: Path) -> str:
    return str(fixtures / "pico.keras3.h5")


@pytest.fixture
def samples(fixtures: Path) -> str:
    return str(fixtures / "pico.golden.npz")


@pytest.fixture
def int8(samples: str) -> list[str]:
    return ["--quantize", "int8", "--calibration", samples]


def test_the_choices_are_those_of_the_quantiser() -> None:
    assert NUMBERS == quantise.SCHEMES
    assert INTERFACES == quantise.INTERFACES
    assert (quantise.AUTO, *quantise.RANGES) == RANGES
    assert ROUNDINGS == quantise.ROUNDINGS


def test_compile_says_what_is_left_of_the_signal(
    pico: str, int8: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", pico, *int8, "-o", str(tmp_path)]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["layer", "op", "output", "type", "MACs", "weights", "SQNR", "arena", "lifetime"]
    ratios = {line.split()[0]: float(match[1]) for line in lines if (match := re.search(r" (\d+\.\d) dB  ", line))}
    (worst,) = (line for line in lines if line.startswith("least signal left by quantisation (SQNR): "))
    named = re.findall(r"(\S+) (\d+\.\d) dB", worst.partition(": ")[2])
    assert [float(ratio) for _, ratio in named] == sorted(ratios.values())[:3]
    assert all(ratios[name] == float(ratio) for name, ratio in named)
    assert "int8" in next(line for line in lines if line.startswith("MACs"))
    assert "int8_t" in (tmp_path / "pico_keras3.h").read_text()


def test_a_float_network_has_no_such_column(pico: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compile", pico, "-o", str(tmp_path)]) == 0
    assert "SQNR" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ([], {}),
        (["--io", "float"], {"io": "float"}),
        (["--io", "int16"], {"io": "int16"}),
        (["--ranges", "minmax"], {"ranges": "minmax"}),
        (["--rounding", "nearest"], {"rounding": "nearest"}),
        (["--equalise"], {}),
        (["--no-equalise"], {"equalise": False}),
        (["--per-channel-dense"], {"per_channel_dense": True}),
        (["--no-bias-correction"], {"bias_correction": False}),
    ],
)
@pytest.mark.parametrize(("command", "runs"), [("compile", "mnc.compiler.compile"), ("verify", "mnc.verify.verify")])
def test_the_finer_points_reach_the_quantiser(
    command: str,
    runs: str,
    options: list[str],
    chosen: dict[str, object],
    pico: str,
    int8: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def caught(*given: object, scheme: object = None, **named: object) -> None:
        schemes.extend(each for each in (scheme, *given) if isinstance(each, quantise.Scheme))
        raise CompileError(Problem("", "caught"))

    schemes: list[quantise.Scheme] = []
    monkeypatch.setattr(runs, caught)
    assert run([command, pico, *int8, *options]) == 1
    (scheme,) = schemes
    assert scheme == replace(quantise.Scheme(scheme.calibration), **chosen)  # type: ignore[arg-type]  # by name


def test_float_inputs_and_outputs(pico: str, int8: list[str], tmp_path: Path) -> None:
    assert run(["compile", pico, *int8, "--io", "float", "--name", "net", "-o", str(tmp_path)]) == 0
    assert re.search(r"void net_run\(net_t \*\w+, const float \*\w+, float \*\w+\);", (tmp_path / "net.h").read_text())


def test_verify_says_how_often_model_and_code_are_right(
    pico: str, samples: str, int8: list[str], tmp_path: Path, cc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(samples) as golden:
        chosen = golden["y"].reshape(len(golden["y"]), -1).argmax(axis=1)
    labels = chosen.copy()
    labels[0] = (labels[0] + 1) % 10
    np.save(tmp_path / "y.npy", labels)
    np.savez(tmp_path / "y.npz", labels=np.eye(10, dtype=np.float32)[labels])
    count = len(labels)
    for file in ("y.npy", "y.npz"):
        assert run(["verify", pico, *int8, "--inputs", samples, "--labels", str(tmp_path / file)]) == 0
        *lines, verdict = capsys.readouterr().out.splitlines()
        (accuracy,) = (line for line in lines if line.startswith("accuracy: "))
        share = f"{(count - 1) / count:.2%}"
        assert accuracy.startswith(f"accuracy: {share} of {count} samples by the model, ")
        assert "by the code (int8, on this machine); they agree on " in accuracy
        assert verdict.startswith("10 layers, ")
        assert verdict.endswith("the same as the reference to the bit")
    assert run(["verify", pico, "--inputs", samples, "--labels", str(tmp_path / "y.npy")]) == 0
    (accuracy,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("accuracy: "))
    assert f"{share} by the code (float32, on this machine); they agree on 100.00%" in accuracy


def test_verify_of_a_network_in_integers(
    pico: str, samples: str, int8: list[str], tmp_path: Path, cc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quantised as it is built, and read as a text: fractions are quantised, whole numbers taken as they are."""
    assert run(["verify", pico, *int8, "--inputs", samples]) == 0
    *table, against, _ = capsys.readouterr().out.splitlines()[1:]
    start = r"against the float network, softmax: SQNR \d+\.\d dB; they agree on 100\.00% of 3 samples; worst at "
    assert re.match(start, against)
    text = tmp_path / "pico.mnc"
    assert run(["show", pico, *int8, "-o", str(text)]) == 0
    assert run(["verify", str(text), "--inputs", samples]) == 0
    assert capsys.readouterr().out.splitlines()[1:-1] == table
    with np.load(samples) as golden:
        np.save(tmp_path / "far.npy", golden["x"] * 255.0)
    assert run(["verify", str(text), "--inputs", str(tmp_path / "far.npy")]) == 0
    assert re.search(r"^warning: input 'input': \d\d\.\d% of the numbers lie outside ", capsys.readouterr().err)
    (given,) = load(text).inputs
    np.save(tmp_path / "x.npy", np.zeros((2, *given.type.shape), np.int8))
    assert run(["verify", str(text), "--inputs", str(tmp_path / "x.npy")]) == 0
    assert ", 2 samples: the same" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["compile", "verify", "show"])
@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--quantize", "int8"], "--quantize needs representative inputs: give some dozens with --calibration X.npy"),
        (["--quantize", "int4", "--calibration", __file__], "Invalid value for '--quantize': 'int4'"),
        (["--quantize", "int8", "--calibration", "absent.npy"], "Invalid value for '--calibration': "),
        (["--calibration", __file__], "--calibration serves no purpose without --quantize"),
        (["--no-equalise"], "--equalise serves no purpose without --quantize"),
        (["--rounding", "nearest"], "--rounding serves no purpose without --quantize"),
        (["--io", "float"], "--io serves no purpose without --quantize"),
        (["--no-bias-correction"], "--bias-correction serves no purpose without --quantize"),
        (["--per-channel-dense"], "--per-channel-dense serves no purpose without --quantize"),
        (["--pixels", "1:0"], "Invalid value for '--pixels': '1:0' is not LOW:HIGH, as 0:1 or -1:1"),
        (["--ranges", "max"], "Invalid value for '--ranges': 'max'"),
        (["--min-sqnr", "30"], "--min-sqnr serves no purpose without --quantize"),
        (["--quantize", "mixed", "--calibration", __file__], "--quantize mixed and a goal go together"),
        (["--quantize", "int8", "--calibration", __file__, "--min-sqnr", "9"], "--quantize mixed and a goal go "),
    ],
)
def test_wrong_usage(
    command: str, options: list[str], what: str, pico: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, pico, *options]) == 2
    assert capsys.readouterr().err.startswith(f"error: mnc {command}: {what}")


def test_what_cannot_be_quantised_or_judged_is_refused(
    pico: str, samples: str, int8: list[str], fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "pico.mnc"
    assert run(["show", pico, *int8, "-o", str(text)]) == 0
    assert run(["compile", str(text), *int8, "-o", str(tmp_path / "out")]) == 1
    assert "error: --quantize: network 'pico' is quantised already\nhint: leave it out" in capsys.readouterr().err
    assert run(["compile", pico, "--quantize", "int8", "--calibration", __file__]) == 1
    assert "not a NumPy .npy or .npz file" in capsys.readouterr().err
    np.save(tmp_path / "y.npy", np.zeros(5, np.int64))
    assert run(["verify", pico, "--labels", str(tmp_path / "y.npy")]) == 2
    assert "--labels are those of --inputs" in capsys.readouterr().err
    assert run(["verify", pico, "--inputs", samples, "--labels", str(tmp_path / "y.npy")]) == 1
    assert "there are 5 labels for " in capsys.readouterr().err
    model = fixtures / "multi_io.k3"
    arguments = ["verify", f"{model}.h5", "--inputs", f"{model}.golden.npz", "--labels", str(tmp_path / "y.npy")]
    assert run(arguments) == 1
    assert "error: network 'multi_io': has 2 outputs\nhint: labels are for " in capsys.readouterr().err
    mixed = ["--quantize", "mixed", "--calibration", f"{model}.golden.npz", "--max-loss", "1"]
    assert run(["compile", f"{model}.h5", *mixed, "-o", str(tmp_path / "out")]) == 1
    assert "error: --max-loss: is for networks with one output of several classes\n" in capsys.readouterr().err


def test_what_a_fault_calls_an_argument_is_an_option(root: Path) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (root / "mnc").rglob("*.py"))
    options = {spelt for command in commands.commands.values() for given in command.params for spelt in given.opts}
    named = set(re.findall(r'\bargument\("(\w+)"\)', sources))
    assert {"name", "quantize", "calibration", "max_loss", "pixels", "cmsis_nn"} <= named
    assert {option(name) for name in named} - options == {"--scheme"}, "which only Python takes"


def test_a_folder_of_frames_calibrates(
    pico: str, samples: str, int8: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    with np.load(samples) as golden:
        for number, frame in enumerate(golden["x"]):
            frame.astype("<f4").tofile(folder / f"{number:03}.raw")
    outputs = []
    for calibration in (samples, str(folder)):
        arguments = ["compile", pico, "--quantize", "int8", "--calibration", calibration, "--name", "net"]
        assert run([*arguments, "-o", str(tmp_path / "out")]) == 0
        outputs.append((tmp_path / "out" / "net.c").read_text())
    assert outputs[0] == outputs[1]


QUANTIZE = ("--quantize", "int8", "--calibration")


@pytest.mark.parametrize(
    ("samples", "note"),
    [
        (
            np.full((1, 96, 96, 1), 0.5, np.float32),
            "1 sample is few, and the network is judged by the same ones; ",
        ),
        (np.full((12, 96, 96, 1), 0.5, np.float32), "input 'input': all samples are the same"),
        (
            np.arange(12 * 96 * 96).reshape(12, 96, 96, 1) % 251,
            "input 'input': the samples are whole numbers up to 250",
        ),
    ],
)
def test_samples_that_look_wrong_are_remarked_on(
    samples: Array, note: str, pico: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", samples)
    assert run(["show", pico, *QUANTIZE, str(tmp_path / "x.npy"), "--allow-loss"]) == 0
    assert f"warning: calibration: {note}" in capsys.readouterr().err


def test_a_layer_that_is_not_what_was_asked_for_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "network net\n\ninput x: float32[4]\n\na = elu(x)\nb = relu(a)\n\noutput b\n"
    (tmp_path / "net.mnc").write_text(text)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32))
    wide = [str(tmp_path / "net.mnc"), "--quantize", "int16x8", "--calibration", str(tmp_path / "x.npy")]
    note = "int8 instead of int16: Elu has no meaning in int16: 'a'"
    assert run(["compile", *wide, "--json", "-o", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert f"warning: {note}\n" in said.err
    assert note in json.loads(said.out)["warnings"]


def test_samples_that_are_no_numbers_are_refused(pico: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.full((12, 96, 96, 1), np.nan, np.float32))
    assert run(["show", pico, "--quantize", "int8", "--calibration", str(tmp_path / "x.npy")]) == 1
    assert capsys.readouterr().err.startswith("error: calibration: input 'input': a sample is not finite")


def test_layers_are_raised_to_int16_until_no_class_changes(
    pico: str, samples: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(samples) as golden:
        wrong = (golden["y"].reshape(len(golden["y"]), -1).argmax(axis=1) + 1) % 10
    np.save(tmp_path / "y.npy", wrong)
    mixed = ["compile", pico, "--quantize", "mixed", "--calibration", samples, "-o", str(tmp_path / "out")]
    assert run([*mixed, "--max-loss", "0", "--min-sqnr", "37"]) == 0
    assert re.search(r"^int16: \d+ of 1\d layers: ", capsys.readouterr().out, re.MULTILINE)
    assert run([*mixed, "--max-loss", "0", "--calibration-labels", str(tmp_path / "y.npy")]) == 0
    assert "int16" not in capsys.readouterr().out, "nothing is right, so nothing can be lost"
    assert run([*mixed, "--min-sqnr", "110"]) == 1
    assert "error: --min-sqnr: the goal is out of reach: the output has " in capsys.readouterr().err


def test_a_regressor_is_measured_by_its_numbers(tmp_path: Path, cc: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "network sum\ninput x: float32[2]\ny = dense(x, units = 1, weights = [[1], [2]], bias = [0])\noutput y\n"
    (tmp_path / "sum.mnc").write_text(text)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (60, 2)).astype(np.float32)
    noise = np.where(np.arange(60) % 2, 0.25, -0.25)
    np.save(tmp_path / "x.npy", x)
    options = ["--inputs", str(tmp_path / "x.npy"), "--labels", str(tmp_path / "y.npy")]
    int8 = ["--quantize", "int8", "--calibration", str(tmp_path / "x.npy")]
    for shape in ((60,), (60, 1)):
        np.save(tmp_path / "y.npy", (x @ [1.0, 2.0] + noise).reshape(shape))
        assert run(["verify", str(tmp_path / "sum.mnc"), *options, *int8]) == 0
        against, error, likeness, _ = capsys.readouterr().out.splitlines()[-4:]
        assert re.match(r"likeness: R2 0\.9\d+, cosine 0\.9\d+, SQNR \d+\.\d dB by the model; R2 0", likeness)
        assert re.match(
            r"against the float network, y: SQNR \d\d\.\d dB; RMSE 0\.0\d+, correlation 0\.999\d+; worst", against
        )
        found = re.match(
            r"error over 60 samples: RMSE 0\.25, MAE 0\.25, correlation (0\.9\d+) by the model; RMSE 0\.2", error
        )
        assert found is not None
        assert float(found[1]) == pytest.approx(np.corrcoef(x @ [1.0, 2.0], x @ [1.0, 2.0] + noise)[0, 1], abs=1e-4)
        assert error.endswith(" by the code (int8, on this machine)")
    np.save(tmp_path / "y.npy", np.zeros((60, 3)))
    assert run(["verify", str(tmp_path / "sum.mnc"), *options]) == 1
    assert "the labels are float64 of shape 60x3\nhint: the network gives 60x1 for" in capsys.readouterr().err


def test_a_single_sigmoid_chooses(tmp_path: Path, cc: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "network yes\ninput x: float32[1]\ny = dense(x, units = 1, weights = [[1]], bias = [0])\n"
    (tmp_path / "yes.mnc").write_text(f"{text}p = sigmoid(y)\noutput p\n")
    np.save(tmp_path / "x.npy", np.array([[-2.0], [-1.0], [1.0], [2.0]], np.float32))
    np.save(tmp_path / "y.npy", np.array([0, 1, 1, 1]))
    options = ["--inputs", str(tmp_path / "x.npy"), "--labels", str(tmp_path / "y.npy")]
    assert run(["verify", str(tmp_path / "yes.mnc"), *options]) == 0
    assert "accuracy: 75.00% of 4 samples by the model, 75.00% by the code" in capsys.readouterr().out


def test_a_folder_of_classes_calibrates_and_judges(
    pico: str, samples: str, tmp_path: Path, cc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(samples) as golden:
        images, classes = golden["x"], golden["y"].reshape(len(golden["y"]), -1).argmax(axis=1)
    for number in range(10):
        folder = tmp_path / "data" / "train" / f"digit{number}"
        folder.mkdir(parents=True)
        chosen = images[classes == number]
        np.save(folder / "some.npy", chosen if len(chosen) else images[:1] * 0.0)
    data = str(tmp_path / "data")
    assert run(["verify", pico, "--quantize", "int8", "--calibration", data, "--inputs", data]) == 0
    assert "warning: calibration: 10 samples are few" in capsys.readouterr().err
    assert run(["verify", pico, "--inputs", data, "--labels", data]) == 0
    assert re.search(r"^accuracy: \d+\.00% of 10 samples by the model", capsys.readouterr().out, re.MULTILINE)


def test_a_folder_of_fewer_classes_says_which_numbers_they_have(
    tmp_path: Path, cc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.mnc").write_text("network net\ninput x: float32[4]\ny = softmax(x)\noutput y\n")
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "data" / name).mkdir(parents=True)
        np.save(tmp_path / "data" / name / "some.npy", np.eye(4, dtype=np.float32)[[number + 2]])
    data = str(tmp_path / "data")
    assert run(["verify", str(tmp_path / "net.mnc"), "--inputs", data, "--labels", data]) == 0
    shown = capsys.readouterr()
    assert "accuracy: 0.00% of 2 samples by the model" in shown.out
    assert "has 2 classes and the network 4: 'cat' counts as class 0, 'dog' counts as class 1; " in shown.err
    text = "network net\ninput x: float32[4]\ny = sigmoid(dense(x, 1))\noutput y\nweights random()\n"
    (tmp_path / "net.mnc").write_text(text)
    assert run(["verify", str(tmp_path / "net.mnc"), "--inputs", data, "--labels", data]) == 0
    assert "counts as class" not in capsys.readouterr().err


def test_the_report_has_what_was_lost_and_what_to_look_at(
    pico: str, samples: str, int8: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", pico, *int8, "--json", "-o", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["quantisation"]["judged_by"] == 3
    assert report["quantisation"]["held_back"] == 0
    assert 30.0 < report["quantisation"]["sqnr"]["softmax"] < 60.0
    assert report["quantisation"]["float_layers"] == []
    assert printed.err == "".join(f"warning: {warning}\n" for warning in report["warnings"])
    assert report["warnings"][0].startswith("calibration: 3 samples are few")
    assert run(["compile", pico, "--json", "-o", str(tmp_path)]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert (plain["quantisation"], plain["warnings"]) == (None, [])


def test_pixels_are_for_folders(pico: str, samples: str, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = ["--quantize", "int8", "--calibration", samples]
    for command in (["compile", pico], ["compile", pico, *arrays], ["verify", pico, "--inputs", samples]):
        assert run([*command, "--pixels", "0:1"]) == 2
        assert "--pixels serves no purpose without a folder of images" in capsys.readouterr().err


def test_pixels_are_refused_for_a_folder_of_raw_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.mnc").write_text("network net\ninput x: float32[4]\ny = relu(x)\noutput y\n")
    (tmp_path / "raw").mkdir()
    np.zeros(4, "<f4").tofile(tmp_path / "raw" / "0.bin")
    options = ["--quantize", "int8", "--calibration", str(tmp_path / "raw"), "--pixels", "0:1"]
    assert run(["compile", str(tmp_path / "net.mnc"), *options]) == 2
    assert "--pixels serves no purpose without a folder of images" in capsys.readouterr().err


def test_pixels_that_are_asked_for_are_not_doubted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    (tmp_path / "net.mnc").write_text("network net\ninput x: float32[4, 4, 1]\ny = relu(x)\noutput y\n")
    (tmp_path / "seen").mkdir()
    levels = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
    for number, each in enumerate(levels):
        image.fromarray(each).save(tmp_path / "seen" / f"{number:02}.png")
    options = ["--quantize", "int8", "--calibration", str(tmp_path / "seen"), "--pixels", "0:255"]
    assert run(["show", str(tmp_path / "net.mnc"), *options]) == 0
    assert "whole numbers" not in capsys.readouterr().err
    np.save(tmp_path / "x.npy", levels[..., np.newaxis].astype(np.float32))
    assert run(["show", str(tmp_path / "net.mnc"), "--quantize", "int8", "--calibration", str(tmp_path / "x.npy")]) == 0
    assert "the samples are whole numbers up to 25" in capsys.readouterr().err
