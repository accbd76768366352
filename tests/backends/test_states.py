"""States in generated code: each run begins with what the one before left, whatever the plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gallery import exhibit
from generated_c import SANITIZED, Case, checked_run, run_cases, write
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import batches, networks
from quantised_networks import ANY, quantised_networks
from same_bits import BATCH, assert_same_bits
from stateful import STEADY, is_steady, stateful

import mnc
from mnc import targets
from mnc.bench import bench
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import (
    Concatenate,
    Dense,
    Flatten,
    Maximum,
    Multiply,
    Quantize,
    Reshape,
    Slice,
)
from mnc.ir.state import State
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, TensorType
from mnc.program import Memory
from mnc.verify import verify

SEEDS = st.integers(0, 2**16)
FEW = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow, HealthCheck.large_base_example],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@settings(FEW, max_examples=6)
@given(graphs=batches(st.builds(stateful, networks(layers=STEADY), SEEDS).filter(is_steady), 16))
def test_random_networks_go_on_where_they_were(
    graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exhibits = [exhibit(graph, f"n{i}") for i, graph in enumerate(graphs)]
    outputs = run_cases([each.case for each in exhibits], tmp_path_factory.mktemp("states"), gcc)
    for each, got in zip(exhibits, outputs, strict=True):
        assert each.error(got) <= 1.0, each.build.graph


@settings(BATCH, max_examples=6)
@given(graphs=batches(st.builds(stateful, quantised_networks(mixed=True, dtypes=ANY, max_layers=5), SEEDS), 12))
def test_random_networks_in_integers(graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("states"), gcc)


def register(dtype: DType = DType.FLOAT32, initial: Array | None = None) -> Graph:
    """The last four frames, of which a dense layer makes three numbers, and their running maximum."""
    rng = np.random.default_rng(3)
    quant = None if dtype is DType.FLOAT32 else Quantisation((0.05,), 3 if dtype is DType.INT8 else 0)
    frame = TensorType((4,), dtype, quant)
    history = TensorType((3, 4), dtype, quant)
    weights = rng.normal(0.0, 0.3, (16, 3)).astype(np.float32)
    if quant is not None:
        stored = Constant((weights * 100).round().clip(-127, 127).astype(np.int8), Quantisation((0.01,)))
        dense = Dense(stored, output=ElementType(dtype, quant))
    else:
        dense = Dense(Constant(weights))
    y = TensorType((3,), dtype, quant)
    return Graph(
        "register",
        (Input("x", frame),),
        (
            Node(("row",), Reshape((1, 4)), ("x",)),
            Node(("window",), Concatenate(0), ("history", "row")),
            Node(("tail",), Slice((1, 0), (3, 4), (1, 1)), ("window",)),
            Node(("flat",), Flatten(), ("window",)),
            Node(("now",), dense, ("flat",)),
            Node(("most",), Maximum(output=None if quant is None else ElementType(dtype, quant)), ("now", "largest")),
        ),
        ("most",),
        states=(
            State("history", history, Constant(np.zeros((), dtype.numpy) if initial is None else initial), "tail"),
            State("largest", y, Constant(np.asarray(-7).astype(dtype.numpy)), "most"),
        ),
    )


def frames(graph: Graph, count: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    type_ = graph.inputs[0].type
    real = rng.normal(size=(count, *type_.shape)).astype(np.float32)
    return real if type_.quant is None else type_.stored(real)


TYPES = pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.INT8, DType.INT16], ids=lambda dtype: dtype.value)


@TYPES
@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_two_sequences_of_one_build_are_independent(backend: str, dtype: DType, cc: str) -> None:
    graph = register(dtype, frames(register(dtype), 3, seed=5))
    build = mnc.compile(graph, backend, "net")
    x = frames(graph, 9)
    np.testing.assert_allclose(build.predict(x), graph.predict(x), atol=1e-6)
    np.testing.assert_allclose(build.predict(x[4:]), graph.predict(x[4:]), atol=1e-6)
    first, states = graph.predict(x[:4], {})
    rest, _ = graph.predict(x[4:], states)
    assert isinstance(first, np.ndarray) and isinstance(rest, np.ndarray)
    np.testing.assert_array_equal(np.concatenate([first, rest]), graph.predict(x))
    assert np.any(graph.predict(x[4:]) != rest)


@TYPES
def test_states_lie_in_memory_of_their_types(dtype: DType) -> None:
    build = mnc.compile(register(dtype), name="net")
    assert build.report.ram.state == 19 * dtype.bytes
    assert f"    {dtype.c} state[" in build.files["net.h"]
    boxes = {box.name: box for box in build.plan.boxes if box.kind == "state"}
    assert boxes.keys() == {"history", "largest"}
    assert min(box.offset for box in boxes.values()) >= build.plan.arena


@TYPES
@pytest.mark.parametrize("whole", [False, True])
def test_a_shift_register_is_moved_on_inside_its_own_memory(dtype: DType, whole: bool, cc: str) -> None:
    """The window is nowhere else; what stays of it, or all of it, is the state of the graph."""
    graph = register(dtype)
    if whole:  # as networks are written whose state is the window: its first row leaves it
        history, largest = graph.states
        type_ = graph.types["window"]
        rest = Node(("rest",), Slice((1, 0), (3, 4), (1, 1)), ("history",))
        nodes = (rest, *(replace(n, inputs=("rest", "row")) if n.name == "window" else n for n in graph.nodes))
        nodes = tuple(node for node in nodes if node.name != "tail")
        graph = replace(graph, nodes=nodes, states=(replace(history, type=type_, next="window"), largest))
    build = mnc.compile(graph, name="net")
    assert build.report.ram.state == 19 * dtype.bytes
    assert build.report.ram.arena <= 3 * dtype.bytes
    assert {step.node.name for step in build.emission.program.steps} == {"window", "now", "most", "largest.next"}
    x = frames(graph, 9)
    np.testing.assert_allclose(build.predict(x), graph.predict(x), atol=1e-6)
    np.testing.assert_array_equal(graph.predict(x), register(dtype).predict(x))


@pytest.mark.parametrize("other", ["read", "given out", "two"])
def test_a_window_that_others_need_stays_apart(other: str, cc: str) -> None:
    """The state is read besides, or the window is an output, or it is the next value of two states."""
    graph = register()
    if other == "read":
        graph = replace(graph, nodes=(*graph.nodes, Node(("z",), Flatten(), ("history",))), outputs=("most", "z"))
    elif other == "given out":
        graph = replace(graph, outputs=("most", "window"))
    else:
        twin = replace(graph.states[0], name="twin")
        nodes = (*graph.nodes, Node(("z",), Flatten(), ("twin",)))
        graph = replace(graph, nodes=nodes, outputs=("most", "z"), states=(*graph.states, twin))
    x = frames(graph, 6)
    for got, want in zip(mnc.compile(graph, name="net").predict(x), graph.predict(x), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_states_of_several_types_lie_in_one_memory(gcc: str, tmp_path: Path) -> None:
    """A byte, then a float: the float is aligned, and the struct is as large as planned."""
    quant = Quantisation((0.1,), 3)
    graph = Graph(
        "mixed",
        (Input("x", TensorType((1,))),),
        (
            Node(("stored",), Quantize(output=ElementType(DType.INT8, quant)), ("x",)),
            Node(("both",), Multiply(), ("x", "wide")),
        ),
        ("both", "narrow"),
        states=(
            State("narrow", TensorType((1,), DType.INT8, quant), Constant(np.int8(-5)), "stored"),
            State("wide", TensorType((1,)), Constant(np.float32(2.0)), "x"),
        ),
    )
    build = mnc.compile(graph, name="net")
    assert build.report.ram.state == 8
    x = frames(graph, 5)
    (got,) = run_cases([Case("net", build.files, [x], [1, 1], ["float32", "int8"])], tmp_path, gcc, SANITIZED)
    both, narrow = graph.predict(x)
    np.testing.assert_allclose(got[0].ravel(), both.ravel(), atol=1e-6)
    stored = np.concatenate([[-5], graph.types["narrow"].stored(x[:-1]).ravel()])
    np.testing.assert_array_equal(got[1].ravel(), stored)
    np.testing.assert_array_equal(narrow.ravel(), stored)


PROGRAM = """
#include "net.h"
#include <stdio.h>
#include <string.h>
static const float x[][4] = {ROWS};
static net_t a, b;
static void garbage(net_t *net) { memset(&net->arena, 0xA5, sizeof net->arena); }
static void show(net_t *net, int i)
{
    float y[3];
    net_run(net, x[i], y);
    garbage(net);
    printf("%a %a %a\\n", y[0], y[1], y[2]);
}
int main(void)
{
    int i;
    memset(&a, 0xFF, sizeof a);
    memset(&b, 0x7F, sizeof b);
    net_init(&a);
    net_init(&b);
    for (i = 0; i < 6; ++i) {
        show(&a, i);
        if (i > 2)
            show(&b, i);
        if (i == 3)
            net_init(&a);
    }
    return 0;
}
"""


@pytest.mark.parametrize("memory", ["fast", "least"])
def test_networks_side_by_side_and_one_begun_again(memory: Memory, gcc: str, tmp_path: Path) -> None:
    """Two in turns, one begun anew in mid-sequence, with garbage in the arenas between the runs."""
    graph = register(initial=frames(register(), 3, seed=5))
    files = dict(mnc.compile(graph, name="net", memory=memory).files)
    x = frames(graph, 6)
    rows = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in x.astype(np.float64).tolist())
    write({**files, "main.c": PROGRAM.replace("ROWS", rows)}, tmp_path)
    checked_run([gcc, *SANITIZED, "-std=gnu99", "net.c", "main.c", "-lm", "-o", "program"], tmp_path)
    text = checked_run(["./program"], tmp_path)
    got = np.array([[float.fromhex(number) for number in line.split()] for line in text.splitlines()])
    first, again, other = (graph.predict(part) for part in (x[:4], x[4:], x[3:]))
    expected = [*first[:3], first[3], other[0], again[0], other[1], again[1], other[2]]
    np.testing.assert_allclose(got, expected, atol=1e-6)


@TYPES
@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_verify_feeds_a_sequence(backend: str, dtype: DType, cc: str) -> None:
    graph = register(dtype)
    found = verify(graph, backend, [frames(graph, 7)])
    assert found.first_failure is None
    assert found.samples == 7
    expected = graph.types["most"].real(np.asarray(graph.predict(frames(graph, 7))))
    np.testing.assert_allclose(found.outputs[0], expected, atol=1e-5)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
def test_a_microcontroller_keeps_states(target: str, cc: str) -> None:
    graph = register(DType.INT8)
    build = mnc.compile(graph, name="net", target=target)
    machine = targets.get(target)
    x = frames(graph, 6)
    (got,) = targets.run(machine, build.files, build.interface, [x])
    np.testing.assert_array_equal(got.reshape(6, 3), graph.predict(x))


def test_rows_are_not_fed_to_a_network_with_states() -> None:
    with pytest.raises(CompileError, match=r"keeps states from run to run \('history', 'largest'\), and a row is no"):
        mnc.compile(register(), feed="rows")


def test_initial_values_count_as_constants() -> None:
    zeros, others = (mnc.compile(register(initial=x)) for x in (None, frames(register(), 3)))
    assert others.report.flash.total_constants == zeros.report.flash.total_constants + 64


@pytest.mark.parametrize("storage", [{"input": "owned"}, {"region": {"fast": 40, "slow": 4096}}, {"memory": "least"}])
def test_states_survive_any_way_to_use_memory(storage: dict[str, object], cc: str) -> None:
    graph = register()
    x = frames(graph, 8)
    build = mnc.compile(graph, name="net", **storage)  # type: ignore[arg-type]  # each of its own type
    np.testing.assert_allclose(build.predict(x), graph.predict(x), atol=1e-6)


def test_layers_of_a_shift_register_are_counted() -> None:
    """The program's graph counts, in which the register is a value that the network does not have."""
    cost = bench(register(DType.INT8), "net", "c", "cortex-m4", layers=True)
    assert sum(layer.macs for layer in cost.layers) == cost.macs == 48
    assert abs(sum(layer.instructions for layer in cost.layers) - cost.instructions) < 200


def swapped(graph: Graph) -> Graph:
    """Two states that take each other's place."""
    history, largest = graph.states
    other = replace(largest, name="other", next="largest")
    return replace(graph, outputs=("most", "other"), states=(history, replace(largest, next="other"), other))


def test_states_that_change_places(cc: str) -> None:
    graph = swapped(register())
    x = frames(graph, 5)
    for got, want in zip(mnc.compile(graph).predict(x), graph.predict(x), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)
