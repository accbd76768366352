"""Generated code on real instruction sets: outputs to the bit, exact counts, sizes, and the error after a crash."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mnc import targets
from mnc.errors import CompileError
from mnc.ir.types import DType, TensorType
from mnc.targets import Interface, Options, Target
from mnc.targets.target import Tool

NAMES = tuple(name for name in targets.names() if name not in ("cortex-m85", "esp32s3"))
"""Those whose compiler, flags and board are not another's (test_registry.py and test_xtensa.py look at these two)."""
EMULATED = tuple(name for name in NAMES if name != "host")


def machine(name: str) -> Target:
    """The target; the test is skipped where its compiler or emulator is not installed."""
    target = targets.get(name)
    for tool in (target.compiler, target.board.compiler, target.board.emulator):
        if tool is not None and shutil.which(tool.program) is None:
            pytest.skip(f"{tool.program} is not installed (Debian: {tool.package})")
    return target


def network(
    body: str, inputs: Sequence[TensorType], outputs: Sequence[TensorType], before: str = ""
) -> tuple[Mapping[str, str], Interface]:
    """C files with the contract's functions for a network called `net`, its state an int; `before` precedes them."""
    types = {DType.FLOAT32: "float", DType.INT8: "int8_t", DType.INT32: "int32_t"}
    parameters = [f"const {types[t.dtype]} *in{i}" for i, t in enumerate(inputs)]
    parameters += [f"{types[t.dtype]} *out{i}" for i, t in enumerate(outputs)]
    run = f"void net_run({', '.join(('net_t *net', *parameters))})"
    header = f"#include <stdint.h>\ntypedef struct {{ int runs; }} net_t;\nvoid net_init(net_t *net);\n{run};\n"
    init = "void net_init(net_t *net) { net->runs = 0; }\n"
    source = f'#include "net.h"\n{before}\n{init}{run} {{ (void)net; {body} }}\n'
    return {"net.h": header, "net.c": source}, Interface("net", tuple(inputs), tuple(outputs))


INT = TensorType((1,), DType.INT32)
LOOPS = {
    "cortex-m": (2, '__asm__ volatile(".syntax unified\\n1: subs %0, %0, #1\\n bne 1b\\n" : "+l"(n) : : "cc");'),
    "rv32imc": (2, '__asm__ volatile("1: addi %0, %0, -1\\n bnez %0, 1b\\n" : "+r"(n));'),
    "esp": (2, '__asm__ volatile("1: addi %0, %0, -1\\n bnez %0, 1b\\n" : "+r"(n));'),
    "avr": (6, '__asm__ volatile("1: sbiw %A0, 1\\n sbc %C0, r1\\n sbc %D0, r1\\n brne 1b" : "+w"(n));'),
}
"""A loop of `n` turns, and the instructions (of an AVR, the cycles) of each."""


def loop(target: str) -> tuple[Mapping[str, str], Interface]:
    """A network whose run is `*in0` turns of the target's loop."""
    code = next(code for prefix, (_, code) in LOOPS.items() if target.startswith(prefix))
    return network(f"int32_t n = *in0; {code} *out0 = n;", [INT], [INT])


@pytest.mark.parametrize("name", EMULATED)
def test_a_loop_of_known_length_counts_right(name: str) -> None:
    target = machine(name)
    files, interface = loop(name)
    turns = np.array([[1], [2], [3], [19], [20], [21], [1000], [1001], [123_457]], np.int32)
    measured = targets.measure(target, files, interface, [turns])
    each = next(each for prefix, (each, _) in LOOPS.items() if name.startswith(prefix))
    around = [count - each * n for count, n in zip(measured.instructions, turns[:, 0].tolist(), strict=True)]
    assert all(4 <= rest <= 80 for rest in around), around
    assert max(around) - min(around) <= 4 + 58 * (name == "avr"), around  # the last may be cut by an interrupt
    assert measured.outputs[0].tolist() == [[0]] * len(turns)


def test_the_count_goes_on_when_the_timer_starts_again() -> None:
    target = machine("cortex-m55")
    files, interface = loop("cortex-m55")
    turns = 280_000_000  # SysTick starts again after 524 million instructions
    measured = targets.measure(target, files, interface, [np.array([[turns]], np.int32)])
    assert 0 <= measured.instructions[0] - 2 * turns <= 100


@pytest.mark.parametrize("name", NAMES)
def test_integers_and_floats_come_back_to_the_bit(name: str) -> None:
    target = machine(name)
    bytes_, floats = TensorType((5, 3), DType.INT8), TensorType((7,))
    body = "int i; for (i = 0; i < 15; i++) out0[i] = (int8_t)(in0[i] * 3); for (i = 0; i < 7; i++) out1[i] = in1[i];"
    files, interface = network(body, [bytes_, floats], [bytes_, floats])
    generator = np.random.default_rng(1)
    x = generator.integers(-128, 128, (4, 5, 3)).astype(np.int8)
    y = generator.standard_normal((4, 7)).astype(np.float32)
    y[0] = [np.inf, -np.inf, -0.0, 1e-45, 3.4e38, np.float32(0.1), 0.0]
    tripled, copied = targets.run(target, files, interface, [x, y])
    assert tripled.dtype == np.int8
    assert np.array_equal(tripled, x * np.int8(3))
    assert copied.tobytes() == y.tobytes()


@pytest.mark.parametrize("name", ["host", "cortex-m4", "cortex-m55", "rv32imc"])
def test_two_measurements_are_equal(name: str) -> None:
    target = machine(name)
    if name == "host" and shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    files, interface = network(
        "int i; float s = 0; for (i = 0; i < 64; i++) s += in0[i] * in0[i]; *out0 = expf(s);",
        [TensorType((64,))],
        [TensorType((1,))],
        "#include <math.h>",
    )
    x = np.random.default_rng(2).random((3, 64), np.float32)
    first, second = (targets.measure(target, files, interface, [x]) for _ in range(2))
    assert first.instructions == second.instructions
    assert first.stack == second.stack
    assert first.sizes == second.sizes
    assert first.outputs[0].tobytes() == second.outputs[0].tobytes()
    assert len(first.instructions) == 3
    assert all(64 < count < 60_000 for count in first.instructions)


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_runs_of_one_network_that_is_set_up_once(name: str) -> None:
    files, interface = network("*out0 = *in0 + net->runs++;", [INT], [INT])
    (y,) = targets.run(machine(name), files, interface, [np.arange(4, dtype=np.int32).reshape(4, 1)])
    assert y.tolist() == [[0], [2], [4], [6]]


@pytest.mark.parametrize("name", NAMES)
def test_sizes_are_the_networks_alone(name: str) -> None:
    target = machine(name)
    if name == "host" and shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    plain, interface = network("*out0 = *in0;", [INT], [INT])
    table = f"static const int32_t table[1000] = {{{', '.join(map(str, range(1, 1001)))}}};"
    large, _ = network("*out0 = table[*in0 % 1000];", [INT], [INT], table)
    x = np.array([[7]], np.int32)
    small = targets.measure(target, plain, interface, [x]).sizes
    grown = targets.measure(target, large, interface, [x]).sizes
    assert 0 < small.code < 256
    assert 0 <= small.constants < 256  # a PC's linker keeps tables for unwinding here
    assert 0 <= small.ram <= 64  # alignment may swallow it
    assert 4000 <= grown.flash - small.flash - (grown.code - small.code) < 4100
    in_ram = 4000 if name == "avr" else 0  # that compiler has constants there, too
    assert abs(grown.ram - small.ram - in_ram) <= 32


@pytest.mark.parametrize("name", NAMES)
def test_stack_is_what_a_run_touches(name: str) -> None:
    target = machine(name)
    if name == "host" and shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    body = "volatile unsigned char local[3000]; local[*in0] = 1; local[0] = 2; *out0 = local[0];"
    files, interface = network(body, [INT], [INT])
    x = np.array([[2999]], np.int32)
    assert 2990 <= targets.measure(target, files, interface, [x]).stack <= 3300


@pytest.mark.parametrize("name", ["host", "cortex-m4"])
@pytest.mark.parametrize("called", ["driver", "board", "network", "empty", "image", "main", "mnc", "mnc_net", "size"])
def test_a_network_may_be_called_what_our_own_files_are_called(name: str, called: str) -> None:
    files, interface = network("*out0 = *in0 + 1;", [INT], [INT])
    renamed = {
        re.sub(r"\bnet\b", called, file): re.sub(r"\bnet(?=_|\.h)", called, text) for file, text in files.items()
    }
    interface = dataclasses.replace(interface, name=called)
    (y,) = targets.run(machine(name), renamed, interface, [np.array([[4]], np.int32)])
    assert y.tolist() == [[5]]


CLASS = """#include <stdint.h>
#ifndef MNC_TRACE
#define MNC_TRACE(index, output)
#endif
class Twice {
public:
    float outputs[2];
    int32_t runs;
    float large[40000]; /* more than there is stack */
    constexpr Twice() : outputs(), runs(0), large() {}
    int predict(const float *input) {
        outputs[0] = 2 * input[0];
        MNC_TRACE(0, outputs);
        outputs[1] = ++runs;
        MNC_TRACE(1, outputs);
        return 0;
    }
};
"""


@pytest.mark.parametrize("name", ["host", "cortex-m4", "cortex-m0plus", "rv32imc", "esp8266", "esp32"])
def test_a_cpp_class_is_run_and_measured_too(name: str) -> None:
    target = machine(name)
    if shutil.which(target.cpp.program) is None:
        pytest.skip(f"{target.cpp.program} is not installed")
    files, interface = {"Twice.h": CLASS}, Interface("Twice", (TensorType((1,)),), (TensorType((2,)),))
    x = np.array([[1.5], [-4.0]], np.float32)
    (y,) = targets.run(target, files, interface, [x])
    assert y.tolist() == [[3.0, 1.0], [-8.0, 2.0]]  # one object, run after run
    (first, second), _ = targets.layer_values(target, files, [TensorType((1,)), TensorType((2,))], interface, [x])
    assert first.tolist() == [[3.0], [-8.0]]
    assert second.tolist() == y.tolist()
    if name != "host" or shutil.which("valgrind"):
        measured = targets.measure(target, files, interface, [x])
        assert 160_000 <= measured.sizes.ram <= 160_100
        assert 3 <= measured.instructions[0] <= 400


TRACED = """
#ifndef MNC_TRACE
#define MNC_TRACE(index, output)
#endif
"""


@pytest.mark.parametrize("name", [name for name in EMULATED if name.startswith(("cortex-m", "esp"))])
def test_layers_are_counted_and_shown_one_by_one(name: str) -> None:
    target = machine(name)
    code = next(code for prefix, (_, code) in LOOPS.items() if name.startswith(prefix))
    body = "".join(
        f"{{ int32_t n = {turns}; {code} out0[0] = *in0 + {layer}; MNC_TRACE({layer}, out0); }}"
        for layer, turns in enumerate((10, 1000, 50))
    )
    files, interface = network(body, [INT], [INT], TRACED)
    x = np.array([[5], [6]], np.int32)
    counts = targets.layer_instructions(target, files, 3, interface, [x])
    hook = 48 if name == "esp32" else 24  # its compiler's combiner is off
    for sample in counts:
        assert all(abs(count - 2 * turns) <= hook for count, turns in zip(sample, (10, 1000, 50), strict=True)), sample
    values, _ = targets.layer_values(target, files, [INT] * 3, interface, [x])
    assert [value.tolist() for value in values] == [[[5], [6]], [[6], [7]], [[7], [8]]]
    (y,) = targets.run(target, files, interface, [x])
    assert y.tolist() == [[7], [8]]


def test_layers_are_counted_on_the_host(cc: str, valgrind: str) -> None:
    spin = "{ volatile int n; for (n = 0; n < %d; n++) {} MNC_TRACE(%d, out0); }"
    files, interface = network(spin % (10, 0) + spin % (1000, 1) + "*out0 = *in0;", [INT], [INT], TRACED)
    ((short, long),) = targets.layer_instructions(targets.get("host"), files, 2, interface, [np.array([[1]], np.int32)])
    assert 30 <= short <= 150
    assert 3000 <= long <= 8000


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_is_an_error_that_names_the_target(name: str) -> None:
    target = machine(name)
    files, interface = network(
        "if (*in0 > 0) { __builtin_trap(); } *out0 = 0;", [INT], [INT], before="#include <stddef.h>"
    )
    with pytest.raises(CompileError, match=f"error: target {name}.*(faulted|ended|failed|stopped)"):
        targets.run(target, files, interface, [np.array([[1]], np.int32)])


@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m33", "cortex-m55"])  # no memory, a fault, other memory below
def test_a_stack_that_overflows_is_an_error(name: str) -> None:
    deep = """static int32_t deep(volatile int32_t n) {
        volatile int32_t a[64];
        a[n & 63] = n;
        return n ? a[n & 63] + deep(n - 1) : 0;
    }"""
    files, interface = network("*out0 = deep(*in0);", [INT], [INT], deep)
    target = machine(name)
    assert targets.run(target, files, interface, [np.array([[10]], np.int32)])[0].tolist() == [[55]]
    with pytest.raises(CompileError, match=f"(?s)error: target {name}.*(stack|faulted)"):
        targets.run(target, files, interface, [np.array([[2000]], np.int32)])


def test_code_that_does_not_compile_is_an_error_with_the_compilers_words(cc: str) -> None:
    files, interface = network("*out0 = nothing_of_this_name;", [INT], [INT])
    with pytest.raises(CompileError, match=r"error: net\.c: cc failed with status 1:\n(.*\n)*.*nothing_of_this_name"):
        targets.run(targets.get("host"), files, interface, [np.array([[1]], np.int32)])


@pytest.mark.parametrize(("part", "package"), [("compiler", "gcc-arm-none-eabi"), ("emulator", "qemu-system-arm")])
def test_a_missing_tool_is_one_line_that_names_the_debian_package(part: str, package: str) -> None:
    target = machine("cortex-m4")
    missing = Tool("no-such-program-anywhere", package)
    if part == "compiler":
        target = dataclasses.replace(target, compiler=missing)
    else:
        target = dataclasses.replace(target, board=dataclasses.replace(target.board, emulator=missing))
    files, interface = network("*out0 = *in0;", [INT], [INT])
    with pytest.raises(CompileError) as caught:
        targets.run(target, files, interface, [np.array([[1]], np.int32)])
    assert str(caught.value) == (
        f"error: no-such-program-anywhere is not installed; Debian has it in the package {package}"
    )


def test_options_reach_the_compiler(cc: str) -> None:
    files, interface = network("*out0 = LEVEL;", [INT], [INT])
    x = [np.array([[0]], np.int32)]
    (y,) = targets.run(targets.get("host"), files, interface, x, Options(optimise="-O0", flags=("-DLEVEL=42",)))
    assert y.tolist() == [[42]]


def test_samples_that_do_not_fit_are_refused(cc: str) -> None:
    files, interface = network("*out0 = *in0;", [INT], [INT])
    host = targets.get("host")
    with pytest.raises(CompileError, match="takes 1 input, not 2"):
        targets.run(host, files, interface, [np.zeros((1, 1), np.int32)] * 2)
    with pytest.raises(CompileError, match=r"input 0 is int32\[1\], but a sample has shape \(2,\)"):
        targets.run(host, files, interface, [np.zeros((1, 2), np.int32)])
    with pytest.raises(CompileError, match=r"input 0 is int32\[1\], but the samples are float32"):
        targets.run(host, files, interface, [np.zeros((1, 1), np.float32)])


def test_no_sample_gives_no_output(cc: str) -> None:
    files, interface = network("*out0 = *in0;", [INT], [INT])
    (y,) = targets.run(targets.get("host"), files, interface, [np.zeros((0, 1), np.int32)])
    assert y.shape == (0, 1)


@pytest.mark.parametrize("elements", [4500, 9000])  # the linker finds no room, the compiler takes no such array
def test_a_network_that_does_not_fit_is_told_in_one_line(elements: int) -> None:
    large = TensorType((elements,), DType.INT32)
    files, interface = network("*out0 = *in0;", [large], [INT])
    with pytest.raises(CompileError) as fault:
        targets.run(machine("avr"), files, interface, [np.zeros((1, elements), np.int32)])
    assert str(fault.value).splitlines()[0] == "error: target avr: the network does not fit into its memory"
