"""Transposed convolution over volumes: a transposed convolution of images for each plane of the output."""

from __future__ import annotations

import functools
import math

import numpy as np

from mnc.errors import refuse
from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import AlongAxis, Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.planes import pair, spread
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.unrolling import MAX_STEPS
from mnc.frontends.keras.volumes import HELD, as_volume
from mnc.frontends.keras.ways_out import at_most
from mnc.frontends.keras.weights import Count
from mnc.ir.layers import Concatenate, Conv2DTranspose, Reshape, Slice
from mnc.ir.types import Constant


@converts("Conv3DTranspose", to=(Concatenate, Conv2DTranspose, Reshape, Slice))
def conv3d_transpose(config: Config) -> Build:
    """Conv3DTranspose with any output padding: a transposed convolution for each plane of the output.

    A plane of the output sees those planes of the input from which the kernel's
    depth reaches it; they are the channels of one image.
    """
    filters = config.integer("filters")
    size = config.integers("kernel_size", 3)
    strides, dilation = config.integers("strides", 3, 1), config.integers("dilation_rate", 3, 1)
    same = config.choice("padding", "valid", "same", default="valid") == "same"
    config.only("groups", 1)
    more = None if config.raw("output_padding") is None else config.integers("output_padding", 3, None, 0)
    if more is not None and any(m >= s for m, s in zip(more, strides, strict=True)):
        raise config.fault(f"output_padding {list(more)} must be less than strides {list(strides)}")
    steps_of_plane, dilation_of_plane = pair(strides[1:]), pair(dilation[1:])
    has_bias = config.boolean("use_bias", True)
    config.weights = Count(1 + has_bias)
    activation, layout = read_activation(config), config.data_format(4)

    def build(call: Call) -> Value:
        x = as_volume(call, layout)
        height, width, depth, channels = x.type.shape
        stored = call.weights.array("kernel", (*size, filters, channels))
        bias = call.weights.take("bias", (filters,)) if has_bias else None
        ((before, after), behind), (vertical, below), (horizontal, beside) = (
            spread(n, size[k], strides[k], dilation[k], same, None if more is None else more[k])
            for k, n in enumerate((depth, height, width))
        )
        count = (depth - 1) * strides[0] + (size[0] - 1) * dilation[0] + 1 - before - after + behind
        if count > MAX_STEPS:
            raise refuse(
                call.where,
                f"the layer gives {count} planes, each a convolution of its own; the limit is {MAX_STEPS}",
                at_most(MAX_STEPS, "planes of output"),
            )

        @functools.cache
        def weights(steps: tuple[int, ...]) -> Constant:
            """The kernel's planes of these depths behind each other along the channels."""
            return Constant(np.concatenate([stored[k] for k in steps], axis=-1))

        fused = None if isinstance(activation, AlongAxis) else activation
        planes = []
        for plane in range(count):
            reach = {k: plane + before - k * dilation[0] for k in range(size[0])}
            steps = tuple(k for k, at in reach.items() if at % strides[0] == 0 and 0 <= at // strides[0] < depth)
            kernel = weights(steps) if steps else Constant(np.zeros_like(stored[0]))
            # where nothing reaches the plane but the bias, it is any plane of the input, times 0
            seen = tuple(reach[k] // strides[0] for k in steps) or (0,)
            parts = [
                call.emit(
                    Slice((0, 0, i, 0), (height, width, 1, channels), (1, 1, 1, 1)), x, part=f"{plane}/plane{number}"
                )
                for number, i in enumerate(seen)
            ]
            joined = call.emit(Concatenate(2), *parts, part=f"{plane}/seen") if len(parts) > 1 else parts[0]
            image = Reshape((height, width, math.prod(joined.type.shape[2:])))
            make = functools.partial(
                Conv2DTranspose,
                kernel,
                bias,
                steps_of_plane,
                (vertical, horizontal),
                (below, beside),
                dilation_of_plane,
            )
            planes.append(call.emit(make(fused), call.emit(image, joined, part=f"{plane}/image"), part=str(plane)))
        whole = call.emit(Concatenate(-1), *planes, part="joined") if count > 1 else planes[0]
        shape = Reshape((*whole.type.shape[:2], count, filters))
        if not isinstance(activation, AlongAxis):
            return call.emit(shape, whole, axes=HELD[layout])
        return call.along(activation, call.emit(shape, whole, part="logits", axes=HELD[layout]), 3)

    return build
