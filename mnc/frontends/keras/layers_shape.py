"""Layers that only rearrange, and looking up by number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mnc.frontends.assembly import Mask, Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.weights import Count
from mnc.ir.activations import Tanh
from mnc.ir.layers import Activation, Dense, Embedding, Flatten, Identity, Multiply, Permute, Reshape, ResizeNearest
from mnc.ir.types import Constant, Shape


@converts("Flatten", to=(Flatten,), over_time=True)
def flatten(config: Config) -> Build:
    """All elements on one axis, in Keras' order."""
    layout = config.choice("data_format", "channels_last", "channels_first", default="channels_last")

    def build(call: Call) -> Value:
        x = call.tensor
        if call.over_time:
            x = call.x
            if layout == "channels_first":
                raise call.fault("data_format 'channels_first' is not supported under TimeDistributed")
            return call.emit(Reshape((x.shape[0], math.prod(x.shape[1:]))), x)
        if layout == "channels_first" and len(x.axes) > 1:  # Keras moves the channels last, then flattens
            rank = len(x.axes)
            return call.emit(Flatten(), call.assembly.held_as(call.where, x, (rank - 1, *range(rank - 1))))
        result = call.emit(Flatten(), x)
        return result if x.is_plain else replace(result, before_flatten=(x.type.shape, x.axes))

    return build


@converts("Reshape", to=(Reshape,), over_time=True)
def reshape(config: Config) -> Build:
    """Elements under another shape, their order kept; one axis may be -1."""
    target = config.integer_list("target_shape", -1)
    if 0 in target or target.count(-1) > 1:
        raise config.fault(f"target_shape = {list(target)} cannot be a shape")

    def build(call: Call) -> Value:
        x = call.x
        kept = x.shape[:1] if call.over_time else ()
        return call.emit(Reshape((*kept, *_whole(call, target, math.prod(x.shape[len(kept) :])))), x)

    return build


def _whole(call: Call, target: tuple[int, ...], elements: int) -> Shape:
    """The target shape with -1 replaced by the size that is left."""
    known = math.prod(size for size in target if size != -1)
    if -1 in target and elements % known:
        raise call.fault(f"{elements} elements do not fill the shape {list(target)}")
    return tuple(elements // known if size == -1 else size for size in target)


@converts("Permute", to=(Permute,), over_time=True)
def permute(config: Config) -> Build:
    """The axes in another order; Keras counts them from 1."""
    dims = config.integer_list("dims", 1)
    if sorted(dims) != list(range(1, len(dims) + 1)):
        raise config.fault(f"dims = {list(dims)} must name each axis once, counted from 1")

    def build(call: Call) -> Value:
        x = call.x
        order = (0, *dims) if call.over_time else tuple(dim - 1 for dim in dims)
        if order == tuple(range(len(x.axes))):
            return call.emit(Identity(), x)
        return call.emit(Permute(order), x)

    return build


@converts("RepeatVector", to=(Reshape, ResizeNearest))
def repeat_vector(config: Config) -> Build:
    """A vector several times: a pixel stretched to a column."""
    times = config.integer("n")

    def build(call: Call) -> Value:
        x = call.x
        if len(x.axes) != 1:
            raise call.fault(f"the layer needs a vector, not an input of {len(x.axes)} axes")
        (features,) = x.shape
        pixel = call.emit(Reshape((1, 1, features)), x, part="pixel")
        column = call.emit(ResizeNearest((times, 1)), pixel, part="column")
        return call.emit(Reshape((times, features)), column)

    return build


@converts("Embedding", to=(Embedding,), over_time=True, masks="own")
def embedding(config: Config) -> Build:
    """A table of vectors; the network's input is the numbers of its rows, as floats."""
    vocabulary = config.integer("input_dim")
    dimensions = config.integer("output_dim")
    mask_zero = config.boolean("mask_zero", False)
    config.ignore("input_length")
    config.only("sparse", False)
    config.weights = Count(1)

    def build(call: Call) -> Value:
        x = call.x
        result = call.emit(Embedding(call.weights.take("embeddings", (vocabulary, dimensions))), x)
        return replace(result, mask=Mask(replace(x, mask=None), 0.0) if mask_zero else None)

    return build


@converts("ReversibleEmbedding", to=(Activation, Dense, Embedding, Multiply), arguments=("reverse",), masks="own")
def reversible_embedding(config: Config) -> Build:
    """A table of vectors, or backwards how like each of them a vector is."""
    vocabulary = config.integer("input_dim")
    dimensions = config.integer("output_dim")
    mask_zero = config.boolean("mask_zero", False)
    tied = config.boolean("tie_weights", True)
    cap = config.optional_number("logit_soft_cap")
    config.ignore("input_length", "reverse_dtype")
    config.weights = Count(1 + (not tied))

    def build(call: Call) -> Value:
        x = call.x
        table = call.weights.take("embeddings", (vocabulary, dimensions))
        kernel = None if tied else call.weights.take("reverse_embeddings", (dimensions, vocabulary))
        if call.arguments.named.get("reverse") is not True:
            return replace(call.emit(Embedding(table), x), mask=Mask(replace(x, mask=None), 0.0) if mask_zero else None)
        layer = Dense(Constant(np.transpose(table.array)) if kernel is None else kernel)
        if cap is None:
            return call.emit(layer, x)
        part = call.emit(layer, x, part="logits")
        part = call.emit(Multiply(operand=Constant(np.float32(1.0 / cap))), part, part="scaled")
        part = call.emit(Activation(Tanh()), part, part="bent")
        return call.emit(Multiply(operand=Constant(np.float32(cap))), part)

    return build


@converts("Masking", to=(Identity, Multiply), masks="own")
def masking(config: Config) -> Build:
    """Marks steps of nothing but one number as padding, and makes them 0."""
    value = config.number("mask_value", 0.0)

    def build(call: Call) -> Value:
        x = call.x
        mask = Mask(replace(x, mask=None), value, vectors=True)
        if value == 0.0:
            return replace(call.emit(Identity(), x), mask=mask)
        steps = call.assembly.mask(call.where, mask)
        column = call.emit(Reshape((*x.shape[:-1], 1)), steps, part="column")
        return replace(call.emit(Multiply(), x, column), mask=mask)

    return build
