"""The test of a network on its device: what code made with `-X selftest=1` has besides.

A run is printed a second time, with a comparison behind each layer; the run that ships is as it is without.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnc.backends.golden import SEED, Golden, Sums, golden
from mnc.backends.writer import Writer, joined, literal
from mnc.ir.graph import Input
from mnc.ir.types import Array, DType
from mnc.program import ROW, Fold, Program, Slices, Stage

if TYPE_CHECKING:
    from mnc.backends.unit import RunCall

RESULT = (
    "0: all is well; n: the output of layer n differs, of which the first is layer 1; -n: constants",
    "of layer n differ, or behind the last layer those of states",
)
"""The function's results, in lines of a comment."""


@dataclass(frozen=True)
class SelfTest:
    """The test of one program."""

    program: Program
    prefix: str
    """Of the names of the network's functions."""
    golden: Golden

    @classmethod
    def of(cls, program: Program, prefix: str) -> SelfTest:
        """CompileError where there is no golden vector, as `golden` says."""
        return cls(program, prefix, golden(program))

    @property
    def kernels(self) -> list[str]:
        """The kernels that it calls."""
        own = [f"mnc_{each}" for each in self._wrapped]
        return [*own, *(["mnc_near"] if self._has_sums else [])]

    @property
    def _has_sums(self) -> bool:
        return any(isinstance(each, Sums) for each in self.golden.outputs)

    @property
    def _wrapped(self) -> list[str]:
        """The kernels that are functions of their own in the network's code, without `mnc_`."""
        steps, graph = self.program.steps, self.program.graph
        found = {f"noise_{given.type.dtype.suffix}" for given in graph.inputs}
        for step, expected in zip(steps, self.golden.outputs, strict=True):
            found.add(f"{'sums' if isinstance(expected, Sums) else 'crc'}_{step.writes[0].type.dtype.suffix}")
            found |= {_crc(name, constant.array) for name, constant in step.constants.items()}
        found |= {_crc(state.name, state.initial.array) for state in graph.states}
        return sorted(found)

    def wrappers(self) -> Iterator[str]:
        """Functions that are not inlined, as they are called for every layer."""
        for kernel in self._wrapped:
            what, _, suffix = kernel.rpartition("_")
            type_ = next(each.c for each in DType if each.suffix == suffix)
            name = f"{self.prefix}_{kernel}"
            if what == "sums":
                yield (
                    f"MNC_LAYER void {name}(const {type_} *x, long first, long count, float *sums)\n"
                    f"{{\n    mnc_{kernel}(x, first, count, sums);\n}}\n"
                )
            else:
                given, from_ = ("", "seed") if what == "noise" else ("const ", "crc")
                yield (
                    f"MNC_LAYER uint32_t {name}({given}{type_} *x, long count, uint32_t {from_})\n"
                    f"{{\n    return mnc_{kernel}(x, count, {from_});\n}}\n"
                )

    def constants(self, groups: Sequence[Sequence[tuple[str, Array]]]) -> str:
        """The function that checks constants; for each layer, and behind them the states', their names and values."""
        w = Writer()
        w(f"MNC_LAYER int {self.prefix}_check_constants(void)")
        with w.block():
            if any(groups):
                w("uint32_t crc;")
                w("int found = 0;")
                w()
            for number, group in enumerate(groups, 1):
                expected, before = 0, "0"
                for name, values in group:
                    w.lines(f"crc = {self.prefix}_{_crc(name, values)}({name}, {values.size}L, {before});")
                    stored = values.ravel().astype(values.dtype.newbyteorder("<"))
                    expected, before = zlib.crc32(stored.tobytes(), expected), "crc"
                if group:
                    with w.block(f"if ((found == 0) && (crc != 0x{expected:08X}UL))"):
                        w(f"found = -{number};")
            w("return found;" if any(groups) else "return 0;")
        return w.text()

    # The layers

    def told(self, number: int, turn: str, place: str, first: int) -> str:
        """The statement behind a row of a stage whose first layer is `first`: it goes on with the layer's sums."""
        step = self.program.steps[number]
        y = step.writes[0]
        whole = isinstance(step.loop, Fold)
        count = y.type.elements if whole else y.layout.row
        suffix = y.type.dtype.suffix
        if isinstance(self.golden.outputs[number], Sums):
            begin = "0" if whole else f"(long){turn} * {count}"
            sums = f"sums + {2 * (number - first)}" if number > first else "sums"
            return f"{self.prefix}_sums_{suffix}({place}, {begin}, {count}L, {sums});"
        at = f"crcs[{number - first}]"
        return f"{at} = {self.prefix}_crc_{suffix}({place}, {count}L, {at});"

    def kept(self, numbers: Iterable[int]) -> dict[str, str]:
        """The memory by names with its declarations in which sums of these layers are."""
        kinds = {isinstance(self.golden.outputs[i], Sums) for i in numbers}
        memory = {"crcs": ("uint32_t *crcs", False), "sums": ("float *sums", True)}
        return {name: declared for name, (declared, real) in memory.items() if real in kinds}

    def prologue(self, w: Writer, inputs: Sequence[tuple[str, Input]], stages: Sequence[Stage], this: str = "") -> None:
        """The locals of a run that checks itself, and the inputs that it makes, by place; `this` as in `calls`."""
        most = max((len(stage.numbers) for stage in stages), default=1)
        kept = self.kept(range(len(self.program.steps)))
        staged = any(stage.interleaved for stage in stages)
        if "crcs" in kept and staged:
            w(f"uint32_t crcs[{most}];")
        if "sums" in kept:
            w(f"float sums[{2 * most}];")
        if staged or self.program.fed is not None or Slices(self.program, stages).cut:
            w("int i;")
        w(f"uint32_t seed = 0x{SEED:08X}UL;")
        w("int found = 0;")
        w()
        for place, given in inputs:
            w.lines(
                f"seed = {this}{self.prefix}_noise_{given.type.dtype.suffix}({place}, {given.type.elements}L, seed);"
            )

    def calls(self, w: Writer, calls: Sequence[RunCall], slot: str, this: str = "") -> None:
        """The calls of a run, each with its comparisons; `this` stands before functions that they call.

        `slot`: where the next row goes, in a network that is fed by rows.
        """
        for call in calls:
            if call.layer is not None:
                with w.block(f"for (i = 0; i < {call.repeated}; ++i)") if call.repeated else nullcontext():
                    w.lines(f"{this}{call.checked}")
                self._end_layer(w, call.layer, call.place, this)
                continue
            self._begin_stage(w, call.numbers)
            if self.program.fed is not None and call is calls[0]:
                value = self.program.fed_value
                with w.block(f"while (made[0] < {value.image[0]})"):
                    w(f"row = {slot};")
                    kernel = f"{this}{self.prefix}_noise_{value.type.dtype.suffix}"
                    w(f"seed = {kernel}(row, {value.layout.row}L, seed);")
                    w("++made[0];")
                    w.lines(f"{this}{call.checked}")
            else:
                w.lines(f"{this}{call.checked}")
            self._end_stage(w, call.numbers, this)

    def _begin_stage(self, w: Writer, numbers: range) -> None:
        """Statements in front of a stage's call."""
        for name in self.kept(numbers):
            count, zero = (2 * len(numbers), "0.0f") if name == "sums" else (len(numbers), "0")
            with w.block(f"for (i = 0; i < {count}; ++i)"):
                w(f"{name}[i] = {zero};")

    def _end_stage(self, w: Writer, numbers: range, this: str = "") -> None:
        """Statements behind a stage's call: the first of its layers that differs is returned."""
        for i in numbers:
            at = i - numbers.start
            expected = self.golden.outputs[i]
            if isinstance(expected, Sums):
                self._near(w, i, f"sums + {2 * at}" if at else "sums", expected, this)
            else:
                self._differs(w, i, f"crcs[{at}] != 0x{expected:08X}UL")

    def _end_layer(self, w: Writer, number: int, place: str, this: str = "") -> None:
        """Statements behind a layer as a whole."""
        y = self.program.steps[number].writes[0]
        suffix, count = y.type.dtype.suffix, f"{y.type.elements}L"
        expected = self.golden.outputs[number]
        if not isinstance(expected, Sums):
            crc = f"{this}{self.prefix}_crc_{suffix}({place}, {count}, 0)"
            self._differs(w, number, f"{crc} != 0x{expected:08X}UL")
            return
        w("sums[0] = 0.0f;")
        w("sums[1] = 0.0f;")
        w.lines(f"{this}{self.prefix}_sums_{suffix}({place}, 0, {count}, sums);")
        self._near(w, number, "sums", expected, this)

    def _near(self, w: Writer, number: int, sums: str, expected: Sums, this: str) -> None:
        numbers = (expected.plain, expected.plain_off, expected.weighted, expected.weighted_off)
        self._differs(w, number, f"{this}mnc_near({joined([sums, *map(literal, numbers)])}) == 0")

    def _differs(self, w: Writer, number: int, condition: str) -> None:
        """The statement that notes the first layer whose output differs."""
        with w.block(f"if ((found == 0) && ({condition}))"):
            w(f"found = {number + 1};")


def _crc(name: str, values: Array) -> str:
    """The kernel for a constant's checksum, without `mnc_`."""
    flash = "" if name == ROW or name.endswith(f"_{ROW}") else "flash_"
    return f"crc_{flash}{DType.of(values).suffix}"
