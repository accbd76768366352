"""How layers of each kind are drawn: their attributes by hypothesis, their weights by a seeded generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mnc.ir import activations
from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    ArgMax,
    ArgMin,
    Average,
    AveragePooling2D,
    BatchNormalization,
    Broadcast,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Divide,
    Dot,
    Embedding,
    Equal,
    Flatten,
    FloorDivide,
    FloorMod,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Greater,
    GreaterEqual,
    GroupNormalization,
    Identity,
    LayerNormalization,
    LogSoftmax,
    MatMul,
    Maximum,
    MaxPooling2D,
    Merge,
    Minimum,
    Multiply,
    NotEqual,
    Padding,
    Pair,
    Permute,
    PReLU,
    Recurrent,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Reverse,
    SeparableConv2D,
    SimpleRNN,
    Slice,
    Softmax,
    Sparsemax,
    SquaredDifference,
    Subtract,
    Take,
    UnitNormalization,
    Where,
    ZeroPadding2D,
    same_padding,
)
from mnc.ir.layers.window import extent
from mnc.ir.types import Constant, Shape, TensorType

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Kind:
    """How layers of one kind are drawn for an operand of one of these ranks."""

    ranks: tuple[int, ...]
    build: Callable[[Draw, np.random.Generator, TensorType], Layer]
    reads_inputs_only: bool = False
    """Whether the layer jumps at numbers that other layers give, but rounded in one way or another."""


def _relu(draw: Draw) -> Function:
    # a threshold that no other layer gives exactly: the function jumps there
    return activations.Relu(
        draw(st.sampled_from([None, 6.0, 1.0])),
        draw(st.sampled_from([0.0, 0.1, 0.3])),
        draw(st.sampled_from([0.0, 0.0, 0.3719])),
    )


FUNCTIONS: dict[type[Function], Callable[[Draw], Function]] = {
    activations.Relu: _relu,
    activations.Elu: lambda draw: activations.Elu(draw(st.sampled_from([1.0, 0.5, 2.0]))),
    activations.Selu: lambda draw: activations.Selu(),
    activations.Sigmoid: lambda draw: activations.Sigmoid(),
    activations.HardSigmoid: lambda draw: activations.HardSigmoid(draw(st.sampled_from([1.0 / 6.0, 0.2]))),
    activations.Tanh: lambda draw: activations.Tanh(),
    activations.Softplus: lambda draw: activations.Softplus(),
    activations.Softsign: lambda draw: activations.Softsign(),
    activations.Swish: lambda draw: activations.Swish(),
    activations.HardSwish: lambda draw: activations.HardSwish(),
    activations.Gelu: lambda draw: activations.Gelu(draw(st.booleans())),
    activations.Exponential: lambda draw: activations.Exponential(),
    activations.Mish: lambda draw: activations.Mish(),
    activations.Celu: lambda draw: activations.Celu(draw(st.sampled_from([1.0, 0.5, 2.0]))),
    activations.Clip: lambda draw: activations.Clip(
        draw(st.sampled_from([-1.0, 0.25])), draw(st.sampled_from([1.0, 6.0]))
    ),
    activations.HardShrink: lambda draw: activations.HardShrink(draw(st.sampled_from([0.5, 0.25]))),
    activations.SoftShrink: lambda draw: activations.SoftShrink(draw(st.sampled_from([0.5, 0.25]))),
    activations.TanhShrink: lambda draw: activations.TanhShrink(),
    activations.Threshold: lambda draw: activations.Threshold(draw(st.sampled_from([0.0, 0.5])), -1.0),
    activations.Squareplus: lambda draw: activations.Squareplus(draw(st.sampled_from([4.0, 0.5]))),
    activations.SparsePlus: lambda draw: activations.SparsePlus(),
    activations.LogSigmoid: lambda draw: activations.LogSigmoid(),
    activations.Abs: lambda draw: activations.Abs(),
    activations.Sign: lambda draw: activations.Sign(),
    activations.Square: lambda draw: activations.Square(),
    activations.Sqrt: lambda draw: activations.Sqrt(),
    activations.Rsqrt: lambda draw: activations.Rsqrt(),
    activations.Power: lambda draw: activations.Power(draw(st.sampled_from([3.0, 0.5, -1.0]))),
    activations.Log: lambda draw: activations.Log(),
    activations.Log1p: lambda draw: activations.Log1p(),
    activations.Sin: lambda draw: activations.Sin(),
    activations.Cos: lambda draw: activations.Cos(),
    activations.Erf: lambda draw: activations.Erf(),
    activations.Floor: lambda draw: activations.Floor(),
    activations.Ceil: lambda draw: activations.Ceil(),
    activations.Round: lambda draw: activations.Round(),
}
"""Every activation function."""

ROUGH = (
    *(activations.HardShrink, activations.Threshold, activations.Sign, activations.Floor, activations.Ceil),
    *(activations.Round, activations.Sqrt, activations.Rsqrt, activations.Power, activations.Log, activations.Log1p),
    activations.Square,
)
"""Functions that jump, are no number for some inputs, or grow too fast to stand in a chain of any layers."""
SMOOTH = tuple(function for function in FUNCTIONS if function not in ROUGH)


@st.composite
def functions(draw: Draw, of: Sequence[type[Function]] = tuple(FUNCTIONS)) -> Function:
    """One of these activation functions, with any attributes."""
    return FUNCTIONS[draw(st.sampled_from(of))](draw)


def _weights(rng: np.random.Generator, shape: Shape, fan_in: int) -> Constant:
    """Weights that keep the size of values: a sum over `fan_in` products."""
    return Constant(rng.normal(0.0, 1.0 / math.sqrt(fan_in), shape).astype(np.float32))


def _vector(draw: Draw, rng: np.random.Generator, size: int) -> Constant | None:
    """A bias, or None."""
    return Constant(rng.normal(0.0, 0.5, size).astype(np.float32)) if draw(st.booleans()) else None


def _fused(draw: Draw) -> Function | None:
    return draw(st.none() | functions(SMOOTH))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Window:
    kernel: Pair
    stride: Pair
    padding: Padding
    dilation: Pair


def _window(draw: Draw, x: TensorType, *, dilates: bool) -> _Window:
    """A window that fits into the image `x`, strided or dilated, padded or not, never only over padding."""
    mode = draw(st.sampled_from(["plain", "strided", "dilated"] if dilates else ["plain", "strided"]))
    (kernel_y, stride_y, pad_y, dilation_y), (kernel_x, stride_x, pad_x, dilation_x) = (
        _axis(draw, size, mode) for size in x.shape[:2]
    )
    return _Window((kernel_y, kernel_x), (stride_y, stride_x), (pad_y, pad_x), (dilation_y, dilation_x))


def _axis(draw: Draw, size: int, mode: str) -> tuple[int, int, Pair, int]:
    """(kernel, stride, padding, dilation) along one axis."""
    kernel = draw(st.integers(1, 4) | st.integers(5, 7))
    step = draw(st.integers(1, 3))
    stride, dilation = (step if mode == "strided" else 1), (step if mode == "dilated" else 1)
    padding = (0, 0)
    match draw(st.sampled_from(["valid", "same", "any"])):
        case "same":
            padding = same_padding(size, kernel, stride, dilation)
        case "any":
            padding = (draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1)))
    if extent(kernel, dilation) > size + sum(padding):
        return (min(kernel, size), stride, (0, 0), 1)
    return (kernel, stride, padding, dilation)


def _conv2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels = x.shape[-1]
    window = _window(draw, x, dilates=True)
    groups = draw(_divisors(channels))
    filters = groups * draw(st.integers(1, max(1, 9 // groups)))
    fan_in = math.prod(window.kernel) * channels // groups
    return Conv2D(
        _weights(rng, (*window.kernel, channels // groups, filters), fan_in),
        _vector(draw, rng, filters),
        window.stride,
        window.padding,
        window.dilation,
        groups,
        _fused(draw),
    )


def _depthwise_conv2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels = x.shape[-1]
    window = _window(draw, x, dilates=True)
    multiplier = draw(st.integers(1, 3))
    return DepthwiseConv2D(
        _weights(rng, (*window.kernel, channels, multiplier), math.prod(window.kernel)),
        _vector(draw, rng, channels * multiplier),
        window.stride,
        window.padding,
        window.dilation,
        _fused(draw),
    )


def _separable_conv2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels = x.shape[-1]
    window = _window(draw, x, dilates=True)
    multiplier, filters = draw(st.integers(1, 2)), draw(st.integers(1, 5))
    return SeparableConv2D(
        _weights(rng, (*window.kernel, channels, multiplier), math.prod(window.kernel)),
        _weights(rng, (1, 1, channels * multiplier, filters), channels * multiplier),
        _vector(draw, rng, filters),
        window.stride,
        window.padding,
        window.dilation,
        _fused(draw),
    )


def _conv2d_transpose(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels, filters = x.shape[-1], draw(st.integers(1, 5))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    steps, ones = st.tuples(st.integers(1, 3), st.integers(1, 3)), st.just((1, 1))
    stride, dilation = draw(st.tuples(steps, ones) | st.tuples(ones, steps))
    spread = [(n - 1) * stride[i] + extent(kernel[i], dilation[i]) for i, n in enumerate(x.shape[:2])]
    crop = tuple((draw(st.integers(0, (n - 1) // 2)), draw(st.integers(0, (n - 1) // 2))) for n in spread)
    return Conv2DTranspose(
        _weights(rng, (*kernel, filters, channels), channels * max(1, math.prod(kernel) // math.prod(stride))),
        _vector(draw, rng, filters),
        stride,
        (crop[0], crop[1]),
        draw(st.tuples(st.integers(0, 2), st.integers(0, 2))),
        dilation,
        _fused(draw),
    )


def _dense(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    units = draw(st.integers(1, 9))
    return Dense(_weights(rng, (x.shape[-1], units), x.shape[-1]), _vector(draw, rng, units), _fused(draw))


def _batch_normalization(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    axis = draw(st.just(-1) | _axes(x))
    size = x.shape[axis]
    variance = Constant(rng.uniform(0.5, 2.0, size).astype(np.float32))
    mean = Constant(rng.normal(0.0, 0.5, size).astype(np.float32) * draw(st.integers(0, 1)))
    gamma, beta = _vector(draw, rng, size), _vector(draw, rng, size)
    return BatchNormalization(mean, variance, gamma, beta, draw(st.sampled_from([1e-3, 1e-5])), axis)


def _layer_normalization(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    axes = draw(_some_axes(x))
    sizes = tuple(x.shape[axis] for axis in axes)
    gamma, beta = (rng.normal(1.0, 0.3, sizes).astype(np.float32) for _ in range(2))
    return LayerNormalization(
        Constant(gamma) if draw(st.booleans()) else None,
        Constant(beta) if draw(st.booleans()) else None,
        axes,
        draw(st.sampled_from([1e-3, 1e-2])),
    )


def _group_normalization(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels = x.shape[-1]
    gamma, beta = _vector(draw, rng, channels), _vector(draw, rng, channels)
    return GroupNormalization(gamma, beta, draw(_divisors(channels)), draw(st.sampled_from([1e-3, 1e-2])))


def _max_pooling2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    window = _window(draw, x, dilates=False)
    return MaxPooling2D(window.kernel, window.stride, window.padding)


def _average_pooling2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    window = _window(draw, x, dilates=False)
    return AveragePooling2D(window.kernel, window.stride, window.padding, draw(st.booleans()))


def _zero_padding2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    sizes = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return ZeroPadding2D(draw(st.tuples(sizes, sizes)))


def _reshape(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    *before, last = x.shape
    folded = (math.prod(before), last)
    return Reshape(draw(st.sampled_from([(1, *folded), folded, (x.elements,), (1, 1, x.elements), x.shape[::-1]])))


def _cropping2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    (top, bottom), (left, right) = (
        (draw(st.integers(0, (n - 1) // 2)), draw(st.integers(0, (n - 1) // 2))) for n in x.shape[:2]
    )
    return Cropping2D(((top, bottom), (left, right)))


def _size(draw: Draw) -> Pair:
    return draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))  # type: ignore[no-any-return]


def _prelu(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    shape = tuple(draw(st.sampled_from([1, size])) for size in x.shape)
    return PReLU(Constant(rng.normal(0.0, 0.3, shape).astype(np.float32)))


def _dot(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    axis = draw(_axes(x))
    return Dot((axis, draw(st.sampled_from([other for other in range(x.rank) if x.shape[other] == x.shape[axis]]))))


def _slice(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    parts = []
    for size in x.shape:
        first, last, step = draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1)), draw(st.integers(1, 3))
        parts.append((first, abs(last - first) // step + 1, step if last >= first else -step))
    starts, sizes, steps = (tuple(part[i] for part in parts) for i in range(3))
    return Slice(starts, sizes, steps)


def _take(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    axis = draw(_axes(x))
    return Take(tuple(draw(st.lists(st.integers(0, x.shape[axis] - 1), min_size=1, max_size=7))), axis)


def _broadcast(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    new = draw(st.lists(st.integers(1, 3), max_size=3 - x.rank))
    return Broadcast((*new, *(draw(st.integers(1, 4)) if size == 1 else size for size in x.shape)))


def _matmul(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    """Of two values of one shape."""
    flags = [(True, False), (False, True)]
    if x.shape[-1] == x.shape[-2]:
        flags += [(False, False), (True, True)]
    return MatMul(*draw(st.sampled_from(flags)))


def _embedding(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 5)))
    return Embedding(Constant(rng.normal(size=shape).astype(np.float32)))


def _recurrent(draw: Draw, rng: np.random.Generator, x: TensorType, kind: type[Recurrent]) -> dict[str, Any]:
    """The attributes that all recurrent layers have."""
    features, units = x.shape[-1], draw(st.integers(1, 5))
    width = kind.gates * units
    return {
        "kernel": _weights(rng, (features, width), features),
        "recurrent_kernel": _weights(rng, (units, width), 2 * units),
        "bias": _vector(draw, rng, width),
        "activation": _state_function(draw),
        "return_sequences": draw(st.booleans()),
        "return_state": draw(st.booleans()),
        "go_backwards": draw(st.booleans()),
        **draw(st.sampled_from([{}, {"stateful": True}, {"initial_state": True}])),
        "masked": draw(st.booleans()),
    }


def _state_function(draw: Draw) -> Function | None:
    """An activation function under which a state does not grow quickly."""
    bounded = [activations.Tanh(), activations.Sigmoid(), activations.HardSigmoid(), activations.Softsign()]
    return draw(st.sampled_from([*bounded, activations.Relu(), None]))  # type: ignore[no-any-return]


def _simple_rnn(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    return SimpleRNN(**_recurrent(draw, rng, x, SimpleRNN))


def _lstm(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    clip = draw(st.sampled_from([None, 0.25, 1.5]))
    return LSTM(**_recurrent(draw, rng, x, LSTM), recurrent_activation=_gate_function(draw), cell_clip=clip)


def _gru(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    attributes = _recurrent(draw, rng, x, GRU)
    reset_after = draw(st.booleans())
    if reset_after and attributes["bias"] is not None:
        attributes["bias"] = Constant(rng.normal(0.0, 0.5, (2, attributes["bias"].shape[0])).astype(np.float32))
    return GRU(**attributes, recurrent_activation=_gate_function(draw), reset_after=reset_after)


def _gate_function(draw: Draw) -> Function:
    return draw(st.sampled_from([activations.Sigmoid(), activations.HardSigmoid(0.2), activations.HardSigmoid()]))  # type: ignore[no-any-return]


def inputs_of(layer: Layer) -> tuple[int, int | None]:
    """How many inputs the layer takes at least, and at most."""
    least, most = layer.arity
    if isinstance(layer, Recurrent):
        return 1, 1  # states and masks come by themselves
    if not isinstance(layer, Merge):
        return least, most
    constants = int(layer.operand is not None)
    return layer.least - constants, None if most is None else most - constants


def _merge(kind: type[Merge]) -> Callable[[Draw, np.random.Generator, TensorType], Layer]:
    """Of two values, or of a value and a constant that is repeated along some axes."""

    def build(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
        fused = _fused(draw)
        if draw(st.booleans()):
            return kind(fused)
        shape = [size if draw(st.booleans()) else 1 for size in x.shape][draw(st.integers(0, x.rank)) :]
        operand = Constant(rng.normal(0.0, 1.0, shape).astype(np.float32))
        return kind(fused, operand, draw(st.booleans()))

    return build


def _divide(
    kind: type[Divide | FloorDivide | FloorMod],
) -> Callable[[Draw, np.random.Generator, TensorType], Layer]:
    """By a constant, away from 0."""

    def build(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
        layer = _merge(kind)(draw, rng, x)
        assert isinstance(layer, kind)
        shape = (1,) if layer.operand is None else layer.operand.shape
        return kind(layer.activation, Constant(rng.uniform(0.5, 2.0, shape).astype(np.float32)))

    return build


def _axes(x: TensorType) -> st.SearchStrategy[int]:
    return st.integers(-x.rank, x.rank - 1)


def _some_axes(x: TensorType) -> st.SearchStrategy[tuple[int, ...]]:
    """Axes in ascending order, at least one."""
    return st.sets(st.integers(0, x.rank - 1), min_size=1).map(lambda axes: tuple(sorted(axes)))


def _divisors(n: int) -> st.SearchStrategy[int]:
    return st.sampled_from([divisor for divisor in range(1, n + 1) if n % divisor == 0])


ANY_RANK = (3, 1, 2)
PLACES = ((True, False), (False, True), (False, False))
"""Whether an image is sampled by half pixels, or from corner to corner."""

KINDS: dict[type[Layer], Kind] = {
    Identity: Kind(ANY_RANK, lambda draw, rng, x: Identity()),
    Activation: Kind(ANY_RANK, lambda draw, rng, x: Activation(draw(functions(SMOOTH)))),
    Conv2D: Kind((3,), _conv2d),
    DepthwiseConv2D: Kind((3,), _depthwise_conv2d),
    SeparableConv2D: Kind((3,), _separable_conv2d),
    Conv2DTranspose: Kind((3,), _conv2d_transpose),
    Dense: Kind(ANY_RANK, _dense),
    BatchNormalization: Kind(ANY_RANK, _batch_normalization),
    LayerNormalization: Kind(ANY_RANK, _layer_normalization),
    GroupNormalization: Kind(ANY_RANK, _group_normalization),
    UnitNormalization: Kind(ANY_RANK, lambda draw, rng, x: UnitNormalization(draw(_some_axes(x)))),
    PReLU: Kind(ANY_RANK, _prelu),
    ZeroPadding2D: Kind((3,), _zero_padding2d),
    MaxPooling2D: Kind((3,), _max_pooling2d),
    AveragePooling2D: Kind((3,), _average_pooling2d),
    GlobalMaxPooling: Kind((3, 2), lambda draw, rng, x: GlobalMaxPooling(draw(st.booleans()))),
    GlobalAveragePooling: Kind((3, 2), lambda draw, rng, x: GlobalAveragePooling(draw(st.booleans()))),
    Cropping2D: Kind((3,), _cropping2d),
    ResizeNearest: Kind((3,), lambda draw, rng, x: ResizeNearest(_size(draw))),
    ResizeBilinear: Kind((3,), lambda draw, rng, x: ResizeBilinear(_size(draw), *draw(st.sampled_from(PLACES)))),
    LogSoftmax: Kind(ANY_RANK, lambda draw, rng, x: LogSoftmax(draw(st.just(-1) | _axes(x)))),
    Sparsemax: Kind(ANY_RANK, lambda draw, rng, x: Sparsemax(draw(st.just(-1) | _axes(x)))),
    Softmax: Kind(ANY_RANK, lambda draw, rng, x: Softmax(draw(st.just(-1) | _axes(x)))),
    Add: Kind(ANY_RANK, _merge(Add)),
    Subtract: Kind(ANY_RANK, _merge(Subtract)),
    Multiply: Kind(ANY_RANK, _merge(Multiply)),
    Average: Kind(ANY_RANK, _merge(Average)),
    Maximum: Kind(ANY_RANK, _merge(Maximum)),
    Minimum: Kind(ANY_RANK, _merge(Minimum)),
    Divide: Kind(ANY_RANK, _divide(Divide)),
    FloorDivide: Kind(ANY_RANK, _divide(FloorDivide), reads_inputs_only=True),
    FloorMod: Kind(ANY_RANK, _divide(FloorMod), reads_inputs_only=True),
    SquaredDifference: Kind(ANY_RANK, _merge(SquaredDifference)),
    Greater: Kind(ANY_RANK, _merge(Greater), reads_inputs_only=True),
    GreaterEqual: Kind(ANY_RANK, _merge(GreaterEqual), reads_inputs_only=True),
    Equal: Kind(ANY_RANK, _merge(Equal), reads_inputs_only=True),
    NotEqual: Kind(ANY_RANK, _merge(NotEqual), reads_inputs_only=True),
    Where: Kind(ANY_RANK, _merge(Where)),
    Dot: Kind(ANY_RANK, _dot),
    MatMul: Kind((2, 3), _matmul),
    ReduceSum: Kind(ANY_RANK, lambda draw, rng, x: ReduceSum(draw(_some_axes(x)), draw(st.booleans()))),
    ReduceMean: Kind(ANY_RANK, lambda draw, rng, x: ReduceMean(draw(_some_axes(x)), draw(st.booleans()))),
    ReduceMax: Kind(ANY_RANK, lambda draw, rng, x: ReduceMax(draw(_some_axes(x)), draw(st.booleans()))),
    ReduceMin: Kind(ANY_RANK, lambda draw, rng, x: ReduceMin(draw(_some_axes(x)), draw(st.booleans()))),
    Embedding: Kind((1, 2), _embedding, reads_inputs_only=True),
    SimpleRNN: Kind((2,), _simple_rnn),
    GRU: Kind((2,), _gru),
    LSTM: Kind((2,), _lstm),
    Reverse: Kind(ANY_RANK, lambda draw, rng, x: Reverse(draw(_axes(x)))),
    Slice: Kind(ANY_RANK, _slice),
    Take: Kind(ANY_RANK, _take),
    Broadcast: Kind(ANY_RANK, _broadcast),
    Reshape: Kind(ANY_RANK, _reshape),
    Permute: Kind(ANY_RANK, lambda draw, rng, x: Permute(tuple(draw(st.permutations(range(x.rank)))))),
    Flatten: Kind(ANY_RANK, lambda draw, rng, x: Flatten()),
    Concatenate: Kind(ANY_RANK, lambda draw, rng, x: Concatenate(draw(st.just(-1) | _axes(x)))),
}
"""Every layer kind that computes with float32 and gives it."""
OF_PLACES = (ArgMax, ArgMin)
"""Kinds that give int32, which nothing reads: networks are drawn of float32 throughout, test_places.py has these."""
