"""Kernels for recurrent layers in integers: a loop over the steps, in which small kernels pass scratch memory on.

Within a step all is int16: the input and the state less their zero points, the gates, the cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mnc.backends.select.blocks import across, unrolled
from mnc.backends.select.context import Context
from mnc.backends.select.quantised.accumulators import LARGEST_INPUT, largest_sums, rounded_once
from mnc.backends.select.quantised.activation16 import sigmoid_table
from mnc.backends.select.quantised.requantise import operands, pair, quant
from mnc.backends.select.recurrent import copy, current
from mnc.ir.layers import LSTM
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.program import Argument, Call, Const, In, Name, Out, Scratch, State, Step, Times
from mnc.reference.quantised.layers import (
    GATE_FUNCTION,
    cell_function,
    cell_multiplier,
    gate_multipliers,
    largest_cell,
    output_multiplier,
)

INT16 = DType.INT16
ONE = pair("", (2**30, 1))
"""The factor 1."""
GATES = (0, 1, 3, 2)
"""i, f, o, which have one function, then the candidate: their order in memory."""
LARGEST_BLOCK = 4
"""Channels whose two sums each are in registers at once."""


def faults(layer: LSTM, inputs: Sequence[TensorType], _output: TensorType) -> Iterator[str]:
    """Weights and sums that the kernel does not take."""
    dtype, units = inputs[0].dtype, layer.units
    bias = bias_of(layer)
    for weights, added in ((layer.kernel, bias), (layer.recurrent_kernel, np.zeros_like(bias))):
        if weights.array.dtype != np.int8 or weights.quant is None or weights.quant.zero_point != 0:
            yield "for weights that are not int8 round 0"
            return
        scales = np.resize(weights.quant.scale, 4 * units).reshape(4, units)
        if len(weights.quant.scale) not in (1, 4 * units) or (scales != scales[:, :1]).any():
            yield "for weights of several scales within a gate"
        if int(largest_sums(weights.array, added, LARGEST_INPUT[dtype]).max()) >= 1 << 31:
            yield "for sums beyond 32 bits"
    wanted = np.int64 if dtype is DType.INT16 else np.int32
    if layer.bias is not None and layer.bias.array.dtype != wanted:
        yield f"for a bias that is not {np.dtype(wanted).name}"


def lstm(context: Context[LSTM]) -> Step:
    """Scratch: the input where it is not int16, the state and the cell where they do not outlive a run, the gates."""
    layer, x = context.layer, context.inputs[0]
    steps, features = x.type.shape
    units, narrow = layer.units, _is_narrow(context)
    first = features if narrow else 0
    gates, candidate = Scratch(first), Scratch(first + 3 * units)
    h, cell = (State(), State(units)) if layer.stateful else (Scratch(first + 4 * units), Scratch(first + 5 * units))
    low, high = operands(context).limits()
    zero = operands(context).zero
    now, made = current(context), Out(stride=units)
    assert layer.cell_scale is not None
    calls = (
        *([_widened(now, features, quant(context).zero_point, Scratch())] if narrow else []),
        _arguments(context, Scratch() if narrow else now, h, gates),
        _function("logistic", gates, gates, 3 * units, GATE_FUNCTION),
        _function("tanh", candidate, candidate, units, GATE_FUNCTION),
        Call(
            "mnc_lstm_cell_s16",
            {
                "gates": gates,
                "cell": cell,
                "units": units,
                **pair("", cell_multiplier(layer.cell_scale)),
                "most": largest_cell(layer),
            },
        ),
        _function("tanh", cell, candidate, units, cell_function(layer.cell_scale)),
        Call(
            "mnc_lstm_state_s16",
            {
                "gates": gates,
                "state": h,
                "units": units,
                **pair("", output_multiplier(operands(context))),
                "low": low - zero,
                "high": high - zero,
            },
        ),
    )
    result = _narrowed(h, made, units, zero) if narrow else copy(h, made, units, INT16)
    return Step(
        context.node,
        context.inputs,
        context.outputs,
        (*calls, result) if layer.return_sequences else calls,
        Times(steps),
        before=_begun(context, h, (cell,)),
        after=(*(() if layer.return_sequences else (result,)), *_left(context, h, (cell,))),
        constants=_constants(context),
        scratch=DType.INT16.bytes * (first + (4 if layer.stateful else 6) * units),
        scratch_dtype=DType.INT16,
        state=DType.INT16.bytes * 2 * units if layer.stateful else 0,
        state_dtype=DType.INT16,
    )


def _begun(context: Context[LSTM], h: Argument, others: Sequence[Argument]) -> tuple[Call, ...]:
    """Calls that set the state before the first step, h first, whose vectors lie one behind the other."""
    layer, units = context.layer, context.layer.units
    if layer.stateful:
        return ()
    if not layer.initial_state:
        return (Call("mnc_fill_s16", {"out": h, "count": (1 + len(others)) * units, "value": 0}),)
    first = _widened(In(1), units, operands(context).zero, h) if _is_narrow(context) else copy(In(1), h, units, INT16)
    return (first, *(copy(In(2 + i), each, units, INT16) for i, each in enumerate(others)))


def _left(context: Context[LSTM], h: Argument, others: Sequence[Argument]) -> tuple[Call, ...]:
    """Calls that give the state after the last step, where it is an output."""
    units = context.layer.units
    if not context.layer.return_state:
        return ()
    first, zero = Out(write=1), operands(context).zero
    given = _narrowed(h, first, units, zero) if _is_narrow(context) else copy(h, first, units, INT16)
    return (given, *(copy(each, Out(write=2 + i), units, INT16) for i, each in enumerate(others)))


def _is_narrow(context: Context[LSTM]) -> bool:
    return context.inputs[0].type.dtype is DType.INT8


def _widened(source: In, count: int, zero: int, target: Argument) -> Call:
    """Stored numbers of int8 less their zero point, in memory of int16."""
    return Call("mnc_widen_s16", {"in": source, "out": target, "count": count, "in_zero": zero, **ONE})


def _narrowed(source: Argument, target: Out, count: int, zero: int) -> Call:
    """Back to stored numbers of int8."""
    return Call("mnc_narrow_s8", {"in": source, "out": target, "count": count, **ONE, "zero": zero})


def _function(name: str, source: Argument, target: Argument, count: int, factor: tuple[int, int]) -> Call:
    """The logistic function or the hyperbolic tangent of neighbouring numbers."""
    places = {"in": source, "out": target, "count": count}
    return Call(f"mnc_{name}_s16", {**places, **pair("", factor), "table": Const("table")})


def _arguments(context: Context[LSTM], now: Argument, h: Argument, gates: Argument) -> Call:
    """The arguments of the gates' functions."""
    features, units = context.layer.kernel.shape[0], context.layer.units
    return Call(
        "mnc_gates_s16",
        {
            "in": now,
            "state": h,
            "out": gates,
            "weights": Const("weights"),
            "bias": Const("bias"),
            "multiplier": Const("multiplier"),
            "shift": Const("shift"),
            "rounding": _rounding(context)[2],
            "gates": len(GATES),
            "features": features,
            "units": units,
            "block_channels": across(units, LARGEST_BLOCK),
            "unroll": unrolled(features, compact=context.compact),
            "unroll_state": unrolled(units, compact=context.compact),
        },
    )


def _rounding(context: Context[LSTM]) -> tuple[Array, Array, Name]:
    """(multiplier, shift) of the gates, (2, 4) each, as the kernel rounds by them, and how."""
    multiplier, shift = (each[:, GATES] for each in gate_multipliers(context.layer, operands(context)))
    if operands(context).is_int16:
        return rounded_once(multiplier, shift)
    return multiplier, shift, Name("MNC_TWICE")


def _constants(context: Context[LSTM]) -> dict[str, Constant]:
    layer = context.layer
    units, size = layer.units, across(layer.units, LARGEST_BLOCK)
    starts = [min(first, units - size) for first in range(0, units, size)]
    blocks = [
        matrix.array[:, gate * units + first : gate * units + first + size].ravel()
        for gate in GATES
        for first in starts
        for matrix in (layer.kernel, layer.recurrent_kernel)
    ]
    multiplier, shift, _ = _rounding(context)
    return {
        "weights": Constant(np.concatenate(blocks)),
        "bias": Constant(bias_of(layer).reshape(4, units)[GATES, :].astype(np.int32)),
        "multiplier": Constant(multiplier.astype(np.int32)),
        "shift": Constant(shift.astype(np.int8)),
        "table": sigmoid_table(),
    }


def bias_of(layer: LSTM) -> Array:
    """(4 * units,) int64, zeros where the layer has none."""
    return np.zeros(4 * layer.units, np.int64) if layer.bias is None else layer.bias.array.astype(np.int64)
