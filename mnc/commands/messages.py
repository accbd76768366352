"""Messages of the commands on stderr, in the words of the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import click

from mnc.errors import Problem


def complain(text: str) -> None:
    """Print lines on stderr, with control characters spelled out."""
    from mnc.names import printable

    click.echo("\n".join(map(printable, text.split("\n"))), err=True)


def remark(notes: Sequence[str]) -> None:
    """Print what is worth knowing, but no fault, on stderr."""
    for note in notes:
        complain(f"note: {note}")


def warn(warnings: Sequence[str]) -> None:
    """Print what should be looked at on stderr."""
    for warning in warnings:
        complain(f"warning: {warning}")


def option(name: str) -> str:
    """The option that becomes an argument of this name."""
    return f"--{name.replace('_', '-')}"


def say(text: str) -> None:
    """Print one line on stdout, with control characters spelled out: the name of a file may hold any."""
    from mnc.names import printable

    click.echo(printable(text))


def in_options(problem: Problem) -> Problem:
    """The fault of a function's argument (`mnc.errors.argument`) as the fault of an option; others are kept.

    Its place and each hint are one line, whatever characters names of files in them hold.
    """
    from mnc.names import printable

    found = re.match(r"argument '(\w+)'", problem.where)
    where = printable(problem.where if found is None else option(found[1]) + problem.where[found.end() :])
    return replace(problem, where=where, hints=tuple(map(printable, problem.hints)))
