"""`mnc bench`: what generated code costs on real instruction sets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.backend import cmsis_nn_option
from mnc.commands.code import CodeOptions, code_options, storage_options
from mnc.commands.messages import remark, warn
from mnc.errors import CompileError, Problem
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.backends.storage import Storage
    from mnc.bench import Cost


def _names(context: click.Context, option: click.Parameter, given: str) -> tuple[str, ...]:
    """Names between commas, each once."""
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    if not names:
        raise click.BadParameter("there is no name in it", context, option)
    return names


@click.command()
@click.argument(
    "models",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, readable=False, path_type=Path),
    metavar="MODEL...",
)
@click.option(
    "--backend",
    "backends",
    callback=_names,
    default="c",
    show_default=True,
    metavar="B,...",
    help="See `mnc backends`.",
)
@click.option(
    "--on",
    "machines",
    callback=_names,
    default="cortex-m4",
    show_default=True,
    metavar="TARGET,...",
    help="See `mnc targets`.",
)
@click.option("--layers", is_flag=True, help="Each layer's share of the instructions too.")
@click.option(
    "-O",
    "level",
    type=click.Choice(("0", "1", "2", "3", "s", "fast")),
    help="How the C compiler optimises.  [default: as the target has it, -O2]",
)
@code_options
@storage_options
@cmsis_nn_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def bench(
    models: tuple[Path, ...],
    backends: tuple[str, ...],
    machines: tuple[str, ...],
    layers: bool,
    level: str | None,
    code: CodeOptions,
    storage: Storage,
    cmsis_nn: Path | None,
    as_json: bool,
) -> None:
    """Measure what one inference of each MODEL takes.

    Instructions, counted by emulators, which are not cycles; and flash, RAM and stack.
    """
    with Progress(sys.stderr, "starting") as progress:
        costs, problems = _costs(models, backends, machines, layers, level, code, storage, cmsis_nn, progress)
    warn(tuple(dict.fromkeys(f"{cost.model}: {warning}" for cost in costs for warning in cost.warnings)))
    if as_json:
        from mnc.bench import to_json

        click.echo(to_json(costs))
    elif costs:
        from mnc.terminal.bench_table import measured
        from mnc.terminal.tables import Paper

        click.echo(measured(costs, Paper.of(sys.stdout)))
    if problems:
        raise CompileError(*problems)


def _costs(
    models: Sequence[Path],
    backends: Sequence[str],
    machines: Sequence[str],
    layers: bool,
    level: str | None,
    code: CodeOptions,
    storage: Storage,
    cmsis_nn: Path | None,
    progress: Progress,
) -> tuple[list[Cost], list[Problem]]:
    """The costs that can be measured, and each reason once why others cannot."""
    from mnc import backends as known_backends
    from mnc import targets
    from mnc.backends.names import name_from
    from mnc.bench import bench as cost_of
    from mnc.pace import counted
    from mnc.targets import Options

    for backend in backends:
        known_backends.get(backend)
    for machine in machines:
        targets.get(machine)
    options = Options(optimise=f"-O{level}" if level else "")
    costs: list[Cost] = []
    problems: dict[Problem, None] = {}
    for model in models:
        progress.step(f"reading {model.name}")
        try:
            graph, notes = code.read(model)
            scheme = code.scheme(graph)
        except CompileError as fault:
            problems.update(dict.fromkeys(fault.problems))
            continue
        remark(notes)
        for machine, backend in counted("measuring", [*product(machines, backends)]):
            progress.step(f"measuring {model.name}, {backend}, on {machine}")
            name = name_from(model.stem)
            try:
                costs.append(
                    cost_of(
                        graph,
                        name,
                        backend,
                        machine,
                        layers=layers,
                        settings=code.settings,
                        scheme=scheme,
                        options=options,
                        cmsis_nn=cmsis_nn,
                        storage=storage,
                    )
                )
            except CompileError as fault:
                problems.update(dict.fromkeys(fault.problems))
    return costs, list(problems)
