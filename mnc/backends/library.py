"""The kernels: C files beside this module, taken apart into functions and macros.

A network's file gets the kernels that it calls and, by the identifiers in
their text, whatever those need; nothing else is copied.

A file whose name ends in several element types, as `rows_f32_s8_s16.c`, is a
template: it is written for the first, and the text for each of the others is
made by substituting type names.  In one that ends in `_s8_u8` only the inputs
become uint8: outputs stay int8, and so do kernels of other files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

from mnc.errors import refuse
from mnc.ir.types import DType

_IDENTIFIER = re.compile(r"\b(?:mnc|MNC)_\w+")
_FUNCTION = re.compile(r"^MNC_KERNEL [\w ]+?\**(\w+)\(([^)]*)\)\s*\{", re.MULTILINE)
_NAMES = re.compile(r"^MNC_KERNEL [\w ]+?\**(\w+)\(", re.MULTILINE)
_DEFINE = re.compile(r"^#define (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

_HEADERS = {
    "<float.h>": re.compile(r"\bFLT_\w+"),
    "<limits.h>": re.compile(r"\b(?:U?INT|U?LONG)_MAX\b"),
    "<math.h>": re.compile(r"\bMNC_(?:COS|ERF|EXP|EXPM1|FLOOR|LOG|LOG1P|POW|SIN|SQRT|TANH)F\b|\bfmod\b"),
    "<stdint.h>": re.compile(r"\bu?int(?:8|16|32|64)_t\b"),
    "<stddef.h>": re.compile(r"\bNULL\b|\bsize_t\b"),
}
"""The standard headers, and the names in a kernel's text that need them."""


_ELEMENTS = {DType.FLOAT32.suffix: (DType.FLOAT32.c, "-FLT_MAX")} | {
    each.suffix: (each.c, str(each.least)) for each in (DType.INT8, DType.INT16, DType.INT32, DType.UINT8)
}
"""The C type and the lowest number of each element type that a kernel's name may end in."""
_TYPES = re.compile(rf"(?<=_)(?:{'|'.join(_ELEMENTS)})(?=[_.])")
_OF_UNSIGNED = "_s8_u8.c"
"""The end of the names of files whose kernels read int8 or uint8."""
_HEAD = re.compile(r"^(MNC_KERNEL [\w ]+\()([^)]*\))", re.MULTILINE)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: its C type and its name."""

    type: str
    name: str

    @property
    def declaration(self) -> str:
        """As C declares it."""
        return self.type + ("" if self.type.endswith("*") else " ") + self.name


@dataclass(frozen=True)
class Item:
    """One function, or one or more macros under a comment: the unit of copying."""

    names: tuple[str, ...]
    text: str
    parameters: tuple[Parameter, ...] | None
    """None where it is not a function."""

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """The identifiers of the library that its code mentions, in order."""
        found = _IDENTIFIER.findall(_COMMENT.sub("", self.text))
        return tuple(name for name in dict.fromkeys(found) if name not in self.names)

    @cached_property
    def headers(self) -> frozenset[str]:
        """The standard headers that it needs."""
        return _headers_of(self.text)

    @cached_property
    def guarded(self) -> str:
        """The text, a kernel's so that it counts once where several networks are compiled as one source.

        A guard has a hash of the text: two texts under one name, as different versions
        of mnc may write them, are a fault that the compiler names.
        """
        if _FUNCTION.search(self.text) is None:
            return self.text
        macro = f"{self.names[0].upper()}_{hashlib.sha256(self.text.encode()).hexdigest()[:8].upper()}"
        return f"#ifndef {macro}\n#define {macro}\n{self.text}\n#endif"


@dataclass(frozen=True)
class Library:
    """All kernels, by the names they define."""

    items: dict[str, Item]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Library:
        """Take C files apart at the blank lines between their top-level items."""
        return cls({name: item for text in texts for item in _items(text) for name in item.names})

    def replaced(self, *texts: str) -> Library:
        """The library with the items of more C texts, which take the place of those with the same names.

        CompileError where a function would not take what its callers give it.
        """
        fresh = Library.parse(texts)
        for name in fresh.items.keys() & self.items.keys():
            old, new = self.items[name].parameters, fresh.items[name].parameters
            if old != new:
                shown = ["no function" if each is None else ", ".join(p.name for p in each) for each in (old, new)]
                raise refuse(f"kernel {name!r}", f"is called with ({shown[0]}), its replacement takes ({shown[1]})")
        return Library({**self.items, **fresh.items})

    def parameters(self, kernel: str) -> tuple[Parameter, ...]:
        """The parameters of a kernel, in order."""
        parameters = self.items[kernel].parameters
        assert parameters is not None, kernel
        return parameters

    def mentioned(self, text: str) -> frozenset[str]:
        """The names of the library that C text mentions."""
        return frozenset(name for name in _IDENTIFIER.findall(_COMMENT.sub("", text)) if name in self.items)

    def closure(self, kernels: Iterable[str]) -> tuple[Item, ...]:
        """The kernels and all they need, what is needed first."""
        done: dict[Item, None] = {}

        def visit(name: str) -> None:
            item = self.items.get(name)
            if item is not None and item not in done:
                for needed in item.uses:
                    visit(needed)
                done[item] = None

        for kernel in sorted(kernels):
            assert kernel in self.items, kernel
            visit(kernel)
        return tuple(done)


def calling(kernel: str, parameters: Iterable[Parameter], arguments: Mapping[str, str]) -> str:
    """A call in C, its numbers with the names of their parameters; `arguments` by these names."""
    texts = []
    for p in parameters:
        text = arguments[p.name]
        plain = "*" in p.type or text.startswith("MNC_") or text == p.name
        texts.append(text if plain else f"{text} /* {p.name} */")
    return f"{kernel}({', '.join(texts)});"


def headers(text: str, items: Iterable[Item] = ()) -> tuple[str, ...]:
    """The standard headers that C text and items need, sorted."""
    needed = _headers_of(text).union(*(item.headers for item in items))
    return tuple(header for header in _HEADERS if header in needed)


def _headers_of(text: str) -> frozenset[str]:
    code = _COMMENT.sub("", text)
    return frozenset(header for header, use in _HEADERS.items() if use.search(code))


@cache
def standard() -> Library:
    """The kernels that come with mnc."""
    folder = resources.files("mnc.backends") / "kernels"
    entries = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith((".c", ".h")))
    files = {name: entry.read_text(encoding="utf-8") for name, entry in entries}
    reading = {each for name, text in files.items() if name.endswith(_OF_UNSIGNED) for each in _NAMES.findall(text)}
    return Library.parse(each for name, text in files.items() for each in _by_type(name, text, reading))


def _by_type(name: str, text: str, reading: Collection[str]) -> Iterator[str]:
    """The text of a file of this name, and its texts for the further element types that the name ends in.

    `reading` are the kernels of int8 that have a like for uint8.
    """
    yield text
    own, *others = _TYPES.findall(name) or ("",)
    for other in others:
        if name.endswith(_OF_UNSIGNED):
            changed = _of_unsigned(text, reading)
        else:
            changed = re.sub(rf"(?<=_){own}\b", other, text)
            for old, new in zip(_ELEMENTS[own], _ELEMENTS[other], strict=True):
                changed = re.sub(rf"(?<!\w){old}\b", new, changed)
        yield _HEAD.sub(lambda head: head[1] + re.sub(r"\n +", "\n" + " " * len(head[1]), head[2]), changed)


def _of_unsigned(text: str, reading: Collection[str]) -> str:
    """The text of kernels of int8 for inputs of uint8: these and copies of them; not outputs, weights and shifts."""
    changed = re.sub(r"\bmnc_\w+_s8\b", lambda name: name[0][:-2] + "u8" if name[0] in reading else name[0], text)
    changed = re.sub(r"\bint8_t\b(?! \*(?:out|w|weights|shift)(?:_at)?\b)", "uint8_t", changed)
    changed = re.sub(r"\b(MNC_(?:EVEN|ODD|LOAD))_S8\(", r"\1_U8(", changed)
    return re.sub(r"\bint8\b", "uint8", changed)


def _items(text: str) -> Iterable[Item]:
    pending: list[str] = []
    braces = conditions = 0
    for line in [*text.splitlines(), ""]:
        if line or braces or conditions:
            pending.append(line)
            code = _COMMENT.sub("", line)
            braces += code.count("{") - code.count("}")
            conditions += code.startswith("#if")
            conditions -= code.startswith("#endif")
            continue
        item = _item("\n".join(pending))
        if item is not None:
            yield item
        pending.clear()


def _item(text: str) -> Item | None:
    function = _FUNCTION.search(text)
    if function is not None:
        return Item((function[1],), text, tuple(_parameter(p) for p in function[2].split(",")))
    names = tuple(dict.fromkeys(_DEFINE.findall(text)))
    return Item(names, text, None) if names else None


def _parameter(text: str) -> Parameter:
    match = re.fullmatch(r"\s*(.*?)\s*(\w+)\s*", text, re.DOTALL)
    assert match is not None, text
    return Parameter(match[1], match[2])
