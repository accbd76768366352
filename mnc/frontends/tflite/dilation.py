"""Convolutions that converters wrote as one on each n-th row and column, read as the dilated ones they were.

TensorFlow's converter writes a dilated convolution as SPACE_TO_BATCH_ND, a
convolution without padding, BATCH_TO_SPACE_ND; of a sequence with a reshape to
an image of one row before and after the convolution.  Here the first becomes a
PAD, the convolution gets the blocks as its dilation, and the last a SLICE, so
that every operator keeps its number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mnc.frontends.tflite.file import Model, Operator, Option, Tensor
from mnc.ir.types import Array, Shape

VALID = 1
"""TFLite's number of no padding."""
BETWEEN = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
"""The operators that may stand before and after the convolution."""
WEIGHTS = {"CONV_2D": (1, 2), "DEPTHWISE_CONV_2D": (1, 2)}
"""The axes of the weights that slide along rows and columns."""


def dilated(model: Model) -> Model:
    """The network with every such group of operators as one dilated convolution."""
    rewriting = _Rewriting(model)
    for index, operator in enumerate(model.operators):
        if operator.kind == "SPACE_TO_BATCH_ND":
            rewriting.rewrite(rewriting.chain(index))
    return replace(model, tensors=tuple(rewriting.tensors), operators=tuple(rewriting.operators))


@dataclass
class _Rewriting:
    model: Model
    tensors: list[Tensor] = field(init=False)
    operators: list[Operator] = field(init=False)
    readers: Mapping[int, Sequence[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.tensors, self.operators = list(self.model.tensors), list(self.model.operators)
        readers = defaultdict(list)
        for index, operator in enumerate(self.model.operators):
            for tensor in operator.inputs:
                readers[tensor].append(index)
        for tensor in self.model.outputs:
            readers[tensor].append(len(self.operators))
        self.readers = readers

    def chain(self, first: int) -> list[int]:
        """The operators from one SPACE_TO_BATCH_ND to its BATCH_TO_SPACE_ND; none where they do not belong together."""
        chain = [first]
        while self.operators[chain[-1]].kind != "BATCH_TO_SPACE_ND":
            outputs = self.operators[chain[-1]].outputs
            after = self.readers[outputs[0]] if len(outputs) == 1 else ()
            if len(after) != 1 or not chain[-1] < after[0] < len(self.operators):
                return []
            reader = self.operators[after[0]]
            if reader.kind not in (*BETWEEN, *WEIGHTS, "BATCH_TO_SPACE_ND") or reader.inputs[0] != outputs[0]:
                return []
            chain.append(after[0])
        return chain if self.is_dilation(chain) else []

    def is_dilation(self, chain: Sequence[int]) -> bool:
        """Whether the operators are one plain convolution between equal blocks."""
        operators = [self.operators[i] for i in chain]
        convolutions = [each for each in operators if each.kind in WEIGHTS]
        if len(convolutions) != 1 or any(len(each.inputs) < 2 or len(each.outputs) != 1 for each in operators[::-1]):
            return False
        options = convolutions[0].options or {}
        plain = all(options.get(each) == 1 for each in ("StrideH", "StrideW", "DilationHFactor", "DilationWFactor"))
        ends = (operators[0], operators[-1])
        if not plain or options.get("Padding") != VALID or any(len(each.inputs) != 3 for each in ends):
            return False
        shape = self.tensors[operators[0].inputs[0]].shape
        blocks = [self.numbers(each.inputs[1]) for each in ends]
        sides = [self.numbers(each.inputs[2]) for each in ends]
        if any(each is None or each.min(initial=0) < 0 for each in (*blocks, *sides)):
            return False
        count = len(shape) - 2
        return (
            count in (1, 2)
            and all(block is not None and block.shape == (count,) and block.min() > 0 for block in blocks)
            and np.array_equal(blocks[0], blocks[1])  # type: ignore[arg-type]
            and all(each is not None and each.shape == (count, 2) for each in sides)
            and len(operators) == (3 if count == 2 else 5)
        )

    def numbers(self, index: int) -> Array | None:
        """A constant of int32; None where it is none."""
        tensor = self.tensors[index] if index >= 0 else None
        if tensor is None or tensor.data is None or tensor.type != "INT32" or tensor.data.nbytes != 4 * tensor.elements:
            return None
        return np.asarray(tensor.data.view(np.uint8).view("<i4").reshape(tensor.shape))

    def rewrite(self, chain: Sequence[int]) -> None:
        """Put the dilated convolution in the place of a chain."""
        if not chain:
            return
        first, last = self.operators[chain[0]], self.operators[chain[-1]]
        block, pads, crops = (self.numbers(i) for i in (first.inputs[1], first.inputs[2], last.inputs[2]))
        assert block is not None
        assert pads is not None
        assert crops is not None
        batch, *space, channels = self.tensors[first.inputs[0]].shape
        space = [n + int(sum(sides)) for n, sides in zip(space, pads, strict=True)]
        around = np.concatenate([[[0, 0]], pads, [[0, 0]]])
        self.put(chain[0], "PAD", (first.inputs[0], self.constant(around)), (batch, *space, channels))
        # A sequence becomes an image of one row, or of one column.
        row = len(space) == 1 and self.tensors[self.operators[chain[1]].outputs[0]].shape[1:2] == (1,)
        dilation = [1, *block] if row else [*block, 1]
        for index in chain[1:-1]:
            operator = self.operators[index]
            if operator.kind in WEIGHTS:
                weights = self.tensors[operator.inputs[1]].shape
                kernel = [weights[axis] for axis in WEIGHTS[operator.kind]]
                kernel = kernel if len(block) == 2 else kernel[1:] if row else kernel[:1]
                space = [n - (k - 1) * int(d) for n, k, d in zip(space, kernel, block, strict=True)]
                channels = self.tensors[operator.outputs[0]].shape[-1]
                factors = {"DilationHFactor": int(dilation[0]), "DilationWFactor": int(dilation[1])}
                image = (batch, *self.image(space, row=row), channels)
                self.put(index, operator.kind, operator.inputs, image, {**(operator.options or {}), **factors})
            else:
                before = index < next(i for i in chain if self.operators[i].kind in WEIGHTS)
                shape = (batch, *(self.image(space, row=row) if before else space), channels)
                self.put(index, "EXPAND_DIMS", operator.inputs[:1], shape)
        begin = np.concatenate([[0], crops[:, 0], [0]])
        space = [n - int(sum(sides)) for n, sides in zip(space, crops, strict=True)]
        inputs = (last.inputs[0], self.constant(begin), self.constant(np.array([batch, *space, channels])))
        self.put(chain[-1], "SLICE", inputs, (batch, *space, channels))

    def image(self, space: Sequence[int], *, row: bool) -> Shape:
        """The rows and columns of an image of these, or of a sequence."""
        return tuple(space) if len(space) == 2 else (1, *space) if row else (*space, 1)

    def constant(self, numbers: Array) -> int:
        """The number of a new tensor."""
        data = np.ascontiguousarray(numbers, np.int32)
        self.tensors.append(Tensor("", data.shape, (), "INT32", data=data.reshape(-1).view(np.uint8)))
        return len(self.tensors) - 1

    def put(
        self,
        index: int,
        kind: str,
        inputs: tuple[int, ...],
        shape: Shape,
        options: Mapping[str, Option] | None = None,
    ) -> None:
        """Another operator in the place of one, with a result of this shape."""
        (result,) = self.operators[index].outputs
        self.operators[index] = Operator(kind, inputs, (result,), options)
        if index != len(self.operators):
            self.tensors[result] = replace(self.tensors[result], shape=shape, open_axes=())
