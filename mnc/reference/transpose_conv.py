"""Transposed convolution."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import Conv2DTranspose
from mnc.ir.layers.window import extent
from mnc.ir.types import Array
from mnc.reference.conv import finish, wide
from mnc.reference.dispatch import compute


@compute.register
def conv2d_transpose(layer: Conv2DTranspose, x: Array) -> Array:
    batch, height, width, _ = x.shape
    rows, columns = (
        (n - 1) * layer.stride[i] + extent(layer.kernel[i], layer.dilation[i]) + layer.extra[i]
        for i, n in enumerate((height, width))
    )
    spread = np.zeros((batch, rows, columns, layer.filters))
    weights = wide(layer.weights)
    for ky in range(layer.kernel[0]):
        for kx in range(layer.kernel[1]):
            top, left = ky * layer.dilation[0], kx * layer.dilation[1]
            bottom, right = top + (height - 1) * layer.stride[0] + 1, left + (width - 1) * layer.stride[1] + 1
            spread[:, top : bottom : layer.stride[0], left : right : layer.stride[1]] += x @ weights[ky, kx].T
    (top, bottom), (left, right) = layer.crop
    return finish(spread[:, top : rows - bottom, left : columns - right], layer.bias, layer.activation)
