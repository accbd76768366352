"""Every kernel alone against its definition, with sizes and layouts that no network need have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kernel_trials import NULL, Argument, Given, GivenRows, Macro, Trial, Wanted, assert_as_defined
from layer_kinds import Draw

from mnc.ir.types import Array

Size = st.integers(1, 7)
Narrow = st.integers(1, 4)


def numbers(draw: Draw, *shape: int) -> Array:
    return np.random.default_rng(draw(st.integers(0, 2**16))).normal(size=shape).astype(np.float32)


@dataclass(frozen=True)
class Row:
    """Where a row of pixels x channels lies: interleaved, in planes, or either with gaps."""

    width: int
    channels: int
    pixel: int
    channel: int

    @classmethod
    def drawn(cls, draw: Draw, width: int, channels: int) -> Row:
        gap = draw(st.integers(0, 2))
        if draw(st.booleans()):
            return cls(width, channels, channels + gap, 1)
        return cls(width, channels, 1, width + gap)

    @property
    def size(self) -> int:
        return (self.width - 1) * self.pixel + (self.channels - 1) * self.channel + 1

    def laid(self, values: Array) -> Array:
        """A (width, channels) array in memory, NaN in the gaps."""
        memory = np.full(self.size, np.nan)
        for p in range(self.width):
            for c in range(self.channels):
                memory[p * self.pixel + c * self.channel] = values[p, c]
        return memory

    def strides(self, operand: str) -> dict[str, Argument]:
        return {f"{operand}_pixel": self.pixel, f"{operand}_channel": self.channel}


@dataclass(frozen=True)
class Rows:
    """The input rows under a window: some of them outside, the others anywhere in memory."""

    row: Row
    values: list[Array | None]
    argument: GivenRows

    @classmethod
    def drawn(cls, draw: Draw, count: int, width: int, channels: int) -> Rows:
        row = Row.drawn(draw, width, channels)
        inside = draw(st.lists(st.booleans() | st.just(True), min_size=count, max_size=count).filter(any))
        values = [numbers(draw, width, channels) if there else None for there in inside]
        memory = [np.zeros(0)]
        offsets: list[int | None] = [None] * count
        for k in draw(st.permutations(range(count))):
            if (value := values[k]) is not None:
                offsets[k] = sum(part.size for part in memory)
                memory.append(np.nan_to_num(row.laid(value)))
        return cls(row, values, GivenRows(np.concatenate(memory), offsets))

    def at(self, k: int, x: int) -> Array | None:
        """The channels of pixel x in the window's row k, None outside."""
        value = self.values[k]
        return value[x].astype(np.float64) if value is not None and 0 <= x < self.row.width else None


def clamp(draw: Draw, out: Array) -> tuple[Array, dict[str, Argument]]:
    """A fused activation, and what it makes of values."""
    match draw(st.integers(0, 2)):
        case 0:
            return out, {"activation": Macro("MNC_LINEAR"), "high": 0.0}
        case 1:
            return out.clip(0.0), {"activation": Macro("MNC_RELU"), "high": 0.0}
        case _:
            return out.clip(0.0, 0.75), {"activation": Macro("MNC_CLAMP"), "high": 0.75}


def bias(draw: Draw, size: int) -> tuple[Array, Argument]:
    if draw(st.booleans()):
        return np.zeros(size), NULL
    values = numbers(draw, size)
    return values, Given(values)


def divisor(draw: Draw, n: int, limit: int) -> int:
    return int(draw(st.sampled_from([d for d in range(1, min(n, limit) + 1) if n % d == 0])))


@dataclass(frozen=True)
class Sliding:
    """A window along a row: which output pixels see no border."""

    kernel: int
    stride: int
    dilation: int
    padding: int
    in_width: int
    out_width: int
    begin: int
    end: int

    @classmethod
    def drawn(cls, draw: Draw, kernel: int, *, dilates: bool = True) -> Sliding:
        stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, kernel))
        dilation = draw(st.integers(1, 2)) if dilates else 1
        in_width, out_width = draw(st.integers(1, 12)), draw(st.integers(1, 9))
        starts = [p * stride - padding for p in range(out_width)]
        inner = [p for p, x in enumerate(starts) if x >= 0 and x + (kernel - 1) * dilation < in_width]
        begin, end = (inner[0], inner[-1] + 1) if inner else (0, 0)
        return cls(kernel, stride, dilation, padding, in_width, out_width, begin, end)

    def input(self, p: int, k: int) -> int:
        return p * self.stride - self.padding + k * self.dilation

    @property
    def arguments(self) -> dict[str, Argument]:
        return {
            "kernel_width": self.kernel,
            "stride": self.stride,
            "dilation": self.dilation,
            "padding": self.padding,
            "in_width": self.in_width,
            "out_width": self.out_width,
        }


@st.composite
def pointwise(draw: Draw) -> Trial:
    pixels, inputs, outputs = draw(Size), draw(Size), draw(st.integers(1, 12))
    x, w = numbers(draw, pixels, inputs), numbers(draw, inputs, outputs)
    b, bias_argument = bias(draw, outputs)
    width = divisor(draw, outputs, 8)
    y, fused = clamp(draw, x.astype(np.float64) @ w + b)
    row_in, row_out = Row.drawn(draw, pixels, inputs), Row.drawn(draw, pixels, outputs)
    return Trial(
        "mnc_pointwise_f32",
        {
            "in": Given(np.nan_to_num(row_in.laid(x))),
            "out": Wanted(row_out.laid(y)),
            "weights": Given(w.reshape(inputs, -1, width).transpose(1, 0, 2)),
            "bias": bias_argument,
            "in_channels": inputs,
            "out_channels": outputs,
            "pixels": pixels,
            **row_in.strides("in"),
            **row_out.strides("out"),
            "block_pixels": draw(st.integers(1, min(pixels, 28 // width))),
            "block_channels": width,
            **fused,
        },
    )


@st.composite
def conv2d(draw: Draw) -> Trial:
    groups, inputs, outputs, height = (draw(Narrow) for _ in range(4))
    slide = Sliding.drawn(draw, draw(st.integers(1, 6)))
    rows = Rows.drawn(draw, height, slide.in_width, groups * inputs)
    w = numbers(draw, groups, height, slide.kernel, inputs, outputs)
    b, bias_argument = bias(draw, groups * outputs)
    total = np.tile(b, (slide.out_width, 1)).reshape(slide.out_width, groups, outputs).astype(np.float64)
    for p, ky, kx in np.ndindex(slide.out_width, height, slide.kernel):
        if (x := rows.at(ky, slide.input(p, kx))) is not None:
            total[p] += np.einsum("gi,gio->go", x.reshape(groups, inputs), w[:, ky, kx])
    y, fused = clamp(draw, total.reshape(slide.out_width, -1))
    out = Row.drawn(draw, slide.out_width, groups * outputs)
    width = divisor(draw, outputs, 4)
    packed = w.reshape(groups, height, slide.kernel, inputs, -1, width).transpose(0, 4, 1, 3, 2, 5)
    return Trial(
        "mnc_conv2d_f32",
        {
            "rows": rows.argument,
            "out": Wanted(out.laid(y)),
            "weights": Given(packed),
            "bias": bias_argument,
            "groups": groups,
            "in_channels": inputs,
            "out_channels": outputs,
            "group_size": outputs,
            "kernel_height": height,
            **slide.arguments,
            "inner_begin": slide.begin,
            "inner_end": slide.end,
            **rows.row.strides("in"),
            **out.strides("out"),
            "block_pixels": draw(st.integers(1, max(1, min(slide.end - slide.begin, 28 // width)))),
            "block_channels": width,
            "taps": divisor(draw, slide.kernel, 5),
            **fused,
        },
    )


def depthwise(draw: Draw, height: int, kernel: int) -> tuple[Sliding, Rows, dict[str, Argument]]:
    """What both depthwise kernels take."""
    channels, multiplier = draw(Narrow), draw(st.integers(1, 3))
    slide = Sliding.drawn(draw, kernel)
    rows = Rows.drawn(draw, height, slide.in_width, channels)
    w = numbers(draw, channels, multiplier, height, kernel)
    b, bias_argument = bias(draw, channels * multiplier)
    total = np.tile(b, (slide.out_width, 1)).reshape(slide.out_width, channels, multiplier).astype(np.float64)
    for p, ky, kx in np.ndindex(slide.out_width, height, kernel):
        if (x := rows.at(ky, slide.input(p, kx))) is not None:
            total[p] += x[:, None] * w[:, :, ky, kx]
    y, fused = clamp(draw, total.reshape(slide.out_width, -1))
    out = Row.drawn(draw, slide.out_width, channels * multiplier)
    arguments: dict[str, Argument] = {
        "rows": rows.argument,
        "out": Wanted(out.laid(y)),
        "weights": Given(w),
        "bias": bias_argument,
        "in_channels": channels,
        "multiplier": multiplier,
        "kernel_height": height,
        **slide.arguments,
        **rows.row.strides("in"),
        **out.strides("out"),
        **fused,
    }
    return slide, rows, arguments


@st.composite
def depthwise2d(draw: Draw) -> Trial:
    height, kernel = draw(st.tuples(Narrow, Narrow) | st.sampled_from([(1, 16), (16, 1), (2, 8), (5, 3)]))
    slide, rows, arguments = depthwise(draw, height, kernel)
    pixels = draw(st.integers(1, 6))
    zeros = Given(np.zeros((slide.in_width - 1) * rows.row.pixel + 1))
    return Trial(
        "mnc_depthwise2d_f32",
        {
            **arguments,
            "zeros": zeros if None in rows.argument.offsets else NULL,
            "inner_begin": slide.begin,
            "blocks": draw(st.integers(0, (slide.end - slide.begin) // pixels)),
            "block_pixels": pixels,
        },
    )


@st.composite
def depthwise2d_large(draw: Draw) -> Trial:
    _, _, arguments = depthwise(draw, draw(st.integers(3, 5)), draw(st.integers(5, 7)))
    return Trial("mnc_depthwise2d_large_f32", arguments)


@st.composite
def pooling2d(draw: Draw, kind: str) -> Trial:
    channels, height = draw(Size), draw(Narrow)
    slide = Sliding.drawn(draw, draw(Narrow), dilates=False)
    rows = Rows.drawn(draw, height, slide.in_width, channels)
    windows = [
        [x for ky, kx in np.ndindex(height, slide.kernel) if (x := rows.at(ky, slide.input(p, kx))) is not None]
        for p in range(slide.out_width)
    ]
    count = next((p for p, window in enumerate(windows) if not window), slide.out_width)
    if not count:  # a window over nothing but padding has neither a largest element nor a mean
        return draw(pooling2d(kind))  # type: ignore[no-any-return]  # what a strategy draws
    whole = draw(st.booleans())
    size = height * slide.kernel
    means = [sum(window) / (size if whole else len(window)) for window in windows[:count]]
    y = np.array([np.max(window, axis=0) for window in windows[:count]] if kind == "max" else means)
    out = Row.drawn(draw, count, channels)
    arguments: dict[str, Argument] = {
        "rows": rows.argument,
        "out": Wanted(out.laid(y)),
        "channels": channels,
        "pool_height": height,
        "pool_width": slide.kernel,
        "stride": slide.stride,
        "padding": slide.padding,
        "in_width": slide.in_width,
        "out_width": count,
        **rows.row.strides("in"),
        **out.strides("out"),
        "block_channels": draw(st.integers(1, channels)),
    }
    if kind == "max":
        return Trial("mnc_max_pooling2d_f32", arguments, exact=True)
    return Trial("mnc_average_pooling2d_f32", {**arguments, "whole": int(whole)})


@st.composite
def global_pooling(draw: Draw, kind: str) -> Trial:
    rows, width, channels = draw(Size), draw(Size), draw(Size)
    row, x = Row.drawn(draw, width, channels), numbers(draw, rows, width, channels)
    y = x.max(axis=(0, 1)) if kind == "max" else x.mean(axis=(0, 1), dtype=np.float64)
    arguments: dict[str, Argument] = {
        "in": Given(np.concatenate([np.nan_to_num(row.laid(line)) for line in x])),
        "out": Wanted(y),
        "rows": rows,
        "pixels": width,
        "channels": channels,
        "in_row": row.size,
        **row.strides("in"),
        "block_channels": draw(st.integers(1, channels)),
    }
    return Trial(f"mnc_global_{kind}_f32", arguments, exact=kind == "max")


@st.composite
def zero_padding2d(draw: Draw) -> Trial:
    width, channels, left, right = draw(Size), draw(Size), draw(st.integers(0, 3)), draw(st.integers(0, 3))
    rows = Rows.drawn(draw, 1, width, channels)
    outside = draw(st.booleans())
    (value,) = rows.values
    values = np.zeros((width, channels)) if outside or value is None else value
    out = Row.drawn(draw, left + width + right, channels)
    return Trial(
        "mnc_zero_padding2d_f32",
        {
            "rows": GivenRows(rows.argument.values, [None]) if outside else rows.argument,
            "out": Wanted(out.laid(np.pad(values, ((left, right), (0, 0))))),
            "channels": channels,
            "left": left,
            "in_width": width,
            "out_width": left + width + right,
            **rows.row.strides("in"),
            **out.strides("out"),
        },
        exact=True,
    )


def image(draw: Draw, shape: tuple[int, int, int], *, broadcasts: bool = False) -> tuple[Array, Array, list[int]]:
    """Values, the memory that they lie in, and the strides of rows, pixels and channels; 0 where values repeat."""
    own = tuple(1 if broadcasts and draw(st.booleans()) else size for size in shape)
    order = draw(st.permutations(range(3)))
    values = numbers(draw, *own)
    memory = values.transpose(order).ravel()
    strides = np.zeros(3, int)
    step = 1
    for axis in reversed(order):
        strides[axis] = step if own[axis] > 1 or not broadcasts else 0
        step *= own[axis]
    return np.broadcast_to(values, shape), memory, strides.tolist()


def named(operand: str, strides: list[int]) -> dict[str, Argument]:
    return dict(zip((f"{operand}_row", f"{operand}_pixel", f"{operand}_channel"), strides, strict=True))


def written(values: Array, strides: list[int]) -> Array:
    """An image in memory without gaps."""
    memory = np.full(values.size, np.nan)
    for at in np.ndindex(*values.shape):
        memory[int(np.dot(at, strides))] = values[at]
    return memory


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
            ]
        )
    )
    factor = draw(st.sampled_from([1.0, 0.5, 0.25]))
    y, fused = clamp(draw, function(a, b) * factor)
    return Trial(
        "mnc_merge_f32",
        {
            "a": Given(a_memory),
            "b": Given(b_memory),
            "out": Wanted(written(y, out_strides)),
            "operation": Macro(name),
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


@st.composite
def softmax(draw: Draw) -> Trial:
    vectors, count, stride = draw(Narrow), draw(Size), draw(Narrow)
    x = numbers(draw, vectors, count, stride) * draw(st.sampled_from([1.0, 100.0]))
    powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    y = powers / powers.sum(axis=1, keepdims=True)
    sizes: dict[str, Argument] = {"vectors": vectors, "count": count, "stride": stride}
    return Trial("mnc_softmax_f32", {"in": Given(x), "out": Wanted(y), **sizes})


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


def dense_strides(shape: tuple[int, ...], order: list[int]) -> list[int]:
    """The strides of an array that lies in memory with its axes in this order."""
    return [math.prod(shape[axis] for axis in order[order.index(i) + 1 :]) for i in range(len(shape))]


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
}


@st.composite
def functions(draw: Draw) -> Trial:
    name = draw(st.sampled_from(list(FUNCTIONS)))
    parameters, function = FUNCTIONS[name]
    count = draw(st.integers(1, 40))
    x = numbers(draw, count) * draw(st.sampled_from([1.0, 4.0, 20.0] if name != "exponential" else [1.0]))
    y = function(x.astype(np.float64))
    return Trial(f"mnc_{name}_f32", {"in": Given(x), "out": Wanted(y), "count": count, **parameters})


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
