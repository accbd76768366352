"""Pooling to a fixed size: each result is that of one of equally long parts of an axis, which may overlap by one."""

from __future__ import annotations

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.planes import as_image
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.resampling import largest, limited, mean_matrix, multiplied
from mnc.frontends.keras.volumes import as_depths, as_planes, as_volume, from_depths
from mnc.ir.layers import AveragePooling2D, Dense, Identity, MaxPooling2D, Permute, Pooling2D, Reshape, Take

MEANS = (AveragePooling2D, Dense, Permute, Reshape)
LARGEST = (MaxPooling2D, Reshape, Take)


@converts("AdaptiveAveragePooling1D", to=MEANS, over_time=True)
def adaptive_average_pooling1d(config: Config) -> Build:
    """The mean of each of a fixed number of parts."""
    return _sequence(config, AveragePooling2D)


@converts("AdaptiveMaxPooling1D", to=LARGEST, over_time=True)
def adaptive_max_pooling1d(config: Config) -> Build:
    """The largest value of each of a fixed number of parts."""
    return _sequence(config, MaxPooling2D)


@converts("AdaptiveAveragePooling2D", to=MEANS)
def adaptive_average_pooling2d(config: Config) -> Build:
    """The mean of each of a fixed number of parts."""
    return _image(config, AveragePooling2D)


@converts("AdaptiveMaxPooling2D", to=LARGEST)
def adaptive_max_pooling2d(config: Config) -> Build:
    """The largest value of each of a fixed number of parts."""
    return _image(config, MaxPooling2D)


@converts("AdaptiveAveragePooling3D", to=MEANS)
def adaptive_average_pooling3d(config: Config) -> Build:
    """The mean of each of a fixed number of parts."""
    return _volume(config, AveragePooling2D)


@converts("AdaptiveMaxPooling3D", to=LARGEST)
def adaptive_max_pooling3d(config: Config) -> Build:
    """The largest value of each of a fixed number of parts."""
    return _volume(config, MaxPooling2D)


def _sequence(config: Config, kind: type[Pooling2D]) -> Build:
    (size,) = config.integers("output_size", 1)
    layout = config.data_format(2)

    def build(call: Call) -> Value:
        y = pooled(call, as_image(call, 1, layout), 1, size, kind, "steps")
        if call.over_time:
            return call.emit(Identity(), y)
        return call.emit(Reshape(y.type.shape[1:]), y, axes=(1, 0) if layout == "channels_first" else None)

    return build


def _image(config: Config, kind: type[Pooling2D]) -> Build:
    height, width = config.integers("output_size", 2)
    layout = config.data_format(3)

    def build(call: Call) -> Value:
        x = call.image(layout)
        y = pooled(call, x, 0, height, kind, "rows")
        return call.emit(Identity(), pooled(call, y, 1, width, kind, "columns"), axes=x.axes)

    return build


def _volume(config: Config, kind: type[Pooling2D]) -> Build:
    depth, height, width = config.integers("output_size", 3)
    layout = config.data_format(4)

    def build(call: Call) -> Value:
        x = as_volume(call, layout)
        planes = as_planes(call, x)
        y = pooled(call, planes, 0, height, kind, "rows")
        y = pooled(call, y, 1, width, kind, "columns")
        y = as_depths(call, y, x.type.shape[2])
        return from_depths(call, pooled(call, y, 1, depth, kind, "depth"), (height, width), layout)

    return build


def pooled(call: Call, image: Value, axis: int, after: int, kind: type[Pooling2D], part: str) -> Value:
    """An image whose axis 0 or 1 has `after` parts: by windows where these fit, else by a matrix or repeated ends."""
    before = image.type.shape[axis]
    limited(call, before, after)
    if before % after == 0:
        window = (before // after, 1) if axis == 0 else (1, before // after)
        return call.emit(kind(window, window), image, part=part)
    if kind is MaxPooling2D:
        return largest(call, image, axis, after, part)
    return multiplied(call, image, axis, mean_matrix(before, after), part)
