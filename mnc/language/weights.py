"""Where the constants of a text come from: files, by name or by order, or a seeded generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mnc.errors import CompileError, Problem, refuse
from mnc.ir.types import Array, Constant, DType, Shape, show
from mnc.language.calls import MissingWeight
from mnc.language.constants import key
from mnc.language.source import Place, Source
from mnc.names import similar

MAX_RANDOM = 2**26
"""How many elements a generator may fill."""
_MAX_NAMED = 8

Store: TypeAlias = Mapping[str, Mapping[str, Constant]]
"""Constants by layer, then by field, layers in order."""

Loader: TypeAlias = Callable[[str], Store]
"""Reads the file that a `weights` statement names; CompileError where it cannot."""


def load_none(name: str) -> Store:
    """The loader of a text that is read without files."""
    raise refuse(name, "the text is read alone, without files", "give a loader of weights")


@dataclass(frozen=True)
class FromPath:
    """`weights "pico.h5"`."""

    path: str
    by_order: bool
    at: Place


@dataclass(frozen=True)
class Seeded:
    """`weights random(seed = 1)`."""

    seed: int
    at: Place


Origin = FromPath | Seeded


@dataclass(frozen=True)
class MissingWeights:
    """The weights of one layer that the text does not state, or the initial value of a state."""

    name: str
    stated: frozenset[str]
    """The fields of its constants that the text has."""
    missing: tuple[MissingWeight, ...]
    at: Place


Filled = dict[str, dict[str, Constant]]
"""The constants that were found, by layer and field."""


def fill(
    source: Source, network_at: Place, layers: Sequence[MissingWeights], origins: Sequence[Origin], load: Loader
) -> Filled:
    """The constants of all layers; CompileError says which are missing or do not fit."""
    problems: list[Problem] = []
    filled: Filled = {}
    left = list(layers)
    for origin in origins:
        if isinstance(origin, Seeded):
            filled.update(_random(source, origin, left))
            left = []
            continue
        try:
            store = load(origin.path)
        except CompileError as fault:
            what = f"the weights file {origin.path!r} cannot be used"
            raise CompileError(source.problem(origin.at, what), *fault.problems) from None
        left = _from_store(source, origin, store, left, filled, problems)
    if left and not problems:
        problems.extend(_missing(source, network_at, left, origins, load))
    if problems:
        raise CompileError(*problems)
    return filled


def _from_store(
    source: Source,
    origin: FromPath,
    store: Store,
    layers: list[MissingWeights],
    filled: Filled,
    problems: list[Problem],
) -> list[MissingWeights]:
    """Fill from one file what it has; returns the layers that it does not have."""
    if origin.by_order:
        if len(store) != len(layers):
            what = f"{origin.path!r} has weights for {len(store)} layers, the network needs them for {len(layers)}"
            problems.append(source.problem(origin.at, what, _listed("the network's", [each.name for each in layers])))
            return []
        found = list(zip(layers, store.items(), strict=True))
        left = []
    else:
        names = {each.name: _stored_name(each.name, store) for each in layers}
        found = [(each, (name, store[name])) for each in layers if (name := names[each.name]) is not None]
        left = [each for each in layers if names[each.name] is None]
    for layer, (stored_as, constants) in found:
        fault = _mismatch(layer, constants)
        if fault is None:
            filled[layer.name] = {missing.weight.field: _pick(missing, constants) for missing in layer.missing}
        else:
            what = f"{layer.name!r} does not fit {stored_as!r} in {origin.path!r}: {fault}"
            problems.append(source.problem(layer.at, what))
    return left


def _stored_name(layer: str, store: Store) -> str | None:
    escaped = key(layer, "")[:-1]
    return escaped if escaped in store else layer if layer in store else None


def _found(missing: MissingWeight, constants: Mapping[str, Constant]) -> Constant | None:
    return next((constants[name] for name in missing.weight.names if name in constants), None)


def _pick(missing: MissingWeight, constants: Mapping[str, Constant]) -> Constant:
    constant = _found(missing, constants)
    assert constant is not None
    return constant


def _mismatch(layer: MissingWeights, constants: Mapping[str, Constant]) -> str | None:
    """Why a file's constants do not fit a layer, or None."""
    for missing in layer.missing:
        constant = _found(missing, constants)
        field = missing.weight.field
        if constant is None:
            without = f"; write {missing.weight.flag} = false if the layer has none" if missing.weight.optional else ""
            return f"there is no {field} in the file{without}"
        if constant.shape != missing.shape:
            return f"its {field} are {show(missing.shape)} in the text and {show(constant.shape)} in the file"
        if missing.dtype is not None and DType.of(constant.array) != missing.dtype:
            return f"its {field} are {missing.dtype.value} in the text and {constant.array.dtype.name} in the file"
    known = {name for missing in layer.missing for name in missing.weight.names}
    extra = sorted(set(constants) - known - layer.stated)
    return f"the file also has its {', '.join(extra)}, which the text leaves out" if extra else None


def _missing(
    source: Source, network_at: Place, left: list[MissingWeights], origins: Sequence[Origin], load: Loader
) -> Iterable[Problem]:
    names = [each.name for each in left]
    files = [origin for origin in origins if isinstance(origin, FromPath)]
    if not files:
        yield source.problem(
            network_at,
            f"the network has no weights; {_some(names)} need them",
            'take them from a trained model: weights "model.h5"',
            "or measure the network untrained: weights random(seed = 1)",
        )
        return
    (*_, last) = files
    store = load(last.path)
    hints = similar(names[0], store) if len(names) == 1 else ()
    if not any(_stored_name(name, store) for name in names) and _fits_in_order(left, store):
        hints = (*hints, f'layer by layer in order they would fit: weights "{last.path}" by order')
    hints = (*hints, _listed("the file's", list(store)))
    yield source.problem(last.at, f"{last.path!r} has no weights for {_some(names)}", *hints)


def _fits_in_order(layers: list[MissingWeights], store: Store) -> bool:
    pairs = zip(layers, store.values(), strict=False)
    return len(layers) == len(store) and all(_mismatch(layer, constants) is None for layer, constants in pairs)


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_MAX_NAMED])
    return shown if len(names) <= _MAX_NAMED else f"{shown} and {len(names) - _MAX_NAMED} more"


def _listed(whose: str, names: list[str]) -> str:
    named = [name for name in names if name]
    if names and not named:
        return f"{whose} arrays name no layer; call them LAYER/weights, LAYER/bias and so on"
    return f"{whose} layers with weights are {_some(named)}" if names else f"{whose} layers have no weights"


def _random(source: Source, origin: Seeded, layers: list[MissingWeights]) -> Filled:
    all_missing = [(layer, missing) for layer in layers for missing in layer.missing]
    elements = sum(math.prod(missing.shape) for _, missing in all_missing)
    if elements > MAX_RANDOM:
        what = f"the network has {elements:,} weights; random() gives at most {MAX_RANDOM:,}"
        raise CompileError(source.problem(origin.at, what))
    bits = np.random.PCG64(origin.seed)
    filled: Filled = {}
    for layer, missing in all_missing:
        filled.setdefault(layer.name, {})[missing.weight.field] = Constant(_initial(missing, bits))
    return filled


def _initial(missing: MissingWeight, bits: np.random.PCG64) -> Array:
    """Keras' default initialisers: Glorot's uniform (AISTATS 2010, section 4.2.1) for kernels, else 0 or 1.

    Made from the generator's raw bits, so every NumPy gives the same weights.
    """
    dtype = DType.FLOAT32 if missing.dtype is None else missing.dtype
    if missing.weight.initial != "uniform" or dtype != DType.FLOAT32:
        return np.full(missing.shape, 1 if missing.weight.initial == "ones" else 0, dtype.numpy)
    fan_in, fan_out = _fans(missing.shape)
    limit = math.sqrt(6.0 / (fan_in + fan_out))
    units: Array = (bits.random_raw(math.prod(missing.shape)) >> np.uint64(40)).astype(np.float64) * 2.0**-24
    scaled: Array = ((2.0 * units - 1.0) * limit).astype(np.float32)
    return scaled.reshape(missing.shape)


def _fans(shape: Shape) -> tuple[int, int]:
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]
