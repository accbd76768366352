"""The part that all C-like backends share: kernels, constants, one function a layer, the calls of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnc.backends.library import Library, headers
from mnc.backends.names import comment, snake
from mnc.backends.program import Argument, Call, Const, In, Name, Out, Program, Rows, Scratch, State, Step, Window
from mnc.backends.writer import Writer, array, joined, literal
from mnc.ir.types import show
from mnc.plan.liveness import Plan


@dataclass(frozen=True)
class Unit:
    """C text in pieces, for a backend to wrap."""

    headers: tuple[str, ...]
    kernels: str
    layers: str
    """Constants and functions of the layers, in order."""
    calls: tuple[str, ...]
    """One statement a layer; they name `arena`, and the inputs and outputs by `pointers`."""
    constant_bytes: Mapping[str, int]
    """Bytes of constants of each step, by the name of its node."""
    outputs: tuple[str, ...]
    """For each step, where its first output lies, for a traced build."""


def unit(program: Program, plan: Plan, prefix: str, library: Library) -> Unit:
    """Print a program as it is planned."""
    pointers = {name: _pointer(program, name, plan.arena.offsets) for name in program.buffers}
    w = Writer()
    calls = []
    for i, step in enumerate(program.steps):
        function = f"{prefix}_{i:02d}_{snake(type(step.node.layer).__name__)}"
        _layer(w, program, step, function, library, descending=i in plan.descending)
        buffers = [value.buffer for value in (*step.reads, *step.writes)]
        buffers += [step.scratch_buffer] * (step.scratch > 0) + [step.state_buffer] * (step.state > 0)
        operands = [pointers[buffer] for buffer in buffers]
        calls.append(f"{function}({', '.join(operands)});")
    layers = w.text()
    kernels = "\n\n".join(item.text for item in library.closure(library.mentioned(layers)))
    return Unit(
        headers(kernels + layers),
        kernels,
        layers,
        tuple(calls),
        {step.node.name: sum(c.bytes for c in step.constants.values()) for step in program.steps},
        tuple(pointers[step.writes[0].buffer] for step in program.steps),
    )


def parameter_names(kind: str, count: int) -> tuple[str, ...]:
    """What the inputs (or outputs) of a run are called."""
    return (kind,) if count == 1 else tuple(f"{kind}{i}" for i in range(count))


def _pointer(program: Program, name: str, offsets: Mapping[str, int]) -> str:
    buffer = program.buffers[name]
    if buffer.kind == "arena":
        at = offsets[name] // 4
        return f"arena + {at}" if at else "arena"
    if buffer.kind == "state":
        return f"net->state + {buffer.index // 4}" if buffer.index else "net->state"
    count = len(program.graph.inputs if buffer.kind == "input" else program.graph.outputs)
    return parameter_names(buffer.kind, count)[buffer.index]


def _layer(w: Writer, program: Program, step: Step, function: str, library: Library, *, descending: bool) -> None:
    x, y = step.reads[0], step.writes[0]
    macs = program.graph.macs(step.node)
    shapes = f"{', '.join(show(v.type.shape) for v in step.reads)} -> {show(y.type.shape)}"
    w(f"/* {comment(step.node.name)}: {shapes}{f', {macs:,} MACs' if macs else ''} */")
    for name, constant in step.constants.items():
        for line in array(f"{function}_{name}", constant.array):
            w(line)
        w()
    ins = parameter_names("in", len(step.reads))
    outs = parameter_names("out", len(step.writes))
    parameters = [f"const float *{name}" for name in ins] + [f"float *{name}" for name in outs]
    parameters += ["float *scratch"] * (step.scratch > 0) + ["float *state"] * (step.state > 0)
    w(f"MNC_LAYER void {function}({', '.join(parameters)})")
    by_rows = step.rows > 1
    with w.block():
        for k, value in enumerate(step.reads):
            if _needs_rows(step):
                w(f"const float *{_rows_name(step, k)}[{step.windows[k].size}];")
            assert value.type.dtype == x.type.dtype
        if by_rows:
            w("int y;")
        if by_rows or _needs_rows(step):
            w()
        _calls(w, step, step.before, function, library)
        if by_rows:
            down, up = f"for (y = {step.rows - 1}; y >= 0; --y)", f"for (y = 0; y < {step.rows}; ++y)"
            with w.block(down if descending else up):
                _gather(w, step)
                _calls(w, step, step.calls, function, library, by_rows=True)
        else:
            _gather(w, step)
            _calls(w, step, step.calls, function, library)
        _calls(w, step, step.after, function, library)
    w()


def _calls(
    w: Writer, step: Step, calls: Sequence[Call], function: str, library: Library, *, by_rows: bool = False
) -> None:
    ins, outs = parameter_names("in", len(step.reads)), parameter_names("out", len(step.writes))

    def pointer(name: str, stride: int, offset: int) -> str:
        moves = f" {'-' if stride < 0 else '+'} y * {abs(stride)}" if by_rows and stride else ""
        return name + (f" + {offset}" if offset else "") + moves

    def render(argument: Argument) -> str:
        match argument:
            case Rows(read):
                return _rows_name(step, read)
            case In(read, offset, stride):
                moved = step.windows[read].stride * step.reads[read].layout.row if step.windows else 0
                return pointer(ins[read], moved if stride is None else stride, offset)
            case Out(offset, write, stride):
                moved = step.writes[write].layout.row if step.windows else 0
                return pointer(outs[write], moved if stride is None else stride, offset)
            case Scratch(offset):
                return pointer("scratch", 0, offset)
            case State(offset):
                return pointer("state", 0, offset)
            case Const(name, offset):
                return f"{function}_{name}" + (f" + {offset}" if offset else "")
            case Name(text):
                return text
            case _:
                return literal(argument)

    for call in calls:
        parameters = library.parameters(call.kernel)
        assert {p.name for p in parameters} == set(call.arguments), call.kernel
        texts = []
        for p in parameters:
            text = render(call.arguments[p.name])
            texts.append(text if "*" in p.type or text.startswith("MNC_") else f"{text} /* {p.name} */")
        w.wrapped(f"{call.kernel}({', '.join(texts)});")


def _gather(w: Writer, step: Step) -> None:
    ins = parameter_names("in", len(step.reads))
    for k, value in enumerate(step.reads if _needs_rows(step) else ()):
        window = step.windows[k]
        first = _first_row(window) if step.rows > 1 else str(-window.padding)
        sizes = joined((window.dilation, window.size, value.image[0], value.layout.row))
        w(f"mnc_rows_f32({_rows_name(step, k)}, {ins[k]}, {first}, {sizes});")


def _first_row(window: Window) -> str:
    row = "y" if window.stride == 1 else f"y * {window.stride}"
    return f"{row} - {window.padding}" if window.padding else row


def _needs_rows(step: Step) -> bool:
    return any(isinstance(a, Rows) for call in step.calls for a in call.arguments.values())


def _rows_name(step: Step, read: int) -> str:
    return "rows" if len(step.reads) == 1 else f"rows{read}"
