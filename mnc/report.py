"""The report of a compilation: the typed form of `mnc compile --json`.

All sizes are in bytes.  A `Report` is a value: two compilations of one model
give equal reports, and `to_json` gives equal bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace

from mnc.ir.types import Array
from mnc.shown import Shown


@dataclass(frozen=True)
class StageReport:
    """Layers whose rows are made in turns."""

    layers: tuple[str, ...]
    """By their names, in order."""
    rings: int
    """Bytes in which a few rows of values between them lie."""
    fed: bool = False
    """Whether the rows of the input are handed in one by one."""


@dataclass(frozen=True)
class RegionReport:
    """A named memory that the network has a part of."""

    name: str
    size: int
    """Bytes that it uses."""
    limit: int
    """Bytes that there are."""


@dataclass(frozen=True)
class Ram:
    """The RAM that the generated code uses; inputs and outputs are the caller's."""

    total: int
    """The arena and the state together, padding included, which is `<NAME>_RAM_SIZE`, and `constants`."""
    arena: int
    """Memory that the layers share, one after another."""
    state: int
    """Memory that outlives a run, as of recurrent layers."""
    lower_bound: int
    """The largest sum of bytes live together in the chosen order; no arena can be smaller."""
    optimal: bool
    """Whether the arena equals its lower bound."""
    constants: int = 0
    """Constant rows that the target's C compiler copies to RAM, as for AVR; 0 where constants are read in place."""
    input: int = 0
    """Bytes of the arena that hold inputs, or their last rows; 0 where inputs lie in the caller's memory."""
    stages: tuple[StageReport, ...] = ()
    """Layers that make their rows in turns; none where one layer runs after the other."""
    saved: int = 0
    """Bytes that this saves."""
    cost: float = 0.0
    """Instructions that it costs, as a share of all of a run, by mnc's estimate."""
    regions: tuple[RegionReport, ...] = ()
    """The memories that the arena lies in; none where it is all in one."""
    measured: int | None = None
    """Variables of the linked code, by the target's compiler; None where nothing was measured."""

    @property
    def needed(self) -> int:
        """The bytes that a budget limits: measured where they were."""
        return max(self.total, self.measured or 0)


@dataclass(frozen=True)
class FramesReport:
    """How a network takes frames one by one."""

    hop: int
    """Frames from one output to the next."""
    first_output: int
    """Frames until the first one."""
    delay: int
    """Frames by which outputs that go along time lag behind the newest one, as padding that looks ahead makes them."""


@dataclass(frozen=True)
class LargeSlice:
    """A slice of more operations than it may take, as the layer's kernel cannot be cut as small."""

    layer: str
    operations: int


@dataclass(frozen=True)
class SlicesReport:
    """How a run goes in slices."""

    count: int
    """Slices of a run."""
    largest: int
    """Operations of the largest one: multiply-accumulate operations, or elements where a layer has none."""
    limit: int
    """Operations that a slice may take; 1: a slice is a layer, or a row where layers make rows in turns."""
    beyond: tuple[LargeSlice, ...] = ()
    """Slices that take more, the largest first, one for each layer that has some."""


@dataclass(frozen=True)
class Flash:
    """The flash that the generated code takes; its instructions where a C compiler has measured them."""

    weights: int
    """Weights and biases, as laid out for the kernels."""
    total_constants: int
    """Weights and every other constant: tables, rounding parameters, rows, structs."""
    code: int | None = None
    """Instructions, those of library functions that only the network calls included; None: not measured."""
    total: int | None = None
    """Code and constants of the linked code; None where nothing was measured."""
    apart: int | None = None
    """Bytes of the file that holds the constants, apart from the code; None where they are in it."""

    @property
    def needed(self) -> int:
        """The bytes that a budget limits: measured where they were, else constants alone."""
        return self.total_constants if self.total is None else self.total


@dataclass(frozen=True)
class LayerReport:
    """One executed layer, in execution order."""

    name: str
    """The layer's name in the model."""
    op: str
    """The layer's kind, as `mnc layers` names it."""
    output_shape: tuple[int, ...]
    """Without the batch axis."""
    dtype: str
    """The element type of the output."""
    macs: int
    """Multiply-accumulate operations of one run."""
    weights_bytes: int
    """The layer's share of `Flash.weights`."""
    kernel: str
    """The kernel that computes it."""
    offset: int | None = None
    """Where in the arena the output lies; None where it lies elsewhere (the caller's memory, the state)."""
    first: int | None = None
    """The first step at which the output is live, counted from 0; None where `offset` is None."""
    last: int | None = None
    """The last step at which the output is live."""
    sqnr: float | None = None
    """Signal-to-quantisation-noise ratio of the output over the samples that judge, in dB; None where
    nothing was quantised or nothing is lost."""
    reason: str | None = None
    """Why a kernel that the backend would rather call does not compute the layer, or does less at a time; of a
    kernel that rounds otherwise, as the user has asked, by how much; None where neither is to be said."""


@dataclass(frozen=True)
class LocalReport:
    """The scratch memory of a layer that is a local array of its function."""

    layer: str
    bytes: int


@dataclass(frozen=True)
class Quantisation:
    """The signal that is left of a float network after quantisation."""

    judged_by: int
    """How many samples all ratios are measured over."""
    held_back: int
    """How many of these were held back from calibration: all, or none where there were too few."""
    sequences: int
    """Of how many sequences these are the frames, in a network with states; 0 where samples stand alone."""
    sqnr: Mapping[str, float | None]
    """For each output its signal-to-quantisation-noise ratio in dB, in front of a last softmax; None where
    nothing is lost."""
    float_layers: tuple[str, ...]
    """Layers that compute in float32."""


@dataclass(frozen=True)
class Report(Shown):
    """A compilation's result in figures."""

    name: str
    """The network's name in the generated code."""
    backend: str
    target: str | None
    """The machine it was compiled for; None for any."""
    dtype: str
    """The element type of the network's arithmetic."""
    macs: int
    """Multiply-accumulate operations of one run."""
    params: int
    """Parameters of the network as it is executed, after all passes."""
    ram: Ram
    flash: Flash
    files: tuple[str, ...]
    """Names of the generated files."""
    layers: tuple[LayerReport, ...]
    quantisation: Quantisation | None = None
    """None where the network was compiled as it was read."""
    warnings: tuple[str, ...] = ()
    """Matters for the user to look at, one sentence each."""
    stack: int | None = None
    """Bytes of stack that a run takes on the target; None: not measured."""
    instructions: int | None = None
    """Instructions of a run on the target, which are not cycles; None: not counted."""
    on_stack: tuple[LocalReport, ...] = ()
    """Layers whose functions have local arrays: a run takes at least as much stack as the largest of them."""
    compiler: str | None = None
    """The C compiler and its level of optimisation that code, RAM and stack were measured with."""
    unmeasured: str | None = None
    """Why they were not measured, or, where code was, why its stack was not; None where all of them were."""
    classes: tuple[str, ...] = ()
    """The names of the classes that an output's elements stand for."""
    frames: FramesReport | None = None
    """None where a run takes its inputs as a whole."""
    slices: SlicesReport | None = None
    """None where a run is in one piece."""

    def __repr__(self) -> str:
        sizes = f"RAM {self.ram.needed:,} B, flash {self.flash.needed:,} B, {self.macs:,} MACs"
        return f"<Report {self.name!r}: {sizes}, {self.dtype}, backend {self.backend}, target {self.target or 'any'}>"

    def to_json(self) -> str:
        """One JSON object, indented, keys in the order of the fields."""
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True)
class LayerVerification:
    """How far generated code is from the reference at one layer's output, over all samples."""

    name: str
    op: str
    max_abs_error: float
    max_ulp_error: float
    """In units in the last place of the reference's value (of its element type)."""
    worst: tuple[int, ...]
    """Index of the element with the largest absolute error: sample, then position in the output."""
    expected: float
    """The reference's value there."""
    got: float
    """The generated code's value there."""
    passed: bool
    dtype: str = "float32"
    """The element type of the output."""
    microseconds: float | None = None
    """How long a board took for the layer, the mean over all samples; None where no board's clock told."""

    @property
    def ulp_at_worst(self) -> float | None:
        """The largest absolute error in units in the last place of the reference's value there.

        None where such units say nothing: for integers, whose errors are counted
        in steps, where nothing differs, and beside zero.
        """
        if self.dtype != "float32" or not self.max_abs_error or not math.isfinite(self.expected):
            return None
        if abs(self.expected) < FLOAT32_LEAST or not math.isfinite(self.max_abs_error):
            return None
        return self.max_abs_error / 2.0 ** (math.frexp(self.expected)[1] - FLOAT32_DIGITS)


FLOAT32_DIGITS, FLOAT32_LEAST = 24, 2.0**-126
"""Binary digits of a float32, and the smallest one that has them all."""


@dataclass(frozen=True)
class FloatComparison:
    """One output of the code against the output of the float network that it was quantised from, as real numbers."""

    output: str
    sqnr: float | None
    """In dB; None where they are equal."""
    max_abs_error: float
    worst: tuple[int, ...]
    """Index of the element with the largest error: sample, then position in the output."""
    expected: float
    """The float network's value there."""
    got: float
    """The code's value there."""
    rmse: float
    correlation: float | None
    """Pearson's; None where one of them does not vary."""
    agreement: float | None
    """The share of samples with the same largest element; None for an output that is no softmax."""


@dataclass(frozen=True)
class Verification(Shown):
    """Generated code against the reference, layer by layer, in execution order."""

    name: str
    backend: str
    target: str
    """The machine that ran the code."""
    samples: int
    tolerance: str
    """How close is close enough, in words: `to the bit`, `within 1e-05 absolute or ...`."""
    layers: tuple[LayerVerification, ...]
    against_float: tuple[FloatComparison, ...] = ()
    """For each output; none where no float network is known."""
    outputs: tuple[Array, ...] = ()
    """The code's results as real numbers: for each output (samples, *shape)."""
    dtype: str = ""
    """The element type of the network's arithmetic."""
    warnings: tuple[str, ...] = ()
    """Matters for the user to look at, one sentence each."""
    oracle: tuple[LayerVerification, ...] = ()
    """Each output against TensorFlow Lite Micro's interpreter; none where that was not asked for."""

    def __repr__(self) -> str:
        failure = self.first_failure
        verdict = "same as the reference" if failure is None else f"layer {failure.name!r} differs from the reference"
        count = f"{len(self.layers)} layers, {self.samples} samples on {self.target}"
        return f"<Verification {self.name!r}: {count}, {verdict} {self.tolerance}>"

    def to_json(self, judgement: object = None) -> str:
        """One JSON object, indented: the fields but `outputs`, whether all passed, and a dataclass of accuracies."""
        found = asdict(replace(self, outputs=()))
        del found["outputs"]
        found["passed"] = self.passed
        found["judgement"] = asdict(judgement) if is_dataclass(judgement) and not isinstance(judgement, type) else None
        return json.dumps(found, indent=2)

    @property
    def first_failure(self) -> LayerVerification | None:
        """The first layer that differs by more than the tolerance, or output that differs from the oracle's."""
        return next((layer for layer in (*self.layers, *self.oracle) if not layer.passed), None)

    @property
    def passed(self) -> bool:
        return self.first_failure is None
