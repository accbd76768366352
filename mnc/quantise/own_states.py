"""Recurrent layers that keep their state themselves, as layers that states of the network feed, and back.

Calibration knows the states of the network alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Recurrent
from mnc.ir.state import State
from mnc.ir.types import Constant, TensorType
from mnc.names import Names


def taken_out(graph: Graph) -> Graph:
    """The float network with the states of its stateful layers as states of its own."""
    names, states, nodes = Names(graph.types), [], []
    for node in graph.nodes:
        layer = node.layer
        if not isinstance(layer, Recurrent) or not layer.stateful:
            nodes.append(node)
            continue
        given = [names.new(f"{node.name}/state") for _ in range(layer.states)]
        nexts = node.outputs[1:] or tuple(names.new(f"{node.name}/next") for _ in given)
        for name, following in zip(given, nexts, strict=True):
            states.append(State(name, TensorType((layer.units,)), Constant(np.float32(0)), following))
        x, *mask = node.inputs
        changed = layer.changed(stateful=False, initial_state=True, return_state=True)
        nodes.append(replace(node, layer=changed, inputs=(x, *given, *mask), outputs=(node.name, *nexts)))
    return replace(graph, nodes=tuple(nodes), states=(*graph.states, *states)) if states else graph


def put_back(graph: Graph) -> Graph:
    """The network with each state that a recurrent layer alone reads and gives as that layer's own.

    As it is where that does not hold for all of its states: layers keep none beside those of a network.
    """
    following = {state.name: state.next for state in graph.states}
    nodes = [_stateful(graph, node, following) for node in graph.nodes]
    own = {name for old, new in zip(graph.nodes, nodes, strict=True) if old is not new for name in old.inputs[1:]}
    if not following or own & following.keys() != following.keys():
        return graph
    return replace(graph, nodes=tuple(nodes), states=())


def _stateful(graph: Graph, node: Node, following: dict[str, str]) -> Node:
    """The layer with a state of its own, where the network's states are made for nothing else."""
    layer = node.layer
    if not isinstance(layer, Recurrent) or not (layer.initial_state and layer.return_state):
        return node
    given, nexts = node.inputs[1 : 1 + layer.states], node.outputs[1:]
    if [following.get(name) for name in given] != list(nexts):
        return node
    alone = all(graph.consumers[name] == (node,) and name not in graph.outputs for name in given)
    zero = all(np.all(state.type.real(state.beginning) == 0.0) for state in graph.states if state.name in given)
    held = any(state.held for state in graph.states if state.name in given)
    unread = all(not graph.consumers[name] and graph.results.count(name) == 1 for name in nexts)
    if not alone or not zero or held or not unread:
        return node
    changed = layer.changed(stateful=True, initial_state=False, return_state=False)
    x, mask = node.inputs[0], node.inputs[1 + layer.states :]
    return replace(node, layer=changed, inputs=(x, *mask), outputs=(node.name,))
