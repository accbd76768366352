"""The family as classes that build, train and convert: micromobilenet's usage."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar

import h5py
import numpy as np
import numpy.typing as npt

from mnc.compiler import compile as compile_graph
from mnc.compiler import load
from mnc.errors import refuse
from mnc.frontends.keras.container import CLASSES
from mnc.ir.graph import Graph
from mnc.ir.types import Array, show
from mnc.output import MARK, write_files
from mnc.zoo import framework, networks
from mnc.zoo.model import keras_model

LONGEST_ATTRIBUTE = 60_000
"""Bytes; HDF5 takes 64 KiB with all that belongs to an attribute."""

Own = TypeVar("Own", bound="BaseMobileNet")


@dataclass
class Config:
    """How a network is trained.  The names and defaults are micromobilenet's."""

    learning_rate: float = 0.001
    """Adam's."""
    loss: Any = "sparse_categorical_crossentropy"
    """A name or a loss of Keras'; labels are numbers for the sparse one, else one-hot."""
    metrics: list[Any] = field(default_factory=lambda: ["sparse_categorical_accuracy"])
    """Names or metrics of Keras'; the first decides which weights are kept."""
    checkpoint_min_accuracy: float = 0.7
    """Weights that do worse on the validation images are not kept."""
    batch_size: int = 32
    verbosity: int = 1
    """Keras': 0 is silent, 1 a bar, 2 a line an epoch."""
    checkpoint_path: str = ""
    """Where the best weights are kept, without `.weights.h5`; empty: nowhere."""


class BaseMobileNet:
    """Base of the family: `architecture` names the text that a class builds."""

    architecture: ClassVar[str]

    def __init__(
        self,
        num_classes: int,
        input_shape: Sequence[int] = (96, 96, 1),
        alpha: float = 1.0,
        batch_norm: bool = False,
        dropout: float = 0.1,
    ) -> None:
        """A network for images of `input_shape`, (height, width, channels).

        `alpha` is the share of its filters, `dropout` the share of values that
        training drops before the last convolution.  CompileError where these do not fit.
        """
        if not 0 <= dropout < 1:
            raise refuse("dropout", f"expected a share from 0 to less than 1, not {dropout}")
        if not 0 < alpha <= 8:
            raise refuse("alpha", f"expected a share of the filters, more than 0 and at most 8, not {alpha}")
        if num_classes < 2:
            raise refuse("num_classes", f"a network tells at least two classes apart, not {num_classes}")
        if len(input_shape) != 3:
            raise refuse("input_shape", f"expected (height, width, channels), not {show(tuple(input_shape))}")
        self.num_classes = num_classes
        self.input_shape = tuple(int(size) for size in input_shape)
        self.dropout = dropout
        self.config = Config()
        self.model: Any = None
        """Keras' model, once `build` has made it."""
        self.history: Any = None
        """The result of Keras' `fit`: `history.history` has each epoch's figures."""
        parameters = dict(zip(("height", "width", "channels"), self.input_shape, strict=True))
        self._untrained = networks.graph(
            self.architecture,
            {**parameters, "classes": num_classes, "alpha": float(alpha), "batch_norm": batch_norm},
        )

    def __repr__(self) -> str:
        trained = "" if self.model is None else f", {self.model.count_params():,} parameters"
        return f"{type(self).__name__}({self.num_classes} classes of {show(self.input_shape)}{trained})"

    @property
    def layers(self) -> list[Any]:
        """Keras' layers."""
        return list(self._built.layers)

    @property
    def weights_file(self) -> str:
        """The file of the best weights; empty where none is kept."""
        return f"{self.config.checkpoint_path}.weights.h5" if self.config.checkpoint_path else ""

    @cached_property
    def convert(self) -> Converter:
        """To code."""
        return Converter(self)

    @property
    def graph(self) -> Graph:
        """The network with its present weights, as mnc has it."""
        with TemporaryDirectory() as folder:
            return load(self.save(Path(folder) / f"{self.architecture}.h5"))

    @property
    def _built(self) -> Any:
        if self.model is None:
            raise refuse(type(self).__name__, "the network is not built yet", "call build() first")
        return self.model

    def build(self: Own) -> Own:
        """Make Keras' model with the weights that training begins with."""
        self.model = keras_model(self._untrained, self.dropout)
        return self

    def compile(self: Own) -> Own:
        """Make the model ready to be trained as `config` says; builds it where that is not done yet."""
        if self.model is None:
            self.build()
        optimizer = framework.keras().optimizers.Adam(learning_rate=self.config.learning_rate)
        self.model.compile(optimizer=optimizer, loss=self.config.loss, metrics=list(self.config.metrics))
        return self

    def fit(
        self: Own,
        train_x: npt.ArrayLike,
        train_y: npt.ArrayLike,
        val_x: npt.ArrayLike,
        val_y: npt.ArrayLike,
        epochs: int = 100,
    ) -> Own:
        """Train on images (samples, height, width, channels), which may lack a single channel's axis.

        Labels are as `config.loss` wants them.  With a `config.checkpoint_path`
        the weights that do best on the validation images are kept there.
        """
        if self.model is None or not self.model.compiled:
            self.compile()
        callbacks = []
        if self.weights_file:
            Path(self.weights_file).parent.mkdir(parents=True, exist_ok=True)
            metric = self.config.metrics[0] if self.config.metrics else "loss"
            keep = framework.keras().callbacks.ModelCheckpoint(
                self.weights_file,
                monitor=f"val_{getattr(metric, 'name', metric)}",
                verbose=min(self.config.verbosity, 1),
                save_best_only=True,
                save_weights_only=True,
                initial_value_threshold=self.config.checkpoint_min_accuracy if self.config.metrics else None,
            )
            callbacks.append(keep)
        self.history = self.model.fit(
            self._images("train_x", train_x),
            self._labels("train_y", train_y, len(np.asarray(train_x))),
            validation_data=(
                self._images("val_x", val_x),
                self._labels("val_y", val_y, len(np.asarray(val_x))),
            ),
            batch_size=self.config.batch_size,
            epochs=epochs,
            verbose=self.config.verbosity,
            callbacks=callbacks,
        )
        return self

    def predict(self, xs: npt.ArrayLike) -> Array:
        """The probability of each class, (samples, classes)."""
        return np.asarray(self._built.predict(self._images("xs", xs), verbose=0))

    def load_weights(self: Own, abort_on_fail: bool = True) -> Own:
        """Take the weights that `config.checkpoint_path` kept.

        Where there are none: FileNotFoundError, or nothing without `abort_on_fail`.
        """
        if not self.weights_file:
            raise refuse(type(self).__name__, "it is not said where the weights are", "set config.checkpoint_path")
        if self.model is None:
            self.build()
        if Path(self.weights_file).is_file():
            self.model.load_weights(self.weights_file)
        elif abort_on_fail:
            raise FileNotFoundError(self.weights_file)
        return self

    def save(self, path: str | Path) -> Path:
        """Write network and weights as a Keras `.h5`, which `mnc compile` takes; its path.

        How it was trained is left out.
        """
        path = Path(path)
        if path.suffix != ".h5":
            raise refuse(str(path), "the file must be called .h5", f"save {path.with_suffix('.h5').name!r}")
        write_files({path.name: self.content()}, path.parent, force=True)
        return path

    def content(self, classes: Sequence[str] = ()) -> bytes:
        """The bytes of the `.h5`, and behind them mnc's mark, which HDF5 does not read.

        The names of the classes are in it as far as an attribute of HDF5 holds them.
        """
        with TemporaryDirectory() as folder:
            file = Path(folder) / f"{self.architecture}.h5"
            _quietly_save(self._built, file)
            names = "\n".join(classes).encode("utf-8", "replace")
            if 0 < len(names) <= LONGEST_ATTRIBUTE:
                with h5py.File(file, "r+") as saved:
                    saved.attrs[CLASSES] = names.decode()
            return file.read_bytes() + MARK

    def _images(self, what: str, given: npt.ArrayLike) -> Array:
        images = np.asarray(given)
        if images.ndim == 3 and self.input_shape[2] == 1:
            images = images[..., np.newaxis]
        if images.shape[1:] != self.input_shape or not len(images):
            hint = f"the network takes (samples, {', '.join(map(str, self.input_shape))})"
            raise refuse(what, f"the images have shape {show(images.shape)}", hint)
        return images.astype(np.float32)

    def _labels(self, what: str, given: npt.ArrayLike, samples: int) -> Array:
        labels = np.asarray(given)
        if len(labels) != samples:
            raise refuse(what, f"there are {len(labels)} labels for {samples} images")
        if not isinstance(self.config.loss, str) or not self.config.loss.endswith("categorical_crossentropy"):
            return labels
        if self.config.loss.startswith("sparse"):
            if labels.ndim != 1 and labels.shape[1:] != (1,):
                hint = 'set config.loss = "categorical_crossentropy", and metrics without "sparse_"'
                raise refuse(what, f"the loss takes numbers of classes, not labels of shape {show(labels.shape)}", hint)
            if labels.min() < 0 or labels.max() >= self.num_classes:
                wrong = labels.min() if labels.min() < 0 else labels.max()
                raise refuse(what, f"there is a label {wrong}; the network has {self.num_classes} classes, from 0")
        elif labels.shape[1:] != (self.num_classes,):
            hint = f'they are one-hot, (samples, {self.num_classes}); or set config.loss = "sparse_{self.config.loss}"'
            raise refuse(what, f"the labels have shape {show(labels.shape)}", hint)
        return labels


class PicoMobileNet(BaseMobileNet):
    """The smallest: 3 blocks, up to 24 filters."""

    architecture = "pico"


class NanoMobileNet(BaseMobileNet):
    """4 blocks, up to 24 filters."""

    architecture = "nano"


class MicroMobileNet(BaseMobileNet):
    """8 blocks, up to 24 filters."""

    architecture = "micro"


class MilliMobileNet(BaseMobileNet):
    """9 blocks, up to 48 filters."""

    architecture = "milli"


class MobileNet(BaseMobileNet):
    """The largest: 12 blocks, up to 96 filters."""

    architecture = "base"


FAMILY: Mapping[str, type[BaseMobileNet]] = {
    each.architecture: each for each in (PicoMobileNet, NanoMobileNet, MicroMobileNet, MilliMobileNet, MobileNet)
}
"""By the name of the architecture."""


@dataclass(frozen=True)
class Converter:
    """A trained network as code."""

    net: BaseMobileNet

    def to_cpp(self, classname: str | None = None) -> str:
        """The header of one C++ class, by default called as the network's class is."""
        (header,) = self._files("cpp", classname or type(self.net).__name__, None, None).values()
        return header

    def to_c(
        self, name: str | None = None, quantize: str | None = None, calibration: Array | None = None
    ) -> Mapping[str, str]:
        """A source and a header in C by their file names, `name` the architecture's where none is given.

        In integers with `quantize="int8"` and some dozens of images as `calibration`.
        """
        return self._files("c", name or self.net.architecture, quantize, calibration)

    def _files(self, backend: str, name: str, quantize: str | None, calibration: Array | None) -> Mapping[str, str]:
        return compile_graph(self.net.graph, backend, name, quantize=quantize, calibration=calibration).files


def _quietly_save(model: Any, path: Path) -> None:
    """As HDF5, without Keras' advice to use another format."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        model.save(str(path), include_optimizer=False)
    finally:
        logger.setLevel(level)
