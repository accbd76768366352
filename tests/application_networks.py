"""The cheapest families of `keras.applications`; for `live_keras`.  `bench/keras_applications.py` has all."""

from __future__ import annotations

from typing import Any

import numpy as np
from live_keras import Case

from mnc.ir.types import Array

IMAGES = 8


def application(member: str, low: float, high: float, **attributes: Any) -> Case:
    """A member without softmax, and random images of numbers between `low` and `high`."""

    def case(keras: Any, _: Any) -> tuple[Any, list[Array]]:
        x = np.random.default_rng(5).uniform(low, high, (IMAGES, 32, 32, 3)).astype(np.float32)
        plain = {"weights": None, "classes": 10, "classifier_activation": None}
        return getattr(keras.applications, member)(input_shape=(32, 32, 3), **plain, **attributes), [x]

    return case


CASES: dict[str, Case] = {
    "mobilenet": application("MobileNet", -1.0, 1.0, alpha=0.25),
    "mobilenet_v3_small": application("MobileNetV3Small", 0.0, 255.0),
}
