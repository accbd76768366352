"""A native module for MicroPython: its sources, a Makefile around `py/dynruntime.mk`, and a script that checks it.

Layout: "Native machine code in .mpy files" in MicroPython's documentation.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mnc.backends.layer import parameter_names
from mnc.backends.writer import Writer, joined
from mnc.compiler import Build
from mnc.errors import refuse
from mnc.ir.types import Array, DType
from mnc.packages.example import AUTHOR, example, expected_outputs, sources, tolerance
from mnc.packages.papers import papers
from mnc.packages.refusals import refuse_cmsis_nn, refuse_cpp

MATH = re.compile(r"\b(tanh|sqrt|sin|cos|pow|log|floor|expm1|exp|erf)f\(")
"""Calls of C's library in generated code; MicroPython's module `math` has each function, without the f."""

TYPECODES = {DType.FLOAT32: "f", DType.INT8: "b", DType.UINT8: "B", DType.INT16: "h", DType.INT32: "i"}
"""Of Python's module `array`."""


def micropython(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """The module's folder: `make MPY_DIR=... ARCH=...` makes `<name>.mpy`, which `check.py` then tries.

    CompileError for code that is not C or calls CMSIS-NN, and for a name that Python does not import.
    """
    name, shown = build.name, example(build, sample)
    refuse_cpp(build, "which native modules of MicroPython are written in")
    refuse_cmsis_nn(build, "which MicroPython's linker cannot bring in")
    if keyword.iskeyword(name):
        raise refuse(f"network {name!r}", "is a keyword of Python", "name it with --name")
    use = (
        f"`make MPY_DIR=<MicroPython's source> ARCH=armv7emsp` makes `{name}.mpy` for a Cortex-M4F; its documentation\n"
        "lists the other values. Its linker is a program in Python that imports the packages `pyelftools` and `ar`.\n"
        "Copy the module to the board, with `check.py`, which compares the outputs for a stored sample."
    )
    return {
        "Makefile": _MAKEFILE.format(
            name=name, sources=joined([path for path in sources(build) if path.endswith(".c")])
        ),
        f"{name}_module.c": _module(build),
        "check.py": _check(build, sample),
        **papers(build, shown, author, use),
        **sources(build),
    }


_MAKEFILE = """\
# The folder of MicroPython's source, and the architecture of the board.
MPY_DIR ?= ../micropython
ARCH ?= armv7emsp

MOD = {name}
SRC = {name}_module.c {sources}
CFLAGS_EXTRA = -O2 -Isrc
# The compiler's own library; C's mathematical one does not link into native modules.
MPY_LD_FLAGS += -l$(shell $(CC) $(CFLAGS) --print-libgcc-file-name)

include $(MPY_DIR)/py/dynruntime.mk
"""


def _module(build: Build) -> str:
    """C between MicroPython and the network: `run` takes buffers of the inputs, then of the outputs."""
    name, graph, regions = build.name, build.graph, build.emission.plan.region_names
    types = [given.type for given in graph.inputs] + [graph.types[value] for value in graph.outputs]
    roles = [*parameter_names("input", len(graph.inputs)), *parameter_names("output", len(graph.outputs))]
    count, inputs = len(types), len(graph.inputs)
    w = Writer()
    w('#include "py/dynruntime.h"')
    w("#include <math.h>")
    w(f'#include "{name}.h"')
    w()
    w("/* The linker of native modules wants what changes to be global. */")
    w(f"extern {name}_t {name}_network;")
    w(f"{name}_t {name}_network;")
    for region in regions:
        w(f"extern {name}_{region}_t {name}_network_{region};")
        w(f"{name}_{region}_t {name}_network_{region};")
    w()
    _math(w, build.files[f"{name}.c"])
    w(f"/* {name}.run({joined(roles)}): each is an array or another buffer of the right size. */")
    with w.block("static mp_obj_t run(size_t count, const mp_obj_t *arguments)"):
        w.lines(f"static const uint32_t sizes[{count}] = {{{joined([each.bytes for each in types])}}};")
        w.lines(f"static const uint8_t units[{count}] = {{{joined([each.dtype.bytes for each in types])}}};")
        w(f"mp_buffer_info_t buffers[{count}];")
        w("size_t i;")
        w()
        with w.block("for (i = 0; i < count; ++i)"):
            w(f"mp_get_buffer_raise(arguments[i], &buffers[i], i < {inputs} ? MP_BUFFER_READ : MP_BUFFER_WRITE);")
            w("if (buffers[i].len != sizes[i])")
            w('    mp_raise_ValueError(MP_ERROR_TEXT("a buffer has the wrong size"));')
            w("if ((uintptr_t)buffers[i].buf % units[i] != 0)")
            w('    mp_raise_ValueError(MP_ERROR_TEXT("a buffer lies at an odd place"));')
        w.lines(f"{name}_run({joined([f'&{name}_network', *(f'buffers[{i}].buf' for i in range(count))])});")
        w("return mp_const_none;")
    w(f"static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(run_object, {count}, {count}, run);")
    w()
    with w.block("mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args)"):
        w("MP_DYNRUNTIME_INIT_ENTRY")
        w.lines(f"{name}_init({joined([f'&{name}_network', *(f'&{name}_network_{each}' for each in regions)])});")
        w("mp_store_global(MP_QSTR_run, MP_OBJ_FROM_PTR(&run_object));")
        w("MP_DYNRUNTIME_INIT_EXIT")
    return w.text()


def _math(w: Writer, code: str) -> None:
    """The functions of C's mathematical library that the code calls, by way of MicroPython's module `math`."""
    called = sorted(set(MATH.findall(code)))
    if not called:
        return
    w("/* Native modules are linked without C's mathematical library: MicroPython's module math computes. */")
    with w.block("static float by_math(qstr name, size_t count, float x, float y)"):
        w("mp_obj_t numbers[2] = {mp_obj_new_float_from_f(x), mp_obj_new_float_from_f(y)};")
        w("mp_obj_t math = mp_import_name(MP_QSTR_math, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));")
        w("return mp_obj_get_float_to_f(mp_call_function_n_kw(mp_load_attr(math, name), count, 0, numbers));")
    for function in called:
        w()
        two = function == "pow"
        with w.block(f"float {function}f(float x{', float y' if two else ''})"):
            w(f"return by_math(MP_QSTR_{function}, {2 if two else 1}, x, {'y' if two else '0.0f'});")
    w()


def _check(build: Build, sample: Sequence[Array]) -> str:
    """Python that fails where an output differs from the reference's by more than rounding."""
    values, largest = expected_outputs(build.graph, sample)
    bounds = [tolerance(value, largest) if value.dtype == np.float32 else 0.0 for value in values]
    inputs = "".join(f"    {part}\n" for value in sample for part in _stored(np.asarray(value)))
    outputs = "".join(f"    {part}\n" for value in values for part in _stored(value))
    return _CHECK.format(name=build.name, inputs=inputs, outputs=outputs, bounds=", ".join(map(repr, bounds)))


def _stored(value: Array) -> Iterator[str]:
    """An array as a tuple of its type and its bytes in hexadecimal, lowest byte first, in lines."""
    code = TYPECODES[DType.of(value)]
    digits = np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes().hex()
    yield f'("{code}",'
    yield from (f'    "{line}"' for line in textwrap.wrap(digits, 96))
    yield "),"


_CHECK = '''\
"""Runs a stored sample, and raises AssertionError where an output differs from the trained network's."""

from array import array
from binascii import unhexlify

import {name}

INPUTS = (
{inputs})
EXPECTED = (
{outputs})
TOLERANCES = ({bounds},)


def values(stored):
    return array(stored[0], unhexlify(stored[1]))


def differing():
    outputs = [array(kind, bytes(len(digits) // 2)) for kind, digits in EXPECTED]
    {name}.run(*[values(stored) for stored in INPUTS], *outputs)
    return sum(
        not abs(got - expected) <= tolerance
        for output, stored, tolerance in zip(outputs, EXPECTED, TOLERANCES)
        for got, expected in zip(output, values(stored))
    )


wrong = differing()
print(wrong, "outputs differ")
assert wrong == 0
'''
