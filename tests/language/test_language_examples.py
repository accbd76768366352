"""The texts in examples/ and of the zoo: the same networks as the trained files, to the byte of the generated C."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc import frontends
from mnc.language import format_text

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
ZOO = ROOT / "mnc" / "zoo" / "networks"
TEXTS = sorted([*EXAMPLES.glob("*.mnc"), *ZOO.glob("*.mnc")])
MOBILENETS = ("pico", "nano", "micro", "milli", "base")
TRAINED = {"ds_cnn": "kws_ref_model.keras3", "resnet8": "pretrainedResnet", "autoencoder": "ad01"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_it_compiles_as_it_lies_and_is_laid_out_well(path: Path) -> None:
    graph = frontends.load(path)
    assert graph.name == path.stem
    assert mnc.compile(graph).files
    text = path.read_text("utf-8")
    assert format_text(text) == text


def test_all_of_them_are_there() -> None:
    assert {path.stem for path in TEXTS} >= {*MOBILENETS, *TRAINED, "gru_keywords"}


@pytest.mark.parametrize("keras", ["keras2", "keras3"])
@pytest.mark.parametrize("name", MOBILENETS)
def test_a_mobilenet_gives_the_same_c_as_its_trained_file(models: Path, name: str, keras: str) -> None:
    trained = models / "micromobilenet" / f"{name}.{keras}.h5"
    from_file = frontends.load(trained)
    from_text = frontends.load(ZOO / f"{name}.mnc", weights=trained)
    assert from_text == replace(from_file, name=name)
    assert dict(mnc.compile(from_text, name=name).files) == dict(mnc.compile(from_file, name=name).files)


@pytest.mark.parametrize("name", MOBILENETS)
def test_a_mobilenet_gives_kerass_answers_with_the_weights_beside_the_examples(models: Path, name: str) -> None:
    golden = np.load(models / "micromobilenet" / f"{name}.golden.npz")
    weights = EXAMPLES / ("digits" if name == "nano" else "weights") / f"{name}.h5"
    y = frontends.load(ZOO / f"{name}.mnc", weights=weights).predict(golden["x"])
    np.testing.assert_allclose(y, golden["y"], atol=1e-5)


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_network_gives_kerass_answers(models: Path, name: str) -> None:
    trained = models / "mlperf_tiny" / f"{TRAINED[name]}.h5"
    graph = frontends.load(EXAMPLES / f"{name}.mnc", weights=trained)
    assert graph == replace(frontends.load(trained), name=name)
    golden = np.load(models / "mlperf_tiny" / f"{TRAINED[name].partition('.')[0]}.golden.npz")
    largest = abs(golden["y"]).max()  # the autoencoder's values are large, and Keras' own sums are of float32
    np.testing.assert_allclose(graph.predict(golden["x"]), golden["y"], atol=1e-5 if largest <= 1 else 1e-4 * largest)


def test_parameters_change_the_network() -> None:
    graph = frontends.load(EXAMPLES / "autoencoder.mnc", {"width": 16, "bottleneck": 2})
    assert [graph.types[node.name].shape[-1] for node in graph.nodes if "dense" in node.name] == [
        *[16] * 4,
        2,
        *[16] * 4,
        640,
    ]
