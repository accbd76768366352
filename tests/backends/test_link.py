"""Several networks in one unit (`mnc link`): the bits of separate builds, in less flash and RAM."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, WARNINGS, Tool, build, checked_run, write
from hypothesis import given
from hypothesis import strategies as st
from networks import chain

import mnc
from mnc.backends.linking import Pair, shared_arenas
from mnc.cli import run
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph
from mnc.ir.layers import Conv2D, Dense, Flatten
from mnc.ir.types import Constant


def keyword() -> Graph:
    """A network on windows of frames, which keeps the rows between them when it is fed frames."""
    rng = np.random.default_rng(5)

    def constant(*shape: int) -> Constant:
        return Constant((rng.normal(size=shape) / np.prod(shape[:-1]) ** 0.5).astype(np.float32))

    return chain(
        (9, 4, 1),
        conv=Conv2D(constant(3, 3, 1, 4), constant(4), activation=Relu()),
        other=Conv2D(constant(3, 1, 4, 2), constant(2)),
        flat=Flatten(),
        dense=Dense(constant(20, 3), constant(3)),
    )


@pytest.fixture(scope="module")
def builds(fixtures: Path) -> dict[str, Build]:
    return {
        "real": mnc.compile(mnc.load(fixtures / "pico.keras3.h5"), name="real"),
        "whole": mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), name="whole", memory="least"),
        "frames": mnc.compile(keyword(), name="frames", feed="frames"),
    }


HEAD = """\
#include <stdint.h>
#include <stdio.h>
#include <string.h>
static unsigned seed = 1;
static void fill(void *p, size_t size)
{
    unsigned char *bytes = (unsigned char *)p;
    while (size-- > 0)
        *bytes++ = (unsigned char)((seed = seed * 1103515245u + 12345u) >> 16);
}
static void reals(float *p, size_t size)
{
    while (size-- > 0)
        *p++ = (float)((seed = seed * 1103515245u + 12345u) >> 16 & 0xFF) / 256.0f;
}
static void show(const void *p, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)p;
    while (size-- > 0)
        printf("%02x", *bytes++);
    putchar('\\n');
}
static float x0[9216], y0[10], frame[4], y2[3];
static int8_t x1[9216], y1[10];
"""
BODY = """
int main(void)
{{
    int i;
    memset(MEMORY, 0xFF, sizeof MEMORY);
    printf("%d\\n", (int)(sizeof MEMORY == SIZE));
    {init}
    for (i = 0; i < 14; ++i) {{
        reals(x0, i % 7 == 0 ? 9216 : 0);
        fill(x1, i % 5 == 0 ? sizeof x1 : 0);
        reals(frame, 4);
        if (i % 7 == 0) {{
            {real}_run({0}, x0, y0);
            show(y0, sizeof y0);
        }}
        if (i % 5 == 0) {{
            {whole}_run({1}, x1, y1);
            show(y1, sizeof y1);
        }}
        printf("%d\\n", {frames}_push({2}, frame, y2));
        if (i > 8)
            show(y2, sizeof y2);
    }}
    return 0;
}}
"""


def outputs(files: Mapping[str, str], main: str, folder: Path, tool: Tool) -> str:
    program = build(folder, tool("gcc"), (*STRICT, *SANITIZED), files, {"main.c": main})
    return checked_run([str(program)], folder)


def apart(builds: Mapping[str, Build], folder: Path, tool: Tool) -> str:
    """Outputs of the networks in one program, each of them in its own files and memory."""
    heads = "".join(f'#include "{name}.h"\n' for name in builds)
    members = "".join(f"{name}_t {name};" for name in builds)
    memory = f"struct {{{members}}} all[1];\n#define MEMORY all\n#define SIZE sizeof all\n"
    init = " ".join(f"{name}_init(&all->{name});" for name in builds)
    names = {name: name for name in builds}
    body = BODY.format(*(f"&all->{name}" for name in builds), init=init, **names)
    files = {file: text for each in builds.values() for file, text in each.files.items()}
    return outputs(files, HEAD + heads + memory + body, folder, tool)


@pytest.fixture(scope="module")
def separate(builds: dict[str, Build], tmp_path_factory: pytest.TempPathFactory, tool: Tool) -> str:
    """Outputs of the networks when they are built apart."""
    return apart(builds, tmp_path_factory.mktemp("apart"), tool)


def linked(files: Mapping[str, str], builds: Mapping[str, Build], folder: Path, tool: Tool) -> str:
    names = {name: f"brain_{name}" for name in builds}
    body = BODY.format(*["net"] * 3, init="brain_init(net);", **names)
    head = '#include "brain.h"\nstatic brain_t net[1];\n#define MEMORY net\n#define SIZE BRAIN_RAM_SIZE\n'
    return outputs(files, HEAD + head + body, folder, tool)


@pytest.mark.parametrize("together", [[], [("real", "whole")], [("real", "whole", "frames")]], ids=str)
def test_the_outputs_are_those_of_separate_builds(
    together: list[tuple[str, ...]], builds: dict[str, Build], separate: str, tool: Tool, tmp_path: Path
) -> None:
    """Runs of all take turns, so that each finds what the others left; states last, and the struct is as planned."""
    unit = mnc.link(builds, "brain", together)
    assert linked(unit.files, builds, tmp_path, tool) == separate
    arenas = {name: each.report.ram.arena for name, each in builds.items()}
    kept = builds["frames"].report.ram.total - arenas["frames"]
    biggest = {0: max(arenas.values()), 2: arenas["real"] + arenas["whole"], 3: sum(arenas.values())}
    expected = biggest[len(together[0]) if together else 0] + kept
    assert 0 <= unit.unity.ram - expected < 12  # arenas are filled up to the unit of the struct


def test_networks_that_run_together_do_not_disturb_each_other(fixtures: Path, tool: Tool, tmp_path: Path) -> None:
    """One network runs between the rows of another: the rows that are there must survive it."""
    pico = mnc.load(fixtures / "pico.keras3.h5")
    builds = {"rows": mnc.compile(pico, name="rows", feed="rows"), "other": mnc.compile(pico, name="other")}
    unit = mnc.link(builds, "brain", [("rows", "other")])
    main = """
        #include <string.h>
        #include "brain.h"
        static brain_t net;
        static float x[BRAIN_ROWS_INPUT_SIZE], y[10], want[10], z[10];
        int main(void)
        {
            int i;
            for (i = 0; i < BRAIN_ROWS_INPUT_SIZE; ++i)
                x[i] = (float)(i * 7919L % 256) / 256.0f;
            brain_init(&net);
            brain_rows_run(&net, x, want);
            for (i = 0; i < 96; ++i) {
                brain_rows_push_row(&net, x + i * 96, y);
                if (i % 16 == 5)
                    brain_other_run(&net, x, z);
            }
            return memcmp(y, want, sizeof y) != 0;
        }
    """
    outputs(unit.files, main, tmp_path, tool)
    apart_ = mnc.link(builds, "brain")
    assert len(apart_.unity.arenas) == 1
    with pytest.raises(AssertionError, match="status 1"):  # the test can fail: without `together` it does
        outputs(apart_.files, main, tmp_path / "shared", tool)


def test_equal_constants_and_kernels_are_there_once(fixtures: Path, tool: Tool, tmp_path: Path) -> None:
    size, gcc = tool("arm-none-eabi-size"), tool("arm-none-eabi-gcc")
    pico = mnc.load(fixtures / "pico.keras3.h5")
    builds = {name: mnc.compile(pico, name=name) for name in ("one", "two")}
    unit = mnc.link(builds, "brain")
    assert unit.unity.constants == builds["one"].report.flash.total_constants
    write({**unit.files, **{f: t for each in builds.values() for f, t in each.files.items()}}, tmp_path)
    flash = {}
    for name in ("brain", "one", "two"):
        flags = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-O2", "-w"]
        checked_run([gcc, *flags, "-c", f"{name}.c"], tmp_path)
        flash[name] = int(checked_run([size, f"{name}.o"], tmp_path).splitlines()[1].split()[0])
    assert flash["brain"] < flash["one"] + flash["two"] - unit.unity.constants // 2
    source = unit.files["brain.c"]
    assert all(source.count(f"MNC_KERNEL void {kernel}(") <= 1 for kernel in builds["one"].emission.program.kernels)


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 5), min_size=1),
    st.sets(st.sampled_from([frozenset(pair) for pair in combinations("abcdefgh", 2)])),
)
def test_what_runs_together_lies_apart(sizes: dict[str, int], together: set[Pair]) -> None:
    places = shared_arenas(sizes, together)
    assert sorted(name for place in places for name in place) == sorted(name for name, size in sizes.items() if size)
    assert not any(frozenset(pair) in together for place in places for pair in combinations(place, 2))
    taken = sum(max(sizes[name] for name in place) for place in places)
    assert max(sizes.values()) <= taken <= sum(sizes.values())
    if not together:
        assert taken == max(sizes.values())


@pytest.mark.parametrize(
    "line",
    [
        "g++ -x c++ -std=c++11",
        "clang -std=c89",
        "arm-none-eabi-gcc -std=c89 -mcpu=cortex-m4 -mthumb",
        "avr-gcc -std=c99 -Os -mmcu=atmega1284p",
    ],
)
def test_no_warning(line: str, builds: dict[str, Build], tool: Tool, tmp_path: Path) -> None:
    files = mnc.link(builds, "brain", [("whole", "frames")]).files
    assert max(len(each) for text in files.values() for each in text.splitlines()) <= 100
    write(files, tmp_path)
    program, *flags = line.split()
    checked_run([tool(program), *flags, *WARNINGS, "-c", "brain.c"], tmp_path)


def test_options_of_the_code_stay_with_their_network(fixtures: Path, tool: Tool, tmp_path: Path) -> None:
    """One network has a test and is fed by rows, the other has a profile and functions of the largest outputs."""
    given_ = ["-X selftest=1 --feed rows", "-X profile=1 -X top=1"]
    models = [f"a={fixtures / 'pico.int8.tflite'}", f"b={fixtures / 'pico.keras3.h5'}"]
    own = ["--for", "a", given_[0], "--for", "b", given_[1]]
    assert run(["link", *models, "--name", "brain", *own, "-o", str(tmp_path)]) == 0
    main = """
        #include "brain.h"
        static brain_t net;
        static float x[BRAIN_B_INPUT_SIZE], y[10];
        static int8_t z[10];
        int main(void)
        {
            char line[BRAIN_B_PROFILE_LINE];
            brain_init(&net);
            brain_b_run(&net, x, y);
            brain_b_profile(&net, 0, line);
            return brain_a_selftest(&net, z) + (brain_b_argmax(y) < 0);
        }
    """
    outputs({f: (tmp_path / f).read_text("ascii") for f in ("brain.h", "brain.c")}, main, tmp_path / "build", tool)


def test_json_has_the_unit_beside_each_network(
    fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [str(fixtures / "pico.int8.tflite"), f"again={fixtures / 'pico.int8.tflite'}"]
    arguments = ["link", *models, "--name", "brain", "--together", "pico_int8,again", "-o", str(tmp_path), "--json"]
    assert run(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    alone = found["networks"]["again"]
    assert found["networks"].keys() == {"pico_int8", "again"}
    assert found["files"] == ["brain.h", "brain.c"]
    assert found["ram"] == {"total": 2 * alone["ram"]["total"], "apart": 2 * alone["ram"]["total"]}
    assert found["flash"]["total_constants"] == alone["flash"]["total_constants"]
    assert found["arenas"] == [["pico_int8"], ["again"]]


@pytest.mark.parametrize(
    ("arguments", "what", "status"),
    [
        (["--together", "a,c"], "there is no network 'c'", 1),
        (["--together", "a,a"], "names two or more networks", 1),
        (["--for", "c", "--memory least"], "there is no network 'c'", 2),
        (["--for", "a", "--memory most"], "'most'", 2),
        (["--backend", "cpp"], "makes code that is not linked", 1),
        (["--region", "dtcm=64K"], "linked networks share one", 1),
        (["--max-ram", "100"], "bytes of RAM, and 100 are allowed", 1),
        (["--max-flash", "1K"], "bytes of constants, and 1,024 are allowed", 1),
        (["--name", "int"], "'int' is not a name", 1),
    ],
)
def test_what_does_not_fit_is_refused(
    arguments: list[str], what: str, status: int, fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [f"{name}={fixtures / 'pico.int8.tflite'}" for name in ("a", "b")]
    assert run(["link", *models, "--name", "brain", "-o", str(tmp_path), *arguments]) == status
    assert what in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_names_that_collide_are_refused(fixtures: Path) -> None:
    built = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), name="a")
    for names in (["a", "A"], ["a"], ["a", "shared_0"], ["a", "while"]):
        with pytest.raises(CompileError):
            mnc.link(dict.fromkeys(names, built), "brain")


def test_two_links_give_the_same_bytes(fixtures: Path, tmp_path: Path) -> None:
    models = [f"{name}={fixtures / 'pico.int8.tflite'}" for name in ("a", "b")]
    for folder in ("one", "two"):
        assert run(["link", *models, "--name", "brain", "-o", str(tmp_path / folder)]) == 0
    done = subprocess.run(["diff", "-r", "one", "two"], cwd=tmp_path, check=False, capture_output=True)
    assert done.stdout == b""
