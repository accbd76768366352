"""Numbers of categories as vectors, and numbers as those of categories: comparisons with constants."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import LARGEST_FLOAT, Config
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.ir import activations as fn
from mnc.ir.layers import Activation, Add, ReduceMin, ReduceSum, Reshape, Subtract
from mnc.ir.types import Constant
from mnc.names import brief

SHAPED = "give it an axis of one number, keras.Input((1,))"
MOST = 2**16
"""Of the categories that a number is compared with."""

MODES = ("multi_hot", "one_hot", "count")


@converts("CategoryEncoding", to=(Activation, Add, ReduceMin, ReduceSum, Reshape, Subtract))
def category_encoding(config: Config) -> Build:
    """1 at the places that whole numbers name, else 0; or how often they do."""
    count = config.integer("num_tokens")
    mode = config.choice("output_mode", *MODES, "binary", default="multi_hot")
    config.only("sparse", False)

    def build(call: Call) -> Value:
        return _encoded(call, call.x, count, "multi_hot" if mode == "binary" else mode)

    return build


@converts("Discretization", to=(Activation, Add, ReduceMin, ReduceSum, Reshape, Subtract))
def discretization(config: Config) -> Build:
    """How many boundaries a number has reached, as a number or as a vector."""
    stated = config.raw("bin_boundaries")
    mode = config.choice("output_mode", "int", *MODES, default="int")
    config.only("sparse", False)
    config.ignore("num_bins", "epsilon")
    if not isinstance(stated, list) or not stated:
        raise config.fault("bin_boundaries are missing", "call adapt with samples, and save the model again")
    if not all(isinstance(each, (int, float)) and abs(each) <= LARGEST_FLOAT for each in stated) or (
        sorted(stated) != stated
    ):
        raise config.fault(f"bin_boundaries must be ascending numbers, not {brief(stated)}")
    bounds = np.asarray(stated, np.float32)

    def build(call: Call) -> Value:
        call.weights.discard()  # what the boundaries were computed from
        x = call.x
        row = call.emit(Reshape((*x.shape, 1)), x, part="row")
        distance = call.emit(Subtract(operand=Constant(bounds), operand_first=True), row, part="distance")
        sign = call.emit(Activation(fn.Sign()), distance, part="sign")
        above = call.emit(Activation(fn.Relu()), sign, part="above")
        left = call.emit(ReduceSum((-1,)), above, part="left")
        last = Subtract(operand=Constant(np.float32(len(bounds))), operand_first=True)
        if mode == "int":
            return call.emit(last, left)
        return _encoded(call, call.emit(last, left, part="bin"), len(bounds) + 1, mode)

    return build


def _encoded(call: Call, x: Value, count: int, mode: str) -> Value:
    """Whole numbers from 0 to `count` - 1 as vectors; numbers outside are in none."""
    shape = x.shape
    if count > MOST:
        raise call.fault(f"{count} categories are too many; the limit is {MOST}", AS_TFLITE)
    if mode == "one_hot" and shape[-1:] == (1,):
        shape = shape[:-1]
    elif mode != "one_hot" and not shape:
        raise call.fault(
            f"the mode {mode!r} needs numbers along an axis; Keras would count those of the whole batch", SHAPED
        )
    row = call.emit(Reshape((*shape, 1)), x, part="row_of_numbers")
    places = Constant(-np.arange(count, dtype=np.float32))
    distance = call.emit(Add(operand=places), row, part="distance_of_places")
    apart = call.emit(Activation(fn.Sign()), call.emit(Activation(fn.Abs()), distance, part="size"), part="apart")
    if mode == "count":
        apart = call.emit(ReduceSum((0,)), apart, part="missed")
    elif mode == "multi_hot":
        apart = call.emit(ReduceMin((0,)), apart, part="all_apart")
    most = shape[0] if mode == "count" else 1
    return call.emit(Subtract(operand=Constant(np.float32(most)), operand_first=True), apart)
