"""The name of a file may hold anything: it is spelled out like a name in a file, and makes no line of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAME = b"a\x1b[2J\nerror: forged\xe2\x80\xae\xff.mnc"
"""An escape sequence, a new line, an override of the writing direction, and bytes that are no UTF-8."""
TEXT = "network n\ninput x: float32[4]\ny = dense(x, units = 3)\noutput y\nweights random()\n"


def printed(folder: Path, *arguments: bytes) -> tuple[int, str]:
    command = [os.fsencode(sys.executable), b"-m", b"mnc", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((b"check", NAME), 0),
        ((b"compile", NAME, b"-o", NAME + b".out"), 0),
        ((b"show", NAME), 0),
        ((b"plan", NAME), 0),
        ((b"show", NAME, b"-o", NAME + b".2.mnc"), 1),  # no name to write
        ((b"verify", NAME), 0),
        ((b"fmt", NAME), 1),
        ((b"compile", NAME, b"--weights", NAME + b".h5"), 1),
        ((b"compile", NAME, b"--quantize", b"int8", b"--calibration", NAME + b".h5"), 1),
        ((b"check", NAME + b".h5"), 1),
        ((b"check", NAME + b".empty"), 1),
        ((b"check", NAME + b".absent"), 2),
        ((b"compile", NAME, b"-o", NAME), 2),
        ((b"show", NAME, b"--after", NAME), 1),
        ((b"compile", NAME, b"--name", NAME), 1),
    ],
    ids=str,
)
def test_the_name_of_a_file_steers_no_terminal(arguments: tuple[bytes, ...], status: int, tmp_path: Path) -> None:
    if arguments[0] == b"verify" and shutil.which("cc") is None:
        pytest.skip("no C compiler is installed")
    (tmp_path / os.fsdecode(NAME)).write_text(TEXT.replace("y = ", "y  =  "))
    (tmp_path / os.fsdecode(NAME + b".h5")).write_bytes(b"\0")
    (tmp_path / os.fsdecode(NAME + b".empty")).touch()
    ended, text = printed(tmp_path, *arguments)
    assert ended == status, text
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    assert not any(line.startswith("error: forged") for line in text.splitlines())
