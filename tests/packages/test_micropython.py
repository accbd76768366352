"""Native modules for MicroPython, built with a stand-in for its header, under the script that comes with them."""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from networks import chain
from packed import Tool, built, calling_cmsis_nn, classifier, command, package

import mnc
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense
from mnc.ir.types import Constant
from mnc.output import write_files
from mnc.packages import PACKAGES, first_sample

RUNTIME = """\
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
typedef struct { void *buf; size_t len; double number; } object;
typedef object *mp_obj_t;
typedef object mp_buffer_info_t;
typedef const char *qstr;
typedef int mp_obj_fun_bc_t;
#define MP_BUFFER_READ 1
#define MP_BUFFER_WRITE 2
#define MP_ERROR_TEXT(text) text
#define MP_QSTR_math "math"
#define MP_QSTR_exp "exp"
#define MP_QSTR_run "run"
#define MP_OBJ_NEW_SMALL_INT(value) 0
#define mp_const_none ((mp_obj_t)0)
static object boxes[8];
static int box;
static jmp_buf raised;
static const char *message;
static mp_obj_t (*stored)(size_t, const mp_obj_t *);
static void mp_raise_ValueError(const char *text) { message = text; longjmp(raised, 1); }
static void mp_get_buffer_raise(mp_obj_t it, mp_buffer_info_t *to, int how) { (void)how; *to = *it; }
static mp_obj_t mp_obj_new_float_from_f(float value) {
    box = (box + 1) % 8;
    boxes[box].number = value;
    return &boxes[box];
}
static float mp_obj_get_float_to_f(mp_obj_t it) { return (float)it->number; }
#define mp_import_name(name, from, level) ((void)(from), mp_obj_new_float_from_f(0.0f))
static mp_obj_t mp_load_attr(mp_obj_t it, qstr name) { it->buf = (void *)name; return it; }
static mp_obj_t mp_call_function_n_kw(mp_obj_t it, size_t count, size_t named, mp_obj_t *arguments) {
    if (count != 1 || named != 0 || strcmp(it->buf, "exp") != 0) mp_raise_ValueError("not exp");
    return mp_obj_new_float_from_f((float)exp(arguments[0]->number));
}
#define MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(name, least, most, function) \\
    mp_obj_t (*const name)(size_t, const mp_obj_t *) = function
#define MP_OBJ_FROM_PTR(it) (*(it))
#define mp_store_global(name, it) (stored = (it))
#define MP_DYNRUNTIME_INIT_ENTRY
#define MP_DYNRUNTIME_INIT_EXIT return mp_const_none;
mp_obj_t mpy_init(mp_obj_fun_bc_t *, size_t, size_t, mp_obj_t *);
const char *imported_and_run(object *buffers, size_t count);
const char *imported_and_run(object *buffers, size_t count) {
    mp_obj_t arguments[8];
    size_t i;
    for (i = 0; i < count; ++i) arguments[i] = &buffers[i];
    message = 0;
    if (setjmp(raised) == 0) { mpy_init(0, 0, 0, 0); stored(count, arguments); }
    return message;
}
"""
"""The part of `py/dynruntime.h` that modules call, as MicroPython's documentation and header have it."""


class Buffer(ctypes.Structure):
    _fields_ = [("buf", ctypes.c_void_p), ("len", ctypes.c_size_t), ("number", ctypes.c_double)]


Run = Callable[..., None]


@pytest.fixture
def imported(tool: Tool, tmp_path: Path) -> Callable[[Mapping[str, str], str], Run]:
    """`imported(files, name)`: the module's function `run`, in C."""

    def build(files: Mapping[str, str], name: str) -> Run:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        write_files({**files, "runtime/py/dynruntime.h": RUNTIME}, folder)
        strict = ("-std=c99", "-Wall", "-Werror", "-Wno-unused-function", "-Wno-unused-variable")
        sources = (f"{name}_module.c", f"src/{name}.c")
        include = ("-Isrc", "-Iruntime")
        command(folder, tool("gcc"), *strict, "-shared", "-fPIC", "-O1", *include, *sources, "-lm", "-o", "it.so")
        function = ctypes.CDLL(str(folder / "it.so")).imported_and_run
        function.restype = ctypes.c_char_p

        def run(*arrays: array[int] | array[float]) -> None:
            places = [(address, count * one.itemsize) for one in arrays for address, count in [one.buffer_info()]]
            buffers = (Buffer * len(places))(*(Buffer(address, size) for address, size in places))
            if (fault := function(buffers, len(places))) is not None:
                raise ValueError(fault.decode())

        return run

    return build


def check(script: str, name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs `check.py` with this module."""
    module = ModuleType(name)
    vars(module)["run"] = run
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(script, "check.py", "exec"), {})


def lost(graph: Graph) -> Graph:
    """The network with all weights 0."""
    zero = [
        replace(node, layer=replace(node.layer, weights=Constant(0 * node.layer.weights.array)))
        if isinstance(node.layer, Dense)
        else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(zero))


def test_the_script_passes_and_fails_where_the_weights_are_lost(
    imported: Callable[[Mapping[str, str], str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = package("micropython", "c")
    check(files["check.py"], "Tiny", imported(files, "Tiny"), monkeypatch)
    wrong = mnc.compile(lost(classifier()), name="Tiny").files
    run = imported({**files, **{f"src/{name}": text for name, text in wrong.items()}}, "Tiny")
    with pytest.raises(AssertionError):
        check(files["check.py"], "Tiny", run, monkeypatch)


def test_a_network_of_integers_gives_the_same_bytes(
    models: Path, imported: Callable[[Mapping[str, str], str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = mnc.compile(mnc.load(models / "micromobilenet" / "pico.int8.tflite"), name="pico")
    files = PACKAGES["micropython"](build, first_sample(build.graph))
    assert "TOLERANCES = (0.0,)" in files["check.py"]
    check(files["check.py"], "pico", imported(files, "pico"), monkeypatch)


def test_a_buffer_that_does_not_fit_raises_an_error(imported: Callable[[Mapping[str, str], str], Run]) -> None:
    run = imported(package("micropython", "c"), "Tiny")
    run(array("f", bytes(32)), array("f", bytes(12)))
    with pytest.raises(ValueError, match="a buffer has the wrong size"):
        run(array("f", bytes(32)), array("f", bytes(16)))
    odd = SimpleNamespace(itemsize=4, buffer_info=lambda: (array("b", bytes(64)).buffer_info()[0] + 1, 8))
    with pytest.raises(ValueError, match="a buffer lies at an odd place"):
        run(odd, array("f", bytes(12)))


def test_mpy_cross_compiles_the_script(tool: Tool, tmp_path: Path) -> None:
    """Its Python is MicroPython's, too."""
    write_files(package("micropython", "c"), tmp_path)
    command(tmp_path, tool("mpy-cross"), "check.py")
    assert (tmp_path / "check.mpy").read_bytes()[:1] == b"M"


def test_only_functions_that_the_code_calls_go_by_pythons_module_math() -> None:
    """Native modules are linked without C's mathematical library."""
    module = package("micropython", "c")["Tiny_module.c"]
    assert "float expf(float x)" in module
    assert module.count("by_math(") == 2
    weights = Constant(np.ones((2, 2), np.float32))
    build = mnc.compile(chain((2,), y=Dense(weights)), name="Tiny")
    assert "by_math" not in PACKAGES["micropython"](build, first_sample(build.graph))["Tiny_module.c"]


def test_what_no_module_can_hold_is_refused() -> None:
    for build, fault in (
        (built("cpp"), "'Tiny': is not C, which native modules of MicroPython are written in"),
        (calling_cmsis_nn(), "'Tiny': calls CMSIS-NN, which MicroPython's linker cannot bring in"),
        (built("c", "lambda"), "'lambda': is a keyword of Python"),
    ):
        with pytest.raises(CompileError, match=fault):
            PACKAGES["micropython"](build, first_sample(build.graph))
