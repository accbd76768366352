"""docs/language.md and docs/streaming.md: their examples compile, the tables are what the code says."""

import re
from pathlib import Path

import pytest

from mnc.frontends.stores import grouped
from mnc.ir.graph import Graph
from mnc.language import catalogue, format_text, parse, show

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "language.md"
EXAMPLES = [
    text
    for page in (PAGE, DOCS / "streaming.md")
    for text in re.findall(r"^```mnc\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
]
TABLES = {"layers": catalogue.layers, "activations": catalogue.activations}


def name_of(text: str) -> str:
    return text.split()[1].partition("(")[0]


def example(name: str) -> Graph:
    (text,) = (each for each in EXAMPLES if name_of(each) == name)
    return parse(text)


@pytest.mark.parametrize("text", EXAMPLES, ids=name_of)
def test_the_example_compiles_and_runs(text: str) -> None:
    from networks import samples

    import mnc

    graph = parse(text)
    graph.predict(samples(graph))
    shown = show(graph)
    assert parse(shown.text, load_weights=lambda _: grouped(shown.constants)) == graph
    if not any(given.type.quant for given in graph.inputs):
        assert mnc.compile(graph).files


@pytest.mark.parametrize("text", EXAMPLES, ids=name_of)
def test_the_example_is_laid_out_as_the_formatter_does(text: str) -> None:
    aligned = re.sub(r" +#", "  #", text)
    assert format_text(text) == aligned


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


def test_the_names_are_those_of_the_comments() -> None:
    names = [node.name for node in example("names").nodes]
    assert names == [
        *("x1", "dense", "twice__first", "twice__dense"),
        *("step_2__first", "step_2__dense", "step_3__first", "step_3__dense"),
    ]


def test_pico_has_about_a_dozen_lines_and_mobilenet_about_twenty() -> None:
    (pico,) = (text for text in EXAMPLES if name_of(text) == "pico")
    (mobilenet,) = (text for text in EXAMPLES if name_of(text) == "mobilenet")
    assert len([line for line in pico.splitlines() if line]) <= 14
    assert len([line for line in mobilenet.splitlines() if line]) <= 20
    assert len(example("mobilenet").nodes) == 3 + 13 * 6 + 3


@pytest.mark.parametrize("table", TABLES)
def test_the_table_is_what_the_code_says(table: str, update_golden: bool) -> None:
    page = PAGE.read_text("utf-8")
    pattern = re.compile(rf"(<!-- {table}: generated -->\n).*?(<!-- end -->)", re.DOTALL)
    wanted = TABLES[table]()
    if update_golden:
        page = pattern.sub(lambda match: f"{match[1]}{wanted}{match[2]}", page)
        PAGE.write_text(page, "utf-8")
    (found,) = (match[0] for match in pattern.finditer(page))
    assert wanted in found, "run pytest with --update-golden"
