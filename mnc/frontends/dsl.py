"""Texts of the network language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mnc.frontends.frontend import Reading

_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|#[^\n]*(?:\n|$))*(?:[A-Za-z_`]|$)")


@dataclass(frozen=True)
class NetworkText:
    """Reads `.mnc`."""

    name: str = "network texts (.mnc)"

    def recognises(self, head: bytes) -> bool:
        """Whether this is text that begins with a word, comments aside.

        A misspelt first word is still the language's to explain.
        """
        return b"\0" not in head and _BEGINNING.match(head) is not None

    def read(self, path: Path) -> Reading:
        """The network; the parser is loaded only here."""
        from mnc.language import load

        return Reading(load(path))


NETWORK_TEXT = NetworkText()
