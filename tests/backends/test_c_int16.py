"""Layers and networks in int16, or in int8 and int16: generated C gives what the reference gives, to the bit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from generated_c import SANITIZED
from hypothesis import given
from hypothesis import strategies as st
from layer_kinds import KINDS, Draw
from networks import batches, single_layers
from quantised_networks import ANY, INT16_KINDS, quantised, quantised_networks
from same_bits import BATCH, assert_same_bits
from test_c_int8_layers import merges

from mnc.backends.select.quantised.int16 import INT16
from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import Dequantize, Merge, Quantize
from mnc.ir.types import DType

LAYERS = sorted((kind for kind in INT16 if kind in KINDS), key=lambda kind: kind.__name__)
ONLY = (DType.INT16,)


@st.composite
def int16_layers(draw: Draw, kind: type[Layer]) -> Graph:
    """A network of one layer of this kind in int16."""
    drawn = draw(merges(kind) if issubclass(kind, Merge) and draw(st.booleans()) else single_layers(kind))
    return quantised(drawn, draw(st.integers(0, 2**16)), numbers=ONLY)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
@BATCH
@given(data=st.data())
def test_a_layer_gives_the_same_bits(
    kind: type[Layer], data: st.DataObject, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graphs = data.draw(batches(int16_layers(kind), 8))
    assert_same_bits(graphs, tmp_path_factory.mktemp("int16"), gcc)


def test_every_kind_with_a_kernel_is_drawn() -> None:
    assert set(INT16) - set(LAYERS) == {Dequantize, Quantize}


@pytest.mark.parametrize("flags", [(), ("-DMNC_NO_INT64",), ("-DMNC_SMALL",)], ids=["int64", "no int64", "small"])
@BATCH
@given(graphs=batches(quantised_networks(INT16_KINDS, numbers=ONLY), 16))
def test_random_networks(
    graphs: Sequence[Graph], flags: tuple[str, ...], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("int16"), gcc, [*SANITIZED, *flags])


@BATCH
@given(graphs=batches(quantised_networks(numbers=ANY, mixed=True), 16))
def test_random_networks_of_all_types(
    graphs: Sequence[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("mixed"), gcc)
