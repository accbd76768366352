"""Trains the MobileNets of the zoo on the digits, compiles them, and writes the tables of docs/zoo.md.

    python bench/zoo.py [--trained FOLDER] [-o FILE]

The folder has NAME.h5 of each network that is trained already; the others are
trained as `mnc train` does it and put there, and an interrupted training is taken up.  The tables take
the place of what stands between the marks in the page; the rest is left alone.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mnc
from mnc.bench import Cost, bench
from mnc.zoo.dataset import Dataset
from mnc.zoo.digits import digits
from mnc.zoo.quickstart import Version, versions
from mnc.zoo.training import EPOCHS, Figures, Recipe, Watcher, train

HERE = Path(__file__).resolve().parent

SEEDS = {"nano": 2}
"""Where it is not the default; the page says why."""
MACHINES = ("cortex-m4", "cortex-m7")
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


class Log(Watcher):
    """A line an epoch, on stderr."""

    def epoch(self, epoch: int, figures: Figures) -> None:
        print(epoch, dict(figures), file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Row:
    """One network."""

    name: str
    forms: Sequence[Version]
    """Keras' model, the code in float32, the code in int8."""
    costs: Mapping[str, Sequence[Cost]]
    """By element type, on each of `MACHINES`."""


def row(recipe: Recipe, data: Dataset, folder: Path) -> Row:
    """Train the network where that is not done yet, and measure it."""
    name = recipe.architecture
    file = folder / f"{name}.h5"
    if not file.exists():
        checkpoint = file.with_suffix(".checkpoint.npz")
        train(recipe, data, checkpoint, Log()).network.save(file)
        checkpoint.unlink(missing_ok=True)
    network = recipe.network(data).build()
    network.model.load_weights(str(file))
    forms = versions(name, mnc.load(file), network.predict, data)
    graphs = {form.build.report.dtype: form.build.graph for form in forms if form.build is not None}
    costs = {dtype: [bench(graph, name, "c", machine) for machine in MACHINES] for dtype, graph in graphs.items()}
    print(name, *(f"{form.name} {form.accuracy:.4f}" for form in forms), file=sys.stderr, flush=True)
    return Row(name, forms, costs)


def tables(rows: Sequence[Row], peers: Mapping[str, int]) -> str:
    """The costs of the networks, and how often they are right."""
    heads = (
        "architecture",
        "flash, kB",
        "RAM, kB",
        *(f"{name}, instructions" for name in MACHINES),
        f"micromobilenet, {MACHINES[0]}",
    )
    costs = [
        (
            f"{each.name}, {dtype}",
            f"{figures[0].flash / 1000:.1f}",
            f"{figures[0].ram / 1000:.1f}",
            *(f"{cost.instructions:,}" for cost in figures),
            f"{peers[each.name]:,}" if dtype == "float32" and each.name in peers else "",
        )
        for dtype in ("float32", "int8")
        for each in rows
        for figures in (each.costs[dtype],)
    ]
    right = [
        (
            each.name,
            *(f"{form.accuracy:.1%}" for form in each.forms),
            *(f"{form.agreement:.1%}" for form in each.forms[1:]),
        )
        for each in rows
    ]
    names = ("network", "Keras", "C, float32", "C, int8", "float32 as Keras", "int8 as Keras")
    return "\n".join((*table(heads, costs), "", *table(names, right)))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Markdown; the first column is words."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]


def micromobilenet(file: Path) -> Mapping[str, int]:
    """The instructions of its own code on the first of `MACHINES`, as we measured them."""
    with file.open(encoding="utf-8", newline="") as lines:
        return {
            each["model"]: int(each["instructions"])
            for each in csv.DictReader(lines)
            if each["generator"] == "micromobilenet" and each["target"] == MACHINES[0]
        }


def main() -> None:
    """Train, measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trained", type=Path, default=HERE.parent / "build" / "zoo", help="the folder of networks")
    parser.add_argument("-o", "--output", type=Path, default=HERE.parent / "docs" / "zoo.md")
    arguments = parser.parse_args()
    arguments.trained.mkdir(parents=True, exist_ok=True)
    before, begin, rest = arguments.output.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{arguments.output}: the marks of the tables are missing: {BEGIN} and {END}")
    data = digits()
    recipes = [Recipe(name, epochs, seed=SEEDS.get(name, 1)) for name, epochs in EPOCHS.items()]
    rows = [row(recipe, data, arguments.trained) for recipe in recipes]
    found = tables(rows, micromobilenet(HERE / "peers.csv"))
    arguments.output.write_text(f"{before}{BEGIN}\n\n{found}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
