"""Weights that are refitted to inputs with noise, on samples that they were not fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D, DepthwiseConv2D
from mnc.ir.types import Array, Constant, TensorType
from mnc.quantise import Scheme, to_integers
from mnc.quantise.quality import decibels
from mnc.quantise.refit import Moments, refit
from mnc.reference import evaluate

WEIGHTS = np.random.default_rng(1).normal(size=(2, 6, 3))


def drawn(places: int, noise: float, seed: int = 7) -> tuple[Moments, Moments, Array, Array]:
    """Two halves to fit to, and a third part to judge by, of inputs that go together in the same way."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(2, 2, 6))
    parts = []
    for count in (places, places, 5000):
        exact = rng.normal(size=(2, count, 2)) @ mixed
        parts.append((exact + rng.normal(scale=noise, size=exact.shape), exact @ WEIGHTS))
    first, second = (Moments.of(*part, np.ones((2, places))) for part in parts[:2])
    return first, second, *parts[2]


def error(given: Array, wanted: Array, weights: Array) -> float:
    return float(np.mean((given @ weights - wanted) ** 2))


def test_noise_is_left_out_where_inputs_go_together() -> None:
    first, second, given, wanted = drawn(2000, 0.1)
    found = refit(WEIGHTS, (first, second))
    assert error(given, wanted, found) < 0.5 * error(given, wanted, WEIGHTS)


@pytest.mark.parametrize("places", [2, 3, 8])
def test_few_samples_do_no_harm(places: int) -> None:
    ratios = []
    for seed in range(30):
        first, second, given, wanted = drawn(places, 0.1, seed)
        found = refit(WEIGHTS, (first, second))
        ratios.append(error(given, wanted, found) / error(given, wanted, WEIGHTS))
    assert np.mean(ratios) < 1.1


def test_exact_inputs_keep_their_weights() -> None:
    first, second, *_ = drawn(100, 0.0)
    assert np.allclose(refit(WEIGHTS, (first, second)), WEIGHTS, atol=1e-6)


def test_the_moments_of_both_halves_are_those_of_all() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(1.0, 1.0, (2, 8, 3)), rng.normal(2.0, 1.0, (2, 8, 4))
    first, second = (Moments.of(x[:, half], y[:, half], np.ones((2, 4))) for half in (slice(0, 4), slice(4, 8)))
    for got, expected in zip(Moments.of_both(first, second), Moments.of(x, y, np.ones((2, 8))), strict=True):
        assert np.allclose(got, expected)
    assert np.allclose(Moments.of(x, y, np.ones((2, 8))).inputs[0], np.cov(x[0].T, bias=True))


def test_edges_in_smooth_images_are_found_with_less_noise() -> None:
    """On images of which nothing has been seen."""
    rng = np.random.default_rng(3)
    edges = rng.normal(size=(3, 3, 1, 4)).astype(np.float32)
    blurred = rng.normal(size=(3, 3, 4, 1)).astype(np.float32)
    nodes = (
        Node(("edges",), Conv2D(Constant(edges - edges.mean(axis=(0, 1)))), ("x",)),
        Node(("y",), DepthwiseConv2D(Constant(blurred)), ("edges",)),
    )
    graph = Graph("edges", (Input("x", TensorType((12, 12, 1))),), nodes, ("y",))
    place = np.linspace(0.0, 1.0, 12)
    down, right = rng.random((2, 60, 1, 1))
    images = ((down * place[:, np.newaxis] + right * place) / 2.0)[..., np.newaxis].astype(np.float32)
    expected, left = evaluate(graph, [images[30:]])["y"], {}
    for rounding in ("nearest", "fitted"):
        made = to_integers(graph, Scheme(images[:30], rounding=rounding), lambda graph: {}).graph
        got = made.predict(images[30:])
        assert isinstance(got, np.ndarray)
        left[rounding] = decibels(expected, got)
    assert left["fitted"] > left["nearest"] + 3.0, left
