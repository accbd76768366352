"""Backends: a graph becomes files of C."""

from mnc.backends.interface import API_VERSION, Backend, CFamily, Emission, program_of, refusals
from mnc.backends.library import Library
from mnc.backends.registry import Entry, culprit, get, installed, names
from mnc.targets.target import Target

__all__ = [
    "API_VERSION",
    "Backend",
    "CFamily",
    "Emission",
    "Entry",
    "Library",
    "Target",
    "culprit",
    "get",
    "installed",
    "names",
    "program_of",
    "refusals",
]
