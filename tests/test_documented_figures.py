"""The documents' figures of RAM are those that mnc makes today."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import mnc
from mnc.cli import run
from mnc.pictures.memory_svg import memory_svg
from mnc.pictures.memory_text import memory_text

PLANNING = "docs/memory-planning.md"
FAMILY, TINY = "micromobilenet", "mlperf_tiny"
README_ROWS = {
    **{name: f"{FAMILY}/{name.lower()}.keras3.h5" for name in ("Pico", "Nano", "Micro", "Milli", "Base")},
    "Anomaly detection": f"{TINY}/ad01_int8.tflite",
    "ResNet-8": f"{TINY}/pretrainedResnet_quant.tflite",
    "Keyword spotting": f"{TINY}/kws_ref_model.tflite",
    "Visual wake words": f"{TINY}/vww_96_int8.tflite",
}
MODELS = {
    **{f"{name} float32": f"{FAMILY}/{name.lower()}.keras3.h5" for name in ("Pico", "Nano", "Base")},
    **{f"{name} int8": f"{FAMILY}/{name.lower()}.int8.tflite" for name in ("Pico", "Nano", "Micro", "Milli", "Base")},
    "ResNet-8 int8": README_ROWS["ResNet-8"],
    "DS-CNN KWS int8": README_ROWS["Keyword spotting"],
    "VWW int8": README_ROWS["Visual wake words"],
    "AD int8": README_ROWS["Anomaly detection"],
}
SLACK = 16
"""Bytes that linked code may have besides the network's."""
LEAST = {"memory": "least"}
WAYS: tuple[Mapping[str, Any], ...] = (
    {"memory": "fast"},
    LEAST,
    {**LEAST, "input": "owned"},
    {**LEAST, "feed": "rows"},
)


def tables(root: Path, document: str) -> list[list[list[str]]]:
    """The tables of a document, as rows of cells without emphasis."""
    text = (root / document).read_text(encoding="utf-8").replace("*", "")
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()] for block in blocks]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def total(models: Path, model: str, target: str | None = None, **way: Any) -> int:
    return mnc.compile(mnc.load(models / model), target=target, **way).report.ram.total


@pytest.mark.parametrize("model", README_ROWS)
def test_the_readme_compares_todays_ram(model: str, root: Path, models: Path) -> None:
    (row,) = (row for table in tables(root, "README.md") for row in table if row[0] == model)
    mncs = 3 if README_ROWS[model].startswith(FAMILY) else 2
    assert number(row[mncs]) == total(models, README_ROWS[model], "cortex-m4")


def rows(root: Path, head: Sequence[str]) -> list[list[str]]:
    (table,) = (table for table in tables(root, PLANNING) if table[0] == list(head))
    return table[2:]


def test_the_table_of_ways_has_todays_ram(root: Path, models: Path) -> None:
    found = rows(root, ("", "layer after layer", "`least`", "`least`, owned", "`least`, fed"))
    for name, *figures in found:
        model = MODELS[name.rpartition(" (")[0]]
        assert list(map(number, figures)) == [total(models, model, **way) for way in WAYS], name


def test_the_table_of_costs_has_todays_ram(root: Path, models: Path) -> None:
    """Of linked code, which has a few bytes more than the network; what is as in the way before is said in words."""
    for name, *cells in rows(root, ("", "`fast`", "`balanced`", "`least`")):
        figures = [int(cell.split("; ")[1].replace(",", "")) for cell in cells if not cell.startswith("as ")]
        for figure, memory in zip(figures, ("fast", "balanced", "least"), strict=False):
            assert 0 <= figure - total(models, MODELS[name], "cortex-m4", memory=memory) <= SLACK, (name, memory)


def test_the_table_of_costs_keeps_what_is_promised(root: Path) -> None:
    """`balanced` costs at most 5 % of the instructions of `fast`, `least` 12 %, and flash grows by at most 5 %."""
    table = rows(root, ("", "`fast`", "`balanced`", "`least`"))
    assert len(table) == len(MODELS)
    for _, fast, *others in table:
        instructions, _, flash = (number(figure) for figure in fast.split("; "))
        for cell, most in zip(others, (1.05, 1.12), strict=True):
            if not cell.startswith("as "):
                own, _, bytes_ = (number(re.sub(r" \(.*\)", "", figure)) for figure in cell.split("; "))
                assert own <= most * instructions and bytes_ <= 1.05 * flash


def test_the_zoo_prints_what_its_document_shows(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "list"]) == 0
    printed = capsys.readouterr().out.strip()
    assert f"$ mnc zoo list\n{printed}\n" in (root / "docs" / "zoo.md").read_text(encoding="utf-8")


def test_the_readme_shows_what_the_demo_prints(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compile", str(root / "examples" / "digits" / "nano.h5"), "-o", str(tmp_path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    text = (root / "README.md").read_text(encoding="utf-8")
    shown = text[text.index("layer             op") : text.index("wrote build/demo")]
    assert " ".join(shown.split()) in printed


def test_the_drawing_is_todays(root: Path, fixtures: Path) -> None:
    plan = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), memory="fast").plan
    text = (root / PLANNING).read_text(encoding="utf-8")
    assert "mnc plan pico.int8.tflite --memory fast" in text
    assert f"```\n{memory_text(plan, 60)}\n```" in text


def test_the_picture_is_todays(root: Path, models: Path) -> None:
    build = mnc.compile(mnc.load(models / README_ROWS["Visual wake words"]), memory="least", feed="rows")
    picture = (root / "docs" / "pictures" / "vww_fed.svg").read_text(encoding="utf-8")
    assert picture == memory_svg(build.plan, build.name)
