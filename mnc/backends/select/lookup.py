"""The kernel that looks vectors up."""

from __future__ import annotations

from mnc.backends.select.context import Context
from mnc.ir.layers import Embedding
from mnc.program import Call, Const, In, Out, Step


def embedding(context: Context[Embedding]) -> Step:
    """One row of the table for each number."""
    table = context.layer.weights
    call = Call(
        "mnc_embedding_f32",
        {
            "in": In(),
            "out": Out(),
            "table": Const("table"),
            "count": context.inputs[0].type.elements,
            "entries": table.shape[0],
            "dimensions": table.shape[1],
        },
    )
    return context.whole((call,), {"table": table})
