"""An overlay that reads its program over AXI4, with AXI4-Stream and AXI4-Lite ports beside."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.job import ProgramError
from ...spec.overlay.registers import input_rows, overlay_registers, result_rows
from ..overlay import Overlay, overlay_signature
from ..target import Target
from .lite import RegisterPort, lite_members
from .reads import ReadMaster, read_members
from .streams import RowsFromBus, RowsToBus, row_members
from .top import attach, place_resettable
from .words import RegisterWords

__all__ = ["AxiOverlay", "overlay_members"]


def overlay_members(spec: OverlaySpec) -> dict[str, Member]:
    """All ports of an overlay on the bus, but clock and reset."""
    ports = {"s_axi": lite_members(), "s_axis": row_members(input_rows(spec), target=True),
             "m_axis": row_members(result_rows(spec), target=False),
             "m_axi": read_members(spec.port_bits)}
    return {f"{port}_{name}": member for port, members in ports.items()
            for name, member in members.items()}


class HeldOverlay(wiring.Component):
    """An `Overlay` with images from AXI4-Stream, as new as long as `hold` is 1.

    Parameters
    ----------
    spec:
        What is built.

    Members
    -------
    hold: forget everything and take nothing
    tdata ... tready, keep_fault: as of `RowsFromBus`
    o, request, memory, status, image_faults: as of `Overlay`, whose `base` is 0

    Latency and cost
    ----------------
    Those of its parts, and a LUT4 or two.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        inner = dict(overlay_signature(spec, tells_faults=True).members.items())
        self.shared = [name for name in inner if name not in ("i", "base")]
        super().__init__({"hold": In(1), **row_members(input_rows(spec), target=True),
                          "keep_fault": Out(1), **{name: inner[name] for name in self.shared}})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        overlay = Overlay(self.spec, tells_faults=True)
        rows = RowsFromBus(input_rows(self.spec))
        place_resettable(m, self.hold, rows=rows, overlay=overlay)
        wiring.connect(m, rows.o, overlay.i)
        for name in ("o", "request", "memory", "status"):
            wiring.connect(m, getattr(overlay, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [
            rows.tdata.eq(self.tdata), rows.tkeep.eq(self.tkeep), rows.tlast.eq(self.tlast),
            rows.tvalid.eq(self.tvalid & ~self.hold), self.tready.eq(rows.tready & ~self.hold),
            self.keep_fault.eq(rows.keep_fault), self.image_faults.eq(overlay.image_faults)]
        return m


class AxiOverlay(wiring.Component):
    """An `Overlay` behind registers, streams of whole bytes, and reads of a memory.

    It rests until the register `CONTROL` starts it, reads the program that stands at `BASE`, and
    takes images at `s_axis`. A reset by `CONTROL` ends the program at once, but neither the
    errors, nor a result or an address on offer, which the standard forbids to take back. A start
    waits until all words that were asked for before have come. No combinational path leads from an
    input to an output.

    Parameters
    ----------
    spec:
        What is built; the network is of no concern.

    Members
    -------
    s_axi_*: registers, as `overlay_registers` has them
    s_axis_*, m_axis_*: images and results
    m_axi_*: reads of the memory; for all of them see `overlay_members`

    Latency and cost
    ----------------
    `BUS_LATENCY` cycles more from image to result, `READ_LATENCY` more than the memory's to a
    word. At most 92 flip-flops for the registers' port, 64 for the base address, 40 for errors and
    control, 2 * bits + 4 for each stream, and those of a `ReadMaster`; about 500 LUT4.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        self.registers = overlay_registers(spec)
        super().__init__(overlay_members(spec))

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.core = core = HeldOverlay(self.spec)
        m.submodules.results = results = RowsToBus(result_rows(self.spec))
        m.submodules.reads = reads = ReadMaster(self.spec)
        m.submodules.port = port = RegisterPort(self.registers)
        words = RegisterWords(m, port, self.registers)
        wiring.connect(m, core.o, results.i)
        wiring.connect(m, core.request, reads.request)
        wiring.connect(m, reads.memory, core.memory)
        for prefix, part in (("s_axi_", port), ("s_axis_", core), ("m_axis_", results),
                             ("m_axi_", reads)):
            attach(m, self, prefix, part)
        status = core.status
        running, due = self._control(m, port, words, reads.quiet)
        refused = status.error.any()
        m.d.comb += [core.hold.eq(~running), results.flush.eq(~running),
                     reads.run.eq(running & ~refused)]
        fault, code = Signal(name="fault"), Signal.like(status.error, name="code")
        # An error of the program comes before one of the memory: later words are not taken.
        m.d.comb += [fault.eq(reads.fault),
                     code.eq(Mux(fault, ProgramError.MEMORY, status.error))]
        words.tell("STATUS", READY=status.ready & ~fault, RUNNING=running | due,
                   DRAINING=~running & ~reads.quiet, RESULT_WAITS=self.m_axis_tvalid)
        words.tell("IMAGES_IN", COUNT=status.images_in)
        words.tell("IMAGES_OUT", COUNT=status.images_out)
        faults = {"IMAGE_SHORT": core.image_faults[0], "IMAGE_LONG": core.image_faults[1],
                  "KEEP": core.keep_fault}
        words.keep_errors(faults, "PROGRAM", "PROGRAM_ERROR", CODE=code,
                          BLOCK=status.error_block)
        self._base(m, port, words, reads, running | due)
        return m

    def _control(self, m: Module, port: RegisterPort, words: RegisterWords,
                 quiet: Signal) -> tuple[Signal, Signal]:
        """Whether a program runs, and whether one is to begin."""
        running, due = Signal(name="running"), Signal(name="due")
        resets = words.commands("CONTROL", "RESET")
        starts = Signal(name="starts")
        m.d.comb += starts.eq(words.commands("CONTROL", "START") & (resets | ~(running | due)))
        with m.If(due & ~running & quiet):
            m.d.sync += [running.eq(1), due.eq(0)]
        with m.If(starts):
            m.d.sync += due.eq(1)
        with m.If(resets):
            m.d.sync += [running.eq(0), due.eq(starts)]
        with m.If(words.commands("CONTROL", "START") & ~starts):
            m.d.comb += port.refuse.eq(1)
        return running, due

    def _base(self, m: Module, port: RegisterPort, words: RegisterWords, reads: ReadMaster,
              busy: Value) -> None:
        """The base address, which is kept while it is in use, and is a whole word's."""
        halves = [Signal(32, name=name) for name in ("base_low", "base_high")]
        within = (self.spec.port_bits // 8 - 1).bit_length()
        m.d.comb += reads.base.eq(Cat(halves))
        for half, name, write, wrong in (
                (halves[0], "BASE_LOW", port.write_base_low, port.data[:within].any()),
                (halves[1], "BASE_HIGH", port.write_base_high, 0)):
            words.tell(name, ADDRESS=half)
            with m.If(write):
                with m.If(busy | wrong):
                    m.d.comb += port.refuse.eq(1)
                with m.Else():
                    m.d.sync += half.eq(port.data)
