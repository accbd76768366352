"""Keras' own lists of layers and activations, beside what mnc reads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from live_keras import needed

from mnc.frontends.keras.activations import ALONG_AXIS, FUNCTIONS
from mnc.frontends.keras.registry import CLASSES, FOREIGN, IN_FRONT
from mnc.frontends.keras.spelling import respell

NO_LAYERS = frozenset({"Layer", "Wrapper", "InputSpec", "InputLayer"})
"""Bases, and what the reader of models knows by itself."""

PARTS = frozenset({"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"})
"""Read inside RNN alone."""

REFUSED = {
    "Lambda": "it holds Python code",
    "ConvLSTM3D": "its images are volumes, and each step of each plane would be code of its own",
    "ContrastLimitedAdaptiveHistogramEqualization": "it counts the grey levels of each image",
    "RandomCrop": "what it does at inference differs between versions of Keras",
}
"""Layers of Keras that mnc refuses, and why."""

LISTS = """
import inspect, keras
layers = vars(keras.layers).items()
print(*sorted({each.__name__ for name, each in layers if inspect.isclass(each)}))
functions = vars(keras.activations).items()
print(*sorted(name for name, each in functions if inspect.isfunction(each)))
"""


@pytest.fixture(scope="module")
def listed() -> list[set[str]]:
    needed("keras")
    environment = os.environ | {"KERAS_BACKEND": "numpy"}
    run = subprocess.run([sys.executable, "-c", LISTS], env=environment, capture_output=True, text=True, check=True)
    return [set(line.split()) for line in run.stdout.splitlines()]


def test_every_layer_of_keras_is_read_or_refused_for_a_reason(listed: list[set[str]]) -> None:
    names = {respell(name, {})[0] for name in listed[0]} - NO_LAYERS - PARTS
    assert len(names) > 100
    assert names - CLASSES.keys() - IN_FRONT - FOREIGN == set(REFUSED)
    assert not REFUSED.keys() & CLASSES.keys()


def test_every_activation_of_keras_is_read(listed: list[set[str]]) -> None:
    not_by_name = {"deserialize", "get", "serialize", "threshold"}  # threshold has two parameters, so no layer names it
    by_version = {"linear", "hard_sigmoid"}
    assert listed[1] - not_by_name - by_version <= FUNCTIONS.keys() | ALONG_AXIS.keys()
