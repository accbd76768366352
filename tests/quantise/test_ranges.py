"""Which range of a value int8 covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnc
from mnc.errors import CompileError
from mnc.ir.activations import Relu, Rsqrt, Square
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation, Add, Dense, Flatten, MaxPooling2D, Multiply, ReduceMean, Softmax
from mnc.ir.types import Array, Constant, TensorType
from mnc.quantise import Scheme
from mnc.quantise.calibrate import RANGES, observe, ranges_of, seen_in_product
from mnc.quantise.quality import decibels
from mnc.quantise.scales import Range
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
        assert (ranges_of(graph, [values], least_harmful(graph, [values]))["x"].high < 5.5) is clips


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


LEVELS = (0.0, 3.0, -3.0, 1e-45, -1e-40, 1e-30, 101325.0, 1e30, -3e38)


@pytest.mark.parametrize("method", RANGES)
@pytest.mark.parametrize(
    "values",
    [
        *(np.full(50, level) for level in LEVELS),
        *(np.linspace(level, np.nextafter(np.float32(level), np.float32(3.4e38)), 50) for level in LEVELS),
        np.random.default_rng(0).normal(101325.0, 10.0, 4000),
        np.random.default_rng(0).normal(0.0, 1e-40, 4000),
        np.array([-3.4e38, 3.4e38, 0.0, 1e-45]),
        np.array([-3.4e38, 3.4e38]),
        np.array([7.0]),
    ],
)
def test_honest_data_of_any_size_has_a_range(values: Array, method: str) -> None:
    seen = values.astype(np.float32)
    low, high = RANGES[method](seen)
    assert low <= high
    assert min(low, 0.0) >= min(float(seen.min()), 0.0)
    assert max(high, 0.0) <= max(float(seen.max()), 0.0)
    assert np.isfinite((low, high)).all()


@pytest.mark.usefixtures("cc")
@pytest.mark.parametrize("numbers", ["int8", "int16x8"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_constant_input_compiles_and_the_code_is_the_reference(level: float, numbers: str) -> None:
    """Where no integer holds the scales, the layer runs in float32."""
    weights = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32) * np.float32(0.25)
    node = Node(("y",), Dense(Constant(weights)), ("x",))
    graph = Graph("level", (Input("x", TensorType((4,))),), (node,), ("y",))
    samples = np.full((20, 4), level, np.float32)
    build = mnc.compile(graph, scheme=Scheme(samples, numbers, allow_loss=True))
    given = build.graph.inputs[0].type.stored(samples)
    got, expected = build.predict(given), build.graph.predict(given)
    assert isinstance(expected, np.ndarray)
    np.testing.assert_allclose(got, expected, rtol=1e-5 if expected.dtype == np.float32 else 0.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    graph = Graph("net", (Input("x", TensorType((2,))),), (Node(("y",), Softmax(), ("x",)),), ("y",))
    with pytest.raises(CompileError, match="calibration: input 'x': a sample is not finite"):
        mnc.compile(graph, quantize="int8", calibration=np.array([[0.0, 1.0], [value, 1.0]], np.float32))


def with_outlier() -> tuple[Graph, Array]:
    """Two layers, and samples one number of which is far from all others."""
    rng = np.random.default_rng(0)
    first, second = (rng.normal(0.0, 0.3, (40, 40)).astype(np.float32) for _ in range(2))
    nodes = (
        Node(("a",), Dense(Constant(first), activation=Relu()), ("x",)),
        Node(("b",), Dense(Constant(second)), ("a",)),
    )
    samples = rng.normal(size=(500, 40)).astype(np.float32)
    samples[7, 3] = 1e4
    return Graph("net", (Input("x", TensorType((40,))),), nodes, ("b",)), samples


def test_a_factor_of_nothing_takes_no_steps_from_the_others() -> None:
    """Rows of zeros have a factor of 1000, others of about 1: with one scale for both the others had 3 dB."""
    nodes = (
        Node(("square",), Activation(Square()), ("x",)),
        Node(("mean",), ReduceMean((-1,), True), ("square",)),
        Node(("above",), Add(operand=Constant(np.array(1e-6, np.float32))), ("mean",)),
        Node(("factor",), Activation(Rsqrt()), ("above",)),
        Node(("unit",), Multiply(), ("x", "factor")),
    )
    graph = Graph("m", (Input("x", TensorType((6, 4))),), nodes, ("unit",))
    x = np.random.default_rng(0).normal(1.0, 0.3, (40, 6, 4)).astype(np.float32)
    x[:, 4:] = 0.0
    build = mnc.compile(graph, scheme=Scheme(x[:20], io="float"))
    y, expected = build.graph.predict(x[20:]), graph.predict(x[20:])
    assert isinstance(y, np.ndarray)
    assert isinstance(expected, np.ndarray)
    assert decibels(expected, y) > 30.0


def test_a_factor_that_shows_is_not_cut_off() -> None:
    values = np.array([[[1.0], [100.0]]], np.float32)
    product = Node(("y",), Multiply(), ("x", "f"))
    types = (Input("x", TensorType((2, 3))), Input("f", TensorType((2, 1))))
    graph = Graph("m", types, (product,), ("y",))
    for last, most in ((0.0, 1.0), (0.1, 100.0)):
        x = np.array([[[2.0, 2.0, 2.0], [0.0, 0.0, last]]], np.float32)
        assert seen_in_product(graph, "f", values, {"x": x}).max() == most


def test_ranges_are_those_behind_what_is_cut_off() -> None:
    graph, samples = with_outlier()
    clean = np.delete(samples, 7, axis=0)
    found, best = observe(graph, [samples], "percentile"), observe(graph, [clean], "percentile")
    for name in ("x", "a", "b"):
        assert found[name].high < 1.5 * best[name].high


def test_values_that_are_only_moved_are_cut_once() -> None:
    """A pooled value has more of the large numbers than the value that it is chosen from; both share one range."""
    values = np.random.default_rng(0).normal(size=(200, 8, 8, 1)).astype(np.float32)
    nodes = (Node(("p",), MaxPooling2D((2, 2), (2, 2)), ("x",)), Node(("f",), Flatten(), ("p",)))
    graph = Graph("net", (Input("x", TensorType((8, 8, 1))),), nodes, ("f",))
    ranges = observe(graph, [values], "mse")
    pooled = evaluate(graph, values)["p"]
    assert ranges["p"] == ranges["f"] == RANGES["mse"](pooled)


@pytest.mark.parametrize(("quantize", "ranges"), [("int8", "percentile"), ("int8", "auto"), ("int16x8", "percentile")])
def test_an_outlier_spoils_nothing_where_it_is_cut_off(quantize: str, ranges: str) -> None:
    graph, samples = with_outlier()
    clean = np.delete(samples, 7, axis=0)

    def left(calibration: Array) -> float:
        build = mnc.compile(graph, scheme=Scheme(calibration, quantize, ranges=ranges))
        y = build.graph.predict(clean)
        expected = graph.predict(clean)
        assert isinstance(y, np.ndarray)
        assert isinstance(expected, np.ndarray)
        return decibels(expected, y)

    assert left(samples) > left(clean) - 3.0
    said = mnc.compile(graph, scheme=Scheme(samples, quantize, ranges=ranges)).report.warnings
    (note,) = (each for each in said if "lie far outside" in each)
    assert note.startswith("calibration: input 'x': 1 of 20,000 numbers lie far outside ")
    assert note.endswith(", as 10000 does; they are cut off")
