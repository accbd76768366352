"""Loops as converters write recurrent layers, drawn by hypothesis, and such loops with something changed in them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from tflite_drawing import CASES, Case
from tflite_files import File, Operator, Tensor, ints

ALIKE = (("LOGISTIC", "TANH", "RELU", "RELU6"), ("ADD", "SUB", "MUL"), ("MINIMUM", "MAXIMUM"))
"""Operators of which one can stand where another does."""


@dataclass
class Step:
    """The body of a loop in the making."""

    c: Case
    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, array: Any) -> int:
        return self.add(Tensor.of(np.asarray(array)))

    def drawn(self, *shape: int) -> int:
        return self.constant(self.c.rng.standard_normal(shape).astype(np.float32))

    def emit(self, kind: str, inputs: Sequence[int], *shape: int, type_: str = "FLOAT32", **options: Any) -> int:
        y = self.add(Tensor(shape, type_))
        self.operators.append(Operator(kind, inputs, [y], options))
        return y

    def either(self, kind: str, a: int, b: int) -> int:
        """An operator that reads two values in either order, one of them of the result's shape."""
        shape = max(self.tensors[a].shape, self.tensors[b].shape, key=len)
        return self.emit(kind, self.c.choice((a, b), (b, a)), *shape, FusedActivationFunction=0)

    def product(self, x: int, units: int, bias: bool) -> int:
        weights = self.drawn(units, self.tensors[x].shape[-1])
        inputs = (x, weights, self.drawn(units) if bias else -1)
        return self.emit("FULLY_CONNECTED", inputs, 1, units, FusedActivationFunction=0)

    def gates(self, x: int, count: int, units: int, bias: bool) -> list[int]:
        """Products with the input or with a state, for each gate; of one matrix or of several."""
        form = self.c.choice("apart", "split", "sliced")
        if form == "apart":
            return [self.product(x, units, bias) for _ in range(count)]
        whole = self.product(x, count * units, bias)
        if form == "split":
            results = [self.add(Tensor((1, units))) for _ in range(count)]
            self.operators.append(
                Operator("SPLIT", [self.constant(np.int32(-1)), whole], results, {"NumSplits": count})
            )
            return results
        ends = [self.add(ints(0, units * i)) for i in range(count + 1)]
        ones = self.add(ints(1, 1))
        return [
            self.emit("STRIDED_SLICE", [whole, first, last, ones], 1, units, BeginMask=1, EndMask=1)
            for first, last in itertools.pairwise(ends)
        ]

    def function(self, kind: str, x: int) -> int:
        """A function of a vector; that of Keras 2's hard sigmoid is four operators."""
        shape = self.tensors[x].shape
        if kind == "LINEAR":
            return x
        if kind != "HARD":
            return self.emit(kind, [x], *shape)
        for each, number in (("MUL", 0.2), ("ADD", 0.5), ("MINIMUM", 1.0), ("MAXIMUM", 0.0)):
            x = self.either(each, x, self.constant(np.float32(number)))
        return x


def gru(step: Step, x: int, h: int, units: int) -> dict[int, int]:
    """The next value of the state, by the state."""
    c = step.c
    gate, activation, bias = c.choice("LOGISTIC", "HARD"), c.choice("TANH", "RELU", "LINEAR"), c.choice(True, False)
    after = c.choice(True, False)
    given = step.gates(x, 3, units, bias)
    kept = step.gates(h, 3 if after else 2, units, c.choice(True, False))
    update, reset = (step.function(gate, step.either("ADD", a, b)) for a, b in zip(given[:2], kept[:2], strict=True))
    if after:
        past = step.either("MUL", reset, kept[2])
    else:
        past = step.product(step.either("MUL", reset, h), units, bias=False)
    candidate = step.function(activation, step.either("ADD", given[2], past))
    one = step.constant(np.float32(1))
    rest = step.emit("SUB", (one, update), 1, units, FusedActivationFunction=0)
    return {h: step.either("ADD", step.either("MUL", update, h), step.either("MUL", rest, candidate))}


def lstm(step: Step, x: int, h: int, cell: int, units: int) -> dict[int, int]:
    """As `gru`."""
    c = step.c
    gate, activation, bias = c.choice("LOGISTIC", "HARD"), c.choice("TANH", "RELU", "LINEAR"), c.choice(True, False)
    sums = [
        step.either("ADD", a, b)
        for a, b in zip(step.gates(x, 4, units, bias), step.gates(h, 4, units, False), strict=True)
    ]
    write, forget, read = (step.function(gate, sums[i]) for i in (0, 1, 3))
    new = step.either("MUL", write, step.function(activation, sums[2]))
    made = step.either("ADD", step.either("MUL", forget, cell), new)
    if c.choice(True, False):
        for kind, bound in (("MINIMUM", 0.75), ("MAXIMUM", -0.75)):
            made = step.either(kind, made, step.constant(np.float32(bound)))
    return {cell: made, h: step.either("MUL", read, step.function(activation, made))}


def plain(step: Step, x: int, h: int, units: int) -> dict[int, int]:
    """As `gru`."""
    total = step.either("ADD", step.product(x, units, step.c.choice(True, False)), step.product(h, units, False))
    return {h: step.function(step.c.choice("TANH", "RELU", "LINEAR"), total)}


def loop(c: Case) -> File:
    """A recurrent layer without its rows, which TensorFlow Lite Micro does not set."""
    steps, features, units = c.integer(1, 4), c.integer(1, 3), c.integer(1, 4)
    kind = c.choice("gru", "lstm", "plain")
    step = Step(c)
    counters = [step.add(Tensor((), "INT32")) for _ in range(c.integer(1, 2))]
    sequence = step.add(Tensor((steps, 1, features)))
    states = [step.add(Tensor((1, units))) for _ in range(2 if kind == "lstm" else 1)]
    inputs = [*counters, sequence, *states]
    one = step.constant(np.int32(1))
    after = {i: step.emit("ADD", (i, one), type_="INT32", FusedActivationFunction=0) for i in counters}
    x = step.emit("GATHER", (sequence, counters[-1]), 1, features, Axis=0)
    match kind:
        case "gru":
            after |= gru(step, x, states[0], units)
        case "lstm":
            h, cell = c.choice(states, states[::-1])
            after |= lstm(step, x, h, cell, units)
        case _:
            after |= plain(step, x, states[0], units)
    body = File(step.tensors, step.operators, inputs, [after.get(i, i) for i in inputs])
    given = c.input((1, steps, features))
    turned = c.add(Tensor((steps, 1, features)))
    none, zeros = c.constant(np.int32(0)), c.constant(np.zeros((1, units), np.float32))
    first = [none] * len(counters) + [turned] + [zeros] * len(states)
    results = [c.add(replace(step.tensors[i])) for i in inputs]
    operators = [
        Operator("RESHAPE", [given, c.integers(steps, 1, features)], [turned]),
        Operator("WHILE", first, results, {"CondSubgraphIndex": 1, "BodySubgraphIndex": 2}),
    ]
    return File(c.tensors, operators, c.given, results[-len(states) :], [condition(body, len(counters), steps), body])


CASES["while"] = loop


def condition(body: File, counters: int, steps: int) -> File:
    """Whether each counter is less than the number of steps."""
    tensors = [replace(body.tensors[i], data=None) for i in body.inputs]
    limit, results = len(tensors), []
    tensors.append(Tensor.of(np.array(steps, np.int32)))
    operators = []
    for i in range(counters):
        tensors.append(Tensor((), "BOOL"))
        operators.append(Operator("LESS", [i, limit], [len(tensors) - 1]))
        results.append(len(tensors) - 1)
    if counters == 2:
        tensors.append(Tensor((), "BOOL"))
        operators.append(Operator("LOGICAL_AND", results, [len(tensors) - 1]))
    return File(tensors, operators, range(len(body.inputs)), [len(tensors) - 1])


def changed(c: Case, file: File) -> File:
    """The loop with one operator of its body changed: its kind, or what it reads."""
    test, body = file.once
    place = c.integer(0, len(body.operators) - 1)
    operator = body.operators[place]
    alike = next((kinds for kinds in ALIKE if operator.kind in kinds), ())
    shapes = {i: (body.tensors[i].shape, body.tensors[i].type) for i in operator.inputs if i >= 0}
    made = {i for each in body.operators[place:] for i in each.outputs}
    if alike and c.choice(True, False) and shapes[operator.inputs[0]][1] == "FLOAT32":
        new = replace(operator, kind=c.choice(*alike))
    else:
        which = c.integer(0, len(operator.inputs) - 1)
        own = operator.inputs[which]
        others = [
            i for i, each in enumerate(body.tensors) if i not in made and (each.shape, each.type) == shapes.get(own)
        ]
        # constants that say where must stay, as the interpreter does not look whether they lie inside
        moves = shapes.get(own, ((), "INT32"))[1] == "INT32"
        inputs = [*operator.inputs]
        inputs[which] = own if moves else c.choice(*others)
        new = replace(operator, inputs=inputs)
    operators = [new if i == place else each for i, each in enumerate(body.operators)]
    outputs = [*body.outputs]
    if c.integer(0, 5) == 0:
        outputs[-1], outputs[-2] = c.choice((outputs[-1], outputs[-1]), (outputs[-1], outputs[-2]))
        if body.tensors[outputs[-2]].shape != body.tensors[body.outputs[-2]].shape:
            outputs = [*body.outputs]
    return replace(file, once=[test, replace(body, operators=operators, outputs=outputs)])
