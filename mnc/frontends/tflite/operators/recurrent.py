"""Layers that keep a state from one step to the next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.tensors import element_type
from mnc.ir.layers import LSTM, Concatenate, Conv2D, Dense, Slice
from mnc.ir.types import Constant, ElementType, Quantisation, TensorType, show
from mnc.reference.quantised.layers import Operands

STATES = {"UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19), "SVDF": (4,)}
"""Which inputs of an operator are variables: its state, which is zero before the first run."""

VARIANTS = (
    ((1, 5, 12), False, "its input gate is missing: it is coupled with the forget gate"),
    ((9, 10, 11), True, "it has peepholes, weights from the cell to the gates"),
    ((16, 17), True, "it has a projection"),
    ((20, 21, 22, 23), True, "it normalises its gates"),
)
"""Inputs of an LSTM that make another layer of it where they are there, or where they are not."""

TANH = 4
"""TFLite's number of the fused activation."""


def unidirectional_sequence_lstm(call: Call) -> Value:
    """Weights (units, features) and (units, units) of the gates i, f, c, o, and their biases; then the states h and c.

    TensorFlow Lite keeps the states from one run to the next until they are reset, also where the Keras layer did not.
    """
    given = (*call.inputs, *[None] * (24 - len(call.inputs)))
    for places, present, what in VARIANTS:
        if any((given[place] is not None) is present for place in places):
            raise call.fault(f"{what}; neither is that supported by TensorFlow Lite Micro", "use a plain LSTM layer")
    if call.integer("FusedActivationFunction") != TANH:
        raise call.fault("its activation is not TANH, which TensorFlow Lite Micro does not support either")
    x = call.value()
    axes = len(x.shape)
    if axes != 3:
        raise call.fault(f"it needs a sequence of three axes, with the batch, not {show(x.shape)}")
    steps, batch = x.shape[:2] if call.integer("TimeMajor") else (x.shape[1], x.shape[0])
    if batch != 1:
        raise call.fault(f"it reads a batch of {batch} sequences", "convert the model for one sample")
    _expect_states(call)
    h, result = call.inputs[STATES[call.operator.kind][0]], call.result
    if h is not None and (h.type, h.scale, h.zero_point) != (result.type, result.scale, result.zero_point):
        raise call.fault(f"its state {h.name!r} and its output differ in type, scale or zero point")
    kernels, recurrent = ([call.weights(first + gate, (1, 0)) for gate in range(4)] for first in (1, 5))
    biases = [call.bias(12 + gate, x, kernels[gate]) for gate in range(4)]
    units = recurrent[0].shape[0]
    if any(each is None or each.shape != (units,) for each in biases):
        raise call.fault(f"each of its gates needs a bias of {units} values")
    clip = float(call.option("CellClip"))
    layer = LSTM(
        _side_by_side(call, kernels, (x.type.elements // steps, units)),
        _side_by_side(call, recurrent, (units, units)),
        Constant(np.concatenate([each.array for each in biases if each is not None])),
        return_sequences=True,
        stateful=True,
        cell_clip=clip if clip > 0 else None,
        cell_scale=_cell_scale(call) if call.is_quantised else None,
        output=call.output,
    )
    return call.shaped(call.emit(layer, call.reshaped(x, (steps, x.type.elements // steps), "steps")))


def _expect_states(call: Call) -> None:
    """Refuse a state that is not a variable, or that does not begin at zero."""
    for place in STATES[call.operator.kind]:
        tensor = call.inputs[place] if place < len(call.inputs) else None
        if tensor is None or not tensor.variable:
            raise call.fault(f"its input {place}, a state, is not a variable tensor", "convert the model again")
        if tensor.data is not None:
            raise call.fault(f"its state {tensor.name!r} has a value in the file", "a state begins at zero")


def _cell_scale(call: Call) -> float:
    """The scale of the cell beside values of integers."""
    cell = call.inputs[STATES[call.operator.kind][1]]
    assert cell is not None
    if cell.type != "INT16" or any(cell.zero_point) or len(cell.scale) != 1:
        raise call.fault(f"its cell {cell.name!r} is not of int16 with one scale and the zero point 0")
    return cell.scale[0]


def _side_by_side(call: Call, gates: list[Constant], shape: tuple[int, int]) -> Constant:
    """The weights of all gates as one constant."""
    for each in gates:
        if each.shape != shape:
            raise call.fault(f"the weights of its gates must be {show(shape[::-1])}, not {show(each.shape[::-1])}")
        if each.quant is not None and each.quant.axis is not None:
            raise call.fault("its weights have several scales, which TensorFlow Lite Micro takes one of for all units")
    scales = [each.quant.scale[0] for each in gates if each.quant is not None for _ in range(shape[1])]
    quant = Quantisation(tuple(scales), axis=1) if scales else None
    return Constant(np.concatenate([each.array for each in gates], axis=1), quant)


def svdf(call: Call) -> Value:
    """Dense layers of rank 1 or more along the features, then along time: the last frames that it has seen.

    The features' weights are (filters, features), those along time (filters, frames), oldest first; each unit
    sums up the filters of its rank.  It becomes the layers that it is made of, and a state of all frames but this one.
    """
    call.not_int16()
    x, rank = call.value(), call.integer("Rank")
    _expect_states(call)
    kept = _svdf_state(call)
    features = call.weights(1, (1, 0))
    time = call.weights(2, (1, 0), type_=None if kept.quant is None else kept.dtype.name)
    frames, filters = time.shape
    if len(x.shape) != 2 or x.shape[0] != 1 or features.shape != (x.shape[1], filters) or min(frames, filters) < 1:
        shapes = " and ".join(show(each.shape[::-1]) for each in (features, time))
        raise call.fault(f"its weights {shapes} do not fit {show(x.shape)}")
    if rank < 1 or filters % rank:
        raise call.fault(f"its {filters} filters are not of rank {rank}")
    units = filters // rank
    by_unit = Constant(time.array.reshape(frames, 1, units, rank).swapaxes(2, 3), time.quant)
    if kept.quant is not None:
        features = _rounded_to_float32(call, features, x.type.quant, kept.quant)
        by_unit = _rounded_to_float32(call, by_unit, kept.quant, element_type(call.where, call.result).quant)
    frame = call.emit(Dense(features, output=None if kept.quant is None else kept), x, part="frame")
    window = call.reshaped(frame, (1, 1, filters), "row")
    if frames > 1:
        name = f"{call.result.name or 'svdf'}/frames"
        state = call.assembly.kept(name, (frames - 1, 1, filters), (0, 1, 2), kept)
        window = call.emit(Concatenate(0), state, window, part="window")
        call.assembly.keep(state, call.emit(Slice((1, 0, 0), (frames - 1, 1, filters), (1, 1, 1)), window, part="kept"))
    bias = call.bias(3, window, by_unit)
    if kept.quant is None:
        return call.shaped(call.emit(Conv2D(by_unit, bias, groups=units, activation=call.activation()), window))
    bias = bias or Constant(np.zeros(units, np.int32))
    return call.shaped(call.emit(Conv2D(by_unit, bias, groups=units, output=call.output), window))


def _svdf_state(call: Call) -> ElementType:
    """The element type of an SVDF's state: float32, or beside int8 values int16 or int8.

    TensorFlow Lite Micro adds the zero point of an int8 state without saturation, and limits the output to what
    int8 holds, whatever activation is fused.
    """
    memory = call.inputs[STATES["SVDF"][0]]
    assert memory is not None
    # That it is a variable is the oddity of every state.
    kept, result = (element_type(call.where, replace(each, oddity="")) for each in (memory, call.result))
    if result.quant is None:
        if kept.quant is not None:
            raise call.fault(f"its state {memory.name!r} is {memory.type} while the values are {call.result.type}")
        return kept
    if kept.quant is None or kept.quant.zero_point != 0:
        raise call.fault(f"its state {memory.name!r} is not of int16 or int8 with the zero point 0")
    clamp, output = call.activation(), TensorType((), result.dtype, result.quant)
    if call.is_clamped or (clamp and Operands((), output).limits(clamp) != Operands((), output).limits()):
        raise call.fault(
            "its fused activation would cut off numbers that its output can store, and TensorFlow Lite Micro leaves "
            "it out",
            "TensorFlow's converter gives the output of a RELU the zero point -128; convert the model again with it",
        )
    return kept


def _rounded_to_float32(
    call: Call, weights: Constant, given: Quantisation | None, made: Quantisation | None
) -> Constant:
    """The weights on the scale that gives the factor from products to sums as TensorFlow Lite Micro has it.

    It computes given * weights / made in float32, where other layers have double precision.
    """
    assert given is not None
    assert made is not None
    assert weights.quant is not None
    if weights.quant.axis is not None:
        raise call.fault("its weights have several scales, which TensorFlow Lite Micro takes one of for all filters")
    scale = np.float32(given.scale[0]) * np.float32(weights.quant.scale[0]) / np.float32(made.scale[0])
    return Constant(weights.array, Quantisation((float(scale) * made.scale[0] / given.scale[0],)))
