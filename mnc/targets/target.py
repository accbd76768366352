"""Targets as data: a compiler, a core, a board to run on, and limits."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

COMMON = ("-ffp-contract=fast", "-ffunction-sections", "-fdata-sections")
"""Flags of every compilation, whatever the core is."""


@dataclass(frozen=True)
class Tool:
    """A program that is run by name, and the Debian package that has it; empty: none has."""

    program: str
    package: str = ""


@dataclass(frozen=True)
class Region:
    """A piece of the address space, in bytes."""

    origin: int
    size: int


@dataclass(frozen=True)
class Clock:
    """How a board's stamp becomes a number of instructions.

    A stamp is three counters; its moment is
    `(high * wrap + low) * per_tick - fine * per_step - high * per_wrap`
    instructions.
    """

    wrap: int
    """Ticks after which `low` starts again from 0."""
    per_tick: Fraction
    """Instructions that pass in one tick."""
    per_step: int = 0
    """Instructions that one step of `fine` stands for."""
    per_wrap: int = 0
    """Instructions of the interrupt that counts in `high` how often `low` starts again."""
    unit: str = "instructions"
    """The unit of the count: an emulator of an AVR counts cycles."""

    def moment(self, high: int, low: int, fine: int) -> Fraction:
        return (high * self.wrap + low) * self.per_tick - fine * self.per_step - high * self.per_wrap


@dataclass(frozen=True)
class Board:
    """The machine or emulator that runs an image, and our support code for it."""

    name: str
    support: str
    """The folder of start-up code and linker script under `support/`."""
    sources: tuple[str, ...] = ("board.c",)
    """The C files of that folder which every image has."""
    emulator: Tool | None = None
    """None: the image runs by itself."""
    arguments: tuple[str, ...] = ()
    """Arguments of the emulator; the image is a file called `image` in its folder."""
    compiler: Tool | None = None
    """Compiles the board's files and links; None: the target's compiler does, with its flags."""
    flags: tuple[str, ...] = ()
    """Flags of that compiler."""
    link: tuple[str, ...] = ()
    """Flags of the linker."""
    regions: tuple[tuple[str, Region], ...] = ()
    """The memory that the linker script places sections in."""
    stack: int = 0
    """Bytes of stack, where the linker script reserves it; to use more ends the run."""
    clock: Clock | None = None
    """None where the board itself cannot count."""
    stays: str = ""
    """Why no image of it is run: such images are linked for their sizes alone.  Empty where they run."""
    console: bool = False
    """Whether the image holds the inputs and prints the outputs, lines of `:` and hexadecimal, for want of files."""


@dataclass(frozen=True)
class Target:
    """A machine that generated code is compiled for and run on."""

    name: str
    title: str
    """A description in a few words."""
    compiler: Tool
    cpp: Tool
    """The C++ compiler."""
    flags: tuple[str, ...]
    """Flags that select the core."""
    features: frozenset[str]
    """For kernels: `fpu` (float32), `fpu64`, `dsp` (pairs of 16 bits), `mve` (Helium), `mul64` (32 x 32),
    `mul32` (of it the lower word alone), `saturate` (USAT), `thumb1` (a Cortex-M0's instructions), `mac16` (Xtensa's),
    `vectors` (float32, with `mve` Helium's and else a PC's),
    `sixteen_floats` (registers of an FPU), `few_registers` (sixteen for addresses, counters and values),
    `many_registers` (thirty for them)."""
    board: Board
    max_flash: int
    """Bytes of flash of the largest usual parts; for hints, not enforced."""
    max_ram: int
    optimise: str = "-O2"
    int_bits: int = 32
    """Of C's `int`."""
    constants_in_ram: bool = False
    """Whether constants are copied to RAM, unless they are marked and read with instructions of their own."""
    max_constants: int | None = None
    """Bytes of the constants that such instructions reach; None: all that there is room for."""
    instead: Target | None = None
    """This target by another compiler, taken where that is installed; the generated C is the same."""

    def binutil(self, name: str) -> Tool:
        """The program called `name` of the binutils that the compiler goes with: `ar`, `size`."""
        compiler = (self.board.compiler or self.compiler).program
        prefix = compiler.removesuffix("gcc") if compiler.endswith("-gcc") else ""
        return Tool(f"{prefix}{name}", "binutils")

    @property
    def common_flags(self) -> tuple[str, ...]:
        """Flags of every compilation for this target, the optimisation level apart."""
        return (*self.flags, *COMMON)

    @property
    def linker(self) -> tuple[Tool, tuple[str, ...]]:
        """The compiler that links, which the board's own files are compiled with, and its flags."""
        own = self.board.compiler
        return (self.compiler, self.flags) if own is None else (own, self.board.flags)
