"""Vectors that a loop's body computes, as sums: matrices times atoms, and an offset.

An atom is a vector that is no sum: a step of the input, a state, a function of a
vector, the product of two.  Equal vectors are found to be equal, however the
file has split, ordered and folded what they are made of.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mnc.ir.activations import Clip, Function
from mnc.ir.types import Array, Shape, show

MOST_ATOMS = 2**10
"""Far beyond what a step of a recurrent layer has."""
MOST_ELEMENTS = 2**24
"""Of all matrices: a body may multiply by one constant many times."""


class OtherLoopError(Exception):
    """A loop that is not the one of a recurrent layer that is read; its argument says why."""


@dataclass(frozen=True)
class Product:
    """Element by element, of two vectors."""


@dataclass(frozen=True)
class Step:
    """A row of the sequence that is a variable of the loop, the same row as the iteration."""

    variable: int


@dataclass(frozen=True)
class State:
    """A variable of the loop as it is before the iteration."""

    variable: int


Kind = Product | Step | State | Function


@dataclass(frozen=True, eq=False)
class Atom:
    """A vector that is no sum."""

    kind: Kind
    size: int
    of: tuple[Vector, ...] = ()


@dataclass(frozen=True, eq=False)
class Vector:
    """The sum of factors times atoms, and of an offset (n,)."""

    parts: Mapping[Atom, Array]
    """A factor is (size of the atom, n), a matrix from the right, or (n,), element by element."""
    offset: Array
    shape: Shape
    """As the body has it; of n elements."""

    @property
    def size(self) -> int:
        return len(self.offset)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal sums."""
        parts = ((id(atom), factor.ndim, _digest(factor)) for atom, factor in self.parts.items())
        return (tuple(sorted(parts)), _digest(self.offset))

    @property
    def atom(self) -> Atom | None:
        """The atom that the vector is, where it is one and nothing else."""
        atoms = self.atoms
        return atoms[0] if atoms is not None and len(atoms) == 1 else None

    @property
    def atoms(self) -> tuple[Atom, ...] | None:
        """The atoms whose plain sum it is; None where it is another."""
        if self.offset.any() or any(factor.ndim != 1 or (factor != 1).any() for factor in self.parts.values()):
            return None
        return tuple(self.parts)

    def scaled(self, factor: Array) -> Vector:
        """Element by element times (n,)."""
        return replace(self, parts={a: own * factor for a, own in self.parts.items()}, offset=self.offset * factor)

    def plus(self, offset: Array) -> Vector:
        return replace(self, offset=self.offset + offset)


def _digest(array: Array) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(array + 0.0).tobytes()).digest()


@dataclass
class Terms:
    """The atoms of one body, each of them once."""

    atoms: dict[tuple[object, ...], Atom] = field(default_factory=dict)
    made: int = 0
    """How often an atom was asked for."""
    elements: int = 0
    """Of the matrices that were made."""

    def vector(self, kind: Kind, shape: Shape, *of: Vector) -> Vector:
        """The vector that is one atom."""
        self.made += 1
        if self.made > MOST_ATOMS:
            raise OtherLoopError(f"it has more than {MOST_ATOMS:,} functions and products")
        size = math.prod(shape)
        keys = sorted((each.key for each in of), key=repr)
        atom = self.atoms.setdefault((kind, size, *keys), Atom(kind, size, of))
        return Vector({atom: np.ones(size)}, np.zeros(size), shape)

    def applied(self, function: Function, x: Vector) -> Vector:
        """A function of each element; a clip of a clip is one."""
        inner = x.atom
        if isinstance(function, Clip) and inner is not None and isinstance(inner.kind, Clip):
            low, high = (min(max(bound, function.low), function.high) for bound in (inner.kind.low, inner.kind.high))
            return self.applied(Clip(low, high), inner.of[0])
        return self.vector(function, x.shape, x)

    def sum(self, a: Vector, b: Vector, sign: float = 1.0) -> Vector:
        """A + sign * b, element by element."""
        shape = _common(a, b)
        parts = dict(a.parts)
        for atom, factor in b.parts.items():
            own = parts.get(atom)
            if own is not None and own.ndim != factor.ndim:
                raise OtherLoopError("it adds a vector to a product with that vector")
            parts[atom] = sign * factor if own is None else own + sign * factor
        return self.counted(Vector(parts, a.offset + sign * b.offset, shape))

    def product(self, a: Vector, b: Vector) -> Vector:
        """Element by element."""
        return self.vector(Product(), _common(a, b), a, b)

    def by_number(self, x: Vector, factor: Array) -> Vector:
        """Element by element times numbers, which go inside of a function that clips."""
        atom = x.atom
        if atom is not None and isinstance(atom.kind, Clip) and factor.size and (factor == factor[0]).all():
            number = float(factor[0])
            if number > 0 and math.isfinite(number):
                clip = Clip(atom.kind.low * number, atom.kind.high * number)
                return self.vector(clip, x.shape, atom.of[0].scaled(factor))
        return self.counted(x.scaled(factor))

    def matrix(self, x: Vector, weights: Array) -> Vector:
        """X @ weights (inputs, outputs)."""
        if x.size != weights.shape[0]:
            raise OtherLoopError(f"it multiplies {x.size} elements by a matrix of {weights.shape[0]} rows")
        if any(factor.ndim != 1 for factor in x.parts.values()):
            raise OtherLoopError("it multiplies a product by a further matrix")
        parts = {atom: factor[:, np.newaxis] * weights for atom, factor in x.parts.items()}
        return self.counted(Vector(parts, x.offset @ weights, (*x.shape[:-1], weights.shape[1])))

    def counted(self, x: Vector) -> Vector:
        """The vector; OtherLoopError where its matrices are too many."""
        self.elements += sum(factor.size for factor in x.parts.values() if factor.ndim == 2)
        if self.elements > MOST_ELEMENTS:
            raise OtherLoopError(f"its matrices have more than {MOST_ELEMENTS:,} elements")
        return x

    def part(self, x: Vector, chosen: slice, shape: Shape) -> Vector:
        """Neighbouring elements."""
        result = Vector({}, x.offset[chosen], shape)
        for atom, factor in x.parts.items():
            if factor.ndim == 2:
                piece = Vector({atom: factor[:, chosen]}, np.zeros(result.size), shape)
            elif isinstance(atom.kind, Step | State):
                raise OtherLoopError("it takes a part of a step or of a state")
            else:
                inner = [self.part(each, chosen, shape) for each in atom.of]
                piece = self.vector(atom.kind, shape, *inner).scaled(factor[chosen])
            result = self.sum(result, piece)
        return result


def _common(a: Vector, b: Vector) -> Shape:
    """The shape of two vectors that are combined element by element, neither of them repeated."""
    if a.size == b.size and _padded(a.shape) == _padded(b.shape):
        return max(a.shape, b.shape, key=len)
    raise OtherLoopError(f"it combines {show(a.shape)} with {show(b.shape)}")


def _padded(shape: Shape) -> Shape:
    """Without axes of 1 in front."""
    return tuple(itertools.dropwhile(lambda n: n == 1, shape))
