"""SimpleRNN and GRU in integers: their definition a second time, element by element, and the signal that is left."""

from __future__ import annotations

import numpy as np
import pytest

import mnc
from mnc.ir.activations import HardSigmoid, Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, Dense, Recurrent, SimpleRNN
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.quantise.quantise import meaningless
from mnc.reference.quantised import tables
from mnc.reference.quantised.arithmetic import quantise_multiplier, rescale, rescale_wide

STEPS, FEATURES, UNITS = 12, 5, 7


def weights(rng: np.random.Generator, *shape: int) -> Constant:
    return Constant(rng.normal(0, 0.5, shape).astype(np.float32))


def layer(kind: str, **changes: object) -> Recurrent:
    rng = np.random.default_rng(4)
    if kind == "simple_rnn":
        made: Recurrent = SimpleRNN(weights(rng, FEATURES, UNITS), weights(rng, UNITS, UNITS), weights(rng, UNITS))
        return made.changed(**changes)
    width, after = 3 * UNITS, kind == "reset_after"
    bias = weights(rng, 2, width) if after else weights(rng, width)
    return GRU(weights(rng, FEATURES, width), weights(rng, UNITS, width), bias, reset_after=after).changed(**changes)


def network(recurrent: Recurrent) -> Graph:
    dense = Dense(weights(np.random.default_rng(3), UNITS, 3))
    nodes = (Node(("h",), recurrent, ("x",)), Node(("y",), dense, ("h",)))
    return Graph("net", (Input("x", TensorType((STEPS, FEATURES))),), nodes, ("y",))


def samples(count: int = 64) -> Array:
    return np.random.default_rng(1).normal(0, 1, (count, STEPS, FEATURES)).astype(np.float32)


def saturated(x: int) -> int:
    return max(-32768, min(32767, x))


def by_element(graph: Graph, x: Array) -> list[list[int]]:
    """The outputs of all steps for one sample, by Python's integers and loops alone but for rounding and the tables."""
    recurrent, given = graph.nodes[0].layer, graph.inputs[0].type
    assert isinstance(recurrent, SimpleRNN | GRU) and given.quant is not None and recurrent.output is not None
    round_sum = rescale_wide if given.dtype is DType.INT16 else rescale
    output = recurrent.output
    assert output.quant is not None
    bias = [[0] * (recurrent.gates * UNITS) for _ in range(2)]
    if recurrent.bias is not None:
        for row, values in zip(bias, recurrent.bias.array.reshape(-1, recurrent.gates * UNITS).tolist(), strict=False):
            row[:] = values

    def product(vector: list[int], matrix: Constant, added: list[int], scale: float, column: int) -> int:
        assert matrix.quant is not None
        total = added[column] + sum(v * int(w) for v, w in zip(vector, matrix.array[:, column], strict=True))
        pair = quantise_multiplier(scale * matrix.quant.scale[column] / 2.0**-12)
        return saturated(int(round_sum(np.int64(total), *pair)))

    def shifted(x: int) -> int:
        return int(rescale(np.int64(x), 2**30, -14))

    def function(table: object, argument: int) -> int:
        return int(np.asarray(table(np.asarray([3 * saturated(argument)])))[0])  # type: ignore[operator]

    h, history = [0] * UNITS, []
    for now in x.astype(int) - given.quant.zero_point:

        def of_input(c: int, now: Array = now) -> int:
            return product(now.tolist(), recurrent.kernel, bias[0], given.quant.scale[0], c)  # type: ignore[union-attr]

        def of_state(c: int, state: list[int]) -> int:
            return product(state, recurrent.recurrent_kernel, bias[1], 2.0**-15, c)

        if isinstance(recurrent, SimpleRNN):
            h = [function(tables.tanh, of_input(u) + of_state(u, h)) for u in range(UNITS)]
        else:
            gates = [function(tables.logistic, of_input(c) + of_state(c, h)) for c in range(2 * UNITS)]
            z, r = gates[:UNITS], gates[UNITS:]
            if recurrent.reset_after:
                past = [shifted(r[u] * of_state(2 * UNITS + u, h)) for u in range(UNITS)]
            else:
                reset = [shifted(r[u] * h[u]) for u in range(UNITS)]
                past = [of_state(2 * UNITS + u, reset) for u in range(UNITS)]
            new = [function(tables.tanh, of_input(2 * UNITS + u) + past[u]) for u in range(UNITS)]
            h = [saturated(shifted(z[u] * h[u] + (32768 - z[u]) * new[u])) for u in range(UNITS)]
        scaled = [int(rescale(np.int64(v), *quantise_multiplier(2.0**-15 / output.quant.scale[0]))) for v in h]
        zero, low, high = output.quant.zero_point, output.dtype.least, output.dtype.most
        history.append([max(low, min(high, v + zero)) for v in scaled])
    return history


KINDS = pytest.mark.parametrize("kind", ["simple_rnn", "reset_after", "reset_before"])


@KINDS
@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
def test_the_definition_and_the_code(kind: str, quantize: str) -> None:
    """All steps in the reference and in C, and the signal that is left of them."""
    real = network(layer(kind, return_sequences=True))
    build = mnc.compile(real, quantize=quantize, calibration=samples(), name="net")
    assert {build.graph.types[name].dtype for name in ("h", "y")} == {DType(quantize.removesuffix("x8"))}
    assert build.report.quantisation is not None and build.report.quantisation.float_layers == ()
    assert {each.dtype for each in build.report.layers} == {quantize.removesuffix("x8")}
    fresh = samples(200)[100:]
    y, got = real.predict(fresh), build.graph.predict(fresh)
    assert isinstance(y, np.ndarray) and isinstance(got, np.ndarray)
    assert 10 * np.log10(np.square(y).sum() / np.square(y - got).sum()) >= (30.0 if quantize == "int8" else 36.0)
    np.testing.assert_array_equal(build.predict(fresh[:5]), got[:5])
    graph = Graph("h", build.graph.inputs, build.graph.nodes[:1], ("h",))
    x = graph.inputs[0].type.stored(fresh[:3])
    stored = graph.predict(x)
    for sample, made in zip(x, np.asarray(stored), strict=True):
        np.testing.assert_array_equal(made, by_element(graph, sample))


def test_other_functions_stay_in_float32_and_say_why() -> None:
    for changed in (layer("simple_rnn", activation=Relu()), layer("reset_after", recurrent_activation=HardSigmoid())):
        graph = network(changed)
        reason = f"{type(changed).__name__} in integers has tanh and sigmoid for its functions"
        assert meaningless(graph, graph.nodes[0], DType.INT8) == reason
        build = mnc.compile(graph, quantize="int8", calibration=samples())
        assert build.report.quantisation is not None
        assert build.report.quantisation.float_layers == ("h",)
