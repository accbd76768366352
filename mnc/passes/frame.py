"""A network that takes a camera's frames: their range, mean, deviation and order of channels become part of weights.

Not one of `PASSES`: the network that comes out takes other inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mnc.errors import CompileError, argument, refuse
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    BatchNormalization,
    Cropping2D,
    DepthwiseConv2D,
    Dequantize,
    Flatten,
    GlobalPooling,
    Identity,
    Linear,
    Pooling2D,
    Quantize,
    Reshape,
    Resize,
    SeparableConv2D,
    ZeroPadding2D,
)
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.names import Names
from mnc.passes import optimise

ORDERS = ("rgb", "bgr")
BY_CHANNEL = (Activation, Cropping2D, Dequantize, GlobalPooling, Identity, Pooling2D, Quantize, Resize, ZeroPadding2D)
"""Kinds that do to each channel what they do to every other."""


@dataclass(frozen=True)
class Frame:
    """Elements of a frame; the network's input is ((element - low) / (high - low) - mean) / std.

    CompileError where no such steps exist.
    """

    range: tuple[float, float] | None = None
    """(low, high), which become 0 and 1; None: elements stay as they are."""
    mean: tuple[float, ...] = ()
    """One for all channels or one for each, in the network's order; none: 0."""
    std: tuple[float, ...] = ()
    """Likewise, each above 0; none: 1."""
    order: str = "rgb"
    """`bgr`: the frame's channels are in reverse order."""

    def __post_init__(self) -> None:
        finite = np.isfinite([*(self.range or ()), *self.mean, *self.std]).all()
        if self.range is not None and not (finite and self.range[0] < self.range[1]):
            raise refuse(argument("input_range"), f"{self.range} is not a lower and a higher number")
        if not finite:
            raise refuse(argument("input_mean"), "mean and deviation are finite numbers")
        if any(deviation <= 0 for deviation in self.std):
            raise refuse(argument("input_std"), f"a deviation is above 0, not {min(self.std):g}")
        if self.order not in ORDERS:
            raise refuse(argument("input_order"), f"is {' or '.join(ORDERS)}, not {self.order!r}")

    @property
    def scales(self) -> bool:
        """Whether elements change."""
        return self.range is not None or bool(self.mean) or bool(self.std)

    def normalisation(self, channels: int) -> BatchNormalization:
        """The steps as a layer, for a frame whose last axis has `channels` elements in the network's order."""
        low, high = self.range or (0.0, 1.0)
        mean, std = (
            np.broadcast_to(np.array(given or (usual,), np.float64), (channels,))
            for given, usual in ((self.mean, 0.0), (self.std, 1.0))
        )
        shift, width = low + mean * (high - low), (high - low) * std
        ones = np.ones(channels, np.float32)
        return BatchNormalization(
            Constant(shift.astype(np.float32)), Constant(ones), Constant((1 / width).astype(np.float32)), epsilon=0.0
        )


def fed_frames(graph: Graph, frame: Frame) -> Graph:
    """The network that takes frames in place of its only input, with no layer more after all passes.

    CompileError where the steps cannot become part of the first layers' weights exactly.
    """
    if frame.order == "rgb" and not frame.scales:
        return graph
    if len(graph.inputs) != 1:
        raise refuse(
            f"network {graph.name!r}", f"has {len(graph.inputs)} inputs, and one of them would be the frame", WITHOUT
        )
    (given,) = graph.inputs
    where = f"input {given.name!r}"
    if not given.type.shape or given.name in graph.results:
        raise refuse(where, "is no frame: it has no channels, or the network gives it out or keeps it", WITHOUT)
    channels = given.type.shape[-1]
    for name, numbers in (("input_mean", frame.mean), ("input_std", frame.std)):
        if len(numbers) not in (0, 1, channels):
            raise refuse(
                argument(name), f"there are {len(numbers)} numbers, and the input has {channels} channels", "give 1"
            )
    if frame.scales:
        graph = _scaled(graph, where, frame.normalisation(channels))
    if frame.order == "bgr":
        if channels != 3:
            raise refuse(argument("input_order"), f"is for frames of 3 channels, and {where} has {channels}", WITHOUT)
        graph = _reordered(graph, np.arange(channels)[::-1])
    return graph


WITHOUT = "leave the option out, and give the network what it takes"


def _scaled(graph: Graph, where: str, steps: BatchNormalization) -> Graph:
    """The network with `steps` in front of each reader of its input, where passes fold them into weights."""
    (given,) = graph.inputs
    if given.type.quant is not None or given.type.dtype is not DType.FLOAT32:
        raise refuse(
            where,
            f"is {given.type.dtype.value} already: its scale and zero point say what its elements mean",
            "give --input-range and its kin with a float network, and --quantize",
        )
    invent = Names(graph.types).new
    shifts = bool(steps.mean.array.any())
    nodes: list[Node] = []
    padded = set()
    for node in graph.nodes:
        if isinstance(node.layer, ZeroPadding2D) and node.inputs == (given.name,) and not shifts:
            padded.add(node.name)  # a zero stays one, so the steps may come after it
        elif any(value == given.name or value in padded for value in node.inputs):
            names = {value: invent(f"{value}/frame") for value in {given.name, *padded} & set(node.inputs)}
            nodes += [Node((name,), steps, (value,), where) for value, name in sorted(names.items())]
            node = replace(node, inputs=tuple(names.get(value, value) for value in node.inputs))
        nodes.append(node)
    if padded & set(graph.results):
        raise refuse(where, "is padded and given out, so no weights can take the scale", WITHOUT)
    scaled = graph.with_nodes(nodes)
    folded = optimise(scaled, after="fold-batchnorm")
    left = next((node for node in _firsts(folded) if isinstance(node.layer, BatchNormalization)), None)
    if left is not None:
        reader = folded.consumers[left.name][0]
        pads = isinstance(reader.layer, ZeroPadding2D) or (isinstance(reader.layer, Linear) and reader.layer.is_padded)
        why = (
            "pads the image with zeros, which a frame's own elements do not become after their mean is taken away"
            if pads
            else f"is {type(reader.layer).__name__}, whose weights cannot take a scale and a mean"
        )
        raise refuse(
            reader.where,
            f"the first layer {why}",
            "a scale alone folds in front of padding: --input-range from 0, without a mean"
            if pads
            else "begin the network with a convolution or a dense layer",
            "or scale frames in your own code",
        )
    return scaled


def _firsts(graph: Graph) -> list[Node]:
    """The nodes that read the input, by way of nothing but reshapes and padding."""
    reached, found = {graph.inputs[0].name}, []
    for node in graph.nodes:
        if reached & set(node.inputs):
            found.append(node)
            if isinstance(node.layer, (Reshape, Flatten, ZeroPadding2D)):
                reached.add(node.name)
    return found


def _reordered(graph: Graph, order: Array) -> Graph:
    """The network for inputs whose channel i is the old input's channel order[i]."""
    orders = {graph.inputs[0].name: order}
    nodes: list[Node] = []
    for node in graph.nodes:
        read = [orders[value] for value in node.inputs if value in orders]
        if not read:
            nodes.append(node)
            continue
        if len(node.inputs) != 1:
            raise _stuck(node)
        layer, behind = _taking(node, graph.types[node.inputs[0]], graph.types[node.name], read[0])
        nodes.append(replace(node, layer=layer))
        if behind is not None:
            orders[node.name] = behind
            if node.name in graph.results:
                raise _stuck(node)
    return graph.with_nodes(nodes)


def _taking(node: Node, before: TensorType, after: TensorType, order: Array) -> tuple[Layer, Array | None]:
    """The layer for an input whose last axis is in `order`, and the order of its output's; None: the old one."""
    layer = node.layer
    if isinstance(layer, Linear) and layer.groups == 1 and layer.group_inputs == len(order):
        weights = layer.as_matrix()[:, :, order, :]
        return layer.with_matrix(weights, layer.bias, layer.weights.quant), None
    if isinstance(layer, DepthwiseConv2D):
        return _apart(layer, order)
    if isinstance(layer, SeparableConv2D):
        depthwise, pointwise = layer.parts()
        apart, behind = _apart(depthwise, order)
        weights = pointwise.as_matrix()[:, :, behind, :]
        return layer.changed(depthwise=apart.weights, pointwise=Constant(pointwise.from_matrix(weights))), None
    if isinstance(layer, BatchNormalization) and layer.axis % before.rank == before.rank - 1:
        vectors = {
            name: Constant(vector.array[order])
            for name in ("mean", "variance", "gamma", "beta")
            if (vector := getattr(layer, name)) is not None
        }
        return layer.changed(**vectors), order
    if isinstance(layer, BY_CHANNEL):
        return layer, order
    if isinstance(layer, (Reshape, Flatten)):
        if before.shape[-1] == after.shape[-1]:
            return layer, order
        if after.rank == 1:
            return layer, np.arange(before.elements).reshape(before.shape)[..., order].ravel()
    raise _stuck(node)


def _apart(layer: DepthwiseConv2D, order: Array) -> tuple[DepthwiseConv2D, Array]:
    """The layer for channels in `order`, and the order of its outputs, which stay with their channels."""
    behind = (order[:, None] * layer.depth_multiplier + np.arange(layer.depth_multiplier)).ravel()
    quant, bias = layer.weights.quant, layer.bias
    if quant is not None and len(quant.scale) > 1:
        quant = replace(quant, scale=tuple(np.array(quant.scale)[behind].tolist()))
    if bias is not None:
        scales = bias.quant
        if scales is not None and len(scales.scale) > 1:
            scales = replace(scales, scale=tuple(np.array(scales.scale)[behind].tolist()))
        bias = Constant(bias.array[behind], scales)
    return layer.with_matrix(layer.as_matrix()[order], bias, quant), behind


def _stuck(node: Node) -> CompileError:
    return refuse(
        node.where,
        f"{type(node.layer).__name__} reads the frame's channels, and has no weights that could put them in order",
        "begin the network with a convolution or a dense layer, or change the order in your own code",
    )
