"""The table of `mnc layers`, and the page of documentation made of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mnc.frontends import load
from mnc.frontends.keras import CLASSES
from mnc.ir import layers
from mnc.ir.layer import Layer
from mnc.terminal.keras_table import WRAPPERS, keras_rows
from mnc.terminal.layer_table import layer_rows, page

KERAS = {row.name: row for row in keras_rows()}


def test_the_page_is_up_to_date(root: Path) -> None:
    assert (root / "docs" / "layers.md").read_text("utf-8") == page(), "run: mnc layers --markdown > docs/layers.md"


def test_every_layer_kind_has_a_row() -> None:
    rows = {row.name: row for row in layer_rows()}
    leaves = {
        name
        for name in layers.__all__
        if isinstance(kind := getattr(layers, name), type) and issubclass(kind, Layer) and not kind.__subclasses__()
    }
    assert rows.keys() == leaves
    assert all(row.meaning and row.float32 and row.int8 for row in rows.values())
    assert all(not row.meaning.endswith(".") or row.meaning.endswith("...") for row in rows.values())
    assert rows["Conv2D"].attributes[:3] == ("weights", "bias", "stride")
    assert rows["Reshape"].float32 == "no code"
    assert rows["SeparableConv2D"].float32 == "as others"
    assert rows["Dense"].float32.startswith("c, cmsis-nn, cpp")
    assert rows["Dense"].int8.startswith("c, cmsis-nn, cpp")
    assert rows["LayerNormalization"].int8 == "in float32"
    assert rows["Quantize"].float32 == "no"


def test_every_class_of_keras_has_a_row() -> None:
    assert KERAS.keys() == CLASSES.keys()
    assert all(row.meaning for row in KERAS.values())


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("Add", ("Add",)),
        ("Conv1D", ("Conv2D",)),
        ("Dropout", ()),
        ("GlobalMaxPooling1D", ("GlobalMaxPooling",)),
        ("LSTM", ("LSTM",)),
        ("LeakyReLU", ("Activation",)),
        ("RandomFlip", ()),
        ("UpSampling2D", ("Dense", "Permute", "ResizeBilinear", "ResizeNearest")),
        ("TimeDistributed", ()),
    ],
)
def test_what_a_class_of_keras_becomes(name: str, becomes: tuple[str, ...]) -> None:
    assert KERAS[name].becomes == becomes
    assert KERAS[name].wraps == (name == "TimeDistributed")


OF_COMPARISONS = {"Equal", "Greater", "GreaterEqual", "NotEqual", "Where"}
"""Kinds that operations of `rare_networks` become, which Keras itself computes in `test_c_keras`."""


def test_no_layer_is_left_that_nothing_in_keras_becomes(fixtures: Path) -> None:
    of_operations = {type(node.layer).__name__ for node in load(fixtures / "keras" / "operations.k3.keras").nodes}
    orphans = {row.name for row in layer_rows() if not row.keras} - of_operations - OF_COMPARISONS
    assert orphans == {
        "ArgMax",
        "ArgMin",
        "Broadcast",
        "Dequantize",
        "Quantize",
        "SquaredDifference",
    }


WITH_OPERATIONS = ("conv_lstm", "einsum", "encoded", "mask", "old_rules", "operations")
"""Fixtures that have operations, some of which are called as classes are."""
BESIDES = {"Identity", "Reshape", "Permute", "Flatten", "Activation", "Softmax", "Cropping2D", "UnitNormalization"} | {
    *("LogSoftmax", "Multiply", "Slice", "Sparsemax")
}
"""Kinds that rearrange, cut out steps, are a layer's activation, or `normalize` of Dot."""


def test_classes_become_what_they_say(fixtures: Path) -> None:
    """In every fixture, the layers that are built at a Keras layer's place are those that its class names."""
    built: dict[str, set[str]] = {}
    for file in sorted([*fixtures.iterdir(), *(fixtures / "keras").iterdir()]):
        if file.suffix in (".h5", ".keras") and not file.name.startswith(WITH_OPERATIONS):
            for node in load(file).nodes:
                found = re.findall(r"\((\w+) '[^']*'\)", node.where)
                if found and not WRAPPERS & {*found}:
                    built.setdefault(found[-1], set()).add(type(node.layer).__name__)
    assert len(built) > 40
    untold = {name: kinds - BESIDES - set(KERAS[name].becomes) for name, kinds in built.items()}
    assert {name: kinds for name, kinds in untold.items() if kinds} == {}
    of_one = {name for name in built if len(KERAS[name].becomes) == 1}
    assert {name for name in of_one if not built[name] & set(KERAS[name].becomes)} == set()
