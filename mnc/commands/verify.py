"""`mnc verify`: generated code held against the reference, and against the truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.backend import backend_option, cmsis_nn_option
from mnc.commands.code import CodeOptions, code_options, storage_options
from mnc.commands.messages import remark, warn
from mnc.commands.model import model_argument
from mnc.errors import CompileError, Problem
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.accuracy import Accuracy, Regression
    from mnc.backends.storage import Storage
    from mnc.report import FloatComparison, Verification

_FILES = click.Path(exists=True, path_type=Path)


@click.command()
@model_argument
@backend_option
@code_options
@storage_options
@click.option(
    "--inputs",
    type=_FILES,
    metavar="X.npy",
    help="Samples to run: .npy, .npz or a folder, as for --calibration.  "
    "[default: some held back from calibration, or random ones]",
)
@click.option(
    "--labels",
    type=_FILES,
    metavar="Y.npy",
    help="What is right for --inputs: classes as numbers, one-hot or a folder of classes, or the numbers themselves; "
    "says how often, or how nearly, the model and the code are right.",
)
@click.option("--on", "machine", metavar="TARGET", default="host", show_default=True, help="See `mnc targets`.")
@cmsis_nn_option
def verify(
    model: Path,
    backend: str,
    code: CodeOptions,
    storage: Storage,
    inputs: Path | None,
    labels: Path | None,
    machine: str,
    cmsis_nn: Path | None,
) -> None:
    """Build and run MODEL; compare each layer with the reference."""
    if labels is not None and inputs is None:
        raise click.UsageError("--labels are those of --inputs")
    judgement = None
    with Progress(sys.stderr, f"reading {model.name}") as progress:
        graph, notes = code.read(model)

        from mnc.samples import load_samples, load_truth, missing_classes
        from mnc.verify import verify as compare

        scheme = code.scheme(graph)
        samples = None if inputs is None else load_samples(inputs, graph, code.quantisation.pixels)
        truth = None if labels is None or samples is None else load_truth(labels, graph, len(samples[0]))
        progress.step(f"building and running {model.name} on {machine}")
        verification = compare(graph, backend, samples, machine, code.settings, scheme, cmsis_nn, storage)
        if truth is not None and samples is not None:
            from mnc.accuracy import judge

            judgement = judge(graph, samples, verification.outputs[0], truth)
    remark(notes)
    warn((*verification.warnings, *(() if labels is None else missing_classes(labels, graph))))
    from mnc.terminal.tables import Paper, verified

    click.echo(verified(verification, Paper.of(sys.stdout)))
    for comparison in verification.against_float:
        click.echo(_against_float(comparison, verification))
    if judgement is not None:
        where = "this machine" if machine == "host" else machine
        click.echo(_judged(judgement, f"{verification.dtype}, on {where}"))
    _judge(verification)


def _against_float(found: FloatComparison, verification: Verification) -> str:
    """How far quantisation moved one output, in words."""
    from mnc.names import printable

    ratio = "nothing lost" if found.sqnr is None else f"SQNR {found.sqnr:.1f} dB"
    if found.agreement is None:
        correlation = "" if found.correlation is None else f", correlation {found.correlation:.5f}"
        likeness = f"RMSE {found.rmse:.3g}{correlation}"
    else:
        likeness = f"they agree on {found.agreement:.2%} of {verification.samples} samples"
    place = f"[{', '.join(map(str, found.worst))}]"
    worst = f"worst at {place}: {found.got:.4g}, not {found.expected:.4g}"
    return f"against the float network, {printable(found.output)}: {ratio}; {likeness}; {worst}"


def _judged(found: Accuracy | Regression, how: str) -> str:
    """How often, or how nearly, model and code are right."""
    from mnc.accuracy import Accuracy

    if isinstance(found, Accuracy):
        return (
            f"accuracy: {found.model:.2%} of {found.samples} samples by the model, {found.code:.2%} by the code "
            f"({how}); they agree on {found.agreement:.2%}"
        )
    model, by_code = (
        f"RMSE {each.rmse:.4g}, MAE {each.mae:.4g}"
        + ("" if each.correlation is None else f", correlation {each.correlation:.4f}")
        for each in (found.model, found.code)
    )
    return f"error over {found.samples} samples: {model} by the model; {by_code} by the code ({how})"


def _judge(verification: Verification) -> None:
    """Print that every layer passes, or raise the fault of the first that does not."""
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
