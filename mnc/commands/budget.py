"""The options that limit what a network may take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from mnc.terminal.sizes import count, size

Result = TypeVar("Result")


def budget_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command the options; it takes them together, as `budgets`: arguments of `mnc.compile`."""

    @functools.wraps(command)
    def with_budgets(**given: Any) -> Result:
        budgets = {name: given.pop(name) for name in ("max_ram", "max_flash", "max_stack", "max_macs")}
        return command(budgets=budgets, **given)

    for decorate in reversed(_OPTIONS):
        with_budgets = decorate(with_budgets)
    return with_budgets


_OPTIONS = (
    click.option("--max-ram", type=size, metavar="BYTES", help="Write nothing if more RAM is needed; takes 64K."),
    click.option(
        "--max-flash",
        type=size,
        metavar="BYTES",
        help="Write nothing if more flash is needed: code and constants with a --target whose compiler is there, "
        "else constants alone; takes 64K.",
    ),
    click.option(
        "--max-stack",
        type=size,
        metavar="BYTES",
        help="Write nothing if a run takes more stack, measured on --target.",
    ),
    click.option(
        "--max-macs",
        type=count,
        metavar="COUNT",
        help="Write nothing if a run takes more multiply-accumulate operations; takes 5M.",
    ),
)
