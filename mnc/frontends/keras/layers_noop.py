"""Layers that do nothing at inference."""

from __future__ import annotations

from mnc.frontends.keras.assembly import Build
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.layers_activation import elementwise
from mnc.frontends.keras.registry import converts


@converts("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "AlphaDropout")
def dropout(config: Config) -> Build:
    """The dropout family."""
    config.ignore("rate", "noise_shape", "data_format")
    return elementwise(None)


@converts("GaussianNoise")
def gaussian_noise(config: Config) -> Build:
    """Noise in training."""
    config.ignore("stddev")
    return elementwise(None)


@converts("ActivityRegularization")
def activity_regularization(config: Config) -> Build:
    """A term of the training loss."""
    config.ignore("l1", "l2")
    return elementwise(None)
