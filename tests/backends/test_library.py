"""The kernel files taken apart: what a network's file gets is what it calls, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gallery import gallery
from generated_c import WARNINGS, checked_run, write

from mnc.backends import library
from mnc.backends.library import Library, headers, standard

TEXT = """\
/* The head of the file belongs to nothing. */

/* Two of a kind. */
#define MNC_ONE 1
#define MNC_TWO 2

#ifndef MNC_MAYBE
#if defined(__GNUC__)

#define MNC_MAYBE(x) MNC_ONE
#else
#define MNC_MAYBE(x) (x)
#endif
#endif

/* Mentions mnc_never_f32 in a comment only. */
MNC_KERNEL float mnc_inner_f32(float x)
{
    /* { a brace that is none */
    return MNC_MAYBE(x);

}

MNC_KERNEL void mnc_outer_f32(const float *const *rows, float *out,
                              int count)
{
    out[0] = mnc_inner_f32(rows[0][count]);
}

MNC_KERNEL void mnc_never_f32(int n)
{
    (void)n;
}
"""


def test_a_file_is_taken_apart_at_its_items() -> None:
    library = Library.parse([TEXT])
    assert list(library.items) == ["MNC_ONE", "MNC_TWO", "MNC_MAYBE", "mnc_inner_f32", "mnc_outer_f32", "mnc_never_f32"]
    assert library.items["MNC_ONE"] is library.items["MNC_TWO"]
    outer = library.parameters("mnc_outer_f32")
    assert [(p.type, p.name) for p in outer] == [("const float *const *", "rows"), ("float *", "out"), ("int", "count")]
    assert library.items["mnc_inner_f32"].text.startswith("/* Mentions")
    assert library.items["mnc_inner_f32"].text.endswith("}")


def test_what_is_needed_comes_first_and_nothing_else_comes() -> None:
    library = Library.parse([TEXT])
    names = [item.names for item in library.closure({"mnc_outer_f32"})]
    assert names == [("MNC_ONE", "MNC_TWO"), ("MNC_MAYBE",), ("mnc_inner_f32",), ("mnc_outer_f32",)]
    assert library.mentioned("mnc_outer_f32(rows, MNC_ONE); /* mnc_never_f32 */ mnc_none();") == {
        "mnc_outer_f32",
        "MNC_ONE",
    }


@pytest.mark.parametrize(
    ("kernel", "suffix", "element", "lowest"),
    [("copy", "f32", "float", ""), ("copy", "s8", "int8_t", ""), ("copy", "s16", "int16_t", ""),
     ("max_pooling2d", "s8", "int8_t", "-128"), ("max_pooling2d", "s16", "int16_t", "-32768")],
)  # fmt: skip
def test_what_is_alike_for_several_types_is_made_for_each(kernel: str, suffix: str, element: str, lowest: str) -> None:
    name = f"mnc_{kernel}_{suffix}"
    text = standard().items[name].text
    assert set(re.findall(r"\b(?:float|u?int\d+_t)\b", text)) == {element}
    assert re.findall(r"-\d+", text) == ([lowest] if lowest else [])
    head = text[text.index("MNC_KERNEL") : text.index(")\n{")].splitlines()
    assert head[0].startswith(f"MNC_KERNEL void {name}(")
    assert {len(line) - len(line.lstrip()) for line in head[1:]} == {head[0].index("(") + 1}
    assert max(map(len, text.splitlines())) <= 120


def test_headers_are_those_that_the_code_needs() -> None:
    assert headers("int x; /* NULL and FLT_MAX */") == ()
    assert headers("p = NULL; q = FLT_MAX; r = MNC_EXPF(1.0f);") == ("<float.h>", "<math.h>", "<stddef.h>")


def test_every_kernel_says_what_it_is_and_names_its_parameters() -> None:
    for name, item in standard().items.items():
        if item.parameters is not None:
            assert re.fullmatch(r"mnc_[a-z0-9_]+", name)
            assert all(p.name.isidentifier() and p.type for p in item.parameters), name
        else:
            assert all(macro.startswith("MNC_") for macro in item.names)


@pytest.mark.parametrize("name", [name for name, item in standard().items.items() if item.parameters is not None])
def test_a_kernel_brings_all_it_needs_and_no_more(
    name: str, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Alone in a file, without a warning; but for itself nothing in it is unused."""
    items = standard().closure({name})
    text = "\n\n".join(item.text for item in items)
    use = f"typedef int used[sizeof(&{name}) != 0 ? 1 : -1];"
    includes = "\n".join(f"#include {header}" for header in headers(text))
    folder = tmp_path_factory.mktemp("kernel")
    write({"kernel.c": f"{includes}\n{text}\n{use}\n"}, folder)
    flags = ["-std=c89", "-DMNC_KERNEL=static", "-DMNC_LAYER=static", *WARNINGS, "-Wno-unused-function"]
    checked_run([gcc, *flags, "-fsyntax-only", "kernel.c"], folder)
    for item in items[:-1]:
        rest = text.replace(item.text, "")
        assert any(re.search(rf"\b{each}\b", rest) for each in item.names), item.names


def test_a_network_gets_only_kernels_that_it_calls() -> None:
    library = standard()
    for each in gallery():
        source = each.build.files[f"{each.case.name}.c"]
        for name, item in library.items.items():
            if item.parameters is not None and f" {name}(" in source:
                assert len(re.findall(rf"\b{name}\(", source)) > 1, f"{name} is copied, not called"


def test_a_template_says_at_its_head_that_it_is_one() -> None:
    kernels = Path(library.__file__).parent / "kernels"
    types = {"f32": "float32", "s8": "int8", "s16": "int16", "s32": "int32", "u8": "uint8"}
    for file in kernels.glob("*.c"):
        written, *made = [types[part] for part in file.stem.split("_") if part in types] or [""]
        head = f"/* A template, written for {written}; library.py makes the kernels for {' and '.join(made)} by "
        assert file.read_text("utf-8").startswith(head) == bool(made), file.name
    assert not any("template" in item.text for item in standard().items.values())
