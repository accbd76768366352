"""One compiled network with all that a page shows of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnc.accuracy import Accuracy, Regression, judge
from mnc.bench import Cost, cost
from mnc.budget import Budget
from mnc.compiler import LONGEST_RUN, Build
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.page.histograms import Histogram, outputs, weights

NO_BUDGET = Budget()


@dataclass(frozen=True)
class Origin:
    """Where a network comes from."""

    file: str
    """Its name, without folders."""
    sha256: str
    command: str
    """The command that makes this code."""


@dataclass(frozen=True)
class Subject:
    """A build, and what was measured and observed of it."""

    build: Build
    origin: Origin
    cost: Cost | None
    """None where nothing was run."""
    not_run: str
    """Why; empty where it was."""
    weights: tuple[Histogram, ...]
    outputs: tuple[Histogram, ...]
    observed_on: str
    """The samples of `outputs`, in words."""
    judgement: Accuracy | Regression | None
    budget: Budget


def origin(model: Path, command: str) -> Origin:
    """Of a file; of a folder of a model without a hash."""
    digest = hashlib.sha256(model.read_bytes()).hexdigest() if model.is_file() else ""
    return Origin(model.name, digest, command)


def subject(
    graph: Graph,
    build: Build,
    origin: Origin,
    *,
    samples: Sequence[Array] | None = None,
    truth: Array | None = None,
    budget: Budget = NO_BUDGET,
) -> Subject:
    """A build of `graph` with its costs, spreads and accuracy.

    `samples` are as `graph` takes them, one array for each input, and `truth` as
    `mnc.samples.load_truth` has it.  Layers are timed where the build's target has
    an emulator here and the network is no larger than `LONGEST_RUN`.
    """
    found, why = _cost(build)
    values, words = outputs(build, samples)
    judgement = None
    if samples is not None and truth is not None:
        given = build.graph.predict(list(samples))
        results = given[0] if isinstance(given, list) else given
        type_ = build.graph.types[build.graph.outputs[0]]
        judgement = judge(graph, samples, type_.real(results) if results.dtype.kind == "i" else results, truth)
    return Subject(build, origin, found, why, weights(build), values, words, judgement, budget)


def _cost(build: Build) -> tuple[Cost | None, str]:
    """The measured cost by layer, or the reason why there is none."""
    target = build.report.target
    if target is None:
        return None, "no target is named"
    if build.report.macs > LONGEST_RUN:
        return None, f"the network has more than {LONGEST_RUN:,} operations"
    try:
        return cost(build, target, layers=True), ""
    except CompileError as fault:
        return None, f"{fault.problems[0].where}: {fault.problems[0].what}"
