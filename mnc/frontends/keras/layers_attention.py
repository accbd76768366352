"""Attention: scores of queries and keys, their softmax, and the mean of values that they weigh."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.weights import Count
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    Dense,
    MatMul,
    Multiply,
    Permute,
    ReduceSum,
    Reshape,
    Softmax,
)
from mnc.ir.types import Array, Constant, Shape

MASKED = -1e9
"""Is added to a score that shall not count."""

CALL_ARGUMENTS = (
    *("query", "value", "key", "value_mask", "key_mask"),
    *("query_mask", "attention_mask", "use_causal_mask", "return_attention_scores"),
)
"""Arguments of a call besides the inputs."""


def flag(call: Call, name: str) -> bool:
    """An argument that is true or false."""
    value = call.arguments.named.get(name, False)
    if not isinstance(value, bool):
        raise call.fault(f"{name} must be true or false")
    return value


def window(config: Config) -> int | None:
    """How far from its own place a query sees keys, that place counted; None: as far as there are any."""
    return None if config.raw("sliding_window") is None else config.integer("sliding_window")


def _places(rows: int, columns: int, causal: bool, near: int | None) -> Array | None:
    """1 where a row may see a column by their places, elsewhere 0; None where each sees all."""
    seen = np.tri(rows, columns) if causal else np.ones((rows, columns))
    if near is not None:
        seen = seen * (np.abs(np.arange(rows)[:, None] - np.arange(columns)) < near)
    return None if seen.all() else seen.astype(np.float32)


@converts(
    "MultiHeadAttention",
    to=(Add, Dense, MatMul, Multiply, Permute, Reshape, Softmax),
    arguments=CALL_ARGUMENTS,
    masks="own",
)
def multi_head_attention(config: Config) -> Build:
    """Attention of several heads between sequences, causal or not, with or without a gate."""
    heads = config.integer("num_heads")
    key_size = config.integer("key_dim")
    value_size = config.integer("value_dim", key_size) if config.raw("value_dim") is not None else key_size
    has_bias = config.boolean("use_bias", True)
    has_gate = config.boolean("use_gate", False)
    stated = config.raw("output_shape")
    outputs = None if stated is None else config.integer_list("output_shape", 1)
    axes = None if config.raw("attention_axes") is None else config.integer_list("attention_axes", -8)
    near = window(config)
    drops = config.number("dropout", 0.0) > 0.0
    # robust or not, what is added to hidden scores leaves nothing of them in float32
    config.ignore("flash_attention", "seed", "query_shape", "key_shape", "value_shape", "softmax_robust_masking")
    config.weights = Count((4 + has_gate) * (1 + has_bias))

    def build(call: Call) -> Value | tuple[Value, ...]:
        if config.keras >= 3 and call.arguments.named.get("query_mask") is not None:
            what = "query_mask is read by some versions of Keras 3 and by others not"
            raise call.fault(what, "multiply it into attention_mask, whose rows are those of the query")
        given, alone = axes_of(call, axes)
        query, value, key = sequences(call, len(given) > 1, alone)
        if alone and (near is not None or call.arguments.named.get("attention_mask") is not None):
            raise call.fault("attention along some axes is supported without a mask and without a window")
        seen = None if alone else seen_scores(call, query, value, key, near)

        def dense(x: Value, part: str, size: int, scale: float = 1.0, own: str = "") -> Value:
            weights = call.weights.inside(f"{own or part}_dense")
            kernel = weights.array("kernel", (x.shape[-1], heads, size), part).reshape(x.shape[-1], heads * size)
            bias = weights.array("bias", (heads, size), part).reshape(heads * size) if has_bias else None
            layer = Dense(Constant(kernel * scale), None if bias is None else Constant(bias * scale))
            return call.emit(layer, x, part=part)

        def by_head(x: Value, part: str, size: int) -> Value:
            *outer, steps, _ = x.shape
            if heads == 1:
                return call.emit(Reshape((*outer, 1, steps, size)), x, part=f"{part}_heads")
            split = call.emit(Reshape((*outer, steps, heads, size)), x, part=f"{part}_split")
            return call.emit(Permute(_heads_first(split)), split, part=f"{part}_heads")

        q = by_head(dense(query, "query", key_size, 1.0 / math.sqrt(key_size)), "query", key_size)
        k = by_head(dense(key, "key", key_size), "key", key_size)
        gate = dense(query, "gate", value_size) if has_gate else None
        v = by_head(dense(value, "value", value_size), "value", value_size)
        scores = call.emit(MatMul(transpose_b=True), q, k, part="scores")
        shares = call.emit(Softmax(len(scores.shape) - 1), masked(call, scores, seen), part="shares")
        if config.keras >= 3 and (drops or flag(call, "return_attention_scores")):
            shares = of_those_seen(call, shares, seen)
        mixed = call.emit(MatMul(), shares, v, part="mixed")
        if heads > 1:
            mixed = call.emit(Permute(_heads_first(mixed)), mixed, part="in_steps")
        flat = call.emit(Reshape((*query.shape[:-1], heads * value_size)), mixed, part="joined")
        if gate is not None:
            flat = call.emit(Multiply(), flat, call.emit(Activation(fn.Sigmoid()), gate, part="opened"), part="gated")
        shape = (query.shape[-1],) if outputs is None else outputs
        weights = call.weights.inside("output_dense")
        kernel = weights.array("kernel", (heads, value_size, *shape), "output").reshape(heads * value_size, -1)
        bias = weights.array("bias", shape, "output").ravel() if has_bias else None
        call.weights.discard()  # the state of a random generator
        layer = Dense(Constant(kernel), None if bias is None else Constant(bias))
        if len(shape) > 1 or len(given) > 1:
            wide = call.emit(layer, flat, part="output")
            order = _alone_first(len(given), alone)
            if alone:
                wide = call.emit(Reshape((*(given[k] for k in order), *shape)), wide, part="rows")
                back = (*(order.index(k) for k in range(len(given))), *range(len(given), len(given) + len(shape)))
                result = call.emit(Permute(back), wide)
            else:
                result = call.emit(Reshape((*given, *shape)), wide)
        else:
            result = call.emit(layer, flat)
        result = replace(result, mask=query.mask)
        return (result, shares) if flag(call, "return_attention_scores") else result

    return build


def _heads_first(x: Value) -> tuple[int, ...]:
    """The order of axes that exchanges the heads and the steps, in front of the last axis."""
    last = len(x.shape) - 1
    return (*range(last - 2), last - 1, last - 2, last)


def _alone_first(rank: int, alone: tuple[int, ...]) -> tuple[int, ...]:
    """Axes along which nothing is attended to, before the others."""
    return (*alone, *(k for k in range(rank) if k not in alone))


def axes_of(call: Call, axes: tuple[int, ...] | None) -> tuple[Shape, tuple[int, ...]]:
    """The sizes of all axes of the query but the last, and those of them along which it does not attend."""
    first = call.arguments.named.get("query", next(iter(call.inputs), None))
    if not isinstance(first, Value):
        raise call.fault("the query is missing, or is no tensor of the model")
    rank = len(first.shape)
    attended = range(rank - 1) if axes is None else sorted({axis % (rank + 1) - 1 for axis in axes})
    if not attended or not set(attended) <= set(range(rank - 1)):
        raise call.fault(f"attention_axes = {list(axes or ())} must be among the axes between the batch and the last")
    if rank > 2 and any(call.arguments.named.get(name) for name in ("use_causal_mask", "return_attention_scores")):
        raise call.fault("attention along several axes is supported without a causal mask and without its scores")
    return first.shape[:-1], tuple(k for k in range(rank - 1) if k not in attended)


def of_those_seen(call: Call, shares: Value, seen: Value | Constant | None) -> Value:
    """Shares of which those that are hidden are 0, also where all are."""
    if seen is None:
        return shares
    if isinstance(seen, Constant):
        return call.emit(Multiply(operand=seen), shares, part="seen_shares")
    return call.emit(Multiply(), shares, seen, part="seen_shares")


def seen_scores(call: Call, query: Value, value: Value, key: Value, near: int | None) -> Value | Constant | None:
    """1 where a query shall see a key, else 0; None where each sees all."""
    parts = []
    rows, columns = query.shape[0], key.shape[0]
    for name, x, shape in (("query", query, (rows, 1)), ("value", value, (1, columns)), ("key", key, (1, columns))):
        given = call.arguments.named.get(f"{name}_mask")
        if given is not None and (not isinstance(given, Value) or given.shape != x.shape[:1]):
            raise call.fault(f"the {name}_mask must be a tensor of the model of {x.shape[0]} elements")
        own = None if x.mask is None or (name == "key" and key == value) else call.assembly.mask(call.where, x.mask)
        mask = call.assembly.plain(call.where, given) if isinstance(given, Value) else own
        if mask is not None:
            parts.append(call.emit(Reshape(shape), mask, part=f"{name}_mask"))
    given = call.arguments.named.get("attention_mask")
    if given is not None:
        if not isinstance(given, Value) or given.shape != (rows, columns):
            raise call.fault(f"the attention_mask must be a tensor of the model of {rows}x{columns} elements")
        parts.append(call.assembly.plain(call.where, given))
    return _seen(call, parts, _places(rows, columns, flag(call, "use_causal_mask"), near))


def _seen(call: Call, parts: list[Value], places: Array | None) -> Value | Constant | None:
    """The product of the masks and of the places; a constant where only the places say it."""
    if not parts:
        return None if places is None else Constant(places)
    seen = parts[0]
    for i, part in enumerate(parts[1:]):
        seen = call.emit(Multiply(), seen, part, part=f"seen{i}")
    return seen if places is None else call.emit(Multiply(operand=Constant(places)), seen, part="seen_places")


def masked(call: Call, scores: Value, seen: Value | Constant | None) -> Value:
    """Scores of which those that are hidden do not count: MASKED is added to them."""
    if seen is None:
        return scores
    if isinstance(seen, Constant):
        return call.emit(Add(operand=Constant((seen.array - 1.0) * np.float32(-MASKED))), scores, part="masked_scores")
    missing = call.emit(Add(operand=Constant(np.float32(-1.0))), seen, part="missing")
    hidden = call.emit(Multiply(operand=Constant(np.float32(-MASKED))), missing, part="hidden")
    return call.emit(Add(), scores, hidden, part="masked_scores")


def sequences(call: Call, several: bool = False, alone: tuple[int, ...] = ()) -> tuple[Value, Value, Value]:
    """The query, the value and the key, each (steps, features), wherever the call has them.

    Where `several` axes are the steps, they become one; those that stay `alone` become one in front of it.
    """
    named = call.arguments.named
    given = [each for each in call.arguments.positional if isinstance(each, Value)]
    if len(given) != len(call.arguments.positional) and call.arguments.positional:
        raise call.fault("the layer takes a query, a value and a key, each one tensor")
    names = [name for name in ("query", "value", "key") if name not in named][: len(given)]
    found = {**dict(zip(names, given, strict=False)), **named}
    tensors = []
    for name in ("query", "value", "key"):
        value = found.get(name, found.get("value") if name == "key" else None)
        if name == "key" and value is None:
            value = found.get("value")
        if not isinstance(value, Value):
            raise call.fault(f"the {name} is missing, or is no tensor of the model")
        if len(value.shape) != 2 and not several:
            raise call.fault(f"the {name} must be a sequence (steps, features), not of {len(value.shape)} axes")
        if several and value.mask is not None:
            raise call.fault("attention along several axes is supported without a mask")
        plain = call.assembly.plain(call.where, value)
        tensors.append(_in_rows(call, plain, alone, name) if several else plain)
    query, value, key = tensors
    if key.shape[:-1] != value.shape[:-1] or key.shape[:-2] != query.shape[:-2]:
        raise call.fault(f"{query.shape[:-1]} queries, {key.shape[:-1]} keys and {value.shape[:-1]} values do not fit")
    return query, value, key


def _in_rows(call: Call, x: Value, alone: tuple[int, ...], name: str) -> Value:
    """A tensor of several axes as one sequence, or as one for each place along the axes that stay `alone`."""
    rank = len(x.shape) - 1
    if any(axis >= rank for axis in alone) or len(alone) == rank:
        raise call.fault(f"the {name} has no axes along which the query attends")
    if alone:
        x = call.emit(Permute((*_alone_first(rank, alone), rank)), x, part=f"{name}_turned")
    outer = (math.prod(x.shape[: len(alone)]),) if alone else ()
    return call.emit(Reshape((*outer, math.prod(x.shape[len(alone) : -1]), x.shape[-1])), x, part=f"{name}_rows")


@converts(
    "Attention",
    to=(Activation, Add, MatMul, Multiply, ReduceSum, Softmax),
    arguments=("mask", "use_causal_mask", "return_attention_scores"),
    masks="own",
)
def attention(config: Config) -> Build:
    """Attention by products of queries and keys, or by a sum of hyperbolic tangents."""
    scaled = config.boolean("use_scale", False)
    mode = config.choice("score_mode", "dot", "concat", default="dot")
    config.ignore("dropout", "causal")
    config.only("causal", False, None)
    config.weights = Count(scaled + (mode == "concat"))

    def build(call: Call) -> Value | tuple[Value, ...]:
        query, value, key = _listed(call)
        scale = float(call.weights.array("scale", ())) if scaled else 1.0
        if mode == "dot":
            scores = call.emit(MatMul(transpose_b=True), query, key, part="products")
            if scaled:
                scores = call.emit(Multiply(operand=Constant(np.float32(scale))), scores, part="scaled")
        else:
            weight = float(call.weights.array("concat_score_weight", ()))
            scores = _sums(call, query, key, np.asarray(scale), np.asarray(weight))
        return _weighed(call, scores, query, value)

    return build


@converts(
    "AdditiveAttention",
    to=(Activation, Add, MatMul, Multiply, ReduceSum, Softmax),
    arguments=("mask", "use_causal_mask", "return_attention_scores"),
    masks="own",
)
def additive_attention(config: Config) -> Build:
    """Attention by a scaled sum of hyperbolic tangents."""
    scaled = config.boolean("use_scale", True)
    config.ignore("dropout", "score_mode")
    config.only("causal", False, None)
    config.weights = Count(int(scaled))

    def build(call: Call) -> Value | tuple[Value, ...]:
        query, value, key = _listed(call)
        scale = call.weights.array("scale", (query.shape[-1],)) if scaled else np.ones(())
        return _weighed(call, _sums(call, query, key, np.ones(()), scale), query, value)

    return build


def _listed(call: Call) -> tuple[Value, Value, Value]:
    """The inputs [query, value] or [query, value, key], each (steps, features)."""
    if len(call.inputs) not in (2, 3):
        raise call.fault(f"the layer takes a query, a value and perhaps a key, not {len(call.inputs)} inputs")
    for each in call.inputs:
        if len(each.shape) != 2:
            raise call.fault("the layer needs sequences (steps, features)")
    query, value, *key = (call.assembly.plain(call.where, each) for each in call.inputs)
    return query, value, key[0] if key else value


def _sums(call: Call, query: Value, key: Value, inner: Array, outer: Array) -> Value:
    """Outer * tanh(inner * (query + key)), summed along the features, for each query and key."""
    (steps, size), keys = query.shape, key.shape[0]
    rows = call.emit(Reshape((steps, 1, size)), query, part="query_rows")
    columns = call.emit(Reshape((1, keys, size)), key, part="key_columns")
    total = call.emit(Add(), rows, columns, part="sums")
    if inner.size != 1 or inner.ravel()[0] != 1.0:
        total = call.emit(Multiply(operand=Constant(inner.astype(np.float32))), total, part="scaled")
    bent = call.emit(Activation(fn.Tanh()), total, part="bent")
    if outer.size != 1 or outer.ravel()[0] != 1.0:
        bent = call.emit(Multiply(operand=Constant(outer.astype(np.float32))), bent, part="weighed")
    return call.emit(ReduceSum((2,)), bent, part="scores")


def _weighed(call: Call, scores: Value, query: Value, value: Value) -> Value | tuple[Value, ...]:
    """The means of the values; of a query that is masked, zeros."""
    query_mask, value_mask = _masks(call, query, value)
    parts = [] if value_mask is None else [call.emit(Reshape((1, value.shape[0])), value_mask, part="value_mask")]
    places = _places(scores.shape[0], scores.shape[1], flag(call, "use_causal_mask"), None)
    shares = call.emit(Softmax(1), masked(call, scores, _seen(call, parts, places)), part="shares")
    call.weights.discard()  # the state of a random generator
    if query_mask is None:
        result = call.emit(MatMul(), shares, value)
    else:
        column = call.emit(Reshape((query.shape[0], 1)), query_mask, part="query_mask")
        result = call.emit(Multiply(), call.emit(MatMul(), shares, value, part="means"), column)
    result = replace(result, mask=query.mask)
    return (result, shares) if flag(call, "return_attention_scores") else result


def _masks(call: Call, query: Value, value: Value) -> tuple[Value | None, Value | None]:
    """The masks of the query and of the value: the call's `mask` argument, or those that they carry along."""
    given = call.arguments.named.get("mask")
    if given is None:
        carried = (None if x.mask is None else call.assembly.mask(call.where, x.mask) for x in (query, value))
        first, second = carried
        return first, second
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        raise call.fault("the mask must be that of the query and that of the value")
    found: list[Value | None] = []
    for name, x, mask in zip(("query", "value"), (query, value), given, strict=False):
        if mask is not None and (not isinstance(mask, Value) or mask.shape != x.shape[:1]):
            raise call.fault(f"the mask of the {name} must be a tensor of the model of {x.shape[0]} elements")
        found.append(call.assembly.plain(call.where, mask) if isinstance(mask, Value) else None)
    return found[0], found[1]
