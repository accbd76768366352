"""Names in generated code.  A layer's own name is data: it only ever stands in comments."""

from __future__ import annotations

import re

from mnc.errors import argument, refuse

_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class
    co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if import
    inline int long module mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected
    public register reinterpret_cast requires restrict return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename typeof union
    unsigned using virtual void volatile wchar_t while xor xor_eq main errno stdin stdout stderr
"""
_KEYWORDS = frozenset(_WORDS.split())
"""The keywords of every C and C++, and what <errno.h> and <stdio.h> make macros of."""

_TYPES = """
    clock cnd div double fexcept float fpos imaxdiv int16 int32 int64 int8 int_fast16 int_fast32 int_fast64 int_fast8
    int_least16 int_least32 int_least64 int_least8 intmax intptr ldiv lldiv max_align mbstate mtx off once_flag pid
    ptrdiff sig_atomic size ssize thrd time tss uint16 uint32 uint64 uint8 uint_fast16 uint_fast32 uint_fast64
    uint_fast8 uint_least16 uint_least32 uint_least64 uint_least8 uintmax uintptr wchar wctrans wctype wint
"""
_TAKEN = _KEYWORDS | frozenset(_TYPES.split()) | {"NULL"}
"""Words with which the name alone, or with _t after it, is taken by the language or its library."""


def check_name(name: str) -> str:
    """The network's name, where it can be an identifier in C and C++; CompileError otherwise."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name) or "__" in name or name in _TAKEN:
        raise refuse(
            argument("name"),
            f"{comment(name)!r} is not a name that C and C++ allow",
            "give a letter, then letters, digits and single underscores, at most 63, as in my_net",
        )
    return name


def name_from(text: str) -> str:
    """The nearest name that `check_name` takes, from a file's or a network's name."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:40].strip("_")
    if not name or not name[0].isalpha():
        name = f"net_{name}".rstrip("_")
    return f"{name}_net" if name in _TAKEN else name


def comment(text: str) -> str:
    """Text that can stand in any C comment: printable ASCII that neither ends one nor begins another."""
    plain = re.sub(r"[^A-Za-z0-9 _.,:;()\[\]=+<>@#-]", "_", text)
    return plain if len(plain) <= 60 else f"{plain[:57]}..."


def snake(class_name: str) -> str:
    """A layer kind's name as the network language has it: DepthwiseConv2D is depthwise_conv2d."""
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()
