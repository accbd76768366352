"""Layer kinds whose window slides over an image or a sequence, as the language has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mnc.ir import layers as ir
from mnc.ir.layer import Layer
from mnc.ir.layers.window import NO_PADDING, Padding, Pair, extent, image, same_padding
from mnc.ir.types import Shape, ShapeError
from mnc.language.forms import ActivationForm, Context, Form, Maybe, PaddingForm, PairForm, Whole, Word
from mnc.language.kind import REQUIRED, Attribute, Kind, Weight, attribute_of


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


def _causal(window: str) -> Callable[[Context], Padding]:
    """Keras' causal padding of a sequence: no output sees a later input."""

    def padding(context: Context) -> Padding:
        dilation = context.attributes.get("dilation", (1, 1))
        return ((0, 0), (extent(context[window][1], dilation[1]) - 1, 0))

    return padding


def _padding(layer: type[Layer], window: str) -> Attribute:
    form = PaddingForm({"valid": lambda _: NO_PADDING, "same": _same(window)})
    return attribute_of(layer, "padding", form=form, default=NO_PADDING, meaning="zeros round the input")


def _filters() -> Attribute:
    return Attribute("filters", Whole(1), meaning="how many channels come out")


def _kernel() -> Attribute:
    return Attribute("kernel", PairForm(), REQUIRED, ("kernel_size",), "the window's size")


def _stride(layer: type[Layer], default: Any = (1, 1)) -> Attribute:
    meaning = "how far the window moves from one output to the next"
    return attribute_of(layer, "stride", "strides", form=PairForm(), default=default, meaning=meaning)


def _dilation(layer: type[Layer]) -> Attribute:
    meaning = "the distance between the window's taps"
    return attribute_of(layer, "dilation", "dilation_rate", form=PairForm(), meaning=meaning)


def _multiplier() -> Attribute:
    return Attribute("depth_multiplier", Whole(1), 1, meaning="how many channels come out for each that goes in")


def _activation(layer: type[Layer]) -> Attribute:
    meaning = "applied to each element of the result"
    return attribute_of(layer, "activation", form=ActivationForm(softmax=True), meaning=meaning)


def _bias(shape: Callable[[Context], Shape]) -> Weight:
    return Weight("bias", shape, optional=True, aliases=("use_bias",), initial="zeros")


def _channels(context: Context) -> int:
    return image(context.inputs[0].shape)[2]


def _conv2d_weights(context: Context) -> Shape:
    channels, groups = _channels(context), context["groups"]
    if channels % groups or context["filters"] % groups:
        raise ShapeError(f"{groups} groups must divide {channels} channels and {context['filters']} filters")
    return (*context["kernel"], channels // groups, context["filters"])


def _depthwise_weights(context: Context) -> Shape:
    return (*context["kernel"], _channels(context), context["depth_multiplier"])


def _windows(layer: type[Layer]) -> tuple[Attribute, ...]:
    return (_kernel(), _stride(layer), _dilation(layer), _padding(layer, "kernel"))


CONV2D = Kind(
    "conv2d",
    ir.Conv2D,
    (
        _filters(),
        *_windows(ir.Conv2D),
        attribute_of(ir.Conv2D, "groups", form=Whole(1), meaning="into how many groups the channels are split"),
        _activation(ir.Conv2D),
    ),
    (Weight("weights", _conv2d_weights), _bias(lambda c: (c["filters"],))),
)

DEPTHWISE_CONV2D = Kind(
    "depthwise_conv2d",
    ir.DepthwiseConv2D,
    (*_windows(ir.DepthwiseConv2D), _multiplier(), _activation(ir.DepthwiseConv2D)),
    (
        Weight("weights", _depthwise_weights, aliases=("depthwise_kernel",)),
        _bias(lambda c: (_channels(c) * c["depth_multiplier"],)),
    ),
)

SEPARABLE_CONV2D = Kind(
    "separable_conv2d",
    ir.SeparableConv2D,
    (_filters(), *_windows(ir.SeparableConv2D), _multiplier(), _activation(ir.SeparableConv2D)),
    (
        Weight("depthwise", _depthwise_weights, aliases=("depthwise_kernel",)),
        Weight(
            "pointwise",
            lambda c: (1, 1, _channels(c) * c["depth_multiplier"], c["filters"]),
            aliases=("pointwise_kernel",),
        ),
        _bias(lambda c: (c["filters"],)),
    ),
)


def _spread(context: Context) -> tuple[Padding, Pair]:
    """Crop and extra rows and columns of a transposed convolution by Keras' `padding` and `output_padding`."""
    sizes = image(context.inputs[0].shape)
    crop, extra = [], []
    for axis in (0, 1):
        span, step = extent(context["kernel"][axis], context["dilation"][axis]), context["stride"][axis]
        spread = (sizes[axis] - 1) * step + span
        same = context["padding"] == "same"
        if context["output_padding"] is None:
            wanted = sizes[axis] * step + (0 if same else max(span - step, 0))
        else:
            wanted = spread - (2 * (span // 2) if same else 0) + context["output_padding"][axis]
        before = max(spread - wanted, 0) // 2 if same else 0
        crop.append((before, max(spread - before - wanted, 0)))
        extra.append(max(wanted - (spread - before), 0))
    return (crop[0], crop[1]), (extra[0], extra[1])


def _transposed_padding(layer: Layer, context: Context) -> str:
    """The padding that explains a layer's crop, or `valid`."""
    trial = Context(context.inputs, {**context.attributes, "padding": "same", "output_padding": None})
    return "same" if (getattr(layer, "crop", None), getattr(layer, "extra", None)) == _spread(trial) else "valid"


CONV2D_TRANSPOSE = Kind(
    "conv2d_transpose",
    ir.Conv2DTranspose,
    (
        _filters(),
        _kernel(),
        _stride(ir.Conv2DTranspose),
        _dilation(ir.Conv2DTranspose),
        Attribute(
            "padding",
            Word(("valid", "same")),
            "valid",
            meaning="same: the output is as large as the input times the stride",
            of=_transposed_padding,
        ),
        Attribute(
            "output_padding",
            Maybe(PairForm(0)),
            None,
            meaning="how much larger than the smallest possible the output is",
            of=lambda *_: None,
        ),
        attribute_of(
            ir.Conv2DTranspose,
            "crop",
            default=lambda c: _spread(c)[0],
            meaning="what is cut off the spread image, where padding does not say it",
        ),
        attribute_of(
            ir.Conv2DTranspose,
            "extra",
            default=lambda c: _spread(c)[1],
            meaning="what is added behind the spread image, where padding does not say it",
        ),
        _activation(ir.Conv2DTranspose),
    ),
    (
        Weight("weights", lambda c: (*c["kernel"], c["filters"], _channels(c))),
        _bias(lambda c: (c["filters"],)),
    ),
)


def _pooling(name: str, layer: type[Layer], *more: Attribute) -> Kind:
    pool = attribute_of(layer, "pool", "pool_size", form=PairForm(), default=(2, 2), meaning="the window's size")
    return Kind(name, layer, (pool, _stride(layer, lambda c: c["pool"]), _padding(layer, "pool"), *more))


MAX_POOLING2D = _pooling("max_pooling2d", ir.MaxPooling2D)
AVERAGE_POOLING2D = _pooling(
    "average_pooling2d",
    ir.AveragePooling2D,
    attribute_of(ir.AveragePooling2D, "count_padding", meaning="whether the padding counts as zeros"),
)
ZERO_PADDING2D = Kind(
    "zero_padding2d",
    ir.ZeroPadding2D,
    (attribute_of(ir.ZeroPadding2D, "padding", form=PaddingForm(), meaning="rows and columns of zeros"),),
)
CROPPING2D = Kind(
    "cropping2d",
    ir.Cropping2D,
    (attribute_of(ir.Cropping2D, "cropping", form=PaddingForm(), meaning="rows and columns that are cut off"),),
)


def _resized(context: Context, _: object) -> Layer:
    height, width, _ = image(context.inputs[0].shape)
    factors = context["size"]
    return _sampled(context, (height * factors[0], width * factors[1]))


def _sampled(context: Context, size: Pair) -> Layer:
    return ir.ResizeNearest(size) if context["interpolation"] == "nearest" else ir.ResizeBilinear(size)


def _interpolation(default: str) -> Attribute:
    return Attribute("interpolation", Word(("nearest", "bilinear")), default, meaning="how pixels are sampled")


UP_SAMPLING2D = Kind(
    "up_sampling2d",
    ir.ResizeNearest,
    (Attribute("size", PairForm(), (2, 2), meaning="how many times as large"), _interpolation("nearest")),
    make=_resized,
    prints=False,
)
RESIZING = Kind(
    "resizing",
    ir.ResizeBilinear,
    (
        Attribute("height", Whole(1), meaning="the output's height"),
        Attribute("width", Whole(1), meaning="the output's width"),
        _interpolation("bilinear"),
    ),
    make=lambda context, _: _sampled(context, (context["height"], context["width"])),
    prints=False,
)


@dataclass(frozen=True)
class StepsForm(Form):
    """A window along the steps of a sequence: the pair (1, steps)."""

    @property
    def takes(self) -> str:
        return "a whole number of at least 1"

    def read(self, value: Any, context: Context) -> Pair:
        return (1, Whole(1).read(value[0] if isinstance(value, list) and len(value) == 1 else value, context))

    def write(self, value: Any, context: Context) -> str:
        return str(value[1])


@dataclass(frozen=True)
class SidesForm(Form):
    """Padding or cropping before and behind the steps of a sequence."""

    image: PaddingForm

    @property
    def takes(self) -> str:
        rules = "".join(f"{rule}, " for rule in self.image.rules)
        return f"{rules}a whole number or [before, behind]"

    @property
    def words(self) -> frozenset[str]:
        return self.image.words

    def read(self, value: Any, context: Context) -> Padding:
        if isinstance(value, str):
            if value not in self.image.rules:
                raise self.refuse(value)
            return self.image.rules[value](context)
        sides = value if isinstance(value, list) else [value, value]
        if len(sides) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in sides):
            raise self.refuse(value)
        return ((0, 0), (sides[0], sides[1]))

    def write(self, value: Any, context: Context) -> str:
        before, behind = value[1]
        return str(before) if before == behind else f"[{before}, {behind}]"


def _along_steps(kind: Kind, window: str = "kernel") -> Kind:
    """A kind for images as one for sequences, which are images of one row."""
    return replace(
        kind,
        name=kind.name.replace("2d", "1d"),
        attributes=tuple(_attribute_along_steps(attribute, window) for attribute in kind.attributes),
        sequence=True,
        prints=False,
    )


def _attribute_along_steps(attribute: Attribute, window: str) -> Attribute:
    form, default = attribute.form, attribute.default
    if isinstance(form, PairForm):
        return replace(attribute, form=StepsForm(), default=(1, default[1]) if isinstance(default, tuple) else default)
    if isinstance(form, Maybe):
        return replace(attribute, form=Maybe(StepsForm()))
    if isinstance(form, PaddingForm):
        rules = {**form.rules, "causal": _causal(window)} if form.rules else {}
        sides = ((0, 0), default[1]) if isinstance(default, tuple) else default
        return replace(attribute, form=SidesForm(PaddingForm(rules)), default=sides)
    return attribute


WINDOW_KINDS: tuple[Kind, ...] = (
    CONV2D,
    DEPTHWISE_CONV2D,
    SEPARABLE_CONV2D,
    CONV2D_TRANSPOSE,
    MAX_POOLING2D,
    AVERAGE_POOLING2D,
    ZERO_PADDING2D,
    CROPPING2D,
    UP_SAMPLING2D,
    RESIZING,
    _along_steps(CONV2D),
    _along_steps(DEPTHWISE_CONV2D),
    _along_steps(SEPARABLE_CONV2D),
    _along_steps(MAX_POOLING2D, "pool"),
    _along_steps(AVERAGE_POOLING2D, "pool"),
    _along_steps(ZERO_PADDING2D),
    _along_steps(CROPPING2D),
    _along_steps(UP_SAMPLING2D),
)
"""Every kind of this module, those for images first."""
