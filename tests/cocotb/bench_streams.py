"""Rows through a good design: backpressure, resets, counters, misframed rows."""

import dataclasses

import cocotb
import numpy as np
from bench_common import material
from bench_setup import check_rows, drain, finish_rows, load, started

from pqhw.sim.agents import Random, always, never, pattern
from pqhw.sim.transfers import image_payloads, row_payloads
from pqhw.spec.parameters import PQParameters

CHANCES = (1.0, 0.5, 0.1)


@cocotb.test()
@cocotb.parametrize(valid=CHANCES, ready=CHANCES)
async def results_are_exact_under_backpressure(dut, valid, ready):
    """Nothing but time depends on who stalls."""
    bench = await started(dut)
    given = material(bench.design, 6, seed=round(100 * valid + 7 * ready))
    await load(bench, given.image)
    random = Random(round(31 * valid + 17 * ready + 5))
    bench.i.willing, bench.o.willing = random.chance(valid), random.chance(ready)
    await finish_rows(bench, given.rows, given.results)


@cocotb.test()
async def valid_never_waits_for_ready(dut):
    """A consumer that becomes ready only after it has seen `valid` gets every result."""
    bench = await started(dut)
    given = material(bench.design, 4, seed=11)
    await load(bench, given.image)
    bench.i.send(row_payloads(bench.design, given.rows))
    monitor = bench.o.monitor
    for transfer in range(4 * bench.design.last.output_transfers):
        bench.o.willing = never
        await bench.until(lambda: monitor.held is not None, 2000, "`valid` stayed low")
        bench.o.willing = always
        await bench.step()
        assert len(bench.o.payloads) == transfer + 1
    await drain(bench, 4)
    check_rows(bench, given.results)


@cocotb.test()
async def an_unstalled_row_takes_the_cycles_of_the_spec(dut):
    """Latency and cycles per row, as computed before anything is built."""
    bench = await started(dut)
    given = material(bench.design, 8, seed=12)
    await load(bench, given.image)
    bench.o.willing = always
    await finish_rows(bench, given.rows, given.results)
    transfers = bench.design.last.output_transfers
    ends = np.diff(bench.o.cycles[transfers - 1::transfers])
    assert set(ends[3:].tolist()) == {bench.design.cycles_per_row}
    if bench.design.latency is not None:
        assert bench.o.cycles[0] - bench.i.first == bench.design.latency


@cocotb.test()
async def a_reset_in_mid_stream_leaves_nothing_behind(dut):
    """After it nothing leaves; after reload the rows are right, whatever was under way."""
    bench = await started(dut)
    before, after = (material(bench.design, 4, seed) for seed in (13, 14))
    latency = bench.design.latency or 70
    for cycles in (1, 5, latency - 1, latency + 1, latency + 10):
        for stalled in (False, True):
            await load(bench, before.image)
            bench.o.willing = never if stalled else always
            bench.i.send(row_payloads(bench.design, before.rows))
            await bench.step(cycles)
            await bench.reset(cycles=1)
            bench.o.willing = always
            bench.i.send(row_payloads(bench.design, before.rows))
            await bench.step(latency + 20)
            assert (bench.status("ready"), bench.i.taken, bench.o.payloads) == (0, 0, [])
            await bench.reset(cycles=1)
    await load(bench, after.image)
    await finish_rows(bench, after.rows, after.results)
    assert (bench.status("rows_in"), bench.status("rows_out")) == (4, 4)


@cocotb.test()
async def rows_flow_after_every_reset(dut):
    """Rows that were under way at a reset do not shift or spoil the rows after it."""
    bench = await started(dut)
    for seed, cycles in ((15, 7), (16, (bench.design.latency or 70) + 2)):
        given = material(bench.design, 4, seed)
        await load(bench, given.image)
        bench.o.willing = pattern(1, 0, 0)
        bench.i.send(row_payloads(bench.design, given.rows))
        await bench.step(cycles)
        await bench.reset(cycles=1)
        await load(bench, given.image)
        await finish_rows(bench, given.rows, given.results)
        await bench.reset(cycles=1)


@cocotb.test()
async def a_reset_while_an_image_loads_starts_over(dut):
    """Half an image before the reset is no part of the one after it."""
    bench = await started(dut)
    given = material(bench.design, 4, seed=17)
    words = len(given.image) * 8 // bench.design.load_bits
    for part in (1, 5, words // 2, words - 1):
        bench.load.send(image_payloads(given.image, bench.design.load_bits))
        await bench.until(lambda part=part: bench.load.taken >= part, 2 * words, "no load")
        await bench.reset(cycles=1)
    await load(bench, given.image)
    bench.o.willing = always
    await finish_rows(bench, given.rows, given.results)


@cocotb.test()
async def counters_count_rows_and_stalls(dut):
    """rows_in, rows_out and stall_cycles agree with what the bench saw."""
    bench = await started(dut)
    given = material(bench.design, 6, seed=18)
    await load(bench, given.image)
    names = ("rows_in", "rows_out", "stall_cycles")
    assert [bench.status(name) for name in names] == [0, 0, 0]
    bench.o.willing = pattern(0, 0, 1, 0, 1)
    await finish_rows(bench, given.rows, given.results)
    assert bench.o.monitor.stalls > 0
    assert [bench.status(name) for name in names] == [6, 6, bench.o.monitor.stalls]
    await load(bench, given.image)
    assert [bench.status(name) for name in names] == [6, 6, bench.o.monitor.stalls]


@cocotb.test()
async def stalled_rows_count_in_but_not_out(dut):
    """Back-pressure reaches the input, nothing is lost, and the counters tell the rows inside."""
    bench = await started(dut)
    given = material(bench.design, 30, seed=19)
    await load(bench, given.image)
    bench.i.send(row_payloads(bench.design, given.rows))
    await bench.step(20 * bench.design.cycles_per_row + 200)
    assert not bench.i.done and bench.status("rows_out") == 0
    assert 0 < bench.status("rows_in") <= bench.i.taken // bench.design.first.input_transfers
    bench.o.willing = always
    await drain(bench, 30)
    check_rows(bench, given.results)


@cocotb.test()
async def ties_go_to_the_lowest_prototype(dut):
    """Equal prototypes are ties on every row."""
    bench = await started(dut)
    given = material(bench.design, 8, seed=20)
    if not isinstance(given.parameters[0], PQParameters):
        return
    prototypes = given.parameters[0].prototypes.copy()
    prototypes[:, 1::2] = prototypes[:, :1]
    prototypes[:, 2::4] = prototypes[:, -1:]
    first = dataclasses.replace(given.parameters[0], prototypes=prototypes)
    tied = dataclasses.replace(given, parameters=(first, *given.parameters[1:]))
    await load(bench, tied.image)
    bench.o.willing = always
    await finish_rows(bench, tied.rows, tied.results)


@cocotb.test()
async def lanes_beyond_the_row_are_ignored(dut):
    """What stands beside the last elements of a row does not reach the results."""
    bench = await started(dut)
    first = bench.design.first
    given = material(bench.design, 4, seed=21)
    await load(bench, given.image)
    spare = first.input_transfers * first.lanes_in - first.layer.in_features
    shift = (first.lanes_in - spare) * first.activation_range.bits
    noise = (1 << spare * first.activation_range.bits) - 1 << shift
    transfers = first.input_transfers
    payloads = [payload | noise if index % transfers == transfers - 1 else payload
                for index, payload in enumerate(row_payloads(bench.design, given.rows))]
    bench.o.willing = always
    bench.i.send(payloads)
    await drain(bench, 4)
    check_rows(bench, given.results)
