"""What this installation can do, as rows of text."""

from __future__ import annotations

import inspect
import re

from mnc import backends
from mnc.ir import layers
from mnc.ir.layer import Layer


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


def backend_rows() -> list[tuple[str, str]]:
    """Every backend by name, and what it generates."""
    return [(name, backends.get(name).description) for name in backends.names()]


def _first_sentence(kind: type) -> str:
    paragraph = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    return re.split(r"\.(?= |$)", paragraph, maxsplit=1)[0]
