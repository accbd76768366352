"""Sizes and counts as people write them."""

from __future__ import annotations

import re

import click

UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
THOUSANDS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}


def size(text: str) -> int:
    """The number of bytes that `65536`, `64K` or `1M` means; K is 1024."""
    match = re.fullmatch(r"([0-9]{1,15})([KMG]?)B?", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size; write 65536, 64K or 1M")
    return int(match[1]) * UNITS[match[2].upper()]


def count(text: str) -> int:
    """The number that `5000000`, `5000K` or `5M` means; K is 1000."""
    match = re.fullmatch(r"([0-9]{1,15})([KMG]?)", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a count; write 5000000, 5000K or 5M")
    return int(match[1]) * THOUSANDS[match[2].upper()]


def region(text: str) -> tuple[str, int]:
    """The name and the bytes of a memory that `dtcm=64K` means."""
    name, equals, bytes_ = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is no NAME=BYTES, such as dtcm=64K")
    return name.strip(), size(bytes_)
