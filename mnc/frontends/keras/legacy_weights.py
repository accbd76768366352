"""Weights in Keras' first format: one group for each layer of the outermost model, by the layer's name.

The group has an ordered list of datasets; in a nested model's are the weights
of all its layers, at any depth: first the trainable ones of every layer, then
the others.  Keras' own loader goes by this order, and so does mnc; names
cannot tell layers of one name apart, and are only checked where they tell a
weight's role.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mnc.errors import refuse
from mnc.frontends.keras import hdf5
from mnc.frontends.keras.hdf5 import FOREIGN_WEIGHTS
from mnc.frontends.keras.weights import Count, Entry, LayerWeights, Member, ModelWeights

NOT_WRITTEN = (
    "Keras stops with an error where it writes such a file; save the model as .keras, or give nested layers of equal "
    "names others"
)
"""Where an `.h5` has no place for all weights."""


@dataclass(frozen=True)
class LegacyWeights:
    """The outermost model."""

    where: str
    group: hdf5.Group
    _members: list[_Listed] = field(default_factory=list)

    def member(self, name: str, class_name: str, ordinal: int, trainable: bool) -> Member:
        where = f"{self.where}/{name}"
        self._members.append(_Listed(where, where, (name,), trainable, self._entries(where, name)))
        return self._members[-1]

    def distribute(self, keras: int) -> None:
        for member in self._members:
            member.distribute(keras)

    def _entries(self, where: str, name: str) -> tuple[Entry, ...]:
        group = hdf5.group(self.where, self.group, name)
        if group is None:
            return ()
        entries = []
        listed = hdf5.names(where, group, "weight_names") or ()
        for weight, times in Counter(listed).items():
            if times > 1:
                raise refuse(f"{where}/{weight}", f"{times} weights have this name, and the file has one", NOT_WRITTEN)
            dataset = hdf5.child(where, group, weight)
            if not isinstance(dataset, hdf5.Dataset):
                raise refuse(f"{where}/{weight}", "weight_names lists what is not there", FOREIGN_WEIGHTS)
            entries.append(Entry(f"{where}/{weight}", weight, dataset))
        return tuple(entries)


@dataclass
class _Listed:
    """A member of the outermost model, or of one that is nested in it: what it has of the outer member's list."""

    where: str
    list_where: str
    path: tuple[str, ...]
    """The names of the models that it is in, outermost first, and its own."""
    trainable: bool
    entries: tuple[Entry, ...]
    """The whole list."""
    own: list[Entry] = field(default_factory=list)
    """Its weights, where it is a layer."""
    count: Count | None = None
    """How many they are; None where it was refused."""
    members: list[_Listed] = field(default_factory=list)
    """Its layers, where it is a model or a wrapper."""

    def layer(self, count: Count) -> LayerWeights:
        self.count = count
        return LayerWeights(self.where, self.own)

    def model(self) -> ModelWeights:
        self.count = Count()
        return self

    def member(self, name: str, class_name: str, ordinal: int, trainable: bool) -> Member:
        where = f"{self.list_where} (layer {name!r})"
        self.members.append(_Listed(where, self.list_where, (*self.path, name), trainable, self.entries))
        return self.members[-1]

    def inside(self, attribute: str, trainable: bool) -> Member:
        self.members.append(_Listed(self.where, self.list_where, self.path, trainable, self.entries))
        return self.members[-1]

    def distribute(self, keras: int) -> None:
        """Every layer's weights by Keras' order.

        By name where the list is of another length: it holds the weights of
        one layer in two models once, and may have the state of a random
        generator besides.
        """
        leaves = self._leaves()
        if len(leaves) == 1:
            leaves[0].own += self.entries
            return
        order = _in_keras_3(self) if keras >= 3 else _in_keras_2(self)
        if all(leaf.count for leaf in leaves) and len(order) == len(self.entries):
            for leaf, entry in zip(order, self.entries, strict=True):
                leaf.own.append(entry)
            return
        stated = _by_part(self.entries)
        for leaf in leaves:
            leaf.own += leaf._named(stated)

    def _leaves(self) -> list[_Listed]:
        """The layers, in the order of the models that they are in."""
        return [leaf for member in self.members for leaf in member._leaves()] if self.members else [self]

    def _named(self, by_part: Mapping[str, Sequence[Entry]]) -> list[Entry]:
        """The entries that state this layer's name, and of them those that state most of the models round it."""
        *models, name = self.path
        candidates = by_part.get(name.partition("/")[0], ())
        for entry in candidates[:1]:
            entry.dataset.file.budget.take(self.where, "weights looked at by name", len(candidates))
        named = [entry for entry in candidates if f"/{name}/" in f"/{entry.name}"]
        stated = [sum(f"/{model}/" in _scope(entry, name) for model in models) for entry in named]
        return [entry for entry, count in zip(named, stated, strict=True) if count == max(stated)]


def _by_part(entries: Sequence[Entry]) -> Mapping[str, Sequence[Entry]]:
    """The entries that have each part in their names: a look at all of them for every layer would be quadratic."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        for part in dict.fromkeys(entry.name.split("/")):
            found.setdefault(part, []).append(entry)
    return found


def _scope(entry: Entry, name: str) -> str:
    """The part of a weight's name before a layer's name."""
    return f"/{entry.name}".partition(f"/{name}/")[0] + "/"


def _in_keras_2(member: _Listed) -> Sequence[_Listed]:
    """The layer of each weight in the list: the trainable weights of a model or layer are before its others."""

    def parts(member: _Listed) -> tuple[list[_Listed], list[_Listed]]:
        count = member.count or Count()
        trainable, fixed = [member] * count.trainable, [member] * count.fixed
        for inner in member.members:
            more_trainable, more_fixed = parts(inner)
            trainable += more_trainable
            fixed += more_fixed
        return (trainable, fixed) if member.trainable else ([], trainable + fixed)

    trainable, fixed = parts(member)
    return trainable + fixed


def _in_keras_3(member: _Listed) -> Sequence[_Listed]:
    """The layer of each weight in the list: a frozen model's weights go layer by layer, whatever each of them is."""
    trainable, fixed = [], []
    for leaf in member._leaves():
        count = leaf.count or Count()
        moves = leaf.trainable and member.trainable
        trainable += [leaf] * (count.trainable if moves else 0)
        fixed += [leaf] * (count.fixed + (0 if moves else count.trainable))
    return trainable + fixed
