"""Writing C: numbers come back to the bit, lines stay short, blocks are indented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from generated_c import build, checked_run
from hypothesis import given
from hypothesis import strategies as st

from mnc.backends.writer import WIDTH, Writer, literal, literals, wrap
from mnc.ir.types import Array


def bit_patterns(count: int) -> Array:
    """Finite floats of every size, the special ones included."""
    rng = np.random.default_rng(5)
    any_float = rng.integers(0, 2**32, count, dtype=np.uint32).view(np.float32)
    usual = rng.normal(size=count).astype(np.float32)
    short = np.round(usual, 2).astype(np.float32)
    limits = np.finfo(np.float32)
    special = np.array(
        [0.0, -0.0, 1.0, 1e10, 123456789, 16777217, limits.max, limits.tiny, limits.smallest_subnormal, 1 / 3],
        np.float32,
    )
    values = np.concatenate([any_float, usual, short, special])
    finite: Array = values[np.isfinite(values)]
    return finite


def test_floats_come_back_from_c_to_the_bit(gcc: str, tmp_path: Path) -> None:
    values = bit_patterns(20_000)
    w = Writer()
    w("#include <stdio.h>")
    w.array(f"static const float x[{values.size}]", values)
    w("int main(void) { return fwrite(x, sizeof x, 1, stdout) != 1; }")
    program = build(tmp_path, gcc, ["-std=c89", "-pedantic", "-Wall", "-Werror"], {"floats.c": w.text()})
    got = checked_run(["sh", "-c", f"'{program}' > got"], tmp_path)
    assert got == ""
    assert (tmp_path / "got").read_bytes() == values.tobytes()
    assert max(map(len, w)) <= WIDTH + 1


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_has_the_fewest_digits_that_give_it_back(value: float) -> None:
    text = literal(value)
    assert text.endswith("f")
    assert "." in text or "e" in text
    assert np.float32(text[:-1]) == np.float32(value)
    if value:
        assert digits(text[:-1]) <= max(6, digits(np.format_float_scientific(np.float32(value))))


def digits(number: str) -> int:
    """How many digits say more than the size."""
    return len(number.lstrip("-").partition("e")[0].replace(".", "").strip("0"))


def test_integers_are_written_as_they_are() -> None:
    assert literals(np.array([-128, 0, 127], np.int8)) == ["-128", "0", "127"]
    assert literal(np.int32(-5)) == "-5"
    assert literal(7) == "7"


def test_blocks_are_indented() -> None:
    w = Writer()
    with w.block("void f(void)"):
        w("int x = 0;")
        w()
        with w.block(tail=" /* inner */"):
            w("++x;")
    assert w.text() == "void f(void) {\n    int x = 0;\n\n    {\n        ++x;\n    } /* inner */\n}\n"


@given(st.lists(st.text("abc/*,;", min_size=1, max_size=30), min_size=1, max_size=30), st.integers(0, 3))
def test_long_lines_break_at_spaces_only(words: list[str], depth: int) -> None:
    text = " ".join(words)
    lines = wrap(text, depth=depth)
    assert " ".join(line.strip() for line in lines) == text
    assert all(line.startswith("    " * (depth + (i > 0))) for i, line in enumerate(lines))


def test_a_comment_stays_with_its_number() -> None:
    text = ", ".join(f"{i} /* number_{i} */" for i in range(60))
    for line in wrap(text):
        assert line.count("/*") == line.count("*/")
        assert len(line) <= WIDTH
