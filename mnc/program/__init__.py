"""The second IR: a network as kernel calls, which selection yields, planning places and emission prints.

A `Step` computes one layer, one row of output after the other where it can.  Which rows of its inputs are
read for a row of output is data (`Window`), not code, so that planning can overlap buffers, and a schedule can
interleave the rows of several layers.
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
    Range,
    Record,
    RowNumber,
    RowPointers,
    Scratch,
    State,
)
from mnc.program.program import Feed, Frames, Holder, Memory, Program, scratch_buffers
from mnc.program.slices import Slices
from mnc.program.stage import INPUT, Firing, Stage, firings
from mnc.program.step import ROW, Fold, Loop, Once, Rows, Step, Times
from mnc.program.values import Buffer, Layout, Value, Window, dense, image_shape, ring_rows, struct_layout, up_to

__all__ = [
    "INPUT",
    "NULL",
    "ROW",
    "Argument",
    "Buffer",
    "Call",
    "Const",
    "Feed",
    "Firing",
    "Fold",
    "Frames",
    "Holder",
    "In",
    "Layout",
    "Loop",
    "Member",
    "Memory",
    "Name",
    "Once",
    "Out",
    "Program",
    "Range",
    "Record",
    "RowNumber",
    "RowPointers",
    "Rows",
    "Scratch",
    "Slices",
    "Stage",
    "State",
    "Step",
    "Times",
    "Value",
    "Window",
    "dense",
    "firings",
    "image_shape",
    "ring_rows",
    "scratch_buffers",
    "struct_layout",
    "up_to",
]
