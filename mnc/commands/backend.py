"""The options that choose a backend and set it up."""

from __future__ import annotations

from pathlib import Path

import click

backend_option = click.option("--backend", default="c", show_default=True, metavar="NAME", help="See `mnc backends`.")

target_option = click.option("--target", metavar="TARGET", help="See `mnc targets`.  [default: any]")


def _settings(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE` words as a mapping."""
    settings: dict[str, str] = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{word!r} is not KEY=VALUE", context, parameter)
        if key in settings:
            raise click.BadParameter(f"{key!r} is given twice", context, parameter)
        settings[key] = value
    return settings


cmsis_nn_option = click.option(
    "--cmsis-nn",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where CMSIS-NN lies, for code that calls it.  [default: what CMSIS_NN_PATH names]",
)

settings_option = click.option(
    "-X",
    "settings",
    multiple=True,
    callback=_settings,
    metavar="KEY=VALUE",
    help="An option of the backend's own; may be repeated.",
)
