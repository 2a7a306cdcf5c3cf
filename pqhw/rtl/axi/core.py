"""What the register `CONTROL` resets: the accelerator, its rows from the bus, and its image."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.design import Design
from ...spec.registers import WORD_BITS
from ..accelerator import Accelerator, status_signature
from ..streams import row_stream
from ..target import Target
from .streams import RowsFromBus, row_members
from .top import place_resettable
from .window import LoadWindow

__all__ = ["ResettableCore"]


class ResettableCore(wiring.Component):
    """An `Accelerator` with rows from AXI4-Stream and an image in parts.

    Parameters
    ----------
    design:
        Which engines, and how they are joined.

    Members
    -------
    reset: forget everything in this cycle, as after power-up
    tdata ... tready, keep_fault, value_fault: as of `RowsFromBus`
    data, write, last, free, begun, overrun: as of `LoadWindow`
    o, status, row_faults: as of `Accelerator`

    Latency and cost
    ----------------
    Those of its parts, and a LUT4.
    """

    def __init__(self, design: Design):
        self.design = design
        super().__init__({
            "reset": In(1),
            **row_members(design.input, target=True, precision_bits=design.precision_bits),
            "keep_fault": Out(1), "value_fault": Out(1),
            "data": In(WORD_BITS), "write": In(1), "last": In(1), "free": Out(1),
            "begun": Out(1), "overrun": Out(1),
            "o": Out(row_stream(design.results.range, design.results.lanes)),
            "status": Out(status_signature(design)), "row_faults": Out(2)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        accelerator = Accelerator(self.design, tells_faults=True)
        rows = RowsFromBus(self.design.input, self.design.precision_bits)
        window = LoadWindow(self.design.load_bits)
        place_resettable(m, self.reset, rows=rows, window=window, accelerator=accelerator)
        wiring.connect(m, rows.o, accelerator.i)
        wiring.connect(m, window.o, accelerator.load)
        wiring.connect(m, accelerator.o, wiring.flipped(self.o))
        wiring.connect(m, accelerator.status, wiring.flipped(self.status))
        m.d.comb += [
            *(getattr(rows, name).eq(getattr(self, name))
              for name in rows.signature.members if name[0] == "t" and name != "tready"),
            self.tready.eq(rows.tready), self.keep_fault.eq(rows.keep_fault),
            self.value_fault.eq(rows.value_fault), self.row_faults.eq(accelerator.row_faults),
            window.data.eq(self.data), window.write.eq(self.write), window.last.eq(self.last),
            self.free.eq(window.free), self.begun.eq(window.begun),
            self.overrun.eq(window.overrun)]
        return m
