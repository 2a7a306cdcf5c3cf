"""What stands in memories from the start: constants always, even where all of them are 0."""

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from pqhw.emit.design import component_verilog


class _Words(wiring.Component):
    """A memory of four words, which can be written or not."""

    def __init__(self, init, written):
        self.init, self.written = init, written
        super().__init__({"address": In(2), "data": In(3), "word": Out(3)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = memory = Memory(shape=unsigned(3), depth=4, init=self.init)
        reader = memory.read_port()
        m.d.comb += [reader.addr.eq(self.address), self.word.eq(reader.data)]
        if self.written:
            writer = memory.write_port()
            m.d.comb += [writer.addr.eq(self.address), writer.data.eq(self.data), writer.en.eq(1)]
        return m


@pytest.mark.parametrize("init, written, stands", [
    ([0, 0, 0, 0], False, True), ([1, 0, 5, 0], False, True), ([1, 0, 5, 0], True, True),
    ([], True, False)])
def test_a_memory_that_is_never_written_has_contents_even_if_they_are_zero(init, written, stands):
    text = component_verilog(_Words(init, written))
    assert ("initial begin" in text) == stands
    assert text.count("] = 3'b") == 4 * stands
