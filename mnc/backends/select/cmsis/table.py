"""Which function selects the kernels of which int8 or int16 layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.program import Step
from mnc.backends.select import Select
from mnc.backends.select.cmsis import conv, dense, depthwise, elementwise, int16, pool, softmax, transpose_conv
from mnc.backends.select.cmsis.core import Core, Cores
from mnc.backends.select.cmsis.faster import own_is_faster
from mnc.backends.select.quantised.int16 import INT16
from mnc.backends.select.quantised.table import INT8
from mnc.backends.select.site import Site
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Add,
    AveragePooling2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Softmax,
)

CMSIS_NN: Mapping[type[Layer], Callable[[Cores, Site[Any]], Step | None]] = {
    Add: elementwise.add,
    AveragePooling2D: pool.pooling2d,
    Conv2D: conv.conv2d,
    Conv2DTranspose: transpose_conv.conv2d_transpose,
    Dense: dense.dense,
    DepthwiseConv2D: depthwise.depthwise_conv2d,
    MaxPooling2D: pool.pooling2d,
    Maximum: elementwise.extreme,
    Minimum: elementwise.extreme,
    Multiply: elementwise.multiply,
    Softmax: softmax.softmax,
}
"""The layer kinds that CMSIS-NN has int8 kernels for."""

CMSIS_NN_INT16: Mapping[type[Layer], Callable[[Cores, Site[Any]], Step | None]] = {
    Conv2D: int16.conv2d,
    Dense: int16.dense,
    DepthwiseConv2D: int16.depthwise_conv2d,
}
"""Those that it has int16 kernels for."""


def int8_table(cores: Cores, *, fastest: bool = False) -> Mapping[type[Layer], Select]:
    """CMSIS-NN's kernels where they fit, else mnc's own; `fastest`: those also where they are faster."""

    def either(kind: type[Layer]) -> Select:
        def chosen(site: Site[Any]) -> Step:
            made = None if fastest and own_is_faster(cores, site) else CMSIS_NN[kind](cores, site)
            return made or INT8[kind](site)

        return chosen

    return {**INT8, **{kind: either(kind) for kind in CMSIS_NN}}


def int16_table(cores: Cores, *, fastest: bool = False) -> Mapping[type[Layer], Select]:
    """The same for int16; without vectors mnc's own are faster."""
    if fastest and Core.MVE not in cores:
        return INT16

    def either(kind: type[Layer]) -> Select:
        return lambda site: CMSIS_NN_INT16[kind](cores, site) or INT16[kind](site)

    return {**INT16, **{kind: either(kind) for kind in CMSIS_NN_INT16}}
