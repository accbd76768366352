"""Einstein's sum of a tensor and constants, as a dense layer or one for each index that both have."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Activation, AlongAxis, Call
from mnc.ir.layers import Activation as Elementwise
from mnc.ir.layers import Add, Conv2D, Dense, Identity, Permute, ReduceSum, Reshape
from mnc.ir.types import Array, Constant


def weighed(
    call: Call,
    x: Value,
    weights: Array,
    spec: tuple[str, str, str],
    bias: Array | None = None,
    activation: Activation = None,
) -> Value:
    """activation(einsum(x, weights) + bias); `spec` has a letter for each axis of x, of the weights and of the result.

    The batch is in none of them.  `bias` fits the result by NumPy's broadcasting.
    """
    left, right, out = spec
    size = _sizes(call, x, weights, spec)
    weights = weights.sum(tuple(k for k, letter in enumerate(right) if letter not in left + out))
    right = "".join(letter for letter in right if letter in left + out)
    alone = tuple(k for k, letter in enumerate(left) if letter not in right + out)
    if alone:
        x = call.emit(ReduceSum(alone), x, part="summed")
        left = "".join(letter for letter in left if letter in right + out)
    rows = [letter for letter in out if letter not in right]
    both = [letter for letter in out if letter in left and letter in right]
    columns = [letter for letter in out if letter not in left]
    summed = [letter for letter in left if letter not in out]

    def count(letters: list[str]) -> int:
        return math.prod(size[letter] for letter in letters)

    matrix = weights.transpose([right.index(letter) for letter in (*summed, *both, *columns)])
    matrix = matrix.reshape(count(summed), count(both) * count(columns)).astype(np.float32)
    order = [*rows, *both, *columns]
    fused = None if bias is None else _along(bias, out, rows, [*both, *columns], size)
    own = None if fused is None else Constant(fused.astype(np.float32))
    function = activation if (bias is None or own is not None) and not isinstance(activation, AlongAxis) else None
    turned = _turned(call, x, tuple(left.index(letter) for letter in (*rows, *both, *summed)), "turned")
    if both:  # a group of channels for each index that both have
        flat = call.emit(Reshape((count(rows), 1, count(both) * count(summed))), turned, part="first")
        kernel = Constant(matrix.reshape(1, 1, *matrix.shape))
        product = call.emit(Conv2D(kernel, own, groups=count(both), activation=function), flat, part="product")
    else:
        flat = call.emit(Reshape((*(size[letter] for letter in rows), count(summed))), turned, part="first")
        product = call.emit(Dense(Constant(matrix), own, function), flat, part="product")
    whole = call.emit(Reshape(tuple(size[letter] for letter in order)), product, part="axes")
    ordered = tuple(order.index(letter) for letter in out)
    if function is activation and (bias is None or own is not None):
        return _turned(call, whole, ordered, "")
    result = _turned(call, whole, ordered, "ordered")
    if bias is not None and own is None:
        part = "" if activation is None else "biased"
        result = call.emit(Add(operand=Constant(bias.astype(np.float32))), result, part=part)
    if activation is None:
        return result
    if isinstance(activation, AlongAxis):
        return call.along(activation, result, len(out) - 1)
    return call.emit(Elementwise(activation), result)


def _sizes(call: Call, x: Value, weights: Array, spec: tuple[str, str, str]) -> dict[str, int]:
    """How long the axis of each letter is; CompileError where the letters do not fit."""
    left, right, out = spec
    shown = f"{left},{right}->{out}"
    if len(left) != len(x.shape) or len(right) != weights.ndim:
        raise call.fault(f"{shown} does not fit the axes of its operands")
    if any(len(set(each)) != len(each) for each in spec) or not set(out) <= set(left + right):
        raise call.fault(f"{shown} has a letter twice in one operand, or one of the result alone")
    size = dict(zip(left, x.shape, strict=True))
    for letter, n in zip(right, weights.shape, strict=True):
        if size.setdefault(letter, n) != n:
            raise call.fault(f"the axis {letter} of {shown} has {size[letter]} elements, and {n} in the constant")
    return size


def _along(bias: Array, out: str, rows: list[str], columns: list[str], size: dict[str, int]) -> Array | None:
    """The bias for the columns of the product; None where it differs between rows."""
    full = bias.reshape((1,) * (len(out) - bias.ndim) + bias.shape)
    if any(full.shape[out.index(letter)] != 1 for letter in rows):
        return None
    own = full.transpose([out.index(letter) for letter in (*rows, *columns)]).reshape(
        [full.shape[out.index(letter)] for letter in columns]
    )
    return np.broadcast_to(own, [size[letter] for letter in columns]).reshape(-1)


def _turned(call: Call, x: Value, axes: tuple[int, ...], part: str) -> Value:
    if axes != tuple(range(len(axes))):
        return call.emit(Permute(axes), x, part=part)
    return x if part else call.emit(Identity(), x)
