"""The meaning of quantised layers."""

from mnc.reference.quantised.layers import apply_quantised, compute_quantised

__all__ = ["apply_quantised", "compute_quantised"]
