"""Memory and time of the zoo's networks, before anything is trained."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from mnc.bench import bench
from mnc.compiler import Build
from mnc.compiler import compile as compile_graph
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Conv2D, DepthwiseConv2D
from mnc.ir.types import Constant
from mnc.language.values import Value
from mnc.pace import counted
from mnc.quantise import Scheme
from mnc.samples import random_inputs
from mnc.zoo import networks


@dataclass(frozen=True)
class Need:
    """The needs of one network in one element type.  Sizes are in bytes."""

    ram: int
    flash: int
    """Weights and tables; where a target was named, code besides."""
    instructions: int | None
    """Of one inference; None where no target was named."""


@dataclass(frozen=True)
class Architecture:
    """One network of the zoo and its costs."""

    name: str
    params: int
    macs: int
    float32: Need
    int8: Need


def costs(
    parameters: Mapping[str, Value] | None = None,
    target: str | None = None,
    names: Iterable[str] = networks.NAMES,
    backend: str = "c",
) -> Iterator[Architecture]:
    """Compile each network with random weights, calibrated on random inputs, and say what that costs.

    With a `target` the code is compiled for it and run on it as well.
    CompileError where the parameters do not fit or the target has no compiler.
    """
    for name in counted("compiling networks", [*names]):
        graph = lively(networks.graph(name, parameters))
        real = compile_graph(graph, backend, name, target)
        scheme = Scheme(random_inputs(graph), rounding="nearest", allow_loss=True)  # costs are those of any weights
        integers = compile_graph(graph, backend, name, target, scheme=scheme)
        yield Architecture(
            name=name,
            params=real.report.params,
            macs=real.report.macs,
            float32=_need(real, backend, target),
            int8=_need(integers, backend, target),
        )


def lively(graph: Graph) -> Graph:
    """A network whose random weights hand a signal on at the size it came in.

    The language fills weights as Keras does, under which a signal all but
    vanishes in a few depthwise convolutions: too small for int8.  Each output
    has weights of variance 2 / their number here (arXiv 1502.01852).  And each
    filter has a positive weight: one without is 0 behind a ReLU, and the compiler
    would leave it out of the cost, by the chance of these very weights.
    """
    return graph.with_nodes(map(_lively, graph.nodes))


def _lively(node: Node) -> Node:
    layer = node.layer
    if not isinstance(layer, (Conv2D, DepthwiseConv2D)):
        return node
    weights = layer.weights.array
    seen = weights[..., 0].size if isinstance(layer, Conv2D) else weights[..., 0, 0].size
    gain = math.sqrt(2 / seen) / float(weights.std())
    if isinstance(layer, Conv2D):
        weights = np.where(weights.max(axis=(0, 1, 2)) > 0.0, weights, -weights)
    return replace(node, layer=replace(layer, weights=Constant((weights * gain).astype(np.float32))))


def _need(build: Build, backend: str, target: str | None) -> Need:
    if target is None:
        return Need(build.report.ram.total, build.report.flash.total_constants, None)
    measured = bench(build.graph, build.name, backend, target)
    return Need(measured.ram, measured.flash, measured.instructions)


def to_json(architectures: Sequence[Architecture]) -> str:
    """One JSON object, indented: `{"networks": [...]}`, keys in the order of the fields."""
    return json.dumps({"networks": [asdict(architecture) for architecture in architectures]}, indent=2)
