"""Running a whole network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.types import Array, show
from mnc.reference.dispatch import apply
from mnc.reference.quantised import apply_quantised


def predict(graph: Graph, x: Array | Sequence[Array]) -> Array | list[Array]:
    """The outputs of the network: see `Graph.predict`."""
    values = evaluate(graph, x)
    outputs = [values[name] for name in graph.outputs]
    return outputs[0] if len(outputs) == 1 else outputs


def evaluate(graph: Graph, x: Array | Sequence[Array]) -> dict[str, Array]:
    """Every value of the network by name, inputs first, then in execution order.

    `x` is as in `Graph.predict`; CompileError where it does not fit the inputs.
    """
    values = feed(graph, x)
    for node in graph.nodes:
        outputs = apply_node(graph, node, [values[name] for name in node.inputs])
        for name, value in zip(node.outputs, outputs, strict=True):
            assert value.shape[1:] == graph.types[name].shape, f"{node.where}: {value.shape} is not {graph.types[name]}"
            values[name] = value
    return values


def apply_node(graph: Graph, node: Node, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """All outputs of one node of the graph, in float32 or in integers as its values are."""
    types = graph.input_types(node)
    results = [graph.types[name] for name in node.outputs]
    if any(each.quant is not None for each in (*types, *results)):
        return apply_quantised(node.layer, types, results, *inputs)
    return apply(node.layer, *inputs)


def feed(graph: Graph, x: Array | Sequence[Array]) -> dict[str, Array]:
    """The network's inputs by name, each of its element type; CompileError where `x` does not fit them."""
    arrays = [x] if isinstance(x, np.ndarray) else list(x)
    if len(arrays) != len(graph.inputs):
        shapes = ", ".join(_expected(given) for given in graph.inputs)
        raise refuse(
            f"network {graph.name!r}",
            f"takes {len(graph.inputs)} input arrays, not {len(arrays)}",
            f"It expects: {shapes}.",
        )
    values = {given.name: _fit(given, array) for given, array in zip(graph.inputs, arrays, strict=True)}
    batches = {name: len(array) for name, array in values.items()}
    if len(set(batches.values())) > 1:
        sizes = ", ".join(f"{name!r} has {size}" for name, size in batches.items())
        raise refuse(f"network {graph.name!r}", f"all inputs need the same number of samples: {sizes}")
    return values


def _fit(given: Input, array: Array) -> Array:
    """`array` as the input's element type, checked."""
    where = f"input {given.name!r}"
    try:
        value = np.asarray(array).astype(given.type.dtype.numpy)
    except (TypeError, ValueError):
        raise refuse(where, f"expects numbers of shape {_expected(given)}") from None
    if value.ndim == 0 or value.shape[1:] != given.type.shape:
        hint = "The first axis is the batch."
        raise refuse(where, f"expects {_expected(given)}, not {show(value.shape)}", hint)
    return value


def _expected(given: Input) -> str:
    return "x".join(["batch", *map(str, given.type.shape)])
