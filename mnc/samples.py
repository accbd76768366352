"""Reading samples for a network: what `--inputs`, `--labels` and `--calibration` name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mnc.accuracy import elements, gives_probabilities
from mnc.arrays import load_arrays
from mnc.errors import refuse
from mnc.frames import TESTING, class_names, class_numbers, load_frames
from mnc.ir.graph import Graph
from mnc.ir.types import Array, DType, show
from mnc.reference.run import as_input

RANDOM = 4
"""How many samples stand in where none are given."""
PLAIN = "write one with numpy.save or numpy.savez, without pickled objects"


def load_samples(
    path: Path,
    graph: Graph,
    pixels: tuple[float, float] | None = None,
    *,
    splits: Sequence[str] = TESTING,
    most: int | None = None,
    sequences: bool = False,
) -> list[Array]:
    """One array of shape (batch, *input shape) for each input of `graph`, in its element type.

    With `sequences` it may be (sequences, frames, *input shape) instead.

    An `.npy` file holds the only input.  An `.npz` archive holds the inputs
    under their names, or as `x` (the only one), or as `x0`, `x1` and so on.  A
    folder holds the only input's samples, see `load_frames`, for `splits` and
    `most`, too.  Floats for a
    quantised input stay what they are; integers are what it stores.
    CompileError where the file, or what is in it, does not fit.
    """
    arrays = {"x": load_frames(path, graph, pixels, splits, most)} if path.is_dir() else load_arrays(path, PLAIN)
    samples = [_of_input(path, graph, arrays, number, sequences=sequences) for number in range(len(graph.inputs))]
    counts = sorted({len(sample) for sample in samples})
    if len(counts) > 1:
        raise refuse(str(path), f"the inputs have different numbers of samples: {', '.join(map(str, counts))}")
    if counts == [0]:
        raise refuse(str(path), "there is no sample in it")
    return samples


def _of_input(path: Path, graph: Graph, arrays: Mapping[str, Array], number: int, *, sequences: bool) -> Array:
    wanted = graph.inputs[number]
    only = len(graph.inputs) == 1
    names = [wanted.name, "x" if only else f"x{number}"]
    found = next((arrays[name] for name in names if name in arrays), None)
    if found is None:
        held = ", ".join(map(repr, sorted(arrays))) or "nothing"
        raise refuse(
            str(path),
            f"no samples for input {wanted.name!r}",
            f"call them {' or '.join(map(repr, names))}; the file holds {held}",
        )
    leading = found.ndim - wanted.type.rank
    if leading not in ((1, 2) if sequences else (1,)) or found.shape[leading:] != wanted.type.shape:
        shape = f"(samples, {', '.join(map(str, wanted.type.shape))})"
        shape += f", or several sequences of frames, (sequences, {shape[1:]}" if sequences else ""
        raise refuse(
            f"{path}: input {wanted.name!r}",
            f"the samples have shape {show(found.shape)}",
            f"the network takes {shape}",
        )
    taken = as_input(wanted.type, found, f"{path}: input {wanted.name!r}")
    return found if wanted.type.quant is not None and found.dtype.kind == "f" else taken


def load_truth(path: Path, graph: Graph, samples: int) -> Array:
    """The truth for each sample: classes, (samples,), integers, for a network that chooses a class; numbers,
    (samples, *output shape), floats, for one that gives numbers.

    A network with one output element gives a number, unless the element is a
    sigmoid's and all labels are 0 or 1; one with several chooses, unless it ends
    in no softmax and the labels are rows that are not one-hot.  The file is as
    for `load_labels`; CompileError as there.
    """
    count, shape = elements(graph), graph.types[graph.outputs[0]].shape
    if path.is_dir():
        return load_labels(path, max(count, 2), samples)
    found = _labels_in(path)
    whole = found.dtype.kind in "iub" or (found.dtype.kind == "f" and bool((found == np.floor(found)).all()))
    if count == 1 and gives_probabilities(graph) and whole and set(np.unique(found)) <= {0, 1}:
        return load_labels(path, 2, samples)
    rows = found.dtype.kind == "f" and found.shape[1:] == shape and not gives_probabilities(graph)
    if count > 1 and not (rows and not _one_hot(found.reshape(len(found), -1))):
        return load_labels(path, count, samples)
    if found.dtype.kind not in "iuf" or found.shape not in ((samples,), (samples, 1), (samples, *shape)):
        hint = f"the network gives {show((samples, *shape))} for the samples"
        raise refuse(str(path), f"the labels are {found.dtype} of shape {show(found.shape)}", hint)
    if not np.isfinite(found).all():
        raise refuse(str(path), "a label is not finite")
    return found.reshape(samples, *shape).astype(np.float64)


def missing_classes(path: Path, graph: Graph) -> tuple[str, ...]:
    """A sentence where a folder of classes has fewer than the network tells apart: their numbers may be others."""
    if not path.is_dir():
        return ()
    names, count = class_names(path), elements(graph)
    if len(names) >= count:
        return ()
    numbered = ", ".join(f"{name!r} counts as class {number}" for number, name in enumerate(names[:3]))
    more = ", and so on" if len(names) > 3 else ""
    return (
        f"labels: {path} has {len(names)} classes and the network {count}: {numbered}{more}; "
        "where that is wrong, give the numbers as an .npy",
    )


def _one_hot(rows: Array) -> bool:
    return bool(((rows == 0.0) | (rows == 1.0)).all() and (rows.sum(axis=1) == 1.0).all())


def load_labels(path: Path, classes: int, samples: int) -> Array:
    """The right class of each sample, (samples,).

    The file holds the numbers, or for each sample a row with its largest value
    at the class.  In an `.npz` archive they are `labels` or `y`, or all there is.
    A folder of classes has them by its folders' names, in the order of `load_frames`.
    CompileError where there are not `samples` of them, from 0 to `classes` - 1.
    """
    found = class_numbers(path) if path.is_dir() else _labels_in(path)
    if found.ndim == 2 and found.shape[1] == classes and classes > 1 and found.dtype.kind in "biuf":
        found = found.argmax(axis=1)
    found = found.squeeze(axis=1) if found.ndim == 2 and found.shape[1] == 1 else found
    if found.dtype.kind not in "iu" or found.ndim != 1:
        hint = f"they are whole numbers, or rows of {classes}"
        raise refuse(str(path), f"the labels are {found.dtype} of shape {show(found.shape)}", hint)
    if len(found) != samples:
        raise refuse(str(path), f"there are {len(found)} labels for {samples} samples")
    wrong = found[(found < 0) | (found >= classes)]
    if wrong.size:
        raise refuse(str(path), f"there is a label {wrong[0]}; the network has {classes} classes, from 0")
    return found.astype(np.int64)


def _labels_in(path: Path) -> Array:
    arrays = load_arrays(path, PLAIN)
    found = next((arrays[name] for name in ("labels", "y") if name in arrays), None)
    if found is not None:
        return found
    if len(arrays) != 1:
        held = ", ".join(map(repr, sorted(arrays))) or "nothing"
        raise refuse(str(path), "there are no labels in it", f"call them 'labels'; the file holds {held}")
    return next(iter(arrays.values()))


def random_inputs(graph: Graph) -> list[Array]:
    """Seeded; uniform in [0, 1), what an image or a normalised signal looks like, or over all of an integer type."""
    rng = np.random.default_rng(0)
    return [_random((RANDOM, *given.type.shape), given.type.dtype, rng) for given in graph.inputs]


def _random(shape: tuple[int, ...], dtype: DType, rng: np.random.Generator) -> Array:
    if dtype is DType.FLOAT32:
        return rng.random(shape, dtype=np.float32)
    return rng.integers(dtype.least, dtype.most + 1, shape).astype(dtype.numpy)
