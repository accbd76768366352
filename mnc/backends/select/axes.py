"""Along which of its loops the work of a kernel can be cut, so that one call becomes several of a part each.

A part computes a range of the indices of one loop, with the same instructions for each element: the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mnc.backends.select.axes_products import DEPTHWISE, PRODUCTS
from mnc.backends.select.axis import Axis, Cut, Measure

_LOOPS = {"rows": "row", "pixels": "pixel", "channels": "channel"}


def _walk(*operands: str) -> Cut:
    """A kernel of three loops through operands, element by element."""
    return Cut(tuple(Axis(size, {each: f"{each}_{way}" for each in operands}) for size, way in _LOOPS.items()))


_OF_ELEMENTS = {
    **{f"mnc_copy_{suffix}": _walk("in", "out") for suffix in ("f32", "s8", "s16", "s32")},
    **{f"mnc_rescale_{suffix}": _walk("in", "out") for suffix in ("s8", "s16")},
    **{
        f"mnc_{name}_{suffix}": _walk("a", "b", "out")
        for name in ("add", "multiply", "extreme", "squared_difference")
        for suffix in ("s8", "s16")
    },
    **{
        f"mnc_{name}": _walk("a", "b", "out")
        for name in ("merge_f32", "floor_merge_f32", "divide_s8", "compare_f32", "compare_s8")
    },
    **{f"mnc_where_{suffix}": _walk("condition", "a", "b", "out") for suffix in ("f32", "s8", "s16")},
    "mnc_add_mve_s8": Cut(_walk("a", "b", "out").axes[:2]),
    **{
        f"mnc_prelu_{suffix}": Cut(
            tuple(Axis(size, {"in": way, "out": way, "alpha": f"alpha_{way}"}) for size, way in _LOOPS.items())
        )
        for suffix in ("f32", "s8", "s16")
    },
    **{
        f"mnc_{name}": Cut((Axis("vectors", {"in": "stride*count", "out": "stride*count"}),))
        for name in (
            *("softmax_f32", "softmax_s8", "softmax_s16", "softmax_s32"),
            *("log_softmax_f32", "log_softmax_s8", "sparsemax_f32"),
        )
    },
    **{
        f"mnc_{name}": Cut(
            (
                Axis("rows", {"in": "row", "out": "pixels*channels"}),
                Axis("pixels", {"in": "pixel", "out": "channels"}, within=("rows",)),
                Axis("channels", {"in": "channel", "out": "1"}, within=("rows", "pixels")),
            )
        )
        for name in ("reduce_f32", "reduce_sum_s16", "reduce_sum_s8", "reduce_extreme_s8", "reduce_extreme_s16")
    },
    **{
        f"mnc_{name}": Cut(
            tuple(
                Axis(
                    way,
                    dict.fromkeys(("in", "out"), f"{way}_stride")
                    | {operand: f"gamma_{way}" for operand in ("gamma", "beta") if name == "normalization_f32"},
                )
                for way in ("outer", "inner")
            )
        )
        for name in ("normalization_f32", "unit_normalization_f32", "unit_normalization_s8")
    },
    "mnc_embedding_f32": Cut((Axis("count", {"in": "1", "out": "dimensions"}),)),
}
"""Kernels without multiply-accumulate operations that go through whole values."""

_STRIDED: Mapping[str, Measure] = {"rows": "in_channel", "out": "out_channel"}
_DENSE: Mapping[str, Measure] = {"rows": "1", "out": "1"}


def _of_type(suffix: str) -> dict[str, Cut]:
    """Kernels of one element type that go by channels, or by the outermost of their loops."""
    real = suffix == "f32"
    channels = Axis("channels", _DENSE)
    if real:
        channels = Axis("channels", _STRIDED, "block_channels", overlaps=True)
    plane = Axis("channels", {"in": "in_channel", "out": "1"}, "block_channels", overlaps=True)
    return {
        **{f"mnc_{kind}_pooling2d_{suffix}": Cut((channels,)) for kind in ("max", "average")},
        **{f"mnc_global_{kind}_{suffix}": Cut((plane,)) for kind in ("max", "average")},
        f"mnc_zero_padding2d_{suffix}": Cut((Axis("channels", _STRIDED),)),
        f"mnc_resize_nearest_{suffix}": Cut((Axis("channels", _STRIDED),)),
        f"mnc_take_{suffix}": Cut((Axis("outer", {"in": "size*inner", "out": "count*inner"}),)),
        f"mnc_arg_extreme_{suffix}": Cut((Axis("outer", {"in": "count*inner", "out": "inner"}),)),
    }


_ONE_BY_ONE = (
    *("clip_f32", "abs_f32", "sign_f32", "square_f32", "sqrt_f32", "rsqrt_f32", "power_f32", "log_f32", "log1p_f32"),
    *("sin_f32", "cos_f32", "erf_f32", "floor_f32", "ceil_f32", "round_f32", "relu_f32", "elu_f32", "sigmoid_f32"),
    *("hard_sigmoid_f32", "tanh_f32", "softplus_f32", "softsign_f32", "swish_f32", "hard_swish_f32", "gelu_f32"),
    *("gelu_tanh_f32", "exponential_f32", "mish_f32", "celu_f32", "hard_shrink_f32", "soft_shrink_f32"),
    *("tanh_shrink_f32", "threshold_f32", "squareplus_f32", "sparse_plus_f32", "log_sigmoid_f32"),
    *("slopes_s16", "logistic_s16", "tanh_s16", "lookup_s8", "quantize_s8", "quantize_s16", "dequantize_s8"),
    *("dequantize_s16", "dequantize_s32", "signed_s8", "unsigned_u8", "quantize_u8", "dequantize_u8", "widen_s16"),
    *("narrow_s8", "from_s8_s32", "from_s16_s32", "from_s32_s32", "from_s32_s16", "from_s32_s8"),
)
"""Kernels that make `count` elements of as many, one after the other."""
_IN_ONE_PIECE = (
    *("lstm_cell_f32", "gru_candidate_f32", "gru_state_f32", "keep_f32", "fill_f32", "fill_s16", "lstm_cell_s16"),
    *("lstm_state_s16", "add_saturated_s16", "gated_s16", "gru_state_s16"),
)
"""Kernels between products, with as many elements as a state."""

CUTS: Mapping[str, Cut] = MappingProxyType(
    {
        **PRODUCTS,
        **DEPTHWISE,
        **_OF_ELEMENTS,
        **{kernel: cut for suffix in ("f32", "s8", "s16") for kernel, cut in _of_type(suffix).items()},
        "mnc_resize_bilinear_f32": Cut((Axis("channels", _STRIDED),)),
        "mnc_resize_bilinear_s8": Cut((Axis("channels", _DENSE),)),
        "mnc_max_pooling2d_fours_s8": Cut((Axis("channels", _DENSE, "4", overlaps=True),)),
        **{f"mnc_{name}": Cut((Axis("count", {"in": "1", "out": "1"}),)) for name in _ONE_BY_ONE},
        **{f"mnc_{name}": Cut() for name in _IN_ONE_PIECE},
    }
)
"""By the name of the kernel."""
