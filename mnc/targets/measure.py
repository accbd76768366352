"""Generated C run on a target: its outputs to the bit, and what it costs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from mnc.errors import refuse
from mnc.ir.types import Array
from mnc.targets import process
from mnc.targets.image import Options, Sizes, adapter, compile_files, link, section_sizes, support_files, write
from mnc.targets.interface import Interface, pack, records
from mnc.targets.target import Board, Clock, Target

RUN_SECONDS = 1800.0

STAMP = np.dtype([("high", "<u4"), ("low", "<u4"), ("fine", "<u4")])


@dataclass(frozen=True)
class Measurement:
    """What one network did on one target with a batch of inputs."""

    outputs: tuple[Array, ...]
    """For each output, (samples, *shape), exactly as the target computed it."""
    instructions: tuple[int, ...]
    """For each sample, the instructions of one call of `<name>_run`."""
    stack: int
    """Bytes of stack that one call of `<name>_run` uses."""
    sizes: Sizes
    """What the network adds to an image."""
    layers: tuple[tuple[int, ...], ...] = ()
    """For each sample, the instructions of each traced layer; empty without trace."""


def run(
    target: Target,
    files: Mapping[str, str],
    interface: Interface,
    inputs: Sequence[Array],
    *,
    options: Options = Options(),
    layers: int = 0,
) -> Measurement:
    """Builds the generated `files` for `target` and runs them on every sample of `inputs`.

    `inputs` holds one array for each of the network's inputs, (samples,
    *shape).  With `layers` greater than 0 the files are a traced build, which
    calls `MNC_TRACE(i)` after layer i.  Each sample starts from a fresh
    `<name>_init`.  `CompileError` where a tool is missing, the code does not
    build or the program does not finish properly.
    """
    board = target.board
    assert board is not None, "the host is measured by host.py"
    packed = pack(interface.inputs, tuple(inputs), f"target {target.name}")
    with tempfile.TemporaryDirectory(prefix="mnc-") as temporary:
        folder = Path(temporary)
        write(folder, files)
        write(folder, support_files(board))
        write(folder, {"network.c": adapter(interface, layers)})
        (folder / "inputs.bin").write_bytes(packed)
        sizes = _build(target, [name for name in files if name.endswith(".c")], folder, options, layers > 0)
        written = _emulate(target, board, folder)
    return _read(written, interface, board.clock, sizes, layers)


def _build(target: Target, sources: Sequence[str], folder: Path, options: Options, traced: bool) -> Sizes:
    """Links `image.elf` in `folder` and gives what the network adds to it."""
    trace = ("-include", "trace.h") if traced else ()
    network = compile_files(target, sources, folder, options, *options.flags, *trace)
    rest = compile_files(target, ["driver.c", "board.c"], folder, Options())
    full = compile_files(target, ["network.c"], folder, options)
    empty = compile_files(target, ["network.c"], folder, options, "-DMNC_EMPTY")
    link(target, [*rest, *full, *network], "image.elf", folder, options)
    link(target, [*rest, *empty, *network], "empty.elf", folder, options)
    return section_sizes(target, "image.elf", folder) - section_sizes(target, "empty.elf", folder)


def _emulate(target: Target, board: Board, folder: Path) -> bytes:
    process.run(
        board.emulator,
        [*board.arguments, "image.elf"],
        folder,
        where=f"target {target.name} on {board.name}",
        seconds=RUN_SECONDS,
    )
    return (folder / "outputs.bin").read_bytes()


def _read(written: bytes, interface: Interface, clock: Clock, sizes: Sizes, layers: int) -> Measurement:
    """The driver's output file; driver.c says what it holds."""
    sample = np.dtype([("stamps", STAMP, (2,)), ("layers", STAMP, (layers,)), ("outputs", records(interface.outputs))])
    head = np.dtype([("stack", "<u4"), ("stamps", STAMP, (4,))])
    if len(written) < head.itemsize or (len(written) - head.itemsize) % sample.itemsize:
        raise refuse("", "the program stopped before it had written its results")
    first = np.frombuffer(written, head, count=1)[0]
    body = np.frombuffer(written, sample, offset=head.itemsize)

    def moment(stamp: np.void) -> Fraction:
        return clock.moment(int(stamp["high"]), int(stamp["low"]), int(stamp["fine"]))

    calibration = [moment(stamp) for stamp in first["stamps"]]
    call = calibration[1] - calibration[0]
    mark = calibration[3] - calibration[2]
    totals = tuple(round(moment(row["stamps"][1]) - moment(row["stamps"][0]) - call) for row in body)
    each = []
    for row in body if layers else ():
        moments = [moment(row["stamps"][0]), *(moment(stamp) for stamp in row["layers"])]
        each.append(tuple(round(b - a - mark) for a, b in zip(moments, moments[1:], strict=False)))
    outputs = tuple(np.array(body["outputs"][name]) for name in body["outputs"].dtype.names or ())
    return Measurement(outputs, totals, int(first["stack"]), sizes, tuple(each))
