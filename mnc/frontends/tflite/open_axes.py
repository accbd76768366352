"""Axes of inputs that a file leaves open, beside the batch: the user says how long they are.

Converters write -1 there in a tensor's shape signature, and 1 into its shape;
the shapes of what is computed from such an input are open, too, and follow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from mnc.errors import CompileError, refuse
from mnc.frontends.tflite.file import Model, Tensor
from mnc.ir.types import Shape, show


def is_open(tensor: Tensor) -> bool:
    """Whether an axis other than the batch is open."""
    return any(axis != 0 for axis in tensor.open_axes)


def left_open(tensor: Tensor) -> CompileError:
    """The refusal of an input with open axes."""
    example = ",".join("100" if axis in tensor.open_axes else str(tensor.shape[axis]) for axis in _own(tensor))
    return refuse(
        f"input {tensor.name!r}",
        f"it has no fixed shape: {_shown(tensor)}",
        f"give it one: --input-shape {tensor.name!r}={example}",
        "or give the input a fixed shape before converting, for instance keras.Input(shape=(96, 96, 1))",
    )


def closed(model: Model, shapes: Mapping[str, Shape]) -> Model:
    """The network with inputs of these shapes, without batch, by name; CompileError where one does not fit."""
    by_name = {model.tensors[index].name: index for index in model.inputs}
    tensors = list(model.tensors)
    for name, shape in shapes.items():
        if name not in by_name:
            raise refuse("", f"there is no input {name!r}", f"its inputs are {', '.join(map(repr, by_name))}")
        tensor = tensors[by_name[name]]
        axes = _own(tensor)
        fits = len(axes) == len(shape) and all(
            axis in tensor.open_axes or tensor.shape[axis] == size for axis, size in zip(axes, shape, strict=True)
        )
        if not fits:
            what = f"it is {_shown(tensor)} in the file, not {show(shape)}"
            raise refuse(f"input {name!r}", what, "name a shape that differs in open axes (?) alone")
        batch = tuple(axis for axis in tensor.open_axes if axis == 0)
        tensors[by_name[name]] = replace(tensor, shape=(*tensor.shape[:1], *shape), open_axes=batch)
    return replace(model, tensors=tuple(tensors))


def filled(tensor: Tensor, elements: int) -> Shape:
    """The shape of a computed tensor of as many elements, where that tells its only open axis; a batch is 1."""
    unknown = [axis for axis in tensor.open_axes if axis != 0]
    rest = math.prod(size for axis, size in enumerate(tensor.shape) if axis not in unknown)
    if len(unknown) != 1 or rest == 0 or elements % rest:
        return tensor.shape
    return tuple(elements // rest if axis in unknown else size for axis, size in enumerate(tensor.shape))


def _own(tensor: Tensor) -> range:
    """The axes after the batch."""
    return range(1, len(tensor.shape))


def _shown(tensor: Tensor) -> str:
    """The shape without batch, with question marks for open axes."""
    sizes = ("?" if axis in tensor.open_axes else str(tensor.shape[axis]) for axis in _own(tensor))
    return f"({', '.join(sizes)})"
