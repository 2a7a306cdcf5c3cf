"""Holds the fixed parts of an image, its header and the section headers, to their constants."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.image import HEADER_BYTES, SECTION_HEADER_BYTES, ImageLayout, LoadError
from .target import Target

__all__ = ["HeaderCheck"]

HEADER_FAULTS = [LoadError.MAGIC] * 4 + [LoadError.VERSION] + [LoadError.CONFIGURATION] * 7 + [
    LoadError.LENGTH] * 4
"""What it means when a byte of the header is not the one expected."""

SECTION_FAULTS = [LoadError.SECTION] * SECTION_HEADER_BYTES
"""The same for the header of a section."""


class HeaderCheck(wiring.Component):
    """Names the first wrong byte of a header's words.

    Parameters
    ----------
    layout:
        The image that is expected.

    Members
    -------
    step: a word of a header passes
    header, index, section: whether it is the image's, which word, and of which section
    word: that word, in the next cycle
    forget: what is on its way here belongs to no image, and the next one begins
    found, code, where: a word was wrong, the `LoadError`, and its section; once per image

    Latency and cost
    ----------------
    `found` comes two cycles after the word. Half a LUT4 per bit compared, of which a word has at
    most 128, and as much again where constants change from word to word.
    """

    def __init__(self, layout: ImageLayout):
        self.layout = layout
        self.size = layout.load_bits // 8
        super().__init__({
            "step": In(1), "header": In(1), "index": In(range(HEADER_BYTES)),
            "section": In(range(len(layout.sections) + 1)), "word": In(layout.load_bits),
            "forget": In(1),
            "found": Out(1), "code": Out(4), "where": Out(range(len(layout.sections) + 1))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        runs = self._runs()
        reach = runs[-1].stop
        expected = Signal(8 * reach, name="expected", reset_less=True)
        codes = Signal(4 * len(runs), name="codes", reset_less=True)
        section = Signal.like(self.section, name="section_compared", reset_less=True)
        compares = Signal(name="compares")
        m.d.sync += [section.eq(self.section), compares.eq(self.step & ~self.forget)]

        def expect(words: list[tuple[bytes, list[int]]]) -> None:
            with m.Switch(self.index):
                for index, (fixed, faults) in enumerate(words):
                    with m.Case(index):
                        named = [faults[run.start] for run in runs]
                        m.d.sync += [
                            expected.eq(int.from_bytes(fixed[:reach], "little")),
                            codes.eq(sum(code << 4 * run for run, code in enumerate(named)))]

        with m.If(self.header):
            expect(self._words(self.layout.header(), HEADER_FAULTS))
        with m.Else():
            with m.Switch(self.section):
                for number, one in enumerate(self.layout.sections):
                    with m.Case(number):
                        expect(self._words(one.header(), SECTION_FAULTS))
        wrong = Signal(len(runs), name="wrong")
        named = Signal.like(codes, name="codes_compared", reset_less=True)
        m.d.sync += [wrong.eq(0), named.eq(codes), self.where.eq(section)]
        with m.If(compares & ~self.forget):
            for index, run in enumerate(runs):
                code = codes.word_select(index, 4)
                given, right = (value[8 * run.start:8 * run.stop]
                                for value in (self.word, expected))
                m.d.sync += wrong[index].eq((given != right) & (code != LoadError.NONE))
        told = Signal(name="told")
        m.d.comb += self.found.eq(wrong.any() & ~told)
        with m.If(self.forget):
            m.d.sync += told.eq(0)
        with m.Elif(self.found):
            m.d.sync += told.eq(1)
        first = Const(LoadError.NONE, 4)
        for index in reversed(range(len(runs))):
            first = Mux(wrong[index], named.word_select(index, 4), first)
        m.d.comb += self.code.eq(first)
        return m

    def _words(self, fixed: bytes, faults: list[int]) -> list[tuple[bytes, list[int]]]:
        """A header's words, each with what its bytes mean if wrong; filling means nothing."""
        whole = faults + [LoadError.NONE] * (len(fixed) - len(faults))
        return [(fixed[at:at + self.size], whole[at:at + self.size])
                for at in range(0, len(fixed), self.size)]

    def _runs(self) -> list[range]:
        """Neighbouring bytes of a word that always mean the same; those without meaning left out.
        """
        words = self._words(self.layout.header(), HEADER_FAULTS)
        words += self._words(self.layout.sections[0].header(), SECTION_FAULTS)
        columns = list(zip(*(faults for _, faults in words)))
        starts = [at for at in range(len(columns)) if not at or columns[at] != columns[at - 1]]
        runs = [range(*ends) for ends in zip(starts, [*starts[1:], len(columns)])]
        return [run for run in runs if any(columns[run.start])]
