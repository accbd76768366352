"""Clamps that are scaled to clip at 2 leave a network's meaning as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from networks import networks, samples

from mnc import targets
from mnc.backends.c import C
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D, Flatten, Linear, MaxPooling2D, Softmax
from mnc.ir.types import Constant, TensorType
from mnc.passes.scale_clamps import scale_clamps
from mnc.program import Program
from mnc.reference import evaluate
from mnc.verify import verify

RELU6 = Relu(6.0)


def constant(*shape: int, seed: int = 0) -> Constant:
    return Constant(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def chain(*layers: Layer) -> Graph:
    names = ["x", *(f"v{i}" for i in range(len(layers)))]
    nodes = tuple(Node((names[i + 1],), layer, (names[i],), f"layer {i}") for i, layer in enumerate(layers))
    return Graph("g", (Input("x", TensorType((6, 6, 2))),), nodes, (names[-1],))


def mobile(function: Relu = RELU6) -> Graph:
    """Three clamps in a row, the last read through pooling; its reader is not clamped."""
    return chain(
        Conv2D(constant(3, 3, 2, 4), constant(4, seed=1), activation=function),
        DepthwiseConv2D(constant(3, 3, 4, 1), None, activation=function),
        Conv2D(constant(1, 1, 4, 3), constant(3, seed=2), activation=function),
        MaxPooling2D((2, 2), (2, 2)),
        Flatten(),
        Dense(constant(3, 5), constant(5, seed=3)),
    )


def test_weights_between_two_clamps_stay_and_the_others_take_the_factor() -> None:
    graph = mobile()
    scaled = scale_clamps(graph)
    before, after = ([node.layer for node in each.nodes if isinstance(node.layer, Linear)] for each in (graph, scaled))
    for was, layer, factor in zip(before, after, (1 / 3, 1.0, 1.0, 3.0), strict=True):
        np.testing.assert_allclose(layer.weights.array, was.weights.array.astype(np.float64) * factor, rtol=6e-8)
    assert after[1].weights is before[1].weights
    assert [layer.activation for layer in after] == [Relu(2.0)] * 3 + [None]
    assert scale_clamps(scaled) == scaled
    x = samples(graph)
    expected, got = evaluate(graph, x), evaluate(scaled, x)
    np.testing.assert_allclose(got["v5"], expected["v5"], rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(got["v4"] * 3, expected["v4"], rtol=1e-6, atol=1e-6)


def test_a_clamp_that_is_a_power_of_two_scales_without_rounding() -> None:
    graph = mobile(Relu(1.0))
    x = samples(graph)
    np.testing.assert_array_equal(evaluate(scale_clamps(graph), x)["v5"], evaluate(graph, x)["v5"])


@pytest.mark.parametrize(
    "layers",
    [
        (Conv2D(constant(1, 1, 2, 3), None, activation=RELU6),),  # the caller sees it
        (Conv2D(constant(1, 1, 2, 3), None, activation=RELU6), Flatten(), Softmax()),  # no factor can be taken back
        (Conv2D(constant(1, 1, 2, 3), None, activation=Relu(2.0)), Flatten(), Dense(constant(108, 2), None)),
        (Conv2D(constant(1, 1, 2, 3), None, activation=Relu(6.0, 0.1)), Flatten(), Dense(constant(108, 2), None)),
        (Conv2D(constant(1, 1, 2, 3), None, activation=Relu(1e-30)), Flatten(), Dense(constant(108, 2), None)),
    ],
    ids=["output", "softmax", "already 2", "leaky", "tiny"],
)
def test_other_networks_stay(layers: tuple[Layer, ...]) -> None:
    graph = chain(*layers)
    assert scale_clamps(graph) == graph


def test_weights_that_would_be_infinite_stay() -> None:
    large = Constant(np.full((108, 2), 3e38, np.float32))
    graph = chain(Conv2D(constant(1, 1, 2, 3), None, activation=RELU6), Flatten(), Dense(large, None))
    assert scale_clamps(graph) == graph


@settings(max_examples=60, deadline=None)
@given(graph=networks(layers=[Conv2D, DepthwiseConv2D, Dense, MaxPooling2D, Flatten], max_layers=7))
def test_random_networks_mean_what_they_meant(graph: Graph) -> None:
    clamped = graph.with_nodes(
        replace(node, layer=node.layer.changed(activation=RELU6)) if isinstance(node.layer, Linear) else node
        for node in graph.nodes
    )
    scaled = scale_clamps(clamped)
    assert (scaled.inputs, scaled.outputs, scaled.types) == (clamped.inputs, clamped.outputs, clamped.types)
    x = samples(clamped)
    expected, got = evaluate(clamped, x), evaluate(scaled, x)
    for name in clamped.outputs:
        largest = max(1.0, *(float(np.abs(value).max()) for value in expected.values()))
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5, atol=2e-6 * largest)


@pytest.mark.parametrize(("target", "limit"), [("cortex-m4", 2.0), ("cortex-m3", 2.0), ("rv32imc", 6.0), (None, 6.0)])
def test_only_cores_that_saturate_have_scaled_values(target: str | None, limit: float) -> None:
    program = C({}, None if target is None else targets.get(target)).select(mobile())
    assert isinstance(program, Program)
    assert {call.arguments.get("high") for call in program.steps[0].calls} == {limit}


@pytest.mark.parametrize("target", ["cortex-m3", "cortex-m4", "cortex-m55"])
def test_generated_code_clamps_as_the_reference_does(target: str, tool: Callable[[str], str]) -> None:
    """Where values reach the limit, too: half of the inputs are large."""
    tool("arm-none-eabi-gcc")
    tool("qemu-system-arm")
    graph = mobile()
    x = np.random.default_rng(1).uniform(-4, 4, (4, 6, 6, 2)).astype(np.float32)
    done = verify(graph, inputs=[x], target=target)
    assert done.passed
    assert evaluate(scale_clamps(graph), [x])["v2"].max() == 2.0
    np.testing.assert_allclose(done.outputs[0], evaluate(graph, [x])["v5"], rtol=1e-5, atol=1e-5)
