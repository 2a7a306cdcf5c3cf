"""Payload layouts of the product's streams, and a register that keeps full throughput."""

from amaranth.hdl import Shape
from amaranth.lib import data, stream

from ..spec.ranges import Range

__all__ = ["shape_of", "lanes_layout", "row_layout", "row_stream"]


def shape_of(range_: Range) -> Shape:
    """The narrowest shape that holds a range."""
    return Shape(range_.bits, range_.signed)


def lanes_layout(range_: Range, lanes: int) -> data.ArrayLayout:
    """`lanes` integers of a range side by side."""
    return data.ArrayLayout(shape_of(range_), lanes)


def row_layout(range_: Range, lanes: int, bank_bits: int = 0,
               precision_bits: int = 0) -> data.StructLayout:
    """A transfer of a row: `lanes` integers, `last` on the row's final transfer; within an
    accelerator whose memories hold several sets of parameters, the bank that the row uses; and at
    the input of one whose rows choose among precisions, `precision`."""
    bank = {"bank": bank_bits} if bank_bits else {}
    precision = {"precision": precision_bits} if precision_bits else {}
    return data.StructLayout({"data": lanes_layout(range_, lanes), "last": 1, **bank, **precision})


def row_stream(range_: Range, lanes: int, bank_bits: int = 0,
               precision_bits: int = 0) -> stream.Signature:
    """A stream of rows."""
    return stream.Signature(row_layout(range_, lanes, bank_bits, precision_bits))
