"""`Build.predict`: generated code built with the host's compiler and run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.targets.builtin import HOST
from mnc.targets.interface import Interface
from mnc.targets.measure import run


class Built(Protocol):
    """What has to be known of a build."""

    @property
    def name(self) -> str: ...
    @property
    def graph(self) -> Graph: ...
    @property
    def files(self) -> Mapping[str, str]: ...


def samples(graph: Graph, x: Array | Sequence[Array]) -> tuple[Array, ...]:
    """One array for each input, (samples, *shape), in the input's element type.

    `CompileError` where shapes do not fit.
    """
    arrays = (x,) if isinstance(x, np.ndarray) else tuple(x)
    if len(arrays) != len(graph.inputs):
        raise refuse("predict", f"the network has {len(graph.inputs)} inputs, not {len(arrays)}")
    for array, given in zip(arrays, graph.inputs, strict=True):
        if np.shape(array)[1:] != given.type.shape:
            raise refuse(
                "predict", f"input {given.name!r} is {given.type} for each sample, not of shape {np.shape(array)[1:]}"
            )
    return tuple(np.asarray(array, given.type.dtype.numpy) for array, given in zip(arrays, graph.inputs, strict=True))


def predict(build: Built, x: Array | Sequence[Array]) -> Array | list[Array]:
    """The outputs of generated code, as `Graph.predict` gives the reference's: one array, or a list of several."""
    outputs = run(HOST, build.files, Interface.of_graph(build.graph, build.name), samples(build.graph, x))
    return outputs[0] if len(outputs) == 1 else list(outputs)
