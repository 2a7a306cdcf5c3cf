"""Takes a parameter image, checks it as it comes, and writes the engines' memories."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.image import SECTION_HEADER_BYTES, TRAILER_BYTES, ImageLayout, LoadError
from .crc import CRC_INIT, CRC_RESIDUE, crc32_next
from .memory import SectionPort
from .target import Target

__all__ = ["Loader", "NoLoader", "load_stream"]

HEADER_FAULTS = [LoadError.MAGIC] * 4 + [LoadError.VERSION] + [LoadError.CONFIGURATION] * 7 + [
    LoadError.LENGTH] * 4
"""What it means when a byte of the header is not the one expected."""


def load_stream(load_bits: int) -> stream.Signature:
    """The parameter port: words of the image, `last` on its final one."""
    return stream.Signature(data.StructLayout({"data": load_bits, "last": 1}))


class NoLoader(wiring.Component):
    """Stands in for a `Loader` where every parameter is a constant.

    Swallows what is offered and tells so by error code `LoadError.CONSTANT`. Costs a flip-flop.
    """

    def __init__(self, layout: ImageLayout):
        super().__init__({
            "i": In(load_stream(layout.load_bits)),
            "idle": In(1), "busy": Out(1), "ready": Out(1), "error": Out(4), "section": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        refused = Signal(name="refused")
        m.d.comb += [self.i.ready.eq(1), self.ready.eq(1),
                     self.error.eq(Mux(refused, LoadError.CONSTANT, LoadError.NONE))]
        with m.If(self.i.valid):
            m.d.sync += refused.eq(1)
        return m


class State(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What the loader expects next."""
    IDLE = 0
    HEADER = 1
    SECTION = 2
    WORDS = 3
    TRAILER = 4
    CHECK = 5
    DRAIN = 6


class Loader(wiring.Component):
    """Accepts images while no row is under way; only a complete good one makes `ready` rise.

    The fixed parts of an image (header, section headers) are compared with constants as they
    pass, two cycles behind; the words between them go straight to their memories; the CRC-32
    decides at the end. The first fault is kept until the next image begins, the rest of a faulty
    image swallowed.

    Parameters
    ----------
    layout:
        The image this configuration takes.

    Members
    -------
    i: words of the image
    idle: no row is under way
    busy: an image waits or is being taken; no new row may begin
    ready: the memories hold a complete good image
    error, section: a `LoadError` and the section it was found in
    load_<index>: a write port per section

    Latency and cost
    ----------------
    One load word per cycle; memories are written one cycle behind. CRC of 8-bit words about
    90 LUT4, one LUT4 or two per chunk of a memory's word, about 80 for control.
    """

    def __init__(self, layout: ImageLayout):
        self.layout = layout
        self.bytes = layout.load_bits // 8
        super().__init__({
            "i": In(load_stream(layout.load_bits)),
            "idle": In(1), "busy": Out(1), "ready": Out(1),
            "error": Out(4), "section": Out(range(len(layout.sections) + 1)),
            **{f"load_{index}": Out(SectionPort(section))
               for index, section in enumerate(layout.sections)},
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        state = Signal(State, name="state")
        following = Signal(State, name="following_state")
        index = Signal(4, name="index")
        section = Signal(self.section.shape(), name="section_index")
        crc = Signal(32, name="crc", init=CRC_INIT)
        take = Signal(name="take")
        section_done = Signal(name="section_done")
        starting = Signal(name="starting")
        ends = Signal(name="ends")
        last_section = section == len(self.layout.sections) - 1
        m.d.comb += [
            self.busy.eq(self.i.valid | (state != State.IDLE)),
            self.i.ready.eq((state != State.IDLE) & (state != State.CHECK)),
            take.eq(self.i.valid & self.i.ready),
            starting.eq((state == State.IDLE) & self.i.valid & self.idle),
            ends.eq((state == State.TRAILER)
                    & (index == max(1, TRAILER_BYTES // self.bytes) - 1)),
            following.eq(state),
        ]
        with m.Switch(state):
            with m.Case(State.HEADER):
                with m.If(index == len(self.layout.header()) // self.bytes - 1):
                    m.d.comb += following.eq(State.SECTION)
            with m.Case(State.SECTION):
                with m.If(index == SECTION_HEADER_BYTES // self.bytes - 1):
                    m.d.comb += following.eq(State.WORDS)
            with m.Case(State.WORDS):
                with m.If(section_done):
                    m.d.comb += following.eq(Mux(last_section, State.TRAILER, State.SECTION))
            with m.Case(State.TRAILER):
                with m.If(ends):
                    m.d.comb += following.eq(Mux(self.i.payload.last, State.CHECK, State.DRAIN))
        fault = self._compare(m, state, index, section, take, starting)
        with m.If(take):
            m.d.sync += [state.eq(following), index.eq(index + 1),
                         crc.eq(crc32_next(crc, self.i.payload.data))]
            with m.If(following != state):
                m.d.sync += index.eq(0)
            with m.If(section_done):
                m.d.sync += section.eq(section + 1)
            with m.If(ends & ~self.i.payload.last):
                m.d.sync += [self.error.eq(LoadError.TOO_LONG), self.section.eq(section)]
            with m.If(self.i.payload.last & ~ends):
                m.d.sync += state.eq(State.IDLE)
                with m.If(state != State.DRAIN):
                    m.d.sync += [self.error.eq(LoadError.TRUNCATED), self.section.eq(section)]
        with m.If(state == State.CHECK):
            m.d.sync += state.eq(State.IDLE)
            with m.If(crc == CRC_RESIDUE):
                m.d.sync += self.ready.eq(1)
            with m.Else():
                m.d.sync += [self.error.eq(LoadError.CRC), self.section.eq(section)]
        with m.If(fault.code != LoadError.NONE):
            m.d.sync += [self.error.eq(fault.code), self.section.eq(fault.section)]
            with m.If((state == State.IDLE) | (state == State.CHECK)
                      | (take & self.i.payload.last)):
                m.d.sync += state.eq(State.IDLE)
            with m.Else():
                m.d.sync += state.eq(State.DRAIN)
        with m.If(starting):
            m.d.sync += [state.eq(State.HEADER), self.ready.eq(0), index.eq(0), section.eq(0),
                         self.section.eq(0), self.error.eq(LoadError.NONE), crc.eq(CRC_INIT)]
        m.d.comb += section_done.eq(self._write(m, section, take & (state == State.WORDS),
                                                restart=state == State.HEADER))
        return m

    def _compare(self, m: Module, state: Signal, index: Signal, section: Signal, take: Signal,
                 starting: Signal) -> data.View:
        """The fault of a header's word, two cycles after it was taken.

        A fault is known before CHECK, as at least two more words follow every header; one that
        is still on its way when the next image starts is forgotten with its image.
        """
        width = self.layout.load_bits
        expected = Signal(width, name="expected", reset_less=True)
        given = Signal(width, name="given", reset_less=True)
        codes = Signal(4 * self.bytes, name="codes", reset_less=True)
        where = Signal.like(section, name="compared_section", reset_less=True)
        compares = Signal(name="compares")
        m.d.sync += [given.eq(self.i.payload.data), where.eq(section),
                     compares.eq(take & ((state == State.HEADER) | (state == State.SECTION)))]
        with m.If(state == State.HEADER):
            self._expect(m, index, self.layout.header(), HEADER_FAULTS, expected, codes)
        with m.Else():
            with m.Switch(section):
                for number, one in enumerate(self.layout.sections):
                    faults = [LoadError.SECTION] * SECTION_HEADER_BYTES
                    with m.Case(number):
                        self._expect(m, index, one.header(), faults, expected, codes)
        fault = Signal(data.StructLayout({"code": 4, "section": section.shape()}), name="fault")
        m.d.sync += [fault.code.eq(LoadError.NONE), fault.section.eq(where)]
        with m.If(compares):
            for byte in reversed(range(self.bytes)):
                with m.If(given.word_select(byte, 8) != expected.word_select(byte, 8)):
                    m.d.sync += fault.code.eq(codes.word_select(byte, 4))
        with m.If(starting | (fault.code != LoadError.NONE)):
            m.d.sync += [compares.eq(0), fault.code.eq(LoadError.NONE)]
        return fault

    def _expect(self, m: Module, index: Signal, header: bytes, faults: list[int],
                expected: Signal, codes: Signal) -> None:
        """The word of a header that stands at `index`, and what its bytes mean if wrong."""
        with m.Switch(index):
            for word in range(len(header) // self.bytes):
                part = slice(word * self.bytes, (word + 1) * self.bytes)
                with m.Case(word):
                    m.d.sync += [
                        expected.eq(int.from_bytes(header[part], "little")),
                        codes.eq(sum(code << (4 * byte)
                                     for byte, code in enumerate(faults[part])))]

    def _write(self, m: Module, current: Signal, step: Value, restart: Value) -> Value:
        """Gather chunks and write them; returns whether a section's last word is taken."""
        sections = self.layout.sections
        width = self.layout.load_bits
        most_beats = max(section.beats for section in sections)
        most_lanes = max(section.banks * section.chunks for section in sections)
        most_words = max(section.words for section in sections)
        beat = Signal(range(most_beats), name="beat")
        lane = Signal(range(most_lanes), name="lane")
        address = Signal(range(most_words), name="address")
        chunk = Signal(most_beats * width, name="chunk", reset_less=True)
        write_address = Signal.like(address, name="write_address", reset_less=True)
        last_beat, last_lane, last_word = (Signal(name=f"last_{name}")
                                           for name in ("beat", "lane", "word"))
        ends = [Signal.like(counter, name=f"{name}_end", reset_less=True) for name, counter in
                (("beat", beat), ("lane", lane), ("word", address))]
        done = Signal(name="words_done")
        m.d.comb += [done.eq(step & last_beat & last_lane & last_word),
                     last_beat.eq(beat == ends[0]), last_lane.eq(lane == ends[1]),
                     last_word.eq(address == ends[2])]
        # A section's own counts are there when its header has passed.
        with m.Switch(current):
            for number, section in enumerate(sections):
                with m.Case(number):
                    m.d.sync += [ends[0].eq(section.beats - 1),
                                 ends[1].eq(section.banks * section.chunks - 1),
                                 ends[2].eq(section.words - 1)]
        with m.If(step):
            m.d.sync += [chunk.eq(Cat(chunk, self.i.payload.data)[width:]), beat.eq(beat + 1),
                         write_address.eq(address)]
            with m.If(last_beat):
                m.d.sync += [beat.eq(0), lane.eq(lane + 1)]
                with m.If(last_lane):
                    m.d.sync += [lane.eq(0), address.eq(address + 1)]
                    with m.If(last_word):
                        m.d.sync += address.eq(0)
        with m.Elif(restart):
            m.d.sync += [beat.eq(0), lane.eq(0), address.eq(0)]
        for number, section in enumerate(sections):
            port = getattr(self, f"load_{number}")
            lanes = section.banks * section.chunks
            enable = Signal(lanes, name=f"write_{section.name.replace('.', '_')}")
            writes = step & last_beat & (current == number)
            here = Cat(lane == index for index in range(lanes)) if lanes > 1 else 1
            m.d.sync += enable.eq(Mux(writes, here, 0))
            m.d.comb += [port.enable.eq(enable), port.address.eq(write_address),
                         port.data.eq(chunk[(most_beats - section.beats) * width:])]
        return done
