"""Measures every model, backend and target, and writes the figures to bench/results.md.

    python bench/results.py [--models FOLDER] [--on TARGET,...] [--jobs N] [-o FILE]

The folder of trained models is that of the tests: MNC_MODELS, or `shared/models`
beside the project.  With --on, these targets' sections are written anew in a file that
exists, and the others stay.  With CMSIS_NN_PATH set, backend `cmsis-nn` is measured, too.
Everything is deterministic: the same compilers and models give the same file.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mnc
from mnc import targets
from mnc.bench import Cost, bench
from mnc.targets import cmsis_nn

HERE = Path(__file__).resolve().parent

FLOAT32_MODELS = {
    "pico": "micromobilenet/pico.keras2.h5",
    "nano": "micromobilenet/nano.keras2.h5",
    "micro": "micromobilenet/micro.keras2.h5",
    "milli": "micromobilenet/milli.keras2.h5",
    "base": "micromobilenet/base.keras2.h5",
    "kws": "mlperf_tiny/kws_ref_model.keras2.h5",
    "ad": "mlperf_tiny/ad01.h5",
    "resnet8": "mlperf_tiny/pretrainedResnet.h5",
    "vww": "mlperf_tiny/vww_96.h5",
    "wake_word": "mlperf_tiny/str_ww_ref_model.h5",
}
"""The name of each here, and its file."""

INT8_MODELS = {
    "pico_int8": "micromobilenet/pico.int8.tflite",
    "nano_int8": "micromobilenet/nano.int8.tflite",
    "micro_int8": "micromobilenet/micro.int8.tflite",
    "milli_int8": "micromobilenet/milli.int8.tflite",
    "base_int8": "micromobilenet/base.int8.tflite",
    "kws_int8": "mlperf_tiny/kws_ref_model.tflite",
    "ad_int8": "mlperf_tiny/ad01_int8.tflite",
    "resnet8_int8": "mlperf_tiny/pretrainedResnet_quant.tflite",
    "vww_int8": "mlperf_tiny/vww_96_int8.tflite",
    "wake_word_int8": "mlperf_tiny/str_ww_ref_model.tflite",
}
"""These networks in integers."""

CPP_TARGETS = ("host", "cortex-m4")
"""Where backend `cpp` is measured: its class has the kernels of `c`, so that more of the same says nothing new."""

ALIKE = {"cortex-m85": "cortex-m55", "esp32s3": "esp32"}
"""Targets whose code is another's and runs where that does: the other's figures are theirs."""

LEAST_RAM = 64 * 1024
"""Bytes; none of the models fits a target with less."""

Peers = Mapping[tuple[str, str], tuple[str, int]]
"""By model and target: the best other generator and its instructions."""


@dataclass(frozen=True)
class Job:
    """One measurement to make."""

    model: str
    file: Path
    backend: str
    target: str


def jobs(models: Path, on: Sequence[str]) -> list[Job]:
    """Every measurement on these targets that can be made here, target by target."""
    library = (cmsis_nn.BACKEND,) if os.environ.get(cmsis_nn.VARIABLE) else ()
    found = []
    for target in on:
        if target in ALIKE or targets.get(target).max_ram < LEAST_RAM:
            continue
        own = ("c", "cpp") if target in CPP_TARGETS else ("c",)
        for named, backends in ((FLOAT32_MODELS, own), (INT8_MODELS, (*own, *library))):
            found += [Job(name, models / file, backend, target) for name, file in named.items() for backend in backends]
    return found


def measured(job: Job) -> Cost:
    """The job's figures; says on stderr that they are there."""
    cost = bench(mnc.load(job.file), job.model, job.backend, job.target)
    print(f"{job.target} {job.model} {job.backend}: {cost.instructions:,} instructions", file=sys.stderr)
    return cost


def read_peers(file: Path) -> Peers:
    """The best of each model and target."""
    best: dict[tuple[str, str], tuple[str, int]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            key, found = (row["model"], row["target"]), (row["generator"], int(row["instructions"]))
            best[key] = min(best.get(key, found), found, key=lambda one: one[1])
    return best


def page(costs: Sequence[Cost], peers: Peers, before: str = "") -> str:
    """The whole file of results; a target without costs has the section that it had `before`."""
    found = dict.fromkeys(cost.target for cost in costs)
    new = {name: section(name, [c for c in costs if c.target == name], peers) for name in found}
    old = {part.partition(":")[0]: f"## {part}" for part in before.split("\n## ")[1:]}
    sections = (new.get(name, old.get(name)) for name in targets.names())
    return "\n".join([INTRODUCTION, *(f"{part.rstrip()}\n" for part in sections if part)])


INTRODUCTION = """# What the generated code costs

Written by `python bench/results.py`, which measures it all.

- *Instructions* are those of one inference, counted by QEMU (`-icount shift=0`) or, on the host, by valgrind. They are
  not cycles. The input is random.
- *Code* is what the network adds to the flash of an image that does everything but run it, functions of the C library
  included; *constants* are weights and tables. *RAM* is what the network adds to the image's, without the caller's
  inputs and outputs. *Stack* is what one inference uses besides. All in bytes.
- *Best other* is the fewest instructions of any other open generator for the same model, which we measured with the
  same compiler and emulator ([peers.csv](peers.csv)).
- *cmsis-nn* rows count the code of CMSIS-NN that the network uses, compiled with the same options.
- Cortex-M0+ code runs on an emulated Cortex-M3, of whose instructions its own are a part.
"""


def section(target: str, costs: Sequence[Cost], peers: Peers) -> str:
    """One target's table."""
    title = targets.get(target).title
    compared = any((cost.model, target) in peers for cost in costs)
    heads = ["model", "type", "backend", "MACs", "instructions", "per MAC", "code", "constants", "RAM", "stack"]
    rows = [row(cost) for cost in costs]
    if compared:
        heads.append("best other")
        rows = [[*cells, other(cost, peers)] for cells, cost in zip(rows, costs, strict=True)]
    compilers = sorted({cost.compiler for cost in costs})
    return "\n".join([f"## {target}: {title}", "", f"{', '.join(compilers)}.", "", *table(heads, rows), ""])


def row(cost: Cost) -> list[str]:
    """A measurement's cells, as `section` heads them."""
    ratio = cost.instructions_per_mac
    numbers = [cost.code, cost.constants, cost.ram, cost.stack]
    return [
        *(cost.model, cost.dtype, cost.backend, f"{cost.macs:,}", f"{cost.instructions:,}"),
        "" if ratio is None else f"{ratio:.2f}",
        *(f"{number:,}" for number in numbers),
    ]


def other(cost: Cost, peers: Peers) -> str:
    """The best other generator's instructions; empty where none was measured."""
    found = peers.get((cost.model, cost.target))
    if found is None or cost.dtype != "float32":
        return ""
    generator, instructions = found
    return f"{instructions:,}" + ("" if generator == "any" else f" ({generator})")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Markdown; the first three columns are words."""
    rule = [":---" if column < 3 else "---:" for column in range(len(heads))]
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]


def main() -> None:
    """Measure and write."""
    default = Path(os.environ.get("MNC_MODELS", HERE.parent.parent / "shared" / "models"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=Path, default=default, help="the folder of trained models")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="measurements at the same time")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "results.md")
    parser.add_argument("--on", help="measure on these targets, and keep what the file has of others")
    arguments = parser.parse_args()
    on = targets.names() if arguments.on is None else arguments.on.split(",")
    before = "" if arguments.on is None else arguments.output.read_text(encoding="utf-8")
    with ProcessPoolExecutor(arguments.jobs) as pool:
        costs = list(pool.map(measured, jobs(arguments.models, on)))
    arguments.output.write_text(page(costs, read_peers(HERE / "peers.csv"), before), encoding="utf-8")


if __name__ == "__main__":
    main()
