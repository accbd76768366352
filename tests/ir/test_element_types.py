"""Facts about element types, compared with NumPy and with C."""

from __future__ import annotations

import numpy as np
import pytest

from mnc.ir.types import DType


@pytest.mark.parametrize("dtype", DType)
def test_an_element_type_is_of_one_size_in_numpy_and_in_c(dtype: DType) -> None:
    bits = 8 * dtype.bytes
    if dtype is DType.FLOAT32:
        assert (dtype.c, dtype.suffix, bits) == ("float", "f32", 32)
        with pytest.raises(ValueError, match="integer"):
            assert dtype.least
    elif dtype is DType.UINT8:
        assert (dtype.c, dtype.suffix, dtype.least, dtype.most) == ("uint8_t", "u8", 0, 255)
    else:
        assert (dtype.c, dtype.suffix) == (f"int{bits}_t", f"s{bits}")
        assert (dtype.least, dtype.most) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert DType.of(np.zeros(1, dtype.numpy)) is dtype


def test_biases_of_int64_are_no_quantised_values_and_wide_integers_are_symmetric() -> None:
    assert {dtype: dtype.zero_points for dtype in DType if dtype.zero_points} == {
        DType.INT8: range(-128, 128),
        DType.UINT8: range(256),
        DType.INT16: range(1),
        DType.INT32: range(1),
    }
