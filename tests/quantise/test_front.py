"""Normalisations in front of a network whose features are of unlike size."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc.errors import CompileError
from mnc.frontends.stores import grouped
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, BatchNormalization, Dense
from mnc.ir.types import Array, Constant, DType, Features, Quantisation, TensorType
from mnc.language import parse, show
from mnc.quantise import Scheme
from mnc.quantise.quality import decibels

MEANS, DEVIATIONS = np.array([20.0, 101325.0, 0.5, -3.0]), np.array([8.0, 900.0, 0.2, 1e-3])


def samples(seed: int = 0, means: Array = MEANS, deviations: Array = DEVIATIONS) -> Array:
    return np.asarray(np.random.default_rng(seed).normal(means, deviations, (300, 4)).astype(np.float32))


def weights(*shape: int) -> Constant:
    return Constant(np.random.default_rng(sum(shape)).normal(0.0, 0.5, shape).astype(np.float32))


def network(means: Array = MEANS, deviations: Array = DEVIATIONS, *, twice: bool = False) -> Graph:
    """A temperature, a pressure and two more; with `twice` it reads them as they are, too."""
    norm = BatchNormalization(Constant(means), Constant(deviations**2), epsilon=0.0)
    nodes = [
        Node(("n",), norm, ("x",)),
        Node(("a",), Dense(weights(4, 16), activation=Relu()), ("n",)),
        Node(("y",), Dense(weights(16, 3)), ("a",)),
    ]
    if twice:
        scaled = Constant(weights(4, 3).array / deviations[:, np.newaxis].astype(np.float32))
        nodes += [Node(("b",), Dense(scaled), ("x",)), Node(("z",), Add(), ("y", "b"))]
    return Graph("weather", (Input("x", TensorType((4,))),), tuple(nodes), ("z" if twice else "y",))


def left(real: Graph, integers: Graph, x: Array) -> float:
    expected, got = real.predict(x), integers.predict(x)
    assert isinstance(expected, np.ndarray)
    assert isinstance(got, np.ndarray)
    return decibels(expected, got)


@pytest.mark.parametrize(
    ("numbers", "io"),
    [("int8", None), ("int8", "float"), ("int8", "uint8"), ("int16x8", None), ("int16x8", "float")],
)
def test_every_feature_is_kept(numbers: str, io: str | None) -> None:
    build = mnc.compile(network(), scheme=Scheme(samples(), numbers, io=io))
    assert left(network(), build.graph, samples(1)) > (25.0 if numbers == "int8" else 35.0)
    assert build.graph.inputs[0].name == "x"
    dtype = DType.FLOAT32 if io == "float" else DType(io or numbers.partition("x")[0])
    assert build.graph.inputs[0].type.dtype is dtype


@pytest.mark.usefixtures("cc")
@pytest.mark.parametrize("io", [None, "float", "uint8"])
def test_the_code_gives_the_same(io: str | None) -> None:
    build = mnc.compile(network(), scheme=Scheme(samples(), io=io))
    np.testing.assert_allclose(build.predict(samples(1)), build.graph.predict(samples(1)), atol=1e-5)


def test_like_features_keep_one_scale_and_the_plain_interface() -> None:
    means, deviations = np.full(4, 0.5), np.full(4, 0.3)
    build = mnc.compile(network(means, deviations), scheme=Scheme(samples(0, means, deviations)))
    quant = build.graph.inputs[0].type.quant
    assert quant is not None
    assert quant.features is None
    assert "#define WEATHER_INPUT_SCALE " in build.files["weather.h"]


def test_what_is_read_as_it_is_too_is_refused_in_integers() -> None:
    with pytest.raises(CompileError, match="one scale for all features leaves too little of") as caught:
        mnc.compile(network(twice=True), scheme=Scheme(samples()))
    assert caught.value.problems[0].hints[0] == "let the network take floats: `--io float`"
    build = mnc.compile(network(twice=True), scheme=Scheme(samples(), io="float"))
    assert build.graph.inputs[0].type.dtype is DType.FLOAT32


def test_a_feature_that_the_normalisation_drops_is_a_constant() -> None:
    norm = BatchNormalization(
        Constant(MEANS), Constant(DEVIATIONS**2), Constant([1.0, 1.0, 0.0, 1.0]), Constant([0.0, 0.0, 0.75, 0.0]), 0.0
    )
    graph = network()
    graph = graph.with_nodes((Node(("n",), norm, ("x",)), *graph.nodes[1:]))
    build = mnc.compile(graph, scheme=Scheme(samples()))
    assert left(graph, build.graph, samples(1)) > 25.0


@pytest.mark.parametrize("stored", ["int8", "uint8"])
def test_the_header_converts_feature_by_feature(stored: str, cc: str, tmp_path: Path) -> None:
    build = mnc.compile(network(), name="net", scheme=Scheme(samples(), io=stored))
    header = build.files["net.h"]
    assert "#define NET_INPUT_SCALES {" in header
    assert "#define NET_INPUT_SCALE " not in header
    build.write(tmp_path)
    x = samples(2)[:50]
    numbers = ", ".join(f"{float(each)!r}f" for each in x.ravel())
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "net.h"\n'
        f"static const float real[] = {{{numbers}}};\n"
        f"int main(void)\n{{\n    {stored}_t stored[NET_INPUT_SIZE];\n    int i, k;\n"
        f"    for (i = 0; i < {len(x)}; ++i) {{\n        net_quantize_input(real + i * NET_INPUT_SIZE, stored);\n"
        '        for (k = 0; k < NET_INPUT_SIZE; ++k)\n            printf("%d\\n", stored[k]);\n'
        "    }\n    return 0;\n}\n"
    )
    strict = ["-std=c89", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    program = str(tmp_path / "main")
    subprocess.run([cc, *strict, "main.c", "net.c", "-o", program, "-lm"], cwd=tmp_path, check=True)
    got = np.array(subprocess.run([program], capture_output=True, check=True).stdout.split(), int).reshape(x.shape)
    expected = build.graph.inputs[0].type.stored(x)
    assert np.abs(got - expected).max() <= 1  # one rounds in float32, the other in float64
    assert (got == expected).mean() > 0.98


def test_the_language_has_it() -> None:
    graph = mnc.compile(network(), scheme=Scheme(samples())).graph
    shown = show(graph)
    assert "feature_scale = [" in shown.text
    assert parse(shown.text, load_weights=lambda _: grouped(shown.constants)) == graph


def test_features_fit_their_axis() -> None:
    quant = Quantisation((0.5,), 3, features=Features((0.1, -2.0), (1.0, 5.0), 0))
    type_ = TensorType((2, 3), DType.INT8, quant)
    stored = np.array([[[3, 4, -8], [3, 4, 0]]], np.int8)
    real = type_.real(stored)
    np.testing.assert_allclose(real, [[[1.0, 1.1, -0.1], [5.0, 3.0, 11.0]]])
    np.testing.assert_array_equal(type_.stored(real), stored)
    assert type_.inside.quant == Quantisation((0.5,), 3)
    with pytest.raises(ValueError, match="2 features do not fit axis 1 of 2x3"):
        TensorType((2, 3), DType.INT8, Quantisation((0.5,), 3, features=Features((0.1, 1.0), (1.0, 5.0), 1)))
