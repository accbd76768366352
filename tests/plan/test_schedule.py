from __future__ import annotations

import numpy as np
import pytest

import mnc
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Conv2D, Dense
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType


def dense(inputs: int, units: int) -> Dense:
    rng = np.random.default_rng(inputs * 1000 + units)
    return Dense(Constant((rng.standard_normal((inputs, units)) / inputs).astype(np.float32)))


def test_branches_are_finished_one_after_the_other() -> None:
    """Two wide values that are written together need twice the memory of one after the other."""
    graph = Graph(
        "branches",
        (Input("x", TensorType((8,))),),
        (
            Node(("wide0",), dense(8, 256), ("x",)),
            Node(("wide1",), dense(8, 256), ("x",)),
            Node(("small0",), dense(256, 4), ("wide0",)),
            Node(("small1",), dense(256, 4), ("wide1",)),
            Node(("sum",), Add(), ("small0", "small1")),
        ),
        ("sum",),
    )
    build = mnc.compile(graph)
    assert [layer.name for layer in build.report.layers] == ["wide0", "small0", "wide1", "small1", "sum"]
    assert build.report.ram.arena == 4 * (256 + 4 + 4)
    x = np.random.default_rng(0).random((3, 8), dtype=np.float32)
    np.testing.assert_allclose(np.asarray(build.predict(x)), np.asarray(graph.predict(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("filters", [(3, 16, 16, 16), (3, 16, 32, 32)])
def test_scratch_memory_that_steps_share_leaves_the_rows_that_others_read(filters: tuple[int, ...]) -> None:
    """Layers that make rows in turns share scratch memory, which may lie over a value only as far as all allow."""
    rng = np.random.default_rng(0)
    stored = ElementType(DType.INT8, Quantisation((0.05,), 3))
    nodes, read, channels = [], "x", 3
    for index, count in enumerate(filters):
        weights = Constant(rng.integers(-127, 128, (3, 3, channels, count)).astype(np.int8), Quantisation((0.01,)))
        layer = Conv2D(weights, padding=((1, 1), (1, 1)), output=stored)
        nodes.append(Node((f"layer{index}",), layer, (read,)))
        read, channels = f"layer{index}", count
    graph = Graph("net", (Input("x", TensorType((16, 16, 3), stored.dtype, stored.quant)),), tuple(nodes), (read,))
    mnc.compile(graph, target="cortex-m4")
