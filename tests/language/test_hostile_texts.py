"""Texts that nobody means well with: refused in words, never with a traceback or a hang."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark

from mnc.errors import CompileError
from mnc.frontends import stores
from mnc.frontends.text import load
from mnc.ir.graph import Graph
from mnc.language import format_text, parse
from mnc.language.syntax import grammar

ROOT = Path(__file__).resolve().parents[2]
SEEDS = sorted([*ROOT.glob("examples/*.mnc"), *ROOT.glob("mnc/zoo/networks/*.mnc"), *ROOT.glob("tests/errors/*.mnc")])
SEED_TEXTS = [path.read_text("utf-8") for path in SEEDS]
HEAD = "network n\ninput x: float32[8, 8, 3]\n"


def read(text: str) -> Graph | None:
    """The network, or None where it was refused; whatever else happens is a fault."""
    try:
        return parse(text, load_weights=lambda _: {})
    except CompileError as error:
        for problem in error.problems:
            assert problem.what and not problem.what.endswith(".")
            assert all(hint for hint in problem.hints)
        return None


SLICES = st.tuples(st.integers(0, 700), st.integers(0, 40))
EDITS = st.one_of(
    st.tuples(st.just("cut"), SLICES, st.just("")),
    st.tuples(st.just("put"), SLICES, st.sampled_from([*"()[]{}=,:+-*/%@#`\"'\\\n\0é😀<>!.;", "for ", "in", "if"])),
    st.tuples(
        st.just("put"), SLICES, st.sampled_from(["1e999", "none", "9" * 30, "int8([1])", "quantised(scale = 1)"])
    ),
    st.tuples(st.just("copy"), SLICES, st.just("")),
)


@given(st.sampled_from(SEED_TEXTS), st.lists(EDITS, min_size=1, max_size=4))
@settings(max_examples=250, deadline=None)
def test_mutated_texts(text: str, edits: list[tuple[str, tuple[int, int], str]]) -> None:
    for kind, (start, length), new in edits:
        start %= len(text) + 1
        end = start + length
        text = text[:start] + {"cut": "", "put": new, "copy": text[start:end] * 2}[kind] + text[end:]
    read(text)


PARSER = Lark(grammar(), parser="lalr")
NAMES = st.sampled_from(
    [
        *("x", "y", "z", "n", "conv2d", "dense", "relu", "add", "gru", "softmax", "filters", "units", "kernel"),
        *("padding", "same", "range", "zip", "int", "int8", "float32", "true", "name", "activation", "axis"),
        *("shape", "random", "quantised", "scale"),
    ]
)
TERMINALS = {
    "NAME": NAMES,
    "NUMBER": st.sampled_from(["0", "1", "2", "3", "8", "0.5", "1e9", "1000000"]),
    "TEXT": st.sampled_from(['""', '"a"', '"{x}"', '"\\n"', '"{"']),
    "COMMENT": st.just("# c"),
    "SPACE": st.just(" "),
    "_NL": st.just("\n"),
}


@given(from_lark(PARSER, start="start", explicit=TERMINALS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_texts_from_the_grammar(text: str) -> None:
    read(text)


@given(from_lark(PARSER, start="start", explicit=TERMINALS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_statements_from_the_grammar_in_a_valid_text(text: str) -> None:
    read(HEAD + text.partition("\n")[2])


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    read(text)


@pytest.mark.parametrize(
    "text",
    [
        "y = " + "(" * 100_000,
        "y = " + "[" * 100_000,
        "y = " + "- " * 100_000 + "1",
        "y = " + "not " * 100_000 + "true",
        "y = " + "1 + " * 100_000 + "1",
        "y = " + "2 ** " * 100_000 + "2",
        "y = " + "1 if true else " * 10_000 + "1",
        "y = " + "relu(" * 10_000 + "x" + ")" * 10_000,
        "{" * 10_000,
        "block b(v) {\n" * 5_000,
        "for i in [1] { " * 60 + "}" * 60,
        '"' * 10_001,
        "`" * 10_001,
        "y = x\n" * 3 + "\0" * 1000,
        "y = conv2d(x, " + "filters = 1, " * 10_000 + "3)",
        "y = add(" + "x, " * 20_000 + "x)",
    ],
    ids=itertools.count(),
)
def test_endless_texts(text: str) -> None:
    read(f"{HEAD}{text}\noutput x\n")


@pytest.mark.parametrize(
    "text",
    [
        "y = [0]\nfor i in range(1000) { y = [y, y] }\nz = dense(x, units = y)",
        "y = [0]\nfor i in range(1000) { y = [y, y] }\nz = y == y",
        "y = [0]\nfor i in range(1000) { y = y + y }",
        "y = [0]\nfor i in range(60000) { y = [y] }\nz = float32(y)",
        "for i in range(60000) { y = range(60000) }",
        "for i in range(60000) { y = max(range(60000)) }",
        "for i in range(60000) { for j in range(60000) { } }",
        "a = range(60000)\nfor i in range(60000) { y = zip(a, a, a) }",
        's = "ab"\nfor i in range(100) { s = "{s}{s}" }',
        "a = 2 ** 62\nfor i in range(100) { a = a * a }",
        "a = 10.0 ** 60\nfor i in range(100) { a = a * a }\nb = int(a)",
        "y = x\nfor i in range(60000) { y = relu(y) }\nfor i in range(60000) { y = relu(y) }",
        "block a(v) { return relu(relu(v)) }\n"
        + "\n".join(
            f"block {chr(98 + i)}(v) {{ return {chr(97 + i)}({chr(97 + i)}({chr(97 + i)}(v))) }}" for i in range(20)
        )
        + "\ny = u(x)",
        "y = dense(x, units = 2147483647)",
        "y = conv2d(x, filters = 100000, kernel = [1000, 1000], padding = same)",
        "y = dense(flatten(x), units = 1000000)\nweights random()",
        "y = reshape(x, shape = [1] * 60000 + [192])",
        "y = zero_padding2d(x, padding = 9223372036854775807)",
        "y = conv2d(x, 1, 3, stride = 9223372036854775807)",
        'y = relu(x, name = "a\\u{110000}")',
        'y = relu(x, name = "")',
    ],
    ids=itertools.count(),
)
def test_texts_that_ask_for_too_much(text: str) -> None:
    """None of them may take long, or much memory: each ends at a limit."""
    read(f"{HEAD}{text}\noutput x\n")


def test_ten_thousand_lines_are_read() -> None:
    line = "x = relu(x)\n"
    text = f"network long\ninput image: float32[8, 8, 8]\nx = image\n{line * 10_000}output x\n"
    assert len(parse(text).nodes) == 10_000


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"network n\xff\n", "not UTF-8"),
        (b"\xef\xbb\xbfnetwork n\ninput x: float32[1]\noutput x\n", ""),
        (b"network n\r\ninput x: float32[1]\r\noutput x\r\n", ""),
        (b"", "expected 'network'"),
    ],
)
def test_bytes(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "n.mnc"
    path.write_bytes(content)
    if not what:
        assert load(path).name == "n"
        return
    with pytest.raises(CompileError, match=what):
        load(path)


def npz(path: Path, **arrays: object) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "objects", "folder", "complex", "scale"])
def test_damaged_weights_files(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "w.npz"
    npz(file, **{"y/weights": np.ones((3, 2), np.float32), "y/bias": np.ones(2, np.float32)})
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[:300])
    elif damage == "flipped":
        content[60:120] = bytes(60)
        file.write_bytes(content)
    elif damage in ("empty", "text"):
        file.write_bytes(b"" if damage == "empty" else b"hello")
    elif damage == "objects":
        npz(file, **{"y/weights": np.array([{}], dtype=object), "y/bias": np.ones(2)})
    elif damage == "complex":
        npz(file, **{"y/weights": np.ones((3, 2), np.complex64), "y/bias": np.ones(2)})
    elif damage == "scale":
        npz(file, **{"y/weights": np.ones((3, 2)), "y/weights.scale": np.array([-1.0]), "y/bias": np.ones(2)})
    else:
        file.unlink()
        file.mkdir()
    text = f'{HEAD}y = dense(x, units = 2)\noutput y\nweights "w.npz"\n'
    with pytest.raises(CompileError):
        parse(text, load_weights=stores.loader(tmp_path))


@given(st.sampled_from(SEED_TEXTS), st.lists(EDITS, max_size=2))
@settings(max_examples=200, deadline=None)
def test_formatting_changes_no_meaning_and_is_idempotent(
    text: str, edits: list[tuple[str, tuple[int, int], str]]
) -> None:
    for kind, (start, length), new in edits:
        start %= len(text) + 1
        end = start + length
        text = text[:start] + {"cut": "", "put": new, "copy": text[start:end] * 2}[kind] + text[end:]
    try:
        formatted = format_text(text)
    except CompileError:
        return
    assert format_text(formatted) == formatted
    words = [line.split() for line in (text, formatted)]
    assert "".join(words[0]) == "".join(words[1])
    assert (read(text) is None) == (read(formatted) is None)
