"""Measures the code of every float32 layer kind on Cortex-M4, and writes it to docs/kernel-sizes.md.

    python bench/kernel_sizes.py [-o FILE]

Each figure is that of a network of one layer, compiled and not linked.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnc import backends, targets
from mnc.backends import Emission
from mnc.ir import activations
from mnc.ir.activations import Function
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    ArgMax,
    ArgMin,
    Average,
    AveragePooling2D,
    Broadcast,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Divide,
    Dot,
    Embedding,
    Equal,
    FloorDivide,
    FloorMod,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Greater,
    GreaterEqual,
    GroupNormalization,
    Identity,
    LayerNormalization,
    LogSoftmax,
    MatMul,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    NotEqual,
    Permute,
    PReLU,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    ResizeBilinear,
    ResizeNearest,
    Reverse,
    SimpleRNN,
    Slice,
    Softmax,
    Sparsemax,
    SquaredDifference,
    Subtract,
    Take,
    UnitNormalization,
    Where,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, Shape, TensorType, show

PAGE = Path(__file__).resolve().parent.parent / "docs" / "kernel-sizes.md"
TARGET = targets.get("cortex-m4")
OPTIONS = (("-O2",), ("-Os",), ("-Os", "-DMNC_SMALL"))


def weights(*shape: int) -> Constant:
    """Some constant: its values do not matter."""
    return Constant(np.linspace(0.5, 1.5, int(np.prod(shape)), dtype=np.float32).reshape(shape))


MERGES = (
    Add,
    Average,
    Divide,
    Equal,
    FloorDivide,
    FloorMod,
    Greater,
    GreaterEqual,
    Maximum,
    Minimum,
    Multiply,
    NotEqual,
    SquaredDifference,
    Subtract,
)
SAME = ((1, 1), (1, 1))
IMAGE: Shape = (16, 16, 8)
SEQUENCE: Shape = (20, 16)
VECTOR: Shape = (64,)


@dataclass(frozen=True)
class Example:
    """A layer as networks have it, and its inputs."""

    what: str
    """The form of the example, where its layer kind has several."""
    layer: Layer
    inputs: tuple[Shape, ...]

    @property
    def graph(self) -> Graph:
        """The network of this layer alone."""
        given = tuple(Input(f"x{i}", TensorType(shape)) for i, shape in enumerate(self.inputs))
        node = Node(("y",), self.layer, tuple(each.name for each in given))
        return Graph("one", given, (node,), ("y",))


def _examples() -> list[Example]:
    functions = (
        getattr(activations, name)() for name in sorted(vars(activations)) if _is_function(getattr(activations, name))
    )
    return [
        *(Example(type(function).__name__, Activation(function), (VECTOR,)) for function in functions),
        *(Example("", kind(), (IMAGE, IMAGE)) for kind in MERGES),
        Example("", Where(), (IMAGE, IMAGE, IMAGE)),
        Example("by channel", Multiply(), (IMAGE, (1, 1, 8))),
        *(Example("", kind(), (SEQUENCE,)) for kind in (ArgMax, ArgMin)),
        Example("", AveragePooling2D(), (IMAGE,)),
        Example("", Broadcast(IMAGE), ((16, 1, 8),)),
        Example("", Concatenate(), (IMAGE, IMAGE)),
        Example("1x1", Conv2D(weights(1, 1, 8, 8), weights(8)), (IMAGE,)),
        Example("3x3", Conv2D(weights(3, 3, 8, 8), weights(8), padding=SAME), (IMAGE,)),
        Example("3x3, 2 groups", Conv2D(weights(3, 3, 4, 8), weights(8), padding=SAME, groups=2), (IMAGE,)),
        Example("4x4, stride 2", Conv2DTranspose(weights(4, 4, 8, 8), weights(8), (2, 2), SAME), (IMAGE,)),
        Example("", Cropping2D(SAME), (IMAGE,)),
        Example("", Dense(weights(64, 16), weights(16)), (VECTOR,)),
        Example("3x3", DepthwiseConv2D(weights(3, 3, 8, 1), weights(8), padding=SAME), (IMAGE,)),
        Example("5x5", DepthwiseConv2D(weights(5, 5, 8, 1), weights(8)), (IMAGE,)),
        Example("", Dot((1, 1)), (SEQUENCE, SEQUENCE)),
        Example("", Embedding(weights(50, 16)), ((20,),)),
        Example("reset after", GRU(weights(16, 48), weights(16, 48), weights(2, 48)), (SEQUENCE,)),
        Example("reset before", GRU(weights(16, 48), weights(16, 48), weights(48), reset_after=False), (SEQUENCE,)),
        Example("", GlobalAveragePooling(), (IMAGE,)),
        Example("", GlobalMaxPooling(), (IMAGE,)),
        Example("", GroupNormalization(weights(8), weights(8), groups=2), (IMAGE,)),
        Example("copies an output", Identity(), (IMAGE,)),
        Example("", LSTM(weights(16, 64), weights(16, 64), weights(64)), (SEQUENCE,)),
        Example("", LayerNormalization(weights(8), weights(8)), (IMAGE,)),
        Example("", MatMul(), ((20, 16), (16, 20))),
        Example("", MaxPooling2D(), (IMAGE,)),
        Example("", PReLU(weights(1, 1, 8)), (IMAGE,)),
        Example("", Permute((2, 0, 1)), (IMAGE,)),
        *(Example("", kind(), (IMAGE,)) for kind in (ReduceMax, ReduceMean, ReduceMin, ReduceSum)),
        Example("", ResizeBilinear((32, 32)), (IMAGE,)),
        Example("", ResizeNearest((32, 32)), (IMAGE,)),
        Example("", Reverse(0), (SEQUENCE,)),
        Example("", SimpleRNN(weights(16, 16), weights(16, 16), weights(16)), (SEQUENCE,)),
        Example("every second row", Slice((0, 0, 0), (8, 16, 8), (2, 1, 1)), (IMAGE,)),
        *(Example("", kind(), (VECTOR,)) for kind in (Softmax, LogSoftmax, Sparsemax)),
        Example("", Take((1, 0, 1), 0), (IMAGE,)),
        Example("", UnitNormalization(), (IMAGE,)),
        Example("", ZeroPadding2D(SAME), (IMAGE,)),
    ]


def _is_function(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Function) and value is not Function


EXAMPLES = sorted(_examples(), key=lambda example: (type(example.layer).__name__, example.what))


@dataclass(frozen=True)
class Size:
    """The content of one network's object file."""

    code: int
    """Bytes of instructions, constants not counted."""
    library: tuple[str, ...]
    """Functions that it takes from the C library."""


def emission(example: Example) -> Emission:
    """The network of the example, compiled to C as it is: what is measured is the layer, not what passes make of it."""
    backend = backends.get("c")
    return backend.emit(backends.program_of(backend, example.graph), "one")


def measure(files: Mapping[str, str], flags: tuple[str, ...]) -> Size:
    """Compile a network and look at the object file."""
    with tempfile.TemporaryDirectory(prefix="mnc-") as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="ascii")
        _said(folder, TARGET.compiler.program, *TARGET.flags, "-std=c89", *flags, "-c", "one.c")
        sections = _said(folder, "arm-none-eabi-size", "-A", "one.o").splitlines()
        undefined = _said(folder, "arm-none-eabi-nm", "-u", "one.o").split()
    code = sum(int(line.split()[1]) for line in sections if line.startswith(".text"))
    return Size(code, tuple(name for name in undefined if name != "U"))


def _said(folder: str, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def compiler() -> str:
    """The compiler and its version, as the page names it."""
    return _said(".", TARGET.compiler.program, "--version").splitlines()[0]


def row(example: Example) -> str:
    """One line of the table."""
    built = emission(example)
    sizes = [measure(built.files, flags) for flags in OPTIONS]
    kernels = ", ".join(f"`{name}`" for name in built.program.kernels)
    shapes = ", ".join(show(shape) for shape in example.inputs)
    library = ", ".join(sorted({name for size in sizes for name in size.library}))
    figures = " | ".join(f"{size.code:,}" for size in sizes)
    return f"| {type(example.layer).__name__} | {example.what} | {shapes} | {figures} | {kernels} | {library} |"


HEAD = """\
# Code size of the kernels

Written by `python bench/kernel_sizes.py`, which measures it all.

Bytes of instructions on Cortex-M4 of a network of one float32 layer: the kernels that it calls, their sizes and
strides compiled in, and about 20 bytes round them. Constants are not counted. Activation functions other than ReLU and
ReLU6 come on top where a layer has one; so do the functions of the C library that the last column names. A network has
the kernels of its layers and nothing else. Layers of the same sizes share a copy of a
kernel that is made for them; with `MNC_SMALL` defined, all layers share one.

{compiler}

| layer | example | reads | {options} | kernels | from the C library |
| :--- | :--- | :--- | {colons} | :--- | :--- |
"""


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description="Measure the code of every layer kind on Cortex-M4.")
    parser.add_argument("-o", "--output", type=Path, default=PAGE, help="the file to write")
    options = " | ".join(f"`{' '.join(flags)}`" for flags in OPTIONS)
    head = HEAD.format(compiler=f"{compiler()}.", options=options, colons=" | ".join(["---:"] * len(OPTIONS)))
    text = head + "\n".join(map(row, EXAMPLES)) + "\n"
    parser.parse_args().output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
