"""Normalisation."""

from __future__ import annotations

from mnc.frontends.keras.assembly import Build, Call, Value
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.ir.layers import BatchNormalization


def single_axis(config: Config) -> int:
    """`axis` as Keras counts it, where only one is meant; it may be written as a list of one."""
    axes = config.integer_list("axis", -8) if config.raw("axis") is not None else (-1,)
    if len(axes) != 1:
        raise config.fault(f"axis = {list(axes)} is not supported; it must be one axis")
    return axes[0]


@converts("BatchNormalization")
def batch_normalization(config: Config) -> Build:
    """Batch normalisation with the statistics learnt in training."""
    axis = single_axis(config)
    epsilon = config.number("epsilon", 1e-3)
    has_beta = config.boolean("center", True)
    has_gamma = config.boolean("scale", True)
    config.ignore("momentum", "synchronized", "fused", "renorm_clipping", "renorm_momentum", "virtual_batch_size")
    config.only("renorm", False, None)  # its statistics would be five, not two
    config.only("mode", 0)  # Keras 1: the other modes normalise by the input's own statistics

    def build(call: Call) -> Value:
        x = call.held if call.held.before_flatten is None else call.x
        held_axis = call.axis("axis", axis, x)
        size = (x.type.shape[held_axis],)
        gamma = call.weights.take("gamma", size) if has_gamma else None
        beta = call.weights.take("beta", size) if has_beta else None
        mean = call.weights.take("moving_mean", size)
        variance = call.weights.take("moving_variance", size)
        if not (variance.array + epsilon > 0).all():
            raise call.fault("variance + epsilon must be positive; the moving variance has values that are not")
        return call.emit(BatchNormalization(mean, variance, gamma, beta, epsilon, held_axis), x, axes=x.axes)

    return build
