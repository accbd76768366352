"""What this installation can do, as rows of text."""

from __future__ import annotations

import inspect
import re

from mnc import backends, targets
from mnc.errors import CompileError
from mnc.ir import layers
from mnc.ir.layer import Layer
from mnc.targets import Target


def layer_rows() -> list[tuple[str, str]]:
    """Every layer kind that a network can be made of, and the first sentence of its meaning."""
    kinds = [getattr(layers, name) for name in sorted(layers.__all__)]
    return [
        (kind.__name__, _first_sentence(kind))
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Layer) and not kind.__subclasses__()
    ]


def keras_classes() -> list[str]:
    """Every Keras class that is read as such layers."""
    from mnc.frontends import FRONTENDS
    from mnc.frontends.keras.registry import CONVERTERS

    assert FRONTENDS, "importing them registers their converters"
    return sorted(CONVERTERS)


def backend_rows() -> list[tuple[str, str, str]]:
    """Every backend by name, where it is from, and what it generates, or why it does not work."""
    return [(entry.name, entry.distribution, _description(entry)) for entry in backends.installed().values()]


def _description(entry: backends.Entry) -> str:
    try:
        return entry.load().description
    except CompileError as fault:
        return fault.problems[0].what


def target_rows() -> list[tuple[str, str, str]]:
    """Every target by name, what it is, and what runs code for it."""
    return [(each.name, each.title, _runner(each)) for each in map(targets.get, targets.names())]


def _runner(target: Target) -> str:
    return target.board.emulator.program if target.board.emulator else "itself"


def _first_sentence(kind: type) -> str:
    paragraph = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    return re.split(r"\.(?= |$)", paragraph, maxsplit=1)[0]
