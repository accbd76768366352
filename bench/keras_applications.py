"""Every family of `keras.applications`: does mnc read it, and does its answer agree with Keras'?

    KERAS_BACKEND=jax python bench/keras_applications.py [-o FILE] [FAMILY ...]

From each family the smallest member, with the smallest input that it allows,
ten classes, and random weights from a seed.  A row gives its parameters, the
largest difference between mnc's reference and Keras as a share of the largest
output, and the time that both took.  The whole table takes about a quarter of
an hour of two idle cores and 4 GB of memory; generated code is not part of it.
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

from mnc.errors import CompileError
from mnc.frontends import load

SEED = 7
WITHIN = 1e-4


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
    """The member with random weights; those of normalisation differ from what they are before training, too."""
    keras = importlib.import_module("keras")
    keras.utils.set_random_seed(SEED)
    shape = (family.side, family.side, 3)
    model = getattr(keras.applications, family.member)(input_shape=shape, weights=None, classes=10, **family.arguments)
    rng = np.random.default_rng(SEED)
    for weight in model.weights:
        if "variance" in weight.name:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif "gamma" in weight.name:
            weight.assign(rng.uniform(0.7, 1.3, weight.shape))
        elif "kernel" not in weight.name and "seed" not in weight.name:
            weight.assign(rng.normal(0.0, 0.1, weight.shape))
    return model


def row(name: str) -> str:
    """One line of the table."""
    family = FAMILIES[name]
    model = build(family)
    x = np.random.default_rng(SEED).uniform(*family.span, (1, family.side, family.side, 3)).astype(np.float32)
    start = time.monotonic()
    expected = np.asarray(model.predict(x, verbose=0))
    keras_seconds = time.monotonic() - start
    shown = f"| {name} | {family.member} | {family.side} | {model.count_params() / 1e6:.1f} M "
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        del model
        start = time.monotonic()
        try:
            graph = load(path)
        except CompileError as error:
            return f"{shown}| refused: {error.problems[0].what} | | |"
        answer = graph.predict(x)
    seconds = time.monotonic() - start
    assert isinstance(answer, np.ndarray)
    difference = float(np.abs(answer - expected).max() / np.abs(expected).max())
    agrees = "yes" if difference <= WITHIN else "**no**"
    return f"{shown}| {agrees} | {difference:.0e} | {keras_seconds:.0f} s, {seconds:.0f} s |"


HEAD = """| family | member | side | parameters | agrees | difference | Keras, mnc |
| --- | --- | --- | --- | --- | --- | --- |"""


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"one of {', '.join(FAMILIES)}; all of them")
    parser.add_argument("-o", "--output", type=Path, help="write the table to a file, too")
    parser.add_argument("--row", choices=list(FAMILIES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(row(given.row))
        return
    lines = [HEAD]
    print(HEAD)
    for name in given.families or FAMILIES:  # each in a process of its own, which gives its memory back
        run = subprocess.run([sys.executable, __file__, "--row", name], capture_output=True, text=True, check=False)
        lines.append(run.stdout.strip() or f"| {name} | | | | failed: {run.stderr.strip().splitlines()[-1]} | | |")
        print(lines[-1], flush=True)
    if given.output:
        given.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
