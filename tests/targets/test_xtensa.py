"""Xtensa cores: trained models give their frameworks' outputs; our stand-in for a ROM computes as IEEE 754 has it.

ESP-IDF's compiler is not in Debian: programs of its names, which call those that are, show when and how it is called.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from goldens import golden
from hypothesis import given
from hypothesis import strategies as st
from networks import chain

import mnc
from mnc import targets
from mnc.errors import CompileError
from mnc.ir.layers import Dense
from mnc.ir.types import Array, Constant
from mnc.samples import random_inputs
from mnc.terminal.catalogue import target_rows

NETWORKS = {
    **{
        name: (f"micromobilenet/{name}.keras2.h5", f"micromobilenet/{name}.int8.tflite")
        for name in ("pico", "nano", "micro", "milli", "base")
    },
    "kws": ("mlperf_tiny/kws_ref_model.keras2.h5", "mlperf_tiny/kws_ref_model.tflite"),
    "ad": ("mlperf_tiny/ad01.h5", "mlperf_tiny/ad01_int8.tflite"),
    "resnet8": ("mlperf_tiny/pretrainedResnet.h5", "mlperf_tiny/pretrainedResnet_quant.tflite"),
    "vww": ("mlperf_tiny/vww_96.h5", "mlperf_tiny/vww_96_int8.tflite"),
}
"""Nine networks: the file in float32, and in int8."""

FLOATS = (
    # Of the two largest, whose floats take the emulator a minute each without an FPU, integers have to do.
    *(("esp8266", name) for name in NETWORKS if name not in ("resnet8", "vww")),
    ("esp32", "vww"),
    ("esp32s3", "pico"),
)
INTEGERS = (*(("esp8266", name) for name in NETWORKS), ("esp32", "pico"), ("esp32s3", "pico"))
"""Target and network; on esp32 those that its compiler's faults hit (docs/targets.md)."""


@pytest.fixture
def core(request: pytest.FixtureRequest, tool: Callable[[str], str]) -> targets.Target:
    """The target that a test's parameter names, where its compilers and its emulator are installed."""
    target = targets.get(request.param)
    if target.board.stays:
        pytest.skip(f"{target.compiler.program} is installed, whose code is not run")
    for needed in (target.compiler, target.board.compiler, target.board.emulator):
        if needed is not None:
            tool(needed.program)
    return target


def run(target: targets.Target, model: Path, x: Array) -> Array:
    build = mnc.compile(mnc.load(model), name="net", target=target.name)
    (y,) = targets.run(target, build.files, targets.Interface.of_graph(build.graph, "net"), [x])
    return y


@pytest.mark.parametrize(("core", "name"), FLOATS, indirect=["core"])
def test_a_float_network_gives_what_keras_gave(models: Path, core: targets.Target, name: str) -> None:
    model = models / NETWORKS[name][0]
    (x,), (want,) = golden(model)
    got = run(core, model, x[:1])
    bound = 1e-4 * float(np.abs(want).max()) if name == "ad" else 1e-5  # the autoencoder's values are large
    assert float(np.abs(got.reshape(want[:1].shape) - want[:1]).max()) <= bound


@pytest.mark.parametrize(("core", "name"), INTEGERS, indirect=["core"])
def test_an_int8_network_gives_every_byte_of_tensorflow_lite_micro(
    models: Path, core: targets.Target, name: str
) -> None:
    model = models / NETWORKS[name][1]
    with np.load(f"{model}.golden.npz") as stored:
        x, want = stored["x"][:2], stored["y_tflm"][:2]
    np.testing.assert_array_equal(run(core, model, x).reshape(want.shape), want)


@pytest.mark.parametrize("core", ["esp8266"], indirect=True)
@pytest.mark.parametrize("kind", [0, 1], ids=["float32", "int8"])
def test_code_for_few_registers_takes_three_fifths_of_that_for_any_core(
    models: Path, core: targets.Target, kind: int
) -> None:
    """With the core's own flags for both, at no more than a tenth of instructions more."""

    graph = mnc.load(models / NETWORKS["nano"][kind])

    def cost(selected_for: str | None) -> targets.Measurement:
        build = mnc.compile(graph, name="net", target=selected_for)
        interface = targets.Interface.of_graph(build.graph, "net")
        return targets.measure(core, build.files, interface, [x[:1] for x in random_inputs(graph)])

    small, large = cost(core.name), cost(None)
    assert small.sizes.code <= 0.6 * large.sizes.code
    assert small.instructions[0] <= 1.1 * large.instructions[0]


BITS = st.one_of(
    st.integers(0, 2**32 - 1),
    st.floats(width=32).map(lambda value: int(np.float32(value).view(np.uint32))),
    st.builds(  # near powers of two, subnormal numbers and the ends
        lambda sign, exponent, rest: sign << 31 | exponent << 23 | rest % 2**23,
        *(st.integers(0, 1), st.sampled_from([0, 1, 2, 126, 127, 128, 150, 253, 254, 255])),
        st.integers(-3, 3),
    ),
)
"""Of a float: any, and often one at an edge."""


@pytest.fixture(scope="module")
def rom(root: Path, tmp_path_factory: pytest.TempPathFactory, gcc: str) -> ctypes.CDLL:
    """Our arithmetic for the core without FPU and division, built for this machine, where shifts out of range trap."""
    library = tmp_path_factory.mktemp("rom") / "rom.so"
    source = root / "mnc" / "targets" / "support" / "xtensa" / "rom.c"
    checks = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
    strict = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-Wno-missing-prototypes")
    subprocess.run([gcc, "-shared", "-fPIC", "-O2", *strict, *checks, str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


Arithmetic = Callable[..., Array]


@pytest.fixture(scope="module")
def computed(rom: ctypes.CDLL) -> Arithmetic:
    """`computed("__addsf3", "float32", a, b)`: the function's value of this type for arguments of the same bits."""
    types = {"float32": ctypes.c_float, "uint32": ctypes.c_uint32, "int32": ctypes.c_int32, "int64": ctypes.c_int64}

    def call(name: str, result: str, *arguments: np.generic) -> Array:
        function = getattr(rom, name)
        function.restype = types[result]
        return np.array(function(*(types[one.dtype.name](one.item()) for one in arguments)), result)

    return call


@given(BITS, BITS)
def test_floats_are_added_and_multiplied_as_the_processor_does(computed: Arithmetic, a: int, b: int) -> None:
    x, y = np.array([a, b], np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        expected = {"__addsf3": x + y, "__subsf3": x - y, "__mulsf3": x * y}
    for name, value in expected.items():
        got = computed(name, "float32", x, y)
        assert np.isnan(got) if np.isnan(value) else got.tobytes() == value.tobytes(), name


INT32 = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(0, 31).map(lambda bit: (1 << bit) - 1))


@given(INT32, INT32)
def test_integers_are_converted_and_divided_as_c_has_it(computed: Arithmetic, a: int, b: int) -> None:
    x, y = np.array([a, b], np.int32)
    u, v = np.array([a, b], np.int32).view(np.uint32)
    assert computed("__floatsisf", "float32", x).tobytes() == x.astype(np.float32).tobytes()
    assert computed("__floatunsisf", "float32", u).tobytes() == u.astype(np.float32).tobytes()
    if b != 0:
        assert computed("__udivsi3", "uint32", u, v) == u // v
        assert computed("__umodsi3", "uint32", u, v) == u % v
    if b != 0 and (a, b) != (-(2**31), -1):
        assert computed("__divsi3", "int32", x, y) == abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


INT64 = st.integers(-(2**63), 2**63 - 1)


@given(INT64, INT64)
def test_wide_integers_are_multiplied(computed: Arithmetic, a: int, b: int) -> None:
    product = computed("__muldi3", "int64", np.int64(a), np.int64(b))
    assert (int(product) - a * b) % 2**64 == 0


@pytest.mark.parametrize(
    ("name", "package"), [("esp8266", "gcc-xtensa-lx106 and picolibc-xtensa-lx106-elf"), ("esp32", "clang-22")]
)
def test_without_the_tools_the_target_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    targets.compiler_version.cache_clear()  # which another test of this process may have filled
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CompileError, match=f"Debian has it in the package {package}"):
        targets.compiler_version(targets.get(name))


@pytest.fixture
def esp_idf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Callable[[str], str]) -> Path:
    """A folder of programs with the names of ESP-IDF's, first on the path: Debian's compilers do their work."""
    clang, gcc = tool("clang-22"), tool("xtensa-lx106-elf-gcc")
    board, own = targets.get("esp32").board, shlex.join(targets.get("esp32").flags)
    programs = {
        "gcc": f"""
for argument; do
    shift
    case "$argument" in
        --version) echo "xtensa-esp-elf-gcc, a stand-in"; exit ;;
        board.c | -nostartfiles) also=yes ;;
        -mlongcalls | -mtext-section-literals) flags="$flags $argument"; continue ;;
    esac
    set -- "$@" "$argument"
done
test "$flags" = " -mlongcalls -mtext-section-literals" || exit 1
test -n "$also" && exec {gcc} {shlex.join(board.flags)} -Wl,--no-relax "$@"
exec {clang} {own} "$@"
""",
        "size": f'exec {tool("xtensa-lx106-elf-size")} "$@"\n',
    }
    for name, text in programs.items():
        program = tmp_path / f"xtensa-esp32s3-elf-{name}"
        program.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
        program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


@pytest.mark.usefixtures("esp_idf")
def test_the_compiler_of_esp_idf_is_taken_where_it_is_installed() -> None:
    """It tells the size of the code, which is linked; what it compiles is not run, and who asks for that is told."""
    weights = Constant(np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3))
    graph = chain((8,), dense=Dense(weights))
    build = mnc.compile(graph, name="net", target="esp32s3", measure=True)
    report, by_clang = build.report, mnc.compile(graph, name="net", target="esp32", measure=True).report
    assert report.compiler == "xtensa-esp-elf-gcc, a stand-in -O2"
    assert report.flash.code == by_clang.flash.code
    assert (report.stack, report.instructions) == (None, None)
    assert ("esp32s3", "ESP32-S3, by ESP-IDF's compiler", "nothing: linked for its size") in target_rows()
    said = "code of xtensa-esp32s3-elf-gcc is only linked: Debian's QEMU has no core with its instructions"
    assert report.unmeasured == f"target esp32s3: {said}"
    for refused in (
        lambda: build.verify(on="esp32s3"),
        lambda: build.bench(on="esp32s3"),
        lambda: mnc.compile(graph, name="net", target="esp32s3", max_stack=4096),
    ):
        with pytest.raises(CompileError, match=said):
            refused()


def test_without_it_the_code_of_an_esp32_is_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ("esp32s3", "ESP32-S3, by clang-22 as an ESP32", "qemu-system-xtensa") in target_rows()
    assert targets.get("esp32s3").flags == targets.get("esp32").flags
