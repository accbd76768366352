"""Changes that make a network's code smaller, to be tried where it does not fit.

`REMEDIES` is the table.  A remedy changes nothing but the request, so each is tried as a user would try it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mnc import backends
from mnc.backends.storage import USUAL, Storage
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.types import DType, show
from mnc.quantise.pipeline import Scheme
from mnc.samples import random_inputs


@dataclass(frozen=True)
class Request:
    """All that decides which code a network becomes, but for its name."""

    graph: Graph
    backend: str = "c"
    target: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    scheme: Scheme | None = None
    storage: Storage = USUAL


@dataclass(frozen=True)
class Change:
    """A request that was changed."""

    words: str
    """The change, as on the command line."""
    request: Request


Remedy = Callable[[Request], Change | None]
"""The request with one change; None where there is nothing to change."""


def compact_code(request: Request) -> Change | None:
    """Layers of other sizes share code."""
    return _setting(request, "code", "compact")


def rows_in_turns(request: Request) -> Change | None:
    """Layers make their rows in turns wherever that saves memory."""
    if request.storage.memory == "least":
        return None
    return Change("--memory least", replace(request, storage=replace(request.storage, memory="least")))


def fed_rows(request: Request) -> Change | None:
    """The rows of an input that the network owns are handed in one by one, so that it never holds all of them."""
    if request.storage.input != "owned":
        return None
    storage = replace(request.storage, feed="rows", input="caller")
    return Change("--feed rows instead of --input owned", replace(request, storage=storage))


def overlapping_rows(request: Request) -> Change | None:
    """A library's functions write over the rows that they have read."""
    return _setting(request, "ram", "least")


def own_kernels(request: Request) -> Change | None:
    """Mnc's own kernels instead of a library's, which compute a layer whole."""
    if request.backend != "cmsis-nn":
        return None
    kept = {key: value for key, value in request.settings.items() if key in backends.get("c").options}
    return Change("--backend c", replace(request, backend="c", settings=kept))


def integers(request: Request) -> Change | None:
    """Int8 instead of float32; sizes are those of any samples."""
    if request.scheme is not None or {type_.dtype for type_ in request.graph.types.values()} != {DType.FLOAT32}:
        return None
    return Change("--quantize int8", replace(request, scheme=_quick(request.graph)))


def smaller_input(request: Request) -> Change | None:
    """Images, or sequences, of half the size, where the layers take them: the network is to be trained so."""
    graph = request.graph
    inputs = tuple(
        replace(each, type=replace(each.type, shape=(*(-(-n // 2) for n in each.type.shape[:-1]), each.type.shape[-1])))
        if each.type.rank > 1
        else each
        for each in graph.inputs
    )
    if inputs == graph.inputs:
        return None
    try:
        smaller = replace(graph, inputs=inputs)
    except CompileError:
        return None
    sizes = ", ".join(show(each.type.shape) for each in inputs)
    scheme = None if request.scheme is None else _quick(smaller)
    return Change(f"an input of {sizes}", replace(request, graph=smaller, scheme=scheme))


def _setting(request: Request, key: str, value: str) -> Change | None:
    if key not in backends.get(request.backend).options or key in request.settings:
        return None
    return Change(f"-X {key}={value}", replace(request, settings={**request.settings, key: value}))


def _quick(graph: Graph) -> Scheme:
    """Int8 by random samples: the costs are those of any."""
    return Scheme(random_inputs(graph), ranges="minmax", rounding="nearest", allow_loss=True)


REMEDIES: tuple[Remedy, ...] = (
    compact_code,
    rows_in_turns,
    fed_rows,
    overlapping_rows,
    own_kernels,
    integers,
    smaller_input,
)
"""The least intrusive comes first."""


def together(request: Request, remedies: Sequence[Remedy]) -> Change:
    """The request with several remedies, one upon the other."""
    words = []
    for remedy in remedies:
        if (change := remedy(request)) is not None:
            words.append(change.words)
            request = change.request
    return Change(" and ".join(words), request)
