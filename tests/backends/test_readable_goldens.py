"""Two generated files as a reader of a change sees them: code of backend `c` and of `cmsis-nn`, without its weights."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest

import mnc

FOLDER = Path(__file__).resolve().parent / "readable"
SHOWN = 60
"""Lines of a difference that a failure prints."""


def cut(text: str) -> str:
    """Generated code without the contents of its arrays, which say nothing to a reader."""
    return re.sub(r"(\[\d+\](?: MNC_FLASH)? = \{)[^}]*\};", r"\1 ... };", text)


def generated(network: str, fixtures: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    if network == "pico":
        files = mnc.compile(mnc.load(fixtures / "pico.keras3.h5"), name="pico").files
    else:
        model = request.getfixturevalue("models") / "mlperf_tiny" / "kws_ref_model.tflite"
        files = mnc.compile(mnc.load(model), backend="cmsis-nn", target="cortex-m4", name="kws").files
    return {name: cut(text) for name, text in files.items()}


@pytest.mark.parametrize("network", ["pico", "kws"])
def test_generated_code_reads_as_it_did(
    network: str, fixtures: Path, update_golden: bool, request: pytest.FixtureRequest
) -> None:
    texts = generated(network, fixtures, request)
    assert all(len(line) < 200 for text in texts.values() for line in text.split("\n")), "the weights are cut"
    for name, text in texts.items():
        file = FOLDER / f"{name}.txt"
        if update_golden:
            FOLDER.mkdir(exist_ok=True)
            file.write_text(text, encoding="ascii")
        recorded = file.read_text(encoding="ascii")
        lines = recorded.split("\n"), text.split("\n")
        difference = list(difflib.unified_diff(*lines, "recorded", name, lineterm="", n=1))
        assert recorded == text, (
            "\n".join(["Generated code is not what it was:", *difference[:SHOWN]])
            + f"\n({max(len(difference) - SHOWN, 0)} more lines)\nWhere that is meant, run `pytest {__file__}"
            " --update-golden` and read the difference in `git diff`."
        )
