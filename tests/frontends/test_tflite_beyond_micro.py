"""Operators that TensorFlow Lite has and TensorFlow Lite Micro has not, as TensorFlow's interpreter computes them."""

from __future__ import annotations

import numpy as np
import pytest
from tflite_files import File, Operator, Tensor, read

from mnc.ir.types import Array

GELU = {
    approximate: np.frombuffer(bytes.fromhex(stored), np.int8)
    for approximate, stored in (
        (
            False,
            "888888888888888888888888888888888888888888888888888888888888888888888888888888888888888888888888"
            "888888888888888888888888888888888888888888888888888888888888888888878787878787878787878686868686"
            "868585858585848484848483838383838382828282828283838383838484858586868788898a8b8c8d8e8f9192949597"
            "989a9b9d9fa0a2a4a6a8aaabadafb1b3b5b7b9babcbec0c2c4c6c7c9cbcdcfd0d2d4d6d7d9dbdddee0e2e3e5e7e8eaec"
            "eeeff1f3f4f6f8f9fbfdfe0002030507080a0c0d0f1112141617191b1c1e2021232526282a2b2d2f3032343537393a3c"
            "3e3f4143444648494b4d4e5052535557",
        ),
        (
            True,
            "888888888888888888888888888888888888888888888888888888888888888888888888888888888888888888888888"
            "888888888888888888888888888888888888888888888888888888888888888888878787878787878787878686868686"
            "868585858585848484848483838383838382828282828283838383838484858586868788898a8b8c8d8e8f9192949597"
            "989a9b9d9fa0a2a4a6a8aaabadafb1b3b5b7b9babcbec0c2c4c6c7c9cbcdcfd0d2d4d6d7d9dbdddee0e2e3e5e7e9eaec"
            "eeeff1f3f4f6f8f9fbfdfe0002030507080a0c0d0f1112141617191b1c1e2021232526282a2b2d2f3032343537393a3c"
            "3e3f4143444648494b4d4e5052535557",
        ),
    )
}
"""Results of TensorFlow Lite 2.21's reference kernels of -128 to 127, at scale 0.05 round 3, to 0.03 round -120."""


def computed(file: File, x: Array) -> Array:
    reading = read(file)
    assert reading.graph is not None, reading.problems
    y = reading.graph.predict(x)
    assert isinstance(y, np.ndarray)
    return y


@pytest.mark.parametrize("approximate", GELU)
def test_gelu_of_int8_is_the_same_to_the_bit(approximate: bool) -> None:
    tensors = [Tensor.int8((1, 256), 0.05, 3), Tensor.int8((1, 256), 0.03, -120)]
    file = File(tensors, [Operator("GELU", [0], [1], {"Approximate": approximate})], [0], [1])
    np.testing.assert_array_equal(computed(file, np.arange(-128, 128, dtype=np.int8)[None])[0], GELU[approximate])


@pytest.mark.parametrize("approximate", GELU)
def test_gelu_of_float32_is_that_which_the_integers_round(approximate: bool) -> None:
    x = (0.05 * (np.arange(-128, 128, dtype=np.float32) - 3))[None].astype(np.float32)
    tensors = [Tensor((1, 256)), Tensor((1, 256))]
    file = File(tensors, [Operator("GELU", [0], [1], {"Approximate": approximate})], [0], [1])
    rounded = np.round(computed(file, x)[0] / 0.03) - 120
    assert np.abs(np.clip(rounded, -128, 127) - GELU[approximate]).max() <= 1


@pytest.mark.parametrize("exponent", [1.0, 2.0, 0.5, -0.5, 2.5, -1.0])
def test_a_power_is_that_of_numpy(exponent: float) -> None:
    x = np.linspace(0.1, 9.0, 64, dtype=np.float32)[None]
    tensors = [Tensor((1, 64)), Tensor.of(np.float32(exponent).reshape(())), Tensor((1, 64))]
    y = computed(File(tensors, [Operator("POW", [0, 1], [2])], [0], [2]), x)
    np.testing.assert_allclose(y, np.power(x.astype(np.float64), exponent), rtol=1e-6)


def test_a_power_of_several_exponents_is_refused() -> None:
    tensors = [Tensor((1, 2)), Tensor.of(np.array([1, 2], np.float32)), Tensor((1, 2))]
    reading = read(File(tensors, [Operator("POW", [0, 1], [2])], [0], [2]))
    assert reading.graph is None
    assert reading.problems[0].what == "it has 2 exponents; one number for all is supported"
