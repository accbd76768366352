"""Measures what `--memory` costs and saves on a Cortex-M4, and writes the table of docs/memory-planning.md.

    python bench/memory.py MODELS [-o FILE]

MODELS is the folder of trained models.  Each is compiled for the core in the three ways, built with its compiler and
run once in the emulator: instructions, bytes of RAM and of flash as `mnc bench` has them.  The table takes the place
of what stands between the marks in the page.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import mnc
from mnc.bench import Cost, cost
from mnc.program import Memory

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- ways: begin -->", "<!-- ways: end -->"
TARGET = "cortex-m4"
WAYS: tuple[Memory, ...] = ("fast", "balanced", "least")
FAMILY, TINY = "micromobilenet", "mlperf_tiny"
MODELS = {
    **{f"{name.capitalize()} float32": f"{FAMILY}/{name}.keras3.h5" for name in ("pico", "nano", "base")},
    **{
        f"{name.capitalize()} int8": f"{FAMILY}/{name}.int8.tflite"
        for name in ("pico", "nano", "micro", "milli", "base")
    },
    "ResNet-8 int8": f"{TINY}/pretrainedResnet_quant.tflite",
    "DS-CNN KWS int8": f"{TINY}/kws_ref_model.tflite",
    "VWW int8": f"{TINY}/vww_96_int8.tflite",
    "AD int8": f"{TINY}/ad01_int8.tflite",
}
"""The networks of the tables, by the page's names."""


def costs(model: Path) -> dict[Memory, Cost]:
    """The cost of a network in each way; equal code is measured once."""
    graph = mnc.load(model)
    found: dict[Memory, Cost] = {}
    known: dict[str, Cost] = {}
    for way in WAYS:
        build = mnc.compile(graph, name="net", target=TARGET, memory=way)
        text = "".join(build.files.values())
        if text not in known:
            known[text] = cost(build, TARGET)
        found[way] = known[text]
    return found


def row(name: str, found: dict[Memory, Cost]) -> str:
    """A line of the table; what is as in the way before is said in words."""
    cells = []
    for way, before in zip(WAYS, (None, *WAYS), strict=False):
        own, fast = found[way], found["fast"]
        if before is not None and own is found[before]:
            cells.append(f"as {before}")
            continue
        more = "" if way == "fast" else f" ({own.instructions / fast.instructions - 1:+.1%})"
        flash = "" if way == "fast" else f" ({own.flash / fast.flash - 1:+.1%})"
        cells.append(f"{own.instructions:,}{more}; {own.ram:,}; {own.flash:,}{flash}")
    return f"| {name} | {' | '.join(cells)} |".replace("%)", " %)")


def main() -> int:
    """Write the table; how far it has come goes to stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=HERE.parent / "docs" / "memory-planning.md")
    given = parser.parse_args()
    lines = ["| | `fast` | `balanced` | `least` |", "|---|---:|---:|---:|"]
    for name, path in MODELS.items():
        lines.append(row(name, costs(given.models / path)))
        print(lines[-1], file=sys.stderr, flush=True)
    text = given.output.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    given.output.write_text("\n".join([before + BEGIN, *lines, END]) + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
