"""Where a layer's weights lie in the file, whichever way Keras has stored them.

Keras' first format (`legacy`) has one group for each layer of the outermost
model, by the layer's name, with an ordered list of datasets; the weights of a
nested model's layers are all in the nested model's list.  Keras' own loader
goes by that order, so mnc does, and checks names where they tell.

Its second format (`object`, in `.keras` archives) mirrors the objects:
`layers/<class name in snake case>[_<n>]/vars/<i>`, nested models inside, and
what a wrapper holds under the attribute's name (`cell`, `forward_layer`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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


class LayerWeights:
    """The weights of one layer, taken one after the other in Keras' order.

    A layer that is called again takes the same ones: each is read once, and
    the calls share one Constant.
    """

    def __init__(self, where: str, entries: Sequence[Entry], part: Callable[[str], LayerWeights] | None = None) -> None:
        self._where = where
        self._all = tuple(entries)
        self._entries = list(entries)
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
            entry = self._next(role)
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

    def unused(self) -> tuple[str, ...]:
        """The places of the weights that no call has taken."""
        return tuple(entry.where for entry in self._entries)

    def discard(self) -> None:
        """Let go of weights that mean nothing at inference, such as the state of a random generator."""
        self._entries.clear()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of all weights, taken or not."""
        shapes = []
        for entry in self._all:
            with hdf5.reading(entry.where):
                shapes.append(entry.dataset.shape)
        return tuple(shapes)

    def _next(self, role: str) -> Entry:
        if not self._entries:
            raise refuse(
                self._where,
                f"the {role} is missing",
                FOREIGN_WEIGHTS,
            )
        stated = self._entries[0].name.rpartition("/")[2].partition(":")[0]
        if KNOWN_ROLES.get(stated) not in (None, KNOWN_ROLES.get(role)):
            raise refuse(self._entries[0].where, f"the {role} was expected here, not the {stated}", FOREIGN_WEIGHTS)
        return self._entries.pop(0)


class Member(Protocol):
    """Where the weights of one member of a model are, whatever the member is."""

    def layer(self) -> LayerWeights:
        """The member's weights, where it is a layer."""

    def model(self) -> ModelWeights:
        """The weights of its members, where it is a model."""

    def inside(self, attribute: str) -> Member:
        """What it holds as `attribute`, where it is a wrapper."""


class ModelWeights(Protocol):
    """The weights of a model's members."""

    def member(self, name: str, class_name: str, ordinal: int) -> Member:
        """The member with this name, which is the `ordinal`-th of its class in the model (from 0)."""


@dataclass(frozen=True)
class _Legacy:
    """Keras' first format, at the outermost model."""

    where: str
    group: hdf5.Group

    def member(self, name: str, class_name: str, ordinal: int) -> Member:
        where = f"{self.where}/{name}"
        entries = self._entries(where, name)
        return _LegacyMember(where, entries, where, entries, (name,))

    def _entries(self, where: str, name: str) -> tuple[Entry, ...]:
        group = hdf5.group(self.where, self.group, name)
        if group is None:
            return ()
        entries = []
        for weight in hdf5.names(where, group, "weight_names") or ():
            dataset = hdf5.child(where, group, weight)
            if not isinstance(dataset, hdf5.Dataset):
                raise refuse(f"{where}/{weight}", "weight_names lists what is not there", FOREIGN_WEIGHTS)
            entries.append(Entry(f"{where}/{weight}", weight, dataset))
        return tuple(entries)


@dataclass(frozen=True)
class _LegacyNested:
    """Keras' first format, inside a nested model: one list for all its layers, told apart by their names."""

    where: str
    entries: tuple[Entry, ...]
    path: tuple[str, ...]

    def member(self, name: str, class_name: str, ordinal: int) -> Member:
        named = [entry for entry in self.entries if f"/{name}/" in f"/{entry.name}"]
        closest = max((self._nearness(entry, name) for entry in named), default=0)
        own = tuple(entry for entry in named if self._nearness(entry, name) == closest)
        return _LegacyMember(f"{self.where} (layer {name!r})", own, self.where, self.entries, (*self.path, name))

    def _nearness(self, entry: Entry, name: str) -> int:
        """How many of the enclosing models a weight's name states: two of them may have layers of one name."""
        scope = f"/{entry.name}".partition(f"/{name}/")[0] + "/"
        return sum(f"/{model}/" in scope for model in self.path)


@dataclass(frozen=True)
class _LegacyMember:
    where: str
    own: tuple[Entry, ...]
    """Its weights, where it is a layer."""
    list_where: str
    entries: tuple[Entry, ...]
    """The list that has its members' weights, where it is a model."""
    path: tuple[str, ...]

    def layer(self) -> LayerWeights:
        return LayerWeights(self.where, self.own)

    def model(self) -> ModelWeights:
        return _LegacyNested(self.list_where, self.entries, self.path)

    def inside(self, attribute: str) -> Member:
        return self


@dataclass(frozen=True)
class _Objects:
    """Keras' second format: a model, or any member of it."""

    where: str
    group: hdf5.Group | None

    def layer(self) -> LayerWeights:
        return _object_layer(self.where, self.group)

    def model(self) -> ModelWeights:
        return self

    def inside(self, attribute: str) -> _Objects:
        group = None if self.group is None else hdf5.group(self.where, self.group, attribute)
        return _Objects(f"{self.where}/{attribute}", group)

    def member(self, name: str, class_name: str, ordinal: int) -> Member:
        """The group of the `ordinal`-th object of a class.

        Keras 3 numbers them 0, 1, 2, ...; Keras 2 skips numbers, because it
        walks over a layer with weights twice.
        """
        stem = snake_case(class_name)
        exact = f"{stem}_{ordinal}" if ordinal else stem
        skipping = self.inside("_layer_checkpoint_dependencies")
        if self.group is None or skipping.group is None or self.inside("layers").group is not None:
            return self.inside("layers").inside(exact)
        numbered = skipping.numbered.get(stem, ())
        return skipping.inside(numbered[ordinal] if ordinal < len(numbered) else exact)

    @cached_property
    def numbered(self) -> Mapping[str, Sequence[str]]:
        """The members `dense`, `dense_2`, `dense_5` as those of `dense`, by their numbers; and so on."""
        found: dict[str, list[tuple[int, str]]] = {}
        for key in () if self.group is None else hdf5.keys(self.where, self.group):
            found.setdefault(key, []).append((0, key))
            if match := re.fullmatch(r"(.+)_(\d{1,9})", key):
                found.setdefault(match[1], []).append((int(match[2]), key))
        return {stem: tuple(key for _, key in sorted(keys)) for stem, keys in found.items()}


def _object_layer(where: str, group: hdf5.Group | None) -> LayerWeights:
    """A layer's own variables; the groups of what it holds are opened when they are asked for."""
    entries: list[Entry] = []
    variables = None if group is None else hdf5.group(where, group, "vars")
    while variables is not None:
        dataset = hdf5.child(f"{where}/vars", variables, str(len(entries)))
        if not isinstance(dataset, hdf5.Dataset):
            break
        entries.append(Entry(f"{where}/vars/{len(entries)}", "", dataset))

    def part(attribute: str) -> LayerWeights:
        inner = None if group is None else hdf5.group(where, group, attribute)
        return _object_layer(f"{where}/{attribute}", inner)

    return LayerWeights(where, entries, part)


def legacy_weights(where: str, group: hdf5.Group) -> ModelWeights:
    """The weights below `model_weights` of an `.h5` file; CompileError where they are not in Keras' format."""
    if hdf5.names(where, group, "layer_names") is None:
        if _is_object_format(where, group):
            return _Objects(where, group)
        raise refuse(where, "there is no list layer_names in it", "save the whole model with model.save('model.h5')")
    return _Legacy(where, group)


def object_weights(where: str, file: hdf5.Group) -> ModelWeights:
    """The weights in the `model.weights.h5` of a `.keras` archive."""
    if not _is_object_format(where, file) and hdf5.names(where, file, "layer_names") is not None:
        return _Legacy(where, file)
    return _Objects(where, file)


def _is_object_format(where: str, group: hdf5.Group) -> bool:
    return any(hdf5.child(where, group, name) is not None for name in ("layers", "_layer_checkpoint_dependencies"))


def snake_case(class_name: str) -> str:
    """A class name as Keras spells it in paths: Conv2DTranspose -> conv2d_transpose."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
