"""How far long work has come, for whoever listens: a terminal shows it, and no result depends on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Listener = Callable[[str, int, int], None]
"""Is told what is at work, how many items of it are done, and of how many."""

_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Generator[None]:
    """Tell `listener` of all work within."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def counted(what: str, items: Sequence[Item]) -> Iterator[Item]:
    """The items, of which a listener hears as they are done; of work that is counted within one it does not hear."""
    listener = _LISTENER.get()
    if listener is None or len(items) < 2:
        yield from items
        return
    token = _LISTENER.set(None)
    try:
        for done, item in enumerate(items):
            listener(what, done, len(items))
            yield item
        listener(what, len(items), len(items))
    finally:
        _LISTENER.reset(token)
