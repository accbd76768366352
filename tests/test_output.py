from __future__ import annotations

from pathlib import Path

import pytest

from mnc.errors import CompileError
from mnc.output import write_files


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_files_are_written_as_given_into_a_new_folder(tmp_path: Path) -> None:
    write_files({"a.c": "int a;\n", "a.h": "/* \u00fc */\n"}, tmp_path / "deep" / "out")
    assert everything(tmp_path / "deep" / "out") == {"a.c": b"int a;\n", "a.h": "/* \u00fc */\n".encode()}


def test_old_files_are_replaced_and_strangers_stay(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    write_files({"a.c": "new"}, tmp_path)
    assert everything(tmp_path) == {"a.c": b"new", "notes.txt": b"mine"}


def test_a_directory_in_the_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("old")
    (tmp_path / "b.c").mkdir()
    before = everything(tmp_path)
    with pytest.raises(CompileError, match=r"b\.c: cannot write the file: a directory has its name"):
        write_files({"a.c": "new", "b.c": "new"}, tmp_path)
    assert everything(tmp_path) == before


def test_a_write_that_fails_half_way_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.c").write_text("old")
    before = everything(tmp_path)
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if "b.c" in self.name:
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CompileError, match="cannot write: No space left on device"):
        write_files({"a.c": "new", "b.c": "new"}, tmp_path)
    assert everything(tmp_path) == before
    with pytest.raises(CompileError, match="No space left"):
        write_files({"a.c": "new", "b.c": "new"}, tmp_path / "x" / "y")
    assert everything(tmp_path) == before, "folders that were created are removed again"


def test_an_interrupt_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Path, data: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files({"a.c": "new"}, tmp_path / "out")
    assert everything(tmp_path) == {}


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
