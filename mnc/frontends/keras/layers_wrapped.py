"""Layers that only hold another one at inference, and the two layers that `keras.applications` has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import CLASSES, converts, understood
from mnc.frontends.keras.weights import Count
from mnc.ir.layers import Add, BatchNormalization, Multiply
from mnc.ir.types import Constant
from mnc.names import brief


@converts("SpectralNormalization", to=())
def spectral_normalization(config: Config) -> Build:
    """The wrapped layer, whose weights are normalised in training."""
    config.ignore("power_iterations")
    return _held(config, Count(0, 1))


@converts("PruneLowMagnitude", to=())
def prune_low_magnitude(config: Config) -> Build:
    """The wrapped layer, whose small weights were set to 0 in training."""
    config.ignore("pruning_schedule", "block_size", "block_pooling_type", "sparsity_m_by_n")
    return _held(config, Count(0, 3), besides=("mask", "threshold", "pruning_step"))


@converts("QuantizeAnnotate", to=())
def quantize_annotate(config: Config) -> Build:
    """The wrapped layer, which `quantize_apply` was to train in integers."""
    config.ignore("quantize_config")
    return _held(config, Count())


def _held(config: Config, own: Count, besides: tuple[str, ...] = ()) -> Build:
    entry = config.raw("layer")
    if not isinstance(entry, Mapping):
        raise config.fault(f"layer must be a layer, not {brief(entry)}")
    class_name, inner = understood(f"{config.where}/layer", entry, config.findings)
    through = CLASSES[class_name].convert(inner)
    inner.refuse_leftovers()
    config.weights = inner.weights + own

    def build(call: Call) -> Value | tuple[Value, ...]:
        weights = call.weights.inside("layer").without(*besides)
        result = through(replace(call, weights=weights))
        call.weights.discard()
        return result

    return build


@converts("LayerScale", to=(BatchNormalization,))
def layer_scale(config: Config) -> Build:
    """ConvNeXt's: a factor for each channel."""
    channels = config.integer("projection_dim")
    config.ignore("init_values")
    config.weights = Count(1)

    def build(call: Call) -> Value:
        x = call.tensor
        gamma = call.weights.take("gamma", (channels,))
        zeros, ones = Constant(np.zeros(channels)), Constant(np.ones(channels))
        return call.emit(BatchNormalization(zeros, ones, gamma, None, 0.0, x.axes[-1]), x, axes=x.axes)

    return build


@converts("CustomScaleLayer", to=(Add, Multiply))
def custom_scale_layer(config: Config) -> Build:
    """Inception-ResNet's: the first input and a multiple of the second."""
    scale = config.number("scale")

    def build(call: Call) -> Value:
        if len(call.inputs) != 2:
            raise call.fault(f"the layer takes two inputs, not {len(call.inputs)}")
        first, second = (call.assembly.plain(call.where, each) for each in call.inputs)
        channels = second.type.shape[-1]
        zeros, ones = Constant(np.zeros(channels)), Constant(np.ones(channels))
        factor = BatchNormalization(zeros, ones, Constant(np.full(channels, scale)), None, 0.0, len(second.shape) - 1)
        return call.emit(Add(), first, call.emit(factor, second, part="scaled"))

    return build
