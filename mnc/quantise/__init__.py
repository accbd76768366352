"""From a float network to an int8 one: observe, quantise, judge."""

from mnc.quantise.calibrate import RANGES, observe
from mnc.quantise.pipeline import AUTO, INTERFACES, ROUNDINGS, SCHEMES, Quantised, Scheme, to_integers
from mnc.quantise.scales import Range

__all__ = [
    "AUTO",
    "INTERFACES",
    "RANGES",
    "ROUNDINGS",
    "SCHEMES",
    "Quantised",
    "Range",
    "Scheme",
    "observe",
    "to_integers",
]
