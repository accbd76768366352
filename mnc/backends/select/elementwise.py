"""Kernels for layers that go element by element, and for softmax."""

from __future__ import annotations

import math

from mnc.backends.program import Argument, Call, In, Name, Out, Step, Value
from mnc.backends.select.activation import epilogue, over
from mnc.backends.select.site import Site
from mnc.backends.select.values import same_elements
from mnc.ir.layers import Activation, Add, Average, Maximum, Merge, Minimum, Multiply, Softmax, Subtract

_OPERATIONS: dict[type[Merge], str] = {
    Add: "MNC_ADD",
    Average: "MNC_ADD",
    Subtract: "MNC_SUBTRACT",
    Multiply: "MNC_MULTIPLY",
    Maximum: "MNC_MAXIMUM",
    Minimum: "MNC_MINIMUM",
}


def activation(site: Site[Activation]) -> Step:
    """A function of every element; both operands have one layout."""
    return site.whole((over(site.layer.function, In(), site.output.type.elements),), in_place=True)


def merge(site: Site[Merge]) -> Step:
    """The first two inputs into the output, then each further one onto it."""
    y, last = site.output, len(site.inputs) - 1
    flat = all(same_elements(x, y) for x in site.inputs)
    fused, after = epilogue(site.layer.activation, y.type.elements)
    plain, _ = epilogue(None, y.type.elements)
    sizes = (1, 1, y.type.elements) if flat else y.image
    calls = []
    for i in range(1, len(site.inputs)):
        ends = i == last
        calls.append(
            Call(
                "mnc_merge_f32",
                {
                    "a": In(0) if i == 1 else Out(),
                    "b": In(i),
                    "out": Out(),
                    "operation": Name(_OPERATIONS[type(site.layer)]),
                    **dict(zip(("rows", "pixels", "channels"), sizes, strict=True)),
                    **_strides("a", site.inputs[0] if i == 1 else y, flat=flat),
                    **_strides("b", site.inputs[i], flat=flat),
                    **_strides("out", y, flat=flat),
                    "factor": 1.0 / len(site.inputs) if ends and isinstance(site.layer, Average) else 1.0,
                    **(fused if ends else plain),
                },
            )
        )
    # With three inputs or more the output is written before the last is read.
    return site.whole((*calls, *after), in_place=flat and last == 1)


def softmax(site: Site[Softmax]) -> Step:
    """Softmax along the last axis of one vector, or row by row along any axis."""
    (x,) = site.inputs
    shape = x.type.shape
    axis = site.layer.axis % len(shape)
    inner = math.prod(shape[axis + 1 :])
    outer = math.prod(shape[:axis])
    arguments: dict[str, Argument] = {"in": In(), "out": Out(), "vectors": outer, "count": shape[axis], "stride": inner}
    # Vectors that interleave are not worked on in the order of memory.
    return site.whole((Call("mnc_softmax_f32", arguments),), in_place=inner == 1)


def _strides(operand: str, x: Value, *, flat: bool) -> dict[str, Argument]:
    """The strides to walk an operand with, 0 along the axes it is broadcast on."""
    names = tuple(f"{operand}_{axis}" for axis in ("row", "pixel", "channel"))
    own = (x.layout.row, x.layout.pixel, x.layout.channel)
    kept = tuple(stride if size > 1 else 0 for stride, size in zip(own, x.image, strict=True))
    return dict(zip(names, (0, 0, 1) if flat else kept, strict=True))
