"""Convolutions."""

from __future__ import annotations

import math

from mnc.backends.select.cmsis.core import Core, forms
from mnc.backends.select.cmsis.structs import TOO_MANY, activation, corner, countable, dims, offsets, step, tile
from mnc.backends.select.cmsis.weights import TOO_LARGE, Weights
from mnc.backends.select.context import Context, Refusal
from mnc.ir.layers import Conv2D, Conv2DTranspose
from mnc.ir.layers.window import Pair
from mnc.program import NULL, Argument, Record, Step

MOST_PRODUCTS = 2**16 - 1
"""Largest number of products in a sum that `arm_convolve_s8` can count."""


def conv2d(context: Context[Conv2D]) -> Step | Refusal:
    """The kernel that `arm_convolve_wrapper_s8` would call, with weights as (filters, height, width, channels).

    `arm_convolve_1x1_s8_fast` and `arm_convolve_1x1_s8` look at no padding;
    `arm_convolve_s8` takes any window, by groups and dilated as well.
    """
    cores = forms(context.core)
    layer, (x,), y = context.layer, context.inputs, context.output
    weights = Weights.of(context, layer.weights.array.transpose(3, 0, 1, 2))
    if weights is None:
        return TOO_LARGE
    if not countable(x, y) or math.prod(layer.weights.shape[:3]) > MOST_PRODUCTS:
        return TOO_MANY
    if layer.groups > 1:
        weights = weights.with_bias  # the kernel counts on from NULL
    upscale: dict[str, Argument] = {}
    scratch = 0
    window = math.prod(layer.kernel) * x.image[2]
    if layer.kernel == (1, 1) and layer.groups == 1 and _all_inside(context):
        function = "arm_convolve_1x1_s8_fast" if layer.stride == (1, 1) else "arm_convolve_1x1_s8"
    elif Core.MVE in cores and (row := one_by_n_scratch(context)) is not None:
        function = "arm_convolve_1_x_n_s8"
        scratch = max(row if core is Core.MVE else windows_scratch(core, window) for core in cores)
    else:
        function = "arm_convolve_s8"
        scratch = max(windows_scratch(core, window) for core in cores)
        upscale = {"upscale_dims": NULL}
    return step(
        context,
        function,
        weights.constants(cores),
        scratch,
        conv_params=conv_params(context, layer.stride, corner(layer.padding), layer.dilation),
        **weights.arguments(context, dims(layer.filters, *layer.kernel, layer.weights.shape[2])),
        **upscale,
    )


def conv_params(
    context: Context[Conv2D] | Context[Conv2DTranspose], stride: Pair, before: Pair, dilation: Pair = (1, 1)
) -> Record:
    """A `cmsis_nn_conv_params`; how far padding goes to the right and below follows from the output."""
    return Record(
        "cmsis_nn_conv_params",
        {
            **offsets(context),
            "stride": tile(stride),
            "padding": tile(before),
            "dilation": tile(dilation),
            **activation(context, context.layer.activation),
        },
    )


def windows_scratch(core: Core, products: int) -> int:
    """Bytes of scratch of `arm_convolve_s8` for sums of `products`: two windows in 16 bits, on MVE four in 8."""
    return 4 * (math.ceil(products / 16) * 16 if core is Core.MVE else math.ceil(products / 4) * 4)


def one_by_n_scratch(context: Context[Conv2D]) -> int | None:
    """Bytes of scratch of `arm_convolve_1_x_n_s8` on MVE, or None where it does not compute this very convolution.

    It copies the first and the last windows to where there is room for their
    padding, all others it reads in place.  It takes the padding to be as TFLite
    has it, the odd element on the right, and the first window on the right to
    lack one element; elsewhere it reads what is not there, or says an error.
    """
    layer, (x,), y = context.layer, context.inputs, context.output
    _, width, channels = x.image
    stride, kernel, left = layer.stride[1], layer.kernel[1], layer.padding[1][0]
    flat = x.image[0] == y.image[0] == layer.kernel[0] == 1 and layer.padding[0][0] == 0
    if not flat or layer.dilation[1] != 1 or layer.groups > 1 or stride * channels % 4 or kernel > width:
        return None
    right = (y.image[1] - 1) * stride + kernel - width - left
    if right - left not in (0, 1) or (right and (right - 1) % stride):
        return None
    before, after = math.ceil(left / stride), math.ceil(right / stride)
    if before + after > y.image[1] or (right > left and stride > 1 and after > 1):
        return None
    room = after if right > left else left
    return max(kernel + left, kernel - 1 + room) * channels


def _all_inside(context: Context[Conv2D]) -> bool:
    """Whether no window of one element lies in the padding."""
    layer, x, y = context.layer, context.inputs[0].image, context.output.image
    return all(layer.padding[i][0] == 0 and (y[i] - 1) * layer.stride[i] < x[i] for i in (0, 1))
