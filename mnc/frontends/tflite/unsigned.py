"""Values of uint8, read as the int8 that they are less 128: the numbers that they stand for are these.

A quantised uint8 of zero point z stands for the real number of the int8 that is
128 less under the zero point z - 128.  So every operator that TensorFlow Lite
Micro computes on both gives the same real numbers; only the network's inputs and
outputs are uint8, and converted at the border.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.frontends.tflite.file import Model, Tensor

ON_UINT8 = ("DEQUANTIZE", "EXPAND_DIMS", "QUANTIZE", "RESHAPE", "SQUEEZE")
"""The operators that TensorFlow Lite Micro computes on uint8 values, and mnc, too."""


def signed(model: Model) -> Model:
    """The network with every quantised uint8 tensor as int8; `Tensor.unsigned` tells them."""
    return replace(model, tensors=tuple(_signed(tensor) for tensor in model.tensors))


def _signed(tensor: Tensor) -> Tensor:
    if tensor.type != "UINT8" or not tensor.scale:
        return tensor
    data = None if tensor.data is None else tensor.data.view(np.uint8) ^ np.uint8(128)
    zeros = tuple(zero - 128 for zero in tensor.zero_point)
    return replace(tensor, type="INT8", zero_point=zeros, data=data, unsigned=True)
