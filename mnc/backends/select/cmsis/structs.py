"""The structs of `arm_nn_types.h`, and calls that take them."""

from __future__ import annotations

from mnc.backends.select.context import NONE, Constants, Context, Refusal
from mnc.backends.select.quantised.requantise import operands, quant
from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.layers.window import Padding, Pair
from mnc.ir.types import DType
from mnc.program import NULL, Argument, Call, Const, Out, Record, Scratch, Step, Value

HEADER = "arm_nnfunctions.h"

VOID = frozenset({"arm_softmax_s8"})
"""Functions that return no status."""

SCRATCH = DType.INT32
"""Some kernels keep 32 bits in their scratch, others move 32 bits at a time."""

TOO_MANY = Refusal("CMSIS-NN's counts rows, columns, channels and products in 16 bits")
LONGEST = 2**15 - 1
"""Some kernels count rows, columns and channels in 16 bits."""


def call(function: str, **arguments: Argument) -> Call:
    """A call of CMSIS-NN."""
    return Call(function, arguments, HEADER, checked=function not in VOID)


def named(context: Context[Layer], function: str) -> str:
    """A function of CMSIS-NN by its name without `arm_` and the element type, which is the output's."""
    return f"arm_{function}_{context.output.type.dtype.suffix}"


def step(
    context: Context[Layer],
    function: str,
    constants: Constants = NONE,
    scratch: int = 0,
    **arguments: Argument,
) -> Step:
    """The step of one call: its first argument is `scratch` bytes of scratch, its last ones are the output."""
    made = call(function, ctx=ctx(scratch), **arguments, output_dims=image(context.output), output_data=Out())
    return context.whole((made,), constants, scratch=scratch, scratch_dtype=SCRATCH)


def dims(n: int, h: int, w: int, c: int) -> Record:
    """A `cmsis_nn_dims`; layers share equal ones."""
    return Record("cmsis_nn_dims", {"n": n, "h": h, "w": w, "c": c}, f"dims_{n}x{h}x{w}x{c}")


def image(value: Value) -> Record:
    """The `cmsis_nn_dims` of an input or an output."""
    return dims(1, *value.image)


def ctx(scratch: int) -> Record:
    """A `cmsis_nn_context` with `scratch` bytes of the arena; all that have none share one."""
    if not scratch:
        return Record("cmsis_nn_context", {"buf": NULL, "size": 0}, "no_scratch")
    return Record("cmsis_nn_context", {"buf": Scratch(), "size": scratch})


def prepared(constant: str, size: int) -> Record:
    """A `cmsis_nn_context` whose buffer is only read: a constant of `size` bytes."""
    return Record("cmsis_nn_context", {"buf": Const(constant), "size": size})


def tile(pair: Pair) -> tuple[int, int]:
    """A `cmsis_nn_tile`: the width before the height."""
    return pair[1], pair[0]


def corner(padding: Padding) -> Pair:
    """The padding before the first row and before the first column."""
    return padding[0][0], padding[1][0]


def offsets(context: Context[Layer]) -> dict[str, int]:
    """The offsets that are added to inputs (the negated zero point) and to outputs (the zero point)."""
    return {"input_offset": -quant(context).zero_point, "output_offset": operands(context).zero}


def activation(context: Context[Layer], function: Function | None = None) -> dict[str, tuple[int, int]]:
    """A `cmsis_nn_activation`: the limits of the output."""
    return {"activation": operands(context).limits(function)}


def countable(*values: Value) -> bool:
    """Whether every kernel can count the rows, columns and channels of these."""
    return all(max(value.image) <= LONGEST for value in values)
