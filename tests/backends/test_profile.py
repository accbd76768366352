"""Time by layers (`-X profile=1`): hooks round each layer, counters that each core has, and the table."""

from __future__ import annotations

import itertools
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import WARNINGS, Tool, build, checked_run, write
from networks import chain, folding, samples
from quantised_networks import steady_network

import mnc
from mnc import targets
from mnc.backends.interface import Emission
from mnc.backends.storage import Storage
from mnc.compiler import Build, prepare
from mnc.ir.graph import Graph
from mnc.ir.layers import Conv2D, Dense, Flatten, MaxPooling2D
from mnc.ir.types import Array, Constant, TensorType
from mnc.program import INPUT, firings
from mnc.targets import Interface, Options, layer_instructions

PROFILED = {"profile": "1"}
HOOKS = """
#include <stdint.h>
#ifdef __cplusplus
extern "C"
#endif
void hook(int after, int layer);
extern uint32_t now;
#define MNC_READ_TICKS(moment) ((moment) = now)
#define MNC_BEFORE_LAYER(layer, began) (hook(0, layer), MNC_READ_TICKS(began))
#define MNC_AFTER_LAYER(layer, began, ticks) (hook(1, layer), mnc_add_ticks(&(ticks)[layer], began))
"""
C = """
#include <stdio.h>
#include "hooks.h"
#include "net.h"
uint32_t now = 0xFFFFFFF0UL; /* wraps in the first run */
void hook(int after, int layer)
{
    printf("%d %d\\n", after, layer);
    now += after ? 10 + (uint32_t)layer : 100;
}
int main(void)
{
    static net_t net;
    static TYPE x[NET_INPUT_SIZE], y[NET_OUTPUT_SIZE];
    char line[NET_PROFILE_LINE];
    int i;
    net_init(&net);
    net_run(&net, x, y);
    puts("again");
    net_run(&net, x, y);
    for (i = 0; i <= NET_LAYERS; ++i) {
        net_profile(&net, i, line);
        puts(line);
    }
    return 0;
}
"""
CPP = """
#include <cstdio>
#include "hooks.h"
#include "Net.h"
uint32_t now = 0xFFFFFFF0UL;
void hook(int after, int layer)
{
    std::printf("%d %d\\n", after, layer);
    now += after ? 10 + static_cast<uint32_t>(layer) : 100;
}
static Net net;
static TYPE x[Net::numInputs];
int main()
{
    char line[Net::kProfileLine];
    net.predict(x);
    std::puts("again");
    net.predict(x);
    for (int i = 0; i <= Net::kLayers; ++i) {
        net.profile(i, line);
        std::puts(line);
    }
}
"""


def small() -> Graph:
    """A float network of a few thousand cycles a layer on an AVR, whose convolution and pooling make rows in turns."""
    rng = np.random.default_rng(3)

    def constant(*shape: int) -> Constant:
        return Constant(rng.normal(size=shape).astype(np.float32))

    return chain(
        (6, 4, 1),
        conv=Conv2D(constant(3, 3, 1, 2), constant(2)),
        pool=MaxPooling2D((2, 2), (2, 2)),
        flat=Flatten(),
        logits=Dense(constant(4, 3), constant(3)),
    )


def printed(files: Mapping[str, str], type_: str, language: str, folder: Path, tool: Tool) -> list[str]:
    """The text of a program that runs a network twice with hooks that tell of themselves."""
    program, compiler = (C, ("gcc", "-std=c89")) if language == "c" else (CPP, ("g++", "-std=c++11"))
    main = {f"main.{language}": program.replace("TYPE", type_), "hooks.h": HOOKS}
    write({**files, **main}, folder)
    sources = [name for name in (*files, *main) if name.endswith(f".{language}")]
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-include", "hooks.h")
    checked_run([tool(compiler[0]), *compiler[1:], *WARNINGS, *flags, *sources, "-o", "program", "-lm"], folder)
    return checked_run(["./program"], folder).splitlines()


WAYS: tuple[dict[str, Any], ...] = ({"memory": "fast"}, {"memory": "least"}, {"memory": "least", "feed": "rows"})


@pytest.mark.parametrize("language", ["c", "cpp"])
@pytest.mark.parametrize(
    ("network", "options"),
    [*itertools.product(("float", "int8"), WAYS), ("float", {"feed": "frames"})],
    ids=str,
)
def test_each_layer_or_row_is_between_hooks(
    network: str, options: dict[str, Any], language: str, fixtures: Path, tool: Tool, tmp_path: Path
) -> None:
    graph = small() if network == "float" else mnc.load(fixtures / "pico.int8.tflite")
    backend, name = ("c", "net") if language == "c" else ("cpp", "Net")
    build = mnc.compile(graph, backend, name, settings=PROFILED, **options)
    lines = printed(build.files, build.graph.inputs[0].type.dtype.c, language, tmp_path, tool)
    emission = build.emission
    order = [layer for layer, _ in _iterations(emission)]
    again = lines.index("again")
    hooks = [[int(word) for word in line.split()] for line in lines[:again]]
    assert hooks == [[after, layer] for layer in order for after in (0, 1)]
    assert lines[again + 1 : 2 * again + 1] == lines[:again]
    # `now` moves by 100 in front of a layer's moment of beginning, and by 10 + its number before its end is read.
    counts = Counter(order)
    ticks = [counts[i] * (10 + i) for i in range(len(emission.program.steps))]
    names = [step.node.name for step in emission.program.steps]
    table = [line.split() for line in lines[2 * again + 1 :]]
    assert [row[0].removeprefix("..") for row in table[:-1]] == [
        each if len(each) <= 28 else each[-26:] for each in names
    ]
    assert [int(row[1]) for row in table[:-1]] == ticks
    assert table[-1] == ["all", "layers", str(sum(ticks)), "100.0%"]
    for row, share in zip(table, ticks, strict=False):
        assert abs(float(row[2].removesuffix("%")) - 100 * share / sum(ticks)) <= 0.0501


def _iterations(emission: Emission) -> list[tuple[int, int]]:
    """The layers, or rows of layers, that a run computes, in their order."""
    found = []
    for stage in emission.plan.stages:
        if stage.interleaved:
            found += [each for each in firings(emission.program.steps, stage, emission.program.fed) if each[0] != INPUT]
        else:
            found.append((stage.first, 0))
    return found


def test_ticks_of_billions_keep_their_share(tool: Tool, tmp_path: Path) -> None:
    build_ = mnc.compile(small(), name="net", settings=PROFILED)
    jumps = C.replace("10 + (uint32_t)layer", "layer == 0 ? 2000000000UL : 1000000000UL")
    layers = len(build_.emission.program.steps)
    assert layers == 3
    program = build(
        tmp_path,
        tool("gcc"),
        ("-std=c89", "-include", "hooks.h"),
        build_.files,
        {"main.c": jumps.replace("TYPE", "float"), "hooks.h": HOOKS},
    )
    table = checked_run([str(program)], tmp_path).splitlines()[-4:]
    assert [line.split()[-2:] for line in table] == [
        ["2000000000", "50.0%"],
        ["1000000000", "25.0%"],
        ["1000000000", "25.0%"],
        ["4000000000", "100.0%"],
    ]


WRAPPER = """
#include "{inner}.h"
typedef struct {{ {inner}_t net; {type} output[{outputs}]; }} timed_t;
void timed_init(timed_t *net);
void timed_run(timed_t *net, const {type} *input, float *output);
"""
WRAPPED = """
#include "timed.h"
void timed_init(timed_t *net) {{ {inner}_init(&net->net); }}
void timed_run(timed_t *net, const {type} *input, float *output)
{{
    int i;
    {inner}_run(&net->net, input, net->output);
    for (i = 0; i < {upper}_LAYERS; ++i)
        output[i] = (float)net->net.ticks[i];
}}
"""


def ticks_on(target: targets.Target, build: Build, inputs: Sequence[Array], flags: tuple[str, ...] = ()) -> Array:
    """The ticks of each layer, (samples, layers), that the code itself counts on a target."""
    graph = build.graph
    values = {
        "inner": build.name,
        "upper": build.name.upper(),
        "type": graph.inputs[0].type.dtype.c,
        "outputs": graph.types[graph.outputs[0]].elements,
    }
    files = {**build.files, "timed.h": WRAPPER.format(**values), "timed.c": WRAPPED.format(**values)}
    layers = len(build.emission.program.steps)
    interface = Interface("timed", (graph.inputs[0].type,), (TensorType((layers,)),))
    (ticks,) = targets.run(target, files, interface, inputs, Options(flags=flags))
    return ticks


@pytest.mark.parametrize(
    ("target", "programs", "flags", "overhead"),
    [
        ("rv32imc", ("riscv64-unknown-elf-gcc", "qemu-system-riscv32"), (), 24),
        ("avr", ("avr-gcc", "simavr"), ("-DMNC_TIMER=TCNT1",), 160),
    ],
)
@pytest.mark.parametrize("memory", ["fast", "least"])
def test_what_a_core_counts_is_what_its_emulator_counts(
    memory: Any, target: str, programs: Sequence[str], flags: tuple[str, ...], overhead: int, tool: Tool
) -> None:
    for program in programs:
        tool(program)
    graph = small()
    build_ = mnc.compile(graph, name="net", memory=memory, settings=PROFILED)
    xs = samples(build_.graph, 2)
    got = ticks_on(targets.get(target), build_, xs, flags)
    _, program_, chosen = prepare(graph, "c", storage=Storage(memory))
    traced = chosen.emit(program_, "net", trace=True)
    layers = len(traced.program.steps)
    counted = layer_instructions(
        targets.get(target),
        traced.files,
        layers,
        Interface.of_graph(build_.graph, "net"),
        xs,
        events=traced.events,
    )
    turns = Counter(layer for layer, _ in _iterations(traced))
    for mine, theirs in zip(got, counted, strict=True):
        for layer in range(layers):
            assert abs(mine[layer] - theirs[layer]) <= overhead * turns[layer]


@pytest.mark.parametrize(("target", "unlocked"), [("cortex-m3", False), ("cortex-m4", True)])
def test_cortex_m_counts_by_its_debug_unit(target: str, unlocked: bool, tool: Tool, tmp_path: Path) -> None:
    """QEMU has no such unit, but its log tells of every access to one: DWT lies at 0x1000 of the private bus."""
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        tool(program)
    log = tmp_path / "log"
    machine = targets.get(target)
    board = replace(machine.board, arguments=(*machine.board.arguments, "-d", "unimp,guest_errors", "-D", str(log)))
    build_ = mnc.compile(small(), name="net", settings=PROFILED)
    ticks = ticks_on(replace(machine, board=board), build_, samples(build_.graph, 1))
    assert not ticks.any()
    lines = log.read_text().splitlines()
    unit = [f"{line.split()[0]} {line.split()[-1]}" for line in lines if "unassigned area of PPB: offset 0x1" in line]
    control = ["Read 0x1000", "Write 0x1000"]
    of_a_run = [*["Write 0x1fb0"] * unlocked, *control, *["Read 0x1004"] * 2 * ticks.size]
    runs = len(unit) // len(of_a_run)
    assert runs > 0
    assert unit == of_a_run * runs
    assert [line.rpartition("0x")[2] for line in lines if "NVIC: Bad" in line] == ["dfc", "dfc"] * runs


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb", "define MNC_READ_TICKS"),
        ("avr-gcc -mmcu=atmega328p -std=gnu99", "-DMNC_TIMER=TCNT1"),
    ],
)
def test_a_core_without_a_counter_says_what_to_define(line: str, reason: str, tool: Tool, tmp_path: Path) -> None:
    write(mnc.compile(small(), name="net", settings=PROFILED).files, tmp_path)
    program, *flags = line.split()
    command = [tool(program), *flags, "-c", "net.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "#error" in done.stderr
    assert reason in done.stderr
    checked_run([*command, "-DMNC_READ_TICKS(now)=((now)=0)"], tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "gcc -std=c89 -O2",
        "clang -std=c89 -O2",
        "arm-none-eabi-gcc -std=c89 -O2 -mcpu=cortex-m7 -mthumb",
        "arm-none-eabi-gcc -std=c89 -Os -mcpu=cortex-m55 -mthumb -DMNC_SMALL",
        "riscv64-unknown-elf-gcc -std=c89 -O2 -march=rv32imc -mabi=ilp32 --specs=picolibc.specs",
        "avr-gcc -std=c99 -Os -mmcu=atmega328p -DMNC_TIMER=TCNT1",
    ],
)
def test_no_warning(line: str, tool: Tool, tmp_path: Path) -> None:
    for i, graph in enumerate((small(), steady_network())):
        files = mnc.compile(graph, name=f"net{i}", settings=PROFILED, memory="balanced").files
        write(files, tmp_path)
        program, *flags = line.split()
        checked_run([tool(program), *flags, *WARNINGS, "-c", f"net{i}.c"], tmp_path)


@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_without_being_asked_nothing_is_there(backend: str) -> None:
    text = "".join(mnc.compile(small(), backend, "Net").files.values()).lower()
    assert not any(word in text for word in ("tick", "_profile", "mnc_before_layer", "layer_names"))


def test_the_counters_are_in_the_ram_that_is_reported() -> None:
    graph = folding()[0]
    plain, timed = (mnc.compile(graph, name="net", settings=settings) for settings in ({}, PROFILED))
    layers = len(plain.report.layers)
    assert timed.report.ram.total == plain.report.ram.total + 4 * layers
