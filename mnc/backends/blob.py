"""Constants in a file of their own: what code made with `-X weights=binary` reads, from wherever the user puts it.

All words are little-endian: 12 bytes that name the format, the file's size in
bytes, two words of the layout's hash, the model's hash, a reserved 0; then the
constants, each from a multiple of four bytes; then the CRC-32 of all before it.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mnc.backends.writer import Writer, linkage
from mnc.ir.graph import Graph
from mnc.ir.types import Array, DType, TensorType
from mnc.program import up_to
from mnc.targets.interface import array_header

MAGIC = b"made by mnc\1"
"""The mark of mnc's files, and the version of the format."""
HEAD = len(MAGIC) + 5 * 4
ALIGNMENT = 4
"""Bytes to which the file, and each constant in it, are aligned in memory."""
MEMBER = "weights"
"""The pointer to it in a network's struct, and in functions."""
PARAMETER = f"const uint8_t *{MEMBER}"
FAULTS = (
    "0: all is well; 1: no pointer, or one that is no multiple of 4; 2: fewer bytes than the weights",
    "have; 3: no weights of mnc's, or in another order of bytes; 4: those of other code; 5: damaged.",
    "Behind a fault a run writes no outputs.",
)
"""The results of the function that is handed the weights, in lines of a comment."""


@dataclass(frozen=True)
class Blob:
    """A network's constants in one file."""

    content: bytes
    layout: tuple[int, int]
    """Words of a hash of all that reads it."""

    @classmethod
    def of(cls, arrays: Mapping[str, Array], readers: Iterable[str], model: int) -> Blob:
        """The file of these constants, for code of these texts; `model`: the hash of the model."""
        table = [f"{name} {DType.of(array).value} {array.size}" for name, array in arrays.items()]
        hashed = hashlib.sha256("\0".join([*table, *readers]).encode()).digest()
        layout = struct.unpack("<2I", hashed[:8])
        stored = (array.ravel().astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays.values())
        body = b"".join(each.ljust(up_to(len(each), ALIGNMENT), b"\0") for each in stored)
        size = HEAD + len(body) + 4
        head = MAGIC + struct.pack("<5I", size, *layout, model, 0)
        return cls(head + body + struct.pack("<I", zlib.crc32(head + body)), (layout[0], layout[1]))


def places(arrays: Mapping[str, Array]) -> dict[str, int]:
    """Where each constant begins, in bytes."""
    found, at = {}, HEAD
    for name, array in arrays.items():
        found[name] = at
        at += up_to(array.nbytes, ALIGNMENT)
    return found


def pointer(w: Writer, name: str, array: Array, place: int) -> None:
    """The local by which a layer's function names a constant."""
    type_ = DType.of(array).c
    w.lines(f"const {type_} *const {name} = (const {type_} *)(const void *)({MEMBER} + {place});")


def ends(graph: Graph) -> str:
    """The types of inputs and outputs, to the last bit of their scales: a caller was compiled for them."""
    types = [*(given.type for given in graph.inputs), *(graph.types[name] for name in graph.outputs)]
    return "; ".join(map(_end, types))


def _end(type_: TensorType) -> str:
    return f"{type_} {type_.quant!r} {type_.quant and type_.quant.features!r}"


def as_array(name: str, content: bytes) -> dict[str, str]:
    """A blob as an array of C, for images that hold all of a network: two files."""
    words = struct.unpack(f"<{len(content) // 4}I", content)
    w = Writer()
    w("#include <stdint.h>")
    w("#if defined(__AVR__)")
    w("#include <avr/pgmspace.h>")
    w("#else")
    w("#define PROGMEM")
    w("#endif")
    with linkage(w):
        w(f"extern const uint32_t {name}_blob[{len(words)}];")
    body = Writer()
    body(f'#include "{array_header(name)}"')
    with body.block(f"const uint32_t {name}_blob[{len(words)}] PROGMEM =", ";"):
        for at in range(0, len(words), _ON_A_LINE):
            body(" ".join(f"0x{word:08X}UL," for word in words[at : at + _ON_A_LINE]))
    return {array_header(name): w.text(), f"{name}_blob.c": body.text()}


_ON_A_LINE = 7
