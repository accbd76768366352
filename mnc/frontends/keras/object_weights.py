"""Weights in Keras' second format, which mirrors the objects; `.keras` archives and some `.h5` files have it.

A layer's are at `layers/<class name in snake case>[_<n>]/vars/<i>`, nested
models lie inside, and what a wrapper holds under the attribute's name (`cell`,
`forward_layer`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mnc.frontends.keras import hdf5
from mnc.frontends.keras.weights import Count, Entry, LayerWeights, Member, ModelWeights
from mnc.names import snake

BACKSLASH = "\\"

OWN_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}
"""Classes that Keras exports under another name than their own, by which it stores weights."""


@dataclass(frozen=True)
class Place:
    r"""A group, and whatever lies below it.

    Keras wrote paths with the separator of the system, and HDF5 knows only `/`: in a
    file from Windows `layers\dense` is one name, among the root's.
    """

    group: hdf5.Group | None
    root: hdf5.Group
    prefix: str = ""
    """The path from the root, with backslashes."""

    def inside(self, where: str, name: str) -> Place | None:
        """The place below of this name."""
        group = None if self.group is None else hdf5.group(where, self.group, name)
        prefix = f"{self.prefix}{BACKSLASH}{name}" if self.prefix else name
        if group is None and prefix != name:
            group = hdf5.group(where, self.root, prefix)
        below = prefix + BACKSLASH
        if group is None and not any(key.startswith(below) for key in hdf5.keys(where, self.root)):
            return None
        return Place(group, self.root, prefix)

    def keys(self, where: str) -> tuple[str, ...]:
        """The names below."""
        own = () if self.group is None else hdf5.keys(where, self.group)
        below = self.prefix + BACKSLASH
        named = [key[len(below) :] for key in hdf5.keys(where, self.root) if key.startswith(below)]
        return (*own, *dict.fromkeys(key.split(BACKSLASH)[0] for key in named))


@dataclass(frozen=True)
class ObjectWeights:
    """A model, or any member of it."""

    where: str
    place: Place | None

    @classmethod
    def of(cls, where: str, group: hdf5.Group) -> ObjectWeights:
        """The outermost model's."""
        return cls(where, Place(group, group))

    @property
    def is_of_a_model(self) -> bool:
        """Whether the group looks like a whole model's."""
        inner = ("layers", "_layer_checkpoint_dependencies")
        return any(self.inside(name).place is not None for name in inner)

    def layer(self, count: Count) -> LayerWeights:
        return _object_layer(self.where, self.place)

    def model(self) -> ModelWeights:
        return self

    def inside(self, attribute: str, trainable: bool = True) -> ObjectWeights:
        place = None if self.place is None else self.place.inside(self.where, attribute)
        return ObjectWeights(f"{self.where}/{attribute}", place)

    def member(self, name: str, class_name: str, ordinal: int, trainable: bool) -> Member:
        """The group of the `ordinal`-th object of a class.

        Keras 3 numbers them 0, 1, 2, ...; Keras 2 skips numbers, because it
        walks over a layer with weights twice.
        """
        stem = snake(OWN_NAMES.get(class_name, class_name))
        exact = f"{stem}_{ordinal}" if ordinal else stem
        skipping = self.inside("_layer_checkpoint_dependencies")
        if self.place is None or skipping.place is None or self.inside("layers").place is not None:
            return self.inside("layers").inside(exact)
        numbered = skipping.numbered.get(stem, ())
        return skipping.inside(numbered[ordinal] if ordinal < len(numbered) else exact)

    @cached_property
    def numbered(self) -> Mapping[str, Sequence[str]]:
        """The members `dense`, `dense_2`, `dense_5` as those of `dense`, by their numbers; and so on."""
        found: dict[str, list[tuple[int, str]]] = {}
        for key in () if self.place is None else self.place.keys(self.where):
            found.setdefault(key, []).append((0, key))
            if match := re.fullmatch(r"(.+)_(\d{1,9})", key):
                found.setdefault(match[1], []).append((int(match[2]), key))
        return {stem: tuple(key for _, key in sorted(keys)) for stem, keys in found.items()}

    def distribute(self, keras: int) -> None:
        """Nothing is left to do: every layer has a place of its own."""


def _object_layer(where: str, place: Place | None) -> LayerWeights:
    """A layer's own variables; the groups of what it holds are opened when they are asked for."""
    entries: list[Entry] = []
    inner = None if place is None else place.inside(where, "vars")
    variables = None if inner is None else inner.group
    while variables is not None:
        dataset = hdf5.child(f"{where}/vars", variables, str(len(entries)))
        if not isinstance(dataset, hdf5.Dataset):
            break
        entries.append(Entry(f"{where}/vars/{len(entries)}", "", dataset))

    def part(attribute: str) -> LayerWeights:
        names = (attribute, f"_{attribute}")  # Keras 2 names an attribute by its variable
        found = (None if place is None else place.inside(where, name) for name in names)
        return _object_layer(f"{where}/{attribute}", next(filter(None, found), None))

    return LayerWeights(where, entries, part)
