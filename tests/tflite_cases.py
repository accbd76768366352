"""Networks of one TFLite operator with all it can be given, drawn by hypothesis, in float32, int8 and int16."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tflite_drawing import CASES, SPREAD, Case, Maker, case, dilations, fused, image, moved, strides, window
from tflite_files import File, Operator, Tensor
from tflite_loop_cases import changed
from tflite_moving_cases import NOT_IN_TFLM, NOT_MOVED_IN_INT16
from tflite_state_cases import KEPT
from tflite_truth_cases import GIVING_TRUTHS, NOT_CHOSEN_IN_TFLM

from mnc.ir.types import Array


@case
def conv_2d(c: Case) -> File:
    w = window(c)
    groups = c.choice(1, 1, 2)
    depth, filters = c.integer(1, 5), groups * c.integer(1, 4)
    x = c.input((1, *w.size, depth * groups))
    weights = c.weights((filters, *w.kernel, depth), 0)
    bias = c.bias(x, weights, filters, short=True)
    y = c.value((1, *w.out, filters), c.sum_scale(x, weights, depth * w.kernel[0] * w.kernel[1]))
    return c.file("CONV_2D", (x, weights, bias), y, **strides(w), **dilations(w), **fused(c))


@case
def depthwise_conv_2d(c: Case) -> File:
    w = window(c)
    depth, multiplier = c.integer(1, 5), c.choice(1, 1, 2, 3)
    x = c.input((1, *w.size, depth))
    weights = c.weights((1, *w.kernel, depth * multiplier), 3)
    bias = c.bias(x, weights, depth * multiplier)
    y = c.value((1, *w.out, depth * multiplier), c.sum_scale(x, weights, w.kernel[0] * w.kernel[1]))
    options = {"DepthMultiplier": multiplier, **strides(w), **dilations(w), **fused(c)}
    inputs = (x, weights) if bias < 0 else (x, weights, bias)  # TFLM crashes where the bias is -1
    return c.file("DEPTHWISE_CONV_2D", inputs, y, **options)


@case
def transpose_conv(c: Case) -> File:
    w = window(c, dilated=False)  # the convolution whose gradient it is
    depth, filters = c.integer(1, 4), c.integer(1, 4)
    shape = c.integers(1, *w.size, filters)
    x = c.input((1, *w.out, depth))
    weights = c.weights((filters, *w.kernel, depth), 0)
    bias = c.bias(x, weights, filters)
    inputs = (shape, weights, x) if bias < 0 else (shape, weights, x, bias)
    y = c.value((1, *w.size, filters), c.sum_scale(x, weights, depth * 2))
    return c.file("TRANSPOSE_CONV", inputs, y, **strides(w), **fused(c))


@case
def fully_connected(c: Case) -> File:
    depth, units = c.integer(1, 20), c.integer(1, 9)
    form = c.choice("vector", "image", "rows", "kept")
    shapes = {"vector": (1, depth), "image": (1, 1, 1, depth), "rows": (3, depth), "kept": (1, 3, depth)}
    results = {"vector": (1, units), "image": (1, units), "rows": (3, units), "kept": (1, 3, units)}
    x = c.input((1, *shapes[form]) if form == "rows" else shapes[form])
    weights = c.weights((units, depth), 0)
    bias = c.bias(x, weights, units, short=True)
    y = c.value(results[form], c.sum_scale(x, weights, depth))
    options = {"KeepNumDims": form == "kept", **fused(c)}
    return c.file("FULLY_CONNECTED", (x, weights, bias), y, **options)


def merged_scale(c: Case, kind: str, a: int, b: int) -> float | None:
    """A scale for the sum, the difference or the product of two values."""
    if not c.quantised:
        return None
    scales = c.tensors[a].scale[0], c.tensors[b].scale[0]
    if kind == "SQUARED_DIFFERENCE":
        return c.scale(2 * SPREAD * c.steps * max(scales) ** 2, 2.0)
    return c.scale(SPREAD * c.steps * scales[0] * scales[1] if kind == "MUL" else max(scales), 2.0)


def merge(kind: str, has_activation: bool) -> Maker:
    def make(c: Case) -> File:
        shape = [1, *(c.integer(1, 4) for _ in range(c.integer(1, 3)))]
        other = [1 if c.integer(0, 3) == 0 else n for n in shape]
        if c.choice(True, False):
            other = other[c.integer(0, len(other) - 1) :]
            other = other if len(other) == len(shape) else [1] * (len(shape) - len(other)) + other
        a = c.input(shape)
        if has_activation:
            b = c.input(other)
            y = c.value(shape, merged_scale(c, kind, a, b))
            if kind == "SQUARED_DIFFERENCE":
                return c.file(kind, c.choice((a, b), (b, a)), y)
            return c.file(kind, c.choice((a, b), (b, a)), y, **fused(c))
        b = c.like(a, other)
        c.given.append(b)
        return c.file(kind, (a, b), c.like(a, shape))

    make.__name__ = kind.lower()
    return make


for _kind in ("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE"):
    case(merge(_kind, True))
for _kind in ("MAXIMUM", "MINIMUM"):
    case(merge(_kind, False))


def with_constant(kind: str, has_activation: bool) -> Maker:
    """A value and a constant; either is repeated along axes of 1, or both are."""

    def make(c: Case) -> File:
        shape = image(c)[: c.integer(2, 4)]
        own = [1, *(n if c.integer(0, 5) else 1 for n in shape[1:])]
        other = [n if c.choice(True, False) else 1 for n in shape][c.integer(0, len(shape)) :]
        whole = np.broadcast_shapes(tuple(own), tuple(other))
        x = c.input(own)
        constant = c.operand(other) if has_activation else c.operand(other, like=x)
        inputs = c.choice((x, constant), (constant, x))
        if not has_activation:
            return c.file(kind, inputs, c.like(x, whole))
        y = c.value(whole, merged_scale(c, kind, x, constant))
        return c.file(kind, inputs, y, **fused(c))

    make.__name__ = f"{kind.lower()}_with_constant"
    return make


for _kind in ("ADD", "SUB", "MUL"):
    case(with_constant(_kind, True))
for _kind in ("MAXIMUM", "MINIMUM"):
    case(with_constant(_kind, False))


@case
def div(c: Case) -> File:
    """By numbers other than 0; in int8 on scales on which TensorFlow Lite Micro shifts by no more than 31 bits."""
    shape = image(c)[: c.integer(2, 4)]
    other = [n if c.choice(True, False) else 1 for n in shape]
    x = c.input(shape)
    if c.quantised:
        values = c.rng.integers(1, 128, other) * c.rng.choice([1, -1], other)
        zero = c.choice(0, -1, 1)
        b = c.add(Tensor.of((values.clip(-127, 126) + zero).astype(np.int8), [c.scale()], [zero]))
        y = c.value(shape, c.scale(c.tensors[x].scale[0] / c.tensors[b].scale[0] / 400, 1.2))
        return c.file("DIV", (x, b), y, **fused(c))
    b = c.input(other)
    return c.file("DIV", (x, b), c.value(shape), **fused(c))


def pool(kind: str) -> Maker:
    def make(c: Case) -> File:
        w = window(c, dilated=False)
        depth = c.integer(1, 4)
        x = c.input((1, *w.size, depth))
        filters = {"FilterHeight": w.kernel[0], "FilterWidth": w.kernel[1]}
        return c.file(kind, (x,), c.like(x, (1, *w.out, depth)), **strides(w), **filters, **fused(c))

    make.__name__ = kind.lower()
    return make


case(pool("AVERAGE_POOL_2D"))
case(pool("L2_POOL_2D"))
case(pool("MAX_POOL_2D"))


def reduction(kind: str) -> Maker:
    def make(c: Case) -> File:
        shape = [1, *(c.integer(1, 7) for _ in range(c.integer(1, 3)))]
        axes = c.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=3, unique=True))
        if len(shape) == 4 and c.choice(True, False):
            axes = [1, 2]
        keep = c.choice(True, False)
        x = c.input(shape)
        given = c.integers(*(axis - (len(shape) if c.choice(True, False) else 0) for axis in axes))
        result = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
        if kind in ("MEAN", "SUM"):
            count = math.prod(shape) // math.prod(result) if kind == "SUM" else 1
            y = c.value(result, c.scale(c.tensors[x].scale[0] * count**0.5, 1.5) if c.quantised else None)
        else:
            y = c.like(x, result)
        return c.file(kind, (x, given), y, KeepDims=keep)

    make.__name__ = kind.lower()
    return make


case(reduction("MEAN"))
case(reduction("SUM"))
case(reduction("REDUCE_MAX"))
case(reduction("REDUCE_MIN"))


@case
def softmax(c: Case) -> File:
    shape = c.choice((1, c.integer(1, 30)), image(c))
    x = c.input(shape, c.value_scale(0.05, 4.0))
    return c.file("SOFTMAX", (x,), c.value(shape, 1 / 256 if c.stored == "INT8" else 1 / 32768, -128), Beta=1.0)


@case
def log_softmax(c: Case) -> File:
    shape = c.choice((1, c.integer(1, 30)), (1, 300), image(c))
    x = c.input(shape, c.value_scale(0.05, 5.0))
    return c.file("LOG_SOFTMAX", (x,), c.value(shape, 1 / 16, 127))


def function_scale(c: Case, saturates: bool) -> float:
    """For int16 also powers of two, which functions treat by themselves; for int8 also steps beyond all that counts."""
    powers = (2.0**-12, 2.0**-11, 2.0**-10)
    if saturates and c.quantised and c.stored == "INT8" and c.choice(True, False):
        return c.scale(16.0, 6.0)
    return c.choice(*powers) if c.stored == "INT16" and c.choice(True, False) else c.value_scale(0.05, 3.0)


def function(kind: str, output: tuple[float, int] | None = None, same_scale: bool = False, **options: float) -> Maker:
    def make(c: Case) -> File:
        shape = (1, 4, 4, 16)
        x = c.input(shape, function_scale(c, output is not None))
        if output is not None:
            y = c.value(shape, *(output if c.stored == "INT8" else (1 / 32768, 0)))
        elif same_scale or not c.quantised:
            y = c.like(x, shape)
        else:
            y = c.value(shape, c.scale(c.tensors[x].scale[0], 1.0))
        return c.file(kind, (x,), y, **options)

    make.__name__ = kind.lower()
    return make


case(function("LOGISTIC", (1 / 256, -128)))
case(function("TANH", (1 / 128, 0)))
case(function("RELU"))
case(function("RELU6", same_scale=True))
case(function("ELU"))
case(function("HARD_SWISH"))


@case
def gelu(c: Case) -> File:
    return function("GELU", Approximate=c.choice(True, False))(c)


@case
def pow(c: Case) -> File:  # noqa: A001  (the operator's name)
    shape = (1, 4, 16)
    x, y = c.input(shape), c.value(shape)
    return c.file("POW", (x, c.constant(np.float32(c.choice(1.0, 2.0, 3.0, 0.5, -0.5, 1.7)))), y)


case(function("ABS"))
for _kind in ("CEIL", "COS", "EXP", "FLOOR", "NEG", "ROUND", "SIN", "SQUARE"):
    case(function(_kind))


def of_positive(kind: str) -> Maker:
    """A function of what is larger than 0; ABS, in float32, is in front."""

    def make(c: Case) -> File:
        shape = (1, 4, 4, 16)
        x = c.input(shape)
        if c.quantised:
            c.tensors[x] = replace(c.tensors[x], zero_point=[-128 if c.stored == "INT8" else 0])
            root = 16 * c.tensors[x].scale[0] ** 0.5  # of 256 steps
            return c.file(kind, (x,), c.value(shape, c.scale(1 / root / 16, 3.0)))
        positive, y = c.like(x, shape), c.like(x, shape)
        operators = [Operator("ABS", [x], [positive], {}), Operator(kind, [positive], [y], {})]
        return File(c.tensors, operators, c.given, [y])

    make.__name__ = kind.lower()
    return make


for _kind in ("LOG", "RSQRT", "SQRT"):
    case(of_positive(_kind))


@case
def add_n(c: Case) -> File:
    shape = image(c)
    x = c.input(shape)
    if c.quantised:
        c.tensors[x] = replace(c.tensors[x], zero_point=[0])
    inputs = [x, *(c.like(x, shape) for _ in range(1 if c.quantised else c.integer(1, 3)))]
    c.given[1:] = inputs[1:]
    return c.file("ADD_N", inputs, c.value(shape, c.scale(c.tensors[x].scale[0], 1.0) if c.quantised else None))


@case
def cumsum(c: Case) -> File:
    shape = image(c)[: c.integer(2, 4)]
    axis = c.integer(0, len(shape) - 1)
    x = c.input(shape)
    named = c.constant(np.array(c.choice(axis, axis - len(shape)), np.int32))
    modes = {"Exclusive": c.choice(True, False), "Reverse": c.choice(True, False)}
    return c.file("CUMSUM", (x, named), c.value(shape), **modes)


def arg_extreme(kind: str) -> Maker:
    def make(c: Case) -> File:
        """Of numbers that are often equal."""
        shape = image(c)[: c.integer(2, 4)]
        axis = c.integer(1, len(shape) - 1)
        x = c.input(shape)
        places = c.add(Tensor((*shape[:axis], *shape[axis + 1 :]), "INT32"))
        return c.file(kind, (x, c.integers(c.choice(axis, axis - len(shape)))), places)

    make.__name__ = kind.lower()
    return make


for _kind in ("ARG_MAX", "ARG_MIN"):
    case(arg_extreme(_kind))


def floored(kind: str) -> Maker:
    def make(c: Case) -> File:
        """Multiples of the second operand, as float32 rounds them: a little above one, or below."""
        shape = image(c)[: c.integer(2, 4)]
        whole, by = c.input(shape), c.input(shape)
        floor, x, y = c.value(shape), c.value(shape), c.value(shape)
        operators = [
            Operator("FLOOR", [whole], [floor]),
            Operator("MUL", [floor, by], [x], {"FusedActivationFunction": 0}),
            Operator(kind, [x, by], [y]),
        ]
        return File(c.tensors, operators, c.given, [y])

    make.__name__ = kind.lower()
    return make


for _kind in ("FLOOR_DIV", "FLOOR_MOD"):
    case(floored(_kind))


@case
def batch_matmul(c: Case) -> File:
    rows, inner, columns = c.integer(1, 5), c.integer(1, 6), c.integer(1, 5)
    batch = c.choice((1,), (1,), (1, 2), (1, 3, 2))
    other = c.choice(batch, (1,) * len(batch))
    adjoint = c.choice(True, False), c.choice(True, False)
    a = c.input((*batch, *((inner, rows) if adjoint[0] else (rows, inner))))
    b = c.input((*other, *((columns, inner) if adjoint[1] else (inner, columns))))
    y = c.value((*batch, rows, columns), merged_scale(c, "MUL", a, b))
    return c.file("BATCH_MATMUL", (a, b), y, AdjX=adjoint[0], AdjY=adjoint[1])


@case
def cast(c: Case) -> File:
    """Numbers that are looked up in a table; or of integers that are cast, which is refused."""
    count, width = c.integer(1, 6), c.integer(1, 4)
    x = c.input((1, count))
    places, positive = c.add(Tensor((1, count), "INT32")), c.like(x, (1, count))
    table = c.constant(c.rng.standard_normal((40, width)).astype(np.float32))
    y = c.add(Tensor((1, count, width)))
    operators = [
        Operator("ABS", [x], [positive], {}),
        Operator("CAST", [positive], [places], {}),
        Operator("GATHER", [table, places], [y], {"Axis": 0}),
    ]
    return File(c.tensors, operators, c.given, [y])


@case
def embedding_lookup(c: Case) -> File:
    """Places from 0 on that are computed; a table of int8 may give float32, too."""
    count, width = c.integer(1, 6), c.choice((3,), (2, 2))
    x = c.add(Tensor((1, count)))
    c.given.append(x)
    positive, places = c.like(x, (count,)), c.add(Tensor((count,), "INT32"))
    turned = c.like(x, (count,))
    numbers = 74 * c.rng.standard_normal((40, *width))
    if c.quantised or c.choice(True, False):
        whole = numbers.clip(-128, 127).astype(c.stored.lower() if c.quantised else np.int8)
        zero = c.integer(-128, 127) if c.quantised and c.stored == "INT8" else 0
        table = c.add(Tensor.of(whole, [c.scale()], [zero]))
    else:
        table = c.constant(numbers.astype(np.float32))
    y = c.like(table, (count, *width)) if c.quantised else c.add(Tensor((count, *width)))
    operators = [
        Operator("RESHAPE", [x, c.integers(count)], [turned]),
        Operator("ABS", [turned], [positive]),
        Operator("CAST", [positive], [places]),
        Operator("EMBEDDING_LOOKUP", [places, table], [y]),
    ]
    return File(c.tensors, operators, c.given, operators[-1].outputs)


@case
def zeros_like(c: Case) -> File:
    """Zeros that a value is compared with: stored ones, whatever the zero point is."""
    shape = image(c)[: c.integer(2, 4)]
    x = c.input(shape)
    zeros, y = c.like(x, shape), c.like(x, shape)
    operators = [Operator("ZEROS_LIKE", [x], [zeros]), Operator("MAXIMUM", [x, zeros], [y])]
    return File(c.tensors, operators, c.given, [y])


@case
def l2_normalization(c: Case) -> File:
    shape = image(c)[: c.integer(2, 4)]
    x = c.input(shape)
    return c.file("L2_NORMALIZATION", (x,), c.value(shape, 1 / 128, 0), FusedActivationFunction=0)


@case
def leaky_relu(c: Case) -> File:
    return function("LEAKY_RELU", Alpha=c.choice(0.0, 0.01, 0.1, 0.2, 0.3, 1.0, 1.7, -0.2))(c)


@case
def prelu(c: Case) -> File:
    shape = image(c)
    x = c.input(shape)
    slopes = c.choice((1, 1, shape[3]), (1, 1, 1), shape[1:], (1, shape[2], 1))
    if c.quantised:
        values = c.rng.integers(-128, 128, slopes).astype(np.int8)
        alpha = c.add(Tensor.of(values, [c.scale(0.005)], [c.integer(-128, 127)]))
        y = c.value(shape, c.scale(c.tensors[x].scale[0], 1.0))
    else:
        alpha = c.constant(c.rng.standard_normal(slopes).astype(np.float32))
        y = c.value(shape)
    return c.file("PRELU", (x, alpha), y)


@case
def quantize(c: Case) -> File:
    shape = image(c)
    x = c.input(shape)
    c.quantised = True
    return c.file("QUANTIZE", (x,), c.value(shape, c.value_scale(0.03, 2.0)))


@case
def dequantize(c: Case) -> File:
    c.quantised = True
    shape = image(c)
    x = c.input(shape)
    return c.file("DEQUANTIZE", (x,), c.add(Tensor(shape)))


@case
def resize_bilinear(c: Case) -> File:
    shape, size = image(c), c.pair(1, 20)
    x = c.input(shape)
    mode: dict[str, bool] = c.choice({"HalfPixelCenters": True}, {"AlignCorners": True}, {})
    return moved(c, "RESIZE_BILINEAR", x, (c.integers(*size),), (1, *size, shape[3]), **mode)


@case
def resize_nearest_neighbor(c: Case) -> File:
    shape, size = image(c), c.pair(1, 20)
    x = c.input(shape)
    mode = {"HalfPixelCenters": c.choice(True, False), "AlignCorners": c.choice(True, False)}
    return moved(c, "RESIZE_NEAREST_NEIGHBOR", x, (c.integers(*size),), (1, *size, shape[3]), **mode)


assert CASES.keys() >= KEPT, "an operator with a state is not drawn"
OPERATORS: Mapping[str, Maker] = {
    name: make for name, make in CASES.items() if name not in NOT_IN_TFLM | NOT_CHOSEN_IN_TFLM
}
WITH_CONSTANT = {name for name in CASES if name.endswith("_with_constant")} | {"dilated_convolution"}
"""Further cases of operators that are drawn under their own names as well."""
BETWEEN_TYPES = {"quantize", "dequantize"}
FLOAT_ONLY = {
    "cast", "ceil", "cos", "cumsum", "exp", "floor", "floor_div", "floor_mod",
    "l2_pool_2d", "log", "neg", "pow", "round", "sin", "sqrt", "square", "while",
}  # fmt: skip
"""The operators that are computed in float32 only."""
NOT_INT16 = {
    "elu", "hard_swish", "l2_normalization", "reduce_max", "reduce_min", "resize_bilinear",
    "add_n", "arg_max", "arg_min", "div", "gelu", "embedding_lookup", "log_softmax", "rsqrt", "svdf", "zeros_like",
    *NOT_MOVED_IN_INT16, *FLOAT_ONLY, *GIVING_TRUTHS,
}  # fmt: skip
"""The operators that TensorFlow Lite Micro has no int16 kernel for."""


@st.composite
def single_operators(
    draw: Callable[[st.SearchStrategy[Any]], Any], name: str, quantised: bool, stored: str = "INT8"
) -> tuple[File, list[Array]]:
    """A network of the operator, and a sample for each of its inputs."""
    c = Case(draw, quantised, np.random.default_rng(draw(st.integers(0, 2**32 - 1))), stored)
    file = CASES[name](c)
    return file, c.inputs()


@st.composite
def changed_loops(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[File, list[Array]]:
    """A loop of a recurrent layer that may no longer be one, and its samples."""
    c = Case(draw, quantised=False, rng=np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    file = changed(c, CASES["while"](c))
    return file, c.inputs()
