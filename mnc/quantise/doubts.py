"""What makes calibration samples look as if they were not what they should be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnc.ir.graph import Graph
from mnc.ir.types import Array

FEW = 10
"""With fewer samples a range is more what these happen to have than what the network will see."""


def doubts(graph: Graph, samples: Sequence[Array]) -> tuple[str, ...]:
    """A sentence for each thing to look at, none of which is wrong in itself.

    `samples` are float, one array for each input.
    """
    found = []
    count = len(samples[0]) if samples else 0
    if 0 < count < FEW:
        found.append(f"calibration: {count} {'sample is' if count == 1 else 'samples are'} few; give some dozens")
    for given, array in zip(graph.inputs, samples, strict=True):
        where = f"calibration: input {given.name!r}"
        if count > 1 and (array == array[0]).all():
            found.append(f"{where}: all samples are the same")
        elif array.min() >= 0.0 and 128.0 <= array.max() <= 255.0 and (array == np.floor(array)).all():
            found.append(
                f"{where}: the samples are whole numbers up to {array.max():g}, as pixels are stored; "
                "scale them if the network was trained on scaled ones"
            )
    return tuple(found)
