"""Zero padding becomes an attribute of the layers that read it."""

from __future__ import annotations

from dataclasses import replace

from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    NO_PADDING,
    AveragePooling2D,
    Conv2D,
    DepthwiseConv2D,
    MaxPooling2D,
    Padding,
    Pooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from mnc.ir.types import TensorType
from mnc.passes.ranges import Range, ranges


def fuse_pad(graph: Graph) -> Graph:
    """The network without ZeroPadding2D layers all of whose readers can pad for themselves.

    Where one reader cannot, the padded image has to be there, and all read it.
    """
    known = ranges(graph)
    padded: dict[str, tuple[str, Padding]] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if len(node.inputs) == 1 and node.inputs[0] in padded:
            value, padding = padded[node.inputs[0]]
            layer = _padding_itself(node.layer, padding, known[value], graph.types[value])
            assert layer is not None, "asked before the padding was taken away"
            node = replace(node, layer=layer, inputs=(value,))
        if isinstance(node.layer, ZeroPadding2D) and node.layer.output is None and node.name not in graph.results:
            (value,) = node.inputs
            padding = node.layer.padding
            readers = graph.consumers[node.name]
            type_ = graph.types[value]
            if all(_padding_itself(reader.layer, padding, known[value], type_) is not None for reader in readers):
                padded[node.name] = (value, padding)
                continue
        nodes.append(node)
    return graph.with_nodes(nodes)


def _padding_itself(layer: Layer, padding: Padding, within: Range, image: TensorType) -> Layer | None:
    """The layer that does to an image within `within` what `layer` does to it padded; None where none does."""
    match layer:
        case ZeroPadding2D() | Conv2D() | DepthwiseConv2D() | SeparableConv2D():
            return replace(layer, padding=_sum(padding, layer.padding))
        case AveragePooling2D() if image.quant is not None:
            return None  # in integers only what lies inside the image is counted
        case AveragePooling2D() if layer.count_padding or layer.padding == NO_PADDING:
            fused = replace(layer, padding=_sum(padding, layer.padding), count_padding=True)
            return fused if _every_window_meets_the_image(fused) else None
        case MaxPooling2D() if within.low >= 0.0:  # a zero more or less changes no maximum
            pooling = replace(layer, padding=_sum(padding, layer.padding))
            return pooling if _every_window_meets_the_image(pooling) else None
    return None


def _every_window_meets_the_image(layer: Pooling2D) -> bool:
    return all(max(pad) < size for pad, size in zip(layer.padding, layer.pool, strict=True))


def _sum(outer: Padding, inner: Padding) -> Padding:
    (top, bottom), (left, right) = outer
    (inner_top, inner_bottom), (inner_left, inner_right) = inner
    return ((top + inner_top, bottom + inner_bottom), (left + inner_left, right + inner_right))
