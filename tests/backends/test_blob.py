"""Constants in a file of their own (`-X weights=binary`): the same bits, and no result by a file that does not fit."""

from __future__ import annotations

import ctypes
import re
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from generated_c import STRICT, WARNINGS, Tool, checked_run, write
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import chain
from test_profile import small

import mnc
from mnc import linked
from mnc.board.firmware import firmware
from mnc.cli import run
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Conv2D, Dense, Flatten
from mnc.ir.types import Array, Constant
from mnc.packages import PACKAGES, first_sample

APART = {"weights": "binary"}
MODELS = ("pico.int8.tflite", "pico.keras2.h5")


def blob(build: Build) -> bytes:
    content = build.emission.blob
    assert content is not None
    return content


@dataclass
class Loaded:
    """A network's code in this process."""

    build: Build
    library: ctypes.CDLL

    def outcome(self, content: bytes, x: Array, *, size: int | None = None, shift: int = 0) -> tuple[int, Array]:
        """The result of handing these weights in, and the output of a run behind it, which began as 7."""
        name, graph = self.build.name, self.build.graph
        net = ctypes.create_string_buffer(b"\xff" * (self.build.report.ram.total + 64))
        room = ctypes.create_string_buffer(content, len(content) + 8 + shift)
        start = ctypes.addressof(room)
        start += -start % 4 + shift
        ctypes.memmove(start, content, len(content))
        given = ctypes.c_size_t(len(content) if size is None else size)
        fault = getattr(self.library, f"{name}_init")(net, ctypes.c_void_p(start), given)
        type_ = graph.types[graph.outputs[0]]
        y = np.full(type_.elements, 7, type_.dtype.numpy)
        getattr(self.library, f"{name}_run")(net, np.ascontiguousarray(x).ctypes.data_as(ctypes.c_void_p), _pointer(y))
        return fault, y


def _pointer(array: Array) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def loaded(build: Build, cc: str, folder: Path) -> Loaded:
    write(build.files, folder)
    sources = [name for name in build.files if name.endswith(".c")]
    checked_run([cc, *STRICT, "-O1", "-fPIC", "-shared", *sources, "-o", "network.so", "-lm"], folder)
    return Loaded(build, ctypes.CDLL(str(folder / "network.so")))


def example(graph: Graph) -> Array:
    type_ = graph.inputs[0].type
    return (np.arange(type_.elements) % 23 - 11).astype(type_.dtype.numpy).reshape(type_.shape)


@pytest.mark.parametrize("model", MODELS)
def test_only_a_whole_file_of_this_code_gives_results(model: str, fixtures: Path, cc: str, tmp_path: Path) -> None:
    graph = mnc.load(fixtures / model)
    build = mnc.compile(graph, name="net", settings=APART)
    code, content, x = loaded(build, cc, tmp_path), blob(build), example(build.graph)
    fault, y = code.outcome(content + b"rest of a partition", x)
    assert fault == 0
    (folder := tmp_path / "plain").mkdir()
    _, expected = loaded(mnc.compile(graph, name="net"), cc, folder).outcome(b"", x)
    np.testing.assert_array_equal(y, expected)
    foreign = blob(mnc.compile(small(), name="net", settings=APART))

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def damaged(data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(content) - 1))
        flipped = bytearray(content)
        flipped[at] ^= data.draw(st.integers(1, 255))
        for wrong, size in (
            (bytes(flipped), None),
            (content[:at], None),
            (content, at),
            (foreign, None),
            (data.draw(st.binary(max_size=64)), None),
            (content[:12] + data.draw(st.binary(min_size=40, max_size=64)), None),
        ):
            fault, y = code.outcome(wrong, x, size=size)
            assert fault in (2, 3, 4, 5)
            assert (y == 7).all()

    damaged()
    assert code.outcome(content, x, shift=1)[0] == 1
    assert code.library.net_init(ctypes.create_string_buffer(9999), None, ctypes.c_size_t(9999)) == 1
    assert code.outcome(foreign, x)[0] == 4


def trained(seed: int) -> Graph:
    rng = np.random.default_rng(seed)

    def constant(*shape: int) -> Constant:
        return Constant(rng.normal(size=shape).astype(np.float32))

    return chain(
        (6, 4, 1), conv=Conv2D(constant(3, 3, 1, 2), constant(2)), flat=Flatten(), y=Dense(constant(16, 3), constant(3))
    )


def test_code_takes_the_weights_of_another_training(cc: str, tmp_path: Path) -> None:
    """As an update over the air brings them."""
    first, second = (mnc.compile(trained(seed), name="net", settings=APART) for seed in (0, 1))
    assert blob(first) != blob(second) and first.files["net.c"] == second.files["net.c"]
    x = example(first.graph)
    fault, y = loaded(first, cc, tmp_path).outcome(blob(second), x)
    assert fault == 0
    (folder := tmp_path / "plain").mkdir()
    _, expected = loaded(mnc.compile(trained(1), name="net"), cc, folder).outcome(b"", x)
    np.testing.assert_array_equal(y, expected)


def test_no_constants_are_in_the_text_and_the_file_says_what_it_is(fixtures: Path, tmp_path: Path) -> None:
    graph = mnc.load(fixtures / "pico.int8.tflite")
    plain = mnc.compile(graph, name="net")
    for backend in ("c", "cpp"):
        build = mnc.compile(graph, backend, "Net", settings=APART)
        assert blob(build) == blob(mnc.compile(graph, backend, "Net", settings=APART))
        text = "".join(build.files.values())
        named = re.findall(r"^(?:static )?const \w+ (?:NetLayers<Unused>::)?(\w+)\[\d+\]", text, re.MULTILINE)
        assert all(name.endswith("_zeros") for name in named)
        assert build.report.flash == replace(plain.report.flash, apart=len(blob(build)))
        rows = sum(step.row_bytes for step in build.emission.program.steps)
        assert 0 <= len(blob(build)) - 36 - (build.report.flash.total_constants - rows) < 4 * 40
        assert zlib.crc32(blob(build)[:-4]) == int.from_bytes(blob(build)[-4:], "little")
        for _ in range(2):  # over files of mnc's own
            build.write(tmp_path)
        assert (tmp_path / "Net.bin").read_bytes() == blob(build)
        assert "Net.bin" in build.report.files


@pytest.mark.parametrize(("backend", "name"), [("c", "net"), ("cpp", "Net")])
def test_every_layer_is_the_references_on_a_core(
    backend: str, name: str, fixtures: Path, qemu_arm: str, tool: Tool
) -> None:
    tool("arm-none-eabi-g++")
    build = mnc.compile(
        mnc.load(fixtures / "pico.int8.tflite"), backend, name, target="cortex-m4", settings={**APART, "step": "2000"}
    )
    assert build.verify(on="cortex-m4").passed


MAIN = """
#include <stdio.h>
#include "net.h"
{declared}
int main(void)
{{
    static net_t net;
    printf("%d\\n", net_init(&net, {start}, {size}));
    return 0;
}}
"""
INCBIN = """
    .section .rodata.net_weights, "a"
    .balign 4
    .global net_weights, net_weights_end
net_weights:
    .incbin "net.bin"
net_weights_end:
    .section .note.GNU-stack, "", %progbits
"""
BOUNDS = ("extern const unsigned char {0}[], {1}[];", "{0}", "(size_t)({1} - {0})")
EMBED = 'alignas(4) static const unsigned char net_weights[] = {\n#embed "net.bin"\n};'
ARRAY = '#include "net_bin.h"'


@pytest.mark.parametrize("way", ["incbin", "objcopy", "xxd", "embed"])
def test_a_file_becomes_part_of_the_program(way: str, tool: Tool, tmp_path: Path) -> None:
    """By the ways of docs/on-the-board.md."""
    build = mnc.compile(small(), name="net", settings=APART)
    build.write(tmp_path)
    compiler, objects = [tool("gcc"), *WARNINGS, "-std=c99"], []
    declared, start, size = (each.format("net_weights", "net_weights_end") for each in BOUNDS)
    if way == "incbin":
        (tmp_path / "weights.S").write_text(INCBIN)
        objects = ["weights.S"]
    elif way == "objcopy":
        declared, start, size = (each.format("_binary_net_bin_start", "_binary_net_bin_end") for each in BOUNDS)
        section = ".data=.rodata,alloc,load,readonly,data,contents"
        flags = ["-I", "binary", "-O", "default", "--rename-section", section, "--set-section-alignment", ".data=4"]
        form = checked_run([tool("objdump"), "-f", tool("gcc")], tmp_path)
        flags[3] = re.findall(r"file format (\S+)", form)[0]
        checked_run([tool("objcopy"), *flags, "net.bin", "weights.o"], tmp_path)
        objects = ["weights.o"]
    elif way == "xxd":
        text = checked_run([tool("xxd"), "-i", "net.bin"], tmp_path)
        there = "static const unsigned char net_bin[] __attribute__((aligned(4)))"
        aligned = text.replace("unsigned char net_bin[]", there)
        (tmp_path / "net_bin.h").write_text(aligned.replace("unsigned int", "static const unsigned int"))
        declared, start, size = ARRAY, "net_bin", "net_bin_len"
    else:
        compiler = [tool("clang-22"), *WARNINGS, "-std=c23"]
        declared, size = EMBED, "sizeof net_weights"
    (tmp_path / "main.c").write_text(MAIN.format(declared=declared, start=start, size=size))
    checked_run([*compiler, "main.c", "net.c", *objects, "-lm", "-o", "program"], tmp_path)
    assert checked_run(["./program"], tmp_path) == "0\n"


def test_arms_assembler_places_the_file(tool: Tool, tmp_path: Path) -> None:
    mnc.compile(small(), name="net", settings=APART).write(tmp_path)
    (tmp_path / "weights.S").write_text(INCBIN)
    checked_run([tool("arm-none-eabi-gcc"), "-mcpu=cortex-m4", "-c", "weights.S"], tmp_path)
    listed = checked_run([tool("arm-none-eabi-objdump"), "-h", "weights.o"], tmp_path)
    size, alignment = re.findall(r"\.rodata\.net_weights +(\w+) .*(2\*\*\d+)$", listed, re.MULTILINE)[0]
    assert int(size, 16) == (tmp_path / "net.bin").stat().st_size and alignment == "2**2"


def test_what_cannot_hold_the_file_refuses_it() -> None:
    build = mnc.compile(small(), name="net", settings=APART)
    for package in PACKAGES.values():
        with pytest.raises(CompileError, match=r"has its constants in net\.bin"):
            package(build, first_sample(build.graph))
    with pytest.raises(CompileError, match="has constants in a file of its own"):
        linked.link({"a": build, "b": build}, "brain")
    with pytest.raises(CompileError, match="has constants in a file of its own"):
        firmware("plain", build.emission, "net", 0)
    with pytest.raises(CompileError, match="holds constants itself"):
        mnc.compile(small(), "cmsis-nn", settings=APART)
    with pytest.raises(CompileError, match="another model's weights may be handed in"):
        mnc.compile(small(), settings={**APART, "selftest": "1"})


def test_the_command_writes_the_file(fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compile", str(fixtures / "pico.keras2.h5"), "--name", "pico", "-X", "weights=binary"]
    assert run([*arguments, "-o", str(tmp_path)]) == 0
    assert {each.name for each in tmp_path.iterdir()} == {"pico.c", "pico.h", "pico.bin"}
    told = capsys.readouterr().out
    assert str(tmp_path / "pico.bin") in told and "parameters, in pico.bin 3,412 B" in told
