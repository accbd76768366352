"""Facts about a compiled network, for the head of a generated file and for its report."""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields

import mnc
from mnc.backends.writer import Writer
from mnc.ir.graph import Graph
from mnc.ir.types import Constant, DType
from mnc.plan.arena import Arena
from mnc.program import Program


def facts(program: Program, arena: Arena) -> tuple[str, ...]:
    """The network's figures, a line each."""
    graph = program.graph
    weights = sum(constant.bytes for step in program.steps for constant in step.constants.values())
    return (
        f"{parameters(graph):,} parameters in {len(program.steps)} layers,"
        f" {sum(graph.macs(node) for node in graph.nodes):,} multiply-accumulate operations a run,",
        f"{arena.size:,} bytes of RAM besides inputs and outputs, {weights:,} bytes of constants in flash.",
    )


def terms(program: Program, memory: str, several: str) -> tuple[str, ...]:
    """Duties and guarantees of a caller, a line each; `memory` names the object that holds the network."""
    kept = (buffer.dtype for buffer in program.buffers.values() if buffer.kind in ("arena", "state"))
    widest = max(kept, key=lambda dtype: dtype.bytes, default=DType.FLOAT32)
    return (
        f"- Alignment: {memory} as {widest.c}, inputs and outputs as their elements.",
        f"- Aliasing: an output overlaps neither an input, nor another output, nor {memory}.",
        "- Stack: no recursion, no array of variable length; `mnc bench --on TARGET` measures it.",
        "- Threads and interrupts: a run uses its arguments and constants and nothing else, and may",
        f"  be interrupted; runs on two {several} may take place at once, two runs on one may not.",
    )


def version() -> int:
    """The compiler's version as a number that grows: 10000 for 1.0.0, 203 for 0.2.3."""
    parts = re.findall(r"\d+", mnc.__version__)[:3]
    return sum(int(part) * weight for part, weight in zip(parts, (10000, 100, 1), strict=False))


API = 1
"""The version of the interface that generated code has: it grows where callers have to change."""


def version_macro(w: Writer) -> None:
    """MNC_VERSION, which the first of several networks' headers defines."""
    w("#ifndef MNC_VERSION")
    w(f"/** The compiler, {mnc.__version__}: 10000 * major + 100 * minor + patch. */")
    w(f"#define MNC_VERSION {version()}")
    w("#endif")


def parameters(graph: Graph) -> int:
    """The number of trained values, each constant counted once however often it is used."""
    constants = {constant for node in graph.nodes for constant in node.layer.constants.values()}
    return sum(constant.array.size for constant in constants)


def model_hash(graph: Graph) -> int:
    """32 bits that change with the structure and with every weight, not with names (SHA-256)."""
    numbers = {name: str(i) for i, name in enumerate(graph.types)}
    digest = hashlib.sha256()
    for given in graph.inputs:
        digest.update(repr(given.type).encode())
        if given.type.quant is not None and given.type.quant.features is not None:
            digest.update(repr(given.type.quant.features).encode())
    for node in graph.nodes:
        digest.update(type(node.layer).__name__.encode())
        digest.update(" ".join(numbers[name] for name in node.inputs).encode())
        for field in fields(node.layer):
            value = getattr(node.layer, field.name)
            digest.update(f"{field.name}={value!r}".encode())
            if isinstance(value, Constant):
                digest.update(value.array.astype(value.array.dtype.newbyteorder("<")).tobytes())
    digest.update(" ".join(numbers[name] for name in graph.outputs).encode())
    return int.from_bytes(digest.digest()[:4], "big")
