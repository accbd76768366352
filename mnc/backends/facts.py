"""Facts about a compiled network, for the head of a generated file and for its report."""

from __future__ import annotations

import hashlib
from dataclasses import fields

from mnc.ir.graph import Graph
from mnc.ir.types import Constant
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
