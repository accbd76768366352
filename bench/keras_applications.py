"""Every family of `keras.applications`: does mnc compile it, and does its answer agree with Keras'?

    KERAS_BACKEND=jax python bench/keras_applications.py [-o FILE] [FAMILY ...]

From each family the smallest member, with the smallest input that it allows,
ten classes without softmax, and random weights from a seed.  A row gives its
parameters; the largest difference between mnc's answers and Keras' for two
images, as a share of the largest answer; how much the two images differ in that
measure, which shows what a difference is worth; who answered for mnc; and the
time that Keras and mnc took.  Where a network has few enough parameters, the
generated C answers, built for this machine at -O1; elsewhere the reference does, because
constants as text take a C compiler too long.  MobileNetV3Small is made int8 in a row of
its own, which gives the signal that is left in decibels.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import mnc
from mnc import targets
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.types import Array

SEED = 7
WITHIN = 1e-4
IN_C = 2e6
"""The most parameters of a network whose generated C answers."""
INT8 = "MobileNetV3 int8"
CALIBRATION = 24
"""Images by which the int8 network is made; as many others judge it."""


@dataclass(frozen=True)
class Family:
    """The smallest member of a family."""

    member: str
    side: int = 32
    """Height and width of the smallest image that it takes."""
    span: tuple[float, float] = (-1.0, 1.0)
    """Of the numbers in an image; families that scale by themselves take 0 to 255."""
    arguments: Mapping[str, object] = field(default_factory=dict)


PIXELS = (0.0, 255.0)

FAMILIES: dict[str, Family] = {
    "ConvNeXt": Family("ConvNeXtTiny", span=PIXELS),
    "DenseNet": Family("DenseNet121"),
    "EfficientNet": Family("EfficientNetB0", span=PIXELS),
    "EfficientNetV2": Family("EfficientNetV2B0", span=PIXELS),
    "Inception-ResNet": Family("InceptionResNetV2", 75),
    "Inception": Family("InceptionV3", 75),
    "MobileNet": Family("MobileNet", arguments={"alpha": 0.25}),
    "MobileNetV2": Family("MobileNetV2", arguments={"alpha": 0.35}),
    "MobileNetV3": Family("MobileNetV3Small", span=PIXELS),
    "MobileNetV3 Large": Family("MobileNetV3Large", span=PIXELS),
    "NASNet": Family("NASNetMobile"),
    "ResNet": Family("ResNet50"),
    "ResNetV2": Family("ResNet50V2"),
    "VGG": Family("VGG16"),
    "Xception": Family("Xception", 71),
}


def build(family: Family) -> Any:
    """The member with random weights through which a signal comes.

    Kernels are He's, and the statistics of normalisation near those of his
    signals: with others an answer hardly depends on the image, and a
    comparison shows nothing.
    """
    keras = importlib.import_module("keras")
    keras.utils.set_random_seed(SEED)
    shape = (family.side, family.side, 3)
    plain = {"weights": None, "classes": 10, "classifier_activation": None}
    model = getattr(keras.applications, family.member)(input_shape=shape, **plain, **family.arguments)
    rng = np.random.default_rng(SEED)
    for weight in model.weights:
        size = tuple(weight.shape)
        if "gamma" in weight.name:
            weight.assign(rng.uniform(0.7, 1.3, size))
        elif "kernel" in weight.name:
            fan_in = np.prod(size[:2] if size[-1] == 1 else size[:-1])
            weight.assign(rng.normal(0.0, np.sqrt(2.0 / fan_in), size))
        elif weight.name == "moving_variance":
            weight.assign(rng.uniform(0.7, 1.3, size))
        elif weight.name in ("beta", "bias", "moving_mean"):
            weight.assign(rng.normal(0.0, 0.1, size))
    return model


def images(family: Family, count: int) -> Array:
    """Random images."""
    rng = np.random.default_rng(SEED)
    return rng.uniform(*family.span, (count, family.side, family.side, 3)).astype(np.float32)


def row(name: str) -> str:
    """One line of the table."""
    family = FAMILIES[name.removesuffix(" int8")]
    model = build(family)
    x = images(family, 2 * CALIBRATION if name == INT8 else 2)
    start = time.monotonic()
    expected = np.asarray(model.predict(x, verbose=0))
    keras_seconds = time.monotonic() - start
    parameters = model.count_params()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        del model
        start = time.monotonic()
        try:
            graph = mnc.load(path)
            cells = quantised(graph, x, expected) if name == INT8 else compared(graph, x, expected, parameters)
        except CompileError as error:
            cells = f"refused: {error.problems[0].what} | | | "
    times = f"{keras_seconds:.0f} s, {time.monotonic() - start:.0f} s"
    return f"| {name} | {family.member} | {family.side} | {parameters / 1e6:.1f} M | {cells} | {times} |"


def compared(graph: Graph, x: Array, expected: Array, parameters: int) -> str:
    """The cells of a float network: agreement, difference, that of the two images, who answered."""
    if parameters > IN_C:
        answer, who = graph.predict(x), "reference"
    else:
        build = mnc.compile(graph, name="net")
        options = targets.Options(optimise="-O1")
        (answer,), who = targets.run(targets.get("host"), build.files, build.interface, [x], options), "C"
    assert isinstance(answer, np.ndarray)
    largest = np.abs(expected).max()
    difference = float(np.abs(answer.reshape(expected.shape) - expected).max() / largest)
    between = float(np.abs(expected[0] - expected[1]).max() / largest)
    agrees = "yes" if difference <= WITHIN else "**no**"
    return f"{agrees} | {difference:.0e} | {between:.0e} | {who}"


def quantised(graph: Graph, x: Array, expected: Array) -> str:
    """The cells of an int8 network, whose difference is the signal that is left, in decibels."""
    build = mnc.compile(graph, name="net", quantize="int8", calibration=x[:CALIBRATION])
    seen, truth = x[CALIBRATION:], expected[CALIBRATION:]
    answer = build.graph.predict(seen)
    assert isinstance(answer, np.ndarray)
    left = 10 * np.log10(np.sum(truth**2) / np.sum((answer - truth) ** 2))
    moving = 10 * np.log10(np.sum(truth**2) / np.sum((truth.mean(0) - truth) ** 2))
    return f"yes | {left:.1f} dB | {moving:.1f} dB | reference"


HEAD = """| family | member | side | parameters | agrees | difference | two images | answer | Keras, mnc |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"one of {', '.join(FAMILIES)}; all of them")
    parser.add_argument("-o", "--output", type=Path, help="write the table to a file, too")
    parser.add_argument("--row", choices=[*FAMILIES, INT8], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(row(given.row))
        return
    lines = [HEAD]
    print(HEAD)
    for name in given.families or [*FAMILIES, INT8]:  # each in a process of its own, which gives its memory back
        run = subprocess.run([sys.executable, __file__, "--row", name], capture_output=True, text=True, check=False)
        lines.append(run.stdout.strip() or f"| {name} | | | | failed: {run.stderr.strip().splitlines()[-1]} | | | | |")
        print(lines[-1], flush=True)
    if given.output:
        given.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
