"""What every layer means, in NumPy.

Generated code, passes and backends are all compared with this.  Arrays have
the batch as their first axis, channels last, and the IR's element types.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnc.ir.graph import Graph
from mnc.ir.types import Array


def predict(graph: Graph, x: Array | Sequence[Array]) -> Array | list[Array]:
    """See `Graph.predict`."""
    raise NotImplementedError
