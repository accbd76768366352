"""A layer's weights, and the two formats in which Keras stores those of a model.

Keras' first format is read by `legacy_weights`, its second by `object_weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mnc.errors import refuse
from mnc.frontends.keras import hdf5
from mnc.frontends.keras.hdf5 import FOREIGN_WEIGHTS
from mnc.ir.types import Array, Constant, Shape, show

KNOWN_ROLES = {
    role: role
    for role in (
        "kernel",
        "bias",
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
        "pointwise_kernel",
        "recurrent_kernel",
        "alpha",
        "embeddings",
        "mean",
        "variance",
        "count",
    )
} | {"depthwise_kernel": "kernel"}
"""Names that Keras 2 and 3 give to weights: one that differs from what is asked for shows a mix-up.

A depthwise convolution's weights are its `depthwise_kernel` in Keras 2 and its `kernel` in Keras 3.
"""


@dataclass(frozen=True)
class Entry:
    """One dataset of the file, by its place."""

    where: str
    name: str
    dataset: hdf5.Dataset

    @property
    def stated(self) -> str:
        """The last part of its name, by which Keras tells what it is; empty where the file has only numbers."""
        return self.name.rpartition("/")[2].partition(":")[0]


class LayerWeights:
    """The weights of one layer, taken one after the other in Keras' order.

    A layer that is called again takes the same ones: each is read once, and
    the calls share one Constant.  `entries` may still grow until the first is
    taken.
    """

    def __init__(self, where: str, entries: Sequence[Entry], part: Callable[[str], LayerWeights] | None = None) -> None:
        self._where = where
        self._entries = entries
        self._next = 0
        self._part = part
        self._parts: dict[str, LayerWeights] = {}
        self._taken: dict[tuple[str, str], Array] = {}
        self._constants: dict[tuple[str, str], Constant] = {}

    def take(self, role: str, shape: Shape, scope: str = "") -> Constant:
        """The next weight, which must have this shape; `scope` tells apart what has the same role twice."""
        key = (scope, role)
        array = self.array(role, shape, scope)
        if key not in self._constants:
            self._constants[key] = Constant(array)
        return self._constants[key]

    def array(self, role: str, shape: Shape, scope: str = "") -> Array:
        """Like `take`, for whoever rearranges the numbers: a plain float32 array."""
        key = (scope, role)
        if key not in self._taken:
            entry = self._expected(role)
            self._taken[key] = hdf5.floats(entry.where, entry.dataset, f"the {role}", shape)
        array = self._taken[key]
        if array.shape != shape:
            given, wanted = show(array.shape), show(shape)
            raise refuse(self._where, f"the {role} has the shape {given}, this call needs {wanted}", FOREIGN_WEIGHTS)
        return array

    def inside(self, attribute: str) -> LayerWeights:
        """The weights of what the layer holds as `attribute`, in a file that keeps them apart."""
        if self._part is None:
            return self
        if attribute not in self._parts:
            self._parts[attribute] = self._part(attribute)
        return self._parts[attribute]

    def without(self, *names: str) -> LayerWeights:
        """These weights without those of some names, which are told by the file."""
        if not names:
            return self
        entries = [entry for entry in self._entries if entry.stated not in names]
        return LayerWeights(self._where, entries, self._part)

    def unused(self) -> tuple[str, ...]:
        """The places of the weights that no call has taken."""
        return tuple(entry.where for entry in self._entries[self._next :])

    def discard(self) -> None:
        """Let go of weights that mean nothing at inference, such as the state of a random generator."""
        self._next = len(self._entries)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of all weights, taken or not."""
        shapes = []
        for entry in self._entries:
            with hdf5.reading(entry.where):
                shapes.append(entry.dataset.shape)
        return tuple(shapes)

    def _expected(self, role: str) -> Entry:
        if self._next == len(self._entries):
            raise refuse(self._where, f"the {role} is missing", FOREIGN_WEIGHTS)
        entry = self._entries[self._next]
        stated = entry.stated
        if KNOWN_ROLES.get(stated) not in (None, KNOWN_ROLES.get(role)):
            raise refuse(entry.where, f"the {role} was expected here, not the {stated}", FOREIGN_WEIGHTS)
        self._next += 1
        return entry


@dataclass(frozen=True)
class Count:
    """How many weights a layer has."""

    trainable: int = 0
    fixed: int = 0
    """Weights that training does not change by gradients: moving means, statistics."""

    def __add__(self, other: Count) -> Count:
        return Count(self.trainable + other.trainable, self.fixed + other.fixed)


class Member(Protocol):
    """Where the weights of one member of a model are, whatever the member is."""

    def layer(self, count: Count) -> LayerWeights:
        """The member's weights, where it is a layer; none of them is there before `ModelWeights.distribute`."""

    def model(self) -> ModelWeights:
        """The weights of its members, where it is a model."""

    def inside(self, attribute: str, trainable: bool) -> Member:
        """The member that a wrapper holds as `attribute`."""


class ModelWeights(Protocol):
    """The weights of a model's members."""

    def member(self, name: str, class_name: str, ordinal: int, trainable: bool) -> Member:
        """The member with this name, which is the `ordinal`-th of its class in the model (from 0).

        `trainable` is the attribute of this name: a frozen layer's weights may be stored in another order.
        """

    def distribute(self, keras: int) -> None:
        """Give every layer its weights, now that all members are known; `keras` is the major version of the file."""
