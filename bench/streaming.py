"""Measures what a frame costs with `--feed frames`, and writes the table of docs/streaming.md.

    python bench/streaming.py [-o FILE]

Each network is compiled for whole windows and for frames, in float32 and in int8, and run on a Cortex-M4 in the
emulator, which counts instructions.  Weights and samples are random, the same every time.  The table takes the place
of what stands between the marks in the page; the rest of it is left alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import mnc
from mnc.ir.graph import Graph
from mnc.language import parse
from mnc.quantise import Scheme
from mnc.targets import get, measure

PAGE = Path(__file__).resolve().parent.parent / "docs" / "streaming.md"
BEGIN, END = "<!-- bench/streaming.py: begin -->\n", "<!-- bench/streaming.py: end -->\n"
TARGET = "cortex-m4"
NETWORKS = {
    "DS-CNN, 49 frames of 10 features, `valid` along time": """
network ds_cnn
input x: float32[49, 10, 1]
y = conv2d(x, 64, [10, 4], stride = 2, padding = [[0, 0], [1, 1]], activation = relu)
for i in range(4) {
    y = depthwise_conv2d(y, 3, padding = [[0, 0], [1, 1]], activation = relu)
    y = conv2d(y, 64, 1, activation = relu)
}
output dense(global_average_pooling2d(y), 12, activation = softmax)
weights random(seed = 1)
""",
    "causal TCN, 64 frames of 16, dilations 1 to 16": """
network tcn
input x: float32[64, 16]
y = conv1d(x, 24, 1)
for d in [1, 2, 4, 8, 16] {
    z = conv1d(y, 24, 3, dilation = d, padding = "causal", activation = relu)
    y = add(conv1d(z, 24, 1), y)
}
output dense(slice(y, starts = [63, 0], sizes = [1, 24]), 8, activation = softmax)
weights random(seed = 1)
""",
    "GRU keyword network, 49 frames of 10": """
network gru_keywords
input x: float32[49, 10]
y = conv1d(x, 32, 3, activation = relu)
output dense(gru(y, 48), 12, activation = softmax)
weights random(seed = 1)
""",
    "two LSTM, 40 frames of 13": """
network stacked_lstm
input x: float32[40, 13]
output dense(lstm(lstm(x, 32, return_sequences = true), 32), 6, activation = softmax)
weights random(seed = 1)
""",
}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", type=Path, default=PAGE, metavar="FILE", help="the page whose table is replaced")
    page = parser.parse_args().o
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    behind = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}{''.join(table())}{END}{behind}", encoding="utf-8")


def table() -> Iterator[str]:
    """The lines of the table."""
    yield "| network | type | window: instructions | RAM | frame: instructions | RAM | fewer instructions |\n"
    yield "|---|---|--:|--:|--:|--:|--:|\n"
    for title, text in NETWORKS.items():
        graph = parse(text)
        for type_ in ("float32", "int8"):
            (whole, much), (frame, little) = (cost(graph, type_, feed) for feed in ("run", "frames"))
            cells = (title, type_, f"{whole:,}", f"{much:,}", f"{frame:,}", f"{little:,}", f"{whole / frame:.1f}x")
            yield f"| {' | '.join(cells)} |\n"


def cost(graph: Graph, type_: str, feed: str) -> tuple[int, int]:
    """Instructions of a window, or of a run of frames, and bytes of RAM with the caller's input."""
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(32, *graph.inputs[0].type.shape)).astype(np.float32)
    scheme = None if type_ == "float32" else Scheme([samples], allow_loss=True)
    build = mnc.compile(graph, target=TARGET, scheme=scheme, feed="frames" if feed == "frames" else "run")
    given = build.graph.inputs[0].type
    x = np.zeros((1, *given.shape), given.dtype.numpy)
    measured = measure(get(TARGET), build.files, build.interface, [x])
    frames = build.emission.program.frames
    held = given.bytes if frames is None else given.bytes // frames.hop
    return round(measured.instructions[0]), build.report.ram.total + held


if __name__ == "__main__":
    main()
