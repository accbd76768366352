"""Drawings of networks."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mnc
from mnc.cli import run
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Softmax
from mnc.ir.types import TensorType
from mnc.language import parse
from mnc.pictures.network_svg import GAP, HEIGHT, TOP, _lanes, network_svg

SVG = "{http://www.w3.org/2000/svg}"


def boxes(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {group.attrib["data-layer"]: group for group in root.iter(f"{SVG}g")}


def heads(root: ElementTree.Element) -> list[int]:
    """The numbers of the boxes that arrows lead to."""
    tips = (
        re.match(r"M\d+ (\d+)", path.attrib["d"])
        for path in root.iter(f"{SVG}path")
        if path.attrib.get("class") == "head"
    )
    return sorted(int((int(tip[1]) - TOP) // (HEIGHT + GAP)) for tip in tips if tip is not None)


@pytest.mark.parametrize("model", ["pico.int8.tflite", "resnet_small.k2.h5", "merges.k2.h5", "multi_io.k3.h5"])
def test_every_layer_is_a_box_and_every_operand_an_arrow(model: str, fixtures: Path) -> None:
    graph = mnc.compile(mnc.load(fixtures / model)).graph
    root = ElementTree.fromstring(network_svg(graph, "net"))
    drawn = list(root.iter(f"{SVG}g"))
    assert len(drawn) == len(graph.inputs) + len(graph.nodes) + len(graph.outputs)
    order = [*(each.name for each in graph.inputs), *(each.name for each in graph.nodes), *graph.outputs]
    assert [group.attrib["data-layer"] for group in drawn] == order
    reads: list[int] = []
    for i, node in enumerate(graph.nodes):
        givers = {next((g.name for g in graph.nodes if name in g.outputs), name) for name in node.inputs}
        reads += [i + len(graph.inputs)] * len(givers)
    reads += [len(graph.inputs) + len(graph.nodes) + i for i in range(len(graph.outputs))]
    assert heads(root) == reads
    for node, group in zip(graph.nodes, drawn[len(graph.inputs) :], strict=False):
        title = group.findtext(f"{SVG}title") or ""
        assert str(graph.macs(node) or "") in title.replace(",", "")
        assert "x".join(map(str, graph.output_type(node).shape)) in title


@given(st.sets(st.tuples(st.integers(0, 30), st.integers(2, 9)), max_size=40))
def test_edges_in_one_lane_do_not_meet(spans: set[tuple[int, int]]) -> None:
    edges = sorted((begin, begin + length) for begin, length in spans)
    lanes = _lanes(edges)
    assert set(lanes) == set(edges)
    for one in edges:
        for other in edges:
            if one < other and lanes[one] == lanes[other]:
                assert one[1] <= other[0] or other[1] <= one[0]


def test_a_hostile_name_is_text() -> None:
    name = '</svg><script>alert("x")</script>\x1b & "'
    nodes = (Node((name,), Softmax(), ("x",)), Node(("y",), Add(), ("x", name)))
    graph = Graph(name, (Input("x", TensorType((4,))),), nodes, ("y",))
    root = ElementTree.fromstring(network_svg(graph, name))
    assert not list(root.iter(f"{SVG}script"))
    assert len(list(root.iter(f"{SVG}g"))) == 4


def test_a_drawing_is_written_by_the_command(
    fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, path = str(fixtures / "resnet_small.k2.h5"), tmp_path / "net.svg"
    assert run(["show", model, "--graph", "-o", str(path)]) == 0
    before = ElementTree.parse(path).getroot()
    assert run(["show", model, "--graph", "--after", "fold-batchnorm", "-o", str(path)]) == 0, "it is mnc's own"
    assert len(list(ElementTree.parse(path).getroot().iter(f"{SVG}g"))) < len(list(before.iter(f"{SVG}g")))
    assert [file.name for file in tmp_path.iterdir()] == ["net.svg"], "no weights beside it"
    capsys.readouterr()
    assert run(["show", model, "--graph"]) == 0
    assert capsys.readouterr().out == network_svg(mnc.load(fixtures / "resnet_small.k2.h5"), "resnet_small_k2")
    for wrong in (["--graph", "-o", str(tmp_path / "net.mnc")], ["-o", str(tmp_path / "net.svg")]):
        assert run(["show", model, *wrong]) == 2
        assert "go together" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pico", "two_ears"])
def test_the_drawings_of_the_documentation_are_of_its_texts(name: str, root: Path) -> None:
    page = (root / "docs" / "language.md").read_text("utf-8")
    (text,) = re.findall(rf"```mnc\n(network {name}\(.*?)```", page, re.DOTALL)
    assert (root / "docs" / "pictures" / f"{name}.svg").read_text("utf-8") == network_svg(parse(text), name)
