"""Reports as tables of text, for a terminal of any width and for none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnc.ir.types import show
from mnc.names import printable
from mnc.pictures.words import bytes_
from mnc.report import FramesReport, LayerReport, Report, SlicesReport, Verification
from mnc.targets import cmsis_nn
from mnc.terminal.columns import SIGNS, Bar, Cell, folded

CMSIS_NN = "arm_"
"""How the names of Arm's kernels begin."""
WINOGRAD = "mnc_conv2d_winograd_f32"
"""The kernel that is asked for, and rounds otherwise than the layer's definition."""
WORST = 3
"""Largest number of layers that are named for their loss by quantisation."""
PLAIN_WIDTH = 160
"""The width for a file or a pipe: wide enough that no figure is cut."""


@dataclass(frozen=True)
class Paper:
    """The medium of a drawing: its width, and whether it shows colours and block characters."""

    width: int
    colour: bool
    blocks: bool

    @classmethod
    def of(cls, stream: TextIO) -> Paper:
        """The paper that a stream is."""
        if not stream.isatty():
            return cls(PLAIN_WIDTH, False, _encodes(stream, "\u2588\u00b7"))
        console = Console(file=stream)
        return cls(console.width, console.color_system is not None, _encodes(stream, "\u2588\u00b7"))

    def render(self, *parts: Table | Text) -> str:
        """The parts as lines of text, without trailing blanks."""
        console = Console(
            width=self.width, force_terminal=self.colour, color_system="standard" if self.colour else None
        )
        with console.capture() as capture:
            for part in parts:
                console.print(part, crop=False)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())


def compiled(report: Report, paper: Paper) -> str:
    """The layers of a compiled network with their cost and place in time, and the sums.

    Of a network that was quantised, what is left of each layer's signal too.
    """
    steps = 1 + max((layer.last for layer in report.layers if layer.last is not None), default=0)
    steps = max(steps, len(report.layers))
    judged = any(layer.sqnr is not None for layer in report.layers)
    heads = ["<layer", "op", "output", "type", ">MACs", ">weights", *([">SQNR"] if judged else []), "|arena lifetime"]
    rows: list[tuple[Cell, ...]] = [
        (*_figures(layer), *([_decibels(layer.sqnr)] if judged else []), _bar(layer, steps, paper))
        for layer in report.layers
    ]
    notes: list[Table | Text] = [
        _sums(report),
        *_wide(report),
        *_foreign(report),
        *_rounded(report),
        *([_worst(report)] if judged else []),
    ]
    return paper.render(*folded(heads, rows, paper.width), Text(), *notes)


def _bar(layer: LayerReport, steps: int, paper: Paper) -> Bar:
    return lambda room: lifetime(layer, steps, min(room, steps), paper.blocks)


def lifetime(layer: LayerReport, steps: int, width: int, blocks: bool = True) -> str:
    """A bar over the steps of a run, full where the layer's output is in the arena."""
    full, empty = ("\u2588", "\u00b7") if blocks else ("#", ".")
    if layer.first is None or layer.last is None:
        return empty * width
    first, last = layer.first, layer.last
    spans = (
        (column * steps // width, max((column + 1) * steps // width - 1, column * steps // width))
        for column in range(width)
    )
    return "".join(full if begin <= last and end >= first else empty for begin, end in spans)


def verified(verification: Verification, paper: Paper) -> str:
    """Every layer's distance from the reference, in units in the last place too where a layer is of float32."""
    real = any(layer.ulp_at_worst is not None for layer in verification.layers)
    timed = any(layer.microseconds is not None for layer in verification.layers)
    rows: list[tuple[Cell, ...]] = []
    for layer in verification.layers:
        mark = Text("ok", style="green") if layer.passed else Text("differs", style="red")
        ulp = "" if layer.ulp_at_worst is None else f"{layer.ulp_at_worst:.3g}"
        error, worst = f"{layer.max_abs_error:.3g}", show_place(layer.worst)
        figures = (printable(layer.name), layer.op, layer.dtype, error, *([ulp] if real else []))
        took = [] if not timed else [f"{layer.microseconds or 0.0:,.0f}"]
        rows.append((*figures, worst if layer.max_abs_error else "", *took, mark))
    heads = (
        "<layer",
        "op",
        "type",
        ">max abs error",
        *([">ULP"] if real else []),
        "worst at",
        *([">us"] if timed else []),
        "",
    )
    return paper.render(*folded(heads, rows, paper.width))


def show_place(index: Sequence[int]) -> str:
    """An element's index: `[0, 3]`."""
    return f"[{', '.join(map(str, index))}]"


def listing(columns: Sequence[str], rows: Iterable[Sequence[str]], paper: Paper) -> str:
    """Plain columns under headings, as `folded` has them; the last one's words wrap."""
    last = columns[-1] if columns[-1].startswith(tuple(SIGNS)) else f"~{columns[-1]}"
    cells = [tuple(map(printable, row)) for row in rows]
    return paper.render(*folded((*columns[:-1], last), cells, paper.width))


def _figures(layer: LayerReport) -> tuple[str, ...]:
    macs = f"{layer.macs:,}" if layer.macs else ""
    weights = bytes_(layer.weights_bytes) if layer.weights_bytes else ""
    return printable(layer.name), layer.op, show(layer.output_shape), layer.dtype, macs, weights


def _decibels(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f} dB"


def _worst(report: Report) -> Text:
    """The layers that lose the most of their signal to quantisation, the worst first."""
    judged = sorted((layer.sqnr, layer.name) for layer in report.layers if layer.sqnr is not None)
    names = ", ".join(f"{printable(name)} {_decibels(ratio)}" for ratio, name in judged[:WORST])
    return Text(f"least signal left by quantisation (SQNR): {names}")


def _wide(report: Report) -> list[Text]:
    """The layers of int16, where others are not."""
    wide = [printable(layer.name) for layer in report.layers if layer.dtype == "int16"]
    if len(wide) in (0, len(report.layers)):
        return []
    return [Text(f"int16: {len(wide)} of {len(report.layers)} layers: {', '.join(wide)}")]


def _foreign(report: Report) -> list[Text]:
    """For backend `cmsis-nn`, which layers the library computes and which mnc's own kernels."""
    if report.backend != cmsis_nn.BACKEND:
        return []
    kernels = Counter(layer.kernel for layer in report.layers if layer.kernel.startswith(CMSIS_NN))
    own = [layer for layer in report.layers if not layer.kernel.startswith(CMSIS_NN)]
    names = ", ".join(f"{printable(layer.name)} ({_because(layer)})" for layer in own)
    if not kernels:
        nothing = f"CMSIS-NN: computes no layer of this {report.dtype} network; all kernels are mnc's own"
        return [Text(nothing), *([Text(f"mnc's own: {names}")] if any(layer.reason for layer in own) else [])]
    counts = ", ".join(f"{count} {kernel}" for kernel, count in kernels.most_common())
    return [Text(f"CMSIS-NN: {counts}"), Text(f"mnc's own: {names or 'none'}")]


def _rounded(report: Report) -> list[Text]:
    """The layers whose results differ by rounding from their definition's, as the user has asked."""
    names = [f"{printable(layer.name)} ({layer.reason})" for layer in report.layers if layer.kernel == WINOGRAD]
    return [Text(f"by Winograd: {', '.join(names)}")] if names else []


def _because(layer: LayerReport) -> str:
    return f"{layer.kernel}, because {layer.reason}" if layer.reason else layer.kernel


def _frames(frames: FramesReport) -> str:
    """When outputs come."""
    late = f"; outputs lag behind the newest by {frames.delay:,}" if frames.delay else ""
    return f"from one output to the next, {frames.first_output:,} until the first{late}"


def _slices(slices: SlicesReport) -> str:
    """How large they are."""
    kind = "layers, or rows of such as take turns" if slices.limit == 1 else f"of at most {slices.limit:,} operations"
    return f"of a run, {kind}; the largest takes {slices.largest:,}"


def _sums(report: Report) -> Table:
    ram = report.ram
    bound = "the least that this order of layers allows" if ram.optimal else f"at least {bytes_(ram.lower_bound)}"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    copied = f"; constants that are copied there {bytes_(ram.constants)}" if ram.constants else ""
    parts = f"arena {bytes_(ram.arena)}, {bound}; state {bytes_(ram.state)}{copied}"
    table.add_row("RAM", bytes_(ram.total), Text(parts))
    if ram.stages:
        layers = ", ".join(f"{printable(s.layers[0])} to {printable(s.layers[-1])}" for s in ram.stages)
        cost = f"about {ram.cost:.1%} more instructions" if ram.saved else "as the input is handed in so"
        table.add_row("", "", Text(f"rows in turns save {bytes_(ram.saved)}, {cost}: {layers}"))
    slower = [printable(layer.name) for layer in report.layers if layer.reason and layer.kernel != WINOGRAD]
    if slower and report.backend != cmsis_nn.BACKEND:  # which has a line on every kernel
        table.add_row("", "", Text(f"faster kernels would enlarge the arena: {', '.join(slower)}"))
    if ram.regions:
        regions = (f"{printable(each.name)} {each.size:,} of {bytes_(each.limit)}" for each in ram.regions)
        table.add_row("", "", Text(f"in {', '.join(regions)}"))
    table.add_row("flash", bytes_(report.flash.needed), Text(_flash(report)))
    if report.stack is not None:
        counted = "" if report.instructions is None else f", which takes {report.instructions:,} instructions"
        table.add_row("stack", bytes_(report.stack), Text(f"of a run on {report.target}{counted}"))
    elif report.on_stack:
        largest = max(report.on_stack, key=lambda each: each.bytes)
        others = f", and of {len(report.on_stack) - 1} more" if len(report.on_stack) > 1 else ""
        why = report.unmeasured or "no target is named"
        said = f"at least, for the local array of {printable(largest.layer)}{others}; not measured: {why}"
        table.add_row("stack", bytes_(largest.bytes), Text(said))
    elif report.flash.code is not None and report.unmeasured:
        table.add_row("stack", "", Text(f"not measured: {report.unmeasured}"))
    if report.frames is not None:
        table.add_row("frames", f"{report.frames.hop:,}", Text(_frames(report.frames)))
    if report.slices is not None:
        table.add_row("slices", f"{report.slices.count:,}", Text(_slices(report.slices)))
    if report.classes:
        table.add_row("classes", f"{len(report.classes):,}", Text(_few(report.classes)))
    table.add_row(
        "MACs", f"{report.macs:,}", Text(f"{report.dtype}, backend {report.backend}, target {report.target or 'any'}")
    )
    return table


def _few(names: Sequence[str]) -> str:
    """The first names of a list, as many as fit a line."""
    shown, left = "", list(names)
    while left and len(shown) + len(left[0]) < FEW_CHARACTERS:
        shown += (", " if shown else "") + printable(left.pop(0))
    return shown + (", ..." if left and shown else "")


FEW_CHARACTERS = 70


def _flash(report: Report) -> str:
    """The shares of the flash, and how they are known."""
    flash, parameters = report.flash, f"{report.params:,} parameters"
    if flash.apart is not None:
        parameters += f", in {report.name}.bin {bytes_(flash.apart)}"
    if flash.code is None:
        why = f": {report.unmeasured}" if report.unmeasured else ""
        return f"constants only, {parameters}; code is not counted{why}"
    constants = bytes_(flash.needed - flash.code)
    return f"code {bytes_(flash.code)}, constants {constants}, {parameters}; linked by {report.compiler}"


def _encodes(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
