"""Takes a parameter image, checks it as it comes, and writes the engines' memories."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.image import HEADER_BYTES, ImageLayout, LoadError
from .checksum import Checksum
from .headers import HeaderCheck
from .memory import SectionPort
from .target import Target

__all__ = ["Loader", "NoLoader", "load_stream"]

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
            "free": In(1), "began": Out(1), "busy": Out(1), "ready": Out(1),
            "error": Out(4), "section": Out(1), "bank": Out(1)})

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
    """Takes images while their memories are free; only a complete good one is ever used.

    Every word is registered as it is taken; its headers are compared, its check is formed and
    its parameters are written from there. The first fault is kept until the next image begins,
    the rest of a faulty image swallowed.

    Parameters
    ----------
    layout:
        The image this configuration takes.

    Members
    -------
    i: words of the image
    free: no row that uses the memories to be written is under way
    began: an image begins
    busy: an image waits or is being taken
    ready: the memories hold a complete good image
    bank: the copy that is in use; the other is written (with two copies)
    error, section: a `LoadError` and the section it was found in
    load_<index>: a write port per section

    Latency and cost
    ----------------
    One load word per cycle; memories are written one cycle behind. See `Checksum` and
    `HeaderCheck`; one LUT4 or two per write enable, about 80 for control; as many
    flip-flops as the load words of the widest chunk have bits.
    """

    def __init__(self, layout: ImageLayout):
        self.layout = layout
        self.bytes = layout.load_bits // 8
        super().__init__({
            "i": In(load_stream(layout.load_bits)),
            "free": In(1), "began": Out(1), "busy": Out(1), "ready": Out(1),
            "error": Out(4), "section": Out(range(len(layout.sections) + 1)),
            "bank": Out(1),
            **{f"load_{index}": Out(SectionPort(section))
               for index, section in enumerate(layout.sections)},
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        state = Signal(State, name="state")
        following = Signal(State, name="following_state")
        index = Signal(range(HEADER_BYTES), name="index")
        section = Signal(self.section.shape(), name="section_index")
        word = Signal(self.layout.load_bits, name="word", reset_less=True)
        take = Signal(name="take")
        section_done = Signal(name="section_done")
        starting = Signal(name="starting")
        ends = Signal(name="ends")
        last_section = section == len(self.layout.sections) - 1
        m.d.comb += [
            self.busy.eq(self.i.valid | (state != State.IDLE)),
            self.i.ready.eq((state != State.IDLE) & (state != State.CHECK)),
            take.eq(self.i.valid & self.i.ready),
            self.began.eq(starting),
            ends.eq((state == State.TRAILER)
                    & (index == self.layout.trailer_bytes // self.bytes - 1)),
            following.eq(state),
        ]
        m.d.sync += word.eq(self.i.payload.data)
        m.d.sync += starting.eq((state == State.IDLE) & self.i.valid & self.free & ~starting)
        with m.Switch(state):
            with m.Case(State.HEADER):
                with m.If(index == self._words(self.layout.header()) - 1):
                    m.d.comb += following.eq(State.SECTION)
            with m.Case(State.SECTION):
                with m.If(index == self._words(self.layout.sections[0].header()) - 1):
                    m.d.comb += following.eq(State.WORDS)
            with m.Case(State.WORDS):
                with m.If(section_done):
                    m.d.comb += following.eq(Mux(last_section, State.TRAILER, State.SECTION))
            with m.Case(State.TRAILER):
                with m.If(ends):
                    m.d.comb += following.eq(Mux(self.i.payload.last, State.CHECK, State.DRAIN))
        with m.If(take):
            m.d.sync += [state.eq(following), index.eq(index + 1)]
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
        check = self._check(m, word, take, state, starting)
        with m.If(state == State.CHECK):
            m.d.sync += index.eq(index + 1)
            with m.If(index == Checksum.LATENCY):
                m.d.sync += state.eq(State.IDLE)
                with m.If(check.good):
                    m.d.sync += self.ready.eq(1)
                    if self.layout.double_buffered:
                        m.d.sync += self.bank.eq(~self.bank)
                with m.Else():
                    m.d.sync += [self.error.eq(LoadError.CRC), self.section.eq(section)]
        headers = self._headers(m, word, take, state, index, section, starting)
        with m.If(headers.found):
            m.d.sync += [self.error.eq(headers.code), self.section.eq(headers.where)]
            with m.If((state == State.IDLE) | (state == State.CHECK)
                      | (take & self.i.payload.last)):
                m.d.sync += state.eq(State.IDLE)
            with m.Else():
                m.d.sync += state.eq(State.DRAIN)
        with m.If(starting):
            m.d.sync += [state.eq(State.HEADER), index.eq(0), section.eq(0),
                         self.section.eq(0), self.error.eq(LoadError.NONE)]
            if not self.layout.double_buffered:
                m.d.sync += self.ready.eq(0)
        m.d.comb += section_done.eq(self._write(m, word, section, take & (state == State.WORDS),
                                                restart=state == State.HEADER))
        return m

    def _words(self, part: bytes) -> int:
        """Load words of a part of the image."""
        return len(part) // self.bytes

    def _check(self, m: Module, word: Signal, take: Signal, state: Signal,
               starting: Signal) -> Checksum:
        """The check over the words, each a cycle after it was taken."""
        m.submodules.checksum = check = Checksum(self.layout.load_bits)
        step, trailer = Signal(name="checked"), Signal(name="is_trailer")
        m.d.sync += [step.eq(take & (state != State.TRAILER)),
                     trailer.eq(take & (state == State.TRAILER))]
        m.d.comb += [check.word.eq(word), check.step.eq(step), check.trailer.eq(trailer),
                     check.restart.eq(starting)]
        return check

    def _headers(self, m: Module, word: Signal, take: Signal, state: Signal, index: Signal,
                 section: Signal, starting: Signal) -> HeaderCheck:
        """The fault of a header's word, two cycles after it was taken.

        A fault is known before the end of CHECK, as at least two more words follow every header;
        one that comes after another, or when the next image starts, is forgotten.
        """
        m.submodules.headers = headers = HeaderCheck(self.layout)
        m.d.comb += [
            headers.step.eq(take & ((state == State.HEADER) | (state == State.SECTION))),
            headers.header.eq(state == State.HEADER),
            headers.index.eq(index), headers.section.eq(section), headers.word.eq(word),
            headers.forget.eq(starting)]
        return headers

    def _write(self, m: Module, word: Signal, current: Signal, step: Value,
               restart: Value) -> Value:
        """Gather chunks and write them; returns whether a section's last word is taken."""
        sections = self.layout.sections
        width = self.layout.load_bits
        most_beats = max(section.beats for section in sections)
        most_lanes = max(section.lanes for section in sections)
        most_words = max(section.words for section in sections)
        beat = Signal(range(most_beats), name="beat")
        lane = Signal(range(most_lanes), name="lane")
        address = Signal(range(most_words), name="address")
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
                                 ends[1].eq(section.lanes - 1),
                                 ends[2].eq(section.words - 1)]
        m.d.sync += write_address.eq(address)
        with m.If(step):
            m.d.sync += beat.eq(beat + 1)
            with m.If(last_beat):
                m.d.sync += [beat.eq(0), lane.eq(lane + 1)]
                with m.If(last_lane):
                    m.d.sync += [lane.eq(0), address.eq(address + 1)]
                    with m.If(last_word):
                        m.d.sync += address.eq(0)
        with m.Elif(restart):
            m.d.sync += [beat.eq(0), lane.eq(0), address.eq(0)]
        chunk = self._gathered(m, word, step, most_beats)
        for number, section in enumerate(sections):
            port = getattr(self, f"load_{number}")
            lanes = section.lanes
            enable = Signal(lanes, name=f"write_{section.name.replace('.', '_')}")
            writes = step & last_beat & (current == number)
            here = Cat(lane == index for index in range(lanes)) if lanes > 1 else 1
            m.d.sync += enable.eq(Mux(writes, here, 0))
            target = write_address[:section.word_bits]
            if section.copies > 1:
                target = Cat(target, ~self.bank)
            m.d.comb += [port.enable.eq(enable), port.address.eq(target),
                         port.data.eq(chunk[(most_beats - section.beats) * width:])]
        return done

    def _gathered(self, m: Module, word: Signal, step: Value, beats: int) -> Value:
        """The last `beats` words of a section, the newest on top."""
        if beats == 1:
            return word
        earlier = Signal((beats - 1) * len(word), name="earlier_words", reset_less=True)
        kept = Signal(name="kept")
        m.d.sync += kept.eq(step)
        with m.If(kept):
            m.d.sync += earlier.eq(Cat(earlier, word)[len(word):])
        return Cat(earlier, word)
