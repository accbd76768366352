"""The wiring of a functional model: who calls whom, in both forms that Keras writes.

Keras 1 and 2:  inbound_nodes = [[["layer", node, tensor, kwargs], ...], ...]
Keras 3:        inbound_nodes = [{"args": [... {"class_name": "__keras_tensor__",
                                  "config": {"keras_history": ["layer", node, tensor]}} ...], "kwargs": {}}, ...]

Each element is one call of the layer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mnc.errors import refuse
from mnc.frontends.keras.config import SAVE_AGAIN, brief

ARGUMENT = "rebuild the model without this argument and load the weights into it"
INPUT_ARGUMENTS = ("inputs", "sequences", "sequence")
"""Names of a layer's input, where the user has called it with a name."""


@dataclass(frozen=True)
class Ref:
    """One tensor: which output of which call of which layer."""

    layer: str
    call: int
    tensor: int


def read_calls(where: str, inbound: object) -> tuple[tuple[Ref, ...], ...]:
    """The calls of one layer, each as the tensors that it reads."""
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


def _keras2_call(where: str, node: object) -> tuple[Ref, ...]:
    if isinstance(node, Mapping):
        node = [node[key] for key in sorted(node, key=str)]
    if _is_ref(node):
        node = [node]
    if not isinstance(node, list):
        raise refuse(where, f"the call {brief(node)} is not in a form that Keras writes", SAVE_AGAIN)
    refs = []
    for item in node:
        if not _is_ref(item):
            raise refuse(where, f"the call reads {brief(item)}, which is not a tensor of the model", ARGUMENT)
        if len(item) > 3:
            _check_arguments(where, item[3])
        refs.append(_ref(where, item))
    return tuple(refs)


def _keras3_call(where: str, node: object) -> tuple[Ref, ...]:
    assert isinstance(node, Mapping)
    named = node.get("kwargs", {})
    tensors = []
    if isinstance(named, Mapping):
        tensors = [named[key] for key in INPUT_ARGUMENTS if named.get(key) is not None]
        # `predict` puts its own `training` in place of the file's; Keras 2 does not
        named = {key: value for key, value in named.items() if key not in (*INPUT_ARGUMENTS, "training")}
    _check_arguments(where, named)
    return (*_tensors(where, node["args"]), *_tensors(where, tensors))


def _tensors(where: str, argument: object) -> Iterator[Ref]:
    if isinstance(argument, list):
        for item in argument:
            yield from _tensors(where, item)
    elif isinstance(argument, Mapping) and argument.get("class_name") == "__keras_tensor__":
        config = argument.get("config")
        history = config.get("keras_history") if isinstance(config, Mapping) else None
        if not isinstance(history, list) or not _is_ref(history):
            raise refuse(where, f"{brief(argument)} does not name a tensor", SAVE_AGAIN)
        yield _ref(where, history)
    elif isinstance(argument, Mapping) and argument.get("class_name") == "__tuple__":
        yield from _tensors(where, argument.get("items"))
    elif isinstance(argument, Mapping) and "class_name" not in argument:
        for key in sorted(argument, key=str):
            yield from _tensors(where, argument[key])
    else:
        raise refuse(where, f"the layer is called with {brief(argument)}, which is not a tensor of the model", ARGUMENT)


def _check_arguments(where: str, arguments: object) -> None:
    if not isinstance(arguments, Mapping):
        raise refuse(where, f"{brief(arguments)} must be the arguments of a call", SAVE_AGAIN)
    for key, value in arguments.items():
        if value is None or value is False or key == "name":
            continue
        raise refuse(
            where,
            f"the layer is called with {brief(key)} = {brief(value)}, which is not supported",
            ARGUMENT,
        )
