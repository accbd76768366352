"""Which range of a value int8 covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Dense, Flatten, Softmax
from mnc.ir.types import Array, Constant, TensorType
from mnc.quantise.calibrate import RANGES, Range, observe
from mnc.quantise.sensitivity import least_harmful
from mnc.reference import evaluate


def error(values: Array, range_: Range) -> float:
    """The mean squared error of a value stored in 256 steps over a range, by the definition."""
    low, high = min(range_.low, 0.0), max(range_.high, 0.0)
    step = (high - low) / 255.0
    stored = np.clip(np.round((values - low) / step), 0, 255)
    return float(np.mean((stored * step + low - values) ** 2))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3.0), st.floats(-2.0, 2.0))
def test_no_way_goes_beyond_what_was_seen_and_mse_is_no_worse_than_all_of_it(
    seed: int, spread: float, middle: float
) -> None:
    values = np.random.default_rng(seed).normal(middle, spread, 4000).astype(np.float32)
    full = RANGES["minmax"](values)
    assert (full.low, full.high) == (values.min(), values.max())
    for method in RANGES.values():
        low, high = method(values)
        assert min(full.low, 0.0) <= low <= high <= max(full.high, 0.0)
    assert error(values, RANGES["mse"](values)) <= error(values, full) * 1.05


def test_outliers_are_left_out() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(0.0, 1.0, 100_000), [400.0]])
    assert RANGES["minmax"](values).high == 400.0
    assert RANGES["percentile"](values).high < 10.0


def divergence(values: Array, range_: Range) -> float:
    """Kullback and Leibler's, of a histogram from the one that is left of it in 256 steps, in the plainest way."""
    step = (range_.high - range_.low) / 255.0
    counts, edges = np.histogram(values, bins=4096)
    middles = (edges[:-1] + edges[1:]) / 2.0
    steps = [int(np.clip(np.round((m - range_.low) / step), 0, 255)) for m in middles]
    kept = [i for i, m in enumerate(middles) if abs(steps[i] * step + range_.low - m) <= step]
    real = {i: float(counts[i]) for i in kept}
    real[kept[0]] += counts[: kept[0]].sum()
    real[kept[-1]] += counts[kept[-1] + 1 :].sum()
    coarse = {}
    for i in kept:
        together = [j for j in kept if steps[j] == steps[i] and real[j] > 0.0]
        coarse[i] = max(sum(counts[j] for j in together) / len(together), 1e-4) if real[i] > 0.0 else 0.0
    whole, left = sum(real.values()), sum(coarse.values())
    return float(sum(n / whole * np.log(n / whole / (coarse[i] / left)) for i, n in real.items() if n > 0.0))


def test_entropy_is_the_least_divergence() -> None:
    values = np.append(np.random.default_rng(1).normal(0.0, 1.0, 200_000), 8.0).astype(np.float32)
    low, high = values.min(), values.max()
    shares = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
    least = min(divergence(values, Range(low * share, high * share)) for share in shares)
    chosen = RANGES["entropy"](values)
    assert chosen.high < high
    assert divergence(values, chosen) <= least * (1.0 + 1e-9)


@pytest.mark.parametrize("values", [np.zeros(5), np.full(5, 3.0), np.full(5, -3.0), np.array([-1.0, 2.0])])
@pytest.mark.parametrize("method", RANGES)
def test_few_different_values_are_all_covered(method: str, values: Array) -> None:
    low, high = RANGES[method](values.astype(np.float32))
    assert low <= values.min() + 1e-3
    assert high >= values.max() - 1e-3


def test_the_output_decides_what_is_clipped() -> None:
    """A single large value is cut off by its squared error, but here it is what the output is made of."""
    values = np.random.default_rng(0).normal(0.0, 0.3, (50, 4000)).astype(np.float32)
    values[[0, -1], 0] = 6.0
    only, others = np.eye(4000, 1, dtype=np.float32), 1.0 - np.eye(4000, 1, dtype=np.float32)
    for weights, clips in ((only, False), (others, True)):
        node = Node(("y",), Dense(Constant(weights)), ("x",))
        graph = Graph("sum", (Input("x", TensorType((4000,))),), (node,), ("y",))
        assert observe(graph, [values], "mse")["x"].high < 5.5
        assert (least_harmful(graph, [values])["x"].high < 5.5) is clips


@pytest.mark.parametrize("channels", [2, 3, 8, 32])
def test_every_channel_is_seen(channels: int) -> None:
    """However many values there are: a channel of its own size must not be missed."""
    values = np.full((1_000_000 // channels, channels), 0.01, np.float32)
    values[:, -1] = np.linspace(0.0, 8.0, len(values))
    assert RANGES["mse"](values).high > 7.0


def test_what_a_softmax_does_not_see_is_cut_off() -> None:
    logits = np.array([[[30.0, 29.0, -200.0]], [[20.0, -3.0, 3.0]]], np.float32)
    nodes = (Node(("flat",), Flatten(), ("x",)), Node(("y",), Softmax(), ("flat",)))
    graph = Graph("certain", (Input("x", TensorType((1, 3))),), nodes, ("y",))
    ranges = observe(graph, [logits])
    assert ranges["x"] == ranges["flat"]
    low, high = ranges["x"]
    assert (0.0 < low < 20.0, high) == (True, 30.0)
    cut = evaluate(graph, [np.maximum(logits, low)])["y"]
    assert np.abs(cut - evaluate(graph, [logits])["y"]).max() < 1e-4
    assert observe(Graph("shown", graph.inputs, nodes, ("y", "flat")), [logits])["flat"].low == -200.0
