"""Gives mnc files with something wrong in them and says which of them it does not take well.

    python bench/fuzz.py [--first N] [--count N] [--seed N] [--results FILE] [--cases N,N,...] [--keep FOLDER]
                         [--models FOLDER...]

Each file is given 10 s of processor time and 1 GB of memory.  It must end with
a network or one clear error: no traceback, no internal error, no signal, no
control character on the terminal, no file left behind.  One in `--sample` of
those that compile is built by the machine's C compiler, and its outputs are
compared with the reference.

A process takes one file after the other, as starting one costs more than most
files do; where a file fails it is tried again alone, and that counts.  Every
case has a line in the results, and a run goes on behind the last one.
`--cases` runs some again and keeps their files.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # each thread of these reserves memory, which the limit counts

import mutations  # beside this file  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SECONDS, BYTES = 10, 2**30
PATIENCE = 600
"""Seconds that a case may wait for something, whatever processor time it takes."""
LARGEST = 2**20
"""Bytes of a model that `--models` finds."""
BATCH = 50
"""Cases to a process."""
FAULTS = ("Traceback (most recent call last)", "error: internal", "not enough memory")
SOUND = {0: "compiled", 1: "refused", 2: "wrong usage"}
DISAGREES = 3


@dataclass(frozen=True)
class Result:
    """The end of one case."""

    case: int
    kind: str
    outcome: str
    """compiled, built (and agreed with the reference), refused, or what is at fault."""
    fault: bool
    said: str
    """The first line on stderr."""
    seconds: float
    """Of processor time."""


@dataclass(frozen=True)
class Plan:
    """How cases are made and run."""

    seed: int
    sample: int
    """Of the cases that compile, one in this many is built; 0: none."""
    folder: Path
    """Each case has a folder of its own in it."""
    corpus: mutations.Corpus

    def case(self, number: int) -> mutations.Case:
        return mutations.case(number, self.seed, self.corpus)

    def builds(self, number: int) -> bool:
        return bool(self.sample) and number // len(self.corpus.kinds) % self.sample == 0


def results(plan: Plan, numbers: Sequence[int], keep: bool = False) -> Iterator[Result]:
    """The result of each case, in order; the files of those at fault stay in the plan's folder, with `keep` all."""
    left = list(numbers)
    while left:
        for result in _in_one_process(plan, left[:BATCH]):
            alone = result
            if result.fault:
                shutil.rmtree(plan.folder / str(result.case))
                (alone,) = _in_one_process(plan, [result.case])
            if not (keep or alone.fault):
                shutil.rmtree(plan.folder / str(result.case))
            left.remove(result.case)
            yield alone


def _in_one_process(plan: Plan, numbers: Sequence[int]) -> Iterator[Result]:
    """The results of the cases up to the first that ends the process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(plan, numbers, writing)
    os.close(writing)
    with os.fdopen(reading) as lines:
        for number in numbers:
            line = lines.readline()
            if line:
                status, seconds = json.loads(line)
                yield _judged(plan, number, status, seconds)
                continue
            ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            yield _judged(plan, number, ended, 0.0)
            return
    os.waitpid(pid, 0)


def _child(plan: Plan, numbers: Iterable[int], report: int) -> None:
    """Run the cases, write a line of each, and leave the process."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number in numbers:
            case, folder = plan.case(number), plan.folder / str(number)
            shutil.rmtree(folder, ignore_errors=True)
            for name, content in case.files.items():
                for place in (folder / "given" / name, folder / "in" / name):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content)
            (folder / "tmp").mkdir()
            started = time.process_time()
            status = _attempt(case, folder, plan.builds(number))
            os.write(report, (json.dumps([status, round(time.process_time() - started, 3)]) + "\n").encode())
    finally:
        os._exit(70)


def _attempt(case: mutations.Case, folder: Path, build: bool) -> int:
    """Run one case under the limits; its exit status."""
    for stream, name in ((1, "stdout"), (2, "stderr")):
        opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "tmp")
    os.chdir(folder / "in")
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, resource.RLIM_INFINITY))
    spent = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS, resource.RLIM_INFINITY))
    signal.alarm(PATIENCE)
    try:
        from mnc.cli import run

        status = run([*case.arguments, "-o", "../out"])
        if status == 0 and build and not _agrees(case):
            return DISAGREES
        return status
    except BaseException:  # whatever it is, it is to be reported
        traceback.print_exc()
        return 70
    finally:
        signal.alarm(0)
        sys.stdout.flush()
        sys.stderr.flush()


def _agrees(case: mutations.Case) -> bool:
    """Whether the code, built without optimisation, gives what the reference gives, as far as floats can tell."""
    import numpy as np

    import mnc
    from mnc import targets
    from mnc.reference import evaluate
    from mnc.samples import random_inputs

    if len(case.arguments) != 2:  # quantised, or with weights of its own: those are compiled only
        return True
    build = mnc.compile(mnc.load(case.arguments[1]), name="m")
    xs = random_inputs(build.graph)
    with np.errstate(all="ignore"):
        values = {name: np.asarray(value, np.float64) for name, value in evaluate(build.graph, xs).items()}
    interface = targets.Interface.of_graph(build.graph, build.name)
    ys = targets.run(targets.get("host"), build.files, interface, xs, targets.Options(optimise="-O0"))
    largest = max(float(np.abs(value).max()) for value in values.values())
    if not np.isfinite(largest) or largest > 1e6:
        return True  # sums in another order may differ by anything
    quantised = all(type_.dtype.value != "float32" for type_ in build.graph.types.values())
    limit = 0.0 if quantised else max(1e-5, 1e-4 * largest)
    wrong = [name for name, y in zip(build.graph.outputs, ys, strict=True) if np.abs(y - values[name]).max() > limit]
    for name in wrong:
        print(f"output {name!r} differs from the reference", file=sys.stderr)
    return not wrong


def _judged(plan: Plan, number: int, status: int, seconds: float) -> Result:
    """The result by a case's exit status (negative: the signal that ended it), its words and its files."""
    case, folder = plan.case(number), plan.folder / str(number)
    said = (folder / "stderr").read_text("utf-8", "replace")
    outcome, fault = _outcome(status, said, said + (folder / "stdout").read_text("utf-8", "replace"))
    if not fault and (left := _left(folder, outcome)):
        outcome, fault = f"left {left}", True
    if outcome == "compiled" and plan.builds(number) and len(case.arguments) == 2:
        outcome = "built"
    return Result(number, case.kind, outcome, fault, said.partition("\n")[0][:300], seconds)


def _outcome(status: int, said: str, printed: str) -> tuple[str, bool]:
    """The outcome, and whether mnc is at fault."""
    if status < 0:
        return signal.Signals(-status).name, True
    for fault in FAULTS:
        if fault in printed:
            return fault, True
    if any(not (char.isprintable() or char == "\n") for char in printed):
        return "control characters on the terminal", True
    if status == 1 and not any(line.startswith("error: ") for line in said.splitlines()):
        return "no word", True
    if status == DISAGREES:
        return "other outputs than the reference", True
    return (SOUND[status], False) if status in SOUND else (f"status {status}", True)


def _left(folder: Path, outcome: str) -> str:
    """Files that should not be there; empty where there are none."""
    before, after = (_contents(folder / place) for place in ("given", "in"))
    if before.keys() != after.keys():
        return repr(sorted(before.keys() ^ after.keys()))
    if before != after:
        return "a changed input"
    if left := [path.name for path in (folder / "tmp").iterdir()]:
        return repr(left)
    written = sorted(path.suffix for path in (folder / "out").rglob("*")) if (folder / "out").exists() else None
    wanted = [".c", ".h"] if outcome == "compiled" else None
    return "" if written == wanted else f"output {written}"


def _contents(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def load() -> None:
    """Import all that a case needs once, and have made what is made at first use, not in each process anew."""
    import numpy as np

    from mnc.cli import run

    with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stdout(io.StringIO()):
        place = Path(temporary)
        (place / mutations.NETWORK_FILE).write_text(mutations.NETWORK)
        np.save(place / "x.npy", np.random.default_rng(0).random((32, 6, 6, 1), np.float32))
        fixtures, output = ROOT / "tests" / "fixtures", ["-o", str(place / "out")]
        for model in (
            fixtures / "pico.int8.tflite",
            fixtures / "keras" / "merged.k3.keras",
            fixtures / "pico.keras2.h5",
        ):
            assert run(["compile", str(model), *output]) == 0
        quantised = ["--quantize", "int8", "--allow-loss", "--calibration", str(place / "x.npy")]
        assert run(["compile", str(place / mutations.NETWORK_FILE), *quantised, *output]) == 0


def table(found: Iterable[Result]) -> str:
    """How many of each kind ended in which way."""
    counts: dict[str, Counter[str]] = {}
    for result in found:
        counts.setdefault(result.kind, Counter())[f"fault: {result.outcome}" if result.fault else result.outcome] += 1
    outcomes = sorted({outcome for each in counts.values() for outcome in each})
    rows = [["kind", *outcomes, "all"]]
    rows += [[kind, *(str(each[name]) for name in outcomes), str(sum(each.values()))] for kind, each in counts.items()]
    sums = [sum(each[name] for each in counts.values()) for name in outcomes]
    rows.append(["all", *map(str, sums), str(sum(sums))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def stored(file: Path) -> Mapping[int, Result]:
    """The results of former runs."""
    if not file.exists():
        return {}
    lines = file.read_text("utf-8").splitlines()
    return {each.case: each for each in (Result(**json.loads(line)) for line in lines)}


def main() -> int:
    """Status 1 where mnc is at fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=20, help="build one in N of the cases that compile; 0: none")
    parser.add_argument("--results", type=Path, default=Path("fuzz.jsonl"))
    parser.add_argument("--cases", default="", help="run these, whatever the results say of them")
    parser.add_argument("--keep", type=Path, default=Path("fuzz"), help="the files of faults go there")
    parser.add_argument("--models", type=Path, nargs="+", help="spoil the models below these, not the project's")
    given = parser.parse_args()
    chosen = [int(number) for number in given.cases.split(",") if number]
    done = dict(stored(given.results))
    numbers = chosen or [n for n in range(given.first, given.first + given.count) if n not in done]
    corpus = mutations.Corpus.below(given.models, LARGEST) if given.models else mutations.Corpus.of(ROOT)
    plan = Plan(given.seed, given.sample, given.keep.resolve(), corpus)
    load()
    with given.results.open("a", encoding="utf-8") as log:
        for result in results(plan, numbers, bool(chosen)):
            done[result.case] = result
            log.write(json.dumps(asdict(result)) + "\n")
            log.flush()
            if result.fault or chosen:
                print(f"{result.case} {result.kind}: {result.outcome}: {result.said}", flush=True)
    print(table(done[number] for number in sorted(done)))
    return 1 if any(result.fault for result in done.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
