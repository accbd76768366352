"""Networks that the Keras of this machine builds, saves and answers for, in a process of its own.

    KERAS_BACKEND=numpy python live_keras.py MODULE FOLDER

MODULE has CASES: for each name a function from `keras` and `keras.layers` to a model
and its inputs.  FOLDER gets NAME.keras, NAME.h5 and NAME.npz, with the inputs
x0, x1, ... and what Keras answers, y0, y1, ...  The numpy backend compiles
nothing, so it answers for a hundred small networks in seconds.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnc.frontends import load
from mnc.ir.types import Array

Case = Callable[[Any, Any], tuple[Any, list[Array]]]


def randomise(model: Any) -> None:
    """Weights from a seed, also those that begin at 0 or 1; through deep networks a signal comes."""
    rng = np.random.default_rng(7)
    is_deep = len(model.layers) > 40
    for weight in model.weights:
        if "float" not in str(weight.dtype):
            continue
        size = tuple(weight.shape)
        if "variance" in weight.name or (is_deep and weight.name == "gamma"):
            weight.assign(rng.uniform(0.7, 1.3, size))
        elif is_deep and "kernel" in weight.name:  # He's
            fan_in = np.prod(size[:2] if size[-1] == 1 else size[:-1])
            weight.assign(rng.normal(0.0, np.sqrt(2.0 / fan_in), size))
        else:
            weight.assign(rng.normal(0.0, 0.1 if is_deep else 0.5, size))


def answer(folder: Path, name: str, case: Case) -> None:
    """Save one network and what it answers."""
    keras = importlib.import_module("keras")

    keras.utils.set_random_seed(7)
    model, xs = case(keras, keras.layers)
    randomise(model)
    ys = keras.tree.flatten(model(xs if len(xs) > 1 else xs[0], training=False))
    kept: dict[str, Any] = {f"x{i}": x for i, x in enumerate(xs)} | {f"y{i}": np.asarray(y) for i, y in enumerate(ys)}
    np.savez(folder / f"{name}.npz", **kept)
    for kind in ("keras", "h5"):
        model.save(folder / f"{name}.{kind}")


def needed(package: str) -> None:
    """Skip the test where a package is not there."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"could not import {package!r}")


def answers(module: str, folder: Path) -> Path:
    """The folder with all networks of a module, which lies beside this one."""
    needed("keras")
    needed("jax")  # of which the numpy backend takes convolutions
    here = Path(__file__)
    environment = os.environ | {"KERAS_BACKEND": "numpy", "PYTHONPATH": str(here.parent)}
    run = subprocess.run(
        [sys.executable, str(here), module, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return folder


def agrees(folder: Path, name: str, kind: str) -> None:
    """mnc's answers are those of Keras within 1e-4 of the largest."""
    stored = np.load(folder / f"{name}.npz")
    xs, ys = ([stored[key] for key in stored.files if key[0] == letter] for letter in "xy")
    given = load(folder / f"{name}.{kind}").predict(xs if len(xs) > 1 else xs[0])
    for own, want in zip(given if isinstance(given, list) else [given], ys, strict=True):
        np.testing.assert_allclose(own.reshape(want.shape), want, rtol=0, atol=1e-4 * np.abs(want).max())


def main(module: str, folder: str) -> None:
    cases: Mapping[str, Case] = importlib.import_module(module).CASES
    for name, case in cases.items():
        answer(Path(folder), name, case)


if __name__ == "__main__":
    main(*sys.argv[1:])
