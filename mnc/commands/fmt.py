"""`mnc fmt`: network texts as they should be laid out."""

from __future__ import annotations

from pathlib import Path

import click

from mnc.commands.messages import say
from mnc.errors import CompileError, Problem


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE..."
)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; status 1 where a file would change.")
def fmt(files: tuple[Path, ...], only_check: bool) -> None:
    """Put the white space of network texts (.mnc) right.

    Where one of them is no network text, none is changed.
    """
    from mnc.output import write_files

    found = [(path, *_formatted(path)) for path in files]
    if problems := [problem for _, _, problems in found for problem in problems]:
        raise CompileError(*problems)
    changed = {path: text for path, text, _ in found if text is not None}
    if only_check and changed:
        hint = "`mnc fmt` lays it out"
        raise CompileError(*(Problem(str(path), "is not laid out as it should be", (hint,)) for path in changed))
    for path, text in changed.items():
        real = path.resolve()
        write_files({real.name: text}, real.parent, force=True)
        say(f"formatted {path}")


def _formatted(path: Path) -> tuple[str | None, tuple[Problem, ...]]:
    """The text formatted, or None where the file is formatted already; and its problems."""
    from mnc.language import format_text, read_text

    try:
        text = format_text(read_text(path), path.name)
    except CompileError as fault:
        return None, fault.problems
    return None if text.encode() == path.read_bytes() else text, ()
