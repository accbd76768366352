"""Training: what is interrupted loses nothing, and the command tells how it went."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnc
from mnc.cli import run
from mnc.commands import train as command
from mnc.commands.quickstart import quickstart
from mnc.errors import CompileError
from mnc.output import check_replaceable
from mnc.zoo import networks
from mnc.zoo.dataset import Dataset, Split
from mnc.zoo.training import EPOCHS, Figures, Recipe, Watcher, judge, train

pytestmark = pytest.mark.filterwarnings("default")  # Keras' own

RECIPE = Recipe("pico", epochs=3, batch_size=16, batch_norm=True, dropout=0.3)


def data() -> Dataset:
    """Images that are bright at the left or at the right."""
    random = np.random.default_rng(3)
    x, y = random.random((48, 16, 16, 1), np.float32), np.arange(48) % 2
    x[y == 0, :, :8] += 0.5
    x[y == 1, :, 8:] += 0.5
    return Dataset(("left", "right"), Split(x[:32], y[:32]), Split(x[32:], y[32:]), None)


class Interrupting(Watcher):
    """Interrupts training in the middle of the last epoch, and notes where it was taken up."""

    def __init__(self) -> None:
        self.begun = 0

    def resumed(self, epoch: int) -> None:
        self.begun = epoch

    def batch(self, epoch: int, batch: int, batches: int, figures: Figures) -> None:
        if epoch == RECIPE.epochs and batch == 1 and not self.begun:
            raise KeyboardInterrupt


def test_an_interrupted_training_gives_the_same_network_to_the_bit(keras: Any, tmp_path: Path) -> None:
    whole = train(RECIPE, data())
    checkpoint, watcher = tmp_path / "checkpoint.npz", Interrupting()
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, data(), checkpoint, watcher)
    assert watcher.begun == 0
    pieced = train(RECIPE, data(), checkpoint, watcher)
    assert watcher.begun == RECIPE.epochs - 1
    assert pieced.history == whole.history
    assert pieced.kept == whole.kept
    for a, b in zip(whole.network.model.get_weights(), pieced.network.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)

    with pytest.raises(CompileError, match="seed was 1, now it is 2"):
        train(Recipe("pico", 3, 16, seed=2, batch_norm=True, dropout=0.3), data(), checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(CompileError, match="the checkpoint cannot be read"):
        train(RECIPE, data(), checkpoint)


def test_the_command_trains_and_judges(keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = data()
    assert given.val is not None
    np.savez(
        tmp_path / "data.npz", x_train=given.train.x, y_train=given.train.y, x_test=given.val.x, y_test=given.val.y
    )
    output = tmp_path / "sides.h5"
    output.write_text("mine")
    command = ["train", "pico", "--data", str(tmp_path / "data.npz"), "--epochs", "2", "-o", str(output)]
    assert run([*command, "--force"]) == 0
    shown = capsys.readouterr()
    check_replaceable([output])  # mnc has made it, so the next training may replace it
    assert "epoch 2/2  accuracy" in shown.err
    right = (np.asarray(mnc.load(output).predict(given.val.x)).argmax(axis=1) == given.val.y).sum()
    assert f"{right} of 16 images are right ({right / 16:.1%})" in shown.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "sides.h5"]


@pytest.mark.parametrize("name", ["sides.h5", "sides.checkpoint.npz"])
def test_no_training_begins_over_a_file_that_mnc_has_not_made(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine")
    command = ["train", "pico", "--data", str(tmp_path / "none"), "-o", str(tmp_path / "sides.h5"), "--restart"]
    assert run(command) == 1
    assert f"error: {tmp_path / name}: the file is there, and mnc has not made it" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"
    assert run([*command, "--force"]) == 1
    assert f"error: {tmp_path / 'none'}: " in capsys.readouterr().err  # the data is looked at next


def test_the_commands_have_the_defaults_of_a_recipe() -> None:
    with command.train.make_context("train", ["pico", "--data", "photos"]) as context:
        given = context.params
    defaults = {each.name: each.default for each in fields(Recipe) if each.default is not MISSING}
    assert {name: given[name] for name in defaults} == defaults
    (epochs,) = (option for option in command.train.params if option.name == "epochs")
    assert f"[default: {EPOCHS['pico']} for pico, {EPOCHS['base']} for base]" in str(epochs.to_info_dict()["help"])
    with quickstart.make_context("quickstart", []) as context:
        assert context.params["epochs"] == EPOCHS["pico"]
    assert tuple(EPOCHS) == networks.NAMES


def test_a_confusion_matrix_counts_what_was_taken_for_what() -> None:
    answers = np.eye(3)[[0, 1, 1, 2, 0]]
    judgement = judge(lambda x: answers, Split(np.zeros((5, 1, 1, 1)), np.array([0, 1, 2, 2, 2])), 3)
    assert judgement.confusion.tolist() == [[1, 0, 0], [0, 1, 0], [1, 1, 1]]
    assert judgement.accuracy == 0.6
