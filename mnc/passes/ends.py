"""A network of integers with inputs and outputs of another type, converted at its ends.

Not one of `PASSES`: the network that comes out takes and gives other numbers.
"""

from __future__ import annotations

from dataclasses import replace

from mnc.errors import refuse
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Dequantize, Quantize
from mnc.ir.layers.quantise import shifted
from mnc.ir.types import DType, ElementType, TensorType
from mnc.names import Names

BYTES = frozenset({DType.INT8, DType.UINT8})


def with_ends(graph: Graph, io: DType) -> Graph:
    """The network whose quantised inputs and outputs are `io`.

    Conversions that it has at its ends already are replaced, not doubled: a float
    input that is only read as int8 becomes that int8.  Places and truth values
    stay what they are.  CompileError where an end has no scale to be converted
    by, or only another scale would fit it into `io`.
    """
    invent = Names(graph.types).new
    inputs: list[Input] = []
    front: list[Node] = []
    named: dict[str, str] = {}
    gone: set[str] = set()
    for given in graph.inputs:
        readers = graph.consumers[given.name]
        inside = _read_as(graph, given.name) if given.type.dtype is not io else None
        if inside is not None:
            gone |= {node.name for node in readers}
        element = inside or ElementType(given.type.dtype, given.type.quant)
        end = _end(f"input {given.name!r}", TensorType(given.type.shape, element.dtype, element.quant), io)
        inputs.append(replace(given, type=end))
        reached = given.name
        if end.dtype is not element.dtype:
            reached = invent(f"{given.name}/{element.dtype.value}")
            front.append(Node((reached,), Quantize(output=element), (given.name,)))
        named |= dict.fromkeys([given.name, *(node.name for node in readers if node.name in gone)], reached)
    nodes = [
        replace(node, inputs=tuple(named.get(name, name) for name in node.inputs))
        for node in graph.nodes
        if node.name not in gone
    ]
    outputs = []
    for name in graph.outputs:
        made = _made_of(graph, name) if graph.types[name].dtype is not io else name
        type_ = graph.types[made]
        end = _end(f"output {name!r}", type_, io)
        outputs.append(named.get(made, made))
        if end.dtype is not type_.dtype:
            layer = Dequantize() if end.quant is None else Quantize(output=ElementType(end.dtype, end.quant))
            outputs[-1] = invent(f"{name}/{end.dtype.value}")
            nodes.append(Node((outputs[-1],), layer, (named.get(made, made),)))
    states = tuple(replace(state, next=named.get(state.next, state.next)) for state in graph.states)
    return replace(graph, inputs=tuple(inputs), nodes=(*front, *nodes), outputs=tuple(outputs), states=states)


def _read_as(graph: Graph, name: str) -> ElementType | None:
    """The type that all readers of an input convert it to by a `Quantize`; None where they do something else."""
    readers = graph.consumers[name]
    found = {node.layer.output for node in readers if isinstance(node.layer, Quantize)}
    if name in graph.results or len(found) != 1 or not all(isinstance(node.layer, Quantize) for node in readers):
        return None
    (element,) = found
    from_, to = graph.types[name].dtype, None if element is None else element.dtype
    return element if from_ is DType.FLOAT32 or {from_, to} == BYTES else None


def _made_of(graph: Graph, name: str) -> str:
    """The value that an output is made of by a conversion between int8 and uint8, or to float32; else itself."""
    node = graph.producers.get(name)
    if node is None or not isinstance(node.layer, (Dequantize, Quantize)):
        return name
    (before,) = node.inputs
    ends = {graph.types[before].dtype, graph.types[name].dtype}
    return before if isinstance(node.layer, Dequantize) or ends == BYTES else name


def _end(where: str, type_: TensorType, io: DType) -> TensorType:
    """An input or output of a quantised type as `io` has it."""
    if type_.dtype is io or (type_.quant is None and type_.dtype is not DType.FLOAT32):
        return type_
    if type_.quant is None:
        what = "is float32 and read or made by a layer that computes in float32, so it has no scale"
        raise refuse(where, f"{what} for {io.value}", "leave --io out")
    if io is DType.FLOAT32:
        return TensorType(type_.shape)
    if {type_.dtype, io} == BYTES:
        return TensorType(type_.shape, io, shifted(ElementType(type_.dtype, type_.quant)))
    raise refuse(
        where, f"is {type_.dtype.value}, which {io.value} holds in other steps only", "`--io float` converts it"
    )
