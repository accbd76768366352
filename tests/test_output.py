from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mnc
from mnc import output
from mnc.cli import PACKAGE_BACKENDS, run
from mnc.errors import CompileError
from mnc.output import MARK, write_files
from mnc.pieces import Files


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_files_are_written_as_given_into_a_new_folder(tmp_path: Path) -> None:
    write_files({"a.c": "int a;\n", "a.h": "/* \u00fc */\n"}, tmp_path / "deep" / "out")
    assert everything(tmp_path / "deep" / "out") == {"a.c": b"int a;\n", "a.h": "/* \u00fc */\n".encode()}


def test_old_files_are_replaced_and_strangers_stay(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("/* made by mnc 0.1.0 */ old")
    (tmp_path / "notes.txt").write_text("mine")
    write_files({"a.c": "new"}, tmp_path)
    assert everything(tmp_path) == {"a.c": b"new", "notes.txt": b"mine"}


def test_a_directory_in_the_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("old")
    (tmp_path / "b.c").mkdir()
    before = everything(tmp_path)
    with pytest.raises(CompileError, match=r"b\.c: cannot write the file: a directory has its name"):
        write_files({"a.c": "new", "b.c": "new"}, tmp_path, force=True)
    assert everything(tmp_path) == before


class Failing:
    """A text of which only the first piece can be written."""

    def __init__(self, fault: BaseException) -> None:
        self.fault = fault

    def __iter__(self) -> Iterator[str]:
        yield "new"
        raise self.fault


def test_a_write_that_fails_half_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("old")
    before = everything(tmp_path)
    files = Files({"a.c": "new", "b.c": Failing(OSError(28, "No space left on device"))})
    with pytest.raises(CompileError, match="cannot write: No space left on device"):
        write_files(files, tmp_path, force=True)
    assert everything(tmp_path) == before
    with pytest.raises(CompileError, match="No space left"):
        write_files(files, tmp_path / "x" / "y")
    assert everything(tmp_path) == before, "folders that were created are removed again"


def test_an_interrupt_leaves_everything_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_files(Files({"a.c": Failing(KeyboardInterrupt())}), tmp_path / "out")
    assert everything(tmp_path) == {}


def test_pieces_are_written_as_the_text_that_they_make(tmp_path: Path) -> None:
    """A text of pieces is a string for whoever asks for it, and the file has the string's bytes."""
    pieces = ["one\n", "", "\N{DEGREE SIGN}C\n"]
    files = Files({"a.c": pieces, "b.c": "whole"})
    write_files(files, tmp_path)
    write_files(files, tmp_path)
    assert dict(files) == {"a.c": "".join(pieces), "b.c": "whole"}
    assert {path.name: path.read_bytes().decode() for path in tmp_path.iterdir()} == dict(files)
    for others in (["one\n"], [*pieces, "more"], ["one\n", "two\n"]):
        with pytest.raises(CompileError, match="mnc has not made it"):
            write_files(Files({"a.c": others}), tmp_path)


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(CompileError, match="cannot write"):
        write_files({"a.c": "x"}, tmp_path / "out")
    with pytest.raises(CompileError, match="cannot write"):
        write_files({"a.c": "x"}, tmp_path / "out" / "deeper")
    assert (tmp_path / "out").read_text() == "a file"


def test_folders_inside_are_made_and_old_ones_kept(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mine.c").write_text("mine")
    write_files({"src/a.c": "a", "examples/One/One.ino": "b", "top.txt": "c"}, tmp_path)
    assert {name for name, content in everything(tmp_path).items() if content is not None} == {
        "src/mine.c",
        "src/a.c",
        "examples/One/One.ino",
        "top.txt",
    }


def test_a_file_where_a_folder_inside_should_be_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "src").write_text("a file")
    before = everything(tmp_path)
    for name in ("src/a.c", "src/deep/a.c"):
        with pytest.raises(CompileError, match="cannot write"):
            write_files({"new/b.c": "b", name: "a"}, tmp_path)
        assert everything(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a.c", "src/../../a.c", "/a.c", "a/", "a//b", "./a", "C:a.c", "a\\b.c", "a\0.c", "a\n.c"]
)
def test_no_file_is_written_outside(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(CompileError, match="is no path inside the output directory"):
        write_files({"good.c": "", name: "bad"}, tmp_path / "out")
    assert everything(tmp_path) == {"out": None}


def test_a_rename_that_fails_takes_back_those_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.c", "b.c"):
        (tmp_path / name).write_text("old")
    before = everything(tmp_path)
    place = output._place

    def failing(each: output._Staged) -> None:
        if each.final.name == "c.c":
            raise OSError(5, "Input/output error")
        place(each)

    monkeypatch.setattr(output, "_place", failing)
    with pytest.raises(CompileError, match="Input/output error"):
        write_files({"a.c": "new", "first.c": "new", "b.c": "new", "c.c": "new"}, tmp_path, force=True)
    assert everything(tmp_path) == before


SIGNALLED = """
import os, signal, sys
from pathlib import Path
import mnc.cli
from mnc import output

number, moment = int(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell may ignore it

def shot(name):
    function = getattr(output, name)
    def then(*given):
        function(*given)
        os.kill(os.getpid(), number)
    return then

setattr(output, moment, shot(moment))

def write(arguments):
    output.write_files({"a.c": "new", "src/b.c": "new", "c.c": "new"}, "out", force=True)

mnc.cli.run = write
mnc.cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["_stage", "_place"])
def test_a_signal_leaves_all_files_or_none(number: int, moment: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.c").write_text("old")
    command = [sys.executable, "-c", SIGNALLED, str(int(number)), moment]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode != 0
    found = everything(tmp_path / "out")
    if moment == "_stage":
        assert found == {"a.c": b"old"}
    else:  # between the renames: they are gone through with
        assert found == {"a.c": b"new", "c.c": b"new", "src": None, "src/b.c": b"new"}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_whoever_ends_the_command_finds_nothing_left(number: int, status: int, tmp_path: Path) -> None:
    code = f"""
import os, tempfile, mnc.cli

def work(arguments):
    with tempfile.TemporaryDirectory(dir="."):
        os.kill(os.getpid(), {int(number)})

mnc.cli.commands.invoke = work
mnc.cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code, "layers"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (status, b"")
    assert everything(tmp_path) == {}


def test_files_are_the_users_alone_until_they_are_in_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    place = output._place

    def looked_at(each: output._Staged) -> None:
        modes.append(each.temporary.stat().st_mode & 0o777)
        place(each)

    monkeypatch.setattr(output, "_place", looked_at)
    former = os.umask(0o022)
    try:
        (tmp_path / "old.c").write_text("old")
        (tmp_path / "old.c").chmod(0o640)
        write_files({"old.c": "x", "new.c": "x"}, tmp_path, force=True)
    finally:
        os.umask(former)
    assert modes == [0o600, 0o600]
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("old.c", "new.c")] == [0o640, 0o644]


def test_nobody_can_have_laid_a_link_under_a_temporary_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / "out").mkdir()
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "out" / ".mnc-guessed.tmp").symlink_to(tmp_path / "secret")
    with pytest.raises(CompileError, match="cannot write: File exists"):
        write_files({"a.c": "x"}, tmp_path / "out")
    assert (tmp_path / "secret").read_text() == "mine"


def test_no_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "mine.c").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "src").symlink_to(tmp_path / "away")
    (tmp_path / "out" / "a.c").symlink_to(tmp_path / "away" / "mine.c")
    with pytest.raises(CompileError, match="inside the output directory is a symbolic link"):
        write_files({"src/b.c": "x"}, tmp_path / "out", force=True)
    with pytest.raises(CompileError, match="a symbolic link has the file's name"):
        write_files({"a.c": "x"}, tmp_path / "out")
    write_files({"a.c": "x"}, tmp_path / "out", force=True)
    assert everything(tmp_path / "away") == {"mine.c": b"mine"}
    (tmp_path / "link").symlink_to(tmp_path / "away")
    write_files({"b.c": "x"}, tmp_path / "link")  # the output folder itself is where the user says
    assert (tmp_path / "away" / "b.c").exists()


def test_what_mnc_has_not_made_is_not_replaced(tmp_path: Path) -> None:
    for name, content in (("first.c", b"/* made by mnc */ old"), ("last.npz", b"PK" * 999 + MARK), ("equal.c", b"x")):
        (tmp_path / name).write_bytes(content)
        write_files({name: "x"}, tmp_path)
        assert (tmp_path / name).read_text() == "x"
    (tmp_path / "mine.c").write_text("int mine;" + " " * 2000 + "/* not made by mnc */ int more;")
    before = everything(tmp_path)
    with pytest.raises(CompileError, match=r"mine\.c: the file is there, and mnc has not made it\nhint: .*--force"):
        write_files({"a.c": "x", "mine.c": "x"}, tmp_path)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("package", [None, *PACKAGE_BACKENDS])
def test_whatever_is_written_may_be_written_again(
    package: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "network n\ninput x: float32[4]\ny = dense(x, units = 3)\noutput y\nweights random(seed = {})\n"
    packed = [] if package is None else ["--package", package]
    for seed in (1, 2):  # other contents, so that the mark must tell
        (tmp_path / "m.mnc").write_text(text.format(seed))
        assert run(["compile", "m.mnc", "--name", "n", "-o", "out", *packed]) == 0, capsys.readouterr().err
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert MARK in content[:1024] + content[-1024:], path
        if path.suffix == ".json":
            assert json.loads(path.read_text())["name"] == "n"
    victim = next(path for path in sorted((tmp_path / "out").rglob("*")) if path.is_file())
    victim.write_text("mine")
    assert run(["compile", "m.mnc", "--name", "n", "-o", "out", *packed]) == 1
    assert victim.read_text() == "mine"
    assert run(["compile", "m.mnc", "--name", "n", "-o", "out", "--force", *packed]) == 0
    assert victim.read_text() != "mine"


def test_a_shown_text_and_its_weights_may_be_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "network n\ninput x: float32[40]\ny = dense(x, units = 3)\noutput y\nweights random(seed = {})\n"
    for seed in (1, 2):
        (tmp_path / "in.mnc").write_text(text.format(seed))
        assert run(["show", "in.mnc", "-o", "n.mnc"]) == 0, capsys.readouterr().err
    assert mnc.load("n.mnc") == mnc.load("in.mnc")
    (tmp_path / "n.npz").write_bytes(b"mine")
    assert run(["show", "in.mnc", "-o", "n.mnc"]) == 1
    assert run(["show", "in.mnc", "-o", "n.mnc", "--force"]) == 0


def test_a_text_that_is_laid_out_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "n.mnc").write_text("network  n\ninput x:float32[4]\ny=relu(x)\noutput y\n")
    (tmp_path / "n.mnc").chmod(0o604)
    assert run(["fmt", str(tmp_path / "n.mnc")]) == 0
    assert (tmp_path / "n.mnc").stat().st_mode & 0o777 == 0o604
