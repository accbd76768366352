"""Which argument of a call means what, before any of them is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mnc.language import tree
from mnc.language.calls import Given
from mnc.language.source import SourceError
from mnc.language.values import Tensor, Value, describe
from mnc.names import similar

Evaluate = Callable[[tree.Expression], Value]


def name_argument(call: tree.Call, value: Evaluate) -> tuple[str | None, list[tree.Argument]]:
    """The argument `name` of a layer or block, and the others."""
    given = [argument for argument in call.arguments if argument.keyword == "name"]
    others = [argument for argument in call.arguments if argument.keyword != "name"]
    if not given:
        return None, others
    name = value(given[0].value)
    if not isinstance(name, str) or not name or len(given) > 1:
        raise SourceError(given[-1].at, f'name takes one text, as in name = "hidden", not {describe(name)}')
    return name, others


def split(arguments: Sequence[tree.Argument], value: Evaluate) -> tuple[Given, dict[int, Value]]:
    """The arguments of a layer: first the inputs, then attributes by position, then those with names.

    To tell them apart the first attribute was worked out; the second result
    has its value, by the identity of its expression.
    """
    positional = [argument for argument in arguments if argument.keyword is None]
    inputs: list[Tensor] = []
    places: list[tree.Expression] = []
    evaluated: dict[int, Value] = {}
    taken = 0
    for argument in positional:
        first = argument.value
        worth = value(first)
        tensors = list(worth) if isinstance(worth, (tuple, list)) else [worth]
        found = [tensor for tensor in tensors if isinstance(tensor, Tensor)]
        if not found or len(found) < len(tensors):
            evaluated[id(first)] = worth
            break
        inputs += found
        places += [first] * len(found)
        taken += 1
    named = tuple(argument for argument in arguments if argument.keyword is not None)
    return Given(tuple(inputs), tuple(places), tuple(positional[taken:]), named), evaluated


def bind_parameters(
    block: tree.Block, call: tree.Call, arguments: Sequence[tree.Argument]
) -> dict[str, tree.Expression]:
    """The expression for each parameter of a block; SourceError where arguments and parameters do not match."""
    known = [parameter.name for parameter in block.parameters]
    bound: dict[str, tree.Expression] = {}
    position = 0
    for argument in arguments:
        name = argument.keyword
        if name is None:
            if position >= len(known):
                takes = f"takes {len(known)} argument{'' if len(known) == 1 else 's'}, not more"
                raise SourceError(argument.at, f"the block '{block.name}' {takes}")
            name, position = known[position], position + 1
        if name not in known:
            hints = similar(name, known) or (f"it has {', '.join(known)}" if known else "it has none",)
            raise SourceError(argument.at, f"the block '{block.name}' has no parameter '{name}'", *hints)
        if name in bound:
            raise SourceError(argument.at, f"the block '{block.name}' is given '{name}' twice")
        bound[name] = argument.value
    for parameter in block.parameters:
        if parameter.name not in bound and parameter.default is None:
            raise SourceError(call.at, f"the block '{block.name}' needs '{parameter.name}'")
    return bound
