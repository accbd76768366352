"""The part that all C-like backends share: kernels, constants, one function a layer, the calls of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mnc.backends.library import Library, headers
from mnc.backends.names import comment, snake
from mnc.backends.program import Argument, Const, In, Name, Out, Program, Rows, Step, Value, Window
from mnc.backends.writer import Writer, array, literal
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


def unit(program: Program, plan: Plan, prefix: str, library: Library) -> Unit:
    """Print a program as it is planned."""
    pointers = {name: _pointer(program, name, plan.arena.offsets) for name in program.buffers}
    w = Writer()
    calls = []
    for i, step in enumerate(program.steps):
        function = f"{prefix}_{i:02d}_{snake(type(step.node.layer).__name__)}"
        _layer(w, program, step, function, library, descending=i in plan.descending)
        operands = [pointers[value.buffer] for value in (*step.reads, *step.writes)]
        calls.append(f"{function}({', '.join(operands)});")
    layers = w.text()
    kernels = "\n\n".join(item.text for item in library.closure(library.mentioned(layers)))
    return Unit(
        headers(kernels + layers),
        kernels,
        layers,
        tuple(calls),
        {step.node.name: sum(c.bytes for c in step.constants.values()) for step in program.steps},
    )


def parameter_names(kind: str, count: int) -> tuple[str, ...]:
    """What the inputs (or outputs) of a run are called."""
    return (kind,) if count == 1 else tuple(f"{kind}{i}" for i in range(count))


def _pointer(program: Program, name: str, offsets: Mapping[str, int]) -> str:
    buffer = program.buffers[name]
    if buffer.kind == "arena":
        at = offsets[name] // 4
        return f"arena + {at}" if at else "arena"
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
        if by_rows:
            down, up = f"for (y = {step.rows - 1}; y >= 0; --y)", f"for (y = 0; y < {step.rows}; ++y)"
            with w.block(down if descending else up):
                _calls(w, step, function, library, ins, outs)
        else:
            _calls(w, step, function, library, ins, outs)
    w()


def _calls(w: Writer, step: Step, function: str, library: Library, ins: tuple[str, ...], outs: tuple[str, ...]) -> None:
    by_rows = step.rows > 1

    def pointer(name: str, value: Value, stride: int, offset: int) -> str:
        terms = [name] + ([f"y * {value.layout.row * stride}"] if by_rows and stride else [])
        return " + ".join([*terms, str(offset)] if offset else terms)

    def render(argument: Argument) -> str:
        match argument:
            case Rows(read):
                return _rows_name(step, read)
            case In(read, offset):
                stride = step.windows[read].stride if step.windows else 0
                return pointer(ins[read], step.reads[read], stride, offset)
            case Out(offset, write):
                return pointer(outs[write], step.writes[write], 1, offset)
            case Const(name, offset):
                return f"{function}_{name}" + (f" + {offset}" if offset else "")
            case Name(text):
                return text
            case _:
                return literal(argument)

    if _needs_rows(step):
        for k, value in enumerate(step.reads):
            window = step.windows[k]
            first = _first_row(window) if by_rows else str(-window.padding)
            w(
                f"mnc_rows_f32({_rows_name(step, k)}, {ins[k]}, {first}, {window.dilation}, "
                f"{window.size}, {value.image[0]}, {value.layout.row});"
            )
    for call in step.calls:
        parameters = library.parameters(call.kernel)
        assert {p.name for p in parameters} == set(call.arguments), call.kernel
        texts = []
        for p in parameters:
            text = render(call.arguments[p.name])
            texts.append(text if "*" in p.type or text.startswith("MNC_") else f"{text} /* {p.name} */")
        w.wrapped(f"{call.kernel}({', '.join(texts)});")


def _first_row(window: Window) -> str:
    row = "y" if window.stride == 1 else f"y * {window.stride}"
    return f"{row} - {window.padding}" if window.padding else row


def _needs_rows(step: Step) -> bool:
    return any(isinstance(a, Rows) for call in step.calls for a in call.arguments.values())


def _rows_name(step: Step, read: int) -> str:
    return "rows" if len(step.reads) == 1 else f"rows{read}"
