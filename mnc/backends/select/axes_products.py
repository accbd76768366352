"""The loops of kernels that multiply and accumulate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mnc.backends.select.axis import Axis, Cut, Measure, Sizes, measured


def _fours(count: int) -> int:
    """Weights of a run of elements that are read in fours."""
    return count if count < 4 else -(-count // 4) * 4


def _scaled(weights: Measure) -> dict[str, Measure]:
    """How far the constants of an integer layer move from one block of channels to the next."""
    scales = "block_channels*per_channel"
    return {"weights": weights, "bias": "block_channels", "multiplier": scales, "shift": scales}


def _by_channel(blocks: Mapping[str, Measure], **moves: Measure) -> Axis:
    """Output channels in blocks, of which the last reaches back."""
    return Axis("out_channels", moves or {"out": "out_channel"}, "block_channels", overlaps=True, blocks=blocks)


_PIXELS = Axis("pixels", {"in": "in_pixel", "out": "out_pixel"}, "block_pixels", overlaps=True)
_POINTWISE = "in_channels*out_channels*pixels"
_MATRIX = "in_channels*out_channels"
_TAPS = "kernel_height*kernel_width*in_channels"
_GROUPS = ("groups",)
_REAL: Mapping[str, Measure] = {"weights": f"{_TAPS}*block_channels", "bias": "block_channels"}
_OF_CHANNEL: Mapping[str, Measure] = {"bias": "1", "multiplier": "per_channel", "shift": "per_channel"}


def _in_pairs(weights: Measure, unit: Measure = "block_channels") -> dict[str, Measure]:
    """As `_scaled` for kernels whose scales lie together."""
    return {
        "weights": weights,
        "bias": unit,
        "scales": lambda s: s["scale_step"] * measured(unit, s),
    }


def _paired_block(s: Sizes) -> int:
    """Channels that `mnc_conv2d_paired_s8` takes at once; eight where a pixel is left over."""
    return 8 if s["tail"] else s["block_channels"]


PRODUCTS = {
    "mnc_pointwise_f32": Cut(
        (
            Axis(
                "out_channels",
                {"out": "out_channel"},
                "block_channels",
                blocks={"weights": "in_channels*block_channels", "bias": "block_channels"},
            ),
            _PIXELS,
        ),
        _POINTWISE,
    ),
    "mnc_pointwise_s8": Cut(
        (_by_channel(_scaled(lambda s: _fours(s["in_channels"]) * s["block_channels"])), _PIXELS), _POINTWISE
    ),
    "mnc_pointwise_s16": Cut((_by_channel(_scaled("in_channels*block_channels"), out="1"), _PIXELS), _POINTWISE),
    "mnc_pointwise_few_s8": Cut(
        (
            Axis(
                "out_channels", {"out": "out_channel", "records": lambda s: (s["in_channels"] + 1) // 2 + 4}, "unroll"
            ),
            _PIXELS,
        ),
        _POINTWISE,
    ),
    "mnc_dense_paired_s8": Cut(
        (_by_channel(_in_pairs(lambda s: s["in_channels"] // 2 * s["block_channels"]), out="1"),), _MATRIX
    ),
    "mnc_fold_dense_f32": Cut(
        (
            Axis(
                "out_channels",
                {},
                "block_channels",
                blocks={"weights": "in_channels*block_channels", "bias": "block_channels", "sums": "block_channels"},
            ),
        ),
        _MATRIX,
    ),
    "mnc_fold_dense_s8": Cut(
        (
            Axis(
                "out_channels",
                {},
                "block_channels",
                blocks={
                    "weights": lambda s: _fours(s["in_channels"]) * s["block_channels"],
                    "bias": "block_channels",
                    "sums": "block_channels",
                },
            ),
        ),
        _MATRIX,
    ),
    "mnc_conv2d_f32": Cut(
        (Axis("out_channels", {"out": "out_channel"}, "block_channels", blocks=_REAL, within=_GROUPS),),
        "out_channels*groups",
    ),
    "mnc_conv2d_lanes_f32": Cut(
        (
            Axis(
                "out_channels",
                {"out": "out_channel"},
                "packed",
                blocks={"weights": f"packed*{_TAPS}", "bias": "packed"},
            ),
        ),
        "out_channels",
    ),
    "mnc_conv2d_winograd_f32": Cut(
        (_by_channel({"weights": "6*kernel_height*in_channels*block_channels"}, out="out_channel", bias="1"),),
        "out_channels",
    ),
    "mnc_conv2d_winograd_s8": Cut(
        (_by_channel(_in_pairs("6*kernel_height*in_channels*block_channels")),), "out_channels"
    ),
    "mnc_conv2d_s16": Cut(
        (
            Axis(
                "out_channels",
                {"out": "1"},
                "block_channels",
                blocks=_scaled(f"{_TAPS}*block_channels"),
                within=_GROUPS,
            ),
        ),
        "out_channels*groups",
    ),
    "mnc_conv2d_wide_s16": Cut(
        (Axis("out_channels", {**_OF_CHANNEL, "out": "1", "weights": _TAPS, "bias": "2"}, within=_GROUPS),),
        "out_channels*groups",
    ),
    "mnc_conv2d_dot_s8": Cut(
        (Axis("out_channels", {**_OF_CHANNEL, "out": "out_channel", "weights": "kernel_height*fours"}),),
        "out_channels",
    ),
    "mnc_conv2d_mve_s8": Cut(
        (
            _by_channel(
                {
                    "weights": "16*window_rows*vectors*block_channels",
                    "bias": "block_channels",
                    "scales": "2*block_channels",
                }
            ),
        ),
        "out_channels",
    ),
    "mnc_conv2d_transpose_f32": Cut(
        (Axis("out_channels", {"out": "out_channel"}, "block_channels", blocks=_REAL),), "out_channels"
    ),
    **{
        f"mnc_conv2d_transpose_{suffix}": Cut(
            (Axis("out_channels", {"out": "1"}, "block_channels", blocks=_scaled(f"{_TAPS}*block_channels")),),
            "out_channels",
        )
        for suffix in ("s8", "s16")
    },
    **{
        f"mnc_conv2d_paired_{suffix}": Cut(
            (
                Axis(
                    "out_channels",
                    {"out": "out_channel"},
                    _paired_block,
                    overlaps=True,
                    blocks=_in_pairs(
                        lambda s: (
                            s["kernel_height"] * ((s["kernel_width"] * s["in_channels"] + 1) // 2) * _paired_block(s)
                        ),
                        _paired_block,
                    ),
                ),
            ),
            "out_channels",
        )
        for suffix in ("s8", "u8")
    },
    **{
        f"mnc_conv2d_single_{suffix}": Cut(
            (
                Axis(
                    "channels",
                    {"out": "out_channel"},
                    "block_channels",
                    overlaps=True,
                    blocks={"records": "9*block_channels"},
                ),
            ),
            "channels",
        )
        for suffix in ("s8", "u8")
    },
    **{
        f"mnc_conv2d_{suffix}": Cut(
            (
                replace(
                    _by_channel(
                        _scaled(lambda s: s["kernel_height"] * s["runs"] * _fours(s["run"]) * s["block_channels"])
                    ),
                    within=_GROUPS,
                ),
            ),
            lambda s: s["out_channels"] * s["groups"] * (s["end"] - s["begin"]),
        )
        for suffix in ("s8", "u8")
    },
    **{
        f"mnc_conv2d_border_{suffix}": Cut(
            (
                replace(
                    _by_channel(
                        _scaled(
                            lambda s: (
                                s["kernel_height"] * s["kernel_width"] * _fours(s["in_channels"]) * s["block_channels"]
                            )
                        )
                    ),
                    within=_GROUPS,
                ),
            ),
            lambda s: s["out_channels"] * s["groups"] * (s["out_width"] - s["end"] + s["begin"]),
        )
        for suffix in ("s8", "u8")
    },
    **{
        f"mnc_conv2d_window_{suffix}": Cut(
            (
                _by_channel(
                    _scaled(
                        lambda s: (
                            s["kernel_height"] * _fours(s["kernel_width"] * s["in_channels"]) * s["block_channels"]
                        )
                    )
                ),
            ),
            lambda s: s["out_channels"] * (s["out_width"] - s["end"] + s["begin"]),
        )
        for suffix in ("s8", "u8")
    },
    "mnc_dot_f32": Cut(
        (
            Axis("a_outer", {"a": "a_outer_stride", "out": "a_inner*b_outer*b_inner"}),
            Axis("a_inner", {"a": "a_inner_stride", "out": "b_outer*b_inner"}, within=("a_outer",)),
            Axis("b_outer", {"b": "b_outer_stride", "out": "b_inner"}, within=("a_outer", "a_inner")),
            Axis(
                "b_inner",
                {"b": "b_inner_stride", "out": "1"},
                "block",
                overlaps=True,
                within=("a_outer", "a_inner", "b_outer"),
            ),
        ),
        "a_outer*a_inner*b_outer*b_inner*count",
    ),
    **dict.fromkeys(
        ("mnc_matmul_s8", "mnc_matmul_s16"),
        Cut(
            (
                Axis("a_inner", {"a": "a_inner_stride", "out": "b_inner"}),
                Axis("b_inner", {"b": "b_inner_stride", "out": "1"}, within=("a_inner",)),
            ),
            "a_inner*b_inner*count",
        ),
    ),
    "mnc_gate_products_s16": Cut(
        (
            Axis(
                "units",
                {"out": "1", "bias": "1"},
                "block_channels",
                overlaps=True,
                blocks={
                    "weights": lambda s: (
                        s["count"] // 2 * ((s["block_channels"] + 1) // 2 * 4) + s["count"] % 2 * s["block_channels"]
                    )
                },
                within=("gates",),
            ),
        ),
        "gates*count*units",
    ),
    "mnc_gates_s16": Cut((), lambda s: s["gates"] * s["units"] * (s["features"] + s["units"])),
}
"""Kernels of convolutions, dense layers, products of two values, and gates."""


def _depthwise(size: str, rows: Measure, out: Measure, **constants: Measure) -> Cut:
    """A depthwise convolution by channels of the input."""
    return Cut((Axis(size, {"rows": rows, "out": out, **constants}),), size)


def _several(taps: str, by: str) -> dict[str, Measure]:
    """Constants of a channel of the input that gives several of the output."""
    return {"weights": f"{by}*{taps}", **{name: f"{by}*{each}" for name, each in _OF_CHANNEL.items()}}


_SQUARE = "kernel_height*kernel_width"
_REAL_DEPTHWISE = _depthwise(
    "in_channels", "in_channel", "multiplier*out_channel", weights=f"multiplier*{_SQUARE}", bias="multiplier"
)
DEPTHWISE = {
    "mnc_depthwise2d_f32": _REAL_DEPTHWISE,
    "mnc_depthwise2d_large_f32": _REAL_DEPTHWISE,
    "mnc_depthwise2d_s8": _depthwise(
        "in_channels", "in_channel", "multiplicity*out_channel", **_several(_SQUARE, "multiplicity")
    ),
    "mnc_depthwise2d_s16": _depthwise("in_channels", "1", "multiplicity", **_several(_SQUARE, "multiplicity")),
    "mnc_depthwise3x3_s8": _depthwise("channels", "in_channel", "out_channel", weights="9", **_OF_CHANNEL),
    "mnc_depthwise3x3_planes_s8": _depthwise("channels", "in_channel", "out_channel", records="9"),
    "mnc_depthwise3x3_planes_u8": _depthwise("channels", "in_channel", "out_channel", records="9"),
    "mnc_depthwise3x3_mve_s8": _depthwise("channels", "in_channel", "out_channel", weights="16", scales="3"),
}
