"""Dense layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.backends.select.cmsis.conv import conv2d
from mnc.backends.select.cmsis.core import Core, forms
from mnc.backends.select.cmsis.structs import activation, call, ctx, dims, prepared
from mnc.backends.select.cmsis.weights import TOO_LARGE, Weights
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.conv import as_pointwise
from mnc.backends.select.quantised.requantise import operands, quant
from mnc.ir.layers import Dense
from mnc.ir.types import Constant
from mnc.program import Out, Record, Step


def dense(context: Context[Dense]) -> Step | Refusal:
    """`arm_fully_connected_s8` or `arm_fully_connected_per_channel_s8` on a vector, with weights as (units, inputs).

    On many pixels it is a 1x1 convolution, which uses a weight for several
    pixels at once.  On MVE the kernels read the bias, and the product of zero
    point and weights, as sums from their scratch: here a constant.
    """
    cores = forms(context.core)
    layer, (x,) = context.layer, context.inputs
    if x.image[:2] != (1, 1):
        return conv2d(context.of(as_pointwise(layer)))
    inputs, units = layer.weights.shape
    weights = Weights.of(context, layer.weights.array.T)
    if weights is None:
        return TOO_LARGE
    constants = dict(weights.constants(cores))
    if Core.MVE in cores:
        folded = layer.weights.array.astype(np.int64).sum(axis=0) * -quant(context).zero_point
        constants["sums"] = Constant((folded + (0 if weights.bias is None else weights.bias)).astype(np.int32))
        if len(cores) == 1:
            weights = replace(weights, bias=None)
            constants.pop("bias", None)
    arguments = weights.arguments(context, dims(inputs, 1, 1, units))
    function = "arm_fully_connected_per_channel_s8"
    if not weights.per_channel:
        function = "arm_fully_connected_s8"
        arguments["quant_params"] = weights.tensor_quant_params
        del constants["multiplier"], constants["shift"]
    made = call(
        function,
        ctx=prepared("sums", 4 * units) if "sums" in constants else ctx(0),
        fc_params=fc_params(context),
        **arguments,
        output_dims=dims(1, 1, 1, units),
        output_data=Out(),
    )
    return context.whole((made,), constants)


def fc_params(context: Context[Dense]) -> Record:
    """The layer's `cmsis_nn_fc_params`."""
    return Record(
        "cmsis_nn_fc_params",
        {
            "input_offset": -quant(context).zero_point,
            "filter_offset": 0,
            "output_offset": operands(context).zero,
            **activation(context, context.layer.activation),
        },
    )
