"""Generated C of quantised networks against the reference: the same bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from generated_c import SANITIZED, Case, run_cases
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from quantised_networks import stored_samples

import mnc
from mnc.compiler import Build
from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.reference import predict

BATCH = hypothesis_settings(
    deadline=None,
    max_examples=1,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking calls the compiler hundreds of times
)
"""One call of the compiler."""


def case_of(built: Build, inputs: Sequence[Array]) -> Case:
    """A build and samples to run it over."""
    types = [built.graph.types[name] for name in built.graph.outputs]
    sizes, dtypes = [type_.elements for type_ in types], [type_.dtype.value for type_ in types]
    return Case(built.name, built.files, inputs, sizes, dtypes)


def assert_same_bits(
    graphs: Sequence[Graph],
    folder: Path,
    compiler: str,
    flags: Sequence[str] = SANITIZED,
    *,
    backend: str = "c",
    target: str | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    library: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """The C of all networks, in one program, gives what the reference makes of the networks before any pass.

    `library` are files that the code is built with, `settings` the backend's own options.
    """
    inputs = [stored_samples(graph) for graph in graphs]
    builds = [mnc.compile(graph, backend, f"n{i}", target, settings=settings) for i, graph in enumerate(graphs)]
    cases = [case_of(built, x) for built, x in zip(builds, inputs, strict=True)]
    for graph, x, outputs in zip(
        graphs, inputs, run_cases(cases, folder, compiler, flags, library=library), strict=True
    ):
        expected = predict(graph, x)
        for got, want in zip(outputs, expected if isinstance(expected, list) else [expected], strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want.reshape(got.shape), err_msg=str(graph))
