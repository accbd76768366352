"""Constants by which backend `cpp`'s class tells of its network, and the types that fit."""

from __future__ import annotations

from dataclasses import dataclass

from mnc.backends.class_names import string
from mnc.backends.facts import API, model_hash
from mnc.backends.layer import parameter_names
from mnc.backends.profile import line_size
from mnc.backends.writer import joined, literal
from mnc.ir.types import TensorType
from mnc.plan.liveness import Plan
from mnc.program import Program, Slices


@dataclass(frozen=True)
class Fact:
    """A number, or a list of them, that the class tells."""

    name: str
    type: str
    value: str
    extent: str = ""
    remark: str = ""

    @property
    def gap(self) -> str:
        """Between the type and the name."""
        return "" if self.type.endswith("*") else " "


def known_facts(program: Program, plan: Plan) -> list[Fact]:
    """All that the class tells, in order."""
    graph = program.graph
    facts = []
    groups = (
        ("kInputShape", [given.type for given in graph.inputs]),
        ("kOutputShape", [graph.types[name] for name in graph.outputs]),
    )
    for (kind, values), count in zip(groups, ("numInputs", "numOutputs"), strict=True):
        elements = values[0].elements
        facts.append(Fact(count, unsigned(elements), str(elements)))
        for shape_name, type_ in zip(parameter_names(kind, len(values)), values, strict=True):
            shape = type_.shape or (1,)  # C++ has no empty arrays
            facts.append(Fact(shape_name, "int", f"{{{joined(shape)}}}", f"[{len(shape)}]"))
            if type_.quant is not None:
                real = " /* real = it * (stored - zero point) */"
                scale, zero = shape_name.replace("Shape", "Scale"), shape_name.replace("Shape", "ZeroPoint")
                if (features := type_.quant.features) is None:
                    facts.append(Fact(scale, "float", literal(type_.quant.scale[0]), remark=real))
                else:
                    real = f" /* by axis {features.axis}: real = offset + scale * (stored - zero point) */"
                    offsets = scale.replace("Scale", "Offsets")
                    for each, numbers in ((f"{scale}s", features.scale), (offsets, features.offset)):
                        listed, extent = f"{{{joined(list(map(literal, numbers)))}}}", f"[{len(numbers)}]"
                        facts.append(Fact(each, "float", listed, extent, real))
                facts.append(Fact(zero, "int", literal(type_.quant.zero_point)))
    if classes := graph.classes:
        listed = f"{{{joined(list(map(string, classes)))}}}"
        facts.append(Fact("kClasses", "const char *", listed, f"[{len(classes)}]", " /* names of outputs */"))
    if program.timed:
        facts.append(Fact("kLayers", "int", str(len(program.steps))))
        facts.append(Fact("kProfileLine", "int", str(line_size(program)), remark=" /* characters */"))
    if (frames := program.frames) is not None:
        size = graph.inputs[0].type.elements // frames.hop
        known = {"kFrameSize": size, "kHop": frames.hop, "kFirstOutput": frames.first, "kDelay": frames.delay}
        facts += [Fact(name, "int", str(value)) for name, value in known.items()]
    if program.sliced:
        sizes = list(Slices(program, plan.stages).sizes)
        facts.append(Fact("kSteps", "uint32_t", str(len(sizes)), remark=" /* slices of a run */"))
        remark = " /* operations of the largest: MACs, or elements where a layer has none */"
        facts.append(Fact("kStepMacs", "uint32_t", str(max(sizes)), remark=remark))
    return [
        *facts,
        Fact("kApi", "int", str(API), remark=" /* it grows where callers have to change */"),
        Fact("kArenaSize", "uint32_t", str(plan.arena.size), remark=" /* bytes */"),
        Fact("kMacs", "uint32_t", str(sum(graph.macs(node) for node in graph.nodes))),
        Fact("kModelHash", "uint32_t", f"0x{model_hash(graph):08X}"),
    ]


def real(type_: TensorType) -> str:
    """The largest output as a real number."""
    if type_.quant is None:
        return "outputs[output]"
    zero = type_.quant.zero_point
    stored = f"outputs[output] - {literal(zero)}" if not type_.dtype.is_symmetric else "outputs[output]"
    return f"{literal(type_.quant.scale[0])} * static_cast<float>({stored})"


def output_names(program: Program) -> tuple[str, ...]:
    """The members that hold the outputs."""
    return ("outputs", *(f"outputs{i}" for i in range(1, len(program.graph.outputs))))


def unsigned(largest: int) -> str:
    """The smallest type of C that has numbers up to this one."""
    return "uint16_t" if largest <= 0xFFFF else "uint32_t"
