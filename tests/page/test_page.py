"""The page in a real browser: every section drawn, nothing asked for, hover, click, keys, sorting, contrast, widths."""

from __future__ import annotations

import functools
import html
import importlib.util
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Tool

from mnc.cli import run

if any(importlib.util.find_spec(name) is None for name in ("altair", "vl_convert", "jinja2", "pygments")):
    pytest.skip("the packages of the extra `report` are not installed", allow_module_level=True)

SECTIONS = ["summary", "network", "memory", "cost", "quantisation", "files", "rebuild"]
WATCH = """<script>
window.pageErrors = []; window.pageViolations = [];
addEventListener("error", (event) => window.pageErrors.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => window.pageViolations.push(event.blockedURI));
for (const name of ["error", "warn"]) {
  const former = console[name]; console[name] = (...all) => { window.pageErrors.push(all.join(" ")); former(...all); };
}
</script>"""


@pytest.fixture(scope="module")
def pages(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of an int8 network, beside the float network that it was made from."""
    folder = tmp_path_factory.mktemp("pages")
    model = root / "tests" / "fixtures" / "resnet_small.k2.h5"
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.random((24, 16, 16, 3), dtype=np.float32))
    np.save(folder / "y.npy", rng.integers(0, 5, 24))
    quantised = ["--quantize", "int8", "--calibration", str(folder / "x.npy"), "--allow-loss"]
    judged = ["--inputs", str(folder / "x.npy"), "--labels", str(folder / "y.npy")]
    beside = ["--compare", str(model), "--max-ram", "64K"]
    assert run(["report", str(model), "-o", str(folder / "both.html"), *quantised, *judged, *beside]) == 0
    pico = str(root / "tests" / "fixtures" / "pico.int8.tflite")
    assert run(["report", pico, "-o", str(folder / "alone.html"), "--max-ram", "1234567890"]) == 0
    return folder


@pytest.fixture(scope="module")
def page(pages: Path) -> str:
    return (pages / "both.html").read_text("utf-8")


Browse = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def chromium() -> str:
    import shutil

    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed")
    return found


@pytest.fixture(scope="module")
def browse(chromium: str, pages: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Browse:
    """The findings of `probe.js` in a page, at a width and in a colour scheme."""
    folder = tmp_path_factory.mktemp("browser")
    probe = (root / "tests" / "page" / "probe.js").read_text("utf-8")

    @functools.cache
    def look(width: int = 1200, *, dark: bool = False, name: str = "both") -> dict[str, Any]:
        watched = (pages / f"{name}.html").read_text("utf-8").replace("<style>", f"{WATCH}<style>", 1)
        inner = html.escape(watched.replace("</body>", f"<script>{{ {probe} }}</script></body>"), quote=True)
        frame = f'<iframe id="frame" style="width:{width}px;height:900px;border:0" srcdoc="{inner}"></iframe>'
        copied = (
            "const frame = document.getElementById('frame'); frame.onload = () => document.body.append("
            "Object.assign(document.createElement('pre'), { id: 'out', textContent: "
            "frame.contentDocument.getElementById('findings').textContent }));"
        )
        (folder / "page.html").write_text(f"<!DOCTYPE html><body>{frame}<script>{copied}</script></body>", "utf-8")
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
        command += [scheme, "--window-size=1800,1000", "--virtual-time-budget=20000", "--dump-dom"]
        done = subprocess.run([*command, (folder / "page.html").as_uri()], capture_output=True, text=True, timeout=300)
        (found,) = re.findall(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
        parsed = json.loads(html.unescape(found))
        assert isinstance(parsed, dict)
        return parsed

    return look


def test_every_section_is_drawn_and_nothing_is_asked_for(browse: Browse) -> None:
    found = browse()
    assert found["sections"] == SECTIONS
    assert found["errors"] == found["violations"] == found["resources"] == []
    assert (found["overlaps"], found["clipped"]) == (0, [])
    assert found["drawings"] == {**dict.fromkeys(SECTIONS, 0), "network": 2, "memory": 2, "cost": 4, "quantisation": 3}


def test_hover_click_and_keys_work(browse: Browse) -> None:
    found = browse()
    assert (found["before"], found["after"], found["titles"]) == (True, True, 0)
    assert re.search(r"[\d,]+ B, address 0 to [\d,]+", found["hover"])
    assert "multiply-accumulate operations" in found["focus"]
    assert found["chosen"] == [found["wanted"]]
    assert found["places"] == ["network", "memory", "cost", "quantisation"]
    assert found["byKey"]
    assert (found["unreachable"], found["unscrollable"]) == (0, [])


def test_tables_sort_by_number(browse: Browse) -> None:
    found = browse()
    assert len(set(found["falling"])) > 3
    assert found["falling"] == sorted(found["falling"], reverse=True)
    assert found["rising"] == sorted(found["rising"])


@pytest.mark.parametrize("dark", [False, True])
def test_both_schemes_have_contrast(dark: bool, browse: Browse) -> None:
    found = browse(dark=dark)
    assert (sum(map(int, re.findall(r"\d+", found["background"]))) < 3 * 128) == dark
    assert found["poor"] == []


@pytest.mark.parametrize(
    ("width", "name"), [(360, "both"), (800, "both"), (1600, "both"), (360, "alone"), (1600, "alone")]
)
def test_it_fits_any_width(width: int, name: str, browse: Browse) -> None:
    found = browse(width, name=name)
    assert width - 20 <= found["width"] <= width
    assert found["overflow"] <= 0
    assert (found["overlaps"], found["clipped"], found["broken"]) == (0, [], [])


def test_no_address_no_folder_and_no_date(page: str, pages: Path) -> None:
    assert str(pages) not in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert not re.search(r"\burl\(|@import", page)
    assert "default-src 'none'" in page


def test_figures_are_those_of_the_reports(page: str, root: Path) -> None:
    import mnc

    report = mnc.compile(mnc.load(root / "tests" / "fixtures" / "resnet_small.k2.h5")).report
    summary = page[page.index('id="summary"') : page.index('id="network"')]
    cells = re.findall(r'<th scope="row">(.*?)</th><td class="number">(.*?)</td><td class="number">(.*?)</td>', summary)
    shown = {name: other for name, _, other in cells}
    assert shown["RAM, bytes"] == f"{report.ram.total:,} of 65,536"
    assert shown["multiply-accumulate operations"] == f"{report.macs:,}"
    assert shown["type"] == "float32"
    own = {name: one for name, one, _ in cells}
    assert own["type"] == "int8"
    assert re.fullmatch(r"[\d.]+% of 24", own["right answers, as it was compiled"])


def test_two_runs_give_the_same_page(pages: Path, fixtures: Path) -> None:
    for name in ("one", "two"):
        assert run(["report", str(fixtures / "pico.int8.tflite"), "-o", str(pages / f"{name}.html")]) == 0
    one, two = ((pages / f"{name}.html").read_text("utf-8") for name in ("one", "two"))
    assert one.replace("one.html", "two.html") == two


@pytest.mark.parametrize("picture", ["memory", "network", "macs", "constants", "histograms"])
def test_a_picture_stands_alone(picture: str, fixtures: Path, tmp_path: Path) -> None:
    from xml.etree import ElementTree

    model, path = str(fixtures / "pico.int8.tflite"), tmp_path / "p.svg"
    assert run(["report", model, "--picture", picture, "-o", str(path)]) == 0
    root = ElementTree.parse(path).getroot()
    assert "--paper" in ElementTree.tostring(root, encoding="unicode")
    assert run(["report", model, "--picture", picture, "-o", str(tmp_path / "p.png")]) == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_wrong_usage_and_missing_measurements_are_said(
    fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(fixtures / "pico.int8.tflite")
    for status, what, arguments in (
        (2, "ends in none of .html", ["-o", "p.svg"]),
        (2, "ends in none of .svg, .png", ["-o", "p.html", "--picture", "memory"]),
        (2, "leave --compare out", ["-o", "p.svg", "--picture", "memory", "--compare", model]),
        (2, "--labels are those of --inputs", ["-o", "p.html", "--labels", model]),
        (1, "nothing was quantised", ["-o", str(tmp_path / "p.svg"), "--picture", "sqnr"]),
        (
            1,
            "no instructions were counted: no target is named",
            ["-o", str(tmp_path / "p.svg"), "--picture", "instructions"],
        ),
    ):
        assert run(["report", model, *arguments]) == status
        assert what in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_compile_writes_the_page_too_and_both_or_neither(
    fixtures: Path, tmp_path: Path, tool: Tool, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(fixtures / "pico.int8.tflite")
    page = tmp_path / "r.html"
    compiling = ["compile", model, "-o", str(tmp_path / "out")]
    assert run([*compiling, "--report", str(page), "--memory", "fast", "--max-ram", "1K"]) == 1
    assert not page.exists()
    assert run([*compiling, "--report", str(page), "--max-ram", "4K"]) == 0
    assert "of 4,096" in page.read_text("utf-8")
    assert run([*compiling, "--report", str(tmp_path / "r.pdf")]) == 2
