"""Frames on a serial line: how bytes are told from noise.  `support/mnc_board.c` has them in C, and the protocol."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

SYNC = b"\x9a\x6d"
LONGEST = 512
"""Bytes of a frame's content above which what looks like a frame is noise."""
_HEAD, _CHECK = 4, 4


@dataclass(frozen=True)
class Frame:
    """One message: its kind, a letter; its number, which an acknowledgement repeats; its content."""

    kind: str
    number: int
    content: bytes = b""

    def __bytes__(self) -> bytes:
        body = bytes([ord(self.kind), self.number]) + len(self.content).to_bytes(2, "little") + self.content
        return SYNC + body + zlib.crc32(body).to_bytes(4, "little")


def first_frame(received: bytes) -> tuple[Frame | None, bytes, bytes]:
    """The first whole frame among bytes; the bytes before it, which are none; those that are left.

    Without a frame, what is left may be the beginning of one.
    """
    begun = None
    for match in re.finditer(re.escape(SYNC), received):
        body = match.end()
        size = int.from_bytes(received[body + 2 : body + _HEAD], "little")
        check = body + _HEAD + size
        if size > LONGEST:
            continue
        if len(received) < check + _CHECK:
            begun = match.start() if begun is None else begun
            continue
        if zlib.crc32(received[body:check]) == int.from_bytes(received[check : check + _CHECK], "little"):
            frame = Frame(chr(received[body]), received[body + 1], received[body + _HEAD : check])
            return frame, received[: match.start()], received[check + _CHECK :]
    if begun is None:
        begun = len(received) - received.endswith(SYNC[:1])
    return None, received[:begun], received[begun:]
