"""The few lines that put one network behind the driver's fixed interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnc.errors import refuse
from mnc.ir.types import TensorType
from mnc.targets.image import GENERATED
from mnc.targets.interface import Interface, array_header


def adapter(
    interface: Interface, files: Mapping[str, str], sizes: Sequence[int] = (), events: int = 0
) -> Mapping[str, str]:
    """`network.c` or `network.cpp`, which the driver calls, and `empty.c`, the same without the network.

    `files` are the generated ones: without a `<name>.c`, it is the C++ class in
    `<name>.h` that is called.  `sizes` has one entry for each layer of a traced
    build: the bytes of its output, or of a row of it where it goes row by row; `events` is the number of
    times that a run tells of a layer or a row.  `CompileError` where there is neither.
    """
    if not {f"{interface.name}.c", f"{interface.name}.h"} & files.keys():
        raise refuse(
            f"network {interface.name!r}",
            f"is not C or C++, so no target can run it: {', '.join(files)}",
            "use a backend that generates C or C++",
        )
    inputs, outputs = _names("input", interface.inputs), _names("output", interface.outputs)
    head = [
        '#include "driver.h"',
        *_arrays(inputs, interface.inputs),
        _table("input", inputs),
        f"const uint16_t mnc_layer_count = {events};",
        f"mnc_stamp mnc_layers[{max(events, 1)}];",
        f"const uint32_t mnc_layer_sizes[] = {{{', '.join(map(str, sizes or [0]))}}};",
        "void mnc_nothing(void) {}",
    ]
    memory = [*_arrays(outputs, interface.outputs), _table("output", outputs)]
    empty = ["void mnc_set_up(void) {}", "void mnc_inference(void) {}"]
    blob = array_header(interface.name) in files
    if f"{interface.name}.c" in files:
        network = {"network.c": _lines(*head, *memory, *_functions(interface, [*inputs, *outputs], blob))}
    else:
        network = {"network.cpp": _lines(*head, *_object(interface, inputs, len(outputs), blob))}
    return {**network, "empty.c": _lines(*head, *memory, *empty)}


def _lines(*lines: str) -> str:
    return "\n".join([*lines, ""])


def _functions(interface: Interface, arguments: Sequence[str], blob: bool) -> list[str]:
    """How backend `c` is called; `blob`: its constants are an array that it is handed."""
    name = interface.name
    parts = [f"&mnc_{region}" for region in interface.regions]
    return [
        f'#include "{GENERATED}/{name}.h"',
        *_blob_header(name, blob),
        f"static {name}_t mnc_network;",
        *(f"static {name}_{region}_t mnc_{region};" for region in interface.regions),
        f"void mnc_set_up(void) {{ {name}_init({', '.join(('&mnc_network', *parts, *_blob(name, blob)))}); }}",
        f"void mnc_inference(void) {{ {name}_run({', '.join(('&mnc_network', *arguments))}); }}",
    ]


def _object(interface: Interface, arguments: Sequence[str], outputs: int, blob: bool) -> list[str]:
    """How backend `cpp` is called; the object, which may be larger than the stack, is made anew where it lies."""
    name, regions = interface.name, interface.regions
    parts = [*(f"mnc_{region}" for region in regions), *_blob(name, blob)]
    begin = f" mnc_network.begin({', '.join(parts)});" if parts else ""
    members = ["mnc_network.outputs", *(f"mnc_network.outputs{i}" for i in range(1, outputs))]
    return [
        f'#include "{GENERATED}/{name}.h"',
        *_blob_header(name, blob),
        f"static {name} mnc_network;",
        *(f"static {name}::{region}_region mnc_{region};" for region in regions),
        _table("output", members),
        "inline void *operator new(decltype(sizeof 0), void *place) noexcept { return place; }",
        f"void mnc_set_up(void) {{ new (&mnc_network) {name}();{begin} }}",
        f"void mnc_inference(void) {{ mnc_network.predict({', '.join(arguments)}); }}",
    ]


def _blob_header(name: str, blob: bool) -> list[str]:
    return [f'#include "{GENERATED}/{array_header(name)}"'] * blob


def _blob(name: str, blob: bool) -> list[str]:
    """The arguments by which a network is handed its constants."""
    return [f"{name}_blob", f"sizeof {name}_blob"] * blob


def _names(role: str, types: Sequence[TensorType]) -> list[str]:
    return [f"mnc_{role}{i}" for i in range(len(types))]


def _arrays(names: Sequence[str], types: Sequence[TensorType]) -> list[str]:
    return [f"static {t.dtype.c} {name}[{t.elements}];" for name, t in zip(names, types, strict=True)]


def _table(role: str, places: Sequence[str]) -> str:
    """The table by which the driver finds every input or every output."""
    blocks = ", ".join(f"{{{place}, sizeof {place}}}" for place in places)
    return f"const mnc_block mnc_{role}s[] = {{{blocks}}};\nconst uint16_t mnc_{role}_count = {len(places)};"
