"""Values whose numbers are rows of a table: rounded to the steps of a scale, they name other rows.

A network of words reads them for its `Embedding` and again for its mask, where they are
compared with a constant; the layers that do so stay float, and so does the input.
"""

from __future__ import annotations

from mnc.ir.activations import Abs, Sign
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Activation, Comparison, Embedding, Merge
from mnc.quantise.scales import KEEPING


def indices(graph: Graph) -> frozenset[str]:
    """Numbers of rows, the values that they are moved from, and how far they are from a constant.

    `graph` has no activation in an elementwise layer (`split_activations`).
    """
    found = {node.inputs[0] for node in graph.nodes if isinstance(node.layer, Embedding)}
    for node in reversed(graph.nodes):
        if isinstance(node.layer, KEEPING) and node.name in found:
            found.update(node.inputs)
    for node in graph.nodes:
        is_merge = isinstance(node.layer, Merge) and not isinstance(node.layer, Comparison)
        is_distance = is_merge or getattr(node.layer, "function", None) == Abs()
        if is_distance and found.issuperset(node.inputs):
            found.add(node.name)
    return frozenset(found)


def compares_indices(node: Node, found: frozenset[str]) -> bool:
    """Whether a layer moves numbers of rows, or makes a mask of them."""
    is_comparison = isinstance(node.layer, Merge) or (
        isinstance(node.layer, Activation) and node.layer.function in (Abs(), Sign())
    )
    return node.name in found or (is_comparison and found.issuperset(node.inputs))


def only_indices(graph: Graph, found: frozenset[str]) -> frozenset[str]:
    """Those of them that nothing else reads: a step of 1 keeps them as they are."""
    return frozenset(
        name
        for name in found
        if all(
            isinstance(reader.layer, Embedding) or compares_indices(reader, found) for reader in graph.consumers[name]
        )
    )
