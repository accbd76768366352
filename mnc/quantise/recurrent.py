"""LSTM layers in integers: weights with a scale for each gate, and a cell in int16 that holds what the samples make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mnc.ir.activations import Sigmoid, Tanh
from mnc.ir.graph import Graph
from mnc.ir.layers import LSTM
from mnc.ir.layers.recurrent import CELL_SCALES
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation
from mnc.quantise.weights import BIASES, weight_scale
from mnc.reference import evaluate
from mnc.reference.recurrent import largest_cell


def fault(layer: LSTM) -> str | None:
    """Why a layer has no meaning in integers; None where it has one."""
    if (layer.activation, layer.recurrent_activation) != (Tanh(), Sigmoid()):
        return "LSTM in integers has tanh and sigmoid for its functions"
    if layer.initial_state or layer.return_state or layer.masked:
        return "LSTM in integers has neither a mask nor states from outside, and gives none"
    return None


def cell_scales(graph: Graph, samples: Sequence[Array]) -> dict[str, float]:
    """For each LSTM of a float graph the finest power of two by which int16 holds its cell over the samples."""
    nodes = [node for node in graph.nodes if isinstance(node.layer, LSTM)]
    values = evaluate(graph, samples) if nodes else {}
    largest = {
        node.name: largest_cell(node.layer, *(values[name] for name in node.inputs))
        for node in nodes
        if isinstance(node.layer, LSTM)
    }
    return {name: _finest(each) for name, each in largest.items()}


def _finest(largest: float) -> float:
    fitting = (scale for scale in CELL_SCALES if largest <= scale * 2**15)
    return next(fitting, CELL_SCALES[-1])


def stored(layer: LSTM, given: Quantisation, cell_scale: float, dtype: DType) -> LSTM:
    """The layer with weights of int8 and a scale for each gate, the bias at the product of the scales.

    `given` is the quantisation of its input, and that of its output until another is known; it works on `dtype`.
    """
    most, sums = BIASES[dtype]
    bias = np.zeros(4 * layer.units) if layer.bias is None else layer.bias.array.astype(np.float64)
    kernel, scale = _by_gate(layer.kernel, np.abs(bias), given.scale[0], most)
    recurrent, _ = _by_gate(layer.recurrent_kernel, np.zeros_like(bias), 1.0, most)
    whole = np.clip(np.round(bias / (scale * given.scale[0])), -most, most).astype(sums.numpy)
    return replace(
        layer,
        kernel=kernel,
        recurrent_kernel=recurrent,
        bias=None if layer.bias is None else Constant(whole),
        cell_scale=cell_scale,
        output=ElementType(dtype, given),
    )


def _by_gate(weights: Constant, biases: Array, input_scale: float, most: int) -> tuple[Constant, Array]:
    """Symmetric weights, the scale of each column being its gate's, and those scales."""
    matrix = weights.array.astype(np.float64)
    units = matrix.shape[1] // 4
    largest, needed = (np.abs(each).reshape(-1, 4, units).max(axis=(0, 2)) for each in (matrix, biases[np.newaxis]))
    scale = np.repeat(weight_scale(largest, needed, input_scale, most), units)
    whole = np.clip(np.round(matrix / scale), -127, 127).astype(np.int8)
    return Constant(whole, Quantisation(tuple(scale.tolist()), 0, 1)), scale
