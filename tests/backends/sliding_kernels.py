"""Trials of the kernels that slide over the rows of an image: convolutions, pooling, padding."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from kernel_operands import (
    Narrow,
    Row,
    Rows,
    Size,
    Sliding,
    bias,
    clamp,
    divisor,
    numbers,
)
from kernel_trials import NULL, Argument, Given, GivenRows, Trial, Wanted
from layer_kinds import Draw


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
            "unroll": divisor(draw, inputs, inputs),
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
            "unroll_rows": draw(st.integers(0, 1)),
            "taps": divisor(draw, slide.kernel, 5),
            "inside": int(None not in rows.argument.offsets and draw(st.booleans())),
            **fused,
        },
    )


def depthwise(draw: Draw, height: int, kernel: int) -> tuple[Sliding, Rows, dict[str, Argument]]:
    """Arguments that both depthwise kernels take."""
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
    pixels = draw(st.integers(1, min(slide.out_width, 8)))
    blocks = max(-(-(slide.out_width - 2 * pixels) // pixels), 0)
    first_alone = slide.begin <= min(pixels, slide.out_width - pixels)
    only_ends = pixels == slide.out_width or (first_alone and (1 + blocks) * pixels <= slide.end)
    last = slide.input(slide.out_width - 1, slide.kernel - 1)
    zeros = Given(np.zeros((slide.in_width - 1) * rows.row.pixel + 1))
    return Trial(
        "mnc_depthwise2d_f32",
        {
            **arguments,
            "zeros": zeros if None in rows.argument.offsets else NULL,
            "inner": int(only_ends and draw(st.booleans())),
            "whole_row": int(pixels == slide.out_width),
            "blocks": blocks,
            "beyond": max(last + 1 - slide.in_width, 0),
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
