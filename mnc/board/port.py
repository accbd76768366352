"""A serial port, opened with what Python brings along."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mnc.errors import refuse

try:
    import termios
    import tty
except ImportError:  # Windows
    termios = tty = None  # type: ignore[assignment]

USUAL_BAUD = 115200
PREFIX = "serial:"


class Port(Protocol):
    """Bytes to and from a board."""

    def read(self, seconds: float) -> bytes:
        """All bytes that are there, at least one; none where none came in this time."""

    def write(self, given: bytes) -> None:
        """Send bytes."""


@dataclass(frozen=True)
class Address:
    """A port by its path, and its bits a second."""

    path: str
    baud: int = USUAL_BAUD

    @classmethod
    def of(cls, text: str) -> Address:
        """From `serial:PATH` or `serial:PATH:BAUD`; CompileError where it is neither."""
        path = text.removeprefix(PREFIX)
        baud = USUAL_BAUD
        head, colon, tail = path.rpartition(":")
        if colon and tail.isdecimal():
            path, baud = head, int(tail)
        if not path:
            raise refuse(
                "--on", f"{text!r} names no port", f"as in --on {PREFIX}/dev/ttyUSB0, or {PREFIX}/dev/ttyUSB0:57600"
            )
        return cls(path, baud)


@dataclass(frozen=True)
class _Open:
    descriptor: int
    path: str

    def read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self.descriptor], [], [], max(seconds, 0.0))
        if not ready:
            return b""
        try:
            got = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return b""
        except OSError as fault:
            raise self._gone(fault) from None
        if not got:
            raise refuse(f"port {self.path}", "has closed: is the board still plugged in?")
        return got

    def write(self, given: bytes) -> None:
        while given:
            _, ready, _ = select.select([], [self.descriptor], [], 5.0)
            if not ready:
                raise refuse(f"port {self.path}", "takes no bytes: nothing reads from it")
            try:
                given = given[os.write(self.descriptor, given) :]
            except BlockingIOError:
                continue
            except OSError as fault:
                raise self._gone(fault) from None

    def _gone(self, fault: OSError) -> Exception:
        return refuse(f"port {self.path}", f"{fault.strerror}: is the board still plugged in?")


@contextmanager
def opened(address: Address) -> Iterator[Port]:
    """The port, without echo, flow control or changed bytes, for as long as the block runs."""
    where = f"port {address.path}"
    if termios is None:
        raise refuse(
            where, "this system has no serial ports as POSIX has them", "use Linux (WSL with usbipd, too) or macOS"
        )
    speed = getattr(termios, f"B{address.baud}", None)
    if speed is None:
        known = sorted(int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdecimal())
        rates = ", ".join(str(each) for each in known if each >= 9600)
        raise refuse(where, f"{address.baud} is not a rate of this system's", f"its rates: {rates}")
    try:
        descriptor = os.open(address.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as fault:
        hints = ("`ls /dev/tty*` lists ports; a user needs the group dialout on many systems",)
        raise refuse(where, fault.strerror or str(fault), *hints) from None
    try:
        try:
            tty.setraw(descriptor)
            attributes = termios.tcgetattr(descriptor)
            attributes[2] |= termios.CLOCAL | termios.CREAD
            attributes[4] = attributes[5] = speed
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        except termios.error:
            raise refuse(where, "is not a serial port") from None
        yield _Open(descriptor, address.path)
    finally:
        os.close(descriptor)
