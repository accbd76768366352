"""Which function selects the kernels of which int8 or int16 layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.select import Select
from mnc.backends.select.cmsis import conv, dense, depthwise, elementwise, int16, pool, softmax, transpose_conv
from mnc.backends.select.cmsis.core import Cores
from mnc.backends.select.cmsis.faster import own_is_faster
from mnc.backends.select.cmsis.overlap import overlapping
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
from mnc.program import Step

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
    Add: elementwise.add,
    AveragePooling2D: pool.pooling2d,
    Conv2D: int16.conv2d,
    Dense: int16.dense,
    DepthwiseConv2D: int16.depthwise_conv2d,
    MaxPooling2D: pool.pooling2d,
    Multiply: elementwise.multiply,
    Softmax: softmax.softmax_int16,
}
"""Those that it has int16 kernels for."""


def int8_table(cores: Cores, *, fastest: bool = False, overlap: bool = False) -> Mapping[type[Layer], Select]:
    """CMSIS-NN's kernels where they fit, else mnc's own.

    `fastest`: those also where they are faster.  `overlap`: outputs may lie over
    what their functions have read of the input.
    """
    return _table(INT8, CMSIS_NN, cores, fastest=fastest, overlap=overlap)


def int16_table(cores: Cores, *, fastest: bool = False, overlap: bool = False) -> Mapping[type[Layer], Select]:
    """The same for int16."""
    return _table(INT16, CMSIS_NN_INT16, cores, fastest=fastest, overlap=overlap)


def _table(
    own: Mapping[type[Layer], Select],
    library: Mapping[type[Layer], Callable[[Cores, Site[Any]], Step | None]],
    cores: Cores,
    *,
    fastest: bool,
    overlap: bool,
) -> Mapping[type[Layer], Select]:
    def either(kind: type[Layer]) -> Select:
        def chosen(site: Site[Any]) -> Step:
            made = None if fastest and own_is_faster(cores, site) else library[kind](cores, site)
            if made is None:
                return own[kind](site)
            return overlapping(cores, site, made) if overlap else made

        return chosen

    return {**own, **{kind: either(kind) for kind in library}}
