"""Attention of which several heads of the query share one head of keys and values (arXiv 2305.13245)."""

from __future__ import annotations

import math
from dataclasses import replace

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.layers_attention import (
    CALL_ARGUMENTS,
    flag,
    masked,
    of_those_seen,
    seen_scores,
    sequences,
    window,
)
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.weights import Count
from mnc.ir import activations as fn
from mnc.ir.layers import Activation, Add, Dense, MatMul, Multiply, Permute, Reshape, Softmax
from mnc.ir.types import Constant


@converts(
    "GroupQueryAttention",
    to=(Add, Dense, MatMul, Multiply, Permute, Reshape, Softmax),
    arguments=CALL_ARGUMENTS,
    masks="own",
)
def grouped_query_attention(config: Config) -> Build:
    """Attention whose heads of the query share those of keys and values."""
    size = config.integer("head_dim")
    heads, shared = config.integer("num_query_heads"), config.integer("num_key_value_heads")
    has_bias, has_gate = config.boolean("use_bias", True), config.boolean("use_gate", False)
    near = window(config)
    drops = config.number("dropout", 0.0) > 0.0
    config.ignore("flash_attention", "seed")
    config.weights = Count((4 + has_gate) * (1 + has_bias))
    if heads % shared:
        raise config.fault(f"{shared} heads of keys do not divide {heads} heads of the query")
    each = heads // shared

    def build(call: Call) -> Value | tuple[Value, ...]:
        query, value, key = sequences(call)
        steps, keys = query.shape[0], key.shape[0]
        seen = seen_scores(call, query, value, key, near)

        def dense(x: Value, part: str, count: int, scale: float = 1.0) -> Value:
            weights = call.weights.inside(f"_{part}_dense")
            kernel = weights.array("kernel", (x.shape[-1], count, size), part).reshape(x.shape[-1], count * size)
            bias = weights.array("bias", (count, size), part).reshape(-1) if has_bias else None
            layer = Dense(Constant(kernel * scale), None if bias is None else Constant(bias * scale))
            return call.emit(layer, x, part=part)

        def by_head(x: Value, part: str) -> Value:
            split = call.emit(Reshape((keys, shared, size)), x, part=f"{part}_split")
            return call.emit(Permute((1, 0, 2)), split, part=f"{part}_heads")

        q = dense(query, "query", heads, 1.0 / math.sqrt(size))
        q = call.emit(Reshape((steps, shared, each, size)), q, part="query_split")
        q = call.emit(Permute((1, 2, 0, 3)), q, part="query_heads")
        q = call.emit(Reshape((shared, each * steps, size)), q, part="query_groups")
        k = by_head(dense(key, "key", shared), "key")
        gate = dense(query, "gate", heads) if has_gate else None
        v = by_head(dense(value, "value", shared), "value")
        scores = call.emit(MatMul(transpose_b=True), q, k, part="group_scores")
        scores = call.emit(Reshape((heads, steps, keys)), scores, part="scores")
        shares = call.emit(Softmax(2), masked(call, scores, seen), part="shares")
        if drops or flag(call, "return_attention_scores"):
            shares = of_those_seen(call, shares, seen)
        grouped = call.emit(Reshape((shared, each * steps, keys)), shares, part="group_shares")
        mixed = call.emit(MatMul(), grouped, v, part="mixed")
        mixed = call.emit(Reshape((heads, steps, size)), mixed, part="mixed_heads")
        mixed = call.emit(Permute((1, 0, 2)), mixed, part="in_steps")
        flat = call.emit(Reshape((steps, heads * size)), mixed, part="joined")
        if gate is not None:
            flat = call.emit(Multiply(), flat, call.emit(Activation(fn.Sigmoid()), gate, part="opened"), part="gated")
        weights = call.weights.inside("_output_dense")
        features = query.shape[-1]
        kernel = weights.array("kernel", (heads, size, features), "output").reshape(heads * size, features)
        bias = weights.take("bias", (features,), "output") if has_bias else None
        call.weights.discard()  # the state of a random generator
        result = replace(call.emit(Dense(Constant(kernel), bias), flat), mask=query.mask)
        return (result, shares) if flag(call, "return_attention_scores") else result

    return build
