"""Arrays as `.npy` files, and zip archives, sound and spoilt."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from mutations.damage import damaged, occurrences


def npy(array: Any) -> bytes:
    """The array as NumPy's file has it."""
    memory = io.BytesIO()
    np.save(memory, array, allow_pickle=False)
    return memory.getvalue()


def reheaded(content: bytes, rng: random.Random) -> bytes:
    """An .npy file with another header, of the length that the file states."""
    header = content[10 : 10 + struct.unpack_from("<H", content, 8)[0]].decode("latin-1").strip()
    values = (
        "(6, 6, 1)",
        "(1, 6, 6, 1)",
        "(4, 6, 6, 1)",
        "(1000000000, 6, 6, 1)",
        "(-1, 6)",
        "()",
        "(0, 6, 6, 1)",
        "(" * 80,
    )
    changes = (
        (r"\([^)]*\)", rng.choice(values)),
        (r"'[<>|=][^']*'", repr(rng.choice(("<f4", "<f8", "|O", "<U9", "<M8[s]", "|V9", "<c8", "|S0", "<f16", "x")))),
        ("False", rng.choice(("True", "1", "None", "[]"))),
        ("'descr'", rng.choice(("'x'", "1", "'descr' 'y'"))),
        (r"\}", rng.choice(("", "}" * 3, ", 'x': 1}", "\n" * 60_000 + "}"))),
    )
    for pattern, new in rng.sample(changes, rng.choice((0, 1, 1, 2))):
        header = re.sub(pattern, lambda _, new=new: new, header, count=1)
    coded = header.encode("latin-1")[:65535]
    return content[:8] + struct.pack("<H", len(coded)) + coded + content[10 + struct.unpack_from("<H", content, 8)[0] :]


def rezipped(members: Mapping[str, bytes], rng: random.Random, *, spoil: bool) -> bytes:
    """An archive of the members; where it is spoilt, in its directory, its headers or its members' names."""
    memory = io.BytesIO()
    packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(memory, "w", packing) as archive:
        for name, content in members.items():
            odd = rng.choice((name.upper(), f"../{name}", "x" * 3000, "\x1b[2J", name[1:])) if spoil else name
            archive.writestr(_member(odd if spoil and rng.random() < 0.1 else name, packing), content)
            if spoil and rng.random() < 0.1:
                archive.writestr(_member(f"{name}.bomb.npy", zipfile.ZIP_DEFLATED), bytes(2**24))
    content = memory.getvalue()
    return damaged(content, rng, occurrences(content, b"PK\1\2", b"PK\3\4", b"PK\5\6")) if spoil else content


def _member(name: str, packing: int) -> zipfile.ZipInfo:
    """Without the time of the day."""
    info = zipfile.ZipInfo(name)
    info.compress_type = packing
    return info
