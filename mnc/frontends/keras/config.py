"""Reading one layer's configuration: every key is consumed, known to be irrelevant, or refused.

No attribute is silently ignored: what no reader has asked for is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mnc.errors import CompileError, Problem, refuse
from mnc.frontends.keras.ways_out import AS_TFLITE, SAVE_AGAIN
from mnc.frontends.keras.weights import Count
from mnc.ir.types import MAX_ELEMENTS
from mnc.names import brief

IRRELEVANT = frozenset(
    {
        "name",
        "trainable",
        "dtype",
        "batch_input_shape",
        "batch_shape",
        "input_dtype",
        "autocast",
        "build_config",
        "seed",
        "quantization_config",
    }
)
IRRELEVANT_ENDINGS = ("_initializer", "_regularizer", "_constraint")
MUST_BE_NULL = frozenset({"quantization_config"})
KERAS_MODULES = ("keras", "tensorflow", "tf_keras", "builtins")
LARGEST = MAX_ELEMENTS
LARGEST_FLOAT = 3.4028234e38
FLOAT_POLICIES = frozenset({"float32", "mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"})
"""Policies whose weights are floating-point numbers."""


@dataclass
class Findings:
    """Facts that the configurations of a file state beyond their layers."""

    keras: int
    """The major version of Keras whose meaning holds: 1, 2 or 3."""
    backend: str = ""
    """The backend of the Keras that wrote the file; empty where the file does not name it."""
    notes: list[str] = field(default_factory=list)
    channels_first: set[int] = field(default_factory=set)
    """The ranks of images (3) and sequences (2) that some layer reads channels first."""

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


class Config:
    """The configuration of one layer, and which of its keys have been read."""

    def __init__(self, raw: Mapping[str, object], where: str, findings: Findings) -> None:
        self.where = where
        self.findings = findings
        self.keras = findings.keras
        self.weights = Count()
        """The number of the layer's weights, set by its converter: it splits a file's one list for many layers."""
        self._raw = raw
        self._read: set[str] = set()

    def fault(self, what: str, *hints: str) -> CompileError:
        """The refusal of this layer; without hints what Keras does not write either."""
        return refuse(self.where, what, *(hints or (SAVE_AGAIN,)))

    def __contains__(self, key: str) -> bool:
        return key in self._raw

    def raw(self, key: str, default: object = None) -> object:
        """The value as JSON has it; for readers of structured values."""
        self._read.add(key)
        return self._raw.get(key, default)

    def ignore(self, *keys: str) -> None:
        """Keys that say nothing about inference."""
        self._read.update(keys)

    def ignore_all(self) -> None:
        """For layers that do nothing at inference, whatever their attributes."""
        self._read.update(self._raw)

    def only(self, key: str, *allowed: object) -> None:
        """Refuse the layer unless the key is absent or has one of the values that change nothing."""
        value = _plain(self.raw(key, allowed[0]))
        if not any(type(value) is type(good) and value == good for good in allowed):
            raise self.fault(
                f"{key} = {brief(value)} is not supported", f"mnc knows only {brief(allowed[0])} for it", AS_TFLITE
            )

    def integer(self, key: str, default: int | None = None, least: int = 1) -> int:
        """An integer of at least `least`; without a default the key must be there."""
        value = _plain(self._needed(key, default))
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fault(f"{key} must be a whole number, not {brief(value)}")
        if not least <= value <= LARGEST:
            raise self.fault(f"{key} must be in {least} to {LARGEST}, not {brief(value)}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        value = _plain(self._needed(key, default))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fault(f"{key} must be a number, not {brief(value)}")
        if not -LARGEST_FLOAT <= value <= LARGEST_FLOAT:  # NaN is not either
            raise self.fault(f"{key} must be finite in float32, not {brief(value)}")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        """A finite number, or None where the key is absent or null."""
        return None if self.raw(key) is None else self.number(key)

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """A truth value; Keras users also write 0 and 1."""
        value = self._needed(key, default)
        if not isinstance(value, (bool, int)) or value not in (0, 1):
            raise self.fault(f"{key} must be true or false, not {brief(value)}")
        return bool(value)

    def choice(self, key: str, *allowed: str, default: str | None = None) -> str:
        """One of a few words."""
        value = self._needed(key, default)
        if not isinstance(value, str) or value not in allowed:
            raise self.fault(f"{key} = {brief(value)} is not supported", f"mnc knows {', '.join(allowed)}", AS_TFLITE)
        return value

    def data_format(self, rank: int) -> str:
        """Where the layer expects channels, in inputs of this many axes."""
        stated = self.choice("data_format", "channels_last", "channels_first", default="channels_last")
        if stated == "channels_first":
            self.findings.channels_first.add(rank)
        return stated

    def integers(self, key: str, count: int, default: int | None = None, least: int = 1) -> tuple[int, ...]:
        """`count` integers; a single one stands for all of them, as in Keras."""
        value = self._needed(key, default)
        if not isinstance(value, list):
            return (self.integer(key, default, least),) * count
        return self._checked(key, value, count, least)

    def integer_list(self, key: str, least: int) -> tuple[int, ...]:
        """A list of integers of any length."""
        value = self._needed(key, None)
        if not isinstance(value, list):
            return (self.integer(key, None, least),)
        return self._checked(key, value, len(value), least)

    def margins(self, key: str, axes: int, default: int) -> tuple[tuple[int, int], ...]:
        """(before, after) for each axis, from any of the forms that Keras' padding and cropping take."""
        value = self._needed(key, default)
        if not isinstance(value, list):
            each = self.integer(key, default, 0)
            return ((each, each),) * axes
        if axes == 1 and not any(isinstance(item, list) for item in value):
            before, after = self._checked(key, value, 2, 0)
            return ((before, after),)
        if len(value) != axes:
            raise self.fault(f"{key} must have {axes} entries, not {brief(value)}")
        pairs = []
        for item in value:
            before, after = self._checked(key, item if isinstance(item, list) else [item, item], 2, 0)
            pairs.append((before, after))
        return tuple(pairs)

    def _checked(self, key: str, value: Sequence[object], count: int, least: int) -> tuple[int, ...]:
        whole = [
            item for item in value if isinstance(item, int) and not isinstance(item, bool) and least <= item <= LARGEST
        ]
        if len(value) != count or len(whole) != count:
            raise self.fault(f"{key} must be {count} whole numbers in {least} to {LARGEST}, not {brief(value)}")
        return tuple(whole)

    def _needed(self, key: str, default: object) -> object:
        value = self.raw(key, default)
        if value is None and key not in self._raw:
            raise self.fault(f"the key {key!r} is missing", SAVE_AGAIN)
        return default if value is None and default is not None else value

    def remaining(self) -> dict[str, object]:
        """The keys that have not been read yet, for a reader that merges configurations."""
        return {key: value for key, value in self._raw.items() if key not in self._read}

    def leftovers(self) -> tuple[Problem, ...]:
        """One problem for each key that nobody has read and that may matter."""
        return tuple(
            Problem(self.where, f"the attribute {brief(key)} = {brief(value)} is not supported", (AS_TFLITE,))
            for key, value in self._raw.items()
            if key not in self._read
            and not key.endswith(IRRELEVANT_ENDINGS)
            and (key not in IRRELEVANT or (key in MUST_BE_NULL and value is not None))
        )

    def refuse_leftovers(self) -> None:
        """CompileError where there are keys that nobody has read."""
        leftovers = self.leftovers()
        if leftovers:
            raise CompileError(*leftovers)

    def check_policy(self) -> None:
        """Refuse a dtype policy that mnc cannot honour; note one that Keras computes less exactly than mnc."""
        value = self._raw.get("dtype")
        if value is None:
            return
        if isinstance(value, Mapping):  # a serialised policy; one for quantisation has no name
            inner = value.get("config")
            value = inner.get("name", value.get("class_name")) if isinstance(inner, Mapping) else value
        if value == "float32":
            return
        if not isinstance(value, str) or value not in FLOAT_POLICIES:
            raise self.fault(
                f"the dtype policy {brief(value)} is not supported",
                "save the float32 model; mnc quantises by itself (--quantize int8)",
            )
        self.findings.note(f"layers of the dtype policy {value!r} are computed in float32")


def is_of_keras(entry: Mapping[str, object]) -> bool:
    """Whether a serialised object says that it is Keras' own, or says nothing."""
    module, registered = entry.get("module"), entry.get("registered_name")
    foreign = isinstance(module, str) and module.split(".")[0] not in KERAS_MODULES
    return not foreign and not (isinstance(registered, str) and ">" in registered)


def _plain(value: object) -> object:
    """A number that Keras has written as a NumPy value: {"type": ..., "value": 0.3}."""
    if isinstance(value, Mapping) and "value" in value:
        return value["value"]
    return value
