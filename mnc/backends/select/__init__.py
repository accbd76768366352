"""Instruction selection: a graph into kernel calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.program import Buffer, Program, Step
from mnc.backends.select.site import Site
from mnc.backends.select.values import VIEWS, place_values, separate_outputs
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer

Select = Callable[[Site[Any]], Step]


def select(graph: Graph, table: Mapping[type[Layer], Select], quantised: Mapping[type[Layer], Select]) -> Program:
    """Choose layouts, buffers and kernels for every layer.

    Every layer kind of the graph must be in `table`, or where it works on
    quantised values in `quantised`, or be a view.
    """
    graph = separate_outputs(graph)
    values, buffers = place_values(graph)
    steps: list[Step] = []
    state = 0
    for node in graph.nodes:
        if isinstance(node.layer, VIEWS):
            continue
        site = Site(
            node,
            node.layer,
            tuple(values[name] for name in node.inputs),
            tuple(values[name] for name in node.outputs),
        )
        step = (quantised if is_quantised(graph, node) else table)[type(node.layer)](site)
        steps.append(step)
        if step.scratch:
            buffers[step.scratch_buffer] = Buffer(step.scratch_buffer, "arena", step.scratch, 0, step.scratch_dtype)
        if step.state:
            buffers[step.state_buffer] = Buffer(step.state_buffer, "state", step.state, state)
            state += step.state
    return Program(graph, values, buffers, tuple(steps))


def is_quantised(graph: Graph, node: Node) -> bool:
    """Whether a layer reads or gives quantised values."""
    return any(graph.types[name].quant is not None for name in (*node.inputs, *node.outputs))
