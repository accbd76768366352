"""Layers of a network on a board, over its serial port: the firmware as a process at a pseudo-terminal, and in QEMU."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks import chain

from mnc import targets
from mnc.backends.storage import Storage
from mnc.board.conversation import Board, Patience
from mnc.board.firmware import KINDS, UNNAMED, fingerprint, firmware
from mnc.board.frames import first_frame
from mnc.board.port import Address, Port, opened
from mnc.cli import FIRMWARE, run
from mnc.compiler import prepare
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Conv2D, Dense, Flatten, MaxPooling2D
from mnc.ir.types import Constant
from mnc.report import Verification
from mnc.targets import image
from mnc.verify import verify

Tool = Callable[[str], str]
WARNINGS = ("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")
LEAST = Storage("least")
QUICK = Patience(greeting=20.0, answer=0.3, tries=40, layer=20.0)


def write(texts: Mapping[str, str], folder: Path) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def checked_run(command: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[:4000]


def network(seed: int = 3) -> Graph:
    rng = np.random.default_rng(seed)

    def constant(*shape: int) -> Constant:
        return Constant(rng.normal(size=shape).astype(np.float32))

    return chain(
        (12, 8, 1),
        conv=Conv2D(constant(3, 3, 1, 4), constant(4)),
        pool=MaxPooling2D((2, 2), (2, 2)),
        flat=Flatten(),
        logits=Dense(constant(60, 3), constant(3)),
    )


def files(kind: str, graph: Graph, storage: Storage = LEAST, name: str = "tiny") -> Mapping[str, str]:
    _, program, chosen = prepare(graph, "c", storage=storage)
    code = fingerprint(chosen.emit(program, UNNAMED, trace=True))
    return firmware(kind, chosen.emit(program, name, trace=True), name, code)


def built(graph: Graph, folder: Path, gcc: str, change: Callable[[str], str] = str, storage: Storage = LEAST) -> Path:
    """The plain firmware as a program of this machine, `change` made to the network's code."""
    texts = {name: change(text) if name == "tiny.c" else text for name, text in files("plain", graph, storage).items()}
    write(texts, folder)
    sources = [name for name in texts if name.endswith(".c")]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    checked_run([gcc, "-std=c89", *WARNINGS, "-O1", *sanitizers, *sources, "-o", "firmware", "-lm"], folder)
    return folder / "firmware"


@pytest.fixture(scope="module")
def program(gcc: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(network(), tmp_path_factory.mktemp("firmware"), gcc)


class Plugged:
    """A program at one end of a pseudo-terminal, as a board at a port."""

    def __init__(self, program: Path | None) -> None:
        self.program = program
        self.master, self.slave = pty.openpty()
        self.path = os.ttyname(self.slave)
        self.process: subprocess.Popen[bytes] | None = None
        self.power_on()

    def power_on(self) -> None:
        if self.program is not None:
            self.process = subprocess.Popen([self.program], stdin=self.master, stdout=self.master)

    def power_off(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def plugged(program: Path | None) -> Iterator[Plugged]:
    board = Plugged(program)
    try:
        yield board
    finally:
        board.power_off()
        os.close(board.slave)
        os.close(board.master)


class Bad:
    """A line or a board with faults: each write or read may be changed, or makes something happen."""

    def __init__(self, port: Port, change: Callable[[bytes, int], bytes]) -> None:
        self.port, self.change, self.turns = port, change, 0

    def read(self, seconds: float) -> bytes:
        self.turns += 1
        return self.change(self.port.read(seconds), self.turns)

    def write(self, given: bytes) -> None:
        self.turns += 1
        self.port.write(self.change(given, self.turns))


def verified(
    board: Plugged,
    graph: Graph | None = None,
    change: Callable[[bytes, int], bytes] = lambda given, _: given,
    patience: Patience = QUICK,
    storage: Storage = LEAST,
) -> Verification:
    with opened(Address(board.path)) as port:
        talking = Board(Bad(port, change), f"port {board.path}", patience)
        return verify(graph or network(), target=None, storage=storage, board=talking)


def test_the_command_compares_and_times_every_layer(
    fixtures: Path, gcc: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(fixtures / "pico.int8.tflite")
    assert run(["compile", model, "--memory", "least", "--firmware", "plain", "-o", str(tmp_path)]) == 0
    sources = [path.name for path in sorted(tmp_path.glob("*.c"))]
    checked_run([gcc, "-std=c89", *WARNINGS, "-O1", *sources, "-o", "firmware", "-lm"], tmp_path)
    capsys.readouterr()
    with plugged(tmp_path / "firmware") as board:
        assert run(["verify", model, "--memory", "least", "--on", f"serial:{board.path}", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["passed"]
        assert found["tolerance"] == "to the bit"
        assert found["target"] == f"port {board.path}"
        assert all(layer["microseconds"] >= 0 for layer in found["layers"])
        assert sum(layer["microseconds"] for layer in found["layers"]) > 0
        assert run(["verify", model, "--memory", "fast", "--on", f"serial:{board.path}:57600"]) == 1
        assert "the board runs this model compiled in another way" in capsys.readouterr().err


def test_frames_go_to_a_board_as_one_sequence(gcc: str, tmp_path: Path) -> None:
    storage = Storage(feed="frames")
    with plugged(built(network(), tmp_path, gcc, storage=storage)) as board:
        seen = verified(board, storage=storage)
    here = verify(network(), storage=storage)
    assert seen.passed and seen.samples == here.samples > 12
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(seen.outputs, here.outputs, strict=True))


def test_a_board_agrees_with_the_emulated_run(program: Path) -> None:
    with plugged(program) as board:
        seen, again = verified(board), verified(board)
    here = verify(network(), storage=LEAST)
    assert seen.passed
    assert [layer.name for layer in seen.layers] == [layer.name for layer in here.layers]
    assert all(np.array_equal(a, b) for a, b in zip(seen.outputs, again.outputs, strict=True))
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(seen.outputs, here.outputs, strict=True))


@pytest.mark.parametrize("layer", ["conv", "logits"])
def test_a_fault_in_one_layer_is_found_and_named(layer: str, gcc: str, tmp_path: Path) -> None:
    number = {"conv": "00_conv2d", "logits": "02_dense"}[layer]

    def damage(text: str) -> str:
        """One bit of the constants, as flash loses it: the last weight's sign."""
        changed, count = re.subn(
            rf"(tiny_{number}_weights\[\d+\] MNC_FLASH = {{[^}}]*?)(-?)([\d.e-]+f\s*}}\s*;)", flip, text
        )
        assert count == 1
        return changed

    def flip(match: re.Match[str]) -> str:
        return f"{match[1]}{'' if match[2] else '-'}{match[3]}"

    with plugged(built(network(), tmp_path, gcc, damage)) as board:
        seen = verified(board)
    fault = seen.first_failure
    assert fault is not None
    assert fault.name == layer


@pytest.mark.parametrize("seed", range(3))
def test_noise_costs_time_and_nothing_else(seed: int, program: Path) -> None:
    """One in twenty reads and writes has a wrong, a lost or an added byte."""
    rng = np.random.default_rng(seed)
    hits = 0

    def noise(given: bytes, _: int) -> bytes:
        nonlocal hits
        if not given or rng.random() > 0.05:
            return given
        hits += 1
        at = int(rng.integers(len(given)))
        byte = bytes([int(rng.integers(256))])
        return given[:at] + [byte, b"", byte + given[at : at + 1]][hits % 3] + given[at + 1 :]

    with plugged(program) as board:
        assert verified(board, change=noise).passed
    assert hits > 3


def test_the_last_acknowledgement_of_a_run_may_be_lost(program: Path) -> None:
    """The next command tells the board that its run was heard to the end, however often it is sent again."""
    received = b""
    lost = 0

    def lose(given: bytes, turn: int) -> bytes:
        nonlocal received, lost
        frame, _, rest = first_frame(given)
        if frame is not None and not rest and frame.kind == "A" and _kinds(received)[-1:] == ["D"]:
            lost += 1
            received = b""
            return b""
        received = (received + given)[-4096:]
        return given

    with plugged(program) as board:
        assert verified(board, change=lose).passed
    assert lost > 1


def _kinds(received: bytes) -> list[str]:
    kinds: list[str] = []
    while True:
        frame, _, received = first_frame(received)
        if frame is None:
            return kinds
        kinds.append(frame.kind)


def test_a_board_that_restarts_is_named(program: Path) -> None:
    with plugged(program) as board:

        def restart(given: bytes, turn: int) -> bytes:
            if turn == 40:
                board.power_off()
                board.power_on()
            return given

        with pytest.raises(CompileError, match="restarted after"):
            verified(board, change=restart)
        assert verified(board).passed, "the next attempt finds it as it should be"


def test_a_board_that_falls_silent_is_given_up(program: Path) -> None:
    with plugged(program) as board:

        def stop(given: bytes, turn: int) -> bytes:
            if turn == 40 and board.process is not None:
                board.process.send_signal(signal.SIGSTOP)
            return given

        patience = replace(QUICK, tries=3, layer=1.0)
        with pytest.raises(CompileError, match=r"silent for 1 s since|does not answer any more"):
            verified(board, change=stop, patience=patience)
        assert board.process is not None
        board.process.send_signal(signal.SIGCONT)
        assert verified(board).passed, "it answers a new greeting in the middle of a run"


def test_nobody_at_the_port_is_an_error() -> None:
    with plugged(None) as board, pytest.raises(CompileError, match="no answer within 1 s") as caught:
        verified(board, patience=replace(QUICK, greeting=1.0))
    assert "compile --firmware" in str(caught.value)


def test_garbage_is_shown() -> None:
    with plugged(None) as board:

        def boot_loader(given: bytes, turn: int) -> bytes:
            if turn == 1:
                os.write(board.master, b"ets Jun  8 2016 00:22:57\r\n\x9a\x6d\xff" * 3)
            return given

        with pytest.raises(CompileError, match="ets Jun  8 2016") as caught:
            verified(board, change=boot_loader, patience=replace(QUICK, greeting=1.0))
    assert "is the rate right" in str(caught.value)


def test_another_model_is_told_from_other_options(program: Path) -> None:
    with plugged(program) as board:
        with pytest.raises(CompileError, match=r"another model: 'tiny' with hash [0-9A-F]{8}, not [0-9A-F]{8}"):
            verified(board, network(seed=4))
        with pytest.raises(CompileError, match="this model compiled in another way"):
            verified(board, storage=Storage("fast"))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("serial:", "names no port"),
        ("serial:/dev/null", "is not a serial port"),
        ("serial:/no/such/port", "No such file or directory"),
        ("serial:/dev/null:12345", "12345 is not a rate of this system's"),
    ],
)
def test_a_port_that_cannot_be_opened_is_an_error(
    address: str, reason: str, fixtures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(fixtures / "pico.keras3.h5"), "--on", address]) == 1
    assert reason in capsys.readouterr().err


def test_target_and_firmware_are_for_boards(fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(fixtures / "pico.keras3.h5")
    assert run(["verify", model, "--target", "cortex-m4"]) == 2
    assert "--target is for --on serial:PORT" in capsys.readouterr().err
    both = ["--firmware", "plain", "--package", "cmake"]
    assert run(["compile", model, *both, "-o", str(tmp_path)]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert run(["compile", model, "--backend", "cpp", "--firmware", "plain", "-o", str(tmp_path)]) == 1
    assert "is not plain C" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_kinds_on_the_command_line_are_those_there_are() -> None:
    assert FIRMWARE == KINDS


UART = """
#include "mnc_board.h"
#define UART(offset) (*(volatile uint32_t *)(0x40004000UL + (offset)))
/* Arm's CMSDK UART, of the MPS2 boards: data, state, control, divisor */
int board_get(unsigned milliseconds)
{
    volatile uint32_t turns;
    for (turns = 2000UL * milliseconds; turns > 0; --turns) {
        if ((UART(4) & 2u) != 0u)
            return (int)(UART(0) & 0xFFu);
    }
    return -1;
}
void board_put(unsigned char byte)
{
    while ((UART(4) & 1u) != 0u) {
    }
    UART(0) = byte;
}
uint32_t board_micros(void)
{
    return 0;
}
int main(void)
{
    UART(16) = 16;
    UART(8) = 3;
    mnc_board_serve();
    return 0;
}
"""


def test_an_emulated_board_answers_over_its_serial_port(tool: Tool, tmp_path: Path) -> None:
    gcc, qemu = tool("arm-none-eabi-gcc"), tool("qemu-system-arm")
    target = targets.get("cortex-m4")
    support = image._support_files(target.board)
    own = {**support, **files("plain", network()), "main.c": UART}
    del own["driver.c"]
    write(own, tmp_path)
    sources = [name for name in own if name.endswith(".c")]
    flags = (*target.flags, "-O2", "-I.", *target.board.link)
    checked_run([gcc, *flags, *sources, "-lm", "-o", "image"], tmp_path)
    words = target.board.arguments
    arguments = ["pty" if before == "-serial" else word for before, word in zip(("", *words), words, strict=False)]
    command = [qemu, *arguments]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        try:
            assert running.stdout is not None
            match = re.search(rb"redirected to (\S+)", running.stdout.readline())
            assert match is not None
            with opened(Address(match[1].decode())) as port:
                seen = verify(network(), target=None, storage=LEAST, board=Board(port, "the emulator", QUICK))
        finally:
            running.kill()
    assert seen.passed
    assert seen.layers[0].microseconds is None, "its clock stands still"


def test_the_arduino_tools_build_the_sketch(tool: Tool, tmp_path: Path) -> None:
    builder, hardware = tool("arduino-builder"), Path("/usr/share/arduino/hardware")
    if not hardware.is_dir():
        pytest.skip("the Arduino core for AVR is not installed (Debian: arduino-core-avr)")
    write(files("arduino", network()), tmp_path)
    (tmp_path / "build").mkdir()
    checked_run(
        [
            builder,
            *("-hardware", str(hardware), "-hardware", "/usr/share/arduino-builder", "-tools", "/usr/bin"),
            *("-fqbn", "arduino:avr:mega:cpu=atmega2560", "-build-path", str(tmp_path / "build"), "-warnings", "all"),
            "-prefs=compiler.cpp.extra_flags=-DDECIMAL_DIG=17",  # avr-gcc 5.4 has it for C only
            "tiny_board/tiny_board.ino",
        ],
        tmp_path,
    )
    assert (tmp_path / "build" / "tiny_board.ino.elf").exists()


ESP_IDF = {
    "driver/uart.h": """
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
typedef int esp_err_t;
typedef int uart_port_t;
typedef struct { int baud_rate, data_bits, parity, stop_bits, flow_ctrl; } uart_config_t;
enum { UART_NUM_0, UART_DATA_8_BITS, UART_PARITY_DISABLE, UART_STOP_BITS_1, UART_HW_FLOWCTRL_DISABLE };
#define ESP_ERROR_CHECK(x) do { if ((x) != 0) abort(); } while (0)
esp_err_t uart_driver_install(uart_port_t, int, int, int, void *, int);
esp_err_t uart_param_config(uart_port_t, const uart_config_t *);
int uart_read_bytes(uart_port_t, void *, uint32_t, uint32_t);
int uart_write_bytes(uart_port_t, const void *, size_t);
""",
    "esp_timer.h": "#include <stdint.h>\nint64_t esp_timer_get_time(void);\n",
    "freertos/FreeRTOS.h": "#define pdMS_TO_TICKS(ms) ((ms) / 10)\n",
}
ZEPHYR = {
    "zephyr/device.h": "#include <stdbool.h>\nstruct device { int x; };\nextern struct device console;\n"
    "#define DT_CHOSEN(x) x\n#define DEVICE_DT_GET(x) (&console)\nbool device_is_ready(const struct device *);\n",
    "zephyr/drivers/uart.h": "int uart_poll_in(const struct device *, unsigned char *);\n"
    "void uart_poll_out(const struct device *, unsigned char);\n",
    "zephyr/kernel.h": "#include <stdint.h>\nint64_t k_uptime_get(void);\nint64_t k_uptime_ticks(void);\n"
    "uint64_t k_ticks_to_us_floor64(uint64_t);\n",
}


@pytest.mark.parametrize(("kind", "headers", "folder"), [("esp-idf", ESP_IDF, "main"), ("zephyr", ZEPHYR, "src")])
def test_the_applications_compile_against_the_functions_that_they_call(
    kind: str, headers: Mapping[str, str], folder: str, gcc: str, tmp_path: Path
) -> None:
    """Neither development kit is a package of Debian's, so these are declarations as their references have them."""
    made = files(kind, network())
    write({**made, **{f"stand-ins/{name}": text for name, text in headers.items()}}, tmp_path)
    sources = [name for name in made if name.endswith(".c")]
    listed = re.findall(r"[\w/]+\.c\b", made[f"{folder}/CMakeLists.txt" if kind == "esp-idf" else "CMakeLists.txt"])
    assert sorted(Path(name).name for name in listed) == sorted(Path(name).name for name in sources)
    checked_run([gcc, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Istand-ins", "-c", *sources], tmp_path)
