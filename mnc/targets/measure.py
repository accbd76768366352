"""Generated code run on a target: its outputs to the bit, and its cost."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnc.errors import refuse
from mnc.ir.types import Array, TensorType
from mnc.targets import callgrind, process
from mnc.targets.adapter import adapter
from mnc.targets.image import Options, Sizes, build, freeze, function_sizes, place, sizes
from mnc.targets.interface import Interface, pack, records
from mnc.targets.target import Clock, Target

RUN_SECONDS = 3600.0

STACK_RESERVE = 1 / 64
"""Share of the stack that must stay untouched: a function that overflows it may leave gaps in what it writes."""

PLAIN = Options()
"""As the target says."""

STAMP = np.dtype([("high", "<u4"), ("low", "<u4"), ("fine", "<u4")])
HEAD = np.dtype([("stack", "<u4"), ("room", "<u4"), ("stamps", STAMP, (4,))])


Event = tuple[int, int]
"""A traced build tells of a layer, by number, or of one of its rows; `WHOLE`: of all of it."""
WHOLE = -1


@dataclass(frozen=True)
class Measurement:
    """The cost of one network on one target."""

    outputs: tuple[Array, ...]
    """For each output, (samples, *shape), exactly as the target computed it."""
    instructions: tuple[int, ...]
    """For each sample, the instructions of one call of `<name>_run`."""
    stack: int
    """Bytes of stack that one call of `<name>_run` uses."""
    sizes: Sizes
    """Bytes that the network adds to an image."""


def run(
    target: Target, files: Mapping[str, str], interface: Interface, inputs: Sequence[Array], options: Options = PLAIN
) -> tuple[Array, ...]:
    """The outputs of the generated `files`, built for `target` and run there on every sample.

    `inputs` holds one array for each of the network's inputs, (samples,
    *shape); so do the outputs.  `<name>_init` comes before the first sample
    only: what a stateful layer keeps goes on to the next, as in
    `Graph.predict`.  `CompileError` where a tool is missing, the code does not
    build or the program does not finish properly.
    """
    _, body = _execute(target, files, interface, inputs, options)
    return _columns(body["outputs"])


def measure(
    target: Target, files: Mapping[str, str], interface: Interface, inputs: Sequence[Array], options: Options = PLAIN
) -> Measurement:
    """As `run`, with its cost."""
    head, body = _execute(target, files, interface, inputs, options)
    if clock := target.board.clock:
        instructions = _counted(clock, head, body)
    else:
        image = build(target, freeze(files), freeze(adapter(interface, files)), options)
        counts = callgrind.count(image, pack(interface.inputs, tuple(inputs), f"target {target.name}"))
        instructions = tuple(sum(count) for count in counts)
    added = sizes(target, freeze(files), freeze(adapter(interface, files)), options)
    return Measurement(_columns(body["outputs"]), instructions, int(head["stack"]), added)


@dataclass(frozen=True)
class Footprint:
    """The memory that one network takes on one target."""

    sizes: Sizes
    """Bytes that the network adds to an image."""
    stack: int | None
    """Bytes of stack that one run uses; None where it was not run."""
    instructions: int | None
    """Of that run; None where it was not run, or the machine's own clock does not count them."""


def footprint(
    target: Target,
    files: Mapping[str, str],
    interface: Interface,
    inputs: Sequence[Array] | None,
    options: Options = PLAIN,
) -> Footprint:
    """The sizes of linked code, and stack and instructions of a run on one sample of `inputs`; None: it is not run.

    CompileError as for `run`.
    """
    stack = instructions = None
    if inputs is not None:
        head, body = _execute(target, files, interface, [samples[:1] for samples in inputs], options)
        stack = int(head["stack"])
        if clock := target.board.clock:
            (instructions,) = _counted(clock, head, body)
    return Footprint(sizes(target, freeze(files), freeze(adapter(interface, files)), options), stack, instructions)


def _counted(clock: Clock, head: np.void, body: Array) -> tuple[int, ...]:
    """The instructions of each sample's run, without those of the call that takes the time."""
    call = _steps(clock, head["stamps"])[0]
    return tuple(round(_steps(clock, row)[0] - call) for row in body["stamps"])


def layer_code(
    target: Target, files: Mapping[str, str], endings: Sequence[str], interface: Interface, options: Options = PLAIN
) -> tuple[int, ...]:
    """Bytes of code of the layers' functions in an image for the target; `endings` are those of their names in C.

    Code that several layers share, and library functions, are in no layer's.
    """
    found = function_sizes(target, freeze(files), freeze(adapter(interface, files)), options)
    return tuple(
        sum(size for symbol, size in found.items() if re.search(rf"{re.escape(name)}(?![a-z0-9_])", symbol))
        for name in endings
    )


def layer_instructions(
    target: Target,
    traced: Mapping[str, str],
    layers: int,
    interface: Interface,
    inputs: Sequence[Array],
    options: Options = PLAIN,
    *,
    events: Sequence[Event] | None = None,
) -> tuple[tuple[int, ...], ...]:
    """For each sample, the instructions of each layer.

    `traced` calls `MNC_TRACE(i, output)` after layer i; `events`: it tells of layers or their rows in this order.
    The sum may differ a little from what the same network needs without trace, as the C compiler cannot move code
    past the call, which on the host is counted too.
    """
    events = _whole(layers) if events is None else events
    sizes_ = [0] * layers
    if clock := target.board.clock:
        head, body = _execute(target, traced, interface, inputs, options, "TIME", layers=sizes_, events=events)
        mark = _steps(clock, head["stamps"])[2]
        moments = np.concatenate([body["stamps"][:, :1], body["layers"]], axis=1)
        spent = [[step - mark for step in _steps(clock, row)] for row in moments]
    else:
        between = freeze(adapter(interface, traced, sizes_, len(events)))
        image = build(target, freeze(traced), between, options, "TIME")
        counts = callgrind.count(image, pack(interface.inputs, tuple(inputs), f"target {target.name}"))
        spent = [list(map(float, count[:-1])) for count in counts]
    return tuple(
        tuple(round(sum(one for one, (i, _) in zip(each, events, strict=True) if i == k)) for k in range(layers))
        for each in spent
    )


def layer_values(
    target: Target,
    traced: Mapping[str, str],
    types: Sequence[TensorType],
    interface: Interface,
    inputs: Sequence[Array],
    options: Options = PLAIN,
    *,
    events: Sequence[Event] | None = None,
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Of a traced build each layer's output as it lies in memory, and the network's outputs: (samples, *shape).

    `events`: the code tells of layers or their rows in this order, as `layer_instructions` has it.  `CompileError`
    where rows come in another order.
    """
    events = _whole(len(types)) if events is None else events
    rows = {i: max(row for k, row in events if k == i) + 1 for i, _ in events}
    values = tuple(TensorType((t.elements // (rows[i] or 1),), t.dtype) for i, t in enumerate(types))
    _, body = _execute(target, traced, interface, inputs, options, "VALUES", values=values, events=events)
    parts: list[list[Array]] = [[] for _ in types]
    for number, (i, row) in enumerate(events):
        event = body["values"][f"v{number}"]
        if row >= 0 and (event["tag"] != (i, row)).any():
            at, turn = next(tag for tag in event["tag"].tolist() if tag != [i, row])
            problem = f"made row {turn} of layer {at} when row {row} of layer {i} was planned"
            raise refuse(f"target {target.name}", problem, "this is a fault of mnc's: please report it")
        parts[i].append(event["values"])
    got = (np.concatenate(part, axis=1).reshape(-1, *t.shape) for part, t in zip(parts, types, strict=True))
    return tuple(map(np.ascontiguousarray, got)), _columns(body["outputs"])


def _whole(layers: int) -> Sequence[Event]:
    """Each layer at once, in order."""
    return [(i, WHOLE) for i in range(layers)]


def _execute(
    target: Target,
    files: Mapping[str, str],
    interface: Interface,
    inputs: Sequence[Array],
    options: Options,
    trace: str = "",
    *,
    layers: Sequence[int] = (),
    values: tuple[TensorType, ...] = (),
    events: Sequence[Event] = (),
) -> tuple[np.void, Array]:
    """The head and the records of the driver's output file; driver.c says what they hold."""
    where = f"target {target.name}"
    board = target.board
    if board.stays:
        raise refuse(where, board.stays, "`mnc verify --on serial:PORT` asks a board itself")
    packed = pack(interface.inputs, tuple(inputs), where)
    layer_sizes = [value.bytes for value in values] or layers
    embedded = packed if board.console else b""
    between = freeze(adapter(interface, files, layer_sizes, len(events)))
    image = build(target, freeze(files), between, options, trace, embedded)
    written = _written(target, image, packed)
    record = np.dtype(
        [
            ("values", _told(values, events) if values else []),
            ("stamps", STAMP, (2,)),
            ("layers", STAMP, (len(events) if layers else 0,)),
            ("outputs", records(interface.outputs)),
        ]
    )
    samples = len(packed) // sum(kind.bytes for kind in interface.inputs)
    if len(written) != HEAD.itemsize + samples * record.itemsize:
        raise refuse(where, "the program stopped before it had written its results")
    head = np.frombuffer(written, HEAD, count=1)[0]
    if head["stack"] > head["room"] * (1 - STACK_RESERVE):  # a board may ignore writes below, so that nothing faults
        raise refuse(where, f"a run needs more stack than there is, which is {head['room']} bytes")
    return head, np.frombuffer(written, record, offset=HEAD.itemsize)


def _told(values: Sequence[TensorType], events: Sequence[Event]) -> np.dtype[np.void]:
    """The record that a traced build writes of a run."""
    tag = [("tag", "<u2", (2,))]
    fields = []
    for number, (i, row) in enumerate(events):
        kept = ("values", values[i].dtype.numpy.newbyteorder("<"), values[i].shape)
        fields.append((f"v{number}", [*(tag if row >= 0 else []), kept]))
    return np.dtype(fields)


def _written(target: Target, image: bytes, inputs: bytes) -> bytes:
    """The bytes that the driver wrote when the image was run."""
    board = target.board
    with tempfile.TemporaryDirectory(prefix="mnc-") as temporary:
        folder = Path(temporary)
        place(folder, image, inputs)
        if board.emulator is None:
            process.run_file(folder / "image", folder, where=f"target {target.name}", seconds=RUN_SECONDS)
            return (folder / "outputs.bin").read_bytes()
        where = f"target {target.name} on {board.name}"
        printed = process.run(board.emulator, board.arguments, folder, where=where, seconds=RUN_SECONDS)
        if board.console:
            return bytes.fromhex("".join(re.findall(r":((?:[0-9a-f]{2})+)", printed)))
        return (folder / "outputs.bin").read_bytes()


def _columns(rows: Array) -> tuple[Array, ...]:
    """A structured array's fields, each as an array of its own."""
    return tuple(np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ())


def _steps(clock: Clock, stamps: Array) -> list[float]:
    """The instructions from each stamp to the next."""
    moments = [clock.moment(int(stamp["high"]), int(stamp["low"]), int(stamp["fine"])) for stamp in stamps]
    return [float(later - earlier) for earlier, later in itertools.pairwise(moments)]
