"""Times generated code on this machine against XNNPACK, which ai-edge-litert runs, in one thread and in one run.

    python bench/xnnpack.py [--models FOLDER] [--rounds N]

Each round runs every build once more; of each the least time counts, in microseconds.  It needs `ai-edge-litert`, which
nothing else here does, and gcc.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found,unused-ignore]

import mnc

MODELS = {
    "ResNet-8": ("mlperf_tiny/pretrainedResnet.h5", "mlperf_tiny/pretrainedResnet.tflite"),
    "VWW": ("mlperf_tiny/vww_96.h5", "mlperf_tiny/vww_96_float.tflite"),
    "KWS": ("mlperf_tiny/kws_ref_model.keras2.h5", "mlperf_tiny/kws_ref_model_float32.tflite"),
    "Base": ("micromobilenet/base.keras2.h5", "micromobilenet/base.float32.tflite"),
}
"""A network, and the same one as XNNPACK reads it."""

WAYS = {"plain": (), "-march=native": ("-march=native",), "without lanes": ("-DMNC_NO_LANES",)}
CALL = """
#include "net.h"
static net_t net;
void go(const float *input, float *output) { net_run(&net, input, output); }
"""


def built(model: Path, flags: tuple[str, ...], folder: Path) -> Callable[[], object]:
    """One inference of a network, compiled for this machine."""
    build = mnc.compile(mnc.load(model), name="net", target=None if "-DMNC_NO_LANES" in flags else "host")
    for name, text in {**build.files, "call.c": CALL}.items():
        (folder / name).write_text(text, encoding="ascii")
    compiler = ["gcc", "-std=c89", "-O2", *flags, "-shared", "-fPIC", "net.c", "call.c", "-lm", "-o", "net.so"]
    subprocess.run(compiler, cwd=folder, check=True)
    x = np.random.default_rng(0).random(build.graph.inputs[0].type.elements, dtype=np.float32)
    y = np.empty(build.graph.types[build.graph.outputs[0]].elements, np.float32)
    go = ctypes.CDLL(str(folder / "net.so")).go
    pointers = [ctypes.c_void_p(each.ctypes.data) for each in (x, y)]
    return lambda: (go(*pointers), x, y)


def interpreted(model: Path) -> Callable[[], object]:
    """One inference of a network by XNNPACK."""
    interpreter = Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], np.random.default_rng(0).random(given["shape"], dtype=np.float32))
    return interpreter.invoke  # type: ignore[no-any-return,unused-ignore]  # of a package without types


def timed(run: Callable[[], object]) -> float:
    """Microseconds that a run takes: one run, which other processes interrupt the least."""
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) * 1e6


def main() -> None:
    """Measure and print a table."""
    default = Path(os.environ.get("MNC_MODELS", Path(__file__).resolve().parents[2] / "shared" / "models"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=Path, default=default, help="the folder of trained models")
    parser.add_argument("--rounds", type=int, default=500, help="of which the best counts")
    arguments = parser.parse_args()
    print(f"| | XNNPACK | {' | '.join(WAYS)} |\n| --- | ---: |{' ---: |' * len(WAYS)}")
    for name, (model, file) in MODELS.items():
        with tempfile.TemporaryDirectory() as temporary:
            runs = [interpreted(arguments.models / file)]
            for i, flags in enumerate(WAYS.values()):
                folder = Path(temporary, str(i))
                folder.mkdir()
                runs.append(built(arguments.models / model, flags, folder))
            best = [min(times) for times in zip(*(map(timed, runs) for _ in range(arguments.rounds)), strict=True)]
        print(f"| {name} | {' | '.join(f'{each:,.0f}' for each in best)} |", flush=True)


if __name__ == "__main__":
    main()
