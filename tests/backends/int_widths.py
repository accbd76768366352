"""Where C arithmetic on values could leave an `int` of 16 bits, found in clang's syntax tree for AVR.

An interval is computed for each expression that values take part in: elements
of int8_t and int16_t, and the parameters of `VALUES`.  What has 32 bits or more
is not followed, as it is as wide everywhere.  Sizes, strides and indices are not
followed either: those of an array that a core with such an `int` can address
fit.  Only a product of two of them that is divided need not be an index.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Node = Mapping[str, Any]
Range = tuple[int, int]

INT = (-(2**15), 2**15 - 1)
NOTHING = (1, 0)
"""The interval of a variable before anything is known of it."""
ELEMENTS: Mapping[str, Range] = {
    "int8_t": (-128, 127),
    "uint8_t": (0, 255),
    "int16_t": INT,
    "uint16_t": (0, 2**16 - 1),
}
VALUES: Mapping[str, Range] = {
    **dict.fromkeys(("zero", "in_zero", "a_zero", "b_zero", "alpha_zero", "value"), (-128, 127)),
    **dict.fromkeys(("low", "high", "least", "most"), INT),
    **dict.fromkeys(("shift", "a_shift", "b_shift", "below_shift", "exponent"), (-64, 64)),
    "sign": (-1, 1),
    "largest": (-128, 127),
}
"""The `int` parameters that are no sizes: zero points, limits, exponents."""

FLAGS = (
    *("--target=avr", "-ffreestanding", "-fsyntax-only", "-w", "-x", "c", "-std=c99"),
    *("-DMNC_ONE_MEMORY", "-DMNC_FLASH=", "-DMNC_READ(x)=(x)", "-DMNC_READ_TICKS(now)=((now)=0)", "-U__AVR__"),
    *("-Xclang", "-ast-dump=json"),
)


def faults(text: str, clang: str, folder: Path) -> list[str]:
    """Each expression of these C functions that could overflow: its function, line and source text."""
    (folder / "text.c").write_text(text, encoding="ascii")
    done = subprocess.run([clang, *FLAGS, "text.c"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tree = json.loads(done.stdout)
    found: list[str] = []
    for function in tree["inner"]:
        if function["kind"] == "FunctionDecl" and any(n["kind"] == "CompoundStmt" for n in function.get("inner", ())):
            found += _Function(function, text).faults()
    return list(dict.fromkeys(found))


@dataclass
class _Function:
    """The analysis of one function."""

    tree: Node
    text: str
    variables: dict[str, Range | None] = field(default_factory=dict)
    """The ranges of local variables by their identity; None where one is an index."""
    found: list[str] = field(default_factory=list)
    steps: set[str] = field(default_factory=set)
    """By their identity the assignments by which a `for` goes on, whose variables are indices as those of `++` are."""

    def faults(self) -> list[str]:
        assigned = self._assigned()
        self.variables = dict.fromkeys(assigned, NOTHING)
        for _ in range(4):  # a variable that still grows then grows without end
            before = dict(self.variables)
            for variable, values in assigned.items():
                self.variables[variable] = _union([self.value(value) for value in values])
            if self.variables == before:
                break
        else:
            for variable in assigned:
                if self.variables[variable] != before[variable]:
                    self.variables[variable] = (-(2**31), 2**31)
        self.found.clear()
        self.value(self.tree)
        return self.found

    def _assigned(self) -> Mapping[str, Sequence[Node]]:
        """All that is assigned to each local `int`."""
        assigned: dict[str, list[Node]] = defaultdict(list)
        for node in _walk(self.tree):
            if node["kind"] == "ForStmt" and node["inner"][3].get("kind") == "CompoundAssignOperator":
                self.steps.add(node["inner"][3]["id"])
            if node["kind"] == "VarDecl" and _type(node) == "int":
                assigned[node["id"]] += node.get("inner", [])
            elif node["kind"] == "CompoundAssignOperator" or node.get("opcode") in ("=", "++", "--"):
                target = node["inner"][0]
                if target["kind"] == "DeclRefExpr" and _type(target) == "int":
                    assigned[target["referencedDecl"]["id"]].append(node["inner"][1] if node["opcode"] == "=" else node)
        return assigned

    def value(self, node: Node) -> Range | None:
        """The interval of an expression, and the faults in it; None for an index, and for what is no number."""
        inner = [child for child in node.get("inner", ()) if child]  # a `for` may lack a part
        match node["kind"]:
            case "IntegerLiteral":
                return (int(node["value"]), int(node["value"]))
            case "BinaryOperator" if node["opcode"] not in ("=", ","):
                return self._binary(node, node["opcode"], self.value(inner[0]), self.value(inner[1]))
            case "CompoundAssignOperator" if node["id"] in self.steps and _is_one_number(self.value(inner[1])):
                return None
            case "CompoundAssignOperator":
                return self._binary(node, node["opcode"][:-1], self.value(inner[0]), self.value(inner[1]))
            case "UnaryOperator" if node["opcode"] == "-":
                given = self.value(inner[0])
                return given if given in (None, NOTHING) else self._fitting(node, (-given[1], -given[0]))
            case "UnaryOperator" if node["opcode"] in ("++", "--"):
                self.value(inner[0])
                return None
            case "ConditionalOperator":
                self.value(inner[0])
                return _union([self.value(inner[1]), self.value(inner[2])])
            case "ParenExpr":
                return self.value(inner[0])
            case "ImplicitCastExpr" | "CStyleCastExpr" if node["castKind"] == "IntegralCast":
                given = self.value(inner[0])
                return given if _type(node) in ("int", "unsigned int") and _is_narrow(inner[0]) else _range(node)
            case "DeclRefExpr":
                declared = node["referencedDecl"]
                if declared["kind"] == "ParmVarDecl" and _type(node) == "int":
                    return VALUES.get(declared["name"])
                return self.variables[declared["id"]] if declared["id"] in self.variables else _range(node)
            case "ImplicitCastExpr" if node["castKind"] == "LValueToRValue":
                return self.value(inner[0])
        for child in inner:
            self.value(child)
        return _range(node)

    def _binary(self, node: Node, operation: str, a: Range | None, b: Range | None) -> Range | None:
        if operation in ("<", ">", "<=", ">=", "==", "!=", "&&", "||") or not _is_narrow(node):
            return None
        if operation in ("/", "%") and _multiplies_sizes(node["inner"][0]):
            self._report(node)
        if a is None and b is None:
            return None
        if NOTHING in (a, b):
            return NOTHING
        if operation in ("/", "%", ">>", "&", "|", "^"):
            return a if operation in ("/", ">>") else None
        if a is None or b is None:
            literal = all(each is None or each[0] == each[1] for each in (a, b))
            if not literal:  # a value and an index
                self._report(node)
            return None
        corners = [_apply(operation, x, y) for x in a for y in b]
        return self._fitting(node, (min(corners), max(corners)))

    def _fitting(self, node: Node, interval: Range) -> Range:
        if _is_narrow(node) and not (INT[0] <= interval[0] and interval[1] <= INT[1]):
            self._report(node)
            return INT
        return interval

    def _report(self, node: Node) -> None:
        begin, end = (_place(node["range"][edge]) for edge in ("begin", "end"))
        last = _place(node["range"]["end"])["offset"] + end["tokLen"]
        line = self.text.count("\n", 0, begin["offset"]) + 1
        self.found.append(f"{self.tree['name']}, line {line}: {' '.join(self.text[begin['offset'] : last].split())}")


def _apply(operation: str, x: int, y: int) -> int:
    return {"+": x + y, "-": x - y, "*": x * y, "<<": x << min(max(y, 0), 64)}[operation]


def _is_one_number(given: Range | None) -> bool:
    return given is not None and given[0] == given[1]


def _union(ranges: Sequence[Range | None]) -> Range | None:
    known = [each for each in ranges if each is not None and each != NOTHING]
    if None in ranges:
        return None
    return (min(low for low, _ in known), max(high for _, high in known)) if known else NOTHING


def _multiplies_sizes(node: Node) -> bool:
    """Whether there is a product of two numbers that are no literals in a sum of 16 bits."""
    while node["kind"] == "ParenExpr":
        node = node["inner"][0]
    if node["kind"] != "BinaryOperator" or not _is_narrow(node):
        return False
    if node["opcode"] == "*":
        return not any(part["kind"] == "IntegerLiteral" for part in node["inner"])
    return node["opcode"] in ("+", "-") and any(map(_multiplies_sizes, node["inner"]))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("inner", ()):
        if child:
            yield from _walk(child)


def _type(node: Node) -> str:
    return str(node.get("type", {}).get("qualType", "")).removeprefix("const ")


def _is_narrow(node: Node) -> bool:
    """Whether it is a number of at most 16 bits."""
    return _type(node) in ("int", "unsigned int", "short", "unsigned short", *ELEMENTS)


def _range(node: Node) -> Range | None:
    return ELEMENTS.get(_type(node))


def _place(location: Node) -> Node:
    """Where in the file text stands that a macro may have brought."""
    found: Node = location.get("expansionLoc", location)
    return found
