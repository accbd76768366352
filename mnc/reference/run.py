"""Running a whole network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.types import Array, TensorType, show
from mnc.pace import counted
from mnc.reference.dispatch import apply
from mnc.reference.quantised import apply_quantised


def predict(graph: Graph, x: Array | Sequence[Array]) -> Array | list[Array]:
    """The outputs of the network: see `Graph.predict`."""
    real = given_as_real(graph, x)
    values = evaluate(graph, x)
    return given_out(graph, [values[name] for name in graph.outputs], real=real)


def predict_on(
    graph: Graph, x: Array | Sequence[Array], states: Mapping[str, Array]
) -> tuple[Array | list[Array], dict[str, Array]]:
    """The outputs of a network that goes on with given states, and its states after that: see `Graph.predict`."""
    real = given_as_real(graph, x)
    held = beginning(graph, states)
    values = evaluate(graph, x, states)
    for state in graph.states:
        if len(values[state.next]) > (0 if states else state.held):
            held[state.name] = values[state.next][-1:]
    outputs = given_out(graph, [values[name] for name in graph.outputs], real=real)
    return outputs, {name: value[0] for name, value in held.items()}


def evaluate(
    graph: Graph, x: Array | Sequence[Array], states: Mapping[str, Array] = MappingProxyType({})
) -> dict[str, Array]:
    """Every value of the network by name, inputs first, then states, then in execution order.

    `x` and `states` are as in `Graph.predict`; CompileError where they do not fit.
    """
    values = feed(graph, x)
    held = beginning(graph, states)
    samples, started = len(next(iter(values.values()))), bool(states)
    if not held or samples == 0:
        nodes = counted("running the reference", graph.nodes)
        return _evaluated(graph, values | {name: value[:samples] for name, value in held.items()}, nodes)
    runs = []
    for i in counted("running the reference", range(samples)):
        given = {name: value[i : i + 1] for name, value in values.items()} | held
        runs.append(_evaluated(graph, given, graph.nodes))
        held |= {state.name: runs[-1][state.next] for state in graph.states if started or i >= state.held}
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


def beginning(graph: Graph, states: Mapping[str, Array]) -> dict[str, Array]:
    """The states with which a sequence begins, (1, *shape): those given, and the initial values of the others."""
    known = {state.name: state for state in graph.states}
    for name, array in states.items():
        if name not in known:
            hints = (f"its states: {', '.join(map(repr, known))}",) if known else ("it has none",)
            raise refuse(f"network {graph.name!r}", f"has no state {name!r}", *hints)
        if np.shape(array) != known[name].type.shape:
            raise refuse(f"state {name!r}", f"expects {show(known[name].type.shape)}, not {show(np.shape(array))}")
    return {
        name: as_input(state.type, np.asarray(states.get(name, state.beginning))[np.newaxis], f"state {name!r}")
        for name, state in known.items()
    }


def _evaluated(graph: Graph, values: dict[str, Array], nodes: Iterable[Node]) -> dict[str, Array]:
    """Every value of one run, or of many that have no states, from its inputs and states."""
    for node in nodes:
        outputs = apply_node(graph, node, [values[name] for name in node.inputs])
        for name, value in zip(node.outputs, outputs, strict=True):
            assert value.shape[1:] == graph.types[name].shape, f"{node.where}: {value.shape} is not {graph.types[name]}"
            values[name] = value
    return values


def apply_node(graph: Graph, node: Node, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """All outputs of one node of the graph, in float32 or in integers as its values are."""
    types = graph.input_types(node)
    results = [graph.types[name] for name in node.outputs]
    if any(each.quant is not None for each in (*types, *results)):
        return apply_quantised(node.layer, types, results, *inputs)
    return apply(node.layer, *inputs)


def feed(graph: Graph, x: Array | Sequence[Array]) -> dict[str, Array]:
    """The network's inputs by name, each of its element type; CompileError where `x` does not fit them."""
    arrays = _arrays(graph, x)
    if len(arrays) != len(graph.inputs):
        shapes = ", ".join(_expected(given) for given in graph.inputs)
        raise refuse(
            f"network {graph.name!r}",
            f"takes {len(graph.inputs)} input arrays, not {len(arrays)}",
            f"It expects: {shapes}.",
        )
    values = {given.name: _fit(given, array) for given, array in zip(graph.inputs, arrays, strict=True)}
    batches = {name: len(array) for name, array in values.items()}
    if len(set(batches.values())) > 1:
        sizes = ", ".join(f"{name!r} has {size}" for name, size in batches.items())
        raise refuse(f"network {graph.name!r}", f"all inputs need the same number of samples: {sizes}")
    return values


def _arrays(graph: Graph, x: Array | Sequence[Array]) -> list[Array]:
    """The arrays that are given, one for each input, if there are as many."""
    given = [x] if isinstance(x, np.ndarray) else list(x)
    arrays = []
    for number, each in enumerate(given):
        try:
            arrays.append(np.asarray(each))
        except ValueError:  # noqa: PERF203  # which of them is told
            wanted = graph.inputs[min(number, len(graph.inputs) - 1)]
            raise refuse(f"input {wanted.name!r}", f"expects numbers of shape {_expected(wanted)}") from None
    return arrays


def _fit(given: Input, value: Array) -> Array:
    """`value` as the input's element type, checked."""
    if value.ndim == 0 or value.shape[1:] != given.type.shape:
        hint = "The first axis is the batch."
        raise refuse(f"input {given.name!r}", f"expects {_expected(given)}, not {show(value.shape)}", hint)
    return as_input(given.type, value, f"input {given.name!r}")


def as_input(type_: TensorType, array: Array, where: str) -> Array:
    """Numbers as an input of this type takes them; CompileError at `where` where one would change its meaning.

    Floats are quantised for a quantised input, for which integers are stored
    numbers.  A float32 input takes any real numbers, rounded to float32; an
    input of indices takes whole ones.
    """
    dtype = type_.dtype.numpy
    if array.dtype.kind not in "iuf" and not (array.dtype.kind == "b" and type_.quant is None):
        raise refuse(where, f"expects real numbers, not {array.dtype}")
    if array.dtype.kind == "f" and type_.quant is not None:
        if np.isnan(array).any():
            raise refuse(where, "NaN has no place in an integer", "look for it in the samples")
        return type_.stored(array)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            value = array.astype(dtype)
        if not np.array_equal(np.isinf(value), np.isinf(array)):
            raise refuse(where, f"a number is too large for {dtype}")
        return value
    if array.dtype.kind == "f" and not (array == np.floor(array)).all():
        raise refuse(where, f"expects whole numbers, as it is {dtype}", "round them, if that is meant")
    least, most = type_.dtype.least, type_.dtype.most
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    unsigned = array.dtype.kind == "u" != dtype.kind and type_.quant is not None
    if unsigned or low < least or high > most:
        stored = f"stores {dtype}, {least} to {most}"
        what = f"{stored}; these are {array.dtype}, {low} to {high}"
        hint = "give real numbers as floats, which are quantised" if type_.quant else "look at the samples"
        raise refuse(where, what, hint)
    return array.astype(dtype)


def given_as_real(graph: Graph, x: Array | Sequence[Array]) -> bool:
    """Whether quantised inputs are given as floats, so that outputs are wanted as floats, too.

    CompileError where some of the quantised inputs are floats and others integers.
    """
    pairs = zip(graph.inputs, _arrays(graph, x), strict=False)
    floats = {given.name: array.dtype.kind == "f" for given, array in pairs if given.type.quant is not None}
    kinds = set(floats.values())
    if len(kinds) > 1:
        real = ", ".join(repr(name) for name, is_float in floats.items() if is_float)
        what = f"some inputs are floats ({real}), others are integers"
        raise refuse(
            f"network {graph.name!r}", what, "give floats for all quantised inputs, or stored integers for all"
        )
    return kinds == {True}


def given_out(graph: Graph, outputs: Sequence[Array], *, real: bool) -> Array | list[Array]:
    """The network's outputs as they are handed to the caller: the only one, or all; as floats where `real`."""
    types = [graph.types[name] for name in graph.outputs]
    if real:
        pairs = zip(types, outputs, strict=True)
        outputs = [type_.real(y).astype(np.float32) if type_.quant else y for type_, y in pairs]
    return outputs[0] if len(outputs) == 1 else list(outputs)


def _expected(given: Input) -> str:
    return "x".join(["batch", *map(str, given.type.shape)])
