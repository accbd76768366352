"""Average and max pooling."""

from __future__ import annotations

from mnc.backends.select.cmsis.core import Core, forms
from mnc.backends.select.cmsis.structs import TOO_MANY, activation, corner, countable, dims, image, named, step, tile
from mnc.backends.select.context import Context, Refusal
from mnc.ir.layers import MaxPooling2D, Pooling2D
from mnc.program import In, Record, Step


def pooling2d(context: Context[Pooling2D]) -> Step | Refusal:
    """`arm_max_pool_*` or `arm_avgpool_*`, on int8 or int16; every window must have an element of the image in it."""
    cores = forms(context.core)
    layer, (x,), y = context.layer, context.inputs, context.output
    if not countable(x, y):
        return TOO_MANY
    largest = isinstance(layer, MaxPooling2D)
    # With the DSP extension the sums of a pixel's channels are kept in 32 bits.
    scratch = 4 * x.image[2] if Core.DSP in cores and not largest else 0
    return step(
        context,
        named(context, "max_pool" if largest else "avgpool"),
        scratch=scratch,
        pool_params=Record(
            "cmsis_nn_pool_params",
            {
                "stride": tile(layer.stride),
                "padding": tile(corner(layer.padding)),
                **activation(context),
            },
        ),
        input_dims=image(x),
        input_data=In(),
        filter_dims=dims(1, *layer.pool, 1),
    )
