"""The structs that a layer's calls of another library point to, in C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from mnc.backends.writer import WIDTH, Writer, joined, literal
from mnc.ir.types import DType
from mnc.program import Const, Member, Name, Record, Scratch, Step


@dataclass(frozen=True)
class Records:
    """The structs of one layer, whose function in C is called `function`."""

    step: Step
    prefix: str
    function: str

    @cached_property
    def named(self) -> Mapping[str, Record]:
        """Each once, by its name in C."""
        records: dict[str, Record] = {}
        for call in self.step.all_calls:
            for parameter, argument in call.arguments.items():
                if isinstance(argument, Record):
                    assert records.setdefault(self.name(argument, parameter), argument) == argument, parameter
        return records

    def name(self, record: Record, parameter: str) -> str:
        """The C name of a struct that is passed as a parameter of this name."""
        if not record.constant:
            return parameter
        return f"{self.prefix}_{record.label}" if record.label else f"{self.function}_{parameter}"

    @property
    def constants(self) -> Mapping[str, Record]:
        """The structs that lie in flash."""
        return {name: record for name, record in self.named.items() if record.constant}

    @property
    def locals(self) -> Mapping[str, Record]:
        """The structs that a run fills."""
        return {name: record for name, record in self.named.items() if not record.constant}

    def define(self, w: Writer, names: Mapping[str, Record]) -> None:
        """The definitions of constants."""
        for name, record in names.items():
            head = f"static const {record.type} {name} = {{"
            members = [f"{self._text(member)} /* {key} */" for key, member in record.members.items()]
            if len(line := f"{head}{joined(members)}}};") <= WIDTH:
                w(line)
                continue
            w(head)
            for i, member in enumerate(members, start=1):
                w(f"    {member}{',' if i < len(members) else ''}")
            w("};")
        if names:
            w()

    def declare(self, w: Writer) -> None:
        """The declarations of the locals."""
        for name, record in self.locals.items():
            w(f"{record.type} {name};")

    def fill(self, w: Writer) -> None:
        """The assignments to the locals."""
        for name, record in self.locals.items():
            for key, member in record.members.items():
                w(f"{name}.{key} = {self._text(member)};{' /* bytes */' if key == 'size' else ''}")

    def _text(self, member: Member) -> str:
        match member:
            case tuple():
                return f"{{{joined(member)}}}"
            case Const(name, offset):
                # Structs of libraries point without const to data that is only read, too.
                type_ = DType.of(self.step.constants[name].array).c
                return f"({type_} *){self.function}_{name}" + (f" + {offset}" if offset else "")
            case Scratch(offset):
                return f"scratch + {offset}" if offset else "scratch"
            case Name(text):
                return text
            case _:
                return literal(member)
