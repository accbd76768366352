"""The few lines that put one network behind the driver's fixed interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnc.ir.types import TensorType
from mnc.targets.interface import C_TYPES, Interface


def adapter(interface: Interface, sizes: Sequence[int] = ()) -> Mapping[str, str]:
    """`network.c`, which the driver calls, and `empty.c`, the same without the network.

    `sizes` has one entry for each layer of a traced build: the bytes of its output.
    """
    name = interface.name
    inputs, outputs = _names("input", interface.inputs), _names("output", interface.outputs)
    shared = [
        '#include "driver.h"',
        *_values("input", interface.inputs),
        *_values("output", interface.outputs),
        f"const uint16_t mnc_layer_count = {len(sizes)};",
        f"mnc_stamp mnc_layers[{max(len(sizes), 1)}];",
        f"const uint32_t mnc_layer_sizes[] = {{{', '.join(map(str, sizes or [0]))}}};",
        "void mnc_nothing(void) {}",
    ]
    network = [
        f'#include "{name}.h"',
        f"static {name}_t net;",
        f"void mnc_net_init(void) {{ {name}_init(&net); }}",
        f"void mnc_net_run(void) {{ {name}_run({', '.join(('&net', *inputs, *outputs))}); }}",
    ]
    empty = ["void mnc_net_init(void) {}", "void mnc_net_run(void) {}"]
    return {"network.c": "\n".join([*shared, *network, ""]), "empty.c": "\n".join([*shared, *empty, ""])}


def _names(role: str, types: Sequence[TensorType]) -> list[str]:
    return [f"{role}{i}" for i in range(len(types))]


def _values(role: str, types: Sequence[TensorType]) -> list[str]:
    """The memory of all inputs or all outputs, and the table of it that the driver reads."""
    names = _names(role, types)
    blocks = ", ".join(f"{{{name}, sizeof {name}}}" for name in names)
    return [
        *(f"static {C_TYPES[t.dtype]} {name}[{t.elements}];" for name, t in zip(names, types, strict=True)),
        f"const mnc_block mnc_{role}s[] = {{{blocks}}};",
        f"const uint16_t mnc_{role}_count = {len(types)};",
    ]
