"""A value knows which of the IR's axes the model's axes are, whatever layers turn it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mnc.frontends.assembly import BATCH, Assembly


@given(st.permutations(range(3)), st.permutations(range(3)), st.booleans())
def test_elements_keep_their_places_in_the_models_order(held: list[int], then: list[int], batch: bool) -> None:
    shape = (2, 3, 4)
    front, assembly = (BATCH,) if batch else (), Assembly(batch=batch)
    x = assembly.input("x", "x", (*(1,) * batch, *shape), (*front, *held))
    assert x.shape == (*(1,) * batch, *shape)
    turned = assembly.held_as("x", x, tuple(then))
    assert turned.order == tuple(then)
    assert turned.shape == x.shape
    plain = assembly.plain("x", turned)
    assert plain.is_plain
    assert plain.shape == x.shape
    numbers = np.arange(24, dtype=np.float32).reshape(shape)
    graph = assembly.graph("turned", [turned.name, plain.name])
    first, second = graph.predict(numbers.transpose(np.argsort(held))[None])
    assert np.array_equal(first[0], numbers.transpose(np.argsort(then)))
    assert np.array_equal(second[0], numbers)
