"""The command line, with `mnc.commands` the only place that prints, writes and exits.

Imports are where they are used, so that a command loads no more than it needs.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from mnc.commands.backend import backend_option, target_option
from mnc.commands.bench import bench
from mnc.commands.budget import budget_options
from mnc.commands.code import CodeOptions, code_options, storage_options
from mnc.commands.fmt import fmt
from mnc.commands.link import link
from mnc.commands.messages import complain, in_options, remark, say, warn
from mnc.commands.model import directory_option, force_option, model_argument
from mnc.commands.plan import plan
from mnc.commands.quickstart import quickstart
from mnc.commands.report import report, subject_of, write_page
from mnc.commands.show import show
from mnc.commands.train import train
from mnc.commands.verify import verify
from mnc.commands.zoo import zoo
from mnc.errors import CompileError, Problem
from mnc.names import printable
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.backends.storage import Storage
    from mnc.compiler import Build

DONE, REFUSED, WRONG_USAGE = 0, 1, 2
COLLECTION = 100_000
"""New objects between two garbage collections: a network is many objects that live on, and few cycles."""
INTERRUPTED, PIPE_CLOSED = 130, 141  # 128 + the signal, as shells have it

PACKAGE_BACKENDS = {
    "arduino": "cpp",
    "cmake": "c",
    "cmsis-pack": "c",
    "conan": "c",
    "esp-idf": "c",
    "micropython": "c",
    "platformio": "cpp",
    "zephyr": "c",
}
"""Kinds of packages, and the backend whose code is packed where none is named; as in `mnc.packages`."""

FIRMWARE = ("arduino", "esp-idf", "plain", "zephyr")
"""Kinds of firmware; as in `mnc.board.firmware`."""

SAMPLES = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mnc", message="%(prog)s %(version)s")
@click.option("--traceback", "traceback_", is_flag=True, hidden=True, help="Show where in mnc a fault arose.")
def commands(traceback_: bool) -> None:
    """The MicroNet Compiler: trained neural networks to C for microcontrollers."""


@commands.command("compile")
@model_argument
@directory_option
@click.option(
    "--backend", metavar="NAME", help="See `mnc backends`.  [default: c; cpp in packages for arduino and platformio]"
)
@click.option("--name", help="What the network is called in the code.  [default: the model file's name]")
@target_option
@click.option(
    "--package", type=click.Choice(tuple(PACKAGE_BACKENDS)), help="Write a library of this kind, with an example."
)
@click.option(
    "--firmware",
    type=click.Choice(FIRMWARE),
    help="Write a firmware of this kind, for `mnc verify --on serial:PORT`, instead.",
)
@click.option("--sample", type=SAMPLES, metavar="X.npy", help="The example's sample: the first one in this file.")
@click.option("--author", metavar="NAME", help="The package's author: a name, or 'Name <mail@address>'.")
@budget_options
@code_options
@storage_options
@force_option
@click.option(
    "--report",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write a page to look at, too, as `mnc report` does.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def compile_(
    model: Path,
    directory: Path,
    backend: str | None,
    name: str | None,
    target: str | None,
    package: str | None,
    firmware: str | None,
    sample: Path | None,
    author: str | None,
    budgets: Mapping[str, int | None],
    code: CodeOptions,
    storage: Storage,
    force: bool,
    page: Path | None,
    as_json: bool,
) -> None:
    """Compile MODEL to source code and say what it costs.

    MODEL is a Keras .h5 or .keras, a TensorFlow Lite .tflite or a network text .mnc.
    """
    if page is not None and page.suffix != ".html":
        raise click.UsageError(f"--report writes HTML: {page.name!r} does not end in .html")
    if firmware is not None and package is not None:
        raise click.UsageError("--firmware and --package each decide which files are written: give one of them")
    if sample is not None and package is None:
        raise click.UsageError("--sample is for the example of a --package")
    if author is not None and package is None:
        raise click.UsageError("--author is for the manifest of a --package")
    with Progress(sys.stderr, f"reading {model.name}") as progress:
        from mnc.backends.names import name_from
        from mnc.compiler import compile as compile_graph
        from mnc.output import write_files

        graph, notes = code.read(model)
        progress.step(f"compiling {model.name}")
        build = compile_graph(
            graph,
            backend=backend or (PACKAGE_BACKENDS[package] if package else "c"),
            name=name_from(model.stem) if name is None else name,
            target=target,
            settings=code.settings,
            scheme=code.scheme(graph),
            max_ram=budgets["max_ram"],
            max_flash=budgets["max_flash"],
            max_stack=budgets["max_stack"],
            max_macs=budgets["max_macs"],
            measure=True,
            **storage.asked,
        )
        files = packed(build, package, sample, author)
        if firmware is not None:
            files = with_firmware(firmware, build)
        if page is not None:
            progress.step(f"drawing {model.name}")
            write_page(page, subject_of(model, graph, build, code, budgets), force=force)
        write_files(files, directory, force=force)
    made = replace(build.report, files=tuple(files))
    remark(notes)
    warn(made.warnings)
    if as_json:
        click.echo(made.to_json())
        return
    from mnc.terminal.tables import Paper, compiled

    click.echo(compiled(made, Paper.of(sys.stdout)))
    say(f"wrote {', '.join(str(directory / file) for file in made.files)}")


@commands.command()
@model_argument
@backend_option
@target_option
@code_options
@storage_options
@click.option("--json", "as_json", is_flag=True, help="Print the problems as one JSON object.")
def check(model: Path, backend: str, target: str | None, code: CodeOptions, storage: Storage, as_json: bool) -> None:
    """List all that is not supported in MODEL, each with a way out."""
    with Progress(sys.stderr, f"reading {model.name}"):
        from mnc.compiler import check as refusals

        problems: tuple[Problem, ...]
        notes: tuple[str, ...] = ()
        try:
            graph, notes = code.read(model)
            problems = refusals(graph, backend, target, code.settings, code.scheme(graph), storage)
        except CompileError as fault:
            if not as_json:
                raise
            problems = fault.problems
    remark(notes)
    if as_json:
        listed = [{"where": each.where, "what": each.what, "hints": each.hints} for each in map(in_options, problems)]
        click.echo(json.dumps({"model": model.name, "supported": not problems, "problems": listed}, indent=2))
    if problems:
        raise CompileError(*problems)
    if not as_json:
        say(f"{model}: everything is supported")


for command in (verify, show, plan, report, link, fmt, bench, zoo, train, quickstart):
    commands.add_command(command)


@commands.command()
@click.option("--markdown", is_flag=True, help="As a page of documentation: docs/layers.md.")
def layers(markdown: bool) -> None:
    """List the layers that compile, and what is read of Keras."""
    from mnc.terminal.keras_table import keras_rows
    from mnc.terminal.layer_table import layer_rows, left, page
    from mnc.terminal.tables import Paper, listing

    if markdown:
        click.echo(page(), nl=False)
        return
    paper = Paper.of(sys.stdout)
    rows = [(row.name, row.float32, row.int8, row.int16, ", ".join(row.attributes)) for row in layer_rows()]
    click.echo(listing(("layer", "float32", "int8", "int16", "attributes"), rows, paper))
    click.echo()
    classes = [(row.name, ", ".join(row.becomes) or left(row), row.meaning) for row in keras_rows()]
    click.echo(listing(("Keras", "becomes", "what it does"), classes, paper))


@commands.command()
def backends() -> None:
    """List the backends, and the options of each."""
    from mnc.terminal.catalogue import backend_rows, option_rows
    from mnc.terminal.tables import Paper, listing

    paper = Paper.of(sys.stdout)
    click.echo(listing(("backend", "from", "generates"), backend_rows(), paper))
    click.echo()
    click.echo(listing(("backend", "option", "what it does"), option_rows(), paper))


@commands.command()
def targets() -> None:
    """List the targets: machines to choose code for and run it on."""
    from mnc.terminal.catalogue import target_rows
    from mnc.terminal.tables import Paper, listing

    click.echo(listing(("target", "machine", "runs by"), target_rows(), Paper.of(sys.stdout)))


def packed(build: Build, package: str | None, sample: Path | None, author: str | None) -> Mapping[str, str | bytes]:
    """The files to write: the generated ones, or a package of them."""
    if package is None:
        return build.contents
    from mnc.packages import PACKAGES, archived, first_sample, marked
    from mnc.packages.example import AUTHOR
    from mnc.reference.run import feed
    from mnc.samples import load_samples

    samples = None if sample is None else list(feed(build.graph, load_samples(sample, build.graph)).values())
    files = PACKAGES[package](build, first_sample(build.graph, samples), AUTHOR if author is None else author)
    return archived(package, build.name, marked(files))


def with_firmware(kind: str, build: Build) -> Mapping[str, str]:
    """The files of a firmware with the network in it."""
    from mnc.board.firmware import UNNAMED, fingerprint, firmware
    from mnc.compiler import traced
    from mnc.packages import marked

    return marked(firmware(kind, traced(build), build.name, fingerprint(traced(replace(build, name=UNNAMED)))))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; every fault becomes an `error:` on stderr."""
    try:
        with commands.make_context("mnc", list(arguments)) as context:
            commands.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as fault:
        return _wrong_usage(fault)
    except CompileError as fault:
        complain("\n".join(str(in_options(problem)) for problem in fault.problems))
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except EndedError as ended:
        return 128 + ended.signal
    except BrokenPipeError:
        _discard(sys.stdout)
        return PIPE_CLOSED
    except OSError as fault:
        _discard(sys.stdout)
        complain(str(in_options(Problem(str(fault.filename or "output"), fault.strerror or str(fault)))))
        return REFUSED
    except MemoryError:
        complain(str(Problem("", "this machine has not enough memory to compile the model")))
        return REFUSED
    except Exception as fault:  # the user gets a sentence, not a stack
        if "--traceback" in arguments:
            traceback.print_exc()
        complain(str(_own_fault(fault, arguments)))
        return REFUSED
    return DONE


def _own_fault(fault: Exception, arguments: Sequence[str]) -> Problem:
    """A fault that no user made: mnc's, or the fault of the plugin through whose code it came."""
    from mnc.backends import culprit

    plugin = culprit(fault)
    where, whose = ("internal", "mnc") if plugin is None else (f"backend {plugin.name!r}", plugin.distribution)
    report = f"please report it with what `mnc --traceback {' '.join(arguments)}` prints"
    return Problem(where, f"{type(fault).__name__}: {fault}", (f"this is a fault of {whose}; {report}",))


def _wrong_usage(fault: click.UsageError) -> int:
    command = fault.ctx.command_path if fault.ctx else "mnc"
    what = printable(fault.format_message().rstrip("."))
    complain(str(Problem(command, what, (f"`{command} --help` shows how it is used",))))
    return WRONG_USAGE


def _discard(stream: TextIO) -> None:
    """Let what is still buffered for a reader that has gone vanish, so that Python's exit does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class EndedError(BaseException):
    """Somebody ends the process: what it has begun is put away, as after an interrupt."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise EndedError(number)


def main() -> NoReturn:
    """The `mnc` command."""
    gc.set_threshold(COLLECTION)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup has set it to be ignored
            signal.signal(number, _end)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
