"""Layers and networks in int16, or in int8 and int16: generated C gives what the reference gives, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, build, checked_run
from hypothesis import given
from hypothesis import strategies as st
from layer_kinds import KINDS, OF_PLACES, Draw
from networks import batches, single_layers
from quantised_networks import ANY, INT16_KINDS, quantised, quantised_networks, steady_network, stored_samples
from same_bits import BATCH, assert_same_bits
from test_c_int8_layers import merges, refusal

import mnc
from mnc import targets
from mnc.backends import get, refusals
from mnc.backends.library import headers, standard
from mnc.backends.select.quantised.int16 import INT16
from mnc.ir.activations import Elu, HardSwish, Relu, Sigmoid
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Conv2DTranspose,
    Dense,
    Dequantize,
    Identity,
    Merge,
    Quantize,
    ResizeBilinear,
    Softmax,
)
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType

LAYERS = sorted((kind for kind in INT16 if kind in KINDS), key=lambda kind: kind.__name__)
ONLY = (DType.INT16,)


@st.composite
def int16_layers(draw: Draw, kind: type[Layer]) -> Graph:
    """A network of one layer of this kind in int16."""
    drawn = draw(merges(kind) if issubclass(kind, Merge) and draw(st.booleans()) else single_layers(kind))
    return quantised(drawn, draw(st.integers(0, 2**16)), dtypes=ONLY)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
@BATCH
@given(data=st.data())
def test_a_layer_gives_the_same_bits(
    kind: type[Layer], data: st.DataObject, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graphs = data.draw(batches(int16_layers(kind), 5))
    assert_same_bits(graphs, tmp_path_factory.mktemp("int16"), gcc)


def test_every_kind_with_a_kernel_is_drawn() -> None:
    assert set(INT16) - set(LAYERS) == {Dequantize, Quantize, *OF_PLACES}


@pytest.mark.parametrize("flags", [(), ("-DMNC_NO_INT64",), ("-DMNC_SMALL",)], ids=["int64", "no int64", "small"])
@BATCH
@given(graphs=batches(quantised_networks(INT16_KINDS, dtypes=ONLY), 10))
def test_random_networks(
    graphs: Sequence[Graph], flags: tuple[str, ...], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("int16"), gcc, [*SANITIZED, *flags])


OWN_SHIFT = "-DMNC_SHIFT_RIGHT(x,n)=((x)<0?~(~(x)>>(n)):(x)>>(n))"
"""For a compiler whose shifts to the right lose the sign: no negative number is shifted."""


@pytest.mark.parametrize("flags", [(), (OWN_SHIFT,), (OWN_SHIFT, "-DMNC_NO_INT64")], ids=["", "own shift", "no int64"])
@BATCH
@given(graphs=batches(quantised_networks(dtypes=ANY, mixed=True), 10))
def test_random_networks_of_all_types(
    graphs: Sequence[Graph], flags: tuple[str, ...], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("mixed"), gcc, [*SANITIZED, *flags])


SUMS = """
int main(void)
{
    int i;

    for (i = 0; i < COUNT; ++i) {
        const int32_t *const c = cases[i];

        printf("%d %ld\\n", mnc_requantise_wide_s16(c[0], (uint32_t)c[1], c[2], c[3], c[4], c[5]),
               (long)mnc_top_product(c[1], c[2] * 65536));
    }
    return 0;
}
"""


@pytest.mark.parametrize("flag", ["-DMNC_INT64", "-DMNC_NO_INT64"])
def test_sums_are_rounded_as_defined(flag: str, gcc: str, tmp_path: Path) -> None:
    """Every shift, with sums that fit, that saturate, and that lie half-way."""
    rng = np.random.default_rng(0)
    cases = []
    for shift in [*range(8, 47)] * 40:
        multiplier = int(rng.integers(2**14, 2**15))
        reach = min(max(2 ** (shift + int(rng.integers(-2, 3))) // multiplier, 1) * 2**15, 2**47)
        x = int(rng.integers(-reach, reach))
        if rng.integers(4) == 0:  # half a step, if the multiplier is a power of two
            multiplier, x = 2**14, (2 * int(rng.integers(-(2**15), 2**15)) + 1) << max(shift - 15, 0)
        x = max(min(x, 2**47 - 1), -(2**47))
        low = int(rng.choice([-32768, 0]))
        cases.append((x, multiplier, shift, low, 32767))
    items = standard().closure(["mnc_requantise_wide_s16", "mnc_top_product"])
    text = "\n\n".join(item.text for item in items)
    rows = [f"{{{x >> 32}, (int32_t){x & 0xFFFFFFFF}u, {', '.join(map(str, rest))}}}" for x, *rest in cases]
    table = f"#define COUNT {len(cases)}\nstatic const int32_t cases[COUNT][6] = {{{', '.join(rows)}}};"
    head = "\n".join(f"#include {header}" for header in (*headers(text), "<stdio.h>"))
    program = build(tmp_path, gcc, [*SANITIZED, flag], {"sums.c": f"{head}\n{text}\n{table}\n{SUMS}"})
    got = [tuple(map(int, line.split())) for line in checked_run([str(program)], tmp_path).splitlines()]
    for (x, multiplier, shift, low, high), (wide, top) in zip(cases, got, strict=True):
        assert wide == min(max((x * multiplier + (1 << shift - 1)) >> shift, low), high), (x, multiplier, shift)
        word = (x & 0xFFFFFFFF) - (1 << 32 if x & 0x80000000 else 0)
        assert top == (word * multiplier * 2**16 + 2**31) >> 32, (word, multiplier)


SCALE = Quantisation((0.001,))
OUT = ElementType(DType.INT16, SCALE)
UNIT = ElementType(DType.INT16, Quantisation((2.0**-15,)))
DENSE = Dense(Constant(np.ones((2, 3), np.int8), Quantisation((0.01,))), output=OUT)
KERNEL = Constant(np.ones((2, 2, 3, 2), np.int8), Quantisation((0.01,)))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (replace(DENSE, bias=Constant(np.full(3, 2**46))), ""),
        (replace(DENSE, bias=Constant(np.full(3, 2**47))), "Dense has no int16 kernel for sums beyond 48 bits"),
        (replace(DENSE, bias=Constant(np.full(3, 2**30, np.int32))), ""),
        (
            replace(DENSE, bias=Constant(np.full(3, 2**31 - 1, np.int32))),
            "Dense has no int16 kernel for sums beyond 32",
        ),
        (
            replace(DENSE, bias=Constant(np.zeros(3, np.int16))),
            "Dense has no int16 kernel for a bias that is not int64",
        ),
        (
            replace(DENSE, output=ElementType(DType.INT16, Quantisation((1e-8,)))),
            "Dense has no int16 kernel for scales so far apart",
        ),
        (Identity(output=ElementType(DType.INT8, SCALE)), "Identity has no int16 kernel for int8 as output"),
        (
            Identity(output=ElementType(DType.INT16, Quantisation((0.1,), 1))),
            "Identity has no int16 kernel for an output with the zero point 1",
        ),
        (Activation(Elu(), output=OUT), "Activation has no int16 kernel for Elu"),
        (Activation(HardSwish(), output=OUT), "Activation has no int16 kernel for HardSwish"),
        (Activation(Relu(6.0, 0.1), output=OUT), "Activation has no int16 kernel for Relu"),
        (Activation(Sigmoid(), output=OUT), "Activation has no int16 kernel for an output of a scale other than"),
        (Softmax(output=OUT), "Softmax has no int16 kernel for an output of a scale other than 3.05176e-05"),
        (
            AveragePooling2D((200, 200)),
            "AveragePooling2D has no int16 kernel for the mean of more than 32,768 elements",
        ),
        (
            Conv2DTranspose(KERNEL, Constant(np.full(3, 2**31)), output=OUT),
            "Conv2DTranspose has no int16 kernel for sums beyond 32 bits",
        ),
        (ResizeBilinear((8, 8)), "the c backend has no kernel for ResizeBilinear on int16 values"),
    ],
)
def test_what_has_no_kernel_is_named(layer: Layer, reason: str) -> None:
    shape = (200, 200, 2) if isinstance(layer, AveragePooling2D) else (4, 4, 2)
    found = refusal(layer, shape, quant=SCALE, dtype=DType.INT16)
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_types_do_not_mix() -> None:
    x = (Input("a", TensorType((2,), DType.INT16, SCALE)), Input("b", TensorType((2,), DType.INT8, SCALE)))
    graph = Graph("mixed", x, (Node(("y",), Add(output=OUT), ("a", "b")),), ("y",))
    assert refusals(get("c"), graph) == {"y": "Add has no int16 kernel for int8 as input"}


WAYS = {"c": (), "cpp": (), "c, no int64, small": ("-DMNC_NO_INT64", "-DMNC_SMALL")}


@pytest.mark.usefixtures("arm_gcc", "qemu_arm")
@pytest.mark.parametrize("way", WAYS)
def test_on_a_cortex_m4(way: str) -> None:
    graph = steady_network()
    built = mnc.compile(graph, backend=way.split(",")[0], name="Net")
    x = stored_samples(graph, 2)
    interface, options = targets.Interface.of_graph(built.graph, "Net"), targets.Options(flags=WAYS[way])
    got = targets.run(targets.get("cortex-m4"), built.files, interface, x, options)
    for mine, wanted in zip(got, graph.predict(x), strict=True):
        assert mine.dtype == wanted.dtype
        np.testing.assert_array_equal(mine.reshape(wanted.shape), wanted)
        assert wanted.std() > 0


def test_the_interface_is_int16(gcc: str, tmp_path: Path) -> None:
    built = mnc.compile(steady_network(), name="net")
    header = built.files["net.h"]
    assert "#define NET_INPUT_SCALE 0.001f\n#define NET_INPUT_ZERO_POINT 0\n" in header
    assert "void net_run(net_t *net, const int16_t *input, int16_t *output0, int8_t *output1);" in header
    program = build(tmp_path, gcc, [*STRICT, *SANITIZED[2:]], built.files, {"main.c": CONVERTING})
    stored, real = checked_run([str(program)], tmp_path).splitlines()
    # halves away from zero; numbers beyond the range at its end
    assert stored.split() == ["0", "1000", "-1000", "32767", "-32768", "2", "-2", "-32768"]
    assert real.split() == ["0.5", "-1"]


CONVERTING = """\
#include <stdio.h>
#include "net.h"

int main(void)
{
    static float real[NET_INPUT_SIZE] = {0.0F, 1.0F, -1.0F, 1e9F, -1e9F, 0.0015F, -0.0015F};
    static const int16_t given[NET_OUTPUT_0_SIZE] = {16384, -32768};
    static int16_t stored[NET_INPUT_SIZE];
    float scores[NET_OUTPUT_0_SIZE];
    int i;
    real[7] = real[0] / real[0];
    net_quantize_input(real, stored);
    net_dequantize_output_0(given, scores);
    for (i = 0; i < 8; ++i)
        printf("%d ", stored[i]);
    printf("\\n%.9g %.9g\\n", (double)scores[0], (double)scores[1]);
    return 0;
}
"""
