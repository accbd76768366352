"""Every text in tests/errors is refused in exactly the words beside it."""

from pathlib import Path

import pytest

from mnc.errors import CompileError
from mnc.frontends.text import load

FOLDER = Path(__file__).parent.parent / "errors"
TEXTS = sorted(path.stem for path in FOLDER.glob("*.mnc"))


@pytest.mark.parametrize("name", TEXTS)
def test_the_error_reads_as_recorded(name: str, update_golden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # so that errors about other files name them as the text does
    with pytest.raises(CompileError) as caught:
        load(Path(f"{name}.mnc"))
    text = f"{caught.value}\n"
    recorded = FOLDER / f"{name}.err"
    if update_golden:
        recorded.write_text(text, "utf-8")
    assert recorded.exists(), f"run pytest with --update-golden, and read {recorded.name}"
    assert text == recorded.read_text("utf-8"), "if this is better, run pytest with --update-golden"


def test_there_are_many() -> None:
    assert len(TEXTS) >= 40
    assert {path.stem for path in FOLDER.glob("*.err")} == set(TEXTS)
