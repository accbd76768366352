"""A network as SVG: its layers in the order of execution, and the values that run between them.

A value that the next layer reads is a line from box to box; a value that a later
layer reads goes round the boxes between, in a lane beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from mnc.ir.graph import Graph, Node
from mnc.ir.layers.linear import Linear
from mnc.ir.types import TensorType, show
from mnc.language.printer import summary
from mnc.names import printable
from mnc.pictures.memory_text import cut
from mnc.pictures.svg import INK, markup, node, picture

WIDTH, HEIGHT, GAP = 340.0, 40.0, 20.0
"""Pixels of a box, and between one and the next."""
LEFT, TOP, LANE, RIGHT = 16.0, 40.0, 12.0, 16.0
LETTERS = 52
"""Letters that fit into a box."""
BOLD, PLAIN = 7.3, 6.2
"""Pixels that a letter of a name, and of a type, takes at most."""

STYLE = (
    INK
    + """
.network { background: var(--paper); font: 11px system-ui, sans-serif; }
.network text { fill: var(--ink); }
.network .name { font-weight: 600; }
.network rect { stroke: var(--edge); } .network path { stroke: var(--edge); fill: none; }
.network .lane { stroke-width: 1.5; }
.network .given rect { fill: var(--input); } .network .weighted rect { fill: var(--value); }
.network .moved rect { fill: var(--scratch); } .network .result rect { fill: var(--state); }
.network .head { fill: var(--edge); stroke: none; }
.network g:hover rect, .network g:focus rect, .network g.chosen rect { stroke-width: 2.5; }
.network g:focus { outline: none; }
"""
)


@dataclass(frozen=True)
class _Box:
    """An input, a layer or an output of the network."""

    name: str
    type: str
    """Of what it gives."""
    said: str
    """The second line."""
    kind: str
    reads: tuple[str, ...]
    """Values."""
    gives: tuple[str, ...]
    told: str
    """The text that shows where the pointer rests."""


def network_svg(graph: Graph, name: str) -> str:
    """The network called `name` as an SVG document."""
    return markup(network_picture(graph, name)) + "\n"


def network_picture(graph: Graph, name: str) -> Element:
    """As `network_svg`, as a tree of elements; a layer's group has its name as `data-layer`."""
    boxes = _boxes(graph)
    edges = _edges(boxes)
    lanes = _lanes([edge for edge in edges if edge[1] - edge[0] > 1])
    width = LEFT + WIDTH + LANE * (1 + max(lanes.values(), default=-1)) + 2 * RIGHT
    root = picture(width, _top(len(boxes)) + 8, f"{name}: {len(graph.nodes)} layers", STYLE, class_="network")
    node(root, "text", f"{name}: {len(graph.nodes)} layers", class_="name", x=LEFT, y=20)
    for begin, end in edges:
        _edge(root, begin, end, lanes.get((begin, end)))
    for i, box in enumerate(boxes):
        _draw(root, box, i)
    return root


def _boxes(graph: Graph) -> list[_Box]:
    kinds = dict.fromkeys((each.name for each in graph.inputs), "input")
    kinds |= dict.fromkeys((each.name for each in graph.states), "state")
    given = [_Box(name, _type(graph.types[name]), kind, "given", (), (name,), name) for name, kind in kinds.items()]
    layers = [_layer(graph, each) for each in graph.nodes]
    results = [_Box(name, _type(graph.types[name]), "output", "result", (name,), (), name) for name in graph.outputs]
    kept = [
        _Box(f"next {each.name}", _type(each.type), "state", "result", (each.next,), (), f"next {each.name}")
        for each in graph.states
    ]
    return [*given, *layers, *results, *kept]


def _layer(graph: Graph, each: Node) -> _Box:
    said, type_ = summary(graph, each), _type(graph.output_type(each))
    kind = "weighted" if isinstance(each.layer, Linear) or each.layer.constants else "moved"
    macs = graph.macs(each)
    lines = [said, *(f"{name}: {_type(graph.types[name])}" for name in each.outputs)]
    lines += [f"{macs:,} multiply-accumulate operations"] * (macs > 0)
    lines += [f"{name}: {_type(constant.type)}" for name, constant in each.layer.constants.items()]
    short = said if len(said) <= LETTERS else said[: LETTERS - 1] + "~"
    return _Box(each.name, type_, short, kind, each.inputs, each.outputs, "\n".join([each.name, *lines]))


def _type(type_: TensorType) -> str:
    return f"{show(type_.shape)} {type_.dtype.value}"


def _edges(boxes: Sequence[_Box]) -> list[tuple[int, int]]:
    """From box to box, each once, the shortest first."""
    giver = {name: i for i, box in enumerate(boxes) for name in box.gives}
    found = {(giver[name], i) for i, box in enumerate(boxes) for name in box.reads}
    return sorted(found, key=lambda edge: (edge[1] - edge[0], edge))


def _lanes(edges: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """A lane for each edge, such that two in one lane share no height; the shortest are next to the boxes.

    Edges that begin at one box are one value, mostly, but are drawn apart.
    """
    lanes: list[list[tuple[int, int]]] = []
    found = {}
    for begin, end in edges:
        lane = next((k for k, taken in enumerate(lanes) if all(end <= b or e <= begin for b, e in taken)), len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((begin, end))
        found[begin, end] = lane
    return found


def _top(box: int) -> float:
    return TOP + (HEIGHT + GAP) * box


def _edge(root: Element, begin: int, end: int, lane: int | None) -> None:
    """A line with an arrow's head at its end; `lane` is beside the boxes, None: straight down."""
    if lane is None:
        x, start, stop = LEFT + WIDTH / 2, _top(begin) + HEIGHT, _top(end)
        node(root, "path", d=f"M{x:.0f} {start:.0f}V{stop - 5:.0f}")
        node(root, "path", class_="head", d=f"M{x:.0f} {stop:.0f}l-4 -7h8z")
        return
    edge, x = LEFT + WIDTH, LEFT + WIDTH + LANE * (lane + 1) + 4
    start, stop = _top(begin) + HEIGHT - 10, _top(end) + 10
    path = f"M{edge:.0f} {start:.0f}H{x - 6:.0f}q6 0 6 6V{stop - 6:.0f}q0 6 -6 6H{edge + 5:.0f}"
    node(root, "path", class_="lane", d=path)
    node(root, "path", class_="head", d=f"M{edge:.0f} {stop:.0f}l7 -4v8z")


def _draw(root: Element, box: _Box, number: int) -> None:
    group = node(root, "g", class_=box.kind, tabindex=0, role="img", data_layer=box.name)
    node(group, "title", box.told)
    node(group, "rect", x=LEFT, y=_top(number), width=WIDTH, height=HEIGHT, rx=4)
    name = cut(printable(box.name), int((WIDTH - 26 - PLAIN * len(box.type)) / BOLD))
    node(group, "text", name, class_="name", x=LEFT + 8, y=_top(number) + 16)
    node(group, "text", box.type, x=LEFT + WIDTH - 8, y=_top(number) + 16, text_anchor="end")
    node(group, "text", box.said, x=LEFT + 8, y=_top(number) + 31)
