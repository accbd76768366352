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


@dataclass(frozen=True)
class ObjectWeights:
    """A model, or any member of it."""

    where: str
    group: hdf5.Group | None

    @property
    def is_of_a_model(self) -> bool:
        """Whether the group looks like a whole model's."""
        inner = ("layers", "_layer_checkpoint_dependencies")
        return self.group is not None and any(hdf5.child(self.where, self.group, name) is not None for name in inner)

    def layer(self, count: Count) -> LayerWeights:
        return _object_layer(self.where, self.group)

    def model(self) -> ModelWeights:
        return self

    def inside(self, attribute: str, trainable: bool = True) -> ObjectWeights:
        group = None if self.group is None else hdf5.group(self.where, self.group, attribute)
        return ObjectWeights(f"{self.where}/{attribute}", group)

    def member(self, name: str, class_name: str, ordinal: int, trainable: bool) -> Member:
        """The group of the `ordinal`-th object of a class.

        Keras 3 numbers them 0, 1, 2, ...; Keras 2 skips numbers, because it
        walks over a layer with weights twice.
        """
        stem = snake(class_name)
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

    def distribute(self, keras: int) -> None:
        """Nothing is left to do: every layer has a place of its own."""


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
