"""TimeDistributed round what takes one step at a time: one call for each step, all with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mnc.errors import refuse
from mnc.frontends.assembly import Assembly, Mask, Value
from mnc.frontends.keras.ways_out import SAVE_AGAIN, at_most
from mnc.ir.layers import Concatenate, Cropping2D, Reshape, Slice

MAX_STEPS = 64
"""Each step is code of its own; more of them want another network."""


def unrolled(
    assembly: Assembly, where: str, name: str, steps: Value, call: Callable[[str, Value], Value | None]
) -> Value | None:
    """The results of `call(its name, one step)` along a new first axis; None where a call was refused."""
    mask = None
    if steps.mask is not None and steps.mask.rank > 1:  # each step is a sequence with a mask of its own
        mask = assembly.mask(where, steps.mask)
    steps = assembly.plain(where, steps)
    if len(steps.axes) < 2:
        raise refuse(
            where, f"the layer needs steps along the first axis, not an input of {len(steps.axes)} axes", SAVE_AGAIN
        )
    count, *inner = steps.shape
    if count > MAX_STEPS:
        raise refuse(
            where,
            f"the wrapped layer would be called {count} times; the limit is {MAX_STEPS}",
            at_most(MAX_STEPS, "steps"),
        )
    rows = assembly.emit(where, f"{name}/rows", Reshape((count, steps.type.elements // count, 1)), (steps,))
    results: list[Value] = []
    for i in range(count):
        own = f"{name}/{i}"
        row = assembly.emit(where, f"{own}/row", Cropping2D(((i, count - 1 - i), (0, 0))), (rows,))
        step = assembly.emit(where, f"{own}/step", Reshape(tuple(inner)), (row,))
        if mask is not None:
            part = assembly.emit(where, f"{own}/mask_row", Slice((i, 0), (1, inner[0]), (1, 1)), (mask,))
            step = replace(step, mask=Mask(assembly.emit(where, f"{own}/mask", Reshape((inner[0],)), (part,))))
        result = call(own, step)
        if result is None:
            return None
        result = assembly.plain(where, result)
        results.append(assembly.emit(where, f"{own}/result", Reshape((1, *result.shape)), (result,)))
    return assembly.emit(where, name, Concatenate(0), results)
