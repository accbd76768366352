"""`mnc verify`: generated code held against the reference, and against the truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.backend import backend_option, cmsis_nn_option
from mnc.commands.code import CodeOptions, code_options
from mnc.commands.messages import remark
from mnc.commands.model import model_argument
from mnc.errors import CompileError, Problem
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.report import Verification

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@model_argument
@backend_option
@code_options
@click.option(
    "--inputs",
    type=_FILE,
    metavar="X.npy",
    help="Samples to run, .npy or .npz.  [default: random ones, the same every time]",
)
@click.option(
    "--labels",
    type=_FILE,
    metavar="Y.npy",
    help="The right classes of --inputs, as numbers or one-hot: says how often the model and the code are right.",
)
@click.option("--on", "machine", metavar="TARGET", default="host", show_default=True, help="See `mnc targets`.")
@cmsis_nn_option
def verify(
    model: Path,
    backend: str,
    code: CodeOptions,
    inputs: Path | None,
    labels: Path | None,
    machine: str,
    cmsis_nn: Path | None,
) -> None:
    """Build and run MODEL; compare each layer with the reference."""
    if labels is not None and inputs is None:
        raise click.UsageError("--labels are those of --inputs")
    judged = None
    with Progress(sys.stderr, f"reading {model.name}") as progress:
        graph, notes = code.read(model)

        from mnc.samples import load_labels, load_samples
        from mnc.verify import verify as compare

        scheme = code.scheme(graph)
        samples = None if inputs is None else load_samples(inputs, graph)
        progress.step(f"building and running {model.name} on {machine}")
        if labels is None or samples is None:
            verification = compare(graph, backend, samples, machine, code.settings, scheme, cmsis_nn)
        else:
            from mnc.accuracy import accuracy, classes
            from mnc.compiler import compile as compile_graph

            truth = load_labels(labels, classes(graph), len(samples[0]))
            build = compile_graph(graph, backend, target=machine, settings=code.settings, scheme=scheme)
            judged = accuracy(graph, build, samples, truth, cmsis_nn=cmsis_nn)
            verification = compare(build.graph, backend, samples, machine, code.settings, cmsis_nn=cmsis_nn)
    remark(notes)
    from mnc.terminal.tables import Paper, verified

    click.echo(verified(verification, Paper.of(sys.stdout)))
    if judged is not None:
        click.echo(
            f"accuracy: {judged.model:.2%} of {judged.samples} samples by the model, {judged.code:.2%} by the code "
            f"({build.report.dtype}, on this machine); they agree on {judged.agreement:.2%}"
        )
    _judge(verification)


def _judge(verification: Verification) -> None:
    """Say that every layer is as it should be, or raise what is wrong with the first that is not."""
    failure = verification.first_failure
    if failure is not None:
        place = f"[{', '.join(map(str, failure.worst))}]"
        what = (
            f"the generated code differs from the reference by {failure.max_abs_error:.3g} "
            f"({failure.max_ulp_error:.3g} ULP); at {place} it gives {failure.got!r}, not {failure.expected!r}"
        )
        hint = f"it is the first layer that is not the same as the reference {verification.tolerance}"
        raise CompileError(Problem(f"layer {failure.name!r}", what, (hint,)))
    click.echo(
        f"{len(verification.layers)} layers, {verification.samples} samples: "
        f"the same as the reference {verification.tolerance}"
    )
