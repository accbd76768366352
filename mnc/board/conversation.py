"""The conversation of mnc and the firmware on a board: a greeting, inputs, and runs told of layer by layer."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mnc.board.frames import Frame, first_frame
from mnc.board.parts import Part
from mnc.board.port import Address, Port, opened
from mnc.errors import CompileError, refuse
from mnc.names import printable

PROTOCOL = 1
CHUNK = 128
"""Bytes of an input in one frame, as the firmware has room for."""
_IDENTITY = struct.Struct("<IHHIIII4s")
_PART = struct.Struct("<HhII")
_ORDER = bytes([4, 3, 2, 1])
_SHOWN = 60
"""Bytes of what is no frame that an error shows."""


@dataclass(frozen=True)
class Patience:
    """Seconds to wait."""

    greeting: float = 12.0
    """For the first answer: opening a port restarts many boards, and their boot loaders take a while."""
    answer: float = 1.0
    """For an acknowledgement, until the frame is sent again."""
    tries: int = 12
    layer: float = 120.0
    """For a layer, which computes in silence."""


@dataclass(frozen=True)
class Identity:
    """Who a board says it is."""

    layers: int
    model: int
    """`model_hash` of its network."""
    code: int
    """The fingerprint of its code."""
    inputs: int
    """Bytes."""
    outputs: int
    little_endian: bool
    name: str


@dataclass(frozen=True)
class Told:
    """The value of a part, and how long the board took for it."""

    value: bytes
    microseconds: int


@dataclass
class Board:
    """The board at the other end of a port.  Its methods raise CompileError where the board does not answer."""

    port: Port
    where: str
    """For messages: the port."""
    patience: Patience = Patience()
    _received: bytes = b""
    _noise: bytes = b""
    """Bytes received that are no frame."""
    _number: int = 0
    """Of the last command."""
    _heard: int = field(default=-1)
    """The number of the last frame of a run."""

    def greet(self) -> Identity:
        """Say hello until the board says who it is."""
        end = time.monotonic() + self.patience.greeting
        greeting = time.monotonic_ns() & 0xFFFFFFFF
        while time.monotonic() < end:
            self._send("H", struct.pack("<I", greeting))
            until = min(end, time.monotonic() + self.patience.answer)
            while (frame := self._next(until)) is not None:
                if frame.kind == "I" and len(frame.content) >= _IDENTITY.size:
                    told, protocol, layers, model, code, inputs, outputs, order = _IDENTITY.unpack_from(frame.content)
                    if told != greeting:
                        continue
                    if protocol != PROTOCOL:
                        other = f"its firmware speaks version {protocol} of the protocol, this mnc {PROTOCOL}"
                        raise refuse(self.where, other, "write the firmware again: mnc compile --firmware")
                    name = printable(frame.content[_IDENTITY.size :].decode("ascii", "replace"))
                    self._heard = 0
                    return Identity(layers, model, code, inputs, outputs, order == _ORDER, name)
        raise self._no_answer()

    def write_inputs(self, packed: bytes) -> None:
        """Put one sample into the network's inputs."""
        for at in range(0, len(packed), CHUNK):
            self._command("W", struct.pack("<I", at) + packed[at : at + CHUNK], "its inputs were written")

    def run(self, parts: Sequence[Part], *, first: bool) -> list[Told]:
        """A run, `first` after its network is set up anew: what the board tells of these parts, in their order."""
        self._command("R", bytes([first]), "a run began")
        told, so_far = [], "a run began"
        for part in parts:
            value, microseconds = b"", 0
            while len(value) < part.size:
                frame = self._waited(so_far)
                index, row, at, microseconds = _PART.unpack_from(frame.content.ljust(_PART.size, b"\xff"))
                if (frame.kind, index, row, at) != (part.kind, part.index, part.row, len(value)):
                    got = Part(frame.kind, index, row, 0).words
                    raise refuse(self.where, f"told of {got}, byte {at}, when {part.words}, byte {len(value)}, was due")
                value += frame.content[_PART.size :]
            told.append(Told(value, microseconds))
            so_far = f"{part.words} was told"
        if (frame := self._waited(so_far)).kind != "D":
            raise refuse(self.where, f"told of more than {len(parts)} layers, rows and outputs")
        return told

    def _waited(self, so_far: str) -> Frame:
        """The next frame of a run, acknowledged."""
        end = time.monotonic() + self.patience.layer
        while (frame := self._next(end)) is not None:
            if frame.kind == "B":
                raise self._restarted(so_far)
            if frame.kind not in "LOD":
                continue
            self.port.write(bytes(Frame("A", frame.number)))
            if frame.number == self._heard:
                continue
            if frame.number != (self._heard + 1) % 256:
                raise self._restarted(so_far)
            self._heard = frame.number
            return frame
        raise refuse(
            self.where,
            f"has been silent for {self.patience.layer:g} s since {so_far}",
            "it may have crashed: look at its stack, its memory and its power",
        )

    def _command(self, kind: str, content: bytes, so_far: str) -> None:
        """Send a frame until the board has understood it."""
        number = self._send(kind, content)
        for _ in range(self.patience.tries):
            until = time.monotonic() + self.patience.answer
            while (frame := self._next(until)) is not None:
                if frame.kind == "B":
                    raise self._restarted(so_far)
                if frame.kind == "A" and frame.number == number:
                    return
                if kind == "R" and frame.kind in "LO" and frame.number != self._heard:
                    return  # the run is on; its acknowledgement was lost, and this frame will come again
            self.port.write(bytes(Frame(kind, number, content)))
        raise refuse(
            self.where,
            f"does not answer any more, as {so_far}",
            "it may have crashed, or the line loses bytes: try a lower rate or a shorter cable",
        )

    def _send(self, kind: str, content: bytes) -> int:
        self._number = self._number % 255 + 1
        self.port.write(bytes(Frame(kind, self._number, content)))
        return self._number

    def _next(self, end: float) -> Frame | None:
        """The next frame; None where none came until this moment."""
        while True:
            frame, noise, self._received = first_frame(self._received)
            self._noise = (self._noise + noise)[-4096:]
            if frame is not None:
                return frame
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._received += self.port.read(left)

    def _restarted(self, so_far: str) -> CompileError:
        return refuse(
            self.where,
            f"the board restarted after {so_far}",
            "a fault, a watchdog or its power may have reset it; a run may need more stack than it has",
        )

    def _no_answer(self) -> CompileError:
        noise = self._noise + self._received
        if not noise:
            return refuse(
                self.where,
                f"no answer within {self.patience.greeting:g} s",
                "flash the firmware that `mnc compile --firmware` writes, and close other programs that use the port",
            )
        text = printable("".join(chr(byte) if 32 <= byte < 127 else "." for byte in noise[:_SHOWN]))
        return refuse(
            self.where,
            f"sends {len(noise)} bytes, and not what the firmware of `mnc compile --firmware` says: {text!r}",
            "is the rate right (--on serial:PORT:RATE), and is that firmware on the board?",
        )


@contextmanager
def connected(address: Address) -> Iterator[Board]:
    """The board at a port, for as long as the block runs."""
    with opened(address) as port:
        yield Board(port, f"port {address.path}")


def check(board: Identity, where: str, layers: Sequence[str], model: int, code: int, sizes: tuple[int, int]) -> None:
    """CompileError where a board does not run the network of these layers, hashes and bytes of inputs and outputs."""
    again = "write its firmware again, with `mnc compile --firmware` and the options of this command, and flash it"
    if not board.little_endian:
        raise refuse(where, "the board's core has the highest byte of a number first, which is not supported")
    if board.model != model:
        what = f"the board runs another model: {board.name!r} with hash {board.model:08X}, not {model:08X}"
        raise refuse(where, what, again)
    if board.code != code or board.layers != len(layers) or (board.inputs, board.outputs) != sizes:
        what = f"the board runs this model compiled in another way: {board.layers} layers, code {board.code:08X}"
        raise refuse(where, f"{what}; this command makes {len(layers)} layers, code {code:08X}", again)
