"""Functions that layers share: they are there where calls agree, and they make the calls that they stand for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from gallery import SUPPORTED
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import batches, chain, networks
from quantised_networks import ANY, quantised_networks
from same_bits import BATCH, assert_same_bits

import mnc
from mnc.backends import program_of
from mnc.backends.c import C
from mnc.backends.library import Library, standard
from mnc.backends.sharing import SIZES, share
from mnc.backends.writer import literal
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense
from mnc.ir.types import Constant
from mnc.passes import optimise
from mnc.program import Argument, Call, Name, Program


def program_for(graph: Graph) -> Program:
    return program_of(C(), optimise(graph))


def calls(program: Program) -> list[Call]:
    return [call for step in program.steps for call in step.all_calls]


def written(call: Call) -> tuple[str, Mapping[str, Argument | str]]:
    """A call with its numbers and names as C has them."""

    def text(argument: Argument) -> Argument | str:
        match argument:
            case Name(name):
                return name
            case int() | float():
                return literal(argument)
        return argument

    return call.kernel, {parameter: text(argument) for parameter, argument in call.arguments.items()}


def inlined(call: Call, library: Library) -> tuple[str, Mapping[str, Argument | str]]:
    """The kernel call that a call leads to, by the C text of the function that it calls."""
    if call.kernel in standard().items:
        return written(call)
    body = " ".join(library.items[call.kernel].text.partition("{")[2].rpartition("}")[0].split())
    kernel, _, words = body.removesuffix(");").partition("(")
    given = dict(zip((p.name for p in standard().parameters(kernel)), words.split(", "), strict=True))
    own = written(call)[1]
    assert own.keys() == {p.name for p in library.parameters(call.kernel)}
    return kernel, {name: own.get(name, word.partition(" /*")[0]) for name, word in given.items()}


@settings(deadline=None)
@given(networks(layers=SUPPORTED, max_layers=8) | quantised_networks(), st.booleans())
def test_a_shared_function_makes_the_call_that_it_stands_for(graph: Graph, compact: bool) -> None:
    program = program_for(graph)
    sharing, library = share(program, standard(), "net", compact=compact)
    assert [inlined(call, library) for call in calls(sharing)] == [written(call) for call in calls(program)]
    used = [call.kernel for call in calls(sharing) if call.kernel not in standard().items]
    assert library.items.keys() - standard().items.keys() == set(used)
    assert all(used.count(name) > 1 for name in used)


def dense(inputs: int, outputs: int) -> Dense:
    return Dense(Constant(np.random.default_rng(inputs).normal(size=(inputs, outputs)).astype(np.float32)))


def test_layers_of_one_size_share_and_others_only_where_it_is_asked_for() -> None:
    program = program_for(chain((16,), a=dense(16, 16), b=dense(16, 16), c=dense(16, 32)))
    fast, _ = share(program, standard(), "net", compact=False)
    a, b, c = (step.kernel for step in fast.steps)
    assert a == b != c
    assert c in standard().items
    compact, library = share(program, standard(), "net", compact=True)
    a, b, c = (step.kernel for step in compact.steps)
    assert a == b == c
    assert library.items[c].text.startswith("/* mnc_pointwise_f32 as layers 0, 1, 2 call it. */\nMNC_LAYER void ")


def test_sizes_are_parameters_of_kernels() -> None:
    known = {p.name for item in standard().items.values() for p in item.parameters or ()}
    assert known >= SIZES


@settings(BATCH)
@given(graphs=batches(quantised_networks(dtypes=ANY, mixed=True), 16))
def test_compact_code_gives_the_same_bits(
    graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("compact"), gcc, settings={"code": "compact"})


@pytest.mark.parametrize("backend", ["c", "cpp", "cmsis-nn"])
def test_code_is_fast_or_compact(backend: str) -> None:
    graph = chain((8,), a=dense(8, 8))
    with pytest.raises(CompileError, match="option 'code': is fast or compact, not 'tiny'"):
        mnc.compile(graph, backend, "net", settings={"code": "tiny"})
