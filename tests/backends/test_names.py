"""Names: what users call layers never reaches the code, what they call the network is checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from generated_c import WARNINGS, Case, Tool, build, checked_run, run_cases, write
from hypothesis import given
from hypothesis import strategies as st

import mnc
from mnc.backends.names import check_name, comment, name_from
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation, Add, Dense
from mnc.ir.types import Constant, TensorType
from mnc.names import snake

HOSTILE = (
    '*/ #include "/etc/passwd"',
    "/* never closed",
    "int",
    "9lives",
    "\N{HEDGEHOG}",
    "a trigraph ??/",
    "a backslash at the end\\",
    "two\nlines",
    "carriage\rreturn",
    "\0",
    "\u2028",
    "\u202e",
    '"',
    "'",
    "%s%n",
    "#error",
    "// and on",
    "in",
    "net",
    "net_run",
    "arena",
    "x" * 10_000,
    "",
    " ",
)

TAKEN = ("int", "class", "size", "int8", "errno", "String", "gammaf", "KWS", "sem", "EOF")


def hostile() -> Graph:
    """A layer of every name in a chain; the input and the outputs have such names, too."""
    first, *names = HOSTILE
    inputs = (Input(first, TensorType((4,))),)
    matrix = Constant(np.eye(4, dtype=np.float32))
    nodes = [
        Node((name,), [Dense(matrix), Activation(Relu()), Add()][i % 3], (before,) if i % 3 != 2 else (before, first))
        for i, (before, name) in enumerate(zip(HOSTILE, names, strict=False))
    ]
    return Graph(HOSTILE[0], inputs, tuple(nodes), (HOSTILE[-1], HOSTILE[-2], HOSTILE[-3]))


LOUD = (*WARNINGS, "-Wcomment", "-Wtrigraphs", "-Winvalid-pch")


@pytest.mark.parametrize(
    ("program", "flags"),
    [
        ("gcc", ["-std=c89", *LOUD]),
        ("gcc", ["-std=gnu11", "-trigraphs", *LOUD]),
        ("clang", ["-std=c89", *LOUD]),
        ("g++", ["-x", "c++", "-std=c++11", *LOUD]),
        ("tcc", ["-Wall", "-Werror"]),
    ],
    ids=["gcc", "gcc-trigraphs", "clang", "g++", "tcc"],
)
def test_layers_may_be_called_anything(program: str, flags: list[str], tool: Tool, tmp_path: Path) -> None:
    graph = hostile()
    build = mnc.compile(graph)
    assert all(text.isascii() and text.isprintable() for text in "".join(build.files.values()).split("\n"))
    assert all(len(line) <= 160 for line in "".join(build.files.values()).split("\n"))
    x = np.array([[1, -2, 3, 0.5]], np.float32)
    (got,) = run_cases([Case(build.name, build.files, [x], [4, 4, 4])], tmp_path, tool(program), flags)
    wanted = graph.predict(x)
    assert isinstance(wanted, list)
    for y, want in zip(got, wanted, strict=True):
        np.testing.assert_allclose(y, want, rtol=1e-6)


def test_a_class_may_have_layers_called_anything(gxx: str, tmp_path: Path) -> None:
    build = mnc.compile(hostile(), backend="cpp", name="Net")
    write(
        {**build.files, "main.cpp": '#include "Net.h"\nint main() { static Net net; return net.output; }\n'}, tmp_path
    )
    checked_run([gxx, "-std=c++11", *LOUD, "-c", "main.cpp"], tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "int",
        "class",
        "main",
        "NULL",
        "_Bool",
        "",
        "9lives",
        "a-b",
        "a b",
        "é",
        "a\n",
        "_a",
        "a__b",
        "a" * 64,
        "*/",
        "../a",
    ],
)
def test_what_cannot_be_a_network_s_name_is_refused(name: str) -> None:
    with pytest.raises(CompileError, match=r"(?s)is not a name that C and C\+\+ allow.*, as in my_net"):
        mnc.compile(hostile(), name=name)


@pytest.mark.parametrize(
    "name",
    ["a", "A9", "input", "output", "arena", "state", "y", "i", "mnc", "MNC", "rows", "float32", "KWS", "a" * 63],
)
def test_every_other_name_builds(name: str, gcc: str, tmp_path: Path) -> None:
    files = mnc.compile(hostile(), name=name).files
    main = f'#include "{name}.h"\nstatic {name}_t one; int main(void) {{ {name}_init(&one); return 0; }}\n'
    build(tmp_path, gcc, ["-std=c89", *WARNINGS], files, {"main.c": main})


@given(st.text() | st.sampled_from([*HOSTILE, *TAKEN]))
def test_any_text_makes_a_name(text: str) -> None:
    name = name_from(text)
    assert check_name(name) == name


@given(st.text(st.characters() | st.sampled_from("*/?\\\n\"'"), max_size=100) | st.sampled_from(HOSTILE))
def test_any_text_is_harmless_in_a_comment(text: str) -> None:
    shown = comment(text)
    assert shown.isascii()
    assert len(shown) <= 60
    assert shown == "" or shown.isprintable()
    assert not set(shown) & set("*/\\?\"'%")


def test_kinds_in_small_letters() -> None:
    names = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "PReLU", "LSTM", "SimpleRNN", "Add", "GlobalMaxPooling")
    assert [snake(name) for name in names] == [
        "conv2d",
        "depthwise_conv2d",
        "conv2d_transpose",
        "p_re_lu",
        "lstm",
        "simple_rnn",
        "add",
        "global_max_pooling",
    ]
