"""The wiring of a functional model: who calls whom, in both forms that Keras writes.

Keras 1 and 2:  inbound_nodes = [[["layer", node, tensor, kwargs], ...], ...]
Keras 3:        inbound_nodes = [{"args": [... {"class_name": "__keras_tensor__",
                                  "config": {"keras_history": ["layer", node, tensor]}} ...], "kwargs": {}}, ...]

Each element is one call of the layer.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mnc.errors import refuse
from mnc.frontends.keras.ways_out import AS_TFLITE, SAVE_AGAIN
from mnc.names import brief

TRAINING = (
    "call the layer without training=True, and load the weights into the model; with it each answer would be another"
)
INPUT_ARGUMENTS = ("inputs", "sequences", "sequence")
"""Names of a layer's input, where the user has called it with a name."""


@dataclass(frozen=True)
class Ref:
    """One tensor: which output of which call of which layer."""

    layer: str
    call: int
    tensor: int


@dataclass(frozen=True)
class Arguments:
    """The arguments of one call: tensors, numbers, words, arrays, slices, and tuples and mappings of these."""

    positional: tuple[object, ...] = ()
    named: Mapping[str, object] = field(default_factory=dict)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """All tensors, in order."""
        return tuple(leaf for leaf in _leaves((self.positional, self.named)) if isinstance(leaf, Ref))

    def replaced(self, change: Callable[[Ref], object]) -> Arguments:
        """The arguments with something else in place of each tensor."""
        return Arguments(
            tuple(_replaced(each, change) for each in self.positional),
            {key: _replaced(each, change) for key, each in self.named.items()},
        )

    def inputs(self, where: str, accepted: frozenset[str]) -> tuple[Ref, ...]:
        """The tensors that a layer reads as its inputs; it understands the `accepted` arguments besides.

        CompileError where there are others that matter.
        """
        tensors = [self.named[key] for key in INPUT_ARGUMENTS if key in self.named]
        for leaf in _leaves((self.positional, tensors)):
            if not isinstance(leaf, Ref):
                what = f"the layer is called with {brief(leaf)}, which is not a tensor of the model"
                raise refuse(where, what, AS_TFLITE)
        for key, value in self.named.items():
            # `predict` puts its own `training` in place of the file's; Keras 2 does not
            harmless = value is None or value is False or key in ("name", *INPUT_ARGUMENTS)
            if not (harmless or key in accepted):
                what = f"the layer is called with {brief(key)} = {_shown(value)}, which is not supported"
                raise refuse(where, what, TRAINING if key == "training" else AS_TFLITE)
        return tuple(leaf for leaf in _leaves((self.positional, tensors)) if isinstance(leaf, Ref))


NO_ARGUMENTS = Arguments()


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, Mapping) and "class_name" not in value:
        for key in sorted(value, key=str):
            yield from _leaves(value[key])
    else:
        yield value


def _replaced(value: object, change: Callable[[Ref], object]) -> object:
    if isinstance(value, Ref):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_replaced(item, change) for item in value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, change) for key, item in value.items()}
    return value


def _shown(value: object) -> str:
    if isinstance(value, Ref):
        return f"the result of {brief(value.layer)}"
    refs = [leaf for leaf in _leaves(value) if isinstance(leaf, Ref)]
    return f"the results of {', '.join(brief(ref.layer) for ref in refs)}" if refs else brief(value)


def read_calls(where: str, inbound: object) -> tuple[Arguments, ...]:
    """The calls of one layer."""
    if not isinstance(inbound, list):
        raise refuse(where, f"inbound_nodes must be a list, not {brief(inbound)}", SAVE_AGAIN)
    return tuple(_keras3_call(where, node) if _is_keras3(node) else _keras2_call(where, node) for node in inbound)


def read_refs(where: str, what: str, given: object) -> tuple[Ref, ...]:
    """The tensors of `input_layers` or `output_layers`: one, a list, or a mapping (in the order of its keys)."""
    if isinstance(given, Mapping):
        given = [given[key] for key in sorted(given, key=str)]
    if _is_ref(given):
        given = [given]
    if not isinstance(given, list):
        raise refuse(where, f"{what} must be a list, not {brief(given)}", SAVE_AGAIN)
    refs: list[Ref] = []
    for item in given:
        refs += [_ref(where, item)] if _is_ref(item) else read_refs(where, what, item)
    return tuple(refs)


def in_order(
    where: str, calls: Mapping[str, Sequence[tuple[Ref, ...]]], offsets: Mapping[str, int]
) -> tuple[tuple[str, int], ...]:
    """(layer, call) in an order of execution that keeps to the file's where it can.

    CompileError where a call reads what does not exist, or what depends on itself.
    """
    position: dict[tuple[str, int], int] = {}
    readers: dict[tuple[str, int], list[tuple[str, int]]] = {}
    missing: dict[tuple[str, int], int] = {}
    for name, layer_calls in calls.items():
        for i, refs in enumerate(layer_calls):
            producers = {(ref.layer, ref.call - offsets.get(ref.layer, 0)) for ref in refs}
            for producer in producers:
                if producer[0] not in calls or not 0 <= producer[1] < len(calls[producer[0]]):
                    raise refuse(
                        where,
                        f"layer {brief(name)} reads {_call_name(producer)}, which does not exist",
                        SAVE_AGAIN,
                    )
                readers.setdefault(producer, []).append((name, i))
            position[name, i] = len(position)
            missing[name, i] = len(producers)
    ready = [(position[call], call) for call, count in missing.items() if count == 0]
    order: list[tuple[str, int]] = []
    while ready:
        call = heapq.heappop(ready)[1]
        order.append(call)
        for reader in readers.get(call, ()):
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, (position[reader], reader))
    stuck = _circular({call for call, count in missing.items() if count > 0}, readers, position)
    if stuck:
        names = ", ".join(_call_name(call) for call in stuck[:5]) + (", ..." if len(stuck) > 5 else "")
        raise refuse(where, f"these layers wait for each other in a circle: {names}", SAVE_AGAIN)
    return tuple(order)


def _circular(
    waiting: set[tuple[str, int]],
    readers: Mapping[tuple[str, int], Sequence[tuple[str, int]]],
    position: Mapping[tuple[str, int], int],
) -> list[tuple[str, int]]:
    """Of the calls that wait for ever, those that another such call waits for: the rest only read from a circle."""
    producers: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for producer, reading in readers.items():
        for reader in reading:
            producers.setdefault(reader, []).append(producer)
    awaited = {call: sum(reader in waiting for reader in readers.get(call, ())) for call in waiting}
    idle = [call for call, count in awaited.items() if count == 0]
    for call in idle:  # which grows meanwhile
        for producer in producers.get(call, ()):
            if producer in awaited:
                awaited[producer] -= 1
                if awaited[producer] == 0:
                    idle.append(producer)
    return sorted(waiting.difference(idle), key=position.__getitem__)


def _call_name(call: tuple[str, int]) -> str:
    name, index = call
    return brief(name) if index == 0 else f"call {index} of {brief(name)}"


def _is_keras3(node: object) -> bool:
    return isinstance(node, Mapping) and "args" in node


def _is_ref(item: object) -> bool:
    return isinstance(item, list) and len(item) >= 3 and isinstance(item[0], str)


def _ref(where: str, item: Sequence[object]) -> Ref:
    name, call, tensor = item[:3]
    if not isinstance(name, str) or isinstance(call, bool) or isinstance(tensor, bool):
        raise refuse(where, f"{brief(item)} does not name a tensor", SAVE_AGAIN)
    if not isinstance(call, int) or not isinstance(tensor, int) or call < 0 or tensor < 0:
        raise refuse(where, f"{brief(item)} does not name a tensor", SAVE_AGAIN)
    return Ref(name, call, tensor)


CONSTANT = "_CONSTANT_VALUE"
"""Stands in Keras 2 where a tensor's layer is named, and the value where its output is."""


def _keras2_call(where: str, node: object) -> Arguments:
    """[layer, call, tensor, arguments] of each input; the arguments are those of the whole call."""
    if isinstance(node, Mapping):
        node = [node[key] for key in sorted(node, key=str)]
    if _is_ref(node):
        node = [node]
    if not isinstance(node, list):
        raise refuse(where, f"the call {brief(node)} is not in a form that Keras writes", SAVE_AGAIN)
    inputs: list[object] = []
    named: dict[str, object] = {}
    for item in node:
        if not _is_ref(item):
            raise refuse(where, f"the call reads {brief(item)}, which is not a tensor of the model", AS_TFLITE)
        if len(item) > 3:
            if not isinstance(item[3], Mapping):
                raise refuse(where, f"{brief(item[3])} must be the arguments of a call", SAVE_AGAIN)
            named = {**{str(key): _decoded(where, value, keras2=True) for key, value in item[3].items()}, **named}
        inputs.append(_decoded(where, item[2]) if item[0] == CONSTANT else _ref(where, item))
    return Arguments((inputs[0],) if len(inputs) == 1 else (tuple(inputs),), named)


def _keras3_call(where: str, node: object) -> Arguments:
    assert isinstance(node, Mapping)
    named, positional = node.get("kwargs", {}), node["args"]
    if not isinstance(named, Mapping):
        raise refuse(where, f"{brief(named)} must be the arguments of a call", SAVE_AGAIN)
    decoded = {str(key): _decoded(where, value) for key, value in named.items() if key != "training"}
    if not isinstance(positional, list):
        positional = [positional]
    return Arguments(tuple(_decoded(where, item) for item in positional), decoded)


def _decoded(where: str, value: object, keras2: bool = False) -> object:
    """An argument as Python has it; an object that is not known stays as JSON has it."""
    if isinstance(value, list):
        if keras2 and len(value) == 3 and _is_ref(value) and all(type(each) is int for each in value[1:]):
            return _ref(where, value)
        return tuple(_decoded(where, item, keras2) for item in value)
    if not isinstance(value, Mapping):
        return value
    config = value.get("config")
    match value.get("class_name"):
        case "__keras_tensor__":
            history = config.get("keras_history") if isinstance(config, Mapping) else None
            if not isinstance(history, list) or not _is_ref(history):
                raise refuse(where, f"{brief(value)} does not name a tensor", SAVE_AGAIN)
            return _ref(where, history)
        case "__tuple__":
            return _decoded(where, value.get("items"), keras2)
        case "__ellipsis__":
            return ...
        case "__slice__" if isinstance(config, Mapping):
            return _slice(where, config)
        case "__numpy__" | "__tensor__" if isinstance(config, Mapping):
            return _array(where, config.get("value"))
        case None if value.keys() == {"start", "stop", "step"}:
            return _slice(where, value)
        case None:
            return {str(key): _decoded(where, item, keras2) for key, item in value.items()}
    return value


def _slice(where: str, bounds: Mapping[str, object]) -> slice:
    given = [bounds.get(key) for key in ("start", "stop", "step")]
    if not all(each is None or type(each) is int for each in given):
        raise refuse(where, f"the slice {brief(given)} is not made of whole numbers", AS_TFLITE)
    return slice(*given)


def _array(where: str, value: object) -> object:
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise refuse(where, f"{brief(value)} is not an array of numbers", SAVE_AGAIN) from None
