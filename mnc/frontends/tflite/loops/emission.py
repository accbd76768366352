"""The layer of a loop as a node of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnc.frontends.assembly import Assembly, Value
from mnc.frontends.tflite.loops import Loop
from mnc.frontends.tflite.tensors import held, seen_as
from mnc.ir.layers import Reshape
from mnc.ir.types import Array, Shape


def emitted(
    assembly: Assembly, where: str, name: str, found: Loop, given: Sequence[Value | None], read: Sequence[bool]
) -> Mapping[int, Value | Array]:
    """The variables of the loop behind it; of a state or of rows only where they are `read`."""
    results: dict[int, Value | Array] = {**found.known}
    results.update((i, x) for i in found.same if (x := given[i]) is not None)
    x = given[found.sequence]
    assert x is not None
    steps = x.shape[0]
    rows = {i: count for i, count in found.rows.items() if read[i]}
    sequences = any(count == steps for count in rows.values())
    states = any(read[i] for i in found.states) or (sequences and 1 in rows.values())
    layer = found.layer.changed(return_sequences=sequences, return_state=states)

    def shaped(value: Value, shape: Shape) -> Value:
        wanted = held(shape)
        if value.type.shape != wanted:
            value = assembly.emit(where, f"{value.name}/shape", Reshape(wanted), [value])
        return seen_as(value, shape)

    sequence = shaped(x, (1, steps, x.type.elements // steps))
    initial = [given[i] for i in found.states] if layer.initial_state else []
    vectors = [shaped(each, (1, layer.units)) for each in initial if each is not None]
    output, *after = assembly.emit_all(where, name, layer, [sequence, *vectors])
    last = after[0] if states else output
    for i, count in rows.items():
        value = output if count == steps and sequences else last
        results[i] = shaped(value, (count, 1, layer.units))
    results.update((i, seen_as(value, (1, layer.units))) for i, value in zip(found.states, after, strict=False))
    return results
