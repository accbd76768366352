"""The classes: micromobilenet's usage, and its results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import mnc
from mnc.errors import CompileError
from mnc.extras import install
from mnc.ir.types import Array
from mnc.zoo import MobileNet, NanoMobileNet, PicoMobileNet, networks
from mnc.zoo.mobilenet import FAMILY

pytestmark = pytest.mark.filterwarnings("default")  # Keras' own

SHAPE = (24, 24, 1)


def stripes(samples: int, shape: tuple[int, int, int] = SHAPE) -> tuple[Array, Array]:
    """Images with stripes that lie, stand or are missing, and which of these."""
    random = np.random.default_rng(5)
    y = np.arange(samples) % 3
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    patterns = np.stack([(rows // 3) % 2, (columns // 3) % 2, np.full(shape[:2], 0.5)])
    x = patterns[y][..., np.newaxis] + 0.1 * random.standard_normal((samples, *shape))
    return x.astype(np.float32), y


def test_the_usage_of_micromobilenet_works(keras: Any, gxx: str, tmp_path: Path) -> None:
    train_x, labels = stripes(48)
    train_y = np.eye(3)[labels]
    keras.utils.set_random_seed(1)
    net = PicoMobileNet(num_classes=3, input_shape=SHAPE)
    net.config.learning_rate = 0.01
    net.config.batch_size = 16
    net.config.verbosity = 0
    net.config.checkpoint_min_accuracy = 0.0
    net.config.loss = "categorical_crossentropy"
    net.config.metrics = ["categorical_accuracy"]
    net.config.checkpoint_path = str(tmp_path / "checkpoints" / "pico")

    net.build()
    net.compile()
    net.fit(train_x, train_y, train_x, train_y, epochs=3)

    assert set(net.history.history) == {"loss", "categorical_accuracy", "val_loss", "val_categorical_accuracy"}
    probabilities = net.predict(train_x)
    assert probabilities.shape == (48, 3)
    np.testing.assert_allclose(np.asarray(net.graph.predict(train_x)), probabilities, atol=1e-5)
    build = mnc.compile(net.graph)
    np.testing.assert_allclose(np.asarray(build.predict(train_x)), probabilities, atol=1e-5)

    again = PicoMobileNet(num_classes=3, input_shape=SHAPE)
    again.config.checkpoint_path = net.config.checkpoint_path
    best = max(net.history.history["val_categorical_accuracy"])
    assert np.mean(again.load_weights().predict(train_x).argmax(axis=1) == labels) == pytest.approx(best)

    header = net.convert.to_cpp(classname="Stripes")
    assert "class Stripes" in header
    assert "class PicoMobileNet" in net.convert.to_cpp()
    (tmp_path / "Stripes.h").write_text(header)
    (tmp_path / "main.cpp").write_text(
        '#include "Stripes.h"\nint main() { Stripes net; return net.numOutputs != 3; }\n'
    )
    subprocess.run([gxx, "-o", tmp_path / "main", tmp_path / "main.cpp"], check=True)
    subprocess.run([tmp_path / "main"], check=True)
    assert set(net.convert.to_c()) == {"pico.c", "pico.h"}
    assert "int8_t" in net.convert.to_c("tiny", "int8", train_x)["tiny.h"]
    assert mnc.load(net.save(tmp_path / "pico.h5")).name == "pico"


README = """
from micromobilenet import PicoMobileNet
from micromobilenet import NanoMobileNet
from micromobilenet import MicroMobileNet
from micromobilenet import MilliMobileNet
from micromobilenet import MobileNet


if __name__ == '__main__':
    net = PicoMobileNet(num_classes=num_classes)
    net.config.learning_rate = 0.001
    net.config.batch_size = 32
    net.config.verbosity = 1
    net.config.checkpoint_min_accuracy = 0.65
    net.config.loss = "categorical_crossentropy"
    net.config.metrics = ["categorical_accuracy"]
    net.config.checkpoint_path = "checkpoints/pico"

    net.build()
    net.compile()
    # train_x is of shape (None, 96, 96, 1)
    # train_y is one-hot encoded
    net.fit(train_x, train_y, val_x, val_y, epochs=30)

    print(net.convert.to_cpp())
"""
"""The program of micromobilenet's README, to the letter."""


def test_the_program_of_the_readme_runs_with_another_import(
    keras: Any, gxx: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    x, labels = stripes(12, (96, 96, 1))
    y = np.eye(4)[labels]
    names: dict[str, Any] = {"__name__": "__main__", "num_classes": 4}
    names |= {"train_x": x, "train_y": y, "val_x": x, "val_y": y}
    exec(README.replace("from micromobilenet import", "from mnc.zoo import"), names)
    shown = capsys.readouterr().out
    assert "Epoch 30/30" in shown

    (tmp_path / "PicoMobileNet.h").write_text(shown[shown.index("/* PicoMobileNet") :])
    image = ", ".join(map(str, x[0].ravel()))
    (tmp_path / "main.cpp").write_text(
        f'#include "PicoMobileNet.h"\nstatic float image[96 * 96] = {{{image}}};\nstatic PicoMobileNet net;\n'
        "int main() { net.predict(image); return net.output; }\n"
    )
    subprocess.run([gxx, "-o", tmp_path / "main", tmp_path / "main.cpp"], check=True)
    assert subprocess.run([tmp_path / "main"]).returncode == names["net"].predict(x[:1]).argmax()


@pytest.mark.parametrize("name", networks.NAMES)
def test_keras_counts_the_same_parameters(keras: Any, name: str) -> None:
    net = FAMILY[name](num_classes=10).build()
    constants = [c.array.size for node in networks.graph(name).nodes for c in node.layer.constants.values()]
    assert net.model.count_params() == sum(constants)


def test_the_default_is_the_layers_of_micromobilenet(keras: Any, models: Path) -> None:
    for name, kind in FAMILY.items():
        file = models / "micromobilenet" / f"{name}.keras3.h5"
        with h5py.File(file) as stored:
            given, *theirs = json.loads(stored.attrs["model_config"])["config"]["layers"]
        ours = kind(num_classes=10).build().model
        assert given["class_name"] == "InputLayer"
        assert [(type(each).__name__, each.name) for each in ours.layers] == [
            (each["class_name"], each["config"]["name"]) for each in theirs
        ]
        ours.load_weights(str(file))
        if name == "pico":
            golden = np.load(models / "micromobilenet" / f"{name}.golden.npz")
            np.testing.assert_allclose(ours.predict(golden["x"][:2], verbose=0), golden["y"][:2], atol=1e-5)


def test_other_sizes_filters_and_batch_normalisation(keras: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(1).random((4, 40, 32, 3), np.float32)
    net = NanoMobileNet(5, input_shape=(40, 32, 3), alpha=0.5, batch_norm=True, dropout=0.3)
    net.config.verbosity = 0
    net.fit(x, np.arange(4), x, np.arange(4), epochs=1)
    assert [each.rate for each in net.layers if type(each).__name__ == "Dropout"] == [0.3]
    assert any(type(each).__name__ == "BatchNormalization" for each in net.layers)
    np.testing.assert_allclose(np.asarray(mnc.compile(net.graph).predict(x)), net.predict(x), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_classes": 1}, "a network tells at least two classes apart"),
        ({"num_classes": 3, "dropout": 1.0}, "expected a share"),
        ({"num_classes": 3, "alpha": 0.0}, "expected a share of the filters"),
        ({"num_classes": 3, "input_shape": (96, 96)}, r"expected \(height, width, channels\)"),
        ({"num_classes": 3, "input_shape": (2, 96, 1)}, "a window of 3 does not fit into 2"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(CompileError, match=words):
        MobileNet(**arguments)


def test_images_and_labels_must_fit(keras: Any) -> None:
    x, y = stripes(6)
    net = PicoMobileNet(3, SHAPE)
    with pytest.raises(CompileError, match="there is a label 3; the network has 3 classes"):
        net.fit(x, y + 1, x, y)
    with pytest.raises(CompileError, match="the loss takes numbers of classes"):
        net.fit(x, np.eye(3)[y], x, y)
    with pytest.raises(CompileError, match="there are 5 labels for 6 images"):
        net.fit(x, y[:5], x, y)
    with pytest.raises(CompileError, match="the images have shape 6x12x24x1"):
        net.fit(x[:, :12], y, x, y)
    net.config.loss = "categorical_crossentropy"
    with pytest.raises(CompileError, match="they are one-hot"):
        net.fit(x, y, x, y)
    with pytest.raises(CompileError, match="it is not said where the weights are"):
        net.load_weights()
    net.config.checkpoint_path = "nowhere/at_all"
    assert net.load_weights(abort_on_fail=False) is net
    with pytest.raises(FileNotFoundError):
        net.load_weights()
    with pytest.raises(CompileError, match=r"the file must be called \.h5"):
        net.save("pico.keras")


def test_what_is_not_built_cannot_predict() -> None:
    with pytest.raises(CompileError, match="the network is not built yet"):
        PicoMobileNet(3).predict(np.zeros((1, 96, 96, 1)))


WITHOUT_KERAS = """
import sys
sys.modules["keras"] = None
from mnc.zoo import PicoMobileNet
from mnc.errors import CompileError
net = PicoMobileNet(num_classes=10)
try:
    net.build()
except CompileError as fault:
    print(fault)
assert not {"jax", "torch", "tensorflow"} & set(sys.modules)
"""


def test_without_keras_it_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_KERAS], capture_output=True, text=True, check=True)
    expected = f"error: training: needs Keras, which is not installed\nhint: {install('train')}\n"
    assert done.stdout == expected
