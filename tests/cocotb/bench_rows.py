"""Rows whose `last` stands in the wrong place."""

import cocotb
import numpy as np
from bench_common import material
from bench_setup import check_rows, drain, load, started

from pqhw.sim.agents import Random, always, pattern
from pqhw.sim.transfers import image_payloads, row_payloads


def _framed(chain, row, lengths, rng):
    """The row's transfers cut or prolonged to `lengths`, `last` on the final one."""
    first = chain.first
    width = first.lanes_in * first.activation_range.bits
    payloads = [payload & (1 << width) - 1 for payload in row_payloads(chain, row[None])]
    payloads += [int(rng.integers(0, 1 << min(width, 62))) for _ in range(lengths)]
    payloads = payloads[:lengths]
    payloads[-1] |= 1 << width
    return payloads


def _mended(chain, row, lengths):
    """What the accelerator makes of it: zeros for what is missing, the rest cut."""
    mended = row.copy()
    mended[lengths * chain.first.lanes_in:] = 0
    return mended


async def _run(bench, given, lengths, *, seed=1):
    rng = np.random.default_rng(seed)
    expected = [_mended(bench.design, row, length) for row, length in zip(given.rows, lengths)]
    for row, length in zip(given.rows, lengths):
        bench.i.send(_framed(bench.design, row, length, rng))
    await drain(bench, len(lengths))
    check_rows(bench, given.results_of(np.array(expected)))
    assert bench.status("rows_in") == bench.status("rows_out") == len(lengths)


@cocotb.test()
async def a_short_row_is_padded_with_zero_and_flagged(dut):
    """However early its `last` comes; the rows around it are untouched."""
    bench = await started(dut)
    transfers = bench.design.first.input_transfers
    given = material(bench.design, 2 * transfers - 1, seed=31)
    await load(bench, given.image)
    bench.o.willing = always
    lengths = [length for short in range(1, transfers) for length in (short, transfers)]
    lengths += [transfers]
    await _run(bench, given, lengths)
    assert (bench.status("row_short"), bench.status("row_long")) == (int(transfers > 1), 0)


@cocotb.test()
async def a_long_row_is_cut_and_flagged(dut):
    """However long it goes on; the rows around it are untouched."""
    bench = await started(dut)
    transfers = bench.design.first.input_transfers
    given = material(bench.design, 8, seed=32)
    await load(bench, given.image)
    bench.o.willing = always
    await _run(bench, given, [transfers, transfers + 1, transfers, transfers + 2, transfers + 9,
                              transfers + 2 * transfers, transfers, transfers])
    assert (bench.status("row_short"), bench.status("row_long")) == (0, 1)


@cocotb.test()
@cocotb.parametrize(valid=(1.0, 0.3), ready=(1.0, 0.3))
async def misframed_rows_are_mended_under_backpressure(dut, valid, ready):
    """Short, long and good rows in any order, with stalls on both sides."""
    bench = await started(dut)
    transfers = bench.design.first.input_transfers
    given = material(bench.design, 16, seed=33)
    await load(bench, given.image)
    random = Random(34)
    bench.i.willing, bench.o.willing = random.chance(valid), random.chance(ready)
    rng = np.random.default_rng(35)
    await _run(bench, given, rng.integers(1, 2 * transfers, 16, endpoint=True).tolist())


@cocotb.test()
async def the_flags_of_misframed_rows_stay_until_the_next_image(dut):
    """Good rows do not clear them, a good image does."""
    bench = await started(dut)
    transfers = bench.design.first.input_transfers
    given = material(bench.design, 4, seed=36)
    flags = ("row_short", "row_long")
    await load(bench, given.image)
    bench.o.willing = pattern(1, 0)
    await _run(bench, given, [max(1, transfers - 1), transfers + 1, transfers, transfers])
    assert [bench.status(name) for name in flags] == [int(transfers > 1), 1]
    await load(bench, given.image)
    assert [bench.status(name) for name in flags] == [0, 0]


@cocotb.test()
async def an_image_waits_for_the_end_of_a_misframed_row(dut):
    """Loading begins only when a long row is swallowed whole and its result has left."""
    bench = await started(dut)
    transfers = bench.design.first.input_transfers
    given, other = material(bench.design, 1, seed=37), material(bench.design, 2, seed=38)
    await load(bench, given.image)
    bench.o.willing = always
    payloads = _framed(bench.design, given.rows[0], transfers + 3, np.random.default_rng(39))
    bench.i.send(payloads[:-1])
    await bench.until(lambda: bench.i.done, 2000, "the row was not taken")
    before = bench.load.taken
    bench.load.send(image_payloads(other.image, bench.design.load_bits))
    await bench.step(200)
    assert bench.load.taken == before, "loading began"
    assert (bench.status("loading"), bench.status("ready")) == (1, 1)
    bench.i.send(payloads[-1:])
    await bench.until(lambda: bench.load.done, 20_000, "the image was not taken")
    bench.i.send(row_payloads(bench.design, other.rows))
    await drain(bench, 3)
    check_rows(bench, np.concatenate([given.results, other.results]))
