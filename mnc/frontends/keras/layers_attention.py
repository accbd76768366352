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
from mnc.ir.types import Array, Constant

MASKED = -1e9
"""Is added to a score that shall not count."""

CALL_ARGUMENTS = ("query", "value", "key", "attention_mask", "use_causal_mask", "return_attention_scores")
"""Arguments of a call besides the inputs."""


def _flag(call: Call, name: str) -> bool:
    value = call.arguments.named.get(name, False)
    if not isinstance(value, bool):
        raise call.fault(f"{name} must be true or false")
    return value


def _causal(rows: int, columns: int) -> Constant:
    """0 where a row's own column and those before it stand, elsewhere MASKED."""
    return Constant(np.where(np.tri(rows, columns), 0.0, MASKED).astype(np.float32))


@converts(
    "MultiHeadAttention",
    to=(Add, Dense, MatMul, Multiply, Permute, Reshape, Softmax),
    arguments=CALL_ARGUMENTS,
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
    config.only("attention_axes", None, [1])
    config.only("sliding_window", None)
    config.ignore("dropout", "flash_attention", "seed", "query_shape", "key_shape", "value_shape")
    config.weights = Count((4 + has_gate) * (1 + has_bias))

    def build(call: Call) -> Value | tuple[Value, ...]:
        query, value, key = _sequences(call)
        hidden = _hidden(call, query, value, key)

        def dense(x: Value, part: str, size: int, scale: float = 1.0, own: str = "") -> Value:
            weights = call.weights.inside(f"{own or part}_dense")
            kernel = weights.array("kernel", (x.shape[-1], heads, size), part).reshape(x.shape[-1], heads * size)
            bias = weights.array("bias", (heads, size), part).reshape(heads * size) if has_bias else None
            layer = Dense(Constant(kernel * scale), None if bias is None else Constant(bias * scale))
            return call.emit(layer, x, part=part)

        def by_head(x: Value, part: str, size: int) -> Value:
            steps = x.shape[0]
            if heads == 1:
                return call.emit(Reshape((1, steps, size)), x, part=f"{part}_heads")
            split = call.emit(Reshape((steps, heads, size)), x, part=f"{part}_split")
            return call.emit(Permute((1, 0, 2)), split, part=f"{part}_heads")

        q = by_head(dense(query, "query", key_size, 1.0 / math.sqrt(key_size)), "query", key_size)
        k = by_head(dense(key, "key", key_size), "key", key_size)
        gate = dense(query, "gate", value_size) if has_gate else None
        v = by_head(dense(value, "value", value_size), "value", value_size)
        scores = call.emit(MatMul(transpose_b=True), q, k, part="scores")
        if _flag(call, "use_causal_mask"):
            causal = _causal(query.shape[0], key.shape[0])
            scores = call.emit(Add(operand=causal), scores, part="causal_scores")
        if hidden is not None:
            scores = call.emit(Add(), scores, hidden, part="masked_scores")
        shares = call.emit(Softmax(2), scores, part="shares")
        mixed = call.emit(MatMul(), shares, v, part="mixed")
        if heads > 1:
            mixed = call.emit(Permute((1, 0, 2)), mixed, part="in_steps")
        flat = call.emit(Reshape((query.shape[0], heads * value_size)), mixed, part="joined")
        if gate is not None:
            flat = call.emit(Multiply(), flat, call.emit(Activation(fn.Sigmoid()), gate, part="opened"), part="gated")
        shape = (query.shape[-1],) if outputs is None else outputs
        weights = call.weights.inside("output_dense")
        kernel = weights.array("kernel", (heads, value_size, *shape), "output").reshape(heads * value_size, -1)
        bias = weights.array("bias", shape, "output").ravel() if has_bias else None
        call.weights.discard()  # the state of a random generator
        layer = Dense(Constant(kernel), None if bias is None else Constant(bias))
        if len(shape) > 1:
            wide = call.emit(layer, flat, part="output")
            result = call.emit(Reshape((query.shape[0], *shape)), wide)
        else:
            result = call.emit(layer, flat)
        result = replace(result, mask=query.mask)
        return (result, shares) if _flag(call, "return_attention_scores") else result

    return build


def _hidden(call: Call, query: Value, value: Value, key: Value) -> Value | None:
    """MASKED where a query shall not see a key, else 0; None where each sees all."""
    parts = []
    rows, columns = query.shape[0], key.shape[0]
    for name, x, shape in (("query", query, (rows, 1)), ("value", value, (1, columns)), ("key", key, (1, columns))):
        if x.mask is not None and not (name == "key" and key == value):
            mask = call.assembly.mask(call.where, x.mask)
            parts.append(call.emit(Reshape(shape), mask, part=f"{name}_mask"))
    given = call.arguments.named.get("attention_mask")
    if given is not None:
        if not isinstance(given, Value) or given.shape != (rows, columns):
            raise call.fault(f"the attention_mask must be a tensor of the model of {rows}x{columns} elements")
        parts.append(call.assembly.plain(call.where, given))
    if not parts:
        return None
    seen = parts[0]
    for i, part in enumerate(parts[1:]):
        seen = call.emit(Multiply(), seen, part, part=f"seen{i}")
    missing = call.emit(Add(operand=Constant(np.float32(-1.0))), seen, part="missing")
    return call.emit(Multiply(operand=Constant(np.float32(-MASKED))), missing, part="hidden")


def _sequences(call: Call) -> tuple[Value, Value, Value]:
    """The query, the value and the key, each (steps, features), wherever the call has them."""
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
        if len(value.shape) != 2:
            raise call.fault(f"the {name} must be a sequence (steps, features), not of {len(value.shape)} axes")
        tensors.append(call.assembly.plain(call.where, value))
    query, value, key = tensors
    if key.shape[0] != value.shape[0]:
        raise call.fault(f"there are {key.shape[0]} keys and {value.shape[0]} values")
    return query, value, key


@converts(
    "Attention",
    to=(Activation, Add, MatMul, Multiply, ReduceSum, Softmax),
    arguments=("use_causal_mask", "return_attention_scores"),
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
        return _weighed(call, scores, value)

    return build


@converts(
    "AdditiveAttention",
    to=(Activation, Add, MatMul, Multiply, ReduceSum, Softmax),
    arguments=("use_causal_mask", "return_attention_scores"),
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
        return _weighed(call, _sums(call, query, key, np.ones(()), scale), value)

    return build


def _listed(call: Call) -> tuple[Value, Value, Value]:
    """The inputs [query, value] or [query, value, key], each (steps, features)."""
    if len(call.inputs) not in (2, 3):
        raise call.fault(f"the layer takes a query, a value and perhaps a key, not {len(call.inputs)} inputs")
    for each in call.inputs:
        call.refuse_mask(each)
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


def _weighed(call: Call, scores: Value, value: Value) -> Value | tuple[Value, ...]:
    if _flag(call, "use_causal_mask"):
        causal = _causal(*scores.shape)
        scores = call.emit(Add(operand=causal), scores, part="masked_scores")
    shares = call.emit(Softmax(1), scores, part="shares")
    call.weights.discard()  # the state of a random generator
    result = call.emit(MatMul(), shares, value)
    return (result, shares) if _flag(call, "return_attention_scores") else result
