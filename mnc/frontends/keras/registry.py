"""Which Keras class is read by which converter."""

from __future__ import annotations

from collections.abc import Callable

from mnc.frontends.keras.assembly import Build
from mnc.frontends.keras.config import Config

Converter = Callable[[Config], Build]
"""Reads a whole configuration, refuses what it cannot honour, and returns how to build one call."""

CONVERTERS: dict[str, Converter] = {}


def converts(*class_names: str) -> Callable[[Converter], Converter]:
    """Register a converter for Keras classes."""

    def register(converter: Converter) -> Converter:
        for name in class_names:
            assert name not in CONVERTERS, name
            CONVERTERS[name] = converter
        return converter

    return register
