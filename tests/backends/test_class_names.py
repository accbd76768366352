"""Names of classes in headers and reports, and the functions that find the largest outputs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
from networks import chain

import mnc
from mnc.backends.class_names import string
from mnc.cli import run
from mnc.errors import CompileError
from mnc.frontends import read
from mnc.ir.class_names import named
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense
from mnc.ir.types import Constant
from mnc.quantise.pipeline import Scheme

FLAGS = ["-std=c89", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2"]
HOSTILE = ('a"b', "c\\d", "??/", "*/ x /*", "ü€", "hot dog, raw", "% s", "{}", "0", "x" * 100)

C = """
#include <stdio.h>
#include "net.h"
int main(void)
{
    static const char *const names[] = NET_CLASSES;
    TYPE x[NET_OUTPUT_SIZE];
    int classes[NET_OUTPUT_SIZE], i, k, value;
    while (scanf("%d", &k) == 1) {
        for (i = 0; i < NET_OUTPUT_SIZE; ++i) {
            if (scanf("%d", &value) != 1)
                return 1;
            x[i] = (TYPE)value;
        }
        net_top(x, k, classes);
        printf("%d", net_argmax(x));
        for (i = 0; i < k; ++i)
            printf(" %d", classes[i]);
        printf("\\n");
    }
    for (i = 0; i < NET_CLASS_COUNT; ++i)
        printf("%s\\n", names[i]);
    return 0;
}
"""
CPP = """
#include <cstdio>
#include "Net.h"
int main()
{
    Net net;
    const float x[] = {1.0f, 2.0f};
    int first[3];
    const uint16_t label = net.predict(x);
    net.top(3, first);
    std::printf("%d %d %d %d\\n", label, first[0], first[1], first[2]);
    for (int i = 0; i < Net::numOutputs; ++i)
        std::printf("%s\\n", Net::kClasses[i]);
    return 0;
}
"""


def network(outputs: int = 10) -> Graph:
    rng = np.random.default_rng(3)
    return chain((2,), dense=Dense(Constant(rng.normal(size=(2, outputs)))))


def printed(folder: Path, program: str, compiler: list[str], given: str = "") -> list[str]:
    """The text that a program prints, built in `folder` with warnings as errors and sanitizers."""
    (folder / f"main.{'cpp' if 'c++' in compiler[0] or 'g++' in compiler[0] else 'c'}").write_text(program)
    sources = [str(path) for path in sorted(folder.iterdir()) if path.suffix in (".c", ".cpp")]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([*compiler, *sanitizers, *sources, "-o", folder / "main", "-lm"], check=True)
    done = subprocess.run([folder / "main"], input=given.encode(), capture_output=True, check=True, timeout=60)
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize("type_", ["float", "int8_t", "int16_t", "uint8_t"])
def test_c_finds_the_largest_and_names_them(type_: str, tmp_path: Path) -> None:
    graph = named(network(), HOSTILE)
    rng = np.random.default_rng(5)
    made = [rng.normal(size=(30, 2)).astype(np.float32)]
    scheme = {
        "float": None,
        "int8_t": Scheme(made),
        "int16_t": Scheme(made, quantize="int16x8"),
        "uint8_t": Scheme(made, io="uint8"),
    }[type_]
    build = mnc.compile(graph, name="net", scheme=scheme, settings={"top": "1"})
    build.write(tmp_path)
    outputs = rng.integers(0, 256, (40, 10)) if type_ == "uint8_t" else rng.integers(-5, 6, (40, 10))
    counts = [*range(11), *rng.integers(0, 11, 29).tolist()]
    given = "\n".join(f"{k} {' '.join(map(str, x))}" for k, x in zip(counts, outputs.tolist(), strict=True))
    lines = printed(tmp_path, C.replace("TYPE", type_), ["gcc", *FLAGS], given)
    for k, x, line in zip(counts, outputs, lines, strict=False):
        order = np.argsort(-x, kind="stable").tolist()
        assert list(map(int, line.split())) == [order[0], *order[:k]]
    assert lines[len(counts) :] == list(HOSTILE)
    assert build.report.classes == HOSTILE


def test_numbers_that_are_none_keep_every_index_inside(tmp_path: Path) -> None:
    mnc.compile(named(network(), HOSTILE), name="net", settings={"top": "1"}).write(tmp_path)
    nan = C.replace("(TYPE)value;", "(value == 1 ? zero / zero : (float)value);").replace("TYPE x[", "float x[")
    nan = nan.replace("int classes[", "float zero = 0.0f;\n    int classes[")
    lines = printed(tmp_path, nan, ["gcc", *FLAGS], "10 1 1 1 1 1 1 1 1 1 1\n10 0 1 2 1 4 1 6 1 8 1")
    for line in lines[:2]:
        assert sorted(map(int, line.split()[1:])) == list(range(10))


def test_cpp_has_them_as_members(tmp_path: Path) -> None:
    graph = named(network(), HOSTILE)
    mnc.compile(graph, "cpp", "Net", settings={"top": "1"}).write(tmp_path)
    lines = printed(tmp_path, CPP, ["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror"])
    order = np.argsort(-graph.predict(np.array([[1.0, 2.0]], np.float32))[0]).tolist()
    assert list(map(int, lines[0].split())) == [order[0], *order[:3]]
    assert lines[1:] == list(HOSTILE)


@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_without_being_asked_nothing_is_there(backend: str) -> None:
    text = "".join(mnc.compile(network(), backend, "Net").files.values())
    assert not any(word in text for word in ("CLASS_COUNT", "kClasses", "argmax", "mnc_top"))


def test_two_names_are_those_of_a_sigmoid() -> None:
    header = mnc.compile(named(network(1), ("cat", "dog")), name="net").files["net.h"]
    assert '{"cat", "dog"}' in header
    assert "of 0 and 1 of output" in header


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("cat", "dog"), "there are 2 names, and the network gives 10 elements"),
        (("a", "a"), "two classes are called 'a'"),
        (("a", ""), "name 1 has 0 characters"),
        (("a", "b\x1b[31m"), "control character"),
        (("a", "b" * 101), "name 1 has 101 characters"),
    ],
)
def test_names_that_do_not_fit_are_refused(names: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CompileError, match=reason):
        named(network(), names)


def test_a_name_is_spelled_in_harmless_characters() -> None:
    assert string('a"?ü') == '"a\\042\\077\\303\\274"'


def test_the_command_line_takes_names_or_a_file(
    fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(fixtures / "pico.keras3.h5")
    names = [f"class {i}" for i in range(10)]
    (tmp_path / "names.txt").write_text("\n".join(names) + "\n")
    for given in (",".join(names), str(tmp_path / "names.txt")):
        assert run(["compile", model, "--classes", given, "-o", str(tmp_path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["classes"] == names
    assert run(["compile", model, "--classes", "cat,dog", "-o", str(tmp_path / "no")]) == 1
    assert "error: --classes: there are 2 names" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_trained_file_brings_its_names(fixtures: Path, tmp_path: Path) -> None:
    for lines, expected, notes in (
        ("\n".join("abcdefghij"), tuple("abcdefghij"), 0),
        ("cat\ndog", (), 1),
    ):
        path = tmp_path / "pico.h5"
        shutil.copy(fixtures / "pico.keras3.h5", path)
        with h5py.File(path, "r+") as file:
            file.attrs["mnc_classes"] = lines
        reading = read(path)
        assert reading.graph is not None
        assert reading.graph.classes == expected
        assert len(reading.notes) == notes
