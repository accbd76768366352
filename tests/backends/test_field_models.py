"""TensorFlow Lite files as people have them: those of public repositories, and those behind bug reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases

import mnc
from mnc import targets
from mnc.ir.graph import Graph
from mnc.ir.types import Array

MODELS = (
    "field/tflite-int8-constants/bn_after_relu_k2b0_int8",
    "field/tflite-int8-constants/bn_first_k2b0_int8",
    "field/tflite-int8-constants/f07_mul_const_vec_int8",
    "field/tflite-open-batch/imgdense_k2b0_float",
    "field/tflite-open-batch/imgdense_k2b0_int8",
    "field/tflite-open-batch/se_dense_k2b0_float",
    "field/tflite-open-batch/se_dense_k2b0_int8",
    "field/tflite-open-batch/seqdense_k2b0_float",
    "field/tflite-open-batch/seqdense_k2b0_int8",
    "field/tflite-ops/attention_k2b1_float",
    "field/tflite-ops/attention_k2b1_int8",
    "field/tflite-ops/cosine_sub_k2b0_float",
    "field/tflite-ops/cosine_sub_k2b0_int8",
    "field/tflite-ops/embedding_k2b0_float",
    "field/tflite-ops/f06_split_float",
    "field/tflite-ops/f06_split_int8",
    "field/tflite-ops/f11_absmean_float",
    "field/tflite-ops/f11_absmean_int8",
    "field/tflite-ops/f11_argmax_float",
    "field/tflite-ops/f11_d2s_float",
    "field/tflite-ops/f11_d2s_int8",
    "field/tflite-ops/f11_mirror_float",
    "field/tflite-ops/f11_mirror_int8",
    "field/tflite-ops/f11_relu1_float",
    "field/tflite-ops/f11_relu1_int8",
    "field/tflite-ops/f11_sum_float",
    "field/tflite-ops/f11_sum_int8",
    "field/tflite-ops/hardsig_k2b0_float",
    "field/tflite-ops/hardsig_k2b0_int8",
    "field/tflite-ops/layernorm_k2b1_float",
    "field/tflite-ops/layernorm_k2b1_int8",
    "field/tflite-ops/lstm_k2b1_float",
    "field/tflite-ops/lstm_k2b1_int8",
    "field/tflite-ops/reluthr_k2b0_float",
    "field/tflite-ops/reluthr_k2b0_int8",
    "field/tflite-uint8-io/f03_uint8io",
    "real/digits_class11",
    "real/dtln",
    "real/expressions",
    "real/keyword_scrambled",
    "real/mnist_lstm_f32",
    "real/mnist_lstm_int8",
    "real/person_detect",
    "real/ww_v1_hey_jarvis",
    "real/ww_v2_hey_jarvis",
    "real/ww_v2_okay_nabu",
)
OF_TENSORFLOW = ("field/tflite-open-batch/imgdense_k2b0_int8", "field/tflite-open-batch/seqdense_k2b0_int8")
"""Models that TensorFlow Lite Micro does not load: the bytes are of TensorFlow's kernels, which may round otherwise."""
APART = ("real/dtln", "real/mnist_lstm_f32", "real/mnist_lstm_int8")
"""Models with a state, whose samples were given to a fresh interpreter each; those of the others are one sequence."""
LONGEST = 150
"""Samples that the reference runs, which takes some milliseconds for each; the generated code runs all."""
WAKE_WORDS = {"ww_v1_hey_jarvis": 8_500, "ww_v2_hey_jarvis": 3_500, "ww_v2_okay_nabu": 4_608}
"""Bytes of RAM: TensorFlow Lite Micro's arenas take 53,136, 19,808 and 23,424 on a PC."""
TOLERANCE = 1e-4
FEW = 2
"""Samples that an emulator runs over: of those with a state the second one shows it."""


def goldens(models: Path, name: str, letter: str) -> list[Array]:
    """The samples (`x`), or what TensorFlow Lite makes of them (`y`), for each input or output."""
    paths = (models / f"{name}{middle}.golden.npz" for middle in ("", ".tflite"))
    with np.load(next(path for path in paths if path.exists())) as stored:
        return [stored[key] for key in sorted(stored) if key.startswith(letter)]


def check(name: str, got: list[Array], expected: list[Array]) -> None:
    """Integers are to be the same, real numbers near."""
    for y, wanted in zip(got, expected, strict=True):
        if wanted.dtype == np.float32:
            np.testing.assert_allclose(y.reshape(wanted.shape), wanted, atol=TOLERANCE)
        else:
            difference = np.abs(y.reshape(wanted.shape).astype(np.int32) - wanted)
            assert difference.max() <= (1 if name in OF_TENSORFLOW else 0)


def given(graph: Graph, x: list[Array]) -> list[Array]:
    return [each.reshape(-1, *of.type.shape) for each, of in zip(x, graph.inputs, strict=True)]


@pytest.mark.parametrize("name", MODELS)
def test_the_reference_gives_what_tensorflow_lite_gives(models: Path, name: str) -> None:
    graph = mnc.load(models / f"{name}.tflite")
    x = [each[:LONGEST] for each in given(graph, goldens(models, name, "x"))]
    parts = [[each[i : i + 1] for each in x] for i in range(len(x[0]))] if name in APART else [x]
    runs = [y if isinstance(y, list) else [y] for y in map(graph.predict, parts)]
    check(
        name,
        [np.concatenate(of_output) for of_output in zip(*runs, strict=True)],
        [y[:LONGEST] for y in goldens(models, name, "y")],
    )


def test_the_generated_code_gives_what_tensorflow_lite_gives(models: Path, gcc: str, tmp_path: Path) -> None:
    cases = []
    for i, name in enumerate(MODELS):
        build = mnc.compile(mnc.load(models / f"{name}.tflite"), name=f"n{i}")
        outputs = [build.graph.types[each] for each in build.graph.outputs]
        x = given(build.graph, goldens(models, name, "x"))
        types = [type_.dtype.value for type_ in outputs]
        cases.append(Case(build.name, build.files, x, [type_.elements for type_ in outputs], types, name in APART))
    for name, got in zip(MODELS, run_cases(cases, tmp_path, gcc, SANITIZED), strict=True):
        check(name, got, goldens(models, name, "y"))


@pytest.mark.parametrize(
    ("backend", "target", "count"),
    [
        ("c", "cortex-m4", 120),
        ("c", "cortex-m55", 120),
        ("cpp", "host", None),
        ("cpp", "cortex-m55", 20),
        ("cmsis-nn", "host", None),
        ("cmsis-nn", "cortex-m4", 20),
        ("cmsis-nn", "cortex-m55", 20),
    ],
)
@pytest.mark.parametrize("name", WAKE_WORDS)
def test_wake_words_run_by_run(
    models: Path, name: str, backend: str, target: str, count: int | None, request: pytest.FixtureRequest
) -> None:
    """In `c` on cores for as many runs as the states remember, on the host all that there are."""
    for needed in ("cmsis_nn_path",) * (backend == "cmsis-nn") + ("arm_gcc", "qemu_arm") * (target != "host"):
        request.getfixturevalue(needed)
    own = None if target == "host" else target
    build = mnc.compile(mnc.load(models / f"real/{name}.tflite"), backend, "Ww" if backend == "cpp" else "ww", own)
    if backend != "cmsis-nn":  # the library's functions take scratch memory
        assert build.report.ram.total <= WAKE_WORDS[name]
    (x,), (y,) = (goldens(models, f"real/{name}", letter) for letter in "xy")
    core = targets.get(target)
    linked = targets.cmsis_nn.linked(core, build.files, targets.Options())
    (got,) = targets.run(core, build.files, build.interface, [x[:count]], linked)
    np.testing.assert_array_equal(got.reshape(-1), y[:count].reshape(-1))


IN_FLOAT = ("real/expressions", "real/mnist_lstm_f32", *(name for name in MODELS if name.endswith("_float")))
OTHERS = [
    *(("cpp", "host", name) for name in MODELS[::3]),  # the class holds the layers of backend `c`, to the letter
    *(("c", "cortex-m4", name) for name in MODELS),
    *(("cmsis-nn", "cortex-m4", name) for name in MODELS if name not in IN_FLOAT),
]


@pytest.mark.parametrize(("backend", "target", "name"), OTHERS)
def test_each_backend_and_core_gives_what_tensorflow_lite_gives(
    models: Path, backend: str, target: str, name: str, request: pytest.FixtureRequest
) -> None:
    if backend == "cmsis-nn":
        request.getfixturevalue("cmsis_nn_path")
    for tool in ("cc",) if target == "host" else ("arm_gcc", "qemu_arm"):
        request.getfixturevalue(tool)
    graph = mnc.load(models / f"{name}.tflite")
    build = mnc.compile(graph, backend, "Net" if backend == "cpp" else "net", target)
    count = 1 if name in APART else FEW
    x = [each[:count] for each in given(build.graph, goldens(models, name, "x"))]
    core = targets.get(target)
    linked = targets.cmsis_nn.linked(core, build.files, targets.Options())
    got = targets.run(core, build.files, build.interface, x, linked)
    check(name, list(got), [each[:count] for each in goldens(models, name, "y")])
