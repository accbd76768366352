"""Recurrent layers in integers: weights with a scale for each gate; a cell in int16 holds what the samples make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mnc.ir.graph import Graph
from mnc.ir.layers import LSTM, Recurrent
from mnc.ir.layers.recurrent import CELL_SCALES, STATE_SCALE
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation
from mnc.quantise.sequences import by_frame
from mnc.quantise.weights import BIASES, weight_scale
from mnc.reference.recurrent import largest_cell


def fault(layer: Recurrent) -> str | None:
    """Why a float layer is not made one in integers; None where it is."""
    kind = type(layer).__name__
    if layer.unfit is not None:
        return f"{kind} {layer.unfit}"
    return None


def cell_scales(graph: Graph, samples: Sequence[Array]) -> dict[str, float]:
    """For each LSTM of a float graph the finest power of two by which int16 holds its cell over the samples."""
    nodes = [node for node in graph.nodes if isinstance(node.layer, LSTM)]
    values = by_frame(graph, samples) if nodes else {}
    largest = {
        node.name: largest_cell(node.layer, *(values[name] for name in node.inputs))
        for node in nodes
        if isinstance(node.layer, LSTM)
    }
    return {name: _finest(each) for name, each in largest.items()}


def fixed_states(layer: Recurrent, cell_scale: float | None) -> tuple[Quantisation | None, ...]:
    """How each vector of a layer's state is stored, which is int16 then; None: as the layer's output is stored."""
    if not isinstance(layer, LSTM):
        return (Quantisation((STATE_SCALE,), 0),)
    assert cell_scale is not None
    return None, Quantisation((cell_scale,), 0)


def _finest(largest: float) -> float:
    fitting = (scale for scale in CELL_SCALES if largest <= scale * 2**15)
    return next(fitting, CELL_SCALES[-1])


def stored(layer: Recurrent, given: Quantisation, dtype: DType, cell_scale: float | None) -> Recurrent:
    """The layer with weights of int8 and a scale for each gate, each bias at the product of its scales.

    `given` is the quantisation of its input, and that of its output until another is known; it works on `dtype`.
    `cell_scale` is that of an LSTM.
    """
    most, sums = BIASES[dtype]
    gates, biases, rows = layer.gates, np.zeros((2, layer.gates * layer.units)), 0
    if layer.bias is not None:
        own = layer.bias.array.astype(np.float64).reshape(-1, gates * layer.units)
        rows = len(own)
        biases[:rows] = own
    scales = given.scale[0], 1.0 if isinstance(layer, LSTM) else STATE_SCALE
    kernel, of_input = _by_gate(layer.kernel, gates, np.abs(biases[0]), scales[0], most)
    recurrent, of_state = _by_gate(layer.recurrent_kernel, gates, np.abs(biases[1]), scales[1], most)
    whole = np.round(biases / np.stack([of_input * scales[0], of_state * scales[1]]))
    fitting = np.clip(whole, -most, most).astype(sums.numpy)
    changed = layer.changed(
        kernel=kernel,
        recurrent_kernel=recurrent,
        bias=None if layer.bias is None else Constant(fitting[:rows].reshape(layer.bias.shape)),
        output=ElementType(dtype, given),
    )
    return replace(changed, cell_scale=cell_scale) if isinstance(changed, LSTM) else changed


def _by_gate(weights: Constant, gates: int, biases: Array, input_scale: float, most: int) -> tuple[Constant, Array]:
    """Symmetric weights, the scale of each column being its gate's, and those scales."""
    matrix = weights.array.astype(np.float64)
    units = matrix.shape[1] // gates
    largest, needed = (np.abs(each).reshape(-1, gates, units).max(axis=(0, 2)) for each in (matrix, biases[np.newaxis]))
    scale = np.repeat(weight_scale(largest, needed, input_scale, most), units)
    whole = np.clip(np.round(matrix / scale), -127, 127).astype(np.int8)
    return Constant(whole, Quantisation(tuple(scale.tolist()), 0, 1)), scale
