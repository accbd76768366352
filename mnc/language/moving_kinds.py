"""Layer kinds that only move elements, as the language has them."""

from __future__ import annotations

from typing import Any

from mnc.ir import layers as ir
from mnc.ir.layer import Layer
from mnc.ir.types import Shape
from mnc.language.forms import Context, Form, Maybe, ShapeForm, Whole
from mnc.language.kind import REQUIRED, Attribute, Kind, attribute_of


def last_axis(context: Context) -> int:
    """The default of `axis`: the last one, counted from 0 as in networks from Keras files."""
    return max(context.inputs[0].rank - 1, 0)


def axis_of(layer: type[Layer], meaning: str) -> Attribute:
    """The attribute `axis` of a layer, the last one by default."""
    return attribute_of(layer, "axis", default=last_axis, meaning=f"{meaning}; counted without batch")


class IndicesForm(Form):
    """Whole numbers, each standing for itself."""

    @property
    def takes(self) -> str:
        return "a list of whole numbers"

    def read(self, value: Any, context: Context) -> tuple[int, ...]:
        if not isinstance(value, list):
            raise self.refuse(value)
        return tuple(Whole().read(each, context) for each in value)

    def write(self, value: Any, context: Context) -> str:
        return f"[{', '.join(map(str, value))}]"


def _rest(context: Context) -> Shape:
    """The default of a slice's sizes: the elements from the first index on."""
    return tuple(max(size - first, 1) for size, first in zip(context.inputs[0].shape, context["starts"], strict=False))


def _permutation(context: Context) -> Any:
    return REQUIRED if context["dims"] is None else tuple(dim - 1 for dim in context["dims"])


MOVING_KINDS: tuple[Kind, ...] = (
    Kind(
        "slice",
        ir.Slice,
        (
            attribute_of(
                ir.Slice,
                "starts",
                "begin",
                form=IndicesForm(),
                default=lambda c: (0,) * c.inputs[0].rank,
                meaning="the first index along each axis",
            ),
            attribute_of(
                ir.Slice,
                "sizes",
                "size",
                form=IndicesForm(),
                default=_rest,
                meaning="how many elements stay along each axis; without it, all from the first on",
            ),
            attribute_of(
                ir.Slice,
                "steps",
                "strides",
                form=IndicesForm(),
                default=lambda c: (1,) * c.inputs[0].rank,
                meaning="from one index to the next along each axis; negative ones go backwards",
            ),
        ),
    ),
    Kind(
        "take",
        ir.Take,
        (
            attribute_of(ir.Take, "indices", form=IndicesForm(), meaning="which elements, in their new order"),
            axis_of(ir.Take, "the axis that they are on"),
        ),
    ),
    Kind("concatenate", ir.Concatenate, (axis_of(ir.Concatenate, "the axis that grows"),)),
    Kind(
        "reshape",
        ir.Reshape,
        (
            attribute_of(
                ir.Reshape, "shape", "target_shape", form=ShapeForm(), meaning="the new shape; -1 is what is left"
            ),
        ),
    ),
    Kind(
        "permute",
        ir.Permute,
        (
            Attribute(
                "dims",
                Maybe(ShapeForm()),
                None,
                meaning="the axes in their new order, counted from 1 as Keras does",
                of=lambda *_: None,
            ),
            attribute_of(ir.Permute, "axes", default=_permutation, meaning="the same, counted from 0"),
        ),
    ),
)
"""The kinds that the table lists among the others."""
