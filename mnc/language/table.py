"""The layer kinds whose form in the language is more than their dataclass says.

One entry each: what the language calls the attributes, Keras' names and
defaults, and how the shapes of the constants follow from them.  Parser,
printer, messages and documentation all read it.  A kind that is not listed
has the form that `mnc.language.kinds.derive` finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mnc.ir import layers as ir
from mnc.ir.layer import Layer
from mnc.ir.layers.window import NO_PADDING, Padding, image, same_padding
from mnc.ir.types import Shape, ShapeError
from mnc.language.forms import Context, PaddingForm, PairForm, Real, ShapeForm, Whole
from mnc.language.kinds import REQUIRED, Attribute, Kind, Weight, attribute_of


def _same(window: str) -> Callable[[Context], Padding]:
    """Keras' SAME for a layer whose window's size is the attribute `window`."""

    def padding(context: Context) -> Padding:
        height, width, _ = image(context.inputs[0].shape)
        kernel, stride = context[window], context["stride"]
        dilation = context.attributes.get("dilation", (1, 1))
        return (
            same_padding(height, kernel[0], stride[0], dilation[0]),
            same_padding(width, kernel[1], stride[1], dilation[1]),
        )

    return padding


def _padding(layer: type[Layer], window: str) -> Attribute:
    form = PaddingForm({"valid": lambda _: NO_PADDING, "same": _same(window)})
    return attribute_of(layer, "padding", form=form, default=NO_PADDING, meaning="zeros round the input")


def _filters(default: Any = REQUIRED) -> Attribute:
    return Attribute("filters", Whole(1), default, meaning="how many channels come out")


def _kernel() -> Attribute:
    return Attribute("kernel", PairForm(), REQUIRED, ("kernel_size",), "the window's size")


def _stride(layer: type[Layer], default: Any = (1, 1)) -> Attribute:
    return attribute_of(
        layer, "stride", "strides", form=PairForm(), default=default, meaning="how far the window moves"
    )


def _dilation(layer: type[Layer]) -> Attribute:
    return attribute_of(
        layer, "dilation", "dilation_rate", form=PairForm(), meaning="distance between the window's taps"
    )


def _multiplier() -> Attribute:
    return Attribute("depth_multiplier", Whole(1), 1, meaning="how many channels come out for each that goes in")


def _activation(layer: type[Layer]) -> Attribute:
    return attribute_of(layer, "activation", meaning="applied to each element of the result")


def _bias(shape: Callable[[Context], Shape]) -> Weight:
    return Weight("bias", shape, optional=True, aliases=("use_bias",), initial="zeros")


def _channels(context: Context) -> int:
    return image(context.inputs[0].shape)[2]


def _last(context: Context) -> int:
    shape = context.inputs[0].shape
    if not shape:
        raise ShapeError("needs at least one axis, not a single number")
    return shape[-1]


def _conv2d_weights(context: Context) -> Shape:
    channels, groups = _channels(context), context["groups"]
    if channels % groups or context["filters"] % groups:
        raise ShapeError(f"{groups} groups must divide {channels} channels and {context['filters']} filters")
    return (*context["kernel"], channels // groups, context["filters"])


def _depthwise_weights(context: Context) -> Shape:
    return (*context["kernel"], _channels(context), context["depth_multiplier"])


def _along_axis(context: Context) -> Shape:
    shape, axis = context.inputs[0].shape, context["axis"]
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis {axis} is not among the {len(shape)} axes of its input")
    return (shape[axis],)


def _axis(layer: type[Layer], meaning: str) -> Attribute:
    """An axis, by default the last one, counted from 0 as the Keras frontend counts."""
    return attribute_of(layer, "axis", default=lambda c: max(c.inputs[0].rank - 1, 0), meaning=meaning)


def _pooling(name: str, layer: type[Layer], *more: Attribute) -> Kind:
    pool = attribute_of(layer, "pool", "pool_size", form=PairForm(), default=(2, 2), meaning="the window's size")
    return Kind(name, layer, (pool, _stride(layer, lambda c: c["pool"]), _padding(layer, "pool"), *more))


_DROPOUTS = ("dropout", "spatial_dropout1d", "spatial_dropout2d", "gaussian_dropout", "alpha_dropout", "gaussian_noise")

TABLE: tuple[Kind, ...] = (
    Kind(
        "conv2d",
        ir.Conv2D,
        (
            _filters(),
            _kernel(),
            _stride(ir.Conv2D),
            _dilation(ir.Conv2D),
            _padding(ir.Conv2D, "kernel"),
            attribute_of(ir.Conv2D, "groups", form=Whole(1), meaning="channels are split into so many groups"),
            _activation(ir.Conv2D),
        ),
        (Weight("weights", _conv2d_weights), _bias(lambda c: (c["filters"],))),
    ),
    Kind(
        "depthwise_conv2d",
        ir.DepthwiseConv2D,
        (
            _kernel(),
            _stride(ir.DepthwiseConv2D),
            _dilation(ir.DepthwiseConv2D),
            _padding(ir.DepthwiseConv2D, "kernel"),
            _multiplier(),
            _activation(ir.DepthwiseConv2D),
        ),
        (
            Weight("weights", _depthwise_weights, aliases=("depthwise_kernel",)),
            _bias(lambda c: (_channels(c) * c["depth_multiplier"],)),
        ),
    ),
    Kind(
        "separable_conv2d",
        ir.SeparableConv2D,
        (
            _filters(),
            _kernel(),
            _stride(ir.SeparableConv2D),
            _dilation(ir.SeparableConv2D),
            _padding(ir.SeparableConv2D, "kernel"),
            _multiplier(),
            _activation(ir.SeparableConv2D),
        ),
        (
            Weight("depthwise", _depthwise_weights, aliases=("depthwise_kernel",)),
            Weight(
                "pointwise",
                lambda c: (1, 1, _channels(c) * c["depth_multiplier"], c["filters"]),
                aliases=("pointwise_kernel",),
            ),
            _bias(lambda c: (c["filters"],)),
        ),
    ),
    Kind(
        "dense",
        ir.Dense,
        (Attribute("units", Whole(1), meaning="how many values come out"), _activation(ir.Dense)),
        (Weight("weights", lambda c: (_last(c), c["units"])), _bias(lambda c: (c["units"],))),
    ),
    Kind(
        "batch_normalization",
        ir.BatchNormalization,
        (
            _axis(ir.BatchNormalization, "the axis of the channels, batch not counted"),
            attribute_of(ir.BatchNormalization, "epsilon", form=Real(), meaning="added to the variance"),
        ),
        (
            Weight("mean", _along_axis, aliases=("moving_mean",), initial="zeros"),
            Weight("variance", _along_axis, aliases=("moving_variance",), initial="ones"),
            Weight("gamma", _along_axis, optional=True, switch="scale", initial="ones"),
            Weight("beta", _along_axis, optional=True, switch="center", initial="zeros"),
        ),
    ),
    _pooling("max_pooling2d", ir.MaxPooling2D),
    _pooling(
        "average_pooling2d",
        ir.AveragePooling2D,
        attribute_of(ir.AveragePooling2D, "count_padding", meaning="whether padding counts as zeros"),
    ),
    Kind(
        "global_average_pooling",
        ir.GlobalAveragePooling,
        (attribute_of(ir.GlobalAveragePooling, "keepdims", meaning="whether the other axes stay, with one element"),),
        aliases=("global_average_pooling1d", "global_average_pooling2d"),
    ),
    Kind(
        "global_max_pooling",
        ir.GlobalMaxPooling,
        (attribute_of(ir.GlobalMaxPooling, "keepdims", meaning="whether the other axes stay, with one element"),),
        aliases=("global_max_pooling1d", "global_max_pooling2d"),
    ),
    Kind(
        "zero_padding2d",
        ir.ZeroPadding2D,
        (attribute_of(ir.ZeroPadding2D, "padding", form=PaddingForm(), meaning="rows and columns of zeros"),),
    ),
    Kind(
        "reshape",
        ir.Reshape,
        (
            attribute_of(
                ir.Reshape, "shape", "target_shape", form=ShapeForm(), meaning="the new shape; -1: what is left"
            ),
        ),
    ),
    Kind("softmax", ir.Softmax, (_axis(ir.Softmax, "the axis that sums to 1, batch not counted"),)),
    Kind("concatenate", ir.Concatenate, (_axis(ir.Concatenate, "the axis that grows, batch not counted"),)),
    Kind("identity", ir.Identity, aliases=_DROPOUTS, ignored=("rate", "stddev", "noise_shape", "seed")),
)

TRAINING_ONLY = frozenset(
    {"trainable", "momentum", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"}
    | {"activity_regularizer", "kernel_constraint", "bias_constraint", "depthwise_initializer", "pointwise_initializer"}
    | {"data_format", "dtype", "rate", "seed", "dropout", "recurrent_dropout"}
)
"""Attributes of Keras that say nothing about inference."""
