"""Layers that prepare images and do so at inference, too: contrast of each image, and layers one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import convert, converts
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.frontends.keras.weights import Count
from mnc.ir import activations as fn
from mnc.ir.layers import Add, Divide, Greater, Multiply, ReduceMax, ReduceMin, Subtract, Where
from mnc.ir.types import Constant

MOST = 64
"""Layers of a pipeline."""


@converts("AutoContrast", to=(Add, Divide, Greater, Multiply, ReduceMax, ReduceMin, Subtract, Where))
def auto_contrast(config: Config) -> Build:
    """Each channel of an image stretched to the range of values; one that is the same everywhere stays as it is."""
    stated = config.raw("value_range", [0, 255])
    layout = config.data_format(3)
    if not isinstance(stated, list) or len(stated) != 2 or not all(type(each) in (int, float) for each in stated):
        raise config.fault("value_range must be two numbers")
    low, high = (float(each) for each in stated)
    if not -1e30 < low < high < 1e30:
        raise config.fault("value_range must be two finite numbers, the smaller one first")

    def build(call: Call) -> Value:
        x = call.image(layout)
        zero, scale, first = (Constant(np.float32(each)) for each in (0.0, high - low, low))
        least = call.emit(ReduceMin((0, 1), True), x, part="least")
        extent = call.emit(Subtract(), call.emit(ReduceMax((0, 1), True), x, part="largest"), least, part="extent")
        above = call.emit(Subtract(), x, least, part="above")
        share = call.emit(Divide(activation=fn.Clip(0.0, 1.0)), above, extent, part="share")
        stretched = call.emit(Multiply(operand=scale), share, part="scaled")
        stretched = call.emit(Add(operand=first), stretched, part="stretched")
        differs = call.emit(Greater(operand=zero), extent, part="differs")
        return call.emit(Where(), differs, stretched, x, axes=x.axes)

    return build


@converts("Pipeline", to=())
def pipeline(config: Config) -> Build:
    """Layers one after the other."""
    stated = config.raw("layers")
    if not isinstance(stated, list) or not all(isinstance(each, Mapping) for each in stated):
        raise config.fault("the layers must be a list of layers")
    if len(stated) > MOST:
        raise config.fault(f"{len(stated)} layers are too many; the limit is {MOST}")
    steps: list[Build] = []
    for i, entry in enumerate(stated):
        step, weights, _ = convert(f"{config.where}/layers/{i}", entry, config.findings)
        if weights != Count():
            raise config.fault("a layer with weights in a pipeline is not supported", AS_TFLITE)
        steps.append(step)

    def build(call: Call) -> Value | tuple[Value, ...]:
        x = call.held
        for i, step in enumerate(steps):
            y = step(replace(call, name=f"{call.name}/{i}", inputs=(x,)))
            if isinstance(y, tuple):
                raise call.fault("a layer of several outputs in a pipeline is not supported")
            x = y
        return x

    return build
