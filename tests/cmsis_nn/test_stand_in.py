"""The stand-in for CMSIS-NN gives the library's results, and refuses calls that the library cannot serve."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from stand_in import CORES, FOLDER, STAND_IN, core

from mnc import targets
from mnc.ir.types import Array, DType, TensorType
from mnc.targets import Interface, Options, Target, cmsis_nn

TRIAL = {name: (FOLDER / name).read_text(encoding="ascii") for name in ("trial.h", "trial.c")}
TRIALS = 26 * 30
"""Calls, every kind as often as the others."""
INTERFACE = Interface("trial", (TensorType((1,), DType.INT32),), (TensorType((1024,), DType.INT8),))


def outcomes(target: Target, files: dict[str, str], options: Options) -> Array:
    """The trials' results: (trials, 1024) int8, of which the last says whether there was a call."""
    seeds = np.arange(1, TRIALS + 1, dtype=np.int32)[:, None]
    (given,) = targets.run(target, files, INTERFACE, [seeds], options)
    return given


def stood_in(name: str) -> Array:
    return outcomes(targets.get("host"), {**TRIAL, **STAND_IN}, Options(flags=(core(name),)))


def test_results_do_not_depend_on_the_form(cc: str) -> None:
    plain = stood_in("plain")
    assert np.isin(plain[:, -1], (0, 1)).all(), "every call succeeds"
    assert plain[:, -1].mean() > 0.7, "most draws are calls"
    assert len(np.unique(plain)) == 256
    for name in ("dsp", "mve"):
        assert np.array_equal(stood_in(name), plain)


@pytest.mark.parametrize(("name", "form"), [("host", "plain"), ("cortex-m4", "dsp"), ("cortex-m55", "mve")])
def test_the_library_gives_the_same(name: str, form: str, cmsis_nn_path: Path, request: pytest.FixtureRequest) -> None:
    """Every kernel on random arguments, in all three of its forms."""
    for needed in ("cc", *(("arm_gcc", "qemu_arm") if name != "host" else ())):
        request.getfixturevalue(needed)
    target = targets.get(name)
    got = outcomes(target, TRIAL, cmsis_nn.linked(target, TRIAL, Options(), cmsis_nn_path))
    assert np.flatnonzero((got != stood_in(form)).any(axis=1)).tolist() == []


BEFORE = """\
#include <stdlib.h>
#include <string.h>
#include "arm_nnfunctions.h"
static int8_t input[1024], other[1024], output[1024], filter[4096];
static int16_t wide_input[1024], wide_output[1024];
static int64_t wide_bias[64];
static int32_t bias[64], multiplier[64], shift[64], sums[64], buffer[4096];
static cmsis_nn_context ctx, none;
static cmsis_nn_per_channel_quant_params quant;
static cmsis_nn_per_tensor_quant_params one;
static cmsis_nn_dims x = {1, 4, 6, 8}, w = {8, 3, 3, 8}, y = {1, 4, 6, 8}, b = {1, 1, 1, 8}, up = {1, 1, 1, 1};
static cmsis_nn_conv_params p;
static cmsis_nn_dw_conv_params d;
static cmsis_nn_pool_params pool;
static cmsis_nn_fc_params fc;
static cmsis_nn_transpose_conv_params t;
static cmsis_nn_dims *upscale;
static int8_t *in = input, *out = output;
static int16_t *in16 = wide_input, *out16 = wide_output;
static int16_t other16[1024], powers[513], reciprocals[513];
static cmsis_nn_softmax_lut_s16 tables = {powers, reciprocals};
static cmsis_nn_bias_data of_64 = {wide_bias, 0}, of_32 = {bias, 1};
static int32_t *added = bias;
static int32_t low = -128, high = 127, left = 20, zero = 0, size = 100, mult = 1 << 30, down = -3;
static void set_up(void) {
    int i;
    for (i = 0; i < 64; i++) { multiplier[i] = 1 << 30; shift[i] = -7; }
    for (i = 0; i < 4096; i++) filter[i] = (int8_t)(i % 100 - 50);
    ctx.buf = buffer; ctx.size = sizeof buffer;
    quant.multiplier = multiplier; quant.shift = shift;
    one.multiplier = 1 << 30; one.shift = -7;
    p.stride.w = p.stride.h = p.dilation.w = p.dilation.h = p.padding.w = p.padding.h = 1;
    p.activation.min = -128; p.activation.max = 127;
    d.stride = p.stride; d.dilation = p.dilation; d.padding = p.padding; d.activation = p.activation; d.ch_mult = 1;
    pool.stride = p.stride; pool.padding = p.padding; pool.activation = p.activation;
    fc.activation = p.activation;
    t.stride = p.stride; t.dilation = p.dilation; t.activation = p.activation; t.padding = p.padding;
}
"""
"""A program with one valid call of each kernel, and names for all that goes into it."""

WEIGHTED = "&x, in, &w, filter, &b, added"
WIDE_POOL = "pool.activation.min = -32768; pool.activation.max = 32767;"
WIDE_LIMITS = "low = -32768; high = 32767; left = 15;"
WIDE = "p.activation.min = -32768; p.activation.max = 32767; d.activation = fc.activation = p.activation;"
ADDED = "&b, added == NULL ? NULL : wide_bias"
POINTWISE = "p.padding.w = p.padding.h = 0; w.h = w.w = 1;"
ROW = "x.h = w.h = y.h = 1; p.padding.h = 0;"
PLANES = "w.n = 1;"
VECTOR = "x = w = y; x.h = x.w = w.h = w.w = y.h = y.w = 1; w.n = 8;"

CALLS = {
    "arm_convolve_s8": ("", f"arm_convolve_s8(&ctx, &p, &quant, {WEIGHTED}, upscale, &y, out)"),
    "arm_convolve_1x1_s8_fast": (POINTWISE, f"arm_convolve_1x1_s8_fast(&ctx, &p, &quant, {WEIGHTED}, &y, out)"),
    "arm_convolve_1x1_s8": (POINTWISE, f"arm_convolve_1x1_s8(&ctx, &p, &quant, {WEIGHTED}, &y, out)"),
    "arm_convolve_1_x_n_s8": (ROW, f"arm_convolve_1_x_n_s8(&ctx, &p, &quant, {WEIGHTED}, &y, out)"),
    "arm_depthwise_conv_s8": (PLANES, f"arm_depthwise_conv_s8(&ctx, &d, &quant, {WEIGHTED}, &y, out)"),
    "arm_depthwise_conv_3x3_s8": (PLANES, f"arm_depthwise_conv_3x3_s8(&ctx, &d, &quant, {WEIGHTED}, &y, out)"),
    "arm_depthwise_conv_s8_opt": (PLANES, f"arm_depthwise_conv_s8_opt(&ctx, &d, &quant, {WEIGHTED}, &y, out)"),
    "arm_depthwise_conv_wrapper_s8": (PLANES, f"arm_depthwise_conv_wrapper_s8(&ctx, &d, &quant, {WEIGHTED}, &y, out)"),
    "arm_transpose_conv_s8": ("", f"arm_transpose_conv_s8(&ctx, &none, &t, &quant, {WEIGHTED}, &y, out)"),
    "arm_fully_connected_s8": (VECTOR, f"arm_fully_connected_s8(&ctx, &fc, &one, {WEIGHTED}, &y, out)"),
    "arm_fully_connected_per_channel_s8": (
        VECTOR,
        f"arm_fully_connected_per_channel_s8(&ctx, &fc, &quant, {WEIGHTED}, &y, out)",
    ),
    "arm_avgpool_s8": ("", "arm_avgpool_s8(&ctx, &pool, &x, in, &w, &y, out)"),
    "arm_max_pool_s8": ("", "arm_max_pool_s8(&ctx, &pool, &x, in, &w, &y, out)"),
    "arm_elementwise_add_s8": (
        "",
        "arm_elementwise_add_s8(in, other, 0, mult, 0, 0, mult, 0, left, out, 0, mult, down, low, high, size)",
    ),
    "arm_elementwise_mul_s8": ("", "arm_elementwise_mul_s8(in, other, 0, 0, out, 0, mult, down, low, high, size)"),
    "arm_maximum_s8": ("", "arm_maximum_s8(&none, in, &x, other, &x, out, &y)"),
    "arm_minimum_s8": ("", "arm_minimum_s8(&none, in, &x, other, &x, out, &y)"),
    "arm_convolve_s16": (
        WIDE,
        "arm_convolve_s16(&ctx, &p, &quant, &x, in16, &w, filter, &b, added == NULL ? &of_32 : &of_64, &y, out16)",
    ),
    "arm_depthwise_conv_s16": (
        f"{PLANES} {WIDE}",
        f"arm_depthwise_conv_s16(&ctx, &d, &quant, &x, in16, &w, filter, {ADDED}, &y, out16)",
    ),
    "arm_depthwise_conv_fast_s16": (
        f"{PLANES} {WIDE}",
        f"arm_depthwise_conv_fast_s16(&ctx, &d, &quant, &x, in16, &w, filter, {ADDED}, &y, out16)",
    ),
    "arm_fully_connected_s16": (
        f"{VECTOR} {WIDE}",
        f"arm_fully_connected_s16(&ctx, &fc, &one, &x, in16, &w, filter, {ADDED}, &y, out16)",
    ),
    "arm_avgpool_s16": (WIDE_POOL, "arm_avgpool_s16(&ctx, &pool, &x, in16, &w, &y, out16)"),
    "arm_max_pool_s16": (WIDE_POOL, "arm_max_pool_s16(&ctx, &pool, &x, in16, &w, &y, out16)"),
    "arm_elementwise_add_s16": (
        WIDE_LIMITS,
        "arm_elementwise_add_s16(in16, other16, zero, mult, 0, 0, mult, 0, left, out16, 0, mult, down, low, high, "
        "size)",
    ),
    "arm_elementwise_mul_s16": (
        WIDE_LIMITS,
        "arm_elementwise_mul_s16(in16, other16, zero, 0, out16, 0, mult, down, low, high, size)",
    ),
    "arm_softmax_s16": (
        "for (down = 0; down < 513; down++) powers[down] = reciprocals[down] = (int16_t)(20000 + down); down = 0;",
        "arm_softmax_s16(in16, 10, size / 20, mult, down, &tables, out16)",
    ),
    "arm_softmax_s8": ("down = 20;", "(arm_softmax_s8(in, 10, 10, mult, down, -248, out), 0)"),
}
"""By kernel: what its arguments need besides, and the call."""

WEIGHTED_INT16 = (
    "arm_convolve_s16",
    "arm_depthwise_conv_s16",
    "arm_depthwise_conv_fast_s16",
    "arm_fully_connected_s16",
)
CONVOLUTIONS = tuple(name for name in CALLS if name.startswith("arm_convolve") and name not in WEIGHTED_INT16)
DEPTHWISE = tuple(name for name in CALLS if name.startswith("arm_depthwise") and name not in WEIGHTED_INT16)
DENSE = ("arm_fully_connected_s8", "arm_fully_connected_per_channel_s8")
WINDOWS = (*CONVOLUTIONS, *DEPTHWISE)
PER_CHANNEL = (*WINDOWS, "arm_transpose_conv_s8", DENSE[1])
POOLING = ("arm_avgpool_s8", "arm_max_pool_s8", "arm_avgpool_s16", "arm_max_pool_s16")
SWEEPING = (CONVOLUTIONS[0], *DEPTHWISE, *POOLING[:2])
MERGING_INT16 = ("arm_elementwise_add_s16", "arm_elementwise_mul_s16")

MISUSES: list[tuple[tuple[str, ...], str, str, str]] = [
    (
        tuple(CALLS),
        "plain",
        "out = in + 1; out16 = in16 + 1;",
        "x + (uintptr_t)a_bytes <= y || y + (uintptr_t)b_bytes <= x",
    ),
    (SWEEPING, "plain", "out = input; in = input + 95;", "x + (uintptr_t)a_bytes <= y || y + (uintptr_t)b_bytes <= x"),
    (CONVOLUTIONS[1:2], "plain", "out = input; in = input + 96;", "x + (uintptr_t)a_bytes <= y"),
    (PER_CHANNEL, "plain", "multiplier[7] = 5;", "multiplier >= 1 << 30 || (multiplier == 0 && shift == 0)"),
    (PER_CHANNEL, "plain", "shift[7] = -32;", "shift >= -31 && shift <= 30"),
    (PER_CHANNEL, "plain", "shift[7] = 30; added[7] = 1 << 20;", "value >= INT32_MIN && value <= INT32_MAX"),
    ((*CONVOLUTIONS, *DEPTHWISE, "arm_transpose_conv_s8", *DENSE), "plain", "b.c = 7;", "->c == "),
    ((*CONVOLUTIONS, *DEPTHWISE, *POOLING, *DENSE), "plain", "y.c = 9;", " == "),
    (WINDOWS, "plain", "p.input_offset = 129; d.input_offset = 129;", "input_offset <= 128"),
    (WINDOWS, "plain", "p.output_offset = d.output_offset = -129;", "output_offset >= -128"),
    (WINDOWS, "plain", "p.activation.max = d.activation.max = 128;", "activation.max <= 127"),
    (
        WINDOWS,
        "plain",
        "p.activation.min = d.activation.min = 127; p.activation.max = d.activation.max = 1;",
        "activation.min <= activation.max",
    ),
    (WINDOWS, "plain", "p.stride.w = d.stride.w = 0;", "stride.w"),
    ((CONVOLUTIONS[0], CONVOLUTIONS[3], DEPTHWISE[2], POOLING[0]), "dsp", "ctx.buf = NULL;", "ctx->buf != NULL"),
    ((*DENSE, CONVOLUTIONS[0], *DEPTHWISE[2:]), "mve", "ctx.buf = NULL;", "ctx->buf != NULL"),
    (DENSE, "mve", "ctx.size = 31;", "ctx->size >= words"),
    (DENSE, "plain", "fc.filter_offset = 1;", "params->filter_offset == 0"),
    (DENSE, "plain", "x.c = 7;", "volume(input_dims)"),
    (("arm_convolve_s8",), "plain", "ctx.size = 4 * 72 - 1;", "ctx->size >= bytes"),
    (("arm_convolve_s8",), "mve", "ctx.size = 4 * 80 - 1;", "ctx->size >= bytes"),
    (("arm_convolve_s8",), "plain", "ctx.buf = (char *)buffer + 2;", "% sizeof(int32_t) == 0"),
    (("arm_convolve_s8",), "plain", "ctx.buf = output;", "x + (uintptr_t)a_bytes <= y"),
    (("arm_convolve_s8",), "plain", "ctx.buf = input;", "x + (uintptr_t)a_bytes <= y"),
    (("arm_convolve_s8",), "plain", "w.c = 4; added = NULL;", "bias_data != NULL"),
    (("arm_convolve_s8",), "plain", "w.c = 3;", "x->c % w->c == 0"),
    (("arm_convolve_s8",), "plain", "upscale = &up; up.h = 3;", "upscale_dims->h == 1 || upscale_dims->h == 2"),
    (("arm_convolve_s8",), "plain", "upscale = &up; up.h = 2; x.h = 5;", "input_dims->h % call.up_h == 0"),
    (("arm_convolve_s8",), "plain", "upscale = &up; up.h = 2; w.c = 4;", "input_dims->c == filter_dims->c"),
    (("arm_convolve_s8",), "plain", "p.padding.h = -1;", "padding.h >= 0"),
    (("arm_convolve_1x1_s8_fast",), "plain", "p.stride.w = 2;", "stride.w == 1 && conv_params->stride.h == 1"),
    (("arm_convolve_1x1_s8_fast",), "plain", "p.padding.w = 1;", "padding.w == 0"),
    (("arm_convolve_1x1_s8_fast",), "plain", "y.h = 3;", "output_dims->h == input_dims->h"),
    (("arm_convolve_1x1_s8",), "plain", "w.w = 2;", "w->w == 1"),
    (("arm_convolve_1x1_s8",), "plain", "p.stride.w = 2;", "(y->w - 1) * call->params->stride.w < x->w"),
    (("arm_convolve_1_x_n_s8",), "plain", "x.h = 2;", "input_dims->h == 1"),
    (("arm_convolve_1_x_n_s8",), "plain", "x.c = w.c = 7;", "% 4 == 0"),
    (("arm_convolve_1_x_n_s8",), "mve", "p.padding.w = 0;", "2 * pad + odd == total"),
    (
        ("arm_convolve_1_x_n_s8",),
        "mve",
        "p.padding.w = 0; p.stride.w = 2; y.w = 2; x.w = 5;",
        "start + kernel - 1 <= x->w",
    ),
    (("arm_convolve_1_x_n_s8",), "mve", "ctx.size = 4 * 8 - 1;", "ctx->size >= bytes"),
    (("arm_depthwise_conv_3x3_s8",), "plain", "w.h = 2;", "call->filter_dims->h == 3"),
    (("arm_depthwise_conv_3x3_s8",), "plain", "d.padding.w = 2;", "p->padding.w <= 1"),
    (("arm_depthwise_conv_3x3_s8",), "plain", "y.w = 7;", "p->padding.w + 1 < x->w"),
    (("arm_depthwise_conv_3x3_s8",), "plain", "d.dilation.w = 2;", "is_plain(call)"),
    (("arm_depthwise_conv_s8_opt",), "plain", "d.dilation.h = 2;", "is_plain(call)"),
    (("arm_depthwise_conv_s8_opt",), "dsp", "ctx.size = 2 * 9 * 8 - 1;", "ctx->size >= bytes"),
    (("arm_depthwise_conv_s8_opt",), "dsp", "d.padding.h = 4;", "p->padding.h <= w->h"),
    (("arm_depthwise_conv_s8_opt",), "dsp", "y.h = 7;", "p->padding.h <= x->h"),
    (("arm_depthwise_conv_s8_opt",), "mve", "ctx.size = 4464 - 1;", "ctx->size >= bytes"),
    (
        ("arm_depthwise_conv_wrapper_s8",),
        "mve",
        "y.c = w.c = b.c = 1; x.c = 2;",
        "x->c * call->params->ch_mult == y->c",
    ),
    (("arm_depthwise_conv_s8",), "plain", "d.ch_mult = 2;", "x->c * call->params->ch_mult == y->c"),
    (("arm_depthwise_conv_s8",), "plain", "d.ch_mult = 4; x.c = 2; added = NULL;", "call->bias != NULL"),
    (("arm_transpose_conv_s8",), "plain", "y.h = 7;", "rows == y->h"),
    (("arm_transpose_conv_s8",), "plain", "t.stride.h = 2;", "p->padding.h % p->stride.h == 0"),
    (("arm_transpose_conv_s8",), "plain", "y.w = 8;", "p->padding.w + y->w <= width"),
    (("arm_transpose_conv_s8",), "plain", "ctx.size = 4 * 3 * 8 * 8 - 1;", "ctx->size >= bytes"),
    (("arm_transpose_conv_s8",), "plain", "t.dilation.h = 2;", "p->dilation.h == 1"),
    (("arm_avgpool_s8", "arm_avgpool_s16"), "dsp", "ctx.size = 4 * 8 - 1;", "ctx->size >= bytes"),
    (POOLING, "plain", "y.h = 6;", "window.first_row < window.last_row"),
    (POOLING, "plain", "pool.stride.h = 0;", "params->stride.h >= 1"),
    (("arm_elementwise_add_s8",), "plain", "left = 8;", "left_shift >= 16"),
    (("arm_elementwise_add_s8",), "plain", "mult = 1;", "multiplier >= 1 << 30"),
    (("arm_elementwise_mul_s8",), "plain", "low = 5; high = 4;", "activation.min <= activation.max"),
    (("arm_elementwise_mul_s8", "arm_elementwise_mul_s16"), "plain", "size = 0;", "bytes >= 1"),
    (POOLING[2:], "plain", "pool.activation.max = 32768;", "activation.max <= 32767"),
    (MERGING_INT16, "plain", "low = -32769;", "activation.min >= -32768"),
    (MERGING_INT16, "plain", "zero = 1;", "a.offset == 0"),
    (("arm_elementwise_add_s16",), "plain", "left = 16;", "left_shift <= 15"),
    (("arm_elementwise_add_s16",), "plain", "down = 1;", "out_shift <= 0"),
    (("arm_elementwise_mul_s16",), "plain", "down = 1; in16[0] = other16[0] = -32768;", "value <= INT32_MAX"),
    (("arm_softmax_s16",), "plain", "size = 20; powers[511] = powers[512] = 32767; reciprocals[511] = 20000;", "share"),
    (("arm_softmax_s16",), "plain", "tables.exp_lut = NULL;", "data != NULL"),
    (
        ("arm_softmax_s16",),
        "plain",
        "for (left = 0; left < 513; left++) powers[left] = 29127; size = 180;",
        "mantissa <= 32767",
    ),
    (("arm_maximum_s8",), "plain", "y.c = 4;", "a_dims->c == y->c"),
    (("arm_minimum_s8",), "plain", "y.h = 2;", "a_dims->h == y->h"),
    (WEIGHTED_INT16, "plain", "p.input_offset = d.input_offset = fc.input_offset = 1;", "->input_offset == 0"),
    (WEIGHTED_INT16, "plain", "p.activation.max = 32768; d.activation = fc.activation = p.activation;", "max <= 32767"),
    (("arm_convolve_s16",), "plain", "w.c = 4;", "w->c == x->c"),
    (WEIGHTED_INT16, "plain", "shift[7] = one.shift = 15;", "shift <= 14"),
    (("arm_convolve_s16",), "plain", "added = NULL; shift[7] = 30; bias[7] = 1 << 20;", "value <= INT32_MAX"),
    (("arm_convolve_s16",), "plain", "shift[7] = 0; wide_bias[7] = (int64_t)1 << 46;", "value <= INT32_MAX"),
    (WEIGHTED_INT16, "plain", "wide_bias[7] = (int64_t)1 << 47;", "value < (int64_t)1 << 47"),
    (WEIGHTED_INT16, "plain", "b.c = 7;", "bias_dims"),
    (WEIGHTED_INT16[1:3], "plain", "d.ch_mult = 2;", "ch_mult == "),
    (WEIGHTED_INT16[2:3], "plain", "d.dilation.w = 2;", "p->dilation.w == 1"),
    (WEIGHTED_INT16[2:3], "dsp", "d.padding.h = 4;", "p->padding.h <= w->h"),
    (WEIGHTED_INT16[2:3], "dsp", "y.h = 7;", "p->padding.h <= x->h"),
    (WEIGHTED_INT16[2:3], "dsp", "ctx.size = 2 * 72 - 1;", "ctx->size >= bytes"),
    (WEIGHTED_INT16[2:3], "mve", "ctx.size = 8 * 72 + 7;", "ctx->size >= bytes"),
    (WEIGHTED_INT16[3:], "plain", "x.c = 7;", "volume(input_dims)"),
    (("arm_convolve_s16",), "plain", "ctx.size = 4 * 72 - 1;", "ctx->size >= bytes"),
    (("arm_convolve_s16",), "mve", "ctx.size = 8 * 72 - 1;", "ctx->size >= bytes"),
    (("arm_convolve_s16",), "dsp", "x.c = w.c = 58; y.c = w.n = b.c = 7; x.h = x.w = 3;", "products % 4 == 0"),
    (("arm_softmax_s8",), "plain", "down = -1;", "shift >= 0"),
    (("arm_softmax_s8",), "plain", "mult = 7;", "mult >= 1 << 30"),
]
"""Kernels, the form in which they are called, what is made wrong, and what does not hold then."""


def program() -> str:
    """Takes a kernel's number and a misuse's, or -1 for none."""
    spoilt = [f"    case {i}: {statements} break;" for i, (_, _, statements, _) in enumerate(MISUSES)]
    called = [
        f"    case {i}: {before} spoil(misuse); return {call};" for i, (before, call) in enumerate(CALLS.values())
    ]
    return "\n".join(
        [
            BEFORE,
            "static void spoil(int misuse) {\n    switch (misuse) {",
            *spoilt,
            "    default: (void)sums; break;\n    }\n}",
            "int main(int argc, char **argv) {\n    int misuse = argc > 2 ? atoi(argv[2]) : -1;\n    set_up();",
            "    switch (argc > 1 ? atoi(argv[1]) : -1) {",
            *called,
            "    default: return 1;\n    }\n}\n",
        ]
    )


@pytest.fixture(scope="module", params=CORES)
def form(request: pytest.FixtureRequest, cc: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of one of the forms, and the program of all calls built with it."""
    folder = tmp_path_factory.mktemp(request.param)
    for name, text in {**STAND_IN, "program.c": program()}.items():
        (folder / name).write_text(text, encoding="ascii")
    sources = [name for name in STAND_IN if name.endswith(".c")]
    command = [cc, "-std=c89", core(request.param), "-w", "program.c", *sources, "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    return request.param, folder / "program"


def test_every_valid_call_passes_and_every_misuse_is_refused(form: tuple[str, Path]) -> None:
    name, path = form
    kernels = list(CALLS)
    for number, kernel in enumerate(kernels):
        done = subprocess.run([path, str(number)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{kernel}: {done.stderr}"
    for number, (refusing, needed, statements, message) in enumerate(MISUSES):
        for kernel in refusing if needed == name else ():
            command = [str(path), str(kernels.index(kernel)), str(number)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode != 0, f"{kernel}: {statements}"
            assert done.stderr.startswith(f"{kernel}: does not hold: "), done.stderr
            assert message in done.stderr, f"{kernel}: {statements}: {done.stderr}"
