"""Buffers between engine parts: what comes out is what went in, regrouped, under any stalls."""

import random

import pytest
from amaranth.hdl import Value
from runner import Sink, Source, exchange, simulator

from pqhw.rtl.buffers import Outlet, Replay
from pqhw.rtl.gearbox import Collector, Gearbox, Splitter
from pqhw.rtl.guard import RowGuard
from pqhw.spec import GearboxSpec
from pqhw.spec.ports import RowPort
from pqhw.spec.ranges import Range, ceil_div, signed_range, unsigned_range

CHANCES = [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.5, 0.5), (1.0, 0.1), (0.1, 1.0)]
ROWS = 25


class KeepingSink(Sink):
    """Takes a payload only in the last of the cycles that it works on it."""

    def __init__(self, port, cycles):
        super().__init__(port)
        self.cycles, self.left = cycles, cycles

    def before(self, ctx):
        self.takes = self.left == 1
        ctx.set(self.port.ready, self.takes)

    def after(self, cycle, valid, payload):
        super().after(cycle, valid, payload)
        if valid:
            self.left = self.left - 1 or self.cycles


def run(component, payloads, count, valid=1.0, ready=1.0, setup=None, sink=None):
    """The sink and the source after `count` transfers through a component."""
    rng = random.Random(7)
    source, sink = Source(component.i, payloads, valid, rng), sink or Sink(component.o, ready, rng)
    sim = simulator(component)

    async def bench(ctx):
        if setup is not None:
            setup(ctx)
        limit = int((len(payloads) + count + 50) * 4 / (valid * ready)) + 200
        await exchange(ctx, source, sink, count, limit)

    sim.add_testbench(bench)
    sim.run()
    return source, sink


def random_rows(count, elements, range_, seed=3):
    rng = random.Random(seed)
    return [[rng.randint(range_.low, range_.high) for _ in range(elements)] for _ in range(count)]


def pack(row, lanes, range_):
    """A row as payloads: lanes least significant first, zeros beyond its end, then `last`."""
    mask = (1 << range_.bits) - 1
    payloads = []
    for start in range(0, len(row), lanes):
        word = sum((value & mask) << range_.bits * lane
                   for lane, value in enumerate(row[start:start + lanes]))
        payloads.append(word | (start + lanes >= len(row)) << range_.bits * lanes)
    return payloads


def packed(rows, lanes, range_):
    return [payload for row in rows for payload in pack(row, lanes, range_)]


RECUTS = [(6, 4, 2, 3), (4, 4, 4, 12), (12, 3, 4, 4), (3, 2, 1, 1), (5, 3, 2, 10), (8, 2, 4, 16)]
"""Rows that leave with another length: elements, lanes on both sides, elements that leave."""

GEARS = [(9, 6, 4), (7, 3, 2), (12, 3, 5), (12, 4, 4), (12, 6, 3), (12, 3, 6), (11, 6, 2),
         (11, 2, 6), (1, 3, 2), (5, 1, 5), (5, 5, 1), (13, 4, 6), (3, 8, 5)]


@pytest.mark.parametrize("valid, ready", CHANCES)
@pytest.mark.parametrize("elements, lanes_in, lanes_out", GEARS)
def test_a_gearbox_regroups_rows_of_any_length(elements, lanes_in, lanes_out, valid, ready):
    range_ = signed_range(4)
    rows = random_rows(ROWS, elements, range_)
    expected = packed(rows, lanes_out, range_)
    box = Gearbox(GearboxSpec(elements, lanes_in, lanes_out), range_)
    _, sink = run(box, packed(rows, lanes_in, range_), len(expected), valid, ready)
    assert sink.payloads == expected


@pytest.mark.parametrize("valid, ready", CHANCES)
@pytest.mark.parametrize("elements, lanes_in, lanes_out, leaving", RECUTS)
def test_a_gearbox_cuts_rows_anew(elements, lanes_in, lanes_out, leaving, valid, ready):
    range_ = signed_range(4)
    rows = random_rows(4 * leaving, elements, range_)
    flat = [value for row in rows for value in row]
    anew = [flat[start:start + leaving] for start in range(0, len(flat), leaving)]
    spec = GearboxSpec(elements, lanes_in, lanes_out, leaving)
    _, sink = run(Gearbox(spec, range_), packed(rows, lanes_in, range_),
                  len(packed(anew, lanes_out, range_)), valid, ready)
    mask = (1 << range_.bits * lanes_out) - 1
    assert [word & mask for word in sink.payloads] == [
        word & mask for word in packed(anew, lanes_out, range_)]
    if spec.collects:
        assert sink.payloads == packed(anew, lanes_out, range_)


@pytest.mark.parametrize("kept", [1, 2, 4, 9])
@pytest.mark.parametrize("elements, lanes_in, lanes_out", [*GEARS, (27, 1, 8), (27, 3, 9)])
def test_a_gearbox_needs_the_cycles_per_row_that_its_spec_says(elements, lanes_in, lanes_out,
                                                               kept):
    range_ = unsigned_range(3)
    spec = GearboxSpec(elements, lanes_in, lanes_out, transfer_cycles=kept)
    rows = random_rows(ROWS, elements, range_)
    transfers = ceil_div(elements, lanes_out)
    box = Gearbox(spec, range_)
    _, sink = run(box, packed(rows, lanes_in, range_), ROWS * transfers,
                  ready=1 / kept, sink=KeepingSink(box.o, kept))
    ends = sink.times[transfers - 1::transfers]
    assert ends[-1] - ends[9] == spec.cycles_per_row * (ROWS - 10)


@pytest.mark.parametrize("make, elements, lanes_in, lanes_out", [
    (Splitter, 12, 6, 2), (Splitter, 11, 6, 2), (Collector, 12, 2, 6), (Collector, 11, 2, 6)])
def test_splitters_and_collectors_take_one_cycle(make, elements, lanes_in, lanes_out):
    range_ = signed_range(5)
    rows = random_rows(3, elements, range_)
    expected = packed(rows, lanes_out, range_)
    source, sink = run(make(elements, range_, lanes_in, lanes_out), packed(rows, lanes_in, range_),
                       len(expected))
    assert sink.payloads == expected
    completing = source.times[0] if make is Splitter else source.times[lanes_out // lanes_in - 1]
    assert sink.times[0] - completing == 1


@pytest.mark.parametrize("valid, ready", CHANCES)
@pytest.mark.parametrize("registered", (False, True))
@pytest.mark.parametrize("groups, repeats", [(1, 1), (1, 3), (4, 1), (4, 3), (5, 2), (3, 4)])
def test_a_replay_plays_each_row_as_often_as_asked(groups, repeats, registered, valid, ready):
    rows = random_rows(ROWS, groups, unsigned_range(6))
    expected = [value for row in rows for _ in range(repeats) for value in row]
    unit = Replay(6, groups, repeats, registered=registered and groups == 1)
    _, sink = run(unit, [value for row in rows for value in row], len(expected), valid, ready)
    assert sink.payloads == expected


@pytest.mark.parametrize("groups, repeats, latency", [(1, 1, 0), (1, 3, -2), (4, 3, 5), (5, 2, 6)])
def test_a_replay_never_pauses_and_starts_two_cycles_after_a_stored_row(groups, repeats, latency):
    """A row of one transfer is held at the input: it is taken while it is played last."""
    rows = random_rows(ROWS, groups, unsigned_range(6))
    count = ROWS * groups * repeats
    source, sink = run(Replay(6, groups, repeats), [v for row in rows for v in row], count)
    assert sink.times[0] - source.times[0] == latency
    assert sink.times[-1] - sink.times[0] == count - 1


@pytest.mark.parametrize("ready", (1.0, 0.7, 0.5, 0.1))
@pytest.mark.parametrize("gaps", (0.0, 0.5))
def test_an_outlet_loses_and_repeats_nothing_when_a_pipeline_stands_still(gaps, ready):
    outlet = Outlet(8)
    rng = random.Random(5)
    sent, sink = [], Sink(outlet.o, ready, rng)
    sim = simulator(outlet)

    async def bench(ctx):
        value, valid = 0, 0
        for cycle in range(400):
            ctx.set(outlet.i, value)
            ctx.set(outlet.valid, valid)
            sink.before(ctx)
            enable = ctx.get(outlet.enable)
            *_, offered, payload = await ctx.tick().sample(outlet.o.valid, outlet.o.payload)
            sink.after(cycle, offered, payload)
            if enable:
                sent.extend([value] * valid)
                value, valid = rng.randrange(256), int(rng.random() >= gaps)

    sim.add_testbench(bench)
    sim.run()
    assert len(sink.payloads) > 20
    assert sink.payloads == sent[:len(sink.payloads)]
    assert len(sent) - len(sink.payloads) <= 1
    if ready == 1.0:
        assert len(sent) == len(sink.payloads)


# -- Row guard ---------------------------------------------------------------------------------

@pytest.mark.parametrize("valid, ready", CHANCES)
@pytest.mark.parametrize("elements, lanes, units", [
    (7, 3, 1), (6, 3, 1), (5, 5, 1), (3, 5, 1), (9, 2, 1), (1, 1, 1), (3, 2, 4), (2, 3, 5),
    (4, 2, 3), (1, 1, 2)])
def test_a_guard_mends_short_and_long_rows_and_passes_good_ones(elements, lanes, units, valid,
                                                                ready):
    """A row may be an image of several units, each in transfers of its own."""
    range_: Range = signed_range(4)
    per_unit = ceil_div(elements, lanes)
    transfers = units * per_unit
    rng = random.Random(11)
    sent, expected, shorts, longs = [], [], 0, 0
    for _ in range(ROWS):
        given = transfers if rng.random() < 0.4 else rng.randint(1, transfers + 3)
        row = random_rows(1, given * lanes, Range(-8, 7), rng.random())[0]
        sent += pack(row, lanes, range_)
        whole = (row + [0] * transfers * lanes)[:transfers * lanes]
        for start in range(0, transfers * lanes, per_unit * lanes):
            unit = pack(whole[start:start + elements], lanes, range_)
            expected += [word & (1 << range_.bits * lanes) - 1 for word in unit]
        shorts += given < transfers
        longs += given > transfers
    guard = RowGuard(RowPort(range_, (units, elements), elements, lanes))
    counts = {"short": 0, "long": 0, "begins": 0, "row": 0}
    source, sink = Source(guard.i, sent, valid, rng), Sink(guard.o, ready, rng)
    sim = simulator(guard)

    async def watch(ctx):
        ports = [getattr(guard, name) for name in counts]
        async for _, _, *pulses in ctx.tick().sample(*ports):
            for name, pulse in zip(counts, pulses):
                counts[name] += pulse

    async def bench(ctx):
        ctx.set(guard.open, 1)
        limit = int(len(sent) * 30 / (valid * ready)) + 500
        await exchange(ctx, source, sink, len(expected), limit)
        ctx.set(guard.i.valid, 0)
        ctx.set(guard.o.ready, 1)
        while len(source.times) < len(sent):
            source.before(ctx)
            *_, taken = await ctx.tick().sample(guard.i.ready)
            source.after(0, taken)
        await ctx.tick().repeat(3)
        assert ctx.get(guard.idle)

    sim.add_process(watch)
    sim.add_testbench(bench)
    sim.run()
    assert sink.payloads == expected
    assert counts == {"short": shorts, "long": longs, "begins": ROWS, "row": ROWS}


def test_a_closed_guard_finishes_the_row_under_way_and_begins_no_other():
    guard = RowGuard(RowPort(unsigned_range(4), (6,), 6, 2))
    sim = simulator(guard)
    taken = []

    async def bench(ctx):
        ctx.set(guard.o.ready, 1)
        ctx.set(guard.i.valid, 1)
        for cycle in range(20):
            ctx.set(guard.open, cycle == 4)
            ctx.set(Value.cast(guard.i.payload), (len(taken) % 3 == 2) << 8)
            *_, ready = await ctx.tick().sample(guard.i.ready)
            if ready:
                taken.append(cycle)

    sim.add_testbench(bench)
    sim.run()
    assert taken == [4, 5, 6]
