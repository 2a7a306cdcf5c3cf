"""An accelerator with AXI4-Stream ports for rows and an AXI4-Lite port for everything else."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Member

from ...spec.design import Design
from ...spec.registers import register_map
from ..target import Target
from .core import ResettableCore
from .lite import RegisterPort, lite_members
from .streams import RowsToBus, row_members
from .top import attach
from .words import RegisterWords

__all__ = ["BUS_LATENCY", "AxiAccelerator", "axi_members"]

BUS_LATENCY = 2
"""Cycles that the bus adds to an accelerator's latency."""


def axi_members(design: Design) -> dict[str, Member]:
    """All ports of a design on the bus, but clock and reset."""
    ports = {"s_axi": lite_members(),
             "s_axis": row_members(design.input, target=True,
                                   precision_bits=design.precision_bits),
             "m_axis": row_members(design.results, target=False)}
    return {f"{port}_{name}": member for port, members in ports.items()
            for name, member in members.items()}


class AxiAccelerator(wiring.Component):
    """An `Accelerator` behind registers and streams of whole bytes.

    Rows enter at `s_axis` and leave at `m_axis`; parameters, state and errors go over `s_axi`.
    No combinational path leads from an input to an output. Errors stay until ones are written
    over them; one that comes in the same cycle stays. The register `CONTROL` resets the
    accelerator but neither the errors nor a transfer on offer, which the standard forbids to
    take back.

    Parameters
    ----------
    design:
        Which engines, and how they are joined.

    Members
    -------
    s_axi_*, s_axis_*, m_axis_*: see `axi_members`

    Latency and cost
    ----------------
    `BUS_LATENCY` cycles more than the accelerator. At most 92 flip-flops for the registers' port,
    16 for errors, load_bits + log2(load_bits / 32) + 2 for the image, and 2 * bits + 4 for each
    stream, of whose transfers so many bits count. At most about 200 LUT4, and 2 for each bit of
    both streams' transfers.
    """

    def __init__(self, design: Design):
        self.design = design
        self.registers = register_map(design)
        super().__init__(axi_members(design))

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.core = core = ResettableCore(self.design)
        m.submodules.results = results = RowsToBus(self.design.results)
        m.submodules.port = port = RegisterPort(self.registers)
        words = RegisterWords(m, port, self.registers)
        wiring.connect(m, core.o, results.i)
        attach(m, self, "s_axi_", port)
        attach(m, self, "s_axis_", core)
        attach(m, self, "m_axis_", results)
        reset = Signal(name="reset")
        m.d.sync += reset.eq(words.commands("CONTROL", "RESET"))
        m.d.comb += [
            core.reset.eq(reset), results.flush.eq(reset), core.data.eq(port.data),
            core.write.eq(port.write_load_data | port.write_load_last),
            core.last.eq(port.write_load_last), port.refuse.eq(core.overrun)]
        status = core.status
        words.tell("STATUS", READY=status.ready, LOADING=status.loading | core.begun,
                   LOAD_FREE=core.free, RESULT_WAITS=self.m_axis_tvalid)
        words.tell("ROWS_IN", COUNT=status.rows_in)
        words.tell("ROWS_OUT", COUNT=status.rows_out)
        words.tell("STALL_CYCLES", COUNT=status.stall_cycles)
        if self.design.precision_bits:
            words.tell("PRECISION", INDEX=status.precision)
        faults = {"ROW_SHORT": core.row_faults[0], "ROW_LONG": core.row_faults[1],
                  "KEEP": core.keep_fault, "VALUE": core.value_fault, "OVERRUN": core.overrun}
        words.keep_errors(faults, "LOAD", "LOAD_ERROR", CODE=status.error,
                          SECTION=status.error_section)
        return m
