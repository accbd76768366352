"""The test of a network on its device (`-X selftest=1`): 0 where all is well, else the number of the layer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery import gallery
from generated_c import SANITIZED, STRICT, WARNINGS, Tool, build, checked_run, write
from networks import chain, folding
from quantised_networks import steady_network
from test_profile import small

import mnc
from mnc import targets
from mnc.backends.golden import golden, noise
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense
from mnc.ir.layers.linear import Linear
from mnc.ir.types import Constant, TensorType
from mnc.samples import random_inputs
from mnc.targets import Interface, Options

TESTED = {"selftest": "1"}
FAST = ("-std=gnu99", "-O3", "-march=native", "-ffast-math", "-w")
"""A compiler that may round as it likes."""


def with_selftest(graph: Graph, backend: str = "c", name: str = "net", **options: Any) -> Build:
    return mnc.compile(graph, backend, name, settings=TESTED, **options)


def calling(built: Build, name: str) -> str:
    """C statements that test a network and print the result, in a block."""
    program = built.emission.program
    given = [each.type for each in program.graph.inputs] if program.feed == "caller" else []
    made = [program.graph.types[each] for each in program.graph.outputs]
    values = [(f"x{i}", t) for i, t in enumerate(given)] + [(f"y{i}", t) for i, t in enumerate(made)]
    regions = built.emission.plan.region_names
    lines = [f"static {name}_{each}_t {each};" for each in regions]
    lines += [f"static {name}_t net;", *(f"static {t.dtype.c} {v}[{t.elements}];" for v, t in values)]
    lines += [f"{name}_init({', '.join(['&net', *(f'&{each}' for each in regions)])});"]
    lines += [f'printf("%d\\n", {name}_selftest({", ".join(["&net", *(v for v, _ in values)])}));']
    return "{\n" + "\n".join(lines) + "\n}\n"


def results(builds: Sequence[Build], folder: Path, compiler: str, flags: Sequence[str]) -> list[int]:
    """The results of the tests of networks, whose names differ, in one program."""
    heads = "".join(f'#include "{each.name}.h"\n' for each in builds)
    body = "".join(calling(each, each.name) for each in builds)
    main = f"#include <stdio.h>\n{heads}int main(void)\n{{\n{body}return 0;\n}}\n"
    program = build(folder, compiler, flags, *(each.files for each in builds), {"main.c": main})
    return [int(line) for line in checked_run([str(program)], folder).split()]


def graphs(fixtures: Path) -> dict[str, Graph]:
    return {
        "float": small(),
        "pico": mnc.load(fixtures / "pico.keras3.h5"),
        "int8": mnc.load(fixtures / "pico.int8.tflite"),
        "mixed": steady_network(),
        "folds": folding()[1],
    }


@pytest.mark.parametrize("options", [{"memory": "fast"}, {"memory": "least"}, {"input": "owned"}], ids=str)
def test_a_sound_network_passes(options: dict[str, Any], fixtures: Path, tool: Tool, tmp_path: Path) -> None:
    builds = [with_selftest(graph, name=f"net_{name}", **options) for name, graph in graphs(fixtures).items()]
    assert results(builds, tmp_path, tool("gcc"), (*STRICT, *SANITIZED)) == [0] * len(builds)


def test_rows_regions_and_profiles_pass_too(fixtures: Path, tool: Tool, tmp_path: Path) -> None:
    pico, integers = (mnc.load(fixtures / name) for name in ("pico.keras3.h5", "pico.int8.tflite"))
    builds = [
        with_selftest(pico, name="rows", feed="rows"),
        with_selftest(integers, name="integer_rows", feed="rows", memory="least"),
        with_selftest(pico, name="parts", region={"dtcm": 2000, "sram": 8000}),
        mnc.compile(pico, name="timed", settings={**TESTED, "profile": "1"}, memory="least"),
        mnc.compile(integers, name="compact", settings={**TESTED, "code": "compact"}),
    ]
    assert results(builds, tmp_path, tool("gcc"), (*STRICT, *SANITIZED)) == [0] * len(builds)


def test_every_kind_of_layer_passes_however_a_compiler_rounds(tool: Tool, tmp_path: Path) -> None:
    builds: list[mnc.Build] = []
    for exhibit in gallery():
        try:
            builds.append(with_selftest(exhibit.build.graph, name=f"net_{len(builds)}"))
        except CompileError as fault:  # noqa: PERF203  # the loop is short
            assert "no finite number" in str(fault)  # not those that grow without bounds
    assert len(builds) > 30
    assert results(builds, tmp_path, tool("gcc"), FAST) == [0] * len(builds)


@pytest.mark.parametrize("memory", ["fast", "least"])
@pytest.mark.parametrize("network", ["pico", "int8"])
def test_a_damaged_weight_names_its_layer(
    network: str, memory: Any, fixtures: Path, tool: Tool, tmp_path: Path
) -> None:
    """One bit is turned in the program's file, wherever the compiler has put the weights."""
    built = with_selftest(graphs(fixtures)[network], memory=memory)
    # A kernel of its own for each layer would have some weights in its instructions.
    assert results([built], tmp_path, tool("gcc"), ("-O1", "-DMNC_SMALL")) == [0]
    image = (tmp_path / "program").read_bytes()
    harmed: set[int] = set()
    steps = built.emission.program.steps
    for number, step in enumerate(steps, 1):
        for constant in step.constants.values():
            stored = constant.array.tobytes()
            if constant.array.size < 8 or image.count(stored) != 1:
                continue
            damaged = bytearray(image)
            damaged[image.index(stored) + len(stored) // 2] ^= 1
            (tmp_path / "program").write_bytes(damaged)
            assert checked_run([str(tmp_path / "program")], tmp_path).split() == [str(-number)]
            harmed.add(number)
    weighted = {number for number, step in enumerate(steps, 1) if isinstance(step.node.layer, Linear)}
    assert harmed >= weighted and len(weighted) > 5


@pytest.mark.parametrize("options", [{"memory": "fast"}, {"memory": "least"}, {"feed": "rows"}], ids=str)
@pytest.mark.parametrize("network", ["pico", "int8"])
def test_a_wrong_output_names_its_layer(
    network: str, options: dict[str, Any], fixtures: Path, tool: Tool, tmp_path: Path
) -> None:
    """One element of one layer is a little off, and what is computed of it as well."""
    built = with_selftest(graphs(fixtures)[network], **options)
    source = built.files["net.c"]
    for number, step in enumerate(built.emission.program.steps):
        pattern = rf"(MNC_LAYER void net_{number:02d}_\w+\([^)]*\)\n\{{.*?\n)\}}"
        change = "out[0] = (int8_t)(out[0] ^ 1);" if network == "int8" else "out[0] += 0.5f;"
        changed, count = re.subn(pattern, rf"\1{change}\n}}", source, count=1, flags=re.DOTALL)
        assert count == 1
        harmed = Build(built.name, built.graph, built.emission, built.report, built.prepared, built.request)
        files = {**built.files, "net.c": changed}
        main = f'#include <stdio.h>\n#include "net.h"\nint main(void)\n{calling(harmed, "net")}'
        program = build(tmp_path, tool("gcc"), ("-O0",), files, {"main.c": main.replace("}\n", "return 0;\n}\n")})
        assert checked_run([str(program)], tmp_path).split() == [str(number + 1)], step.node.name


CPP = """
#include <cstdio>
#include "Net.h"
static Net net;
static {type} input[Net::numInputs];
int main()
{{
    std::printf("%d\\n", net.selftest({argument}));
    net.predict({run});
    std::printf("%d\\n", net.selftest({argument}));
}}
"""


@pytest.mark.parametrize("options", [{"memory": "fast"}, {"memory": "least"}, {"input": "owned"}, {"feed": "rows"}])
@pytest.mark.parametrize("network", ["pico", "int8"])
def test_the_class_has_it_too(
    network: str, options: dict[str, Any], fixtures: Path, tool: Tool, tmp_path: Path
) -> None:
    built = with_selftest(graphs(fixtures)[network], "cpp", "Net", **options)
    argument = "input" if built.emission.program.feed == "caller" else ""
    main = CPP.format(type=built.graph.inputs[0].type.dtype.c, argument=argument, run="input")
    write({**built.files, "main.cpp": main}, tmp_path)
    flags = ("-std=c++11", *WARNINGS, "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    checked_run([tool("g++"), *flags, "main.cpp", "-o", "program", "-lm"], tmp_path)
    assert checked_run(["./program"], tmp_path).split() == ["0", "0"]


WRAPPER = """
#include "net.h"
typedef struct {{ net_t net; {type} input[NET_INPUT_SIZE]; {out} output[NET_OUTPUT_SIZE]; }} outer_t;
void outer_init(outer_t *net);
void outer_run(outer_t *net, const float *input, float *output);
"""
WRAPPED = """
#include "outer.h"
void outer_init(outer_t *net) { net_init(&net->net); }
void outer_run(outer_t *net, const float *input, float *output)
{
    output[0] = input[0] + (float)net_selftest(&net->net, net->input, net->output);
}
"""


@pytest.mark.parametrize(
    ("target", "programs"),
    [
        ("cortex-m4", ("arm-none-eabi-gcc", "qemu-system-arm")),
        ("cortex-m0plus", ("arm-none-eabi-gcc", "qemu-system-arm")),
        ("rv32imc", ("riscv64-unknown-elf-gcc", "qemu-system-riscv32")),
        ("avr", ("avr-gcc", "simavr")),
    ],
)
@pytest.mark.parametrize("network", ["float", "int8"])
def test_it_passes_in_emulators_and_finds_damage_there(
    network: str, target: str, programs: Sequence[str], fixtures: Path, tool: Tool
) -> None:
    for program in programs:
        tool(program)
    graph = small() if network == "float" or target == "avr" else mnc.load(fixtures / "pico.int8.tflite")
    machine = targets.get(target)
    settings = {**TESTED, "profile": "1", "step": "300"} if target in ("cortex-m4", "avr") else TESTED
    if network == "int8" and target == "avr":
        built = mnc.compile(graph, name="net", settings=settings, quantize="int8", calibration=random_inputs(graph)[0])
    else:
        built = mnc.compile(graph, name="net", target=target, settings=settings)

    def result(files: Mapping[str, str]) -> float:
        if target == "avr":  # whose timers are the user's
            files = {**files, "net.c": f"#define MNC_READ_TICKS(now) ((now) = 0U)\n{files['net.c']}"}
        wrapped = WRAPPED
        if "step" in settings:  # a run in slices is not at its end when the test begins
            wrapped = wrapped.replace(
                "{\n    output[0]", "{\n    (void)net_step(&net->net, net->input, net->output);\n    output[0]"
            )
            assert "net_step" in wrapped
        types = [built.graph.inputs[0].type, built.graph.types[built.graph.outputs[0]]]
        head = WRAPPER.format(type=types[0].dtype.c, out=types[1].dtype.c)
        files = {**files, "outer.h": head, "outer.c": wrapped}
        interface = Interface("outer", (TensorType((1,)),), (TensorType((1,)),))
        (got,) = targets.run(machine, files, interface, [np.zeros((1, 1), np.float32)], Options())
        return float(got[0, 0])

    assert result(built.files) == 0
    weights = re.search(r"net_00_\w+_(?:weights|records)\[\d+\] MNC_FLASH = \{\s*-?[\d.]+", built.files["net.c"])
    assert weights is not None
    text = built.files["net.c"].replace(
        weights[0], re.sub(r"-?[\d.]+$", "3" if network == "int8" else "3.0", weights[0])
    )
    assert result({**built.files, "net.c": text}) == -1


def test_the_noise_is_that_of_the_kernels(tool: Tool, tmp_path: Path) -> None:
    """Both are written from the definition; the sums above compare what networks make of it, this the numbers."""
    values, seed = noise(TensorType((5,)), 1)
    numbers = []
    state = 1
    for _ in range(5):
        for shift in (13, -17, 5):
            state ^= (state << shift if shift > 0 else state >> -shift) & 0xFFFFFFFF
        numbers.append(state)
    assert seed == numbers[-1]
    assert values.ravel().tolist() == [(number >> 8) / 2**24 for number in numbers]


def test_a_network_without_finite_numbers_is_refused() -> None:
    huge = chain((4,), big=Dense(Constant(np.full((4, 4), 3e38, np.float32)), Constant(np.zeros(4, np.float32))))
    with pytest.raises(CompileError, match="no finite number"):
        with_selftest(huge)


def test_integers_have_checksums_and_floats_sums(fixtures: Path) -> None:
    exact = golden(with_selftest(mnc.load(fixtures / "pico.int8.tflite")).emission.program).outputs
    assert all(isinstance(each, int) for each in exact)
    real = golden(with_selftest(small()).emission.program).outputs
    assert not any(isinstance(each, int) for each in real)


def test_it_takes_no_ram_and_is_not_there_unasked() -> None:
    plain, with_it = mnc.compile(small(), name="net"), with_selftest(small())
    assert with_it.report.ram == plain.report.ram
    assert "selftest" not in "".join(plain.files.values())
    assert "crc" not in "".join(plain.files.values())
