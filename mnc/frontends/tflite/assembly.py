"""The view of the Graph under construction that an operator's converter has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.assembly import BATCH, Assembly, ConsequenceError, Value
from mnc.frontends.tflite.file import Operator, Option, Tensor
from mnc.frontends.tflite.open_axes import filled
from mnc.frontends.tflite.tensors import ELEMENTS, ZERO_POINTS, element_type, held, operand, weights
from mnc.ir.activations import Function, Relu
from mnc.ir.layer import Layer
from mnc.ir.layers import NO_PADDING, Activation, Maximum, Minimum, Padding, Pair, Reshape, same_padding
from mnc.ir.types import Array, Constant, DType, ElementType, Shape, show

SAME, VALID = 0, 1
"""TFLite's numbers of the two paddings."""

MAX_PADDING = 2**13
"""Rows or columns: far beyond what an image for a microcontroller is given."""

FUSED: dict[int, Function | None] = {0: None, 1: Relu(), 3: Relu(6.0)}
"""The activations that an operator can have fused, by TFLite's numbers."""
INT32 = 2
"""TFLite's number of the type."""

LARGEST_BIAS = 2**47
BIAS_ERROR = 0.02
"""By how many steps of the output a step of the bias may differ from one of the products: what TensorFlow Lite Micro
allows FULLY_CONNECTED; in convolutions it does not look at the bias' scale."""
ROUNDING = 2.0**-20
"""By which share of it a scale may differ from another that was computed in float32."""

IN_FLOAT = "convert the model in float32, without optimisations, and let `--quantize int8` make integers of it"

SHORT_SUMS = ("CONV_2D", "FULLY_CONNECTED")
"""The operators whose sums of int16 values may have 32 bits."""

RELU_N1_TO_1 = 2
"""TFLite's number of the fused clamp to -1 and 1."""
UNSUPPORTED_FUSED = {4: "TANH", 5: "SIGN_BIT"}


@dataclass(frozen=True)
class Call:
    """One operator: what its converter reads and builds."""

    where: str
    operator: Operator
    inputs: tuple[Tensor | None, ...]
    results: tuple[Tensor, ...]
    values: tuple[Value | None, ...]
    """The inputs that the network computes."""
    known: tuple[Array | None, ...]
    """The inputs that are known now."""
    assembly: Assembly

    def fault(self, what: str, *hints: str) -> CompileError:
        return refuse(self.where, what, *hints)

    @property
    def result(self) -> Tensor:
        """The only result, or the first: all are of one type."""
        return self.results[0]

    # The operator's operands and options.

    def option(self, name: str) -> Option:
        if self.operator.options is None:
            raise self.fault("the file gives the operator no options", "convert the model again")
        return self.operator.options[name]

    def integer(self, name: str) -> int:
        return int(self.option(name))

    def pair(self, height: str, width: str) -> Pair:
        return self.integer(height), self.integer(width)

    def value(self, index: int = 0) -> Value:
        """An input that the network computes."""
        found = self.values[index] if index < len(self.values) else None
        if found is None:
            raise self.fault(f"its input {index} must be computed by the network, not be a constant")
        return found

    def array(self, index: int, what: str) -> Array:
        """An input that must be known."""
        found = self.optional_array(index)
        if found is None:
            what = f"its {what} is not known before the network runs; it must be a constant"
            raise ConsequenceError(Problem(self.where, what))
        return found

    def optional_array(self, index: int) -> Array | None:
        return self.known[index] if index < len(self.known) else None

    def integers(self, index: int, what: str) -> tuple[int, ...]:
        """A known input of whole numbers, flat."""
        array = self.array(index, what)
        if array.dtype.kind != "i":
            raise self.fault(f"its {what} must be whole numbers", "the file is damaged; convert the model again")
        return tuple(int(n) for n in array.ravel())

    def weights(self, index: int, order: Sequence[int], channels: int = 0, type_: str | None = None) -> Constant:
        """An input of weights, with as many axes as `order`, turned to it; `channels` is the output channels' axis.

        They are INT8 where the values are integers, unless `type_` says otherwise.
        """
        array, tensor = self._of_type(index, "weights", type_) if type_ else self._trained(index, "weights")
        if array.ndim != len(order):
            raise self.fault(f"its weights must have {len(order)} axes, not {show(array.shape)}")
        return weights(self.where, tensor, array, order, channels)

    def operand(self, index: int, what: str, type_: str = "") -> Constant:
        """An input that is constant where it could be computed as well, and so of the result's type, or of another."""
        array, tensor = self._of_type(index, what, type_ or self.result.type)
        return operand(self.where, tensor, array)

    def slopes(self, index: int) -> Constant:
        """Trained numbers, which are quantised as values are."""
        array, tensor = self._trained(index, "slopes")
        return operand(self.where, tensor, array)

    def _trained(self, index: int, what: str) -> tuple[Array, Tensor]:
        return self._of_type(index, what, "INT8" if self.is_quantised else "FLOAT32")

    def _of_type(self, index: int, what: str, type_: str) -> tuple[Array, Tensor]:
        array = self.array(index, what)
        tensor = self.inputs[index]
        assert tensor is not None
        if array.dtype != ELEMENTS[type_]:
            raise self.fault(
                f"its {what} are {tensor.type} while the values are {self.result.type}",
                "for int8 throughout give the converter a representative data set; for float32 set no optimisations",
            )
        return array, tensor

    def bias(self, index: int, x: Value, kernel: Constant) -> Constant | None:
        """The bias of products of `x` and `kernel`, one value for each output channel; None where there is none."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            return None
        array = self.array(index, "bias")
        if array.dtype not in self._bias_types:
            raise self.fault(f"a bias of type {tensor.type} is not supported where values are {self.result.type}")
        if array.dtype == np.int64 and not (array.min() > -LARGEST_BIAS and array.max() < LARGEST_BIAS):
            raise self.fault(f"its bias {tensor.name!r} has values that do not fit the 48 bits of a sum")
        # Files name any axis for its scales, TensorFlow Lite Micro's own examples the fourth.
        bias = weights(self.where, replace(tensor, axis=0), array.reshape(-1), (0,))
        self._is_of_products(tensor, x, kernel, bias)
        return bias

    def _is_of_products(self, tensor: Tensor, x: Value, kernel: Constant, bias: Constant) -> None:
        """Refuse a bias on another scale than the products that it is added to."""
        if bias.quant is None:
            return
        assert x.type.quant is not None and kernel.quant is not None
        products, given = x.type.quant.scale[0] * np.array(kernel.quant.scale), np.array(bias.quant.scale)
        if 1 != products.size != given.size != 1:
            return  # of other channels than the weights: the layer refuses that
        products, given = np.broadcast_arrays(products, given)
        allowed = np.maximum(BIAS_ERROR * self.result.scale[0], ROUNDING * products)
        wrong = np.flatnonzero(np.abs(products - given) > allowed)
        if wrong.size:
            raise self.fault(
                f"its bias {tensor.name!r} has the scale {given[wrong[0]]:g}, its products have {products[wrong[0]]:g}",
                "both must be the input's scale times the weights'; convert the model again",
            )

    @property
    def _bias_types(self) -> tuple[type[np.generic], ...]:
        if self.result.type != "INT16":
            return (np.int32,) if self.is_quantised else (np.float32,)
        return (np.int64, np.int32) if self.operator.kind in SHORT_SUMS else (np.int64,)

    def bias_or_zeros(self, index: int, x: Value, kernel: Constant) -> Constant | None:
        """As `bias`, but where there is none and int16 values are to have sums of 32 bits, zeros that say so."""
        bias = self.bias(index, x, kernel)
        if bias is None and self.result.type == "INT16" and self.integer("QuantizedBiasType") == INT32:
            return Constant(np.zeros(kernel.shape[-1], np.int32))
        return bias

    @property
    def is_quantised(self) -> bool:
        return self.result.type in ZERO_POINTS

    def not_int16(self) -> None:
        """Refuse an operator that TensorFlow Lite Micro does not compute in int16."""
        if self.result.type == "INT16":
            raise self.fault("it is not supported in int16, nor by TensorFlow Lite Micro", "convert the model in int8")

    def not_quantised(self) -> None:
        """Refuse an operator that TensorFlow Lite Micro computes in float32 only."""
        if self.is_quantised:
            what = f"it is not supported in {self.result.type.lower()}, nor by TensorFlow Lite Micro"
            raise self.fault(what, IN_FLOAT)

    def not_in_integers(self) -> None:
        """Refuse an operator that has a meaning in int8, which is read in float32 only."""
        if self.is_quantised:
            raise self.fault(f"it is not supported in {self.result.type.lower()}", IN_FLOAT)

    @property
    def output(self) -> ElementType | None:
        """The `output` of a layer that computes: None in float32."""
        found = element_type(self.where, self.result)
        return None if found.dtype is DType.FLOAT32 else found

    def activation(self) -> Function | None:
        """The fused activation."""
        code = self.integer("FusedActivationFunction")
        if code == RELU_N1_TO_1:
            return None  # `clamped` does it
        if code not in FUSED:
            name = UNSUPPORTED_FUSED.get(code, f"number {code}")
            raise self.fault(f"the fused activation {name} is not supported; NONE, RELU, RELU6 and RELU_N1_TO_1 are")
        return FUSED[code]

    @property
    def is_clamped(self) -> bool:
        """Whether the operator has the one fused activation that no layer has, RELU_N1_TO_1."""
        return (self.operator.options or {}).get("FusedActivationFunction") == RELU_N1_TO_1

    def clamped(self, x: Value) -> Value:
        """`x` within -1 and 1."""
        for layer, bound in ((Maximum, -1.0), (Minimum, 1.0)):
            limit = np.float32(bound)
            if x.type.quant is not None:
                # TensorFlow Lite rounds the quotient in float32, and adds the zero point after that.
                steps = np.float64(limit / np.float32(x.type.quant.scale[0]))
                limit = np.sign(steps) * np.floor(np.abs(steps) + 0.5) + x.type.quant.zero_point
                if not x.type.dtype.least < limit < x.type.dtype.most:
                    continue
            operand = Constant(np.asarray(limit, x.type.dtype.numpy), x.type.quant)
            output = None if x.type.quant is None else ElementType(x.type.dtype, x.type.quant)
            x = self.emit(layer(operand=operand, output=output), x, part=layer.__name__.lower())
        return x

    def padding(self, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Padding:
        """The rows and columns round the image that the operator's padding means."""
        shape = self.value().type.shape
        if len(shape) != 3:
            raise self.fault(f"it needs an image of four axes with the batch, not {show(self.value().shape)}")
        if min(*stride, *dilation) < 1:
            raise self.fault(f"stride {stride} and dilation {dilation} must be at least 1")
        code = self.integer("Padding")
        if code == VALID:
            return NO_PADDING
        if code != SAME:
            raise self.fault(f"padding number {code} is not supported; SAME and VALID are")
        top, left = (same_padding(shape[i], kernel[i], stride[i], dilation[i]) for i in (0, 1))
        if max(*top, *left) > MAX_PADDING:
            raise self.fault(f"its windows reach {max(*top, *left):,} rows or columns beyond the image")
        return top, left

    def keeps_scale(self, index: int = 0) -> None:
        """Refuse an operator that only moves values where it would change what they stand for."""
        if self.result.type == "BOOL":
            return
        tensor = self.inputs[index] if self.optional_array(index) is not None else None
        given = self.value(index).type.quant if tensor is None else element_type(self.where, tensor).quant
        if any(given != element_type(self.where, result).quant for result in self.results):
            raise self.fault(
                "its input and its output have different scales or zero points, though it only moves values",
                "TensorFlow's converter puts a QUANTIZE where scales differ; convert the model again with it",
            )

    def axis(self, axis: int, index: int = 0) -> int:
        """The IR's axis of an input for one of TFLite; `BATCH` for that of a batch of one."""
        return self._place(axis, self.value(index))

    def along(self, axis: int, x: Value) -> tuple[Value, int]:
        """`x`, with its batch of one as an axis where that is meant, and the IR's axis for one of TFLite."""
        place = self._place(axis, x)
        return (self.whole(x), 0) if place == BATCH else (x, place)

    def _place(self, axis: int, x: Value) -> int:
        if not -len(x.axes) <= axis < len(x.axes):
            raise self.fault(f"axis {axis} is not among those of {show(x.shape)}")
        return x.axes[axis]

    def whole(self, x: Value) -> Value:
        """`x` with its batch of one, where it has one, as an axis of the IR."""
        return self.reshaped(x, x.shape or (1,), "axes")

    # The operator's nodes.

    def emit(self, layer: Layer, *inputs: Value, part: str = "", result: int = 0) -> Value:
        """One node; `part` names what is not yet the operator's result."""
        name = self.results[result].name.split(";")[0] or "value"
        return self.assembly.emit(self.where, f"{name}/{part}" if part else name, layer, inputs)

    def reshaped(self, x: Value, shape: Shape, part: str = "") -> Value:
        """`x` under another shape of the IR, its elements and their order kept."""
        return x if x.type.shape == shape else self.emit(Reshape(shape), x, part=part)

    def shaped(self, x: Value, result: int = 0) -> Value:
        """The elements of `x` under the shape that the file declares for the result, where it has as many."""
        declared = filled(self.results[result], x.type.elements)
        if math.prod(declared) != x.type.elements or x.type.shape == held(declared):
            return x
        return self.emit(Reshape(held(declared)), x, result=result)

    def activated(self, x: Value) -> Value:
        """`x` after the fused activation of an operator whose layer has none."""
        function = self.activation()
        return x if function is None else self.emit(Activation(function), x)


Converter = Callable[[Call], Value | tuple[Value, ...]]
"""Builds one operator out of IR layers, or raises what it cannot honour; a tuple where it has several results."""
