"""Keras models, as `.h5` and as `.keras` files, of Keras 1, 2 and 3.

Only h5py, json and zipfile read them: no framework is imported, nothing is
unpickled or evaluated, nothing is written to disk.  The way through:

    container   file -> configuration (JSON) and weights; hdf5, chunks and heap read HDF5 with care
    models      configuration -> models, nested ones too, parsed whole; topology has their wiring
    spelling    each layer's configuration as Keras 2 and 3 spell it
    config      reading one configuration, every key of it accounted for
    registry    which class is read by which of the layers_*, one small function each
    operations  which operation is read by which of the operations_*, likewise
    weights     a layer's weights; legacy_weights and object_weights know where each format has them
    network     models -> nodes, call by call; assembly is the Graph under construction
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnc.frontends.frontend import Reading
from mnc.frontends.keras import (
    layers_activation,
    layers_attention,
    layers_conv,
    layers_merge,
    layers_noop,
    layers_norm,
    layers_pool,
    layers_recurrent,
    layers_shape,
    layers_wrapped,
    operations_arithmetic,
    operations_keras2,
    operations_reduce,
    operations_shape,
)
from mnc.frontends.keras.container import is_hdf5, open_h5, open_zip
from mnc.frontends.keras.network import read_model
from mnc.frontends.keras.registry import CLASSES

__all__ = [
    "CLASSES",
    "KERAS_H5",
    "KERAS_ZIP",
    "layers_activation",
    "layers_attention",
    "layers_conv",
    "layers_merge",
    "layers_noop",
    "layers_norm",
    "layers_pool",
    "layers_recurrent",
    "layers_shape",
    "layers_wrapped",
    "operations_arithmetic",
    "operations_keras2",
    "operations_reduce",
    "operations_shape",
]


@dataclass(frozen=True)
class KerasH5:
    """HDF5 files that `model.save("model.h5")` writes."""

    name: str = "Keras .h5"

    def recognises(self, head: bytes) -> bool:
        return is_hdf5(head)

    def read(self, path: Path) -> Reading:
        with open_h5(path) as saved:
            return read_model(saved)


@dataclass(frozen=True)
class KerasZip:
    """Archives that `model.save("model.keras")` writes."""

    name: str = "Keras .keras"

    def recognises(self, head: bytes) -> bool:
        return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))

    def read(self, path: Path) -> Reading:
        with open_zip(path) as saved:
            return read_model(saved)


KERAS_H5 = KerasH5()
KERAS_ZIP = KerasZip()
