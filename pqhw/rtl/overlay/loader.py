"""Reads a program from memory, block after block: what arrives whole is used, nothing else."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.job import (BOOT, BOOT_MAGIC, BURST_WORDS, HEADER, MAGIC, VERSION,
                                 ProgramError, boot_beats, descriptor_beats, header_beats)
from ..checksum import CRC_INIT, CRC_RESIDUE, crc32_next
from ..target import Target
from .sequencer import job_layout

__all__ = ["ProgramLoader", "memory_layout", "request_layout"]


def request_layout() -> data.StructLayout:
    """Words that are asked for: the address of the first, and how many."""
    return data.StructLayout({"address": 32, "words": BURST_WORDS.bit_length()})


def memory_layout(spec: OverlaySpec) -> data.StructLayout:
    """A word of the memory; `last` with the last that a request asked for."""
    return data.StructLayout({"data": spec.port_bits, "last": 1})


class Section(enum.Enum, shape=3):  # type: ignore[call-arg]
    """Where in a program, or a block of it, the next word stands."""
    BOOT = 0
    HEADER = 1
    JOB = 2
    OUTPUTS = 3
    TREES = 4
    WORDS = 5
    CHECK = 6
    DONE = 7


class ProgramLoader(wiring.Component):
    """Loads a job's parameters while the job before is done, over and over.

    Parameters
    ----------
    spec:
        Sizes and the width of the port.

    Members
    -------
    base: address of the program's first word
    request, memory: words asked for, and those that come, in order
    job, ready, half: the next job, whose parameters are complete, in this copy; `taken` when it
        begins
    ends: a job needs its parameters no more
    boots: the program has begun as it should
    error, block: the first `ProgramError`, and the block in which it came; nothing is loaded any
        more then
    fields: the word that is written, from its lowest bit on
    outputs, trees, words: it belongs to biases and multipliers, to a tree, or to tables or weights;
        `place` and `lane` tell where, `filling` in which copy

    Latency and cost
    ----------------
    A port word a cycle, five cycles more per block.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        super().__init__({
            "base": In(32), "request": Out(stream.Signature(request_layout())),
            "memory": In(stream.Signature(memory_layout(spec))),
            "job": Out(job_layout()), "ready": Out(1), "half": Out(1), "taken": In(1),
            "ends": In(1), "boots": Out(1), "error": Out(3), "block": Out(16),
            "fields": Out(spec.most_beats * spec.port_bits),
            "outputs": Out(1), "trees": Out(1), "words": Out(1), "place": Out(12),
            "lane": Out(range(spec.lanes)), "filling": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        section = Signal(Section, name="section")
        fails = Signal(ProgramError, name="fails")
        stopped = Signal(name="stopped")
        m.d.comb += stopped.eq(self.error != ProgramError.NONE)
        take = Signal(name="take")
        held = Signal(2, name="blocks_held")
        begins = Signal(name="block_begins")
        open_ = Signal(name="block_open")
        may_begin = (held < 2) & ~self.ready
        m.d.comb += [
            self.memory.ready.eq(~stopped & (section != Section.DONE)
                                 & ((section != Section.HEADER) | open_ | may_begin)),
            take.eq(self.memory.valid & self.memory.ready),
            begins.eq(take & (section == Section.HEADER) & ~open_)]
        with m.If(begins):
            m.d.sync += open_.eq(1)
        m.d.sync += held.eq(held + begins - self.ends)
        total = Signal(32, name="program_words")
        self._request(m, total, stopped, take, fails)
        header, fires, fired = self._gather(m, section, take)
        good = self._checksum(m, section, take, begins)
        number = Signal(16, name="due")
        m.d.comb += self.block.eq(number)
        settled = Signal(2, name="settled")
        boot = data.View(data.StructLayout(BOOT), self._boot(m, fires & (fired == Section.BOOT)))
        verdict = self._verdict(m, boot, header, number, good)
        decides = Signal(name="decides")
        m.d.sync += decides.eq((section == Section.DONE) & (settled == 2) & ~stopped)
        with m.If(section == Section.DONE):
            m.d.sync += settled.eq(settled + 1)
            with m.If(decides):
                m.d.comb += fails.eq(verdict)
                m.d.sync += section.eq(Section.HEADER)
                with m.If(~self.boots):
                    m.d.sync += [self.boots.eq(1), total.eq(boot.beats)]
                with m.Elif(verdict == ProgramError.NONE):
                    m.d.sync += [self.ready.eq(1), open_.eq(0), self.half.eq(self.filling),
                                 self.filling.eq(~self.filling),
                                 number.eq(Mux(self.job.last, 0, number + 1))]
        with m.If(self.taken):
            m.d.sync += self.ready.eq(0)
        with m.If((fails != ProgramError.NONE) & ~stopped):
            m.d.sync += [self.error.eq(fails), self.boots.eq(0), section.eq(Section.DONE)]
        self._write(m, section, fires, fired)
        return m

    def _verdict(self, m: Module, boot, header, number: Signal, good: Signal) -> Signal:
        """What is wrong with the block that was read, or with the beginning, a cycle later."""
        verdict = Signal(ProgramError, name="verdict", reset_less=True)
        m.d.sync += verdict.eq(ProgramError.NONE)
        with m.If(self.boots):
            with m.If(~good):
                m.d.sync += verdict.eq(ProgramError.CHECKSUM)
            with m.Elif((header.magic != MAGIC) | (header.number != number)):
                m.d.sync += verdict.eq(ProgramError.ORDER)
        with m.Elif(boot.magic != BOOT_MAGIC):
            m.d.sync += verdict.eq(ProgramError.MAGIC)
        with m.Elif(boot.version != VERSION):
            m.d.sync += verdict.eq(ProgramError.VERSION)
        with m.Elif(boot.configuration != self.spec.configuration):
            m.d.sync += verdict.eq(ProgramError.CONFIGURATION)
        with m.Elif(~good):
            m.d.sync += verdict.eq(ProgramError.CHECKSUM)
        return verdict

    def _request(self, m: Module, total: Signal, stopped: Signal, take: Signal,
                 fails: Signal) -> None:
        """Ask for bursts, two at most on their way; the program begins anew at its end."""
        boot = boot_beats(self.spec)
        asked = Signal(32, name="asked")
        first = Signal(name="booted")
        left = Signal(32, name="left")
        count = Signal(2, name="bursts")
        now, following = (Signal(BURST_WORDS.bit_length(), name=name) for name in (
            "burst_left", "burst_next"))
        words = Signal.like(now, name="burst")
        sent, came = Signal(name="sent"), Signal(name="came")
        program = Signal(name="program_known")
        m.d.comb += [
            program.eq(total != 0), left.eq(total - asked),
            words.eq(Mux(program, Mux(left > BURST_WORDS, BURST_WORDS, left), boot)),
            self.request.valid.eq(~stopped & (count < 2) & (program | ~first)),
            self.request.payload.words.eq(words),
            self.request.payload.address.eq(self.base + asked + Mux(program, boot, 0)),
            sent.eq(self.request.valid & self.request.ready),
            came.eq(take & (now == 1))]
        with m.If(sent):
            m.d.sync += first.eq(1)
            with m.If(program):
                m.d.sync += asked.eq(Mux(left <= BURST_WORDS, 0, asked + BURST_WORDS))
        m.d.sync += count.eq(count + sent - came)
        with m.If(take):
            m.d.sync += now.eq(now - 1)
            with m.If(self.memory.payload.last != (now == 1)):
                m.d.comb += fails.eq(ProgramError.LENGTH)
        with m.If(came):
            m.d.sync += now.eq(following)
        with m.If(sent):
            with m.If((count == 0) | ((count == 1) & came)):
                m.d.sync += now.eq(words)
            with m.Else():
                m.d.sync += following.eq(words)

    def _boot(self, m: Module, fires: Signal) -> Signal:
        """What the program begins with, kept."""
        boot = Signal(sum(BOOT.values()), name="boot", reset_less=True)
        with m.If(fires):
            m.d.sync += boot.eq(self.fields)
        return boot

    def _gather(self, m: Module, section: Signal, take: Signal):
        """Port words side by side until all of a unit are there; and what follows what."""
        spec = self.spec
        header = Signal(data.StructLayout(HEADER), name="header", reset_less=True)
        beat, beat_end = Signal(4, name="beat"), Signal(4, name="beat_end")
        unit, unit_end = Signal(16, name="unit"), Signal(16, name="unit_end")
        fires, fired = Signal(name="fires"), Signal(Section, name="fired")
        done = Signal(name="section_done")
        job_end = Signal(name="unit_last")
        m.d.comb += [job_end.eq(take & (beat == beat_end)), done.eq(job_end & (unit == unit_end))]
        m.d.sync += [fires.eq(job_end), fired.eq(section)]
        with m.If(take):
            m.d.sync += beat.eq(Mux(job_end, 0, beat + 1))
        with m.If(job_end):
            m.d.sync += unit.eq(Mux(done, 0, unit + 1))
        parts = max(spec.most_beats, descriptor_beats(spec), boot_beats(spec) - 1)
        gathered = [Signal(spec.port_bits, name=f"beat{index}", reset_less=True)
                    for index in range(parts)]
        # What stands in the part that is due counts when it is taken; before, it is overwritten.
        for index, register in enumerate(gathered):
            with m.If(beat == index):
                m.d.sync += register.eq(self.memory.payload.data)
        whole = Cat(gathered)
        m.d.comb += self.fields.eq(whole)
        with m.If(fires & (fired == Section.HEADER)):
            m.d.sync += header.eq(whole)
        with m.If(fires & (fired == Section.JOB)):
            m.d.sync += self.job.eq(whole)
        lasts = {own: Signal(16, name=f"{name}_last", reset_less=True) for own, name in (
            (Section.OUTPUTS, "outputs"), (Section.TREES, "trees"), (Section.WORDS, "words"))}
        counts = {Section.OUTPUTS: header.outputs, Section.TREES: header.trees * spec.lanes,
                  Section.WORDS: header.words}
        sizes = {Section.BOOT: boot_beats(spec) - 1, Section.HEADER: header_beats(spec),
                 Section.JOB: descriptor_beats(spec), Section.OUTPUTS: spec.output_beats,
                 Section.TREES: spec.tree_beats, Section.CHECK: 1}
        # The header is there for several cycles before the first of these sections begins.
        m.d.sync += [last.eq(counts[own] - 1) for own, last in lasts.items()]
        with m.Switch(section):
            for own, size in sizes.items():
                with m.Case(own):
                    m.d.comb += beat_end.eq(size - 1)
            with m.Case(Section.WORDS):
                m.d.comb += beat_end.eq(header.beats - 1)
            with m.Default():
                pass
        with m.Switch(section):
            for own, last in lasts.items():
                with m.Case(own):
                    m.d.comb += unit_end.eq(last)
            with m.Default():
                pass
        order = [Section.HEADER, Section.JOB, Section.OUTPUTS, Section.TREES, Section.WORDS,
                 Section.CHECK]
        with m.If(done):
            with m.Switch(section):
                with m.Case(Section.BOOT):
                    m.d.sync += section.eq(Section.CHECK)
                with m.Case(Section.CHECK):
                    m.d.sync += section.eq(Section.DONE)
                for index, own in enumerate(order[:-1]):
                    with m.Case(own):
                        following = order[-1]
                        value = Value.cast(following)
                        for other in reversed(order[index + 1:-1]):
                            some = counts[other] != 0 if other in counts else Const(1, 1)
                            value = Mux(some, Value.cast(other), value)
                        m.d.sync += section.eq(value)
                with m.Default():
                    pass
        return header, fires, fired

    def _checksum(self, m: Module, section: Signal, take: Signal, begins: Signal) -> Signal:
        """Whether all words of a block and its checksum agree, three cycles after the last."""
        word = Signal(self.spec.port_bits, name="word_checked", reset_less=True)
        takes, restarts = Signal(name="checks"), Signal(name="check_restarts")
        crc, good = Signal(32, name="crc", init=CRC_INIT), Signal(name="good")
        m.d.sync += [word.eq(self.memory.payload.data), takes.eq(take), restarts.eq(begins)]
        with m.If(takes):
            m.d.sync += crc.eq(crc32_next(Mux(restarts, CRC_INIT, crc), word))
        m.d.sync += good.eq(crc == CRC_RESIDUE)
        return good

    def _write(self, m: Module, section: Signal, fires: Signal, fired: Signal) -> None:
        """Where a gathered word goes."""
        place, lane = Signal(12, name="place_now"), Signal(range(self.spec.lanes), name="lane_now")
        m.d.comb += [
            self.outputs.eq(fires & (fired == Section.OUTPUTS)),
            self.trees.eq(fires & (fired == Section.TREES)),
            self.words.eq(fires & (fired == Section.WORDS)),
            self.place.eq(place), self.lane.eq(lane)]
        with m.If(fires):
            with m.If(fired == Section.TREES):
                m.d.sync += lane.eq(lane + 1)
                with m.If(lane == self.spec.lanes - 1):
                    m.d.sync += place.eq(place + 1)
            with m.Else():
                m.d.sync += place.eq(place + 1)
            with m.If(fired != section):
                m.d.sync += [place.eq(0), lane.eq(0)]
