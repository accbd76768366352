"""A small network in packages of each kind, and their tools."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from networks import chain

import mnc
from mnc.compiler import Build
from mnc.ir import activations as fn
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense, Softmax
from mnc.ir.types import Constant
from mnc.packages import PACKAGES, first_sample

Tool = Callable[[str], str]
BACKENDS = ("c", "cpp")


def classifier() -> Graph:
    rng = np.random.default_rng(1)

    def constant(*shape: int) -> Constant:
        return Constant(rng.normal(size=shape).astype(np.float32))

    return chain(
        (8,),
        hidden=Dense(constant(8, 12), constant(12), fn.Relu()),
        logits=Dense(constant(12, 3), constant(3)),
        scores=Softmax(-1),
    )


def built(backend: str, name: str = "Tiny") -> Build:
    return mnc.compile(classifier(), backend=backend, name=name)


def package(kind: str, backend: str, name: str = "Tiny") -> Mapping[str, str]:
    build = built(backend, name)
    return PACKAGES[kind](build, first_sample(build.graph))


def label() -> int:
    graph = classifier()
    return int(np.asarray(graph.predict(first_sample(graph)[0][None])).argmax())


def said() -> str:
    """The line that an example prints where all is well."""
    return f"label {label()}, the reference says {label()}; 0 outputs differ\n"


def command(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(words)}: status {done.returncode}\n{text[-4000:]}"
    return text


def calling_cmsis_nn() -> Build:
    """A build whose code calls a function of the library, as that of backend `cmsis-nn` does."""
    build = built("c")
    call = '\n#include "arm_nnfunctions.h"\nint8_t Tiny_twice(int8_t x);\nint8_t Tiny_twice(int8_t x) '
    files = {**build.files, "Tiny.c": build.files["Tiny.c"] + call + "{ return arm_twice_s8(x); }\n"}
    return replace(build, emission=replace(build.emission, files=files))
