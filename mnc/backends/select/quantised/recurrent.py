"""Kernels for recurrent layers in integers: a loop over the steps, in which small kernels pass scratch memory on.

Within a step all is int16: the input and the state of an LSTM less their zero points, the gates, the cell, the state of
a SimpleRNN or GRU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnc.backends.select.blocks import across, unrolled
from mnc.backends.select.context import Context
from mnc.backends.select.quantised.accumulators import LARGEST_INPUT, largest_sums, rounded_once
from mnc.backends.select.quantised.activation16 import sigmoid_table
from mnc.backends.select.quantised.requantise import operands, pair, quant
from mnc.backends.select.recurrent import copy, current
from mnc.ir.layers import GRU, LSTM, Recurrent, SimpleRNN
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.program import Argument, Call, Const, In, Name, Out, Scratch, State, Step, Times
from mnc.reference.quantised.layers import (
    GATE_FUNCTION,
    cell_function,
    cell_multiplier,
    gate_multipliers,
    largest_cell,
    narrowing,
    output_multiplier,
    stored_biases,
)

INT16 = DType.INT16
ONE = pair("", (2**30, 1))
"""The factor 1."""
GATES = (0, 1, 3, 2)
"""i, f, o, which have one function, then the candidate: their order in memory."""
LARGEST_BLOCK = 4
"""Channels whose two sums each are in registers at once."""


def faults(layer: Recurrent, inputs: Sequence[TensorType], _output: TensorType) -> Iterator[str]:
    """Weights and sums that the kernels do not take."""
    dtype, units, gates = inputs[0].dtype, layer.units, layer.gates
    for weights in (layer.kernel, layer.recurrent_kernel):
        if weights.array.dtype != np.int8 or weights.quant is None or weights.quant.zero_point != 0:
            yield "for weights that are not int8 round 0"
            return
        scales = np.resize(weights.quant.scale, gates * units).reshape(gates, units)
        if len(weights.quant.scale) not in (1, gates * units) or (scales != scales[:, :1]).any():
            yield "for weights of several scales within a gate"
    if max(_largest_sums(layer, dtype)) >= 1 << 31:
        yield "for sums beyond 32 bits"
    wanted = np.int64 if dtype is DType.INT16 else np.int32
    if layer.bias is not None and layer.bias.array.dtype != wanted:
        yield f"for a bias that is not {np.dtype(wanted).name}"


def _largest_sums(layer: Recurrent, dtype: DType) -> tuple[int, int]:
    """Bounds of the sums of products with the input, which is of this type, and of those with the state."""
    biases, state = stored_biases(layer), dtype if isinstance(layer, LSTM) else INT16
    given = largest_sums(layer.kernel.array, biases[0], LARGEST_INPUT[dtype])
    kept = largest_sums(layer.recurrent_kernel.array, biases[1], LARGEST_INPUT[state])
    return int(given.max()), int(kept.max())


def lstm(context: Context[LSTM]) -> Step:
    """Scratch: the input where it is not int16, the state and the cell where they do not outlive a run, the gates."""
    layer, x = context.layer, context.inputs[0]
    steps = x.type.shape[0]
    units, narrow = layer.units, _is_narrow(context)
    first = _features_of_scratch(context)
    gates, candidate = Scratch(first), Scratch(first + 3 * units)
    h, cell = (State(), State(units)) if layer.stateful else (Scratch(first + 4 * units), Scratch(first + 5 * units))
    low, high = operands(context).limits()
    zero = operands(context).zero
    made = Out(stride=units)
    assert layer.cell_scale is not None
    calls = (
        *_taken(context),
        _arguments(context, _given(context), h, gates, GATES),
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
        constants=_constants(context, GATES),
        scratch=DType.INT16.bytes * (first + (4 if layer.stateful else 6) * units),
        scratch_dtype=DType.INT16,
        state=DType.INT16.bytes * 2 * units if layer.stateful else 0,
        state_dtype=DType.INT16,
    )


def simple_rnn(context: Context[SimpleRNN]) -> Step:
    """The new state is the function of one gate's arguments, in the place of the old one."""
    units = context.layer.units
    first = _features_of_scratch(context)
    argument, h = Scratch(first), State() if context.layer.stateful else Scratch(first + units)
    calls = (
        *_taken(context),
        _arguments(context, _given(context), h, argument, (0,)),
        _function("tanh", argument, h, units, GATE_FUNCTION),
    )
    return _of_state(context, calls, h, first + units, _constants(context, (0,)))


def gru(context: Context[GRU]) -> Step:
    """Scratch: the input where it is not int16, products with the input and with the state, of z, r and the candidate.

    Where the reset gate applies to the state, the candidate's product with it comes after the gates.
    """
    layer, units = context.layer, context.layer.units
    first = _features_of_scratch(context)
    update, reset, candidate, past, last = (Scratch(first + i * units) for i in (0, 1, 2, 3, 5))
    h = State() if layer.stateful else Scratch(first + 6 * units)
    if layer.reset_after:
        with_state = [_products(context, h, past, 1, (0, 1, 2))]
        again = [_gated(reset, last, last, units)]
    else:
        with_state = [_products(context, h, past, 1, (0, 1))]
        again = [_gated(reset, h, past, units), _products(context, past, last, 1, (2,))]
    calls = (
        *_taken(context),
        _products(context, _given(context), update, 0, (0, 1, 2)),
        *with_state,
        _added(update, past, 2 * units),
        _function("logistic", update, update, 2 * units, GATE_FUNCTION),
        *again,
        _added(candidate, last, units),
        _function("tanh", candidate, candidate, units, GATE_FUNCTION),
        Call("mnc_gru_state_s16", {"update": update, "candidate": candidate, "state": h, "units": units}),
    )
    multiplier, shift, _ = _rounding(context, (0, 1, 2))
    constants = {
        "kernel": Constant(_blocks(context, [layer.kernel], (0, 1, 2))),
        "recurrent": Constant(_blocks(context, [layer.recurrent_kernel], (0, 1, 2))),
        "bias": Constant(stored_biases(layer).reshape(2, 3, units).astype(np.int32)),
        "multiplier": Constant(multiplier.astype(np.int32)),
        "shift": Constant(shift.astype(np.int8)),
        "table": sigmoid_table(),
    }
    return _of_state(context, calls, h, first + 6 * units, constants)


def _of_state(
    context: Context[SimpleRNN] | Context[GRU],
    calls: Sequence[Call],
    h: Argument,
    used: int,
    constants: dict[str, Constant],
) -> Step:
    """A step of a layer whose state is h alone, in int16; in scratch memory it lies behind `used` elements."""
    layer, units = context.layer, context.layer.units
    made = Out(stride=units)
    factor = pair("", narrowing(operands(context)))
    if _is_narrow(context):
        zero = operands(context).zero
        result = Call("mnc_narrow_s8", {"in": h, "out": made, "count": units, **factor, "zero": zero})
    else:
        low, high = operands(context).limits()
        plain = copy(h, made, units, INT16).arguments
        result = Call("mnc_rescale_s16", {**plain, **factor, "low": low, "high": high})
    before: tuple[Call, ...] = ()
    if layer.initial_state:
        before = (copy(In(1), h, units, INT16),)
    elif not layer.stateful:
        before = (Call("mnc_fill_s16", {"out": h, "count": units, "value": 0}),)
    left = (copy(h, Out(write=1), units, INT16),) if layer.return_state else ()
    return Step(
        context.node,
        context.inputs,
        context.outputs,
        (*calls, result) if layer.return_sequences else tuple(calls),
        Times(context.inputs[0].type.shape[0]),
        before=before,
        after=left if layer.return_sequences else (result, *left),
        constants=constants,
        scratch=INT16.bytes * (used + (0 if layer.stateful else units)),
        scratch_dtype=INT16,
        state=INT16.bytes * units if layer.stateful else 0,
        state_dtype=INT16,
    )


def _features_of_scratch(context: Context[Any]) -> int:
    """Elements of scratch memory that hold the current step's input in int16."""
    return int(context.inputs[0].type.shape[1]) if _is_narrow(context) else 0


def _taken(context: Context[Any]) -> tuple[Call, ...]:
    """The calls that bring the current step's input to int16."""
    if not _is_narrow(context):
        return ()
    features = context.inputs[0].type.shape[1]
    return (widened(current(context), features, quant(context).zero_point, Scratch()),)


def _given(context: Context[Any]) -> Argument:
    """The current step's input in int16."""
    return Scratch() if _is_narrow(context) else current(context)


def _products(context: Context[GRU], vector: Argument, out: Argument, i: int, gates: Sequence[int]) -> Call:
    """Products of the input (`i` 0) or the state (1) with the weights of neighbouring gates."""
    layer, units = context.layer, context.layer.units
    count, first = (layer.kernel, layer.recurrent_kernel)[i].shape[0], gates[0]
    return Call(
        "mnc_gate_products_s16",
        {
            "in": vector,
            "out": out,
            "weights": Const(("kernel", "recurrent")[i], first * _stored(count, units)),
            "bias": Const("bias", (3 * i + first) * units),
            "multiplier": Const("multiplier", 3 * i + first),
            "shift": Const("shift", 3 * i + first),
            "rounding": _rounding(context, (0, 1, 2))[2],
            "gates": len(gates),
            "count": count,
            "units": units,
            "block_channels": block(units),
            "unroll": unrolled(max(count // 2, 1), compact=context.compact),
        },
    )


def block(units: int) -> int:
    """How many channels to work on at once: an even number, but for a single one."""
    return min(2 * across(-(-units // 2), LARGEST_BLOCK // 2), max(units // 2 * 2, 1))


def _stored(count: int, units: int) -> int:
    """Elements of a gate's weights for vectors of `count`."""
    size = block(units)
    return -(-units // size) * (count // 2 * 4 * -(-size // 2) + count % 2 * size)


def _added(sum_: Argument, more: Argument, count: int) -> Call:
    return Call("mnc_add_saturated_s16", {"sum": sum_, "more": more, "count": count})


def _gated(gate: Argument, given: Argument, out: Argument, count: int) -> Call:
    return Call("mnc_gated_s16", {"gate": gate, "in": given, "out": out, "count": count})


def _begun(context: Context[LSTM], h: Argument, others: Sequence[Argument]) -> tuple[Call, ...]:
    """Calls that set the state before the first step, h first, whose vectors lie one behind the other."""
    layer, units = context.layer, context.layer.units
    if layer.stateful:
        return ()
    if not layer.initial_state:
        return (Call("mnc_fill_s16", {"out": h, "count": (1 + len(others)) * units, "value": 0}),)
    first = widened(In(1), units, operands(context).zero, h) if _is_narrow(context) else copy(In(1), h, units, INT16)
    return (first, *(copy(In(2 + i), each, units, INT16) for i, each in enumerate(others)))


def _left(context: Context[LSTM], h: Argument, others: Sequence[Argument]) -> tuple[Call, ...]:
    """Calls that give the state after the last step, where it is an output."""
    units = context.layer.units
    if not context.layer.return_state:
        return ()
    first, zero = Out(write=1), operands(context).zero
    given = _narrowed(h, first, units, zero) if _is_narrow(context) else copy(h, first, units, INT16)
    return (given, *(copy(each, Out(write=2 + i), units, INT16) for i, each in enumerate(others)))


def _is_narrow(context: Context[Any]) -> bool:
    return context.inputs[0].type.dtype is DType.INT8


def widened(source: In, count: int, zero: int, target: Argument) -> Call:
    """Stored numbers of int8 less their zero point, in memory of int16."""
    return Call("mnc_widen_s16", {"in": source, "out": target, "count": count, "in_zero": zero, **ONE})


def _narrowed(source: Argument, target: Out, count: int, zero: int) -> Call:
    """Back to stored numbers of int8."""
    return Call("mnc_narrow_s8", {"in": source, "out": target, "count": count, **ONE, "zero": zero})


def _function(name: str, source: Argument, target: Argument, count: int, factor: tuple[int, int]) -> Call:
    """The logistic function or the hyperbolic tangent of neighbouring numbers."""
    places = {"in": source, "out": target, "count": count}
    return Call(f"mnc_{name}_s16", {**places, **pair("", factor), "table": Const("table")})


def _arguments(
    context: Context[LSTM] | Context[SimpleRNN], now: Argument, h: Argument, arguments: Argument, gates: Sequence[int]
) -> Call:
    """The arguments of the functions of gates."""
    features, units = context.layer.kernel.shape[0], context.layer.units
    return Call(
        "mnc_gates_s16",
        {
            "in": now,
            "state": h,
            "out": arguments,
            "weights": Const("weights"),
            "bias": Const("bias"),
            "multiplier": Const("multiplier"),
            "shift": Const("shift"),
            "rounding": _rounding(context, gates)[2],
            "gates": len(gates),
            "features": features,
            "units": units,
            "block_channels": block(units),
            "unroll": unrolled(max(features // 2, 1), compact=context.compact),
            "unroll_state": unrolled(max(units // 2, 1), compact=context.compact),
        },
    )


def _rounding(context: Context[Any], gates: Sequence[int]) -> tuple[Array, Array, Name]:
    """(multiplier, shift) of the gates, (2, gates) each, as the kernel rounds by them, and how."""
    multiplier, shift = (each[:, gates] for each in gate_multipliers(context.layer, operands(context)))
    if operands(context).is_int16:
        return rounded_once(multiplier, shift)
    largest = max(_largest_sums(context.layer, context.inputs[0].type.dtype))
    plain = multiplier.min() >= 1 << 30 and shift.min() >= -20 and shift.max() <= 0 and largest < 1 << 30
    return multiplier, shift, Name("MNC_TWICE_PLAIN" if plain else "MNC_TWICE")


def _blocks(context: Context[Any], matrices: Sequence[Constant], gates: Sequence[int]) -> Array:
    """Weights in the order in which kernels read them: by gate, by block of columns, by matrix."""
    units = context.layer.units
    return np.concatenate(
        [
            part
            for gate in gates
            for parts in zip(*(blocks(each.array[:, gate * units :][:, :units]) for each in matrices), strict=True)
            for part in parts
        ]
    )


def blocks(matrix: Array) -> list[Array]:
    """The weights of one gate, (count, units), block by block as mnc_gate_sums_s16 reads them."""
    units = matrix.shape[1]
    size = block(units)
    return [_paired(matrix[:, first : first + size]) for first in (*range(0, units - size, size), units - size)]


def _paired(columns: Array) -> Array:
    """The weights of a block, (count, channels): pairs of elements by pairs of channels, then an odd element."""
    count, channels = columns.shape
    even = np.pad(columns[: count // 2 * 2], ((0, 0), (0, channels % 2)))
    pairs = even.reshape(count // 2, 2, even.shape[1] // 2, 2).transpose(0, 2, 1, 3)
    return np.concatenate([pairs.ravel(), columns[count // 2 * 2 :].ravel()])


def _constants(context: Context[LSTM] | Context[SimpleRNN], gates: Sequence[int]) -> dict[str, Constant]:
    """Those of a layer whose arguments are made at once."""
    layer = context.layer
    multiplier, shift, _ = _rounding(context, gates)
    bias = stored_biases(layer)[0].reshape(-1, layer.units)[gates, :]
    return {
        "weights": Constant(_blocks(context, [layer.kernel, layer.recurrent_kernel], gates)),
        "bias": Constant(bias.astype(np.int32)),
        "multiplier": Constant(multiplier.astype(np.int32)),
        "shift": Constant(shift.astype(np.int8)),
        "table": sigmoid_table(),
    }
