"""A network that is accepted for 2 KiB of RAM links and runs on an AVR with no more: the ATmega328P of an Uno."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc.cli import run

MAIN = """
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include "net.h"

static const int8_t image[NET_INPUT_SIZE] PROGMEM = {PIXELS};
static net_t net;
static int8_t scores[NET_OUTPUT_SIZE];

static void put(char letter)
{
    while (!(UCSR0A & (1 << UDRE0))) {
    }
    UDR0 = (unsigned char)letter;
}

int main(void)
{
    static const int shape[] = NET_INPUT_SHAPE;
    const int size = shape[1] * shape[2];
    int y, i;

    UCSR0B = 1 << TXEN0;
    net_init(&net);
    for (y = 0; y < shape[0]; ++y) {
        for (i = 0; i < size; ++i)
            net_row(&net)[i] = (int8_t)pgm_read_byte(&image[y * size + i]);
        net_push_row(&net, 0, scores);
    }
    for (i = 0; i < NET_OUTPUT_SIZE; ++i) {
        put("0123456789abcdef"[(scores[i] >> 4) & 15]);
        put("0123456789abcdef"[scores[i] & 15]);
    }
    put('.');
    put('\\n');
    cli();
    sleep_enable();
    for (;;)
        sleep_cpu();
}
"""
RAM = 2048
STACK = 384
"""Bytes that must be left."""


def test_what_two_kib_are_enough_for_runs_in_two_kib(
    fixtures: Path, tool: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gcc, size, simavr = tool("avr-gcc"), tool("avr-size"), tool("simavr")
    model = str(fixtures / "pico.int8.tflite")
    options = ["--target", "avr", "--feed", "rows", "--memory", "least", "--name", "net", "--json"]
    assert run(["compile", model, *options, "--max-ram", "1K", "-o", str(tmp_path)]) == 1
    assert run(["compile", model, *options, "--max-ram", "2K", "-o", str(tmp_path)]) == 0
    report = json.loads(capsys.readouterr().out)
    graph = mnc.load(model)
    x = np.random.default_rng(1).integers(-128, 128, graph.inputs[0].type.shape).astype(np.int8)
    (tmp_path / "main.c").write_text(MAIN.replace("PIXELS", ", ".join(map(str, x.ravel()))))
    flags = ["-mmcu=atmega328p", "-std=gnu99", "-Os", "-ffunction-sections", "-Wl,--gc-sections"]
    subprocess.run([gcc, *flags, "net.c", "main.c", "-lm", "-o", "image"], cwd=tmp_path, check=True)
    sections = subprocess.run([size, "-A", "image"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    taken = sum(int(n) for n in re.findall(r"^\.(?:data|bss|noinit)\s+(\d+)", sections, re.MULTILINE))
    assert report["ram"]["total"] <= taken <= RAM - STACK
    done = subprocess.run(
        [simavr, "-m", "atmega328p", "-f", "16000000", "image"],
        cwd=tmp_path,
        capture_output=True,
        timeout=600,
        check=False,
    )
    printed = re.search(rb"([0-9a-f]{20})\.", done.stdout + done.stderr)
    assert printed is not None
    scores = np.frombuffer(bytes.fromhex(printed[1].decode()), np.int8)
    np.testing.assert_array_equal(scores, np.asarray(graph.predict(x[None])).ravel())
