"""Generated code held against the reference, layer by layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mnc import targets
from mnc.accounts import arithmetic
from mnc.backends.interface import Emission
from mnc.backends.names import name_from
from mnc.backends.storage import USUAL, Storage
from mnc.board.conversation import Board
from mnc.board.firmware import UNNAMED, fingerprint
from mnc.board.values import layer_values as layer_values_on_board
from mnc.compiler import Build, prepare, traced
from mnc.errors import argument, refuse
from mnc.ir.graph import Graph, Input
from mnc.ir.layers import Quantize, Softmax
from mnc.ir.types import Array, DType, TensorType
from mnc.names import snake
from mnc.oracle import LEAVE_OUT, interpreted
from mnc.program import Value
from mnc.quantise.pipeline import Quantised, Scheme
from mnc.quantise.quality import correlation, decibels
from mnc.reference import evaluate
from mnc.reference.run import feed
from mnc.report import FloatComparison, LayerVerification, Verification
from mnc.samples import RANDOM, random_inputs
from mnc.targets import Interface, Options, Target, layer_values

ABSOLUTE = 1e-5
RELATIVE = 1e-4
"""Of the largest magnitude in the layer's output; float32 sums of some thousand terms stay well below."""
BEYOND = 0.01
"""The share of an input's numbers outside of its range above which that is spoken of; a range leaves out up to some
thousandths of the samples that chose it."""


def verify(
    graph: Graph,
    backend: str = "c",
    inputs: Sequence[Array] | None = None,
    target: str | None = "host",
    settings: Mapping[str, str] = MappingProxyType({}),
    scheme: Scheme | None = None,
    cmsis_nn: Path | None = None,
    storage: Storage = USUAL,
    board: Board | None = None,
    oracle: bytes | None = None,
) -> Verification:
    """Compile `graph`, run the code on `target` and compare every layer with the reference.

    `inputs` holds one array for each of the network's inputs, (samples,
    *shape); None: some of those held back from calibration, or random ones, the
    same every time.  Where the network is quantised, its outputs are compared
    with those of the float network, too.  Where frames are handed in one by one the
    samples are one sequence of frames, and no outputs are compared with those of
    the float network, which takes windows.  `settings` are the
    backend's, `storage` as `compile` takes it in parts; `cmsis_nn` is the folder of
    CMSIS-NN, if the code calls it (None: that which CMSIS_NN_PATH names).  With a `board` its firmware runs the code,
    which was made for `target` (None: any).  `oracle` is the .tflite file that the graph was read from, where
    TensorFlow Lite Micro's interpreter is to run it, too.  CompileError where the graph is refused, or
    the library or a tool that builds or runs the code is missing, or the board does not answer as it should.
    """
    prepared, program, chosen = prepare(graph, backend, target, settings, scheme, storage)
    name = name_from(graph.name) if board is None else UNNAMED
    emission = chosen.emit(program, name, trace=True)
    if oracle is not None:
        _expect_the_file_itself(prepared, emission)
    return _verified(graph, prepared, backend, emission, name, inputs, target, cmsis_nn, board, oracle)


def verify_build(
    build: Build, inputs: Sequence[Array] | None = None, target: str = "host", cmsis_nn: Path | None = None
) -> Verification:
    """Run a build's code on `target`, whichever it was compiled for; otherwise as `verify`."""
    graph, backend = build.request.graph, build.request.backend
    return _verified(graph, build.prepared, backend, traced(build), build.name, inputs, target, cmsis_nn)


def _verified(
    graph: Graph,
    prepared: Quantised,
    backend: str,
    emission: Emission,
    name: str,
    inputs: Sequence[Array] | None,
    target: str | None,
    cmsis_nn: Path | None,
    board: Board | None = None,
    oracle: bytes | None = None,
) -> Verification:
    given = _usual(graph, prepared) if inputs is None else list(inputs)
    frames = emission.program.frames
    if frames is not None:
        given = [in_runs(given[0], graph.inputs[0].type.shape[1:], frames.hop)]
    xs = list(feed(prepared.graph, given).values())
    layers, outputs = (
        compared(emission, name, xs, targets.get(target or "host"), cmsis_nn)
        if board is None
        else compared_on_board(emission, xs, board)
    )
    tolerance = _tolerance({step.writes[0].type.dtype for step in emission.program.steps})
    warnings = prepared.warnings if inputs is None else (*prepared.warnings, *beyond_range(prepared.graph, given))
    real = [prepared.graph.types[n].real(y) for n, y in zip(prepared.graph.outputs, outputs, strict=True)]
    against = () if prepared.real is None or frames is not None else against_float(graph, given, real)
    return Verification(
        name=name if board is None else name_from(graph.name),
        backend=backend,
        target=target or "host" if board is None else board.where,
        samples=len(xs[0]),
        tolerance=tolerance,
        layers=layers,
        against_float=against,
        outputs=tuple(real),
        dtype=arithmetic(prepared.graph),
        warnings=warnings,
        oracle=() if oracle is None else against_oracle(prepared.graph, oracle, xs, outputs),
    )


def _expect_the_file_itself(prepared: Quantised, emission: Emission) -> None:
    """CompileError where the code computes something else than the file that it was read from."""
    where, graph = argument("oracle"), emission.program.graph
    if prepared.real is not None:
        raise refuse(where, "TensorFlow Lite Micro runs the file as it is, not what --quantize makes of it", LEAVE_OUT)
    if emission.program.frames is not None and not graph.states:
        raise refuse(where, "TensorFlow Lite Micro runs whole windows, not frames one by one", LEAVE_OUT)


def against_oracle(
    graph: Graph, content: bytes, inputs: Sequence[Array], outputs: Sequence[Array]
) -> tuple[LayerVerification, ...]:
    """The code's outputs against those of TensorFlow Lite Micro, for the same stored inputs."""
    expected = interpreted(content, inputs, len(graph.outputs))
    return tuple(
        compare(name, "output", want, got.reshape(want.shape))
        for name, want, got in zip(graph.outputs, expected, outputs, strict=True)
    )


def in_runs(frames: Array, shape: tuple[int, ...], hop: int) -> Array:
    """Frames of this shape, in windows (samples, frames, ...) or one after the other, as runs of `hop` frames."""
    flat = frames.reshape(-1, *shape)
    return flat[: len(flat) // hop * hop].reshape(-1, hop, *shape)


def compared(
    emission: Emission, name: str, inputs: Sequence[Array], machine: Target, cmsis_nn: Path | None = None
) -> tuple[tuple[LayerVerification, ...], tuple[Array, ...]]:
    """Run the traced code of a network `name` on a machine: each layer beside the reference, and the outputs.

    `inputs`: (samples, *shape) each.
    """
    steps = emission.program.steps
    got, outputs = layer_values(
        machine,
        emission.linkable(name),
        [step.writes[0].type for step in steps],
        Interface.of_graph(emission.program.graph, name, emission.plan.region_names),
        inputs,
        targets.cmsis_nn.linked(machine, emission.files, Options(), cmsis_nn),
        events=emission.events,
    )
    return _beside_reference(emission, inputs, got), outputs


def compared_on_board(
    emission: Emission, inputs: Sequence[Array], board: Board
) -> tuple[tuple[LayerVerification, ...], tuple[Array, ...]]:
    """As `compared`, run by the firmware of a board; `emission` is the traced code of a network called `UNNAMED`."""
    seen = layer_values_on_board(board, emission, fingerprint(emission), inputs)
    layers = _beside_reference(emission, inputs, seen.layers)
    if seen.microseconds is not None:
        layers = tuple(replace(each, microseconds=t) for each, t in zip(layers, seen.microseconds, strict=True))
    return layers, seen.outputs


def _beside_reference(
    emission: Emission, inputs: Sequence[Array], got: Sequence[Array]
) -> tuple[LayerVerification, ...]:
    """Each layer's output, as it lies in memory, compared with the reference's."""
    expected = evaluate(emission.program.graph, inputs)
    layers = []
    for step, memory in zip(emission.program.steps, got, strict=True):
        y = step.writes[0]
        op = snake(type(step.node.layer).__name__)
        layers.append(compare(step.node.name, op, expected[y.name], channels_last(y, memory)))
    return tuple(layers)


def _usual(graph: Graph, prepared: Quantised) -> list[Array]:
    """Inputs where none are given: random ones say nothing about what calibrated a network has lost."""
    if prepared.judging is None:
        return random_inputs(graph)
    return [array[:RANDOM] for array in prepared.judging.arrays[: len(graph.inputs)]]


def beyond_range(quantised: Graph, samples: Sequence[Array]) -> tuple[str, ...]:
    """A sentence for each input of which more than `BEYOND` lies outside the range that it was calibrated for."""
    found = []
    for given, x in zip(quantised.inputs, samples, strict=True):
        type_ = _stored_as(quantised, given)
        if type_ is None or x.dtype.kind != "f":
            continue
        low, high = type_.real(np.array([type_.dtype.least - 0.5, type_.dtype.most + 0.5]))
        share = float(np.mean((x < low) | (x > high)))
        if share > BEYOND:
            found.append(
                f"input {given.name!r}: {share:.1%} of the numbers lie outside {low:.4g} to {high:.4g}, which is all "
                f"that it was calibrated for; these are {x.min():.4g} to {x.max():.4g}"
            )
    return tuple(found)


def _stored_as(graph: Graph, given: Input) -> TensorType | None:
    """The quantised type of an input, or of its conversion by a first Quantize; None where it computes in float."""
    if given.type.quant is not None:
        return given.type
    return next((graph.types[n.name] for n in graph.consumers[given.name] if isinstance(n.layer, Quantize)), None)


def against_float(graph: Graph, samples: Sequence[Array], outputs: Sequence[Array]) -> tuple[FloatComparison, ...]:
    """The code's results for these samples, as real numbers, against the float network that it was made from."""
    expected = graph.predict(samples)
    wanted = [expected] if isinstance(expected, np.ndarray) else expected
    return tuple(
        _against(graph, name, want.astype(np.float64), got.reshape(want.shape))
        for name, want, got in zip(graph.outputs, wanted, outputs, strict=True)
    )


def _against(graph: Graph, output: str, expected: Array, got: Array) -> FloatComparison:
    error = np.abs(got - expected)
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    ratio = decibels(expected, got)
    rows = [each.reshape(len(each), -1) for each in (expected, got)]
    producer = graph.producers.get(output)
    chooses = producer is not None and isinstance(producer.layer, Softmax) and rows[0].shape[1] > 1
    return FloatComparison(
        output=output,
        sqnr=ratio if np.isfinite(ratio) else None,
        max_abs_error=float(error[worst]),
        worst=tuple(map(int, worst)),
        expected=float(expected[worst]),
        got=float(got[worst]),
        rmse=float(np.sqrt(np.mean(error**2))),
        correlation=correlation(expected, got),
        agreement=float(np.mean(rows[0].argmax(axis=1) == rows[1].argmax(axis=1))) if chooses else None,
    )


def _tolerance(dtypes: Collection[DType]) -> str:
    """The tolerance of `compare` for layers of these output types, in words."""
    if DType.FLOAT32 not in dtypes:
        return "to the bit"
    real = f"within {ABSOLUTE:.0e} absolute or {RELATIVE:.0e} of the layer's largest value"
    return real if len(set(dtypes)) == 1 else f"in integers to the bit, in float32 {real}"


def channels_last(value: Value, memory: Array) -> Array:
    """A value's elements, (samples, *shape), from how they lie in memory."""
    samples = len(memory)
    height, width, channels = value.image
    layout = value.layout
    flat = memory.reshape(samples, -1)
    index = (
        np.arange(height)[:, None, None] * layout.row
        + np.arange(width)[:, None] * layout.pixel
        + np.arange(channels) * layout.channel
    )
    return flat[:, index].reshape(samples, *value.type.shape)


def compare(name: str, op: str, expected: Array, got: Array) -> LayerVerification:
    """The largest differences between two arrays of one shape, and whether they are small enough."""
    error = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    both = np.isnan(got) & np.isnan(expected)
    error = np.where(both, 0.0, np.where(np.isnan(error), np.inf, error))
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    exact = expected.dtype != np.float32
    ulp = error if exact else error / np.spacing(np.maximum(np.abs(expected), np.finfo(np.float32).tiny)).astype(float)
    limit = 0.0 if exact else max(ABSOLUTE, RELATIVE * float(np.max(np.abs(expected))))
    return LayerVerification(
        name=name,
        op=op,
        max_abs_error=float(error[worst]),
        max_ulp_error=float(np.max(ulp)),
        worst=tuple(map(int, worst)),
        expected=float(expected[worst]),
        got=float(got[worst]),
        passed=bool(error[worst] <= limit),
        dtype=expected.dtype.name,
    )
