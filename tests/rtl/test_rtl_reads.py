"""Reads over AXI4: every word asked for, once, in order, within the rules of the standard."""

import dataclasses
import random

import pytest
from overlay_builders import TINY
from runner import simulator

from pqhw.rtl.axi.reads import BURSTS, READ_LATENCY, ReadMaster
from pqhw.spec.overlay.job import BURST_WORDS

PAGE = 4096
FACTOR = 0x9e3779b97f4a7c15
AR = ("araddr", "arlen", "arsize", "arburst", "arid")
OKAY, EXOKAY, SLVERR, DECERR = range(4)


class Memory:
    """Answers bursts, stalled by chance; asserts the rules of AXI4.

    Parameters
    ----------
    answers: RRESP of a word, by how many words came before it
    flips: words, by the same count, whose RLAST is wrong
    """

    def __init__(self, size, rng, asks=1.0, gives=1.0, answers=None, flips=()):
        self.size, self.rng, self.asks, self.gives = size, rng, asks, gives
        self.answers, self.flips = answers or {}, flips
        self.words = []          # (address, last of its burst)
        self.bursts = []         # (address, words)
        self.given = 0
        self.offered = None
        self.offers = False
        self.ready = False

    def value(self, address):
        return address // self.size * FACTOR & (1 << 8 * self.size) - 1

    @property
    def under_way(self):
        return sum(last for _, last in self.words)

    def before(self, ctx, dut):
        self.ready = self.rng.random() < self.asks
        ctx.set(dut.arready, self.ready)
        self.offers = bool(self.words) and (self.offers or self.rng.random() < self.gives)
        ctx.set(dut.rvalid, self.offers)
        if self.offers:
            address, last = self.words[0]
            ctx.set(dut.rdata, self.value(address))
            ctx.set(dut.rlast, last ^ (self.given in self.flips))
            ctx.set(dut.rresp, self.answers.get(self.given, OKAY))

    def after(self, valid, address_pins, taken):
        if self.offers and taken:
            self.words.pop(0)
            self.given += 1
            self.offers = False
        if self.offered is not None:
            assert valid and address_pins == self.offered, "an address was taken back"
        self.offered = None
        if not valid:
            return
        if not self.ready:
            self.offered = address_pins
            return
        address, length, size, kind, own = address_pins
        assert (1 << size, kind, own) == (self.size, 1, 0)
        count = length + 1
        assert address % self.size == 0 and count <= BURST_WORDS
        assert address // PAGE == (address + count * self.size - 1) // PAGE, hex(address)
        self.bursts.append((address, count))
        self.words += [(address + at * self.size, at == count - 1) for at in range(count)]
        assert self.under_way <= BURSTS


def run(spec, base, requests, memory, *, takes=1.0, cycles=4000, stop=None):
    """Words given, and their cycles, of requests [(place, words)], two at most at a time; `stop`
    is the cycle in which `run` becomes 0, until nothing is on its way."""
    dut, rng = ReadMaster(spec), random.Random(9)
    sim = simulator(dut)
    came, told = [], {"fault": False, "stopped": None}

    async def bench(ctx):
        sent = ended = 0
        running = True
        ctx.set(dut.base, base)
        for cycle in range(cycles):
            running = running and cycle != stop
            offers = sent < len(requests) and sent - ended < 2
            ctx.set(dut.run, running)
            ctx.set(dut.request.valid, offers)
            if offers:
                ctx.set(dut.request.payload.address, requests[sent][0])
                ctx.set(dut.request.payload.words, requests[sent][1])
            ready = running and not told["fault"] and rng.random() < takes
            ctx.set(dut.memory.ready, ready)
            memory.before(ctx, dut)
            (_, _, accepted, valid, word, last, fault, quiet, arvalid, rready,
             *pins) = await ctx.tick().sample(
                dut.request.ready, dut.memory.valid, dut.memory.payload.data,
                dut.memory.payload.last, dut.fault, dut.quiet, dut.arvalid, dut.rready,
                *(getattr(dut, pin) for pin in AR))
            memory.after(arvalid, tuple(pins), rready)
            sent += offers and accepted
            if valid and ready:
                came.append((cycle, word, last))
                ended += last
            told["fault"] |= bool(fault)
            assert not (quiet and memory.words), "quiet while words are still to come"
            if stop is None and ended == len(requests) or not running and quiet:
                told["stopped"] = cycle
                return
        told["cycles"] = cycles
    sim.add_testbench(bench)
    sim.run()
    return came, told


def expected(spec, base, requests):
    size = spec.port_bits // 8
    memory = Memory(size, None)
    return [(memory.value((base + (place + at) * size) % (1 << 64)), int(at == words - 1))
            for place, words in requests for at in range(words)]


def drawn(rng, count):
    """Requests as an overlay makes them, and others."""
    place, made = 0, []
    for _ in range(count):
        words = rng.choice((1, 2, 3, BURST_WORDS, BURST_WORDS, rng.randint(1, BURST_WORDS)))
        made.append((place, words))
        place = rng.choice((0, place + words, place + words, rng.randrange(1 << 20)))
    return made


@pytest.mark.parametrize("port_bits", [32, 64])
@pytest.mark.parametrize("seed, asks, gives, takes", [
    (1, 1, 1, 1), (2, 0.2, 1, 0.7), (3, 1, 0.2, 1), (4, 0.6, 0.6, 0.3), (5, 0.05, 1, 1)])
def test_words_come_as_they_were_asked_for_whatever_stalls(port_bits, seed, asks, gives, takes):
    spec, rng = dataclasses.replace(TINY, port_bits=port_bits), random.Random(seed)
    size = port_bits // 8
    base = rng.choice((0, PAGE - 3 * size, rng.randrange(1 << 60) * size))
    requests = drawn(rng, 14)
    memory = Memory(size, rng, asks, gives)
    came, told = run(spec, base, requests, memory, takes=takes)
    assert [own[1:] for own in came] == expected(spec, base, requests)
    assert not told["fault"]


@pytest.mark.parametrize("first", [1, BURST_WORDS - 1, BURST_WORDS])
def test_a_burst_ends_with_its_page(first):
    """Also where it ends exactly there."""
    size = TINY.port_bits // 8
    base = 0x1_0000_0000 - first * size
    memory = Memory(size, random.Random(1))
    came, _ = run(TINY, base, [(0, BURST_WORDS)], memory)
    rest = [(0x1_0000_0000, BURST_WORDS - first)] if first < BURST_WORDS else []
    assert memory.bursts == [(base, first), *rest]
    assert [own[1:] for own in came] == expected(TINY, base, [(0, BURST_WORDS)])


def test_a_word_comes_in_every_cycle_across_pages():
    """With a memory that answers a cycle after it was asked."""
    requests = [(at * BURST_WORDS, BURST_WORDS) for at in range(40)]
    memory = Memory(TINY.port_bits // 8, random.Random(1))
    came, _ = run(TINY, PAGE - 20, requests, memory)
    cycles = [cycle for cycle, _, _ in came]
    assert cycles == list(range(1 + READ_LATENCY, 1 + READ_LATENCY + 40 * BURST_WORDS))
    assert len(memory.bursts) > 40


@pytest.mark.parametrize("stop", [*range(9), 20, 33, 47, 100])
def test_what_was_asked_for_is_taken_after_a_stop(stop):
    """Words, and an address on offer; nothing more is asked for or given."""
    requests = drawn(random.Random(stop), 12)
    memory = Memory(TINY.port_bits // 8, random.Random(stop), asks=0.3, gives=0.5)
    came, told = run(TINY, PAGE - 36, requests, memory, stop=stop)
    assert told["stopped"] is not None and not memory.words
    assert all(cycle < stop for cycle, _, _ in came)
    assert [own[1:] for own in came] == expected(TINY, PAGE - 36, requests)[:len(came)]


@pytest.mark.parametrize("answer", [EXOKAY, SLVERR, DECERR])
@pytest.mark.parametrize("at", [0, 5, 31, 32, 70])
def test_no_word_from_a_failed_read_on_is_given(at, answer):
    """What still comes is taken, so that the interconnect is not held up."""
    requests = [(number * BURST_WORDS, BURST_WORDS) for number in range(8)]
    memory = Memory(TINY.port_bits // 8, random.Random(1), answers={at: answer})
    came, told = run(TINY, PAGE - 60, requests, memory, cycles=300)
    assert told["fault"] and not memory.words
    assert [own[1:] for own in came] == expected(TINY, PAGE - 60, requests)[:at]


@pytest.mark.parametrize("at", [0, 14, 15, 20, 31, 45])
def test_a_wrong_end_is_told_and_words_are_counted_all_the_same(at):
    """`last` is then not where the request ends, which the loader notices."""
    requests = [(number * BURST_WORDS, BURST_WORDS) for number in range(2)]
    memory = Memory(TINY.port_bits // 8, random.Random(1), flips={at})
    came, told = run(TINY, PAGE - 60, requests, memory, cycles=200, stop=150)
    right = expected(TINY, PAGE - 60, requests)
    assert [word for _, word, _ in came] == [word for word, _ in right]
    assert [last for _, _, last in came] != [last for _, last in right]
    assert told["stopped"] is not None
