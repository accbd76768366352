"""Values in a notebook as IPython itself shows them, and the example notebook, cell by cell."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnc
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Flatten
from mnc.ir.types import TensorType
from mnc.plan.memory_map import MemoryMap
from mnc.shown import Drawing

RUNNER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
for source in json.load(sys.stdin):
    done = shell.run_cell(source, store_history=False, silent=False)
    done.raise_error()
    data = {} if done.result is None else shell.display_formatter.format(done.result)[0]
    print(json.dumps(data), file=sys.stderr)
"""


def cells(root: Path) -> list[str]:
    found = json.loads((root / "examples" / "notebook.ipynb").read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def shown(root: Path, cc: str, tool: Any) -> dict[str, dict[str, str]]:
    """The displays of IPython for each cell of the notebook, by the cell's last line."""
    if importlib.util.find_spec("IPython") is None:
        pytest.skip("IPython is not installed")
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        tool(program)
    sources = cells(root)
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        cwd=root / "examples",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    displays = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return {source.splitlines()[-1]: data for source, data in zip(sources, displays, strict=True)}


class Elements(HTMLParser):
    """Counts elements, and keeps images and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.images: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.images += [value or "" for name, value in attrs if (tag, name) == ("img", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_notebook_runs_and_its_figures_are_right(shown: dict[str, dict[str, str]]) -> None:
    assert shown["right"]["text/plain"] == "352"  # what Keras gets on these images
    (accuracy,) = (data["text/plain"] for source, data in shown.items() if source.startswith("int((small"))
    right, of = map(int, re.findall(r"\d+", accuracy))
    assert of == 260
    assert right / of > 0.95
    verified = shown['small.verify(images[:4], on="cortex-m4")']["text/plain"]
    assert re.search(r"4 samples on cortex-m4, same as the reference to the bit", verified)


def test_values_have_tables_and_pictures_there(shown: dict[str, dict[str, str]]) -> None:
    layers = {"network": 12, "build": 12, "small.report": 12, "small.bench()": 12}
    for source, count in layers.items():
        assert Elements(shown[source]["text/html"]).count["tr"] >= count, source
    pictures = {"network": 1, "build": 2, 'build.plan.plot()  # .write("memory.svg") keeps it': 1}
    for source, count in pictures.items():
        found = Elements(shown[source]["text/html"])
        assert len(found.images) == count
        assert all(image.startswith("data:image/svg+xml;base64,") for image in found.images)
    report = Elements(shown["build"]["text/html"]).words
    assert "7,164 B" in report
    assert "#include" in report


def test_the_notebook_keeps_no_outputs(root: Path) -> None:
    found = json.loads((root / "examples" / "notebook.ipynb").read_text("utf-8"))
    assert found["nbformat"] == 4
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in found["cells"])


def test_reprs_are_short(root: Path) -> None:
    graph = mnc.load(root / "examples" / "digits" / "nano.h5")
    build = mnc.compile(graph, name="nano")
    for value in (graph, build, build.report, build.plan, build.plan.plot(), graph.plot()):
        assert repr(value).startswith(f"<{type(value).__name__}")
        assert len(repr(value)) < 200
    assert "float32[96, 96, 1] to float32[10]" in repr(graph)
    assert "RAM 7,164 B" in repr(build.report)
    assert "nano.c" in repr(build)


def test_names_of_a_model_are_no_markup() -> None:
    name = "<script>alert(1)</script>"
    graph = Graph(name, (Input("x", TensorType((2, 2))),), (Node((f"{name}y",), Flatten(), ("x",)),), (f"{name}y",))
    build = mnc.compile(graph, name="n")
    for value in (graph, build, build.report, build.plan):
        found = Elements(value._repr_html_())
        assert "script" not in found.count
        assert isinstance(value, MemoryMap) or name in found.words


def test_a_picture_is_written(tmp_path: Path, fixtures: Path) -> None:
    plan = mnc.compile(mnc.load(fixtures / "pico.keras2.h5")).plan
    drawing = plan.plot()
    assert isinstance(drawing, Drawing)
    drawing.write(tmp_path / "plan.svg")
    assert (tmp_path / "plan.svg").read_text("utf-8") == drawing.svg
    (tmp_path / "mine.svg").write_text("<svg/>")
    with pytest.raises(mnc.CompileError, match=r"mine\.svg"):
        drawing.write(tmp_path / "mine.svg")


def test_a_build_verifies_and_measures_itself(fixtures: Path, cc: str) -> None:
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), name="pico")
    found = build.verify()
    assert found.passed
    assert found.tolerance == "to the bit"
    assert build.verify(np.zeros((2, 96, 96, 1), np.float32)).samples == 2


def test_check_takes_a_file_or_a_network(fixtures: Path, tmp_path: Path) -> None:
    path = fixtures / "pico.keras2.h5"
    assert mnc.check(path) == mnc.check(str(path)) == mnc.check(mnc.load(path)) == ()
    (tmp_path / "x.h5").write_bytes(b"no model")
    (problem,) = mnc.check(tmp_path / "x.h5")
    assert "x.h5" in str(problem)
