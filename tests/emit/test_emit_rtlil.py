"""The RTLIL parser on the corners of the notation, and what the writer refuses."""

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from pqhw.emit.design import component_verilog
from pqhw.emit.expressions import bits_of, constant, join
from pqhw.emit.rtlil import Assign, Chunk, Switch, parse_rtlil

TEXT = r"""
attribute \generator "x"
attribute \top 1
module \top
  attribute \init 4'0101
  wire width 4 \q
  wire width 8 input 1 signed \in.put
  wire width 1 output 2 $1
  memory width 3 size 5 \m
  cell $add $2
    parameter \A_SIGNED 1
    parameter \NAME "a b"
    connect \A { \in.put [7:4] \q [2] 3'01x }
    connect \B { }
    connect \Y $1
  end
  process $3
    assign \q [3:0] { \q [1:0] 2'10 }
    switch { \in.put [1:0] $1 }
      case 3'1--, 3'0-1
        assign \q [0] 1'1
        switch $1
          case 1'0
        end
      case
        assign \q [3:2] \q [1:0]
    end
  end
  connect $1 \in.put [0]
end
module \other
end
"""


def test_every_part_of_a_module_is_read():
    top, other = parse_rtlil(TEXT)
    assert (top.name, other.name, other.wires) == ("\\top", "\\other", {})
    assert [(w.width, w.direction, w.signed) for w in top.wires.values()] == [
        (4, "", False), (8, "input", True), (1, "output", False)]
    assert top.wires["\\q"].attributes == {"init": "4'0101"}
    assert top.wires["$1"].attributes == {}
    assert (top.memories["\\m"].width, top.memories["\\m"].size) == (3, 5)
    cell, = top.cells
    assert cell.parameters == {"A_SIGNED": "1", "NAME": '"a b"'}
    assert cell.connections == {
        "A": (Chunk("\\in.put", 7, 4), Chunk("\\q", 2, 2), Chunk(None, bits="01x")),
        "B": (), "Y": (Chunk("$1", 0, 0),)}
    assert top.connects == [((Chunk("$1", 0, 0),), (Chunk("\\in.put", 0, 0),))]


def test_processes_keep_order_nesting_patterns_and_defaults():
    process, = parse_rtlil(TEXT)[0].processes
    first, switch = process
    assert first == Assign((Chunk("\\q", 3, 0),), (Chunk("\\q", 1, 0), Chunk(None, bits="10")))
    assert isinstance(switch, Switch) and len(switch.value) == 2
    (patterns, body), (default, rest) = switch.cases
    assert (patterns, default) == (["1--", "0-1"], [])
    assert body[1].cases == [(["0"], [])]
    assert rest == [Assign((Chunk("\\q", 3, 2),), (Chunk("\\q", 1, 0),))]


@pytest.mark.parametrize("bits, text", [("1", "1'b1"), ("0101", "4'b0101"), ("00101", "5'h5"),
                                        ("1" * 9, "9'h1ff"), ("1x0--", "5'b1x0--")])
def test_constants_are_sized_and_exact(bits, text):
    assert constant(bits) == text


def test_bits_join_to_the_chunks_they_came_from():
    spec = (Chunk("a", 7, 4), Chunk(None, bits="01x"), Chunk("a", 3, 3), Chunk("b", 0, 0))
    assert len(bits_of(spec)) == 9
    assert join(bits_of(spec)) == spec
    assert join(bits_of((Chunk("a", 3, 2), Chunk("a", 1, 0)))) == (Chunk("a", 3, 0),)


class Part(wiring.Component):
    """y = build(m, self)."""
    a: In(4)
    b: In(4)
    y: Out(4)

    def __init__(self, build):
        self.build = build
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.y.eq(self.build(m, self))
        return m


def asynchronous_reset(m, p):
    m.domains += ClockDomain("sync", async_reset=True)
    m.d.comb += [ClockSignal().eq(p.b[0]), ResetSignal().eq(p.b[1])]
    register = Signal(4)
    m.d.sync += register.eq(p.a)
    return register


def falling_clock(m, p):
    m.domains += ClockDomain("sync", clk_edge="neg")
    register = Signal(4)
    m.d.sync += register.eq(p.a)
    return register


def transparent_memory(m, p):
    m.submodules.memory = memory = Memory(shape=4, depth=4, init=[])
    write = memory.write_port()
    read = memory.read_port(transparent_for=(write,))
    m.d.comb += [write.addr.eq(p.a), write.data.eq(p.b), write.en.eq(1), read.addr.eq(p.a)]
    return read.data


@pytest.mark.parametrize("build, cell", [
    (lambda m, p: p.a // p.b, "divfloor"), (lambda m, p: p.a % p.b, "modfloor"),
    (asynchronous_reset, "adff"), (falling_clock, "dff"), (transparent_memory, "memrd_v2")],
    ids=["division", "remainder", "asynchronous reset", "falling clock", "transparent memory"])
def test_what_the_writer_does_not_know_is_refused_and_not_left_out(build, cell):
    with pytest.raises(NotImplementedError, match=cell):
        component_verilog(Part(build))
