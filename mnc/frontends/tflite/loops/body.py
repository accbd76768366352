"""The operators of a loop's two subgraphs, evaluated on vectors, on known numbers, and on the iteration's number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mnc.frontends.tflite.file import Model, Operator, Option
from mnc.frontends.tflite.folding import FOLDS, folded
from mnc.frontends.tflite.loops.terms import OtherLoopError, Step, Terms, Vector
from mnc.frontends.tflite.loops.values import Iteration, Limit, Place, Rows, Steps, Term, Written, shape_of
from mnc.frontends.tflite.slicing import strided
from mnc.frontends.tflite.tensors import stored_array
from mnc.ir.activations import Clip, Elu, Function, Sigmoid, Tanh
from mnc.ir.types import Array, show

MOST_OPERATORS = 256
"""The step of a recurrent layer has less than 100."""
INFINITY = math.inf


@dataclass
class Body:
    """One subgraph under evaluation."""

    where: str
    model: Model
    terms: Terms
    values: dict[int, Term] = field(default_factory=dict)

    def results(self, given: Sequence[Term]) -> tuple[Term, ...]:
        """The subgraph's outputs for these inputs.

        OtherLoopError where an operator is none of a recurrent layer's, CompileError where a constant is refused.
        """
        if len(self.model.operators) > MOST_OPERATORS:
            raise OtherLoopError(f"it has {len(self.model.operators)} operators")
        if len(given) != len(self.model.inputs):
            raise OtherLoopError(f"its subgraph has {len(self.model.inputs)} inputs instead of {len(given)}")
        self.values = dict(zip(self.model.inputs, given, strict=True))
        for operator in self.model.operators:
            results = self.computed(operator)
            if len(results) != len(operator.outputs):
                raise OtherLoopError(f"its {operator.kind} has {len(operator.outputs)} outputs")
            self.values.update(zip(operator.outputs, results, strict=True))
        return tuple(self.term(i) for i in self.model.outputs)

    def term(self, index: int) -> Term:
        """One of the subgraph's tensors."""
        if index not in self.values:
            tensor = self.model.tensors[index] if index >= 0 else None
            if tensor is None or tensor.data is None:
                raise OtherLoopError("it reads a tensor that nothing gives")
            self.values[index] = stored_array(self.where, tensor)
        return self.values[index]

    def computed(self, operator: Operator) -> tuple[Term, ...]:
        """The results of one operator."""
        given = tuple(self.term(i) for i in operator.inputs if i >= 0)
        known = tuple(x for x in given if isinstance(x, np.ndarray))
        if operator.kind == "SHAPE" and len(given) == 1:
            return (np.array(shape_of(given[0]), np.int32),)
        if len(known) == len(given) and all(x.dtype != object for x in known):
            result = folded(operator, known)
            if result is not None:
                return (result,)
        step = STEPS.get(operator.kind)
        try:
            if step is not None:
                results = step(Call(self.terms, operator, given))
                return results if isinstance(results, tuple) else (results,)
            if len(known) == len(given) and operator.kind in WITH_ITERATION:
                return (FOLDS[operator.kind](operator, known),)
        except (ValueError, IndexError, KeyError, TypeError):
            raise OtherLoopError(f"its {operator.kind} does not work out") from None
        raise OtherLoopError(f"it has the operator {operator.kind}")


WITH_ITERATION = ("CONCATENATION", "PACK")
"""The operators that are folded where the number of the iteration is among the numbers, too."""


@dataclass(frozen=True)
class Call:
    """One operator of the body and what it reads."""

    terms: Terms
    operator: Operator
    given: tuple[Term, ...]

    def option(self, name: str) -> Option:
        return (self.operator.options or {})[name]

    def integer(self, name: str) -> int:
        return int(self.option(name))

    def vector(self, index: int = 0) -> Vector:
        found = self.given[index]
        if not isinstance(found, Vector):
            raise OtherLoopError(f"its {self.operator.kind} does not read a step or a state")
        return found

    def array(self, index: int) -> Array:
        found = self.given[index]
        if not isinstance(found, np.ndarray):
            raise OtherLoopError(f"its {self.operator.kind} has an operand that is not known")
        return found

    def numbers(self, index: int) -> list[int]:
        """Known whole numbers."""
        array = self.array(index)
        if array.dtype.kind != "i":
            raise OtherLoopError(f"its {self.operator.kind} has operands that are not known whole numbers")
        return [int(n) for n in array.ravel()]

    def real(self, index: int, like: Vector) -> Array:
        """Known float32 numbers, one for each element of a vector."""
        array = self.array(index)
        if array.dtype != np.float32:
            raise OtherLoopError(f"its {self.operator.kind} has numbers of {array.dtype} beside values of float32")
        if array.size != 1 and array.size != like.size:
            raise OtherLoopError(f"its {self.operator.kind} combines {like.size} elements with {array.size}")
        return np.broadcast_to(array.reshape(-1).astype(np.float64), like.size)

    def activated(self, x: Vector) -> Vector:
        """The fused activation."""
        code = self.integer("FusedActivationFunction")
        if code == 0:
            return x
        if code not in FUSED:
            raise OtherLoopError(f"its {self.operator.kind} has the fused activation number {code}")
        return self.terms.applied(FUSED[code], x)


FUSED: Mapping[int, Function] = {1: Clip(0.0, INFINITY), 2: Clip(-1.0, 1.0), 3: Clip(0.0, 6.0), 4: Tanh()}
"""By TFLite's numbers."""
FUNCTIONS: Mapping[str, Function] = {
    "ELU": Elu(),
    "LOGISTIC": Sigmoid(),
    "RELU": Clip(0.0, INFINITY),
    "RELU6": Clip(0.0, 6.0),
    "RELU_0_TO_1": Clip(0.0, 1.0),
    "RELU_N1_TO_1": Clip(-1.0, 1.0),
    "TANH": Tanh(),
}


def _function(call: Call) -> Term:
    return call.terms.applied(FUNCTIONS[call.operator.kind], call.vector())


def _sum(call: Call) -> Term:
    a, b = call.given
    sign = -1.0 if call.operator.kind == "SUB" else 1.0
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and sign > 0:
        return np.asarray(a + b)  # the number of the iteration and another
    if isinstance(a, Vector) and isinstance(b, Vector):
        return call.activated(call.terms.sum(a, b, sign))
    if isinstance(a, Vector):
        return call.activated(a.plus(sign * call.real(1, a)))
    x = call.vector(1)
    return call.activated(x.scaled(np.full(x.size, sign)).plus(call.real(0, x)))


def _product(call: Call) -> Term:
    a, b = call.given
    if isinstance(a, Vector) and isinstance(b, Vector):
        return call.activated(call.terms.product(a, b))
    place = 0 if isinstance(a, Vector) else 1
    x = call.vector(place)
    return call.activated(call.terms.by_number(x, call.real(1 - place, x)))


def _limited(call: Call) -> Term:
    """MINIMUM and MAXIMUM with a number."""
    place = 0 if isinstance(call.given[0], Vector) else 1
    x = call.vector(place)
    bounds = call.real(1 - place, x)
    if (bounds != bounds[0]).any():
        raise OtherLoopError(f"its {call.operator.kind} has several bounds")
    low = call.operator.kind == "MAXIMUM"
    return call.terms.applied(Clip(float(bounds[0]), INFINITY) if low else Clip(-INFINITY, float(bounds[0])), x)


def _fully_connected(call: Call) -> Term:
    x, weights = call.vector(), call.array(1)
    if weights.ndim != 2 or call.integer("WeightsFormat") != 0:
        raise OtherLoopError("its FULLY_CONNECTED has weights in another form")
    if weights.dtype != np.float32:
        raise OtherLoopError(f"its weights are {weights.dtype} while the values are float32")
    y = call.terms.matrix(x, weights.T.astype(np.float64))
    return call.activated(y.plus(call.real(2, y)) if len(call.given) > 2 else y)


def _gather(call: Call) -> Term:
    """The row of the iteration."""
    steps, place = call.given
    if not isinstance(steps, Steps) or not isinstance(place, np.ndarray) or call.integer("BatchDims") != 0:
        raise OtherLoopError("its GATHER does not read a step of its input")
    if place.dtype != object or place.size != 1 or place.item() != Iteration() or call.integer("Axis") != 0:
        raise OtherLoopError("its GATHER does not read the step of the iteration")
    return call.terms.vector(Step(steps.variable), (*place.shape, *steps.shape[1:]))


def _moved(call: Call) -> Term:
    """RESHAPE, EXPAND_DIMS, SQUEEZE: to another shape."""
    x, kind = call.given[0], call.operator.kind
    shape = shape_of(x)
    if kind == "RESHAPE":
        new = call.numbers(1)
    elif kind == "EXPAND_DIMS":
        (axis,) = call.numbers(1)
        new = list(np.expand_dims(np.empty(shape), axis).shape)
    else:
        new = [n for n in shape if n != 1]
    made = np.broadcast_to(0, shape).reshape(new).shape
    if isinstance(x, Vector):
        return Vector(x.parts, x.offset, made)
    if isinstance(x, np.ndarray):
        return x.reshape(made)
    if made != shape:
        raise OtherLoopError(f"its {kind} reshapes a variable")
    return x


def _cast(call: Call) -> Term:
    """From float32 to itself, as converters write it for an open shape."""
    x = call.given[0]
    if isinstance(x, Vector | Written):
        return x
    raise OtherLoopError("its CAST does not read a vector or rows")


def _concatenation(call: Call) -> Term:
    """Rows in front of a new one, that one, and the rows behind it."""
    if all(isinstance(x, np.ndarray) for x in call.given):
        return FOLDS["CONCATENATION"](call.operator, call.given)  # type: ignore[arg-type]
    first, row, last = call.given
    if not (isinstance(first, Rows) and isinstance(row, Vector) and isinstance(last, Rows)):
        raise OtherLoopError("its CONCATENATION does not set a row")
    rows = Rows(first.variable, first.shape)
    place = first.before
    if place is None or Rows(last.variable, last.shape, behind=place + 1) != last or first.behind is not None:
        raise OtherLoopError("its CONCATENATION does not set one row and leave the others")
    if call.integer("Axis") != 0 or call.integer("FusedActivationFunction") != 0 or row.shape[:1] != (1,):
        raise OtherLoopError("its CONCATENATION does not set a row")
    return Written(rows, place, row)


def _slice(call: Call) -> Term:
    """The rows in front of a place or from one on; or a part of a vector."""
    x = call.given[0]
    if isinstance(x, Vector):
        begin, size = call.numbers(1), call.numbers(2)
        last = slice(begin[-1], None if size[-1] == -1 else begin[-1] + size[-1])
        whole = [n if count == -1 else count for n, count in zip(x.shape, size, strict=True)]
        if any(begin[:-1]) or whole[:-1] != list(x.shape[:-1]) or begin[-1] < 0:
            raise OtherLoopError("its SLICE takes no part along the last axis")
        return _part(call, x, last)
    if not isinstance(x, Rows) or (x.before, x.behind) != (None, None):
        raise OtherLoopError("its SLICE does not read a vector or rows")
    begin, size = (list(call.array(i).ravel()) for i in (1, 2))
    if any(begin[1:]) or any(n not in (-1, own) for n, own in zip(size[1:], x.shape[1:], strict=True)):
        raise OtherLoopError("its SLICE takes a part of rows")
    if begin[0] == 0:
        return Rows(x.variable, x.shape, before=_place(size[0]))
    if size[0] != -1:
        raise OtherLoopError("its SLICE takes rows from the middle")
    return Rows(x.variable, x.shape, behind=_place(begin[0]))


def _place(number: object) -> Place:
    return number if isinstance(number, Iteration) else int(number)  # type: ignore[call-overload]


def _strided_slice(call: Call) -> Term:
    x = call.vector()
    places = strided(x.shape, call.array(1), call.array(2), call.array(3), call.integer)
    taken = [range(n)[place] for place, n in zip(places, x.shape, strict=False) if isinstance(place, slice)]
    whole = [range(n) for n in x.shape]
    if len(taken) != len(places) or len(taken) != len(whole) or taken[:-1] != whole[:-1] or not taken[-1]:
        raise OtherLoopError("its STRIDED_SLICE takes no part along the last axis")
    return _part(call, x, slice(taken[-1].start, taken[-1].stop, taken[-1].step))


def _split(call: Call) -> tuple[Term, ...]:
    """Equal parts of a vector along its last axis, or parts of these sizes."""
    count = len(call.operator.outputs)
    index, axis_index = (1, 0) if call.operator.kind == "SPLIT" else (0, 2)
    x, (axis,) = call.vector(index), call.numbers(axis_index)
    if axis not in (-1, len(x.shape) - 1):
        raise OtherLoopError(f"its {call.operator.kind} does not split the last axis")
    sizes = [x.shape[-1] // count] * count if call.operator.kind == "SPLIT" else call.numbers(1)
    rest = x.shape[-1] - sum(n for n in sizes if n != -1)
    sizes = [rest if n == -1 else n for n in sizes]
    ends = np.cumsum(sizes)
    if min(sizes) < 0 or ends[-1] != x.shape[-1]:
        raise OtherLoopError(f"its {call.operator.kind} does not split the last axis into its parts")
    return tuple(_part(call, x, slice(int(end) - n, int(end))) for n, end in zip(sizes, ends, strict=True))


def _part(call: Call, x: Vector, chosen: slice) -> Vector:
    if x.size != x.shape[-1]:
        raise OtherLoopError(f"its {call.operator.kind} reads {show(x.shape)}, not one vector")
    count = len(range(x.size)[chosen])
    if count == 0:  # Keras 2 splits off what it does not have
        return Vector({}, np.zeros(0), (*x.shape[:-1], 0))
    if chosen.step not in (None, 1):
        raise OtherLoopError(f"its {call.operator.kind} takes no neighbouring elements")
    return call.terms.part(x, chosen, (*x.shape[:-1], count))


def _update(call: Call) -> Term:
    """DYNAMIC_UPDATE_SLICE of one row."""
    rows, row = call.given[0], call.vector(1)
    start = call.array(2).ravel()
    if not isinstance(rows, Rows) or row.shape[:1] != (1,) or len(row.shape) != len(rows.shape) or any(start[1:]):
        raise OtherLoopError("its DYNAMIC_UPDATE_SLICE does not set a row")
    return Written(rows, _place(start[0]), row)


def _less(call: Call) -> Term:
    number, bound = call.array(0), call.array(1)
    if number.size != 1 or not isinstance(number.item(), Iteration) or bound.size != 1 or bound.dtype.kind != "i":
        raise OtherLoopError("its LESS does not compare the number of the iteration")
    return Limit(int(bound.item()) - number.item().plus)


def _both(call: Call) -> Term:
    a, b = call.given
    if not isinstance(a, Limit) or not isinstance(b, Limit):
        raise OtherLoopError("its LOGICAL_AND does not read two comparisons")
    return Limit(min(a.count, b.count))


STEPS: Mapping[str, Callable[[Call], Term | tuple[Term, ...]]] = {
    **dict.fromkeys(FUNCTIONS, _function),
    "ADD": _sum,
    "CAST": _cast,
    "CONCATENATION": _concatenation,
    "DYNAMIC_UPDATE_SLICE": _update,
    "EXPAND_DIMS": _moved,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "LESS": _less,
    "LOGICAL_AND": _both,
    "MAXIMUM": _limited,
    "MINIMUM": _limited,
    "MUL": _product,
    "RESHAPE": _moved,
    "SLICE": _slice,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SQUEEZE": _moved,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _sum,
}
"""The operators of the loop of a recurrent layer."""
