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


def row_layout(range_: Range, lanes: int, banked: bool = False) -> data.StructLayout:
    """A transfer of a row: `lanes` integers, `last` on the row's final transfer, and, within an
    accelerator whose memories hold two images, the bank that the row uses."""
    bank = {"bank": 1} if banked else {}
    return data.StructLayout({"data": lanes_layout(range_, lanes), "last": 1, **bank})


def row_stream(range_: Range, lanes: int, banked: bool = False) -> stream.Signature:
    """A stream of rows."""
    return stream.Signature(row_layout(range_, lanes, banked))
