"""An accelerator with AXI4-Stream ports for rows and an AXI4-Lite port for everything else."""

from amaranth.hdl import Cat, ClockDomain, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member

from ...spec.design import Design
from ...spec.registers import Register, register_map
from ..target import Target
from .core import ResettableCore
from .lite import RegisterPort, lite_members
from .streams import RowsToBus, row_members

__all__ = ["BUS_LATENCY", "AxiAccelerator", "AxiTop", "axi_members"]

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


def _attach(m: Module, outer: wiring.Component, prefix: str, inner: wiring.Component,
            inner_prefix: str = "") -> None:
    """Connect the ports of `outer` whose names begin with `prefix` to those of `inner`."""
    for name, member in outer.signature.members.items():
        if name.startswith(prefix):
            own, other = getattr(outer, name), getattr(
                inner, inner_prefix + name.removeprefix(prefix))
            m.d.comb += other.eq(own) if member.flow == In else own.eq(other)


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
        self.registers = {register.name: register for register in register_map(design)}
        super().__init__(axi_members(design))

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.core = core = ResettableCore(self.design)
        m.submodules.results = results = RowsToBus(self.design.results)
        m.submodules.port = port = RegisterPort(tuple(self.registers.values()))
        wiring.connect(m, core.o, results.i)
        _attach(m, self, "s_axi_", port)
        _attach(m, self, "s_axis_", core)
        _attach(m, self, "m_axis_", results)
        reset = Signal(name="reset")
        m.d.sync += reset.eq(port.write_control & self._bit("CONTROL", "RESET", port.data))
        m.d.comb += [
            core.reset.eq(reset), results.flush.eq(reset), core.data.eq(port.data),
            core.write.eq(port.write_load_data | port.write_load_last),
            core.last.eq(port.write_load_last), port.refuse.eq(core.overrun)]
        self._state(m, port, core)
        self._errors(m, port, core)
        return m

    def _bit(self, register: str, name: str, word: Signal) -> Signal:
        """The bits of a field in a word."""
        field = self.registers[register].field(name)
        return word[field.low:field.low + field.bits]

    def _tell(self, m: Module, port: RegisterPort, name: str, **fields: Signal) -> None:
        """Give the fields of a register, all of them, their values."""
        register: Register = self.registers[name]
        assert {field.name for field in register.fields} == set(fields)
        word = getattr(port, f"read_{name.lower()}")
        m.d.comb += [self._bit(name, field, word).eq(value) for field, value in fields.items()]

    def _state(self, m: Module, port: RegisterPort, core: ResettableCore) -> None:
        status = core.status
        self._tell(m, port, "STATUS", READY=status.ready, LOADING=status.loading | core.begun,
                   LOAD_FREE=core.free, RESULT_WAITS=self.m_axis_tvalid)
        self._tell(m, port, "ROWS_IN", COUNT=status.rows_in)
        self._tell(m, port, "ROWS_OUT", COUNT=status.rows_out)
        self._tell(m, port, "STALL_CYCLES", COUNT=status.stall_cycles)
        if self.design.precision_bits:
            self._tell(m, port, "PRECISION", INDEX=status.precision)

    def _errors(self, m: Module, port: RegisterPort, core: ResettableCore) -> None:
        """Errors as they come; of refused images the first is described."""
        status = core.status
        before, refused = Signal(name="error_before"), Signal(name="refused")
        code = Signal.like(status.error, name="first_code")
        section = Signal.like(status.error_section, name="first_section")
        m.d.sync += before.eq(status.error.any())
        m.d.comb += refused.eq(status.error.any() & ~before)
        found = {"LOAD": refused, "ROW_SHORT": core.row_faults[0],
                 "ROW_LONG": core.row_faults[1], "KEEP": core.keep_fault,
                 "VALUE": core.value_fault, "OVERRUN": core.overrun}
        kept = {}
        for name, event in found.items():
            kept[name] = bit = Signal(name=f"error_{name.lower()}")
            with m.If(event):
                m.d.sync += bit.eq(1)
            with m.Elif(port.write_errors & self._bit("ERRORS", name, port.data)):
                m.d.sync += bit.eq(0)
        self._tell(m, port, "ERRORS", **kept)
        clears = port.write_errors & self._bit("ERRORS", "LOAD", port.data)
        with m.If(refused & (~kept["LOAD"] | clears)):
            m.d.sync += Cat(code, section).eq(Cat(status.error, status.error_section))
        with m.Elif(clears):
            m.d.sync += Cat(code, section).eq(0)
        self._tell(m, port, "LOAD_ERROR", CODE=code, SECTION=section)


class AxiTop(wiring.Component):
    """An `AxiAccelerator` with the clock and the reset of the standard.

    Members
    -------
    aclk: the clock of all ports
    aresetn: resets where it is low at a rising edge
    s_axi_*, s_axis_*, m_axis_*: see `axi_members`
    """

    def __init__(self, design: Design):
        self.design = design
        super().__init__({"aclk": In(1), "aresetn": In(1), **axi_members(design)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        sync = ClockDomain("sync", local=True)
        sync.clk, sync.rst = Signal(name="clk"), Signal(name="rst")
        m.domains += sync
        m.submodules.bus = bus = AxiAccelerator(self.design)
        m.d.comb += [sync.clk.eq(self.aclk), sync.rst.eq(~self.aresetn)]
        for prefix in ("s_axi_", "s_axis_", "m_axis_"):
            _attach(m, self, prefix, bus, prefix)
        return m
