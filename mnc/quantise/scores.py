"""Scores that a softmax shall not see: a number far below all others is added to them.

Attention adds -1e9 where a query must not see a key.  Beside such a number nothing is left
of the scores in steps of one scale; so what is added becomes as small as it can be and still
brings every hidden score to the low end of the range, where all saturate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Add, Merge, Multiply
from mnc.ir.types import Constant
from mnc.quantise.calibrate import BELOW_LARGEST, HIDDEN, softmax_reader
from mnc.quantise.scales import Range


def nearer(graph: Graph, *ranges: Mapping[str, Range]) -> tuple[Graph, list[dict[str, Range]]]:
    """The graph with what hides scores as near as it may be, and the ranges, each with those of such values."""
    depths: dict[str, float] = {}
    for node in graph.nodes:
        if isinstance(node.layer, Add) and softmax_reader(graph, node.name) is not None:
            for scores, hiding in _parts(graph, node, ranges):
                width = max(each[scores].high - each[scores].low for each in ranges)
                depths[hiding] = max(depths.get(hiding, 0.0), width + BELOW_LARGEST)
    nodes = []
    for node in graph.nodes:
        operand = getattr(node.layer, "operand", None)
        if node.name in depths and operand is not None:
            depth = np.float32(depths[node.name])
            node = replace(node, layer=node.layer.changed(operand=Constant(operand.array.clip(-depth, depth))))
        nodes.append(node)
    hidden = {name: Range(-depth, 0.0) for name, depth in depths.items() if not _adds_constant(graph.producers[name])}
    return graph.with_nodes(nodes), [{**each, **hidden} for each in ranges]


def _adds_constant(node: Node) -> bool:
    return isinstance(node.layer, Add) and node.layer.operand is not None


def _parts(graph: Graph, node: Node, ranges: tuple[Mapping[str, Range], ...]) -> Iterator[tuple[str, str]]:
    """The scores that an addition reads, and the node whose constant hides some of them."""
    assert isinstance(node.layer, Merge)
    if node.layer.operand is not None:
        if float(node.layer.operand.array.min()) < HIDDEN:
            yield node.inputs[0], node.name
        return
    for scores, hiding in (node.inputs, node.inputs[::-1]):
        producer = graph.producers.get(hiding)
        if (
            producer is not None
            and isinstance(producer.layer, Multiply)
            and producer.layer.operand is not None
            and min(each[hiding].low for each in ranges) < HIDDEN
            and all(_only_hides(graph, reader) for reader in graph.consumers[hiding])
        ):
            yield scores, hiding


def _only_hides(graph: Graph, node: Node) -> bool:
    return isinstance(node.layer, Add) and softmax_reader(graph, node.name) is not None
