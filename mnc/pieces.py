"""Files that need not be in memory as a whole: a mapping from name to text, and the same text in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Text = str | Iterable[str]
"""A text, or its pieces in order; pieces can be gone through any number of times, and are the same each time."""


class Files(Mapping[str, str]):
    """File name to content.

    The pieces of a text are joined when it is first asked for; `pieces_of`
    joins nothing, so a file of many weights is written in little memory.
    """

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._texts = dict(texts)

    def __getitem__(self, name: str) -> str:
        text = self._texts[name]
        if not isinstance(text, str):
            text = self._texts[name] = "".join(text)
        return text

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def pieces(self, name: str) -> Iterable[str]:
        """The content of a file, part by part."""
        text = self._texts[name]
        return (text,) if isinstance(text, str) else text


def pieces_of(files: Mapping[str, str | bytes], name: str) -> Iterable[str | bytes]:
    """The content of a file, part by part where it is made so."""
    return files.pieces(name) if isinstance(files, Files) else (files[name],)
