"""Sizes in bytes as people write them."""

from __future__ import annotations

import re

import click

UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def size(text: str) -> int:
    """The number of bytes that `65536`, `64K` or `1M` means; K is 1024."""
    match = re.fullmatch(r"([0-9]{1,15})([KMG]?)B?", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size; write 65536, 64K or 1M")
    return int(match[1]) * UNITS[match[2].upper()]
