"""Graph to Graph, one file each.

A pass is a pure function.  It preserves what `mnc.reference` says the network
means (but for the rounding of constants that it computes anew), it keeps the
names of the network's inputs and outputs, it is its own fixpoint, and no name
that survives stands for another value than before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mnc.errors import refuse
from mnc.ir.graph import Graph
from mnc.ir.layers import BatchNormalization, SeparableConv2D
from mnc.names import similar
from mnc.passes.dead_channels import dead_channels
from mnc.passes.decompose_separable import decompose_separable
from mnc.passes.fold_batchnorm import fold_batchnorm
from mnc.passes.fuse_activation import fuse_activation
from mnc.passes.fuse_pad import fuse_pad
from mnc.passes.last_step import last_step
from mnc.passes.lower_batchnorm import lower_batchnorm
from mnc.passes.merge_reshapes import merge_reshapes
from mnc.passes.move_reshapes import move_reshapes
from mnc.passes.remove_dead import remove_dead
from mnc.passes.remove_noops import remove_noops

__all__ = ["LOWERED", "PASSES", "Pass", "optimise"]


@dataclass(frozen=True)
class Pass:
    """A step of the compiler, by the name that `mnc show --after` knows."""

    name: str
    run: Callable[[Graph], Graph]


PASSES = (
    Pass("remove-dead", remove_dead),
    Pass("remove-noops", remove_noops),
    Pass("last-step", last_step),
    Pass("decompose-separable", decompose_separable),
    Pass("move-reshapes", move_reshapes),
    Pass("fold-batchnorm", fold_batchnorm),
    Pass("lower-batchnorm", lower_batchnorm),
    Pass("merge-reshapes", merge_reshapes),
    Pass("fuse-activation", fuse_activation),
    Pass("fuse-pad", fuse_pad),
    Pass("dead-channels", dead_channels),
)
"""Every pass, in the order in which `optimise` runs them."""

LOWERED = (BatchNormalization, SeparableConv2D)
"""The layer kinds of which nothing is left after all passes."""


def optimise(graph: Graph, after: str | None = None) -> Graph:
    """The network after all passes, or after the one named `after`; CompileError where none is."""
    names = [each.name for each in PASSES]
    if after is not None and after not in names:
        guess = similar(after.lower(), names)
        raise refuse("", f"there is no pass {after!r}", *guess, f"the passes are {', '.join(names)}")
    for each in PASSES:
        graph = each.run(graph)
        if each.name == after:
            break
    return graph
