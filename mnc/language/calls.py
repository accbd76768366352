"""One layer from its call: which argument means what, and whether it fits its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, Softmax
from mnc.ir.types import MAX_ELEMENTS, Constant, DType, Shape, ShapeError, TensorType, show
from mnc.language import tree
from mnc.language.forms import ActivationForm, Context
from mnc.language.functions import make
from mnc.language.kind import OUTPUT, REQUIRED, Attribute, Kind, Weight
from mnc.language.source import Place, SourceError, UnknownNameError
from mnc.language.table import TRAINING_ONLY
from mnc.language.values import FromFile, RefusalError, Tensor, Value, describe
from mnc.names import similar

Read = Callable[[tree.Expression, frozenset[str]], Value]
"""Works an argument out; the set has the words that stand for themselves there."""


class Pending(Constant):
    """The place of a constant that is still to be read: its shape without its memory."""

    __slots__ = ()

    def __init__(self, shape: Shape, dtype: DType) -> None:
        object.__setattr__(self, "array", np.broadcast_to(dtype.numpy.type(0), shape))
        object.__setattr__(self, "quant", None)


@lru_cache(256)
def pending(shape: Shape, dtype: DType = DType.FLOAT32) -> Pending:
    """A place of this shape; all alike are one."""
    return Pending(shape, dtype)


@dataclass(frozen=True)
class MissingWeight:
    """A constant that a layer needs from the weights file."""

    weight: Weight
    shape: Shape
    dtype: DType | None
    """The element type that the text demands; None where it demands none."""


@dataclass
class Bound:
    """A layer from its call, but for the constants that come from files."""

    kind: str
    """The name under which it was called, by which it is numbered."""
    layer: Layer
    types: tuple[TensorType, ...]
    missing: list[MissingWeight] = field(default_factory=list)
    softmax: bool = False
    """Whether a softmax stands behind it, as its activation."""
    sequence: bool = False
    """Whether it works on its input as an image of one row."""


@dataclass(frozen=True)
class Given:
    """The arguments of a call, inputs apart."""

    inputs: tuple[Tensor, ...]
    input_places: tuple[tree.Expression, ...]
    positional: tuple[tree.Argument, ...]
    named: tuple[tree.Argument, ...]


def bind_function(name: str, given: Given, at: Place, read: Read) -> Bound:
    """An activation function as a layer: `relu(x, max_value = 6)`."""
    for argument in given.positional:
        raise SourceError(argument.at, f"{name} takes one input; its arguments have names")
    arguments: dict[str, Value] = {}
    output = None
    for argument in given.named:
        if argument.keyword == OUTPUT.name:
            output = _attribute(OUTPUT, argument, read(argument.value, OUTPUT.form.words), Context(()))
        else:
            arguments[argument.keyword or ""] = read(argument.value, frozenset())
    layer = Activation(make(name, arguments, layer=True), output=output)
    return Bound(name, layer, _types(name, layer, given, at, tuple(tensor.type for tensor in given.inputs)))


def bind(kind: Kind, name: str, given: Given, at: Place, read: Read) -> Bound:
    """A layer of a kind, called `name` in the text; SourceError where an argument does not fit."""
    least, most = kind.layer.arity
    if len(given.inputs) < least or (most is not None and len(given.inputs) > most):
        takes = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        raise SourceError(at, f"{name} takes {takes} {'input' if takes == '1' else 'inputs'}, not {len(given.inputs)}")
    arguments = _by_name(kind, name, given)
    context = Context(_input_types(kind, name, given, at))
    softmax = False
    try:
        for attribute in kind.attributes:
            if attribute.name in arguments:
                argument = arguments[attribute.name]
                value = _read(attribute, argument, read)
                if value == "softmax" and attribute.form == ActivationForm(softmax=True):
                    softmax, value = True, None
                context.attributes[attribute.name] = _attribute(attribute, argument, value, context)
            else:
                default = attribute.default_in(context)
                if default is REQUIRED:
                    raise SourceError(at, f"{name} needs '{attribute.name}': {attribute.form.takes}")
                context.attributes[attribute.name] = default
        constants: dict[str, Constant | None] = {}
        missing: list[MissingWeight] = []
        for weight in kind.weights:
            constants[weight.field] = _constant(weight, arguments.get(weight.field), context, read, missing)
        layer = kind.build(context, constants)
        if softmax and kind.layer is Activation:  # nothing stands before it
            layer, softmax = softmax_over(context.inputs[0]), False
    except RefusalError as fault:
        raise SourceError(at, f"{name} {fault.what}", *fault.hints) from None
    except ShapeError as fault:
        raise SourceError(at, f"{name}: {fault}", *_inputs(given)) from None
    except ValueError as fault:
        raise SourceError(at, f"{name}: {fault}") from None
    return Bound(name, layer, _types(name, layer, given, at, context.inputs), missing, softmax, kind.sequence)


def _input_types(kind: Kind, name: str, given: Given, at: Place) -> tuple[TensorType, ...]:
    """The types of the inputs as the layer of the IR has them."""
    types = tuple(tensor.type for tensor in given.inputs)
    if not kind.sequence:
        return types
    if types[0].rank != 2:
        what = f"{name}: needs a sequence (steps, channels), not {types[0].rank} axes"
        raise SourceError(at, what, *_inputs(given))
    return (replace(types[0], shape=(1, *types[0].shape)),)


def _by_name(kind: Kind, name: str, given: Given) -> dict[str, tree.Argument]:
    """The arguments by the field they mean."""
    if len(given.positional) > len(kind.positional):
        extra = given.positional[len(kind.positional)]
        takes = f"takes at most {len(kind.positional)} attributes" if kind.positional else "takes no attributes"
        raise SourceError(extra.at, f"{name} {takes} without a name besides its inputs")
    found = {attribute.name: argument for attribute, argument in zip(kind.positional, given.positional, strict=False)}
    for argument in given.named:
        keyword = argument.keyword or ""
        meant = kind.keywords.get(keyword)
        target = meant.name if isinstance(meant, Attribute) else "" if meant is None else meant.field
        if meant is None:
            if keyword in kind.ignored:
                continue
            hints = similar(keyword, kind.keywords)
            if not hints and keyword in TRAINING_ONLY:
                hints = ("it says nothing about inference; leave it out",)
            if not hints:
                hints = (f"it has {', '.join(_own(kind))}" if _own(kind) else "it has none",)
            raise SourceError(argument.at, f"{name} has no attribute '{keyword}'", *hints)
        if target in found:
            raise SourceError(argument.at, f"{name} is given '{target}' twice")
        found[target] = argument
    return found


def _own(kind: Kind) -> list[str]:
    return [each.name for each in kind.attributes] + [each.field for each in kind.weights]


def _read(attribute: Attribute, argument: tree.Argument, read: Read) -> Value:
    """An attribute's argument worked out; a name that means nothing is taken for a misspelt word."""
    try:
        return read(argument.value, attribute.form.words)
    except UnknownNameError as fault:
        if fault.at != argument.value.at or not attribute.form.words:
            raise
        hints = similar(fault.name, attribute.form.words) or fault.hints
        what = f"{attribute.name} takes {attribute.form.takes}, and nothing is called '{fault.name}'"
        raise SourceError(fault.at, what, *hints) from None


def _attribute(attribute: Attribute, argument: tree.Argument, value: Value, context: Context) -> Any:
    try:
        return attribute.form.read(value, context)
    except RefusalError as fault:
        hints = fault.hints
        if isinstance(value, str) and value not in attribute.form.words:
            hints = (*hints, *similar(value, attribute.form.words))
        raise SourceError(argument.value.at, f"{attribute.name} {fault.what}", *hints) from None


def _constant(
    weight: Weight, argument: tree.Argument | None, context: Context, read: Read, missing: list[MissingWeight]
) -> Constant | None:
    """The constant as far as it is known; a constant that comes from a file is added to `missing`."""
    value: Value = weight.expected or not weight.optional
    if argument is not None:
        value = read(argument.value, frozenset())
    if weight.optional and (value is False or value is None):
        return None
    shape = None if weight.shape is None else weight.shape(context)
    if isinstance(value, FromFile):
        _check_shape(weight, argument, value.type.shape, shape)
        missing.append(MissingWeight(weight, value.type.shape, value.type.dtype))
        return pending(value.type.shape, value.type.dtype)
    if argument is None or (value is True and weight.optional):
        if shape is None:
            raise RefusalError(f"needs '{weight.field}': its type, as in {weight.field} = float32[3, 4]")
        missing.append(MissingWeight(weight, _within_limit(shape), None))
        return pending(shape)
    try:
        constant = as_constant(value)
    except RefusalError as fault:
        takes = f"{'true, false, ' if weight.optional else ''}a list of numbers or a type such as float32[3, 4]"
        raise SourceError(argument.value.at, f"{weight.field} takes {takes}, not {fault.what}", *fault.hints) from None
    _check_shape(weight, argument, constant.shape, shape)
    return constant


def _check_shape(weight: Weight, argument: tree.Argument | None, given: Shape, expected: Shape | None) -> None:
    if expected is not None and given != expected and argument is not None:
        what = f"{weight.field} must have the shape {list(expected)} here, not {list(given)}"
        raise SourceError(argument.value.at, what, "the shape follows from the attributes and the input")


def _within_limit(shape: Shape) -> Shape:
    elements = math.prod(shape)
    if elements > MAX_ELEMENTS:
        raise ShapeError(f"its weights {show(shape)} have {elements:,} elements; the limit is 2^31 - 1")
    return shape


def as_constant(value: Value, dtype: str = "float32") -> Constant:
    """A list of numbers as a constant; RefusalError says what it is instead."""
    if isinstance(value, Constant):
        return value
    if not isinstance(value, list):
        raise RefusalError(describe(value))
    shape, numbers = _flat(value, [0])
    whole = dtype != "float32"
    if any(isinstance(each, bool) or not isinstance(each, int if whole else (int, float)) for each in numbers):
        raise RefusalError(f"a list with other things than {'whole ' if whole else ''}numbers")
    if whole:
        least, most = DType(dtype).least, DType(dtype).most
        if any(not least <= each <= most for each in numbers):  # type: ignore[operator]  # checked above
            raise RefusalError(f"others than {least} to {most}")
    with np.errstate(over="ignore"):
        return Constant(np.array(numbers, dtype).reshape(shape))


def _flat(value: Value, count: list[int], depth: int = 0) -> tuple[Shape, list[Value]]:
    """The shape and the numbers of nested lists."""
    if not isinstance(value, list):
        return (), [value]
    count[0] += len(value)
    if depth >= 8 or count[0] > 1_000_000:
        raise RefusalError("lists nested so deep or so large", "large constants belong into an .npz file")
    parts = [_flat(item, count, depth + 1) for item in value]
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1:
        raise RefusalError("a list of lists of different lengths")
    return (len(value), *(shapes.pop() if shapes else ())), [number for _, numbers in parts for number in numbers]


def _types(name: str, layer: Layer, given: Given, at: Place, inputs: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
    try:
        return layer.outputs(*inputs)
    except ShapeError as fault:
        raise SourceError(at, f"{name}: {fault}", *_inputs(given)) from None


def _inputs(given: Given) -> tuple[str, ...]:
    """The type and the origin of each input of a call, one sentence each."""
    sentences = []
    for number, (tensor, written) in enumerate(zip(given.inputs, given.input_places, strict=True), 1):
        what = f"'{written.value}'" if isinstance(written, tree.Name) else f"input {number}"
        sentences.append(f"{what} is {tensor.type}, from line {tensor.line}: {tensor.call}")
    return tuple(sentences)


def softmax_over(logits: TensorType) -> Softmax:
    """The layer behind one whose activation is softmax: over the last axis, as Keras has it."""
    return Softmax(max(logits.rank - 1, 0))
