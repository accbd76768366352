"""Instruction selection: a graph into kernel calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mnc.backends.select.site import Site
from mnc.backends.select.values import VIEWS, place_values, separate_outputs
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.types import DType
from mnc.program import Buffer, Program, Step

Select = Callable[[Site[Any]], Step]
Table = Mapping[type[Layer], Select]
_NOTHING: Table = MappingProxyType({})


def select(graph: Graph, table: Table, quantised: Table, int16: Table = _NOTHING) -> Program:
    """Choose layouts, buffers and kernels for every layer.

    Every layer kind of the graph must be in `table`, or where it works on
    quantised values in `quantised`, on such of int16 in `int16`, or be a view.
    """
    tables = {DType.FLOAT32: table, DType.INT8: quantised, DType.INT16: int16}
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
        step = tables[numbers(graph, node)][type(node.layer)](site)
        steps.append(step)
        if step.scratch:
            buffers[step.scratch_buffer] = Buffer(step.scratch_buffer, "arena", step.scratch, 0, step.scratch_dtype)
        if step.state:
            buffers[step.state_buffer] = Buffer(step.state_buffer, "state", step.state, state)
            state += step.state
    return Program(graph, values, buffers, tuple(steps))


def numbers(graph: Graph, node: Node) -> DType:
    """The element type whose kernels a layer takes: int16 where any of its values is, else int8, or float32."""
    if not is_quantised(graph, node):
        return DType.FLOAT32
    dtypes = {graph.types[name].dtype for name in (*node.inputs, *node.outputs)}
    return DType.INT16 if DType.INT16 in dtypes else DType.INT8


def is_quantised(graph: Graph, node: Node) -> bool:
    """Whether a layer reads or gives quantised values."""
    return any(graph.types[name].quant is not None for name in (*node.inputs, *node.outputs))
