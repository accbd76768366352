"""Drawings of memory maps: in characters, as SVG and as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnc.pictures.memory_page import memory_page
from mnc.pictures.memory_svg import COLUMN, HEIGHT, LEFT, TOP, memory_svg
from mnc.pictures.memory_text import AXIS, LETTERS, LINES, cut, memory_text
from mnc.plan.memory_map import Box, Kind, MemoryMap, Moment

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</svg><script>alert("x")</script>\x1b[2J\0 & \ud800'


@st.composite
def maps(draw: st.DrawFn) -> MemoryMap:
    moments = draw(st.integers(1, 150))
    boxes = []
    for i in range(draw(st.integers(0, 40))):
        first = draw(st.integers(0, moments - 1))
        last = draw(st.integers(first, moments - 1))
        rows = draw(st.integers(1, 9))
        size = rows * draw(st.integers(1, 100_000))
        kind: Kind = draw(st.sampled_from(("input", "value", "ring", "scratch", "state")))
        name = f"{i}/{draw(st.sampled_from(('conv', 'a' * 300, HOSTILE)))}"
        boxes.append(Box(name, kind, draw(st.integers(0, 1_000_000)), size, first, last, rows, 2 * rows))
    arena = max((box.end for box in boxes), default=0)
    bound = draw(st.integers(0, arena))
    names = draw(st.sampled_from((("layer",), (HOSTILE,), ("a", "b", "c"))))
    return MemoryMap(arena, 0, bound, (Moment(names),) * moments, tuple(boxes))


@settings(max_examples=30)
@given(maps(), st.sampled_from((60, 80, 200)), st.booleans())
def test_a_drawing_in_characters_fits_and_cuts_no_number(drawn: MemoryMap, width: int, blocks: bool) -> None:
    text = memory_text(drawn, width, blocks=blocks)
    body = text.splitlines()[1:]  # the sentence above may wrap
    assert all(len(line) <= width for line in body)
    assert text.isascii() or blocks
    assert "\x1b" not in text
    for box in drawn.boxes:
        assert any(f"{box.bytes:,} B" in line and f"at {box.offset:,} " in line for line in body)
    assert f"{drawn.lower_bound:,}" in text


@settings(max_examples=30)
@given(maps())
def test_every_box_shows_by_its_letter(drawn: MemoryMap) -> None:
    few = MemoryMap(drawn.arena, 0, drawn.lower_bound, drawn.moments, drawn.boxes[:1])
    assert not few.boxes or "A" in "".join(line[AXIS:] for line in memory_text(few, 60).splitlines()[2 : 2 + LINES + 1])


def test_a_drawing_in_characters_has_address_upwards_and_time_to_the_right() -> None:
    half = 9 * 100
    boxes = (Box("low", "value", 0, half, 0, 1, 3, 9), Box("high", "scratch", half, half, 1, 2))
    drawn = MemoryMap(2 * half, 0, half, tuple(Moment((name,)) for name in "xyz"), boxes)
    lines = memory_text(drawn, 40, blocks=False).splitlines()
    assert lines[0] == "arena 1,800 B, at least 900 B"
    picture = [line[AXIS:] for line in lines[2 : 2 + LINES + 2]]
    assert picture[:9] == ["......BBBBBBBBBBBB"] * 9
    assert lines[2 + 9] == "      900 " + "-" * 19, "the bound"
    assert picture[10:19] == ["AAAAAAAAAAAA......"] * 9
    assert picture[19] == "0     1     2"
    assert lines[-2].split() == ["A", "low", "900", "B", "at", "0", "0-1", "3", "of", "9", "x", "300", "B"]
    assert lines[-1].split() == ["B", "high", "900", "B", "at", "900", "1-2", "scratch"]


def test_an_empty_map_is_drawn() -> None:
    empty = MemoryMap(0, 0, 0, (Moment(("only",)),), ())
    assert "nothing lies in memory" in memory_text(empty, 60)
    assert ElementTree.fromstring(memory_svg(empty, "net")).tag == f"{SVG}svg"


def test_letters_begin_again_after_the_last() -> None:
    count = len(LETTERS) + 3
    boxes = tuple(Box(f"b{i}", "value", 10 * i, 10, 0, 0) for i in range(count))
    text = memory_text(MemoryMap(10 * count, 0, 10 * count, (Moment(("x",)),), boxes), 60)
    assert [line[0] for line in text.splitlines()[-count:]] == [LETTERS[i % len(LETTERS)] for i in range(count)]


@settings(max_examples=30)
@given(maps())
def test_an_svg_has_a_rectangle_to_scale_for_each_box(drawn: MemoryMap) -> None:
    root = ElementTree.fromstring(memory_svg(drawn, HOSTILE))
    groups = root.findall(f"{SVG}g")
    assert len(groups) == len(drawn.boxes)
    assert not list(root.iter(f"{SVG}script"))
    column = min(max(960 / len(drawn.moments), COLUMN[0]), COLUMN[1])
    unit = HEIGHT / max(drawn.bytes, drawn.lower_bound, 1)
    by_number = {
        group.attrib["data-layer"].partition("/")[0]: group for group in groups
    }  # what covers others comes last
    for number, box in enumerate(drawn.boxes):
        group = by_number[str(number)]
        (shape,) = group.findall(f"{SVG}rect")
        x, y, width, height = (float(shape.attrib[key]) for key in ("x", "y", "width", "height"))
        assert x == pytest.approx(LEFT + column * box.first, abs=0.01)
        assert width == pytest.approx(column * (box.last - box.first + 1), abs=0.01)
        assert y == pytest.approx(TOP + HEIGHT - unit * box.end, abs=0.01)
        assert height == pytest.approx(max(unit * box.bytes, 1.5), abs=0.01)
        title = group.findtext(f"{SVG}title") or ""
        assert f"{box.bytes:,} B, address {box.offset:,} to {box.end:,}" in title
        assert box.rows == 1 or f"{box.rows} of {2 * box.rows} x" in title
    (bound,) = (line for line in root.findall(f"{SVG}line") if line.attrib["class"] == "bound")
    assert float(bound.attrib["y1"]) == pytest.approx(TOP + HEIGHT - unit * drawn.lower_bound, abs=0.01)


def test_an_svg_labels_boxes_that_have_room_and_says_the_bytes_uncut() -> None:
    boxes = (
        Box("a_layer_whose_name_is_long_" + "x" * 300, "value", 0, 1_000, 0, 2),
        Box("tall", "value", 1_000, 9_000, 2, 2),
        Box("thin", "value", 10_000, 1, 0, 3),
    )
    root = ElementTree.fromstring(memory_svg(MemoryMap(10_001, 0, 10_001, (Moment(("m",)),) * 20, boxes), "net"))
    labels = [
        "".join(piece for text in group.findall(f"{SVG}text") for piece in text.itertext())
        for group in root.findall(f"{SVG}g")
    ]
    assert labels[0].endswith("x1,000 B") or labels[0].endswith("x 1,000 B")
    assert labels[1] == "tall9,000 B"
    assert labels[2] == ""


class Page(HTMLParser):
    """The tags of a page, and the addresses that they name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for key, value in attrs if key in ("src", "href")]


@settings(max_examples=30)
@given(maps())
def test_a_page_has_the_drawing_a_table_and_no_address(drawn: MemoryMap) -> None:
    page = Page(memory_page(drawn, HOSTILE))
    assert page.tags.count("svg") == page.tags.count("table") == 1
    assert page.tags.count("tr") == 1 + len(drawn.boxes)
    assert page.addresses == []
    assert "script" not in page.tags


def test_colours_of_text_have_contrast_in_both_schemes() -> None:
    """WCAG AA: 4.5 between text and its ground."""
    from mnc.pictures.svg import INK

    for scheme in INK.split("@media"):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]+)", scheme))
        for ground in ("paper", "input", "value", "ring", "scratch", "state"):
            assert contrast(colours["ink"], colours[ground]) >= 4.5, ground
        for text in ("faint", "bound"):
            assert contrast(colours[text], colours["paper"]) >= 4.5, text
        assert contrast(colours["edge"], colours["paper"]) >= 3.0


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("name", "room", "shown"), [("conv", 4, "conv"), ("a/conv", 5, "~conv"), ("conv", 1, "~"), ("conv", 0, "")]
)
def test_a_long_name_keeps_its_end(name: str, room: int, shown: str) -> None:
    assert cut(name, room) == shown
