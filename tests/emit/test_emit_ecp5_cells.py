"""ECP5 primitives by simulation in Icarus: carry chains, block RAM, DSP multipliers."""

import importlib.resources
import random

import pytest
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from icarus import icarus_outputs, needs_icarus
from segment_model import SEGMENTS, draws, result

from pqhw.emit.design import component_verilog
from pqhw.rtl.ecp5 import (Adder, AtLeast, AtLeastChosen, BlockRam, Multiplier, Select,
                           ShiftedOrZero)
from pqhw.rtl.ecp5_rom import Rom
from pqhw.rtl.ecp5_segments import SegmentChain

pytestmark = needs_icarus
MODELS = [str(importlib.resources.files("pqhw.sim") / "models" / "ecp5.v"), "-Wno-portbind"]


def outputs(component, vectors, folder):
    """The first output of a component, cycle by cycle; None where a bit has no value."""
    verilog = component_verilog(component, target="ecp5")
    seen = icarus_outputs(verilog, component, vectors, folder, MODELS)
    return [None if "x" in line[0] else int(line[0], 2) for line in seen]


@pytest.mark.parametrize("width", range(5, 13))
def test_the_adder_is_a_plus_b(width, tmp_path):
    rng = random.Random(width)
    top = (1 << width) - 1
    corners = [0, 1, 2, 3, top >> 1, (top >> 1) + 1, top - 1, top, 0x555 & top, 0xAAA & top]
    pairs = [[a, b] for a in corners for b in corners]
    pairs += [[1 << i, top >> (width - i)] for i in range(width)]
    pairs += [[rng.getrandbits(width), rng.getrandbits(width)] for _ in range(900)]
    assert outputs(Adder(width), pairs, tmp_path) == [(a + b) & top for a, b in pairs]


@pytest.mark.parametrize("width", (5, 6))
def test_the_narrowest_adders_are_right_for_every_pair(width, tmp_path):
    pairs = [[a, b] for a in range(1 << width) for b in range(1 << width)]
    top = (1 << width) - 1
    assert outputs(Adder(width), pairs, tmp_path) == [(a + b) & top for a, b in pairs]


@pytest.mark.parametrize("chain", [SEGMENTS, SEGMENTS[::-1], SEGMENTS[4:7], SEGMENTS[8:9]],
                         ids=("all", "reversed", "comparisons", "one sum"))
def test_segments_that_share_a_chain_are_their_operations(chain, tmp_path):
    """The first output is what all segments give, side by side."""
    made = [draws(segment, 2, 300) for segment in chain]
    vectors = [[value for inputs in row for value in inputs.values()] for row in zip(*made)]
    expected = [sum(result(segment, **inputs) << low for segment, inputs, low in
                    zip(chain, row, offsets(chain))) for row in zip(*made)]
    assert outputs(Together(chain), vectors, tmp_path) == expected


def offsets(chain):
    """Where each segment's result begins."""
    return [sum(segment.width for segment in chain[:index]) for index in range(len(chain))]


class Together(wiring.Component):
    """A chain of segments whose results are one output."""

    def __init__(self, segments):
        self.unit = SegmentChain(tuple(segments))
        members = self.unit.signature.members
        super().__init__({
            "all": Out(sum(segment.width for segment in segments)),
            **{name: member for name, member in members.items() if member.flow == In}})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = self.unit
        low = 0
        for name, member in self.unit.signature.members.items():
            if member.flow == In:
                m.d.comb += getattr(self.unit, name).eq(getattr(self, name))
            else:
                m.d.comb += self.all[low:low + member.shape].eq(getattr(self.unit, name))
                low += member.shape
        return m


@pytest.mark.parametrize("shape", [unsigned(5), signed(5), unsigned(6), signed(6)], ids=repr)
def test_a_comparison_is_right_for_every_pair(shape, tmp_path):
    numbers = range(1 << shape.width)
    pairs = [[a, b] for a in numbers for b in numbers]
    assert outputs(AtLeast(shape), pairs, tmp_path) == [
        int(value(a, shape) >= value(b, shape)) for a, b in pairs]


@pytest.mark.parametrize("shape", [unsigned(5), signed(5), unsigned(8), signed(8)], ids=repr)
def test_a_comparison_with_a_choice_built_in_is_right(shape, tmp_path):
    rng = random.Random(shape.width)
    ends = [0, 1, (1 << shape.width) - 1, 1 << shape.width - 1, (1 << shape.width - 1) - 1]
    vectors = [[low, high, index, b] for low in ends for high in ends for index in (0, 1)
               for b in ends]
    vectors += [[rng.getrandbits(bits) for bits in (shape.width, shape.width, 1, shape.width)]
                for _ in range(2000)]
    vectors += [[a, rng.getrandbits(shape.width), 0, a] for a in range(1 << shape.width)]
    assert outputs(AtLeastChosen(shape), vectors, tmp_path) == [
        int(value(high if index else low, shape) >= value(b, shape))
        for low, high, index, b in vectors]


@pytest.mark.parametrize("count", range(3, 9))
def test_one_of_a_few_values_is_selected(count, tmp_path):
    rng = random.Random(count)
    drawn = [[rng.getrandbits(4) for _ in range(count)] for _ in range(60)]
    picks = [(values, index) for values in drawn for index in range(count)]
    vectors = [[sum(one << 4 * at for at, one in enumerate(values)), index]
               for values, index in picks]
    assert outputs(Select(4, count), vectors, tmp_path) == [
        values[index] for values, index in picks]


@pytest.mark.parametrize("words", [17, 32, 33, 40, 48, 63, 64, 65, 100, 128])
def test_constant_words_are_read(words, tmp_path):
    rng = random.Random(words)
    held = [rng.getrandbits(6) for _ in range(words)]
    held = [word & 0b011111 | (index & 1) << 5 for index, word in enumerate(held)]
    assert outputs(Rom(6, tuple(held)), [[index] for index in range(words)], tmp_path) == held


@pytest.mark.parametrize("places", [(0, 1, 2, None), (None, 0, 1, 2)], ids=repr)
@pytest.mark.parametrize("shape", [unsigned(2), signed(2), unsigned(5), signed(5), signed(8)],
                         ids=repr)
def test_a_value_is_shifted_by_a_few_places_or_left_out(shape, places, tmp_path):
    width = shape.width + 2
    vectors = [[x, index] for x in range(1 << shape.width) for index in range(4)]
    assert outputs(ShiftedOrZero(shape, places, width), vectors, tmp_path) == [
        0 if places[index] is None
        else (value(x, shape) << places[index]) & ((1 << width) - 1) for x, index in vectors]


def value(bits, shape):
    """What bits are as a number of a shape."""
    return bits - (bits >> shape.width - 1 << shape.width) if shape.signed else bits


@pytest.mark.parametrize("a, b", [(signed(9), signed(8)), (unsigned(8), signed(8)),
                                  (signed(18), signed(18)), (unsigned(3), unsigned(2))], ids=repr)
def test_the_multiplier_gives_its_product_two_enabled_cycles_later(a, b, tmp_path):
    rng = random.Random(1)
    vectors = [[rng.getrandbits(a.width), rng.getrandbits(b.width), int(rng.random() < 0.7)]
               for _ in range(300)]
    vectors[:3] = [[1 << a.width - 1, 1 << b.width - 1, 1], [(1 << a.width) - 1, 1, 1], [0, 0, 1]]

    expected, stages = [], [None, None]
    for x, y, enable in vectors:
        expected.append(stages[1])
        if enable:
            stages = [value(x, a) * value(y, b) & (1 << 36) - 1, stages[0]]
    assert outputs(Multiplier(a, b), vectors, tmp_path) == expected


class Memory(wiring.Component):
    """A block RAM between plain ports, its output first."""

    def __init__(self, *arguments):
        self.ram = BlockRam(*arguments)
        ports = {"data": Out(self.ram.width), "write": In(1), "at": In(range(self.ram.words)),
                 "value": In(self.ram.width), "read": In(1), "address": In(range(self.ram.words))}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = self.ram
        m.d.comb += [ram.write_enable.eq(self.write), ram.write_address.eq(self.at),
                     ram.write_data.eq(self.value), ram.read_enable.eq(self.read),
                     ram.read_address.eq(self.address), self.data.eq(ram.read_data)]
        return m


@pytest.mark.parametrize("registered", (False, True))
@pytest.mark.parametrize("width, words", [
    (36, 512), (40, 300), (7, 1000), (18, 1024), (5, 2048), (9, 1500), (4, 4096), (3, 9),
    (1, 16384), (2, 20000)])
def test_a_block_ram_reads_what_was_written(width, words, registered, tmp_path):
    rng = random.Random(words)
    places = sorted({0, words - 1, words // 2, *rng.sample(range(words), min(words, 20))})
    stored, vectors = {}, []
    for place in places:
        stored[place] = rng.getrandbits(width)
        vectors.append([1, place, stored[place], 0, 0])
    stages, expected = [None, None], [None] * len(vectors)
    for _ in range(200):
        place, enable = rng.choice(places), int(rng.random() < 0.7)
        vectors.append([0, 0, 0, enable, place])
        expected.append(stages[registered])
        if enable:
            stages = [stored[place], stages[0]]
    assert outputs(Memory(width, words, registered), vectors, tmp_path) == expected


class Contents(wiring.Component):
    """A block RAM that is never written between plain ports."""

    def __init__(self, *arguments):
        self.ram = BlockRam(*arguments)
        super().__init__({"data": Out(self.ram.width), "read": In(1),
                          "address": In(range(self.ram.words))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = self.ram
        m.d.comb += [ram.read_enable.eq(self.read), ram.read_address.eq(self.address),
                     self.data.eq(ram.read_data)]
        return m


@pytest.mark.parametrize("registered", (False, True))
@pytest.mark.parametrize("width, words", [
    (36, 512), (40, 300), (7, 1000), (18, 1024), (5, 2048), (9, 1500), (4, 4096), (3, 9),
    (1, 16384), (2, 20000)])
def test_a_block_ram_has_its_contents_from_the_start(width, words, registered, tmp_path):
    rng = random.Random(words)
    contents = tuple(rng.getrandbits(width) for _ in range(words))
    stages, expected, vectors = [None, None], [], []
    for place in [0, words - 1, *(rng.randrange(words) for _ in range(300))]:
        enable = int(rng.random() < 0.7)
        vectors.append([enable, place])
        expected.append(stages[registered])
        if enable:
            stages = [contents[place], stages[0]]
    assert outputs(Contents(width, words, registered, contents), vectors, tmp_path) == expected
