"""The second IR: a network as kernel calls, which selection yields, planning places and emission prints.

A `Step` computes one layer, one row of output after the other.  Which rows of its inputs an output row reads is data
(`Window`), not code, so that planning can overlap buffers, and a schedule can interleave the rows of several layers.
"""

from mnc.program.calls import (
    NULL,
    Argument,
    Call,
    Const,
    In,
    Member,
    Name,
    Out,
    Record,
    RowNumber,
    Rows,
    Scratch,
    State,
)
from mnc.program.program import Program
from mnc.program.step import Step
from mnc.program.values import Buffer, Layout, Value, Window, dense, image_shape

__all__ = [
    "NULL",
    "Argument",
    "Buffer",
    "Call",
    "Const",
    "In",
    "Layout",
    "Member",
    "Name",
    "Out",
    "Program",
    "Record",
    "RowNumber",
    "Rows",
    "Scratch",
    "State",
    "Step",
    "Value",
    "Window",
    "dense",
    "image_shape",
]
