"""Dense layers over any axes, as Einstein's sum."""

from __future__ import annotations

import re
import string

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.products import weighed
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.frontends.keras.weights import Count
from mnc.ir.layers import Add, Conv2D, Dense, Permute, ReduceSum, Reshape
from mnc.ir.types import Shape
from mnc.names import brief

FORMS = tuple(
    re.compile(form)
    for form in (r"(\w+),(\w+)->(\w+)", r"\.\.\.(\w+),(\w+)->\.\.\.(\w+)", r"(\w+)\.\.\.,(\w+)->(\w+)\.\.\.")
)
"""Equations as Keras takes them: without an ellipsis, with one before the letters or behind them."""


@converts("EinsumDense", to=(Add, Conv2D, Dense, Permute, ReduceSum, Reshape))
def einsum_dense(config: Config) -> Build:
    """A dense layer over any axes, by an equation; axes that input and weights share become groups."""
    equation = config.raw("equation")
    stated = config.raw("output_shape")
    bias_axes = config.raw("bias_axes")
    activation = read_activation(config)
    matches = [form.fullmatch(equation.replace(" ", "")) if isinstance(equation, str) else None for form in FORMS]
    found = next(((kind, match) for kind, match in enumerate(matches) if match is not None), None)
    letters = "" if found is None else "".join(found[1].groups())
    if found is None or not (letters.isascii() and letters.isalpha()):
        raise config.fault(
            f"equation = {brief(equation)} is not one of two operands", "write it as ab,bc->ac", AS_TFLITE
        )
    if bias_axes is not None and not (isinstance(bias_axes, str) and set(bias_axes) <= set(found[1].group(3))):
        raise config.fault(f"bias_axes = {brief(bias_axes)} must be letters of the result")
    sizes = stated if isinstance(stated, list) else [stated]
    if not all(n is None or (type(n) is int and n > 0) for n in sizes):
        raise config.fault(f"output_shape = {brief(stated)} must be whole numbers")
    config.weights = Count(1 + (bias_axes is not None))
    kind, match = found

    def build(call: Call) -> Value:
        x = call.x
        left, right, out = match.groups()
        extra = len(x.shape) + 1 - len(left)
        if extra < 0 or (extra and not kind):
            raise call.fault(f"{equation} does not fit an input of {len(x.shape)} axes and its batch")
        hidden = "".join(letter for letter in string.ascii_letters if letter not in letters)[:extra]
        if len(hidden) < extra:
            raise call.fault("the equation has too many letters")
        left, out = (hidden + left, hidden + out) if kind == 1 else (left + hidden, out + hidden)
        if left[0] != out[0] or left[0] in right:
            raise call.fault(f"{equation} moves the batch, or sums over it", AS_TFLITE)
        left, out = left[1:], out[1:]
        size = dict(zip(left, x.shape, strict=True))
        # Keras states the result's shape without the axes that the ellipsis stands for
        named = [letter for letter in out if letter not in hidden]
        if len(named) != len(sizes):
            raise call.fault(f"output_shape = {brief(stated)} does not fit {equation}")
        for letter, n in zip(named, sizes, strict=True):
            if n is not None and size.setdefault(letter, n) != n:
                raise call.fault(f"the axis {letter} of {equation} has {size[letter]} elements, not {n}")
        unknown = [letter for letter in right + out if letter not in size]
        if unknown:
            raise call.fault(f"the size of the axis {unknown[0]} of {equation} is not stated")
        kernel = call.weights.array("kernel", tuple(size[letter] for letter in right))
        bias = None
        if bias_axes is not None:
            bias = call.weights.array("bias", _bias_shape(out, bias_axes, hidden, size, kind == 2))
        return weighed(call, x, kernel, (left, right, out), None if bias is None else np.asarray(bias), activation)

    return build


def _bias_shape(out: str, axes: str, hidden: str, size: dict[str, int], elided_last: bool) -> Shape:
    """From the first axis that has a bias to the last one; 1 where there is none between them."""
    own = [letter for letter in out if letter not in hidden]
    first = min(own.index(letter) for letter in axes)
    shape = tuple(size[letter] if letter in axes else 1 for letter in own[first:])
    return shape + (1,) * (len(hidden) if elided_last else 0)
