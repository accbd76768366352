"""Fourier transforms along the last axes, as products with the matrices of their cosines and sines."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operands, Result, operation
from mnc.frontends.keras.resampling import limited
from mnc.ir.layers import Add, Dense, Permute, Subtract
from mnc.ir.types import Array, Constant


@operation("FFT")
def fft(op: Operands) -> Result:
    """Real and imaginary part along the last axis."""
    return _transformed(op, 1)


@operation("FFT2")
def fft2(op: Operands) -> Result:
    """Real and imaginary part along the last two axes."""
    return _transformed(op, 2)


def _transformed(op: Operands, axes: int) -> Result:
    parts = op.values("x")
    if len(parts) != 2 or parts[0].shape != parts[1].shape:
        raise op.call.fault("the operation takes a real and an imaginary part of one shape")
    if len(parts[0].shape) < axes:
        raise op.call.fault("the transform would go along the batch")
    real, imaginary = parts
    for k in range(axes):
        last = k == axes - 1
        real, imaginary = _along(op, real, imaginary, len(real.shape) - 1 - k, "" if last else f"axis{k}/")
    return op.nothing(real), op.nothing(imaginary)


def _along(op: Operands, real: Value, imaginary: Value, axis: int, part: str) -> tuple[Value, Value]:
    """(x + iy) (C - iS) = xC + yS + i (yC - xS), C and S being cosines and sines."""
    size = real.shape[axis]
    limited(op.call, size, size)
    angle = 2.0 * np.pi * (np.outer(np.arange(size), np.arange(size)) % size) / size
    cosines, sines = np.cos(angle), np.sin(angle)

    def product(x: Value, matrix: Array, name: str) -> Value:
        order = tuple(range(len(x.shape)))
        swapped = (*order[:axis], *order[axis + 1 :], axis)
        turned = x if swapped == order else op.emit(Permute(swapped), x, part=f"{part}{name}_turned")
        weighed = op.emit(Dense(Constant(matrix.astype(np.float32))), turned, part=f"{part}{name}_weighed")
        back = (*order[:axis], order[-1], *order[axis:-1])
        return weighed if swapped == order else op.emit(Permute(back), weighed, part=f"{part}{name}")

    both = product(real, cosines, "real_cosines"), product(imaginary, sines, "imaginary_sines")
    crossed = product(imaginary, cosines, "imaginary_cosines"), product(real, sines, "real_sines")
    return op.emit(Add(), *both, part=f"{part}real"), op.emit(Subtract(), *crossed, part=f"{part}imaginary")
