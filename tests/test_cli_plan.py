from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mnc.cli import run

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def model(root: Path) -> Path:
    return root / "examples" / "digits" / "nano.h5"


def test_the_terminal_shows_the_arena_and_every_buffer(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(model)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("arena 7,164 B, the least")
    assert " lower bound" in printed.out


@pytest.mark.parametrize("form", ["svg", "html", "txt"])
def test_a_drawing_is_written_and_replaced(form: str, model: Path, fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / f"plan.{form}"
    assert run(["plan", str(model), "-o", str(path)]) == 0
    first = path.read_text("utf-8")
    assert run(["plan", str(fixtures / "pico.int8.tflite"), "-o", str(path)]) == 0, "it is mnc's own"
    assert path.read_text("utf-8") != first
    assert "made by mnc" in first
    assert str(tmp_path) not in first
    path.write_text("my own")
    assert run(["plan", str(model), "-o", str(path)]) == 1
    assert path.read_text() == "my own"
    assert run(["plan", str(model), "-o", str(path), "--force"]) == 0
    assert path.read_text("utf-8") == first


def test_an_unknown_form_is_wrong_usage(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(model), "-o", str(tmp_path / "plan.pdf")]) == 2
    assert "'plan.pdf' ends in none of .html, .svg, .txt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_options_that_change_the_code_change_the_drawing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((24, 96, 96, 1), dtype=np.float32))
    options: tuple[tuple[str, ...], ...] = (
        (),
        ("--quantize", "int8", "--calibration", str(tmp_path / "x.npy"), "--allow-loss"),
        (
            "--quantize",
            "int8",
            "--calibration",
            str(tmp_path / "x.npy"),
            "--allow-loss",
            "--backend",
            "cmsis-nn",
            "--target",
            "cortex-m4",
        ),
    )
    sizes = []
    for given in options:
        assert run(["plan", str(model), *given]) == 0, capsys.readouterr().err
        sizes.append(capsys.readouterr().out.splitlines()[0])
    assert len(set(sizes)) == len(options)
    assert run(["plan", str(model), "-X", "frob=1"]) == 1
    assert "has no option 'frob'" in capsys.readouterr().err


def test_the_svg_has_the_bytes_that_the_report_says(model: Path, tmp_path: Path) -> None:
    import mnc

    assert run(["plan", str(model), "-o", str(tmp_path / "p.svg")]) == 0
    title = ElementTree.parse(tmp_path / "p.svg").getroot().attrib["aria-label"]
    assert f"arena {mnc.compile(mnc.load(model)).report.ram.arena:,} B" in title
