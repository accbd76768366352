"""Volumes (depth, height, width, channels) as images.

A volume is held (height, width, depth, channels).  Seen as (height, width,
depth * channels) it is one image whose pixels have all planes, and seen as
(height * width, depth, channels) one whose rows go along the depth; neither
view moves a number.
"""

from __future__ import annotations

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Call
from mnc.ir.layers import Pair, Reshape

HELD = {"channels_last": (2, 0, 1, 3), "channels_first": (3, 2, 0, 1)}
"""Where the axes of a volume, as Keras orders them, are in (height, width, depth, channels)."""


def as_volume(call: Call, layout: str) -> Value:
    """The only input, held (height, width, depth, channels)."""
    x = call.held
    if len(x.axes) != 4:
        raise call.fault(f"the layer needs an input (depth, height, width, channels), not one of {len(x.axes)} axes")
    return call.assembly.held_as(call.where, x, HELD[layout])


def as_planes(call: Call, x: Value) -> Value:
    """A volume as one image (height, width, depth * channels)."""
    height, width, depth, channels = x.type.shape
    return call.emit(Reshape((height, width, depth * channels)), x, part="planes")


def as_depths(call: Call, planes: Value, depth: int) -> Value:
    """Planes of one image (height, width, depth * channels) as an image (height * width, depth, channels)."""
    height, width, channels = planes.type.shape
    return call.emit(Reshape((height * width, depth, channels // depth)), planes, part="depths")


def from_depths(call: Call, depths: Value, size: Pair, layout: str, part: str = "") -> Value:
    """An image (height * width, depth, channels) as the volume of this height and width."""
    return call.emit(Reshape((*size, *depths.type.shape[1:])), depths, part=part, axes=HELD[layout])
