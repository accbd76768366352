"""One small function for each operator: importing this registers them all."""

from mnc.frontends.tflite.operators import activation, conv, merge, pad, pool, shape

__all__ = ["activation", "conv", "merge", "pad", "pool", "shape"]
