"""Instruction selection: a graph into kernel calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from mnc.backends.select import lanes
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.quantised.unsigned import direct
from mnc.backends.select.registers import moved_on, with_registers
from mnc.backends.select.rows import by_row
from mnc.backends.select.values import VIEWS, place_values, roots, separate_outputs, separate_states
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import ArgMax, ArgMin, Identity, Quantize, Recurrent, Softmax
from mnc.ir.types import DType, TensorType
from mnc.program import Buffer, Program, Step, Value, scratch_buffers, up_to

Select = Callable[[Context[Any]], Step | Refusal]
Tables = Mapping[DType, Mapping[type[Layer], Select]]
"""The selections by the element type that a layer works on."""

_ELEMENTS = {
    DType.FLOAT32: "float32",
    DType.INT8: "quantised values",
    DType.INT16: "int16 values",
    DType.INT32: "int32 values",
}
ON_INT32 = (*VIEWS, Identity, Quantize, ArgMax, ArgMin, Softmax)
"""The layer kinds that have a value of int32 among their operands."""


@dataclass(frozen=True)
class Refused:
    """A layer that cannot be compiled."""

    node: Node
    reason: str


def select(
    graph: Graph,
    tables: Tables,
    core: frozenset[str] | None = None,
    *,
    backend: str,
    compact: bool = False,
    planes: Set[str] = frozenset(),
    larger: Set[str] = frozenset(),
) -> Program | tuple[Refused, ...]:
    """Choose layouts, buffers and kernels for every layer, or name all layers that have no kernel.

    `core` are the features of the target's, None where there is no target;
    `backend` is the name of the backend whose tables these are; `compact`: small code and constants come before speed;
    `planes` are the quantised values to lay out in channel planes, `larger` the layers whose constants may take
    several times the flash.
    """
    graph = separate_outputs(graph)
    graph, registers = with_registers(graph, roots(graph))
    graph = separate_states(graph, {each.state for each in registers})
    vectors = frozenset() if compact or core is None else core
    values, buffers = place_values(graph, planes, lambda node: lanes.takes(node, vectors))
    for each in registers:
        del values[each.rest], buffers[each.rest]
    windows = {each.window: each for each in registers}
    rests = {each.rest for each in registers}
    steps: list[Step] = []
    refused: list[Refused] = []
    state = max((buffer.index + buffer.bytes for buffer in buffers.values() if buffer.kind == "state"), default=0)

    def answer(node: Node, values: Mapping[str, Value]) -> Step | Refusal | None:
        if node.name in rests:
            return None
        if (register := windows.get(node.name)) is not None:
            return moved_on(node, values[register.state], values[register.added], values[node.name])
        return _answer(graph, node, values, tables, core, backend, compact=compact, larger=node.name in larger)

    reading_unsigned = direct(graph, values, answer)
    for node in graph.nodes:
        step = reading_unsigned[node.name] if node.name in reading_unsigned else answer(node, values)
        if step is None and isinstance(node.layer, Quantize):
            del values[node.name], buffers[node.name]
        if isinstance(step, Refusal):
            refused.append(Refused(node, step.reason))
        if not isinstance(step, Step):
            continue
        steps.append(step)
        if step.state:
            state = up_to(state, step.state_dtype.bytes)
            buffers[step.state_buffer] = Buffer(step.state_buffer, "state", step.state, state, step.state_dtype)
            state += step.state
    buffers |= scratch_buffers(steps)
    return tuple(refused) or Program(graph, values, buffers, tuple(steps))


def _answer(
    graph: Graph,
    node: Node,
    values: Mapping[str, Value],
    tables: Tables,
    core: frozenset[str] | None,
    backend: str,
    *,
    compact: bool,
    larger: bool,
) -> Step | Refusal | None:
    """A layer's step, or why it has none; None for a view, which needs none."""
    types = [values[name].type for name in (*node.inputs, *node.outputs)]
    kind = type(node.layer)
    dtype = _dtype_of(types[:1] if isinstance(node.layer, Recurrent) else types)  # a cell is int16 beside int8
    if DType.INT32 in (type_.dtype for type_ in types):
        if not isinstance(node.layer, ON_INT32):
            return Refusal(f"{kind.__name__} has no kernel for int32")
        if any(graph.types[name].dtype is DType.INT32 for name in node.inputs if name in graph.given):
            return Refusal("inputs and states of int32 are not taken; int32 is for what a network gives out")
    if dtype is DType.FLOAT32:
        other = next((t.dtype for t in types if t.dtype not in (DType.FLOAT32, DType.INT32)), None)
        if other is not None:
            return Refusal(f"{kind.__name__} has no kernel for {other.value} without a scale")
    own = [graph.types[name].dtype for name in (*node.inputs, *node.outputs)]
    if DType.UINT8 in own and not isinstance(node.layer, (*VIEWS, Identity, Quantize)):
        return Refusal(f"{kind.__name__} has no kernel for uint8; quantise it to int8 before, and back behind it")
    if isinstance(node.layer, VIEWS):
        if len({(type_.dtype, type_.quant) for type_ in types}) == 1:
            return None
        return Refusal(f"{kind.__name__} keeps the scale and the element type; quantise the result anew instead")
    selection = tables.get(dtype, {}).get(kind)
    if selection is None:
        return Refusal(f"the {backend} backend has no kernel for {kind.__name__} on {_ELEMENTS[dtype]}")
    inputs, outputs = (tuple(values[name] for name in names) for names in (node.inputs, node.outputs))
    context = Context(node, node.layer, inputs, outputs, core, compact, larger)
    step = selection(context)
    if isinstance(step, Step) and (step.rowwise is None or step.loop.count == 1):
        rowwise = by_row(selection, context, values[values[node.inputs[0]].buffer])
        return step if rowwise is None else _also(step, rowwise)
    return step


def _also(step: Step, rowwise: Step) -> Step:
    """A step, and those with less scratch memory, that are another one where rows are made in turns."""
    fallback = None if step.fallback is None else _also(step.fallback, rowwise)
    return replace(step, by_row=rowwise, fallback=fallback)


def _dtype_of(types: Sequence[TensorType]) -> DType:
    """The element type of a layer's kernels by its operands': int16 where one of them is, else int8, or float32.

    It is int32 only where all are.
    """
    types = [type_ for type_ in types if type_.dtype is not DType.INT32]
    if not types:
        return DType.INT32
    if all(type_.quant is None for type_ in types):
        return DType.FLOAT32
    return DType.INT16 if any(type_.dtype is DType.INT16 for type_ in types) else DType.INT8
