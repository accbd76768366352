"""Names that are made and names that are guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnc.ir.activations import Sigmoid
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation, Dense
from mnc.ir.types import Constant, TensorType
from mnc.names import Names, similar, snake
from mnc.quantise.quantise import split_activations


@pytest.mark.parametrize(
    ("name", "expected"),
    [("MaxPooling2D", "max_pooling2d"), ("GRU", "gru"), ("LayerNormalization", "layer_normalization"), ("A>B", "ab")],
)
def test_snake_case_is_that_of_keras(name: str, expected: str) -> None:
    assert snake(name) == expected


@given(st.lists(st.text("a_12", min_size=1, max_size=5), max_size=40), st.sampled_from(["_", "__"]), st.integers(1, 2))
def test_new_names_differ_and_a_free_wish_is_granted(wishes: list[str], mark: str, first: int) -> None:
    taken = wishes[::3]
    names = Names(taken, mark=mark, first=first)
    made = [names.new(wish) for wish in wishes]
    assert len({*made, *taken}) == len(made) + len(set(taken))
    for i, (wish, name) in enumerate(zip(wishes, made, strict=True)):
        assert (name == wish) == (wish not in {*taken, *made[:i]})


def test_a_name_wished_for_many_times_stays_short_and_is_found_at_once() -> None:
    names = Names(mark="__")
    assert [names.new("dense") for _ in range(20_000)][-1] == "dense__20000"


def test_a_guess_that_differs_in_case_alone_is_the_only_one() -> None:
    known = ("conv2d", "conv1d", "dense")
    assert similar("Conv2D", known) == ("did you mean 'conv2d'?",)
    assert similar("conv3d", known) == ("did you mean 'conv2d' or 'conv1d'?",)
    assert similar("lstm", known) == ()


def test_a_split_activation_takes_no_name_that_is_taken() -> None:
    layer = Dense(Constant([[1.0, 2.0], [3.0, 4.0]]), None, Sigmoid())
    nodes = (Node(("y",), layer, ("y/linear",)), Node(("z",), Activation(Sigmoid()), ("y",)))
    graph = Graph("g", (Input("y/linear", TensorType((2,))),), nodes, ("z",))
    assert len(split_activations(graph).types) == 4
