"""The layer kinds whose form in the language is more than their dataclass says.

One entry each: what the language calls the attributes, Keras' names and
defaults, and how the shapes of the constants follow from them.  Parser,
printer, messages and documentation all read it.  A kind that is not listed
has the form that `mnc.language.kinds.derive` finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mnc.ir import layers as ir
from mnc.ir.layer import Layer
from mnc.ir.types import Constant, Shape, ShapeError
from mnc.language.forms import (
    ActivationForm,
    Context,
    Form,
    PairForm,
    Real,
    ShapeForm,
    Whole,
)
from mnc.language.kind import REQUIRED, Attribute, Kind, Weight, attribute_of
from mnc.language.moving_kinds import MOVING_KINDS, axis_of, last_axis
from mnc.language.values import RefusalError
from mnc.language.window_kinds import WINDOW_KINDS
from mnc.names import snake


def _last(context: Context) -> int:
    shape = context.inputs[0].shape
    if not shape:
        raise ShapeError("needs at least one axis, not a single number")
    return shape[-1]


def _size_along(context: Context, axis: int) -> int:
    shape = context.inputs[0].shape
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis {axis} is not among the {len(shape)} axes of its input")
    return shape[axis]


class AxesForm(Form):
    """Some axes of the input, one of them as a plain number."""

    @property
    def takes(self) -> str:
        return "an axis, or a list of axes"

    def read(self, value: Any, context: Context) -> tuple[int, ...]:
        return ShapeForm().read(value, Context(())) if isinstance(value, list) else (Whole().read(value, context),)

    def write(self, value: Any, context: Context) -> str:
        return str(value[0]) if len(value) == 1 else f"[{', '.join(map(str, value))}]"


class NumbersForm(Form):
    """One number for all channels, or one for each."""

    @property
    def takes(self) -> str:
        return "a number, or a list with one for each channel"

    def read(self, value: Any, context: Context) -> list[float]:
        size = _last(context)
        numbers = value if isinstance(value, list) else [value] * size
        if len(numbers) != size:
            raise RefusalError(f"takes one number or {size}, not {len(numbers)}")
        return [Real().read(each, context) for each in numbers]

    def write(self, value: Any, context: Context) -> str:
        return f"[{', '.join(Real().write(each, context) for each in value)}]"


# dense and recurrent layers


def _gated(layer: type[ir.Recurrent]) -> Callable[[Context], Shape]:
    return lambda c: (c["units"], layer.gates * c["units"])


def _recurrent(name: str, layer: type[ir.Recurrent], *more: str) -> Kind:
    def kernel(context: Context) -> Shape:
        return (_last(context), layer.gates * context["units"])

    def bias(context: Context) -> Shape:
        width = layer.gates * context["units"]
        return (2, width) if context.attributes.get("reset_after", False) else (width,)

    own = (
        "activation",
        *more,
        "return_sequences",
        "return_state",
        "go_backwards",
        "stateful",
        "initial_state",
        "masked",
    )
    return Kind(
        name,
        layer,
        (Attribute("units", Whole(1), meaning="the size of the state"), *(attribute_of(layer, each) for each in own)),
        (
            Weight("kernel", kernel),
            Weight("recurrent_kernel", _gated(layer)),
            Weight("bias", bias, optional=True, aliases=("use_bias",), initial="zeros"),
        ),
    )


_DENSE = Kind(
    "dense",
    ir.Dense,
    (
        Attribute(
            "units",
            Whole(1),
            meaning="how many values come out",
            of=lambda layer, _: layer.constants["weights"].shape[1],
        ),
        attribute_of(
            ir.Dense,
            "activation",
            form=ActivationForm(softmax=True),
            meaning="applied to each element of the result",
        ),
    ),
    (
        Weight("weights", lambda c: (_last(c), c["units"]), aliases=("kernel",)),
        Weight("bias", lambda c: (c["units"],), optional=True, aliases=("use_bias",), initial="zeros"),
    ),
)
_EMBEDDING = Kind(
    "embedding",
    ir.Embedding,
    (
        Attribute(
            "input_dim",
            Whole(1),
            meaning="how many vectors the table has",
            of=lambda layer, _: layer.constants["weights"].shape[0],
        ),
        Attribute(
            "output_dim",
            Whole(1),
            meaning="how long the vectors are",
            of=lambda layer, _: layer.constants["weights"].shape[1],
        ),
    ),
    (Weight("weights", lambda c: (c["input_dim"], c["output_dim"]), aliases=("embeddings",)),),
)


# normalisation


def _scale_and_shift(shape: Callable[[Context], Shape]) -> tuple[Weight, Weight]:
    return (
        Weight("gamma", shape, optional=True, switch="scale", initial="ones"),
        Weight("beta", shape, optional=True, switch="center", initial="zeros"),
    )


def _epsilon(layer: type[Layer]) -> Attribute:
    return attribute_of(layer, "epsilon", meaning="keeps the divisor from 0")


def _axes(layer: type[Layer]) -> Attribute:
    meaning = "what is taken together; counted without batch"
    return attribute_of(layer, "axes", "axis", form=AxesForm(), default=lambda c: (last_axis(c),), meaning=meaning)


def _rescaled(context: Context, _: Mapping[str, Constant | None]) -> Layer:
    """Scale * x + offset as batch normalisation of mean 0 and variance 1, as in networks from Keras files."""
    scale, offset = np.array(context["scale"]), np.array(context["offset"])
    zeros, ones = np.zeros(scale.shape), np.ones(scale.shape)
    statistics = (Constant(zeros), Constant(ones), Constant(scale), Constant(offset))
    return ir.BatchNormalization(*statistics, epsilon=0.0, axis=last_axis(context))


_NORMALISATIONS = (
    Kind(
        "batch_normalization",
        ir.BatchNormalization,
        (axis_of(ir.BatchNormalization, "the axis of the channels"), _epsilon(ir.BatchNormalization)),
        (
            Weight("mean", lambda c: (_size_along(c, c["axis"]),), aliases=("moving_mean",), initial="zeros"),
            Weight("variance", lambda c: (_size_along(c, c["axis"]),), aliases=("moving_variance",), initial="ones"),
            *_scale_and_shift(lambda c: (_size_along(c, c["axis"]),)),
        ),
    ),
    Kind(
        "layer_normalization",
        ir.LayerNormalization,
        (_axes(ir.LayerNormalization), _epsilon(ir.LayerNormalization)),
        _scale_and_shift(lambda c: tuple(_size_along(c, axis) for axis in c["axes"])),
    ),
    Kind(
        "group_normalization",
        ir.GroupNormalization,
        (
            attribute_of(ir.GroupNormalization, "groups", form=Whole(1), meaning="how many groups of channels"),
            _epsilon(ir.GroupNormalization),
        ),
        _scale_and_shift(lambda c: (_last(c),)),
    ),
    Kind("unit_normalization", ir.UnitNormalization, (_axes(ir.UnitNormalization), _epsilon(ir.UnitNormalization))),
    Kind(
        "rescaling",
        ir.BatchNormalization,
        (
            Attribute("scale", NumbersForm(), meaning="what the input is multiplied with"),
            Attribute("offset", NumbersForm(), lambda c: [0.0] * _last(c), meaning="what is then added"),
        ),
        make=_rescaled,
        prints=False,
    ),
)


# element by element, and rearranging


def _alpha(context: Context) -> Shape:
    shape = context.inputs[0].shape
    return tuple(1 if axis in context["shared_axes"] else size for axis, size in enumerate(shape))


def _shared(layer: Layer, context: Context) -> tuple[int, ...]:
    sizes = zip(layer.constants["alpha"].shape, context.inputs[0].shape, strict=True)
    return tuple(axis for axis, (own, size) in enumerate(sizes) if own == 1 and size != 1)


_DROPOUTS = ("dropout", "spatial_dropout1d", "spatial_dropout2d", "gaussian_dropout", "alpha_dropout", "gaussian_noise")


def _activation(context: Context, _: object) -> Layer:
    function = context["function"]
    return ir.Identity() if function is None else ir.Activation(function)


_OTHERS = (
    Kind(
        "activation",
        ir.Activation,
        (
            attribute_of(
                ir.Activation,
                "function",
                "activation",
                form=ActivationForm(softmax=True),
                default=REQUIRED,
                meaning="what is applied to each element; also a layer by its own name: relu(x)",
            ),
        ),
        make=_activation,
    ),
    Kind(
        "prelu",
        ir.PReLU,
        (
            Attribute(
                "shared_axes",
                ShapeForm(),
                (),
                meaning="axes along which alpha is the same; counted without batch",
                of=_shared,
            ),
        ),
        (Weight("alpha", _alpha, initial="zeros"),),
        aliases=("p_re_lu",),
    ),
    Kind("softmax", ir.Softmax, (axis_of(ir.Softmax, "the axis that sums to 1"),)),
    Kind("log_softmax", ir.LogSoftmax, (axis_of(ir.LogSoftmax, "the axis whose exponentials sum to 1"),)),
    Kind("sparsemax", ir.Sparsemax, (axis_of(ir.Sparsemax, "the axis of the vectors"),)),
    *(
        Kind(
            snake(layer.__name__),
            layer,
            (_axes(layer), attribute_of(layer, "keepdims", meaning="whether the axes stay, with one element each")),
        )
        for layer in (ir.ReduceSum, ir.ReduceMean, ir.ReduceMax, ir.ReduceMin)
    ),
    Kind(
        "dot",
        ir.Dot,
        (attribute_of(ir.Dot, "axes", form=PairForm(-32), meaning="one axis of each input; counted without batch"),),
    ),
    *(
        Kind(
            name,
            layer,
            (attribute_of(layer, "keepdims", meaning="whether the other axes stay, with one element each"),),
            aliases=(f"{name}1d", f"{name}2d"),
        )
        for name, layer in (
            ("global_average_pooling", ir.GlobalAveragePooling),
            ("global_max_pooling", ir.GlobalMaxPooling),
        )
    ),
    Kind("identity", ir.Identity, aliases=_DROPOUTS, ignored=("rate", "stddev", "noise_shape", "seed")),
)

TABLE: tuple[Kind, ...] = (
    *WINDOW_KINDS,
    _DENSE,
    _EMBEDDING,
    _recurrent("simple_rnn", ir.SimpleRNN),
    _recurrent("gru", ir.GRU, "recurrent_activation", "reset_after"),
    _recurrent("lstm", ir.LSTM, "recurrent_activation", "cell_clip", "cell_scale"),
    *_NORMALISATIONS,
    *MOVING_KINDS,
    *_OTHERS,
)
"""Every kind that is listed."""

TRAINING_ONLY = frozenset(
    {"trainable", "momentum", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"}
    | {"activity_regularizer", "kernel_constraint", "bias_constraint", "depthwise_initializer", "pointwise_initializer"}
    | {"data_format", "dtype", "rate", "seed", "dropout", "recurrent_dropout"}
)
"""Attributes of Keras that say nothing about inference."""
