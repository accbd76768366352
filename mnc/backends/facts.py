"""Facts about a compiled network, for the head of a generated file and for its report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import numpy as np

import mnc
from mnc.backends.memory import ram_bytes
from mnc.backends.writer import Writer
from mnc.ir.graph import Graph
from mnc.ir.types import DType
from mnc.language.printer import show_anonymous
from mnc.plan.liveness import Plan
from mnc.program import Program


def facts(program: Program, plan: Plan) -> tuple[str, ...]:
    """The network's figures, a line each."""
    graph = program.graph
    weights = sum(constant.bytes for step in program.steps for constant in step.constants.values())
    besides = "inputs and outputs" if program.feed == "caller" else "outputs"
    return (
        f"{parameters(graph):,} parameters in {len(program.steps)} layers,"
        f" {sum(graph.macs(node) for node in graph.nodes):,} multiply-accumulate operations a run,",
        f"{ram_bytes(program, plan):,} bytes of RAM besides {besides}, {weights:,} bytes of constants"
        f" {'in a file of their own' if program.apart else 'in flash'}.",
    )


def terms(program: Program, memory: str, several: str) -> tuple[str, ...]:
    """Duties and guarantees of a caller, a line each; `memory` names the object that holds the network."""
    kept = (buffer.dtype for buffer in program.buffers.values() if buffer.kind in ("arena", "state"))
    widest = max(kept, key=lambda dtype: dtype.bytes, default=DType.FLOAT32)
    return (
        f"- Alignment: {memory} as {widest.c}, inputs and outputs as their elements.",
        f"- Aliasing: an output overlaps neither an input, nor another output, nor {memory}.",
        *_stack(program),
        "- Threads and interrupts: a run uses its arguments and constants and nothing else, and may",
        f"  be interrupted; runs on two {several} may take place at once, two runs on one may not.",
    )


def _stack(program: Program) -> Iterator[str]:
    """All that is known of it."""
    if program.stack is None:
        yield "- Stack: no recursion, no array of variable length; `mnc bench --on TARGET` measures it."
    else:
        size, machine = program.stack
        yield f"- Stack: {size:,} bytes in a run on {machine}; no recursion, no array of variable length."
    if held := program.on_stack:
        number = max(held, key=lambda i: held[i])
        several = f"; {len(held)} functions have some" if len(held) > 1 else ""
        yield f"  Local arrays take up to {held[number]:,} bytes of it, in the function of layer {number:02d}{several}."


def version() -> int:
    """The compiler's version as a number that grows: 10000 for 1.0.0, 203 for 0.2.3."""
    parts = re.findall(r"\d+", mnc.__version__)[:3]
    return sum(int(part) * weight for part, weight in zip(parts, (10000, 100, 1), strict=False))


LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */"
"""The first line of generated files, which hold mnc's kernels; the weights are those of the model."""
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
    """32 bits that change with the structure and with every weight, not with names (SHA-256).

    Hashed are the network's text in mnc's language, whose words are stable, and the bytes of its constants.
    """
    shown = show_anonymous(graph)
    digest = hashlib.sha256(shown.text.encode())
    for array in shown.constants.values():
        digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return int.from_bytes(digest.digest()[:4], "big")
