"""Every kernel alone against its definition, with sizes and layouts that no network need have."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kernel_operands import (
    Narrow,
    Size,
    clamp,
    dense_strides,
    image,
    named,
    numbers,
    written,
)
from kernel_trials import NULL, Argument, Given, Macro, Trial, Wanted, assert_as_defined
from layer_kinds import Draw
from sliding_kernels import conv2d, depthwise2d, depthwise2d_large, global_pooling, pointwise, pooling2d, zero_padding2d

from mnc.ir.types import Array


@st.composite
def merge(draw: Draw) -> Trial:
    shape = draw(st.tuples(Narrow, Narrow, Narrow))
    a, a_memory, a_strides = image(draw, shape, broadcasts=True)
    b, b_memory, b_strides = image(draw, shape, broadcasts=True)
    _, _, out_strides = image(draw, shape)
    name, function = draw(
        st.sampled_from(
            [
                ("MNC_ADD", np.add),
                ("MNC_SUBTRACT", np.subtract),
                ("MNC_MULTIPLY", np.multiply),
                ("MNC_MAXIMUM", np.maximum),
                ("MNC_MINIMUM", np.minimum),
                ("MNC_DIVIDE", np.divide),
                ("MNC_SQUARED_DIFFERENCE", lambda a, b: (a - b) ** 2),
            ]
        )
    )
    factor = draw(st.sampled_from([1.0, 0.5, 0.25]))
    reverse = draw(st.booleans())
    if name == "MNC_DIVIDE":  # away from 0
        a, a_memory, b, b_memory = (x + np.copysign(np.float32(0.5), x) for x in (a, a_memory, b, b_memory))
    y, fused = clamp(draw, (function(b, a) if reverse else function(a, b)) * factor)
    return Trial(
        "mnc_merge_f32",
        {
            "a": Given(a_memory),
            "b": Given(b_memory),
            "out": Wanted(written(y, out_strides)),
            "operation": Macro(name),
            "reverse": int(reverse),
            "b_in_flash": draw(st.integers(0, 1)),
            **dict(zip(("rows", "pixels", "channels"), shape, strict=True)),
            **named("a", a_strides),
            **named("b", b_strides),
            **named("out", out_strides),
            "factor": factor,
            **fused,
        },
    )


@st.composite
def copy(draw: Draw) -> Trial:
    shape = draw(st.tuples(Size, Size, Size))
    x, memory, strides = image(draw, shape)
    _, _, out_strides = image(draw, shape)
    sizes = dict(zip(("rows", "pixels", "channels"), shape, strict=True))
    arguments: dict[str, Argument] = {"in": Given(memory), "out": Wanted(written(x, out_strides)), **sizes}
    return Trial("mnc_copy_f32", {**arguments, **named("in", strides), **named("out", out_strides)}, exact=True)


@st.composite
def fill(draw: Draw) -> Trial:
    count = draw(Size)
    return Trial("mnc_fill_f32", {"out": Wanted(np.full(count, -1.5)), "count": count, "value": -1.5}, exact=True)


@st.composite
def prelu(draw: Draw) -> Trial:
    shape = draw(st.tuples(Narrow, Narrow, Narrow))
    x, memory, (row, pixel, channel) = image(draw, shape)
    alpha, alpha_memory, alpha_strides = image(draw, shape, broadcasts=True)
    return Trial(
        "mnc_prelu_f32",
        {
            "in": Given(memory),
            "out": Wanted(written(np.where(x > 0, x, x * alpha), [row, pixel, channel])),
            "alpha": Given(alpha_memory),
            **dict(zip(("rows", "pixels", "channels"), shape, strict=True)),
            "row": row,
            "pixel": pixel,
            "channel": channel,
            **named("alpha", alpha_strides),
        },
    )


def _sparsemax(x: Array) -> Array:
    """As Keras has it, element by element."""
    y = np.empty_like(x)
    for v, s in np.ndindex(x.shape[0], x.shape[2]):
        falling = sorted(x[v, :, s], reverse=True)
        sums = [sum(falling[: k + 1]) for k in range(len(falling))]
        support = [k for k, each in enumerate(falling) if each - (sums[k] - 1) / (k + 1) > 0]
        y[v, :, s] = np.maximum(x[v, :, s] - (sum(sums[k] for k in support) - 1) / len(support), 0)
    return y


@st.composite
def softmax(draw: Draw) -> Trial:
    vectors, count, stride = draw(Narrow), draw(Size), draw(Narrow)
    x = numbers(draw, vectors, count, stride) * draw(st.sampled_from([1.0, 100.0]))
    wide = x.astype(np.float64)
    below = wide - wide.max(axis=1, keepdims=True)
    total = np.exp(below).sum(axis=1, keepdims=True)
    name, y = draw(
        st.sampled_from(
            [
                ("softmax", np.exp(below) / total),
                ("log_softmax", below - np.log(total)),
                ("sparsemax", _sparsemax(wide)),
            ]
        )
    )
    sizes: dict[str, Argument] = {"vectors": vectors, "count": count, "stride": stride}
    return Trial(f"mnc_{name}_f32", {"in": Given(x), "out": Wanted(y), **sizes})


@st.composite
def dot(draw: Draw) -> Trial:
    (i, j, m, n), count = draw(st.tuples(Narrow, Narrow, Narrow, Narrow)), draw(Size)
    a, a_memory, a_strides = image(draw, (i, j, count))
    b, b_memory, b_strides = image(draw, (m, n, count))
    names = ("outer_stride", "inner_stride", "stride")
    return Trial(
        "mnc_dot_f32",
        {
            "a": Given(a_memory),
            "b": Given(b_memory),
            "out": Wanted(np.einsum("ijk,mnk->ijmn", a.astype(np.float64), b)),
            "a_outer": i,
            "a_inner": j,
            "b_outer": m,
            "b_inner": n,
            "count": count,
            **{f"a_{name}": stride for name, stride in zip(names, a_strides, strict=True)},
            **{f"b_{name}": stride for name, stride in zip(names, b_strides, strict=True)},
            "block": draw(st.integers(1, n)),
        },
    )


@st.composite
def embedding(draw: Draw) -> Trial:
    entries, dimensions, count = draw(Size), draw(Narrow), draw(Size)
    table = numbers(draw, entries, dimensions)
    index = draw(st.lists(st.floats(-3, 9, width=32), min_size=count, max_size=count))
    x = np.array(index, np.float32)
    y = table[np.trunc(x).astype(int).clip(0, entries - 1)]
    sizes: dict[str, Argument] = {"count": count, "entries": entries, "dimensions": dimensions}
    return Trial("mnc_embedding_f32", {"in": Given(x), "out": Wanted(y), "table": Given(table), **sizes}, exact=True)


@st.composite
def normalization(draw: Draw) -> Trial:
    outer, inner, rows, count = shape = draw(st.tuples(Narrow, Narrow, Narrow, Narrow))
    x, order = numbers(draw, *shape) + 3, draw(st.permutations(range(4)))
    strides = dense_strides(shape, order)
    names = ("outer_stride", "inner_stride", "row_stride", "stride")
    arguments: dict[str, Argument] = {
        "in": Given(x.transpose(order)),
        "outer": outer,
        "inner": inner,
        "rows": rows,
        "count": count,
        **dict(zip(names, strides, strict=True)),
        "epsilon": 0.01,
    }
    wide = x.astype(np.float64)
    if draw(st.booleans()):
        y = wide / np.maximum(np.sqrt((wide**2).sum(axis=(2, 3), keepdims=True)), 0.01)
        return Trial("mnc_unit_normalization_f32", {**arguments, "out": Wanted(y.transpose(order))})
    gamma, beta = numbers(draw, *shape), numbers(draw, *shape)
    scaled, shifted = draw(st.booleans()), draw(st.booleans())
    mean, variance = wide.mean(axis=(2, 3), keepdims=True), wide.var(axis=(2, 3), keepdims=True)
    y = (wide - mean) / np.sqrt(variance + 0.01) * (gamma if scaled else 1) + (beta if shifted else 0)
    own = draw(st.permutations(range(4)))
    gamma_names = ("gamma_outer", "gamma_inner", "gamma_row", "gamma_stride")
    return Trial(
        "mnc_normalization_f32",
        {
            **arguments,
            "out": Wanted(y.transpose(order)),
            "gamma": Given(gamma.transpose(own)) if scaled else NULL,
            "beta": Given(beta.transpose(own)) if shifted else NULL,
            **dict(zip(gamma_names, dense_strides(shape, own), strict=True)),
        },
    )


erf = np.vectorize(math.erf)

FUNCTIONS: dict[str, tuple[dict[str, float], Callable[[Array], Array]]] = {
    "relu": (
        {"threshold": 0.25, "slope": 0.5, "high": 1.5},
        lambda x: np.where(x < 0.25, 0.5 * (x - 0.25), x.clip(None, 1.5)),
    ),
    "elu": ({"alpha": 0.5, "scale": 2.0}, lambda x: 2 * np.where(x > 0, x, 0.5 * np.expm1(x))),
    "sigmoid": ({}, lambda x: 1 / (1 + np.exp(-x))),
    "hard_sigmoid": ({"slope": 0.25}, lambda x: (x / 4 + 0.5).clip(0, 1)),
    "tanh": ({}, np.tanh),
    "softplus": ({}, lambda x: np.logaddexp(0, x)),
    "softsign": ({}, lambda x: x / (1 + np.abs(x))),
    "swish": ({}, lambda x: x / (1 + np.exp(-x))),
    "hard_swish": ({}, lambda x: x * (x / 6 + 0.5).clip(0, 1)),
    "gelu": ({}, lambda x: x / 2 * (1 + erf(x / math.sqrt(2)))),
    "gelu_tanh": ({}, lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    "exponential": ({}, np.exp),
    "mish": ({}, lambda x: x * np.tanh(np.logaddexp(0, x))),
    "celu": ({"alpha": 0.5}, lambda x: np.where(x > 0, x, np.expm1(2 * x) / 2)),
    "clip": ({"low": -0.5, "high": 1.25}, lambda x: x.clip(-0.5, 1.25)),
    "hard_shrink": ({"threshold": 0.75}, lambda x: x * (np.abs(x) > 0.75)),
    "soft_shrink": ({"threshold": 0.75}, lambda x: np.sign(x) * (np.abs(x) - 0.75).clip(0)),
    "tanh_shrink": ({}, lambda x: x - np.tanh(x)),
    "threshold": ({"threshold": 0.25, "value": -2.0}, lambda x: np.where(x > 0.25, x, -2.0)),
    "squareplus": ({"b": 4.0}, lambda x: (x + np.sqrt(x * x + 4)) / 2),
    "sparse_plus": ({}, lambda x: np.where(x > 1, x, (x + 1).clip(0) ** 2 / 4)),
    "log_sigmoid": ({}, lambda x: -np.logaddexp(0, -x)),
    "abs": ({}, np.abs),
    "sign": ({}, np.sign),
    "square": ({}, np.square),
    "sqrt": ({}, np.sqrt),
    "rsqrt": ({}, lambda x: 1 / np.sqrt(x)),
    "power": ({"exponent": 1.5}, lambda x: x**1.5),
    "log": ({}, np.log),
    "log1p": ({}, np.log1p),
    "sin": ({}, np.sin),
    "cos": ({}, np.cos),
    "erf": ({}, erf),
    "floor": ({}, np.floor),
    "ceil": ({}, np.ceil),
    "round": ({}, np.rint),
}
OF_POSITIVES = {"sqrt", "rsqrt", "power", "log", "log1p"}
OF_HALVES = {"floor", "ceil", "round"}
"""Functions that jump: of halves of whole numbers, which are exact."""


@st.composite
def functions(draw: Draw) -> Trial:
    name = draw(st.sampled_from(list(FUNCTIONS)))
    parameters, function = FUNCTIONS[name]
    count = draw(st.integers(1, 40))
    x = numbers(draw, count) * draw(st.sampled_from([1.0, 4.0, 20.0] if name != "exponential" else [1.0]))
    if name in OF_POSITIVES:
        x = np.abs(x) + np.float32(0.01)
    if name in OF_HALVES:
        x = np.rint(2 * x) / 2
    y = function(x.astype(np.float64))
    return Trial(f"mnc_{name}_f32", {"in": Given(x), "out": Wanted(y), "count": count, **parameters})


@st.composite
def reduction(draw: Draw) -> Trial:
    shape, order = draw(st.tuples(*[Narrow] * 6)), draw(st.permutations(range(6)))
    x = numbers(draw, *shape)
    strides = dense_strides(shape, order)
    name, function = draw(st.sampled_from([("SUM", np.sum), ("MAX", np.max), ("MIN", np.min)]))
    factor = draw(st.sampled_from([1.0, 0.25])) if name == "SUM" else 1.0
    names = ("row", "pixel", "channel", "outer_stride", "inner_stride", "stride")
    return Trial(
        "mnc_reduce_f32",
        {
            "in": Given(x.transpose(order)),
            "out": Wanted(function(x.astype(np.float64), axis=(3, 4, 5)) * factor),
            "operation": Macro(f"MNC_REDUCE_{name}"),
            **dict(zip(("rows", "pixels", "channels", "outer", "inner", "count"), shape, strict=True)),
            **dict(zip(names, strides, strict=True)),
            "factor": factor,
        },
    )


TRIALS = {
    "pointwise": pointwise(),
    "conv2d": conv2d(),
    "depthwise2d": depthwise2d(),
    "depthwise2d_large": depthwise2d_large(),
    "max_pooling2d": pooling2d("max"),
    "average_pooling2d": pooling2d("average"),
    "global_pooling": global_pooling("max") | global_pooling("average"),
    "zero_padding2d": zero_padding2d(),
    "merge": merge(),
    "moves": copy() | fill(),
    "prelu": prelu(),
    "softmax": softmax(),
    "dot": dot(),
    "embedding": embedding(),
    "normalization": normalization(),
    "functions": functions(),
    "reduce": reduction(),
}


@pytest.mark.parametrize("name", TRIALS)
def test_a_kernel_computes_its_definition(name: str, gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(
        max_examples=3,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking calls the compiler hundreds of times
    )
    @given(st.lists(TRIALS[name], min_size=16, max_size=16))
    def check(trials: list[Trial]) -> None:
        assert_as_defined(trials, tmp_path_factory.mktemp("kernels"), gcc)

    check()
