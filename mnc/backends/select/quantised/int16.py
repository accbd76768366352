"""Which function selects the int16 kernels of which layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.quantised import activation16, conv16
from mnc.backends.select.quantised.limits import within_limits
from mnc.backends.select.quantised.table import SHARED
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, Conv2D, Dense, DepthwiseConv2D, Softmax
from mnc.program import Step

INT16: Mapping[type[Layer], Callable[[Context[Any]], Step | Refusal]] = within_limits(
    {
        **SHARED,
        Activation: activation16.activation,
        Conv2D: conv16.conv2d,
        Dense: conv16.dense,
        DepthwiseConv2D: conv16.depthwise_conv2d,
        Softmax: activation16.softmax,
    }
)
"""The int16 kernels of the C backends; views need none."""
