"""The layers that mnc knows, as a table: their attributes, classes in Keras, and the backends that compile them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from mnc import backends
from mnc.backends.interface import CFamily
from mnc.backends.select.values import VIEWS
from mnc.errors import CompileError
from mnc.ir import layers
from mnc.ir.layer import Layer
from mnc.ir.types import DType
from mnc.passes import LOWERED
from mnc.terminal.keras_table import KerasRow, first_sentence, keras_rows, operation_rows


@dataclass(frozen=True)
class LayerRow:
    """One layer kind."""

    name: str
    meaning: str
    attributes: tuple[str, ...]
    float32: str
    """The backends that compile it, or why none needs to."""
    int8: str
    """The backends that compile it on int8 values, or what becomes of it in a quantised network."""
    int16: str
    """Likewise on int16 values."""
    keras: tuple[str, ...]
    """The Keras classes that become it."""


def kinds() -> dict[str, type[Layer]]:
    """Every layer kind that a network can be made of, by name."""
    known = (getattr(layers, name) for name in sorted(layers.__all__))
    return {
        kind.__name__: kind
        for kind in known
        if isinstance(kind, type) and issubclass(kind, Layer) and not kind.__subclasses__()
    }


def layer_rows(only_from: str = "") -> list[LayerRow]:
    """Every layer kind, sorted by name; only backends of distributions that begin with `only_from` are named."""
    every, keras = kinds(), keras_rows()
    everywhere = {field.name for field in fields(Layer)}
    return [
        LayerRow(
            name,
            first_sentence(kind),
            tuple(field.name for field in fields(kind) if field.name not in everywhere),
            _compiled_by(kind, only_from, DType.FLOAT32),
            _compiled_by(kind, only_from, DType.INT8),
            _compiled_by(kind, only_from, DType.INT16),
            tuple(row.name for row in keras if name in row.becomes),
        )
        for name, kind in every.items()
    ]


def _compiled_by(kind: type[Layer], only_from: str, dtype: DType) -> str:
    if issubclass(kind, VIEWS):
        return "no code"
    if issubclass(kind, LOWERED):
        return "as others"
    able = [name for name, table in _tables(only_from, dtype) if kind in table]
    if able:
        return ", ".join(able)
    for other in {DType.INT16: (DType.INT8, DType.FLOAT32), DType.INT8: (DType.FLOAT32,)}.get(dtype, ()):
        if any(kind in table for _, table in _tables(only_from, other)):
            return f"in {other.value}"
    return "no"


def _tables(only_from: str, dtype: DType) -> Iterator[tuple[str, Mapping[type[Layer], object]]]:
    """The layer kinds that backends have kernels for; a backend without such a table has to be asked by `mnc check`."""
    for name, entry in backends.installed().items():
        if entry.distribution.startswith(only_from):
            backend = _loaded(entry)
            if isinstance(backend, CFamily):
                yield name, backend.tables[dtype]


def _loaded(entry: backends.Entry) -> backends.Backend | None:
    try:
        return entry.load()
    except CompileError:
        return None  # `mnc backends` says what is wrong with it


OWN = "mnc "
"""How the backends' distribution begins that this page speaks of."""

PAGE = """\
# Layers

Made by `mnc layers --markdown` from the code itself. How the layers are written in the network language, and the
defaults of their attributes, is in [language.md](language.md); what their kernels take in flash is in
[kernel-sizes.md](kernel-sizes.md).

## Of Keras

`.h5` and `.keras` files by Keras 1, 2 and 3. Where an attribute of a layer is not supported, `mnc check` says so and
what to do instead. What becomes nothing does nothing at inference.

{keras}

## Operations

Operations that stand among the layers of a functional model: of `keras.ops` (`x / 255.` is `TrueDivide`), and the
functions of TensorFlow that Keras 2 saves in their place. Constants may be numbers, vectors, and arrays of any shape
that fits without a batch.

{operations}

## Of a network

The layers of a network inside mnc and in the network language. The columns float32, int8 and int16 name the backends
that have a kernel. *No code*: the same memory under another shape. *As others*: passes put other layers in its place.
*In float32*, *in int8*: there is none, and the layer is to run in that type between conversions.

{layers}
"""


def page() -> str:
    """`docs/layers.md`."""
    keras = keras_rows()
    return PAGE.format(
        keras=_markdown(("Keras", "what it does", "becomes"), map(_keras_cells, keras)),
        operations=_markdown(
            ("`keras.ops`", "what it does", "TensorFlow"),
            ((f"`{row.name}`", row.meaning, _names(row.of_tensorflow)) for row in operation_rows()),
        ),
        layers=_markdown(
            ("layer", "meaning", "attributes", "float32", "int8", "int16", "of Keras"),
            map(_layer_cells, layer_rows(OWN)),
        ),
    )


def _keras_cells(row: KerasRow) -> Sequence[str]:
    return f"`{row.name}`", row.meaning, _names(row.becomes) or left(row)


def left(row: KerasRow) -> str:
    """The cell for a class that becomes no layer of its own."""
    return "what is inside" if row.wraps else "nothing"


def _layer_cells(row: LayerRow) -> Sequence[str]:
    return f"`{row.name}`", row.meaning, _names(row.attributes), row.float32, row.int8, row.int16, _names(row.keras)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _markdown(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
