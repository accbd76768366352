"""Instruction selection: a graph into kernel calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.select.quantised.limits import misfit
from mnc.backends.select.site import Refusal, Site
from mnc.backends.select.values import VIEWS, place_values, separate_outputs
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.types import DType
from mnc.program import Buffer, Layout, Program, Step, Value

Select = Callable[[Site[Any]], Step | Refusal]
Tables = Mapping[DType, Mapping[type[Layer], Select]]
"""The selections by the element type that a layer works on."""


def select(graph: Graph, tables: Tables, core: frozenset[str] | None = None) -> Program:
    """Choose layouts, buffers and kernels for every layer, none of which a selection may refuse.

    `core` are the features of the target's, None where there is no target.
    """
    graph = separate_outputs(graph)
    values, buffers = place_values(graph)
    steps: list[Step] = []
    state = 0
    for node in graph.nodes:
        if isinstance(node.layer, VIEWS):
            continue
        step = _answer(graph, node, values, tables, core)
        assert isinstance(step, Step), (node.name, step)
        steps.append(step)
        if step.scratch:
            buffers[step.scratch_buffer] = Buffer(step.scratch_buffer, "arena", step.scratch, 0, step.scratch_dtype)
        if step.state:
            buffers[step.state_buffer] = Buffer(step.state_buffer, "state", step.state, state)
            state += step.state
    return Program(graph, values, buffers, tuple(steps))


def refusal(graph: Graph, node: Node, tables: Tables, core: frozenset[str] | None = None) -> Refusal | None:
    """Why a layer cannot be compiled: what its selection answers, or of a view what stands against being one."""
    inputs, output = graph.input_types(node), graph.output_type(node)
    if numbers(graph, node) is DType.FLOAT32:
        other = next((type_ for type_ in (*inputs, output) if type_.dtype is not DType.FLOAT32), None)
        if other is not None:
            return Refusal(f"{type(node.layer).__name__} has no kernel for {other.dtype.value} without a scale")
    elif isinstance(node.layer, VIEWS):
        fault = misfit(node.layer, inputs, output)
        return None if fault is None else Refusal(fault)
    if isinstance(node.layer, VIEWS):
        return None
    types = {name: graph.types[name] for name in (*node.inputs, *node.outputs)}
    values = {name: Value(name, type_, Layout.interleaved(type_.shape), name) for name, type_ in types.items()}
    answer = _answer(graph, node, values, tables, core)
    return answer if isinstance(answer, Refusal) else None


def _answer(
    graph: Graph, node: Node, values: Mapping[str, Value], tables: Tables, core: frozenset[str] | None
) -> Step | Refusal:
    inputs, outputs = (tuple(values[name] for name in names) for names in (node.inputs, node.outputs))
    return tables[numbers(graph, node)][type(node.layer)](Site(node, node.layer, inputs, outputs, core))


def numbers(graph: Graph, node: Node) -> DType:
    """The element type whose kernels a layer takes: int16 where any of its values is, else int8, or float32."""
    if not is_quantised(graph, node):
        return DType.FLOAT32
    dtypes = {graph.types[name].dtype for name in (*node.inputs, *node.outputs)}
    return DType.INT16 if DType.INT16 in dtypes else DType.INT8


def is_quantised(graph: Graph, node: Node) -> bool:
    """Whether a layer reads or gives quantised values."""
    return any(graph.types[name].quant is not None for name in (*node.inputs, *node.outputs))
