"""The table of targets, and how a network's interface is known."""

from __future__ import annotations

import pytest

from mnc import targets
from mnc.errors import CompileError
from mnc.ir.types import DType, TensorType
from mnc.targets import Interface


def test_every_target_is_found_by_its_name() -> None:
    assert targets.names()[0] == "host"
    assert {"cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"} < set(targets.names())
    assert all(targets.get(name).name == name for name in targets.names())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cortex-m44", "Did you mean 'cortex-m4'?"),
        ("Cortex-M7", "Did you mean 'cortex-m7'?"),
        ("abacus", "Targets: host,"),
    ],
)
def test_an_unknown_target_is_refused_with_a_way_out(name: str, hint: str) -> None:
    with pytest.raises(CompileError) as caught:
        targets.get(name)
    assert str(caught.value).startswith(f"error: unknown target {name!r}\nhint: {hint}")


HEADER = """
#define TWO_IN_INPUT_0_SIZE 12
#define TWO_IN_INPUT_1_SIZE (5)
#define TWO_IN_OUTPUT_SIZE 3
void two_in_init(two_in_t *net);
void two_in_run(two_in_t *net, const float *input0,
                const int8_t *input1, float *output);
"""


def test_a_header_tells_the_interface() -> None:
    expected = Interface("two_in", (TensorType((12,)), TensorType((5,), DType.INT8)), (TensorType((3,)),))
    assert Interface.of_header(HEADER, "two_in") == expected


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("two_in_run", "run", "there is no declaration of two_in_run"),
        ("int8_t", "char", "two_in_run has a parameter of unknown type: const char *input1"),
        ("_OUTPUT_SIZE", "_SIZE", "there is no macro TWO_IN_OUTPUT_SIZE"),
    ],
)
def test_a_header_of_another_kind_is_refused(old: str, new: str, what: str) -> None:
    with pytest.raises(CompileError) as caught:
        Interface.of_header(HEADER.replace(old, new), "two_in")
    assert str(caught.value) == f"error: two_in.h: {what}"
