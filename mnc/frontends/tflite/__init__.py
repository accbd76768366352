"""TensorFlow Lite models: `.tflite` files in float32, in int8, or in int16 with int8 weights.

The way through:

    file        flatbuffer -> tensors and operators as plain values
    tensors     what a tensor is in the IR: shape without batch, element type, scale
    folding     operators on constants, above all on shapes, computed at once
    network     operators in their order -> a Graph, or all that is refused
    loops/      loops of recurrent layers -> those layers
    operators/  one small function for each operator -> IR layers
    assembly    the view of an operator that its function has

The readers are loaded only when there is a file to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnc.frontends.frontend import NOTHING, Besides, Reading

IDENTIFIER = b"TFL3"
"""TFLite files carry it behind the offset of their root."""


@dataclass(frozen=True)
class TFLite:
    """Files of the TFLite converter."""

    name: str = "TensorFlow Lite .tflite"

    def recognises(self, head: bytes) -> bool:
        return head[4:8] == IDENTIFIER

    def read(self, path: Path, besides: Besides = NOTHING) -> Reading:
        from mnc.frontends.tflite.file import read_file
        from mnc.frontends.tflite.network import read_network

        return read_network(read_file(path), path.stem, besides.input_shapes)


TFLITE = TFLite()
