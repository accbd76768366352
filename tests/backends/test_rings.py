"""Nothing stands in the way of streaming: layers run row by row through rings of three rows.

The rows of a convolution, a depthwise and a pointwise convolution are
interleaved, each made as late as can be and kept in a ring of three.  The row
functions are the generated code's own calls of the library's kernels, literal
for literal; only where a row lies differs.  The results are the same bits as
layer by layer.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, build, checked_run, write

import mnc
from mnc.compiler import Build
from mnc.ir.activations import Function, Relu, Swish
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D, DepthwiseConv2D, same_padding
from mnc.ir.types import Constant, TensorType
from mnc.program import Step

SCHEDULE = """\
static float given[NET_INPUT_SIZE], by_layers[NET_OUTPUT_SIZE], by_rows[NET_OUTPUT_SIZE];
static float ring_a[3][A_ROW], ring_b[3][B_ROW];
static int done_a, done_b;
static net_t net;

static void make_a(int last)
{
    const float *rows[3];
    int k;

    for (; done_a <= last; ++done_a) {
        for (k = 0; k < 3; ++k) {
            const int r = done_a * A_STRIDE - A_PADDING + k;
            rows[k] = r >= 0 && r < A_IN_ROWS ? given + r * A_IN_ROW : NULL;
        }
        a_row(rows, ring_a[done_a % 3]);
    }
}

static void make_b(int last)
{
    const float *rows[3];
    int k;

    for (; done_b <= last; ++done_b) {
        const int reach = done_b * B_STRIDE - B_PADDING + 2;

        make_a(reach < B_IN_ROWS ? reach : B_IN_ROWS - 1);
        for (k = 0; k < 3; ++k) {
            const int r = done_b * B_STRIDE - B_PADDING + k;
            rows[k] = r >= 0 && r < B_IN_ROWS ? ring_a[r % 3] : NULL;
        }
        b_row(rows, ring_b[done_b % 3]);
    }
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    const float *row;
    int y;

    if (file == NULL || fread(given, sizeof given, 1, file) != 1)
        return 2;
    fclose(file);
    net_init(&net);
    net_run(&net, given, by_layers);
    for (y = 0; y < C_ROWS; ++y) {
        make_b(y);
        row = ring_b[y % 3];
        c_row(&row, by_rows + y * C_ROW);
    }
    puts(memcmp(by_layers, by_rows, sizeof by_rows) == 0 ? "same" : "different");
    return 0;
}
"""


def network(height: int, strides: tuple[int, int], padded: bool, activation: Function | None, filters: int) -> Graph:
    rng = np.random.default_rng(height)

    def weights(*shape: int) -> Constant:
        return Constant(rng.normal(0, 0.5, shape).astype(np.float32))

    size: tuple[int, ...] = (height, 10)
    padding = []
    for stride in strides:
        both = tuple(same_padding(n, 3, stride, 1) if padded else (0, 0) for n in size)
        padding.append((both[0], both[1]))
        size = tuple((n + sum(p) - 3) // stride + 1 for n, p in zip(size, both, strict=True))
    (first, second), (a, b) = strides, padding
    conv = Conv2D(weights(3, 3, 2, filters), weights(filters), (first, first), a)
    depthwise = DepthwiseConv2D(weights(3, 3, filters, 1), weights(filters), (second, second), b, activation=activation)
    pointwise = Conv2D(weights(1, 1, filters, 7), weights(7), activation=activation)
    nodes = (Node(("a",), conv, ("image",)), Node(("b",), depthwise, ("a",)), Node(("c",), pointwise, ("b",)))
    return Graph("rings", (Input("image", TensorType((height, 10, 2))),), nodes, ("c",))


@pytest.mark.parametrize("flags", [[], ["-DMNC_SMALL"]], ids=["fast", "small"])
@pytest.mark.parametrize(
    "graph",
    [
        network(9, (1, 1), True, None, 4),
        network(12, (2, 1), True, Relu(6.0), 9),
        network(11, (1, 2), True, Relu(), 5),
        network(17, (2, 2), False, Swish(), 11),
    ],
    ids=["plain", "first-strided", "second-strided", "valid"],
)
def test_rows_through_rings_give_the_same_bits(graph: Graph, flags: list[str], gcc: str, tmp_path: Path) -> None:
    compiled = mnc.compile(graph, name="net")
    write(compiled.files, tmp_path)
    program = build(tmp_path, gcc, [*SANITIZED, *flags], {"main.c": interleaved(compiled)})
    image = np.random.default_rng(1).normal(size=graph.inputs[0].type.shape).astype(np.float32)
    (tmp_path / "image").write_bytes(image.tobytes())
    assert checked_run([str(program), "image"], tmp_path) == "same\n"


def interleaved(compiled: Build) -> str:
    """A program that runs the network both ways and compares."""
    lines = ["#include <stdio.h>", "#include <string.h>", '#include "net.c"']
    for name, step in zip("abc", compiled.emission.program.steps, strict=True):
        assert step.rows is not None
        (x,), (y,), (window,) = step.reads, step.writes, step.rows.windows
        lines += [f"#define {name.upper()}_ROW {y.layout.row}", f"#define {name.upper()}_ROWS {step.rows.count}"]
        lines += [f"#define {name.upper()}_IN_ROW {x.layout.row}", f"#define {name.upper()}_IN_ROWS {x.image[0]}"]
        lines += [f"#define {name.upper()}_STRIDE {window.stride}", f"#define {name.upper()}_PADDING {window.padding}"]
        lines += [f"static void {name}_row(const float *const *rows, float *out)", "{", "    (void)rows;"]
        lines += [calls_of_a_row(step, compiled.files["net.c"]), "}"]
    return "\n".join([*lines, SCHEDULE])


def calls_of_a_row(step: Step, source: str) -> str:
    """The calls of the generated code for one row of a layer, the row's place left open."""
    loop = re.search(rf"\(const float \*in, float \*out\)\n{{(?:(?!\n}}).)*?{step.kernel}.*?\n}}", source, re.DOTALL)
    assert loop is not None
    body = loop[0][loop[0].index("{", loop[0].index("for (")) + 1 : loop[0].rindex("    }")]
    calls = [call for call in body.split(";\n") if "mnc_rows_f32" not in call]
    text = ";\n".join(calls)
    text = re.sub(r"(\bin\b|\bout\b)((?: \+ \d+)?) \+ y \* \d+", r"\1\2", text)
    text = re.sub(r"\bin\b(?=[, ])", "rows[0]", text)
    assert re.search(r"\b(y|in)\b(?! \*/)", text) is None, text
    return text
