"""Measures what quantisation to int8 costs in accuracy, and writes the tables of docs/quantisation.md.

    python bench/quantisation.py [--models FOLDER] [--jobs N] [-o FILE]

The folder of trained models is that of the tests: MNC_MODELS, or `shared/models`
beside the project.  Everything is deterministic.  The tables take the place of
what stands between the marks in the page; the rest of it is left alone.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mnc
from mnc.ir.types import Array
from mnc.passes import optimise
from mnc.quantise import Scheme, to_integers
from mnc.quantise.quality import decibels
from mnc.zoo.digits import enlarged

HERE = Path(__file__).resolve().parent

MOBILENETS = ("pico", "nano", "micro", "milli", "base")
"""Trained on handwritten digits; see `digits`."""

OTHERS = {
    "resnet8": ("pretrainedResnet.h5", "pretrainedResnet_quant.tflite"),
    "vww": ("vww_96.h5", "vww_96_int8.tflite"),
    "kws": ("kws_ref_model.keras3.h5", None),
    "ad": ("ad01.h5", None),
}
"""Models of MLPerf Tiny, and TensorFlow Lite's quantisation of the same weights where there is one."""

SCHEMES: Mapping[str, Mapping[str, Any]] = {
    "int8": {},
    "int16x8": {"quantize": "int16x8"},
    "int16x8, fitted": {"quantize": "int16x8", "rounding": "fitted"},
    "minmax ranges": {"ranges": "minmax"},
    "percentile ranges": {"ranges": "percentile"},
    "auto ranges": {"ranges": "auto"},
    "entropy ranges": {"ranges": "entropy"},
    "not equalised": {"equalise": False},
    "fitted": {"rounding": "fitted"},
    "auto, fitted": {"ranges": "auto", "rounding": "fitted"},
    "rounded to nearest": {"rounding": "nearest"},
    "biases left": {"bias_correction": False},
}
"""The ways of mnc that are compared: without options, and with one or two of them."""

KINDS = ("int8", "int16x8", "int16x8, fitted")
"""Ways that stand beside the float network and TensorFlow Lite's; the others are choices within int8."""

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


@dataclass(frozen=True)
class Result:
    """The accuracy and the signal that a network keeps."""

    accuracy: float | None
    """The share of test samples it gets right; None where no classes are known."""
    sqnr: float
    """Signal-to-quantisation-noise ratio of its output, in dB; not finite where there is none."""


@dataclass(frozen=True)
class Trial:
    """One model quantised in one way."""

    folder: Path
    model: str
    scheme: str


def digits(file: Path) -> tuple[Array, Array]:
    """The images, (samples, 96, 96, 1) from 0 to 1, and their classes."""
    with np.load(file) as archive:
        return enlarged(archive["x8"].astype(np.int64)), archive["labels"]


FOLDS = 4
"""Samples of MLPerf Tiny are few: each quarter is judged by a network that the other three have calibrated."""


def result(trial: Trial) -> Result:
    """Quantise, run on samples that did not calibrate, and compare with the float network.

    "float" and "TFLite" are run as they are.
    """
    if trial.model in MOBILENETS:
        folder = trial.folder / "micromobilenet"
        files: tuple[str, str | None] = (f"{trial.model}.keras3.h5", f"{trial.model}.int8.tflite")
        calibration, _ = digits(folder / "digits96_calib.npz")
        samples, labels = digits(folder / "digits96_test.npz")
        folds = [(calibration, np.arange(len(samples)))]
    else:
        folder, files = trial.folder / "mlperf_tiny", OTHERS[trial.model]
        with np.load(folder / f"{files[0].split('.')[0]}.golden.npz") as golden:
            samples = golden["x"]
        labels = None
        order = np.random.default_rng(0).permutation(len(samples))
        folds = [(np.delete(samples, own, axis=0), own) for own in np.array_split(order, FOLDS)]
    graph = mnc.load(folder / files[0])
    expected = graph.predict(samples)
    assert isinstance(expected, np.ndarray)
    if trial.scheme == "TFLite" and files[1] is None:
        return Result(None, math.nan)
    got = np.zeros(expected.shape)
    for calibration, own in folds:
        if trial.scheme == "float":
            network = graph
        elif files[1] is not None and trial.scheme == "TFLite":
            network = mnc.load(folder / files[1])
        else:
            scheme = Scheme(calibration, **SCHEMES[trial.scheme])
            network = optimise(to_integers(optimise(graph), scheme, lambda *_: {}).graph)
        answers = network.predict(samples[own].reshape(len(own), *network.inputs[0].type.shape))
        assert isinstance(answers, np.ndarray)
        got[own] = answers.reshape(len(own), *expected.shape[1:])
    found = Result(
        accuracy=None if labels is None else float(np.mean(got.argmax(axis=1) == labels)),
        sqnr=decibels(expected, got),
    )
    print(f"{trial.model}, {trial.scheme}: {cell(found)}", file=sys.stderr)
    return found


def tables(folder: Path, jobs: int | None) -> str:
    """The tables, as Markdown."""
    ways = ("float", "TFLite", *SCHEMES)
    trials = [Trial(folder, model, way) for model in (*MOBILENETS, *OTHERS) for way in ways]
    with ProcessPoolExecutor(jobs) as pool:
        results = dict(zip(trials, pool.map(result, trials), strict=True))

    def table(first: str, models: Iterable[str], columns: Sequence[str]) -> tuple[str, ...]:
        """A row for each model, a column for each way."""
        rows = ((model, *(cell(results[Trial(folder, model, way)]) for way in columns)) for model in models)
        heading = f"| {' | '.join((first, *columns))} |", f"|---{'|---:' * len(columns)}|"
        return (*heading, *(f"| {' | '.join(row)} |" for row in rows), "")

    choices = [way for way in SCHEMES if way == "int8" or way not in KINDS]
    return "\n".join(
        (
            *table("digits", MOBILENETS, ("float", "TFLite", *KINDS)),
            *table("MLPerf Tiny", OTHERS, ("TFLite", *KINDS)),
            "The choices within int8:",
            "",
            *table("", (*MOBILENETS, *OTHERS), choices),
        )
    )


def cell(found: Result) -> str:
    """`97.8%, 36.1 dB`, or what there is of it."""
    right = "" if found.accuracy is None else f"{found.accuracy:.1%}"
    left = f"{found.sqnr:.1f} dB" if math.isfinite(found.sqnr) else ""
    return ", ".join(filter(None, (right, left)))


def main() -> None:
    """Measure and write."""
    default = Path(os.environ.get("MNC_MODELS", HERE.parent.parent / "shared" / "models"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=Path, default=default, help="the folder of trained models")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trials at the same time")
    parser.add_argument("-o", "--output", type=Path, default=HERE.parent / "docs" / "quantisation.md")
    arguments = parser.parse_args()
    before, begin, rest = arguments.output.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{arguments.output} has no place for the tables: {BEGIN} and {END}")
    made = tables(arguments.models, arguments.jobs)
    arguments.output.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
