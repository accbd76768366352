"""Image files as arrays, by Pillow, which only they need."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnc.errors import refuse
from mnc.ir.types import Array

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""What Pillow calls images of so many channels."""


def decoder(where: str) -> Callable[[Path, tuple[int, int], int], Array]:
    """A function of a file, (width, height) and channels: the image so scaled, (height, width, channels), uint8.

    CompileError at `where` if Pillow is not installed; the function raises it
    where a file is no image.
    """
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError:
        hint = "install it with: pip install 'mnc[images]'; or write the samples with numpy.save"
        raise refuse(where, "reading images needs Pillow, which is not installed", hint) from None

    def decode(path: Path, size: tuple[int, int], channels: int) -> Array:
        try:
            with pillow.open(path) as image:
                scaled = image.convert(MODES[channels]).resize(size, pillow.Resampling.BILINEAR)
                return np.asarray(scaled, np.uint8).reshape(size[1], size[0], channels)
        except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError):
            raise refuse(str(path), "the image cannot be read") from None

    return decode
