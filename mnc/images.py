"""Image files as arrays, by Pillow, which only they need."""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnc import extras, files
from mnc.errors import CompileError, refuse
from mnc.ir.types import Array

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
"""Pillow's names of these; of others it knows some start programs (EPS: Ghostscript) or fetch parts from elsewhere."""
MAX_BYTES = 2**26
MAX_PIXELS = 2**25
"""Of an image before it is scaled; four bytes each."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's names of images, by their number of channels."""


def decoder(where: str) -> Callable[[Path, tuple[int, int], int], Array]:
    """A function of a file, (width, height) and channels: the image so scaled, (height, width, channels), uint8.

    CompileError at `where` if Pillow is not installed; the function raises it
    where a file is none of FORMATS by its content, whatever its name, or too
    large.  Of a moving image it takes the first frame.
    """
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError:
        raise refuse(
            where,
            "reading images needs Pillow, which is not installed",
            extras.install("images"),
            "or write the samples with numpy.save",
        ) from None

    def decode(path: Path, size: tuple[int, int], channels: int) -> Array:
        content = files.content(path, MAX_BYTES)
        try:
            with warnings.catch_warnings(), pillow.open(io.BytesIO(content), formats=FORMATS) as image:
                warnings.simplefilter("ignore")  # of doubtful metadata, and of sizes, which are looked at here
                if image.width * image.height > MAX_PIXELS:
                    what = f"the image has {image.width}x{image.height} pixels; the limit is {MAX_PIXELS:,}"
                    raise refuse(str(path), what, "scale it down first")
                scaled = image.convert(MODES[channels]).resize(size, pillow.Resampling.BILINEAR)
                return np.asarray(scaled, np.uint8).reshape(size[1], size[0], channels)
        except CompileError:
            raise
        except (Exception, pillow.DecompressionBombError):  # Pillow's decoders raise errors of every kind
            raise refuse(str(path), "the image cannot be read", f"{', '.join(FORMATS)} are") from None

    return decode
