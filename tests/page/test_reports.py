"""The reports that one command makes, and the README's pictures of one."""

from __future__ import annotations

import importlib.util
import re
import struct
from pathlib import Path
from types import ModuleType

import pytest
from conftest import Tool

if any(importlib.util.find_spec(name) is None for name in ("altair", "vl_convert", "jinja2", "pygments")):
    pytest.skip("the packages of the extra `report` are not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def reports(root: Path) -> ModuleType:
    file = root / "bench" / "reports.py"
    spec = importlib.util.spec_from_file_location("reports", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_network_is_there(reports: ModuleType, models: Path) -> None:
    named = reports.files(models)
    assert {"vww", "kws", "resnet8", "wake_word"} <= {name.removesuffix("_int8") for name in named}
    assert all(file.is_file() for file in named.values())


def test_a_report_has_code_and_instructions_of_every_layer(
    reports: ModuleType, models: Path, tmp_path: Path, arm_gcc: str, qemu_arm: str
) -> None:
    reports.main(["--models", str(models), "--only", "gru", "-o", str(tmp_path)])
    page = (tmp_path / "gru.html").read_text("utf-8")
    assert len(page.encode()) < 2_000_000
    heads = re.findall(r'<button type="button">(.*?)</button>', page)
    rows = re.findall(r"<tr data-layer=.*?</tr>", page)
    cells = [re.findall(r"<td.*?>(.*?)</td>", row) for row in rows]
    for name in ("code", "instructions"):
        column = [int(row[heads.index(name)].replace(",", "")) for row in cells]
        assert sum(count > 0 for count in column) >= 4
    code = sum(int(row[heads.index("code")].replace(",", "")) for row in cells)
    (whole,) = re.findall(r'<th scope="row">code</th><td class="number">([\d,]+)</td>', page)
    assert 0.3 * int(whole.replace(",", "")) < code <= int(whole.replace(",", ""))


def test_screenshots_are_small_and_in_the_readme(reports: ModuleType, root: Path) -> None:
    for scheme in reports.SCHEMES:
        picture = root / "docs" / "pictures" / f"report_{scheme}.png"
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 200_000
        size = tuple(round(side * reports.SCALE) for side in reports.WINDOW)
        assert struct.unpack(">II", content[16:24]) == size
        assert str(picture.relative_to(root)) in (root / "README.md").read_text("utf-8")


def test_a_screenshot_is_taken(reports: ModuleType, tmp_path: Path, tool: Tool) -> None:
    tool("chromium")
    (tmp_path / "page.html").write_text("<!DOCTYPE html><p>page</p>")
    reports.screenshot(tmp_path / "page.html", tmp_path / "page.png", 1)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
