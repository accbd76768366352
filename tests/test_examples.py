"""The examples do what they say."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mnc.cli import run

STRICT = ("-std=c89", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2")


def test_the_digits_are_read_as_well_as_keras_reads_them(root: Path, cc: str, tmp_path: Path) -> None:
    example = root / "examples" / "digits"
    assert run(["compile", str(example / "nano.h5"), "-o", str(tmp_path)]) == 0
    program = tmp_path / "digits"
    sources = [example / "main.c", tmp_path / "nano.c"]
    subprocess.run([cc, *STRICT, f"-I{tmp_path}", "-o", program, *sources, "-lm"], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert "352 of 360 unseen digits are right (97.8%)" in done.stdout  # what Keras gets on the same images
