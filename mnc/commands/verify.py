"""`mnc verify`: generated code held against the reference, and against the truth."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnc.commands.backend import backend_option, cmsis_nn_option
from mnc.commands.code import CodeOptions, code_options, storage_options
from mnc.commands.messages import option, remark, warn
from mnc.commands.model import model_argument
from mnc.errors import CompileError, Problem
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.accuracy import Accuracy, Regression
    from mnc.backends.storage import Storage
    from mnc.report import FloatComparison, LayerVerification, Verification

Result = TypeVar("Result")

GOALS = {"accuracy": 100.0, "agreement": 100.0, "auc": 1.0, "r2": 1.0, "cosine": 1.0}
"""Figures of the code that can be asked for, and the number that stands for all."""
_WORDS = {
    "accuracy": "of a hundred samples, how many the code shall classify rightly",
    "agreement": "of a hundred samples, on how many code and model shall agree",
    "auc": "area under the curve of two classes",
    "r2": "share of the variance that the code's numbers shall explain",
    "cosine": "of the code's numbers and the right ones",
}
ORACLE = "TensorFlow Lite Micro"
_FILES = click.Path(exists=True, path_type=Path)


def goals(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command `--min-accuracy` and its like; it takes all that are given as `minima`, by the figure's name."""

    @functools.wraps(command)
    def with_goals(**given: Any) -> Result:
        said = {name: given.pop(f"min_{name}") for name in GOALS}
        return command(minima={name: value for name, value in said.items() if value is not None}, **given)

    for name in reversed(GOALS):
        kind = click.FloatRange(0.0, GOALS[name])
        decorate = click.option(f"--min-{name}", type=kind, metavar="LEAST", help=f"With --labels: {_WORDS[name]}.")
        with_goals = decorate(with_goals)
    return with_goals


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
@goals
@click.option(
    "--on",
    "machine",
    metavar="TARGET",
    default="host",
    show_default=True,
    help="See `mnc targets`; or serial:PORT[:RATE], a board with what `mnc compile --firmware` writes.",
)
@click.option("--target", metavar="TARGET", help="With --on serial:PORT: what the firmware was compiled for.")
@cmsis_nn_option
@click.option(
    "--oracle",
    type=click.Choice(["tflm"]),
    help="Run a .tflite MODEL by TensorFlow Lite Micro's interpreter as well, on the same samples as one sequence.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
def verify(
    model: Path,
    backend: str,
    code: CodeOptions,
    storage: Storage,
    inputs: Path | None,
    labels: Path | None,
    machine: str,
    target: str | None,
    cmsis_nn: Path | None,
    oracle: str | None,
    minima: Mapping[str, float],
    as_json: bool,
) -> None:
    """Build and run MODEL; compare each layer with the reference."""
    if labels is not None and inputs is None:
        raise click.UsageError("--labels are those of --inputs")
    if minima and labels is None:
        raise click.UsageError(f"{option(f'min_{next(iter(minima))}')} serves no purpose without --labels")
    if oracle is not None and code.quantisation.io is not None:
        raise click.UsageError("--oracle runs MODEL as it is: leave --io out")
    from mnc.board.port import PREFIX, Address

    address = Address.of(machine) if machine.startswith(PREFIX) else None
    if target is not None and address is None:
        raise click.UsageError("--target is for --on serial:PORT; --on TARGET says both")
    judgement = None
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(sys.stderr, f"reading {model.name}"))
        graph, notes = code.read(model)

        from mnc.board.conversation import connected
        from mnc.samples import load_samples, load_truth, missing_classes
        from mnc.verify import verify as compare

        scheme = code.scheme(graph)
        samples = None if inputs is None else load_samples(inputs, graph, code.quantisation.pixels)
        truth = None if labels is None or samples is None else load_truth(labels, graph, len(samples[0]))
        progress.step(f"{'' if address else 'building and '}running {model.name} on {machine}")
        board = None if address is None else stack.enter_context(connected(address))
        made_for = machine if address is None else target
        content = None if oracle is None else model.read_bytes()
        verification = compare(
            graph, backend, samples, made_for, code.settings, scheme, cmsis_nn, storage, board, content
        )
        if truth is not None and samples is not None:
            from mnc.accuracy import judge

            judgement = judge(graph, samples, verification.outputs[0], truth)
    remark(notes)
    warn((*verification.warnings, *(() if labels is None else missing_classes(labels, graph))))
    where = "this machine" if machine == "host" else machine
    if as_json:
        click.echo(verification.to_json(judgement))
    else:
        _print(verification, judgement, where, graph.classes)
    fault = verification.first_failure
    problems = [] if fault is None else [_difference(fault, verification)]
    problems += [] if judgement is None else _missed(judgement, minima)
    if problems:
        raise CompileError(*problems)
    if not as_json:
        click.echo(
            f"{len(verification.layers)} layers, {verification.samples} samples: "
            f"the same as the reference {verification.tolerance}{_alike(verification)}{_reached(judgement, minima)}"
        )


def _print(
    verification: Verification, judgement: Accuracy | Regression | None, where: str, classes: Sequence[str]
) -> None:
    """Tables and sentences."""
    from mnc.terminal.judgement import confusion, judged
    from mnc.terminal.tables import Paper, verified

    paper = Paper.of(sys.stdout)
    click.echo(verified(verification, paper))
    for comparison in verification.against_float:
        click.echo(_against_float(comparison, verification))
    if judgement is not None:
        click.echo("\n".join(judged(judgement, f"{verification.dtype}, on {where}")))
        if table := confusion(judgement, paper, classes):
            click.echo(table)


def _against_float(found: FloatComparison, verification: Verification) -> str:
    """How far quantisation moved one output, in words."""
    from mnc.names import printable
    from mnc.terminal.tables import show_place

    ratio = "nothing lost" if found.sqnr is None else f"SQNR {found.sqnr:.1f} dB"
    if found.agreement is None:
        correlation = "" if found.correlation is None else f", correlation {found.correlation:.5f}"
        likeness = f"RMSE {found.rmse:.3g}{correlation}"
    else:
        likeness = f"they agree on {found.agreement:.2%} of {verification.samples} samples"
    worst = f"worst at {show_place(found.worst)}: {found.got:.4g}, not {found.expected:.4g}"
    return f"against the float network, {printable(found.output)}: {ratio}; {likeness}; {worst}"


def _alike(verification: Verification) -> str:
    """The oracle that agrees, where one was asked."""
    if not verification.oracle:
        return ""
    exact = all(each.dtype != "float32" for each in verification.oracle)
    return f"; {ORACLE} gives {'the same bytes' if exact else 'the same numbers, as near'}"


def _difference(failure: LayerVerification, verification: Verification) -> Problem:
    """The fault of the first layer that differs, or of an output that the oracle gives otherwise."""
    from mnc.terminal.tables import show_place

    where, other, first = f"layer {failure.name!r}", "the reference", "layer that is not the same as the reference"
    if failure in verification.oracle:
        where, other, first = f"output {failure.name!r}", ORACLE, f"output that is not the same as by {ORACLE}"
    ulp = "" if failure.ulp_at_worst is None else f" ({failure.ulp_at_worst:.3g} ULP)"
    what = (
        f"the generated code differs from {other} by {failure.max_abs_error:.3g}{ulp}; "
        f"at {show_place(failure.worst)} it gives {failure.got!r}, not {failure.expected!r}"
    )
    return Problem(where, what, (f"it is the first {first} {verification.tolerance}",))


def _figure(judgement: Accuracy | Regression, name: str) -> float | None:
    """A figure of the code by its name in `GOALS`, in its unit; None where this network and these labels have none."""
    got = getattr(judgement, name) if name == "agreement" else getattr(judgement.code, name, None)
    return None if got is None else float(got) * GOALS[name]


def _reached(judgement: Accuracy | Regression | None, minima: Mapping[str, float]) -> str:
    """The figures that were asked for, all of them reached."""
    if judgement is None or not minima:
        return ""
    figures = (f"{name} {_figure(judgement, name):.6g}, at least {least:g}" for name, least in minima.items())
    return f"; {'; '.join(figures)}"


def _missed(judgement: Accuracy | Regression, minima: Mapping[str, float]) -> list[Problem]:
    """A problem for each figure of the code that is less than it shall be, or that this network does not have."""
    found = []
    for name, least in minima.items():
        got = _figure(judgement, name)
        if got is None:
            found.append(Problem(option(f"min_{name}"), f"there is no {name} of this network and these labels"))
        elif got < least:
            found.append(Problem(option(f"min_{name}"), f"the code reaches {got:.6g}, not {least:g}"))
    return found
