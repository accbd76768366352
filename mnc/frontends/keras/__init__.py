"""Keras models, as `.h5` and as `.keras` files, of Keras 1, 2 and 3.

Only h5py, json and zipfile read them: no framework is imported, nothing is
unpickled or evaluated, nothing is written to disk.  The way through:

    container   file -> configuration (JSON) and weights; hdf5, chunks and heap read HDF5 with care
    models      configuration -> models, nested ones too, parsed whole; topology has their wiring
    spelling    each layer's configuration as Keras 2 and 3 spell it
    inputs      a model's inputs; open axes
    config      reading one configuration, every key of it accounted for
    registry    which class is read by which of the layers_*, one small function each
    operations  which operation is read by which of the operations_*, likewise
    weights     a layer's weights; legacy_weights and object_weights know where each format has them
    network     models -> nodes, call by call; assembly is the view that a layer's function has
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mnc.errors import refuse
from mnc.frontends.frontend import NOTHING, Besides, Reading
from mnc.frontends.keras import (
    layers_activation,
    layers_adaptive,
    layers_attention,
    layers_attention_grouped,
    layers_contrast,
    layers_conv,
    layers_conv_lstm,
    layers_einsum,
    layers_encoding,
    layers_local,
    layers_merge,
    layers_noop,
    layers_norm,
    layers_pool,
    layers_recurrent,
    layers_resize,
    layers_shape,
    layers_volume,
    layers_volume_transposed,
    layers_wrapped,
    operations_arithmetic,
    operations_colours,
    operations_compare,
    operations_derived,
    operations_fourier,
    operations_images,
    operations_keras2,
    operations_norm,
    operations_order,
    operations_parts,
    operations_patches,
    operations_products,
    operations_reduce,
    operations_shape,
    operations_sorted,
    operations_windows,
)
from mnc.frontends.keras.container import is_hdf5, open_h5, open_json, open_zip
from mnc.frontends.keras.network import read_model
from mnc.frontends.keras.registry import CLASSES

__all__ = [
    "CLASSES",
    "KERAS_H5",
    "KERAS_JSON",
    "KERAS_ZIP",
    "layers_activation",
    "layers_adaptive",
    "layers_attention",
    "layers_attention_grouped",
    "layers_contrast",
    "layers_conv",
    "layers_conv_lstm",
    "layers_einsum",
    "layers_encoding",
    "layers_local",
    "layers_merge",
    "layers_noop",
    "layers_norm",
    "layers_pool",
    "layers_recurrent",
    "layers_resize",
    "layers_shape",
    "layers_volume",
    "layers_volume_transposed",
    "layers_wrapped",
    "operations_arithmetic",
    "operations_colours",
    "operations_compare",
    "operations_derived",
    "operations_fourier",
    "operations_images",
    "operations_keras2",
    "operations_norm",
    "operations_order",
    "operations_parts",
    "operations_patches",
    "operations_products",
    "operations_reduce",
    "operations_shape",
    "operations_sorted",
    "operations_windows",
]

OBJECT = re.compile(rb'(\xef\xbb\xbf)?\s*(\{\s*"|"\s*\{\s*\\")')
"""The begin of a JSON object, or of one that stands in a string, as json.dump(model.to_json()) writes it."""

OF_TENSORFLOW_JS = (b'"modelTopology"', b'"weightsManifest"')
"""Keys of files that hold a configuration and more."""


@dataclass(frozen=True)
class KerasH5:
    """HDF5 files that `model.save("model.h5")` writes."""

    name: str = "Keras .h5"

    def recognises(self, head: bytes) -> bool:
        return is_hdf5(head)

    def read(self, path: Path, besides: Besides = NOTHING) -> Reading:
        with open_h5(path) as saved:
            return read_model(saved, besides.input_shapes)


@dataclass(frozen=True)
class KerasZip:
    """Archives that `model.save("model.keras")` writes."""

    name: str = "Keras .keras"

    def recognises(self, head: bytes) -> bool:
        return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))

    def read(self, path: Path, besides: Besides = NOTHING) -> Reading:
        with open_zip(path) as saved:
            return read_model(saved, besides.input_shapes)


@dataclass(frozen=True)
class KerasJson:
    """Texts that `model.to_json()` gives, and `config.json` of Keras 3; the weights are in a file beside them."""

    name: str = "Keras .json with --weights"

    def recognises(self, head: bytes) -> bool:
        begins = OBJECT.match(head) is not None and b"class_name" in head
        return begins and not any(key in head for key in OF_TENSORFLOW_JS)

    def read(self, path: Path, besides: Besides = NOTHING) -> Reading:
        if besides.weights is None:
            raise refuse(
                path.name,
                "it is a Keras model's configuration; its weights are in another file",
                f"name that file: mnc check {path.name} --weights model.weights.h5",
            )
        with open_json(path, besides.weights) as saved:
            return read_model(saved, besides.input_shapes)


KERAS_H5 = KerasH5()
KERAS_JSON = KerasJson()
KERAS_ZIP = KerasZip()
