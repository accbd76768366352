"""Dense layers over an image that add up row by row: the bits of the layer at once, in less memory."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, Tool, checked_run, run_cases, write
from hypothesis import given
from hypothesis import strategies as st
from networks import chain, samples
from quantised_networks import in_integers, stored_samples
from same_bits import BATCH, case_of
from test_turns import assert_alike

import mnc
from mnc.backends.storage import Storage
from mnc.ir.activations import Relu, Sigmoid, Tanh
from mnc.ir.graph import Graph
from mnc.ir.layers import Conv2D, Dense, Flatten, MaxPooling2D, Reshape
from mnc.ir.types import Constant, DType
from mnc.verify import verify

rng = np.random.default_rng(14)


def constant(*shape: int) -> Constant:
    return Constant((rng.normal(size=shape) / max(math.prod(shape[:-1]), 1) ** 0.5).astype(np.float32))


def digits(dtype: DType | None = None) -> Graph:
    """A network of the usual form for images of digits."""
    graph = chain(
        (28, 28, 1),
        first=Conv2D(constant(3, 3, 1, 8), constant(8), activation=Relu()),
        second=Conv2D(constant(3, 3, 8, 16), constant(16), activation=Relu()),
        pooled=MaxPooling2D((2, 2)),
        flat=Flatten(),
        hidden=Dense(constant(12 * 12 * 16, 30), constant(30), activation=Relu()),
        scores=Dense(constant(30, 10), constant(10)),
    )
    return graph if dtype is None else in_integers(graph, 0, dtypes=[dtype])


@st.composite
def flattened(draw: st.DrawFn) -> Graph:
    """A convolution, and a dense layer over all of it, of any sizes."""
    height, width, channels, outputs = (draw(st.integers(1, most)) for most in (9, 5, 6, 21))
    kernel = draw(st.integers(1, 3))
    bias = constant(outputs) if draw(st.booleans()) else None
    activation = draw(st.sampled_from((None, Relu(), Relu(6.0), Sigmoid(), Tanh())))
    rows = height + 1
    conv = Conv2D(constant(kernel, kernel, 2, channels), constant(channels), padding=((kernel - 1, 0), (kernel - 1, 0)))
    view = Flatten() if draw(st.booleans()) else Reshape((rows * width * channels,))
    dense = Dense(constant(rows * width * channels, outputs), bias, activation=activation)
    return chain((rows, width, 2), conv=conv, flat=view, dense=dense)


@BATCH
@given(drawn=st.lists(flattened(), min_size=3, max_size=3))
def test_random_layers_in_float(drawn: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_alike([(graph, samples(graph)) for graph in drawn], gcc, tmp_path_factory.mktemp("folds"))


@BATCH
@given(drawn=st.lists(flattened(), min_size=3, max_size=3), seed=st.integers(0, 9))
def test_random_layers_in_integers(
    drawn: list[Graph], seed: int, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graphs = [in_integers(graph, seed, dtypes=[DType.INT8]) for graph in drawn]
    assert_alike([(graph, stored_samples(graph)) for graph in graphs], gcc, tmp_path_factory.mktemp("folds"))


@pytest.mark.parametrize("dtype", [None, DType.INT8])
def test_a_chain_goes_on_through_the_dense_layer(dtype: DType | None) -> None:
    """The flattened image, which takes the most, is never there as a whole."""
    graph = digits(dtype)
    whole, report = mnc.compile(graph, memory="fast").report, mnc.compile(graph, memory="least").report
    (stage,) = report.ram.stages
    assert len(stage.layers) == 4 and stage.layers[-1] == "hidden"
    assert 4 * report.ram.total < whole.ram.total


@pytest.mark.parametrize("dtype", [None, DType.INT8])
@pytest.mark.parametrize("name", ["gcc", "clang", "tcc"])
def test_compilers_take_the_code(dtype: DType | None, name: str, tool: Tool, tmp_path: Path) -> None:
    files = mnc.compile(digits(dtype), name="net", memory="least").files
    assert "mnc_fold_dense_" in files["net.c"]
    write(files, tmp_path)
    checked_run([tool(name), *STRICT, "-c", "net.c"], tmp_path)


def test_a_dense_layer_takes_the_rows_of_the_input_itself(gcc: str, tmp_path: Path) -> None:
    """Handed in row by row, an image that is flattened at once is nowhere in memory."""
    graph = chain((28, 28, 1), flat=Flatten(), hidden=Dense(constant(784, 16), constant(16), activation=Relu()))
    x = samples(graph)
    whole, fed = mnc.compile(graph, name="whole"), mnc.compile(graph, name="fed", feed="rows")
    assert fed.report.ram.total <= 28 * 4 + 16 * 4 + 4
    first, second = run_cases([case_of(whole, x), case_of(fed, x)], tmp_path, gcc, SANITIZED)
    np.testing.assert_array_equal(first[0], second[0])


@pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)
@pytest.mark.parametrize("dtype", [None, DType.INT8])
@pytest.mark.parametrize("feed", ["run", "rows"])
def test_in_an_emulator(dtype: DType | None, feed: str) -> None:
    storage = Storage("least", feed=feed)  # type: ignore[arg-type]
    assert verify(digits(dtype), target="cortex-m4", storage=storage).passed
