"""Training that can be interrupted at any time and gives, when it is taken up again, what it would have given.

An epoch's order of images follows from the seed and the epoch's number.  After
each epoch a checkpoint holds all that the next one depends on: weights,
the optimiser's state, the states of random numbers, the history, and the best
weights so far.  An epoch that was interrupted is begun anew.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnc.accuracy import choices
from mnc.arrays import npz
from mnc.errors import CompileError, refuse
from mnc.ir.types import Array
from mnc.output import write_files
from mnc.zoo import framework
from mnc.zoo.dataset import Dataset, Split
from mnc.zoo.mobilenet import FAMILY, BaseMobileNet

LOSS = "sparse_categorical_crossentropy"
EPOCHS = {"pico": 40, "nano": 40, "micro": 15, "milli": 10, "base": 12}
"""How often every image is seen where nothing else is said: enough for the digits."""
RISING = 0.05
"""The share of all steps for which the learning rate rises."""
CLIP = 1.0
"""The greatest norm of a step's gradient, all weights together: what is longer is made shorter."""

Figures = Mapping[str, float]
"""By name: `loss` and `accuracy`, and with `val_` before them the figures of the validation images."""
History = Mapping[str, Sequence[float]]
"""The figures of each epoch."""


@dataclass(frozen=True)
class Recipe:
    """Everything that a training depends on besides the data."""

    architecture: str
    epochs: int
    batch_size: int = 32
    learning_rate: float = 0.012
    """Adam's at its highest: it rises to that evenly, and falls to 0 along half a cosine."""
    seed: int = 1
    alpha: float = 1.0
    batch_norm: bool = False
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.architecture not in FAMILY:
            known = f"there are {', '.join(FAMILY)}"
            raise refuse("zoo", f"there is no network called {self.architecture!r}", known)
        for what, value in (("epochs", self.epochs), ("batch size", self.batch_size)):
            if value < 1:
                raise refuse(what, f"expected at least 1, not {value}")
        if not 0 < self.learning_rate < 10:
            raise refuse("learning rate", f"expected more than 0 and less than 10, not {self.learning_rate}")
        if not 0 <= self.seed < 2**31:
            raise refuse("seed", f"expected a whole number from 0 to {2**31 - 1}, not {self.seed}")

    def network(self, data: Dataset) -> BaseMobileNet:
        """The network for the data, not built."""
        return FAMILY[self.architecture](len(data.classes), data.shape, self.alpha, self.batch_norm, self.dropout)


class Watcher:
    """Observer of a training; this base class ignores every event."""

    def resumed(self, epoch: int) -> None:
        """Training is taken up again after `epoch` epochs."""

    def batch(self, epoch: int, batch: int, batches: int, figures: Figures) -> None:
        """`batch` batches of the epoch are done; both count from 1."""

    def epoch(self, epoch: int, figures: Figures) -> None:
        """An epoch is done."""


@dataclass(frozen=True)
class Trained:
    """A trained network."""

    network: BaseMobileNet
    history: History
    kept: int
    """The epoch whose weights it has: the best on the validation images, or without them the last."""


def train(recipe: Recipe, data: Dataset, checkpoint: Path | None = None, watcher: Watcher | None = None) -> Trained:
    """Train a network on the data, taking up what a checkpoint holds.

    Equal recipes and data give equal weights on one machine.
    CompileError where the checkpoint is of another training or cannot be read.
    """
    watcher = watcher or Watcher()
    keras = framework.keras()
    keras.utils.set_random_seed(recipe.seed)
    network = recipe.network(data).build()
    model = network.model
    batches = -(-len(data.train.x) // recipe.batch_size)
    steps = recipe.epochs * batches
    rising = round(RISING * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rising, warmup_target=recipe.learning_rate, warmup_steps=rising
    )
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(optimizer=keras.optimizers.Adam(rate, global_clipnorm=CLIP), loss=LOSS, metrics=[accuracy])
    model.optimizer.build(model.trainable_variables)
    state = _State(model, json.dumps({**asdict(recipe), "data": data.fingerprint}, sort_keys=True))
    if checkpoint is not None and checkpoint.exists():
        state.restore(checkpoint)
        watcher.resumed(state.epochs)
    while state.epochs < recipe.epochs:
        figures = _epoch(keras, model, data, recipe, state.epochs, watcher, batches)
        state.advance(figures)
        if checkpoint is not None:
            state.store(checkpoint)
        watcher.epoch(state.epochs, figures)
    model.set_weights(state.best)
    return Trained(network, state.history, state.kept)


def _epoch(keras: Any, model: Any, data: Dataset, recipe: Recipe, done: int, watcher: Watcher, batches: int) -> Figures:
    """Train on every image and give the figures.

    The last batch is filled up with the epoch's first images: JAX compiles the step for each size of batch.
    """

    class Bar(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Figures | None = None) -> None:
            watcher.batch(done + 1, batch + 1, batches, logs or {})

    order = np.random.default_rng((recipe.seed, done)).permutation(len(data.train.x))
    order = np.resize(order, batches * recipe.batch_size)
    fitted = model.fit(
        data.train.x[order],
        data.train.y[order],
        validation_data=None if data.val is None else (data.val.x, data.val.y),
        validation_batch_size=256,
        batch_size=recipe.batch_size,
        shuffle=False,
        verbose=0,
        callbacks=[Bar()],
    )
    return {name: float(values[-1]) for name, values in fitted.history.items()}


class _State:
    """The state that the rest of a training depends on, in memory and in a file."""

    def __init__(self, model: Any, recipe: str) -> None:
        self._model = model
        self._recipe = recipe
        self.history: dict[str, list[float]] = {}
        self.best: list[Array] = model.get_weights()
        self.kept = 0

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.history.get("loss", ()))

    @property
    def _variables(self) -> list[Any]:
        """Weights, statistics, and the states of random numbers, then the optimiser's.

        Metrics have variables too; they are emptied before each epoch.
        """
        layers = [variable for layer in self._model.layers for variable in layer.variables]
        return [*layers, *self._model.optimizer.variables]

    def advance(self, figures: Figures) -> None:
        """Note an epoch's figures, and its weights where they are the best."""
        judged = figures.get("val_accuracy")
        if judged is None or judged > max(self.history.get("val_accuracy", ()), default=-1.0):
            self.best, self.kept = self._model.get_weights(), self.epochs + 1
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)

    def store(self, file: Path) -> None:
        """Write the state; whatever happens meanwhile, the file holds the last or this one."""
        facts = {"recipe": self._recipe, "history": self.history, "kept": self.kept}
        arrays: dict[str, Any] = {"facts": np.array(json.dumps(facts))}
        arrays |= {f"variable_{i}": each for i, each in enumerate(map(_value, self._variables))}
        arrays |= {f"best_{i}": np.asarray(each) for i, each in enumerate(self.best)}
        write_files({file.name: npz(arrays)}, file.parent)

    def restore(self, file: Path) -> None:
        """Take up what a file holds; CompileError where it is of another training or broken."""
        hint = f"remove {file.name!r} to begin anew"
        try:
            with file.open("rb") as stored, np.load(stored, allow_pickle=False) as archive:
                facts = json.loads(str(archive["facts"]))
                if facts["recipe"] != self._recipe:
                    raise refuse(
                        str(file), "this is the checkpoint of another training", _difference(facts, self), hint
                    )
                variables = [archive[f"variable_{i}"] for i in range(len(self._variables))]
                best = [archive[f"best_{i}"] for i in range(len(self.best))]
            for variable, value in zip(self._variables, variables, strict=True):
                variable.assign(value)
            self.history, self.kept, self.best = facts["history"], facts["kept"], best
        except CompileError:
            raise
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as fault:
            raise refuse(str(file), f"the checkpoint cannot be read: {type(fault).__name__}", hint) from None


def _difference(facts: Mapping[str, Any], state: _State) -> str:
    then, now = json.loads(facts["recipe"]), json.loads(state._recipe)
    keys = sorted(key for key in {*then, *now} if then.get(key) != now.get(key))
    return "; ".join(f"{key} was {then.get(key)}, now it is {now.get(key)}" for key in keys)


def _value(variable: Any) -> Array:
    return np.asarray(framework.keras().ops.convert_to_numpy(variable.value))


@dataclass(frozen=True)
class Judgement:
    """How a network does on images."""

    confusion: Array
    """(classes, classes): how many images of the row's class it took for the column's."""

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / self.confusion.sum())


def judge(predict: Callable[[Array], Array], split: Split, classes: int) -> Judgement:
    """Compare the answers of `predict` for the images, (samples, classes), with their true classes."""
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (split.y, choices(predict(split.x))), 1)
    return Judgement(confusion)
