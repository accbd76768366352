"""The kinds and functions of the language, as the tables of its documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from mnc.language.forms import Context, PaddingForm
from mnc.language.functions import functions
from mnc.language.kind import OUTPUT, REQUIRED, Attribute, Kind
from mnc.language.kinds import kinds
from mnc.language.window_kinds import SidesForm


def layers() -> str:
    """Every layer kind as Markdown: its names, attributes with their defaults, and constants."""
    rows = ["| layer | attributes, in their order | constants |", "|---|---|---|"]
    for kind in sorted(kinds(), key=lambda kind: kind.name):
        names = ", ".join(f"`{name}`" for name in kind.names)
        attributes = ", ".join(_attribute(each) for each in kind.attributes if each is not OUTPUT)
        rows.append(f"| {names} | {attributes} | {', '.join(_constants(kind))} |")
    return "\n".join(rows) + "\n"


def activations() -> str:
    """Every activation function as Markdown: its name and arguments with their defaults."""
    rows = ["| activation | arguments | meaning |", "|---|---|---|"]
    for name, named in sorted(functions().items()):
        defaults = {each.name: each.default for each in fields(named.function)} | dict(named.preset)
        arguments = [f"`{key} = {_plain(value)}`" for key, value in defaults.items() if key not in named.fixed]
        meaning = (named.function.__doc__ or "").strip().split("\n")[0]
        fixed = "".join(f"; {key} = {_plain(value)}" for key, value in named.fixed.items())
        rows.append(f"| `{name}` | {', '.join(arguments)} | {meaning.rstrip('.')}{fixed} |".replace("|x|", r"\|x\|"))
    return "\n".join(rows) + "\n"


def _attribute(attribute: Attribute) -> str:
    names = "/".join(f"`{name}`" for name in attribute.names)
    if attribute.default is REQUIRED:
        return f"**{names}**"
    if callable(attribute.default):
        return names
    by_rule = isinstance(attribute.form, (PaddingForm, SidesForm)) and attribute.form.words
    return f"{names} = {'valid' if by_rule else attribute.form.write(attribute.default, Context(()))}"


def _constants(kind: Kind) -> Iterator[str]:
    for weight in kind.weights:
        yield f"`{weight.field}`" + (f" (`{weight.flag} = false`)" if weight.optional and weight.expected else "")


def _plain(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)
