"""Layers that read uint8 as it is given: the step that would turn it into int8 goes, with its memory.

A uint8 and the int8 of its scale differ by 128, as do their zero points, so a layer of products gives the same sums
from either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Quantize
from mnc.ir.types import DType
from mnc.program import Call, Step, Value

KERNELS = {
    f"mnc_{name}_s8": f"mnc_{name}_u8"
    for name in ("conv2d", "conv2d_paired", "conv2d_window", "conv2d_border", "conv2d_single", "depthwise3x3_planes")
}
"""The kernels of int8 that have a like for uint8 inputs."""


def direct(
    graph: Graph, values: Mapping[str, Value], select: Callable[[Node, Mapping[str, Value]], object]
) -> dict[str, Step | None]:
    """For each layer of uint8 to int8 that is not needed None, and the steps that read the uint8 instead, by node.

    `select` answers for a node whose operands are these values.
    """
    found: dict[str, Step | None] = {}
    for node in graph.nodes:
        x = graph.types[node.inputs[0]]
        if not (isinstance(node.layer, Quantize) and x.dtype is DType.UINT8) or node.name in graph.outputs:
            continue
        given = {**values, node.name: values[node.inputs[0]]}
        readers = [other for other in graph.nodes if node.name in other.inputs]
        steps = {other.name: _reading_unsigned(select(other, given)) for other in readers}
        if readers and all(steps.values()):
            found |= {node.name: None, **steps}
    return found


def _reading_unsigned(step: object) -> Step | None:
    """The step by kernels that read uint8; None where one of its calls has none, or it is no step."""
    if not isinstance(step, Step) or step.by_row is not None:
        return None
    if any(call.kernel not in KERNELS for call in step.all_calls):
        return None
    made = step.with_calls(_call)
    if step.fallback is None:
        return made
    fallback = _reading_unsigned(step.fallback)
    return None if fallback is None else replace(made, fallback=fallback)


def _call(call: Call) -> Call:
    return replace(call, kernel=KERNELS[call.kernel])
