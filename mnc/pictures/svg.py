"""SVG and HTML as trees of elements, so that no name of a file gets into the markup unescaped."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from mnc.names import printable
from mnc.output import MARK

INK = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --faint: #59636e; --grid: #d5dae0;
  --input: #c9ead0; --value: #cfe2fb; --ring: #e5d6fb; --scratch: #e4e7eb; --state: #fbe2c2; --edge: #3d5878;
  --bound: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e8ecf1; --faint: #a3adb8; --grid: #39424d;
  --input: #1f4d2b; --value: #1d3f66; --ring: #472c70; --scratch: #3a424c; --state: #5c3d10; --edge: #8fb4dc;
  --bound: #ff8a80; } }
"""
"""Colours for light and dark; text on each ground has a contrast of at least 4.5 (WCAG AA)."""


def node(parent: Element | None, tag: str, text: str | None = None, **attributes: object) -> Element:
    """A new element, the last child of `parent`; in names of attributes `_` is `-`, and at their end nothing."""
    given = {key.rstrip("_").replace("_", "-"): _shown(value) for key, value in attributes.items()}
    made = Element(tag, given) if parent is None else SubElement(parent, tag, given)
    if text is not None:
        made.text = "\n".join(map(printable, text.split("\n")))
    return made


def picture(width: float, height: float, title: str, style: str, *, class_: str) -> Element:
    """An empty drawing of this size in pixels, which shrinks with its page; `title` says what it shows."""
    root = node(
        None,
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_shown(width)} {_shown(height)}",
        width=width,
        height=height,
        class_=class_,
        role="group",
        aria_label=title,
    )
    node(root, "metadata", MARK.decode())  # near the beginning, where `mnc.output` looks for it
    node(root, "style", style)
    return root


def markup(root: Element, *, html: bool = False) -> str:
    """The text of a tree; an XML document, or the inside of an HTML one."""
    return tostring(root, encoding="unicode", method="html" if html else "xml")


def _shown(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else printable(str(value))
