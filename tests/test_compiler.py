"""The pipeline as a whole: its files, its report, and that both are equal every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from goldens import golden
from quantised_networks import steady_network

import mnc
from mnc import compiler
from mnc.backends.facts import model_hash
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation, Conv2D, Dense, Flatten
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.passes import optimise
from mnc.quantise import Scheme

OWN_BACKENDS = ("c", "cpp", "cmsis-nn")


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file generated from our own models, by backend and file name."""
    graphs = {model.stem.replace(".", "_"): mnc.load(model) for model in sorted(folder.glob("*.h5"))}
    graphs |= {"pico_int8": mnc.load(folder / "pico.int8.tflite"), "steady_int16": steady_network()}
    return {
        f"{backend}/{file}": hashlib.sha256(text.encode()).hexdigest()
        for name, graph in graphs.items()
        for backend in OWN_BACKENDS
        for file, text in mnc.compile(graph, backend=backend, name=name).files.items()
    }


@pytest.fixture(scope="module")
def here(fixtures: Path) -> Mapping[str, str]:
    return digests(fixtures)


RECORD = Path(__file__).resolve().parent / "backends" / "generated.sha256"
"""In the form that `sha256sum -c` reads."""


def test_no_generated_byte_changes_by_accident(here: Mapping[str, str], update_golden: bool) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in here.items()]
    if update_golden:
        RECORD.write_text("".join(lines), encoding="ascii")
    recorded = RECORD.read_text(encoding="ascii").splitlines(keepends=True)
    changed = sorted({line[66:-1] for line in {*lines} ^ {*recorded}})
    assert changed == [], (
        "Generated code is not what it was.  Where that is meant (a better kernel, another release), look at the"
        " difference and run `pytest tests/test_compiler.py --update-golden`; a mere change of form may not change it."
    )


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_makes_the_same_bytes(here: Mapping[str, str], fixtures: Path, seed: str, root: Path) -> None:
    """Sets and dictionaries of another order, another working folder, another language."""
    script = "import json, pathlib, sys, test_compiler as t; print(json.dumps(t.digests(pathlib.Path(sys.argv[1]))))"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root}:{root / 'tests'}", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(fixtures)], env=environment, cwd=root.anchor, check=True, capture_output=True
    )
    assert json.loads(done.stdout) == here


def test_the_second_time_gives_the_same(fixtures: Path) -> None:
    graph = mnc.load(fixtures / "pico.keras2.h5")
    one, two = mnc.compile(graph, name="pico"), mnc.compile(graph, name="pico")
    assert one.files == two.files
    assert one.report == two.report


def test_keras_2_and_3_files_of_one_network_give_the_same_code(fixtures: Path) -> None:
    two, three = (mnc.load(fixtures / f"pico.keras{version}.h5") for version in (2, 3))
    assert model_hash(optimise(two)) == model_hash(optimise(three))


SCALE = Quantisation((0.5,))


def small(weight: float = 1.0, name: str = "small", layer: str = "y") -> Graph:
    dense = Dense(Constant(np.full((3, 2), weight, np.float32)))
    return Graph(name, (Input("x", TensorType((3,))),), (Node((layer,), dense, ("x",)),), (layer,))


def test_the_model_hash_is_of_structure_and_weights_not_of_names() -> None:
    assert model_hash(small()) == model_hash(small(name="other", layer="z"))
    assert model_hash(small()) != model_hash(small(weight=1.0000001))
    relu = Graph("small", small().inputs, (*small().nodes, Node(("r",), Activation(Relu()), ("y",))), ("r",))
    assert model_hash(relu) != model_hash(small())


def test_the_model_hash_is_of_the_languages_words_not_of_pythons() -> None:
    inside = TensorType((3,), DType.INT8, SCALE)
    dense = Dense(Constant(np.ones((3, 5), np.int8), SCALE), output=ElementType(DType.INT8, SCALE))
    graph = Graph("small", (Input("x", inside),), (Node(("y",), dense, ("x",)),), ("y",))
    before = model_hash(graph)
    names = {each: each.__name__ for each in (Dense, ElementType, Quantisation, Constant, TensorType)}
    try:
        for each in names:
            each.__name__ = each.__qualname__ = "Renamed"
        assert model_hash(graph) == before
    finally:
        for each, name in names.items():
            each.__name__ = each.__qualname__ = name


def test_a_report_says_what_was_built(fixtures: Path) -> None:
    build = mnc.compile(mnc.load(fixtures / "pico.keras3.h5"), name="pico")
    report = json.loads(build.report.to_json())
    assert report.keys() >= {
        *("name", "backend", "target", "dtype", "macs", "params", "ram", "flash", "files", "layers"),
    }
    assert (report["name"], report["backend"], report["target"], report["dtype"]) == ("pico", "c", None, "float32")
    assert 0 < report["macs"] <= 53_808  # what the model's own summary has; passes only ever take away
    assert 0 < report["params"] <= 844
    assert report["files"] == ["pico.h", "pico.c"]
    kept = {"total", "arena", "state", "lower_bound", "optimal", "constants", "measured"}
    assert report["ram"].keys() == kept | {"input", "stages", "saved", "cost", "regions"}
    assert report["ram"]["constants"] == 0
    assert report["flash"]["code"] is None, "it is not measured"
    assert report["ram"]["total"] == report["ram"]["arena"] + report["ram"]["state"] <= 15_360
    assert report["ram"]["lower_bound"] == report["ram"]["arena"]
    assert report["flash"]["weights"] >= 4 * report["params"]
    assert sum(layer["weights_bytes"] for layer in report["layers"]) == report["flash"]["weights"]
    assert sum(layer["macs"] for layer in report["layers"]) == report["macs"]
    for layer in report["layers"]:
        assert layer.keys() >= {"name", "op", "output_shape", "dtype", "macs", "weights_bytes", "kernel"}
        assert layer["kernel"] in build.files["pico.c"]
    assert [layer["op"] for layer in report["layers"]][:3] == ["conv2d", "depthwise_conv2d", "conv2d"]
    assert report["layers"][-1]["output_shape"] == [10]


def test_the_code_itself_predicts(fixtures: Path, cc: str) -> None:
    x, y = golden(fixtures / "multi_io.k3.h5")
    got = mnc.compile(mnc.load(fixtures / "multi_io.k3.h5")).predict(x)
    assert isinstance(got, list)
    for one, want in zip(got, y, strict=True):
        assert one.shape == want.shape
        np.testing.assert_allclose(one, want, rtol=1e-5, atol=1e-5)
    assert isinstance(mnc.compile(small()).predict(np.ones((1, 3))), np.ndarray)


def test_a_network_is_named_for_its_model() -> None:
    assert mnc.compile(small(name="My model (2).h5")).name == "My_model_2_h5"
    assert mnc.compile(small(name="int")).name == "int_net"
    assert mnc.compile(small(name="int"), name="mine").name == "mine"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"backend": "C"}, "'C'"),
        ({"target": "cortex-m5"}, "unknown target 'cortex-m5'"),
        ({"name": "9lives"}, "is not a name"),
        ({"calibration": np.ones((1, 3))}, "argument 'calibration': serves no purpose without quantisation"),
        ({"quantize": "int4", "calibration": np.ones((1, 3))}, "argument 'quantize': 'int4' is not known"),
        (
            {"quantize": "mixed", "calibration": np.ones((1, 3))},
            "argument 'quantize': mixed and a goal .* min_sqnr = 30",
        ),
        ({"quantize": "int8"}, "argument 'quantize': needs representative inputs\nhint: give some dozens as its cali"),
        ({"quantize": "int8", "scheme": Scheme(np.ones((1, 3)))}, "argument 'scheme': says already how to quantise"),
        ({"calibration": np.ones((1, 3)), "scheme": Scheme(None)}, "argument 'scheme': says already how to quantise"),
        ({"settings": {"colour": "red"}}, "colour"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: dict[str, object], what: str) -> None:
    with pytest.raises(CompileError, match=f"(?s){what}"):
        mnc.compile(small(), **arguments)  # type: ignore[arg-type]  # wrong on purpose


def test_check_and_compile_refuse_the_same() -> None:
    assert compiler.check(small()) == ()
    with pytest.raises(CompileError, match="'d'"):
        compiler.check(small(), backend="d")


def test_what_is_refused_is_refused_for_all_layers_at_once() -> None:
    """Of one source: what `check` lists is what `compile` raises."""
    from mnc.ir.layers import Permute

    shape = (2, 3, 2, 3, 2)
    nodes = tuple(Node((f"y{i}",), Permute((4, 3, 2, 1, 0)), ("x",)) for i in range(3))
    graph = Graph("g", (Input("x", TensorType(shape)),), nodes, ("y0", "y1", "y2"))
    problems = compiler.check(graph)
    assert [problem.where for problem in problems] == ["layer 'y0'", "layer 'y1'", "layer 'y2'"]
    with pytest.raises(CompileError) as raised:
        mnc.compile(graph)
    assert raised.value.problems == problems


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    build = mnc.compile(small(), name="small")
    build.write(tmp_path / "out")
    assert {file.name: file.read_text() for file in (tmp_path / "out").iterdir()} == dict(build.files)


def test_views_cost_nothing() -> None:
    weights = Constant(np.ones((1, 1, 1, 2), np.float32))
    nodes = (Node(("a",), Conv2D(weights), ("x",)), Node(("y",), Flatten(), ("a",)))
    report = mnc.compile(Graph("g", (Input("x", TensorType((2, 2, 1))),), nodes, ("y",))).report
    assert [layer.op for layer in report.layers] == ["conv2d"]
    assert report.ram.arena == 0


def test_weights_are_not_all_text_at_once(tmp_path: Path) -> None:
    """Compiling and writing takes a few bytes a weight besides the weights; their text alone has over ten."""
    rng = np.random.default_rng(3)
    weights = Constant(rng.normal(size=(500, 600)).astype(np.float32))
    graph = Graph("net", (Input("x", TensorType((500,))),), (Node(("y",), Dense(weights), ("x",)),), ("y",))
    mnc.compile(graph)  # modules are loaded, kernels read
    tracemalloc.start()
    try:
        mnc.compile(graph).write(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "net.c").stat().st_size > 10 * weights.array.size
    assert peak < 20 * weights.array.size + 3_000_000
