"""How generated C is called: the names and types of one network's inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph
from mnc.ir.types import Array, TensorType


@dataclass(frozen=True)
class Interface:
    """The facts that a caller of `<name>_init` and `<name>_run` has to know."""

    name: str
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    regions: tuple[str, ...] = ()
    """The memories that `<name>_init` is handed."""

    @classmethod
    def of_graph(cls, graph: Graph, name: str, regions: tuple[str, ...] = ()) -> Interface:
        """The interface of the code generated from `graph` under `name`."""
        return cls(name, tuple(i.type for i in graph.inputs), tuple(graph.types[o] for o in graph.outputs), regions)


def array_header(name: str) -> str:
    """The name of the header of a network's constants, where they are an array that `<name>_init` is handed."""
    return f"{name}_blob.h"


def records(types: tuple[TensorType, ...]) -> np.dtype[np.void]:
    """One sample of all these values, one after another without gaps."""
    return np.dtype([(f"v{i}", t.dtype.numpy.newbyteorder("<"), t.shape) for i, t in enumerate(types)])


def pack(types: tuple[TensorType, ...], arrays: tuple[Array, ...], where: str) -> bytes:
    """The samples as the driver reads them: for each, every input's elements.

    Each array is (samples, *shape), or any shape with as many elements.
    `CompileError` where types or sizes do not fit.
    """
    if len(arrays) != len(types):
        raise refuse(where, f"the network takes {len(types)} input{'s' * (len(types) != 1)}, not {len(arrays)}")
    samples = {len(array) for array in arrays}
    if len(samples) > 1:
        raise refuse(where, f"the inputs have different numbers of samples: {sorted(samples)}")
    packed = np.empty(samples.pop() if samples else 1, records(types))
    for i, (kind, array) in enumerate(zip(types, arrays, strict=True)):
        if array.size != len(packed) * kind.elements:
            raise refuse(where, f"input {i} is {kind}, but a sample has shape {array.shape[1:]}")
        if array.dtype != kind.dtype.numpy:
            raise refuse(where, f"input {i} is {kind}, but the samples are {array.dtype}")
        packed[f"v{i}"] = array.reshape(len(packed), *kind.shape)
    return packed.tobytes()
