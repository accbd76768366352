"""Whatever the planner may lay over a dying input: each kernel gives the same bytes there as with memory apart.

A step is taken out of its network, and its C is run with the output at each
distance that the planner is promised, and further: below the input for calls
that go forwards or work in place, above it for rows from the last to the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from generated_c import build, checked_run
from hypothesis import assume, given
from hypothesis import strategies as st
from layer_kinds import KINDS, Draw
from networks import Batch, chain, single_layers
from quantised_networks import quantised
from same_bits import BATCH
from stand_in import CORES, STAND_IN, core

from mnc.backends import program_of
from mnc.backends.c import C
from mnc.backends.cmsis_nn import CmsisNN
from mnc.backends.interface import CFamily
from mnc.backends.library import headers
from mnc.backends.select.cmsis.table import CMSIS_NN, CMSIS_NN_INT16
from mnc.backends.unit import Unit, unit
from mnc.backends.writer import Writer, declaration
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import DepthwiseConv2D, Quantize, Slice, Softmax
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.names import snake
from mnc.passes import optimise
from mnc.plan.arena import Arena, Overlap
from mnc.plan.liveness import Plan, overlaps
from mnc.plan.schedule import schedule
from mnc.program import Program, Stage, Step
from mnc.targets import get as target

TARGETS = {"plain": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55"}
DRAWS = 6
"""Layers of each kind in a batch."""
PROMISING = {
    DType.FLOAT32: {"mnc_merge_f32", "mnc_prelu_f32", "mnc_softmax_f32", "mnc_normalization_f32"},
    DType.INT8: {"mnc_add_s8", "mnc_extreme_s8", "mnc_lookup_s8", "mnc_prelu_s8", "mnc_rescale_s8", "mnc_softmax_s8"},
    DType.INT16: {"mnc_add_s16", "mnc_extreme_s16", "mnc_prelu_s16", "mnc_rescale_s16", "mnc_softmax_s16"},
}
"""Kernels that work in place for some layer of every batch."""


@dataclass(frozen=True)
class Trial:
    """One promise about one step, which is the only one of its program."""

    program: Program
    overlap: Overlap
    descending: bool

    @property
    def step(self) -> Step:
        return self.program.steps[0]

    def unit(self, backend: CFamily, number: int) -> Unit:
        plan = Plan(Arena(dict.fromkeys(self.program.buffers, 0), 0, 0, True), (Stage(0, 0, self.descending),))
        return unit(self.program, plan, f"t{number}", backend.library, (), (), ())


def trials(graph: Graph, backend: CFamily) -> Iterator[Trial]:
    """Promises to the planner about the steps of a network, were all of its values in the arena."""
    whole = schedule(program_of(backend, optimise(graph)))[0]
    for step in whole.steps:
        names = {value.buffer for value in (*step.reads, *step.writes)} | ({step.scratch_buffer} & set(whole.buffers))
        program = replace(
            whole, steps=(step,), buffers={name: replace(whole.buffers[name], kind="arena") for name in sorted(names)}
        )
        for overlap in overlaps(program):
            yield Trial(program, overlap, False)
            if overlap.above is not None:
                yield Trial(program, overlap, True)


def assert_as_apart(
    tried: Sequence[Trial], backend: CFamily, folder: Path, compiler: str, flags: Sequence[str] = ()
) -> None:
    """One program runs all trials and names those that fail."""
    units = [trial.unit(backend, i) for i, trial in enumerate(tried)]
    library = backend.library
    layers = [layer for each in units for layer in each.layers]
    items = library.closure({"MNC_FLASH", *library.mentioned("\n".join(layer.function for layer in layers))})
    lines = [item.text for item in sorted(items, key=lambda item: item.parameters is not None)]
    for layer in layers:
        constants = Writer()
        for name, values in layer.constants.items():
            constants.array(f"static const {declaration(name, values)}", values)
        lines += [constants.text(), layer.function]
    lines += [_trial(i, trial) for i, trial in enumerate(tried)]
    lines += ["int main(void)", "{", "    int failed = 0;", *(f"    failed += trial{i}();" for i in range(len(tried)))]
    lines += ["    return failed;", "}", ""]
    text = "\n\n".join(lines[:-1]) + "\n"
    included = {*headers(text), "<stdio.h>", "<string.h>", *(h for each in units for h in each.headers)}
    source = {"trials.c": "".join(f"#include {header}\n" for header in sorted(included)) + _FILL + text}
    library_files = STAND_IN if '"arm_nnfunctions.h"' in included else {}
    program = build(folder, compiler, ["-std=c89", *flags], source, library_files)
    checked_run([str(program)], folder)


_FILL = """
static unsigned state = 1;

static void fill_f32(void *at, int bytes)
{
    float *x = (float *)at;
    int i;

    for (i = 0; i < bytes / 4; ++i) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(int)(state >> 20) / 1024.0f - 2.0f;
    }
}

static void fill_bytes(void *at, int bytes)
{
    int i;

    for (i = 0; i < bytes; ++i) {
        state = state * 1664525u + 1013904223u;
        ((unsigned char *)at)[i] = (unsigned char)(state >> 24);
    }
}

"""


def _trial(number: int, trial: Trial) -> str:
    """Each buffer has memory of its own; the output is also laid at every distance from the input that it may."""
    step, overlap, buffers = trial.step, trial.overlap, trial.program.buffers
    sizes = {name: buffer.bytes for name, buffer in buffers.items()}
    read, written = sizes[overlap.read], sizes[overlap.written]
    least = overlap.above if trial.descending else overlap.below
    assert least is not None
    unit_size = max(buffers[overlap.read].dtype.bytes, buffers[overlap.written].dtype.bytes)
    least = -(-least // unit_size) * unit_size
    last = least + (read if not trial.descending else written)
    room = read + written + last
    numbers = {name: i for i, name in enumerate(buffers)}
    lines = [f"static int trial{number}(void)", "{"]
    lines += [f"    static double b{i}[{sizes[name] // 8 + 1}];" for name, i in numbers.items()]
    lines += [f"    static double memory[{room // 8 + 2}];", "    int d;", ""]
    for value in step.reads:
        fill = "fill_f32" if value.type.dtype is DType.FLOAT32 else "fill_bytes"
        lines.append(f"    {fill}(b{numbers[value.buffer]}, {sizes[value.buffer]});")

    def call(places: dict[str, str]) -> str:
        operands = [value.buffer for value in (*step.reads, *step.writes)]
        operands += [step.scratch_buffer] * (step.arena_scratch > 0)
        pointers = ", ".join(f"(void *)({places.get(name, f'b{numbers[name]}')})" for name in operands)
        return f"t{number}_00_{snake(type(step.node.layer).__name__)}({pointers});"

    near, far = "(char *)memory", "(char *)memory + d"
    places = dict(zip((overlap.written, overlap.read), (far, near) if trial.descending else (near, far), strict=True))
    lines += [f"    {call({})}", f"    for (d = {least}; d <= {last}; d += {unit_size}) {{"]
    lines += [f"        memcpy({places[overlap.read]}, b{numbers[overlap.read]}, {read});", f"        {call(places)}"]
    lines += [f"        if (memcmp({places[overlap.written]}, b{numbers[overlap.written]}, {written}) != 0) {{"]
    what = f"{step.kernel} {'above' if trial.descending else 'below'}"
    lines += [f'            printf("{what} by %d: {type(step.node.layer).__name__} {number}\\n", d);']
    return "\n".join([*lines, "            return 1;", "        }", "    }", "    return 0;", "}"])


@st.composite
def some_of_each(draw: Draw, dtype: DType, table: Collection[type[Layer]]) -> Batch:
    """Some layers of each kind, by themselves; always a softmax of columns, and a new layout or only a new scale."""
    assume(draw(st.booleans()))  # the first example would be the simplest of each: see `networks.batches`
    graphs = []
    for kind in sorted((kind for kind in table if kind in KINDS), key=lambda kind: kind.__name__):
        for _ in range(DRAWS):
            graph = draw(single_layers(kind))
            graphs.append(
                graph if dtype is DType.FLOAT32 else quantised(graph, draw(st.integers(0, 2**16)), dtypes=[dtype])
            )
    across = chain((4, 5), y=Softmax(0))
    if dtype is DType.FLOAT32:
        kernel = Constant(np.ones((3, 3, 6, 1), np.float32))
        planes = chain((8, 8, 8), cut=Slice((0, 0, 0), (8, 8, 6), (1, 1, 1)), y=DepthwiseConv2D(kernel))
        return Batch([*graphs, across, planes])
    return Batch([*graphs, quantised(across, 0, dtypes=[dtype]), requantised(dtype)])


def requantised(dtype: DType) -> Graph:
    """To another scale of the same type."""
    scale, other = Quantisation((0.5,)), Quantisation((0.25,))
    layer = Quantize(output=ElementType(dtype, other))
    return Graph("net", (Input("x", TensorType((3, 5), dtype, scale)),), (Node(("y",), layer, ("x",)),), ("y",))


@pytest.mark.parametrize("dtype", PROMISING)
def test_own_kernels(dtype: DType, cc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    backend = C()
    seen: set[str] = set()

    @BATCH
    @given(graphs=some_of_each(dtype, backend.tables[dtype]))
    def run(graphs: list[Graph]) -> None:
        tried = [trial for graph in graphs for trial in trials(graph, backend)]
        seen.update(trial.step.kernel for trial in tried if trial.step.in_place)
        assert_as_apart(tried, backend, tmp_path_factory.mktemp("overlaps"), cc)

    run()
    assert not PROMISING[dtype] - seen, "promised by no layer of the batch"


@pytest.mark.parametrize("dtype", [DType.INT8, DType.INT16])
@pytest.mark.parametrize("form", CORES)
def test_library_kernels(dtype: DType, form: str, gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Arm's functions as the stand-in has them, which go through the rows as the library's do."""
    backend = CmsisNN({"ram": "least"}, target(TARGETS[form]))
    table = CMSIS_NN if dtype is DType.INT8 else CMSIS_NN_INT16
    seen: set[str] = set()

    @BATCH
    @given(graphs=some_of_each(dtype, table))
    def run(graphs: list[Graph]) -> None:
        tried = [trial for graph in graphs for trial in trials(graph, backend)]
        seen.update(trial.step.kernel for trial in tried if trial.step.kernel.startswith("arm_"))
        assert_as_apart(tried, backend, tmp_path_factory.mktemp("overlaps"), gcc, [core(form)])

    run()
    assert len(seen) > 3, "hardly any function is promised to take it"
