"""`mnc link`: several networks in one unit."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.backend import backend_option, target_option
from mnc.commands.code import CodeOptions, code_options, storage_options
from mnc.commands.messages import remark, say, warn
from mnc.commands.model import directory_option, force_option
from mnc.errors import refuse
from mnc.terminal.progress import Progress
from mnc.terminal.sizes import size

if TYPE_CHECKING:
    from mnc.backends.storage import Storage
    from mnc.compiler import Build
    from mnc.linked import Linked


def rows(linked: Linked) -> list[tuple[str, ...]]:
    """A line for each network as it is alone, and one for all as they are linked."""
    places = {name: f"shared_{i}" for i, group in enumerate(linked.unity.arenas) for name in group}
    lines = [
        (name, f"{each.ram.total:,} B", f"{each.flash.total_constants:,} B", f"{each.macs:,}", places.get(name, ""))
        for name, each in linked.reports.items()
    ]
    return [*lines, ("linked", f"{linked.unity.ram:,} B", f"{linked.unity.constants:,} B", "", "")]


@click.command("options", add_help_option=False)
@code_options
@storage_options
def _own(code: CodeOptions, storage: Storage) -> tuple[CodeOptions, Storage]:
    return code, storage


def _models(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str | None, Path], ...]:
    """`FILE` or `NAME=FILE` words."""
    found: list[tuple[str | None, Path]] = []
    for word in given:
        named = re.fullmatch(r"(\w+)=(.+)", word)
        path = Path(word if named is None or Path(word).exists() else named[2])
        if not path.exists():
            raise click.BadParameter(f"Path {str(path)!r} does not exist.", context, parameter)
        found.append((None if str(path) == word or named is None else named[1], path))
    return tuple(found)


@click.command()
@click.argument("models", nargs=-1, required=True, callback=_models, metavar="[NAME=]MODEL...")
@click.option("--name", required=True, help="What the unit is called in the code.")
@click.option(
    "--together",
    multiple=True,
    metavar="A,B",
    help="Networks that run at the same time, so that each has an arena of its own; may be repeated.",
)
@click.option(
    "--for",
    "own",
    nargs=2,
    multiple=True,
    metavar="A OPTIONS",
    help="Options of one network, in place of those below: --for a '--quantize int8 --calibration a.npy'.",
)
@directory_option
@backend_option
@target_option
@click.option("--max-ram", type=size, metavar="BYTES", help="Refuse networks that take more together.")
@click.option("--max-flash", type=size, metavar="BYTES", help="Likewise of constants.")
@code_options
@storage_options
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def link(
    models: tuple[tuple[str | None, Path], ...],
    name: str,
    together: tuple[str, ...],
    own: tuple[tuple[str, str], ...],
    directory: Path,
    backend: str,
    target: str | None,
    max_ram: int | None,
    max_flash: int | None,
    code: CodeOptions,
    storage: Storage,
    force: bool,
    as_json: bool,
) -> None:
    """Compile several MODELs into one source and header.

    Kernels and equal constants are there once, and networks that do not run at the same time share memory.
    """
    with Progress(sys.stderr, "starting") as progress:
        from mnc.backends.names import name_from
        from mnc.compiler import compile as compile_graph
        from mnc.linked import link as link_builds

        named = {given or name_from(path.stem): path for given, path in models}
        if len(named) < len(models):
            raise click.UsageError("two networks have the same name: give others, as NAME=MODEL")
        options = dict(own)
        for each in options:
            if each not in named:
                raise click.UsageError(f"--for: there is no network {each!r}; they are {', '.join(named)}")
        builds: dict[str, Build] = {}
        for each, path in named.items():
            progress.step(f"compiling {path.name}")
            its_code, its_storage = code, storage
            if each in options:
                its_code, its_storage = _own.main(args=shlex.split(options[each]), standalone_mode=False)
            graph, notes = its_code.read(path)
            remark(tuple(f"{each}: {note}" for note in notes))
            builds[each] = compile_graph(
                graph,
                backend=backend,
                name=each,
                target=target,
                settings=its_code.settings,
                scheme=its_code.scheme(graph),
                **its_storage.asked,
            )
        linked = link_builds(builds, name, [group.split(",") for group in together])
        for option, limit, taken, what in (
            ("--max-ram", max_ram, linked.unity.ram, "RAM"),
            ("--max-flash", max_flash, linked.unity.constants, "constants"),
        ):
            if limit is not None and taken > limit:
                raise refuse(
                    option,
                    f"the networks take {taken:,} bytes of {what}, and {limit:,} are allowed",
                    "`mnc compile` with the same budget says of each network what would help",
                )
        linked.write(directory, force=force)
    warn(tuple(f"{each}: {warning}" for each, report in linked.reports.items() for warning in report.warnings))
    if as_json:
        click.echo(linked.to_json())
        return
    from mnc.terminal.tables import Paper, listing

    click.echo(listing(("network", "RAM", "constants", "MACs", "arena"), rows(linked), Paper.of(sys.stdout)))
    say(f"wrote {', '.join(str(directory / file) for file in linked.files)}")
