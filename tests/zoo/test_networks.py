"""The architectures: their layers, and their costs."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mnc
from mnc.cli import run
from mnc.ir.layers import MaxPooling2D
from mnc.zoo import networks
from mnc.zoo.costs import Architecture, costs

PARAMETERS = {"pico": 844, "nano": 1_636, "micro": 4_264, "milli": 11_704, "base": 30_040}
"""For 10 classes, as micromobilenet's models have them."""


@pytest.fixture(scope="module")
def family() -> tuple[Architecture, ...]:
    """The costs of all networks as they are by themselves."""
    return tuple(costs())


def block(name: str) -> str:
    """The part that the texts share: from the input to the first convolution but for the figures in it."""
    text = networks.text(name)
    begin, end = text.index("block separable"), text.index("# The height or width")
    return text[begin:end]


def test_the_texts_have_the_same_blocks() -> None:
    assert len({block(name) for name in networks.NAMES}) == 1


def test_their_parameters_are_those_of_the_family(family: tuple[Architecture, ...]) -> None:
    assert {each.name: each.params for each in family} == PARAMETERS


@pytest.mark.parametrize("name", networks.NAMES)
@pytest.mark.parametrize(("height", "width", "channels"), [(96, 96, 1), (64, 48, 3), (33, 130, 1), (7, 7, 2)])
def test_the_last_map_is_pooled_whole(name: str, height: int, width: int, channels: int) -> None:
    graph = networks.graph(name, {"height": height, "width": width, "channels": channels, "classes": 4})
    (pool,) = (node for node in graph.nodes if isinstance(node.layer, MaxPooling2D))
    assert isinstance(pool.layer, MaxPooling2D)
    assert graph.input_types(pool)[0].shape[:2] == pool.layer.pool
    assert graph.types[graph.outputs[0]].shape == (4,)


def test_batch_normalisation_is_folded_away() -> None:
    x = np.random.default_rng(1).random((2, 96, 96, 1), np.float32)
    graph = networks.graph("nano", {"batch_norm": True})
    build = mnc.compile(graph)
    assert {layer.op for layer in build.report.layers} == {"conv2d", "depthwise_conv2d", "max_pooling2d", "softmax"}
    np.testing.assert_allclose(build.predict(x), np.asarray(graph.predict(x)), atol=1e-5)


def test_half_of_the_filters_are_less_than_half_of_the_work() -> None:
    whole, half = (next(costs({"alpha": alpha}, names=["base"])) for alpha in (1, 0.5))
    assert half.macs < whole.macs / 2
    assert half.params < whole.params / 2


def test_int8_needs_less_than_float32(family: tuple[Architecture, ...]) -> None:
    for each in family:
        assert each.int8.ram < each.float32.ram / 2
        # Kernels for cores with DSP instructions keep weights of 16 bits, and the smallest network has few weights.
        assert each.int8.flash < each.float32.flash or (each.name == "pico" and each.int8.flash < 4000)
        assert each.float32.instructions is None


def test_the_list_shows_what_the_compiler_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "list", "--json", "--set", "classes=3"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)["networks"]}
    assert list(listed) == list(networks.NAMES)
    report = mnc.compile(networks.graph("micro", {"classes": 3})).report
    assert listed["micro"]["params"] == report.params
    assert listed["micro"]["macs"] == report.macs
    assert listed["micro"]["float32"] == {
        "ram": report.ram.total,
        "flash": report.flash.total_constants,
        "instructions": None,
    }
    assert run(["zoo", "list", "--set", "classes=3"]) == 0
    assert f"micro {report.params:,} {report.macs:,}" in " ".join(capsys.readouterr().out.split())


def test_code_is_counted_in_where_a_target_is_named(arm_gcc: str, qemu_arm: str) -> None:
    (here,) = costs(names=["pico"])
    (there,) = costs(target="cortex-m4", names=["pico"])
    assert there.float32.flash > here.float32.flash
    assert there.int8.instructions


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["list", "--set", "hight=3"], 1, "did you mean 'height'?"),
        (["list", "--set", "height=2"], 1, "a window of 3 does not fit into 2"),
        (["list", "--set", "height"], 2, "expected name=value"),
        (["list", "--on", "moon"], 1, "unknown target 'moon'"),
        (["show", "piko"], 1, "there is no network called 'piko'"),
        ([], 2, "Missing command"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["zoo", *arguments]) == status
    shown = capsys.readouterr()
    assert words in shown.out + shown.err


def test_a_text_is_printed_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "show", "milli"]) == 0
    assert capsys.readouterr().out == networks.text("milli")
