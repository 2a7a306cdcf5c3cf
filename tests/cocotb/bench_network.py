"""Images through a whole network: stalls on both sides, resets, image on image."""

from typing import Any

import cocotb
import numpy as np
from network_common import NetworkMaterial, network_material

from pqhw.sim.agents import Random, always, never, pattern
from pqhw.sim.testbench import Bench
from pqhw.sim.transfers import row_payloads

STALLS = ((1.0, 1.0), (0.3, 1.0), (1.0, 0.1), (0.6, 0.5))


async def started(dut: Any) -> tuple[Bench, NetworkMaterial]:
    """A bench on the network that `+pqhw_design` names, after reset, its parameters in use."""
    given = network_material(str(cocotb.plusargs["pqhw_design"]))
    bench = Bench(dut, given.design)
    await bench.start()
    await load(bench, given)
    return bench, given


async def load(bench: Bench, given: NetworkMaterial) -> None:
    """Load the parameters, if there are any to load."""
    if given.image:
        assert await bench.load_image(given.image) == 0
    else:
        await bench.step(2)
    assert bench.status("ready") == 1


def send(bench: Bench, rows: np.ndarray) -> None:
    bench.i.send(row_payloads(bench.design, rows))


async def finish(bench: Bench, expected: np.ndarray) -> None:
    """Wait for the results, then as long as another image would take: nothing else has left."""
    pace = bench.design.cycles_per_row
    await bench.until(lambda: bench.rows_out >= len(expected),
                      4000 + 60 * (len(expected) + 4) * pace,
                      f"{bench.rows_out} of {len(expected)} images had left, no more came")
    bench.o.willing = always
    await bench.step(2 * pace)
    results = bench.results()
    assert len(bench.o.payloads) == len(expected) * bench.design.results.transfers
    assert (results.reshape(expected.shape) == expected).all(), (
        f"images {np.argwhere(results.reshape(expected.shape) != expected)[:, 0]} differ")


@cocotb.test()
@cocotb.parametrize(stalls=range(len(STALLS)))
async def results_are_golden_whoever_stalls(dut, stalls):
    """At random on both sides, the image before still inside when the next begins."""
    bench, given = await started(dut)
    random = Random(91 + stalls)
    bench.i.willing, bench.o.willing = (random.chance(own) for own in STALLS[stalls])
    send(bench, given.rows[:5])
    await finish(bench, given.results[:5])
    assert (bench.status("rows_in"), bench.status("rows_out")) == (5, 5)


@cocotb.test()
async def image_follows_image_at_the_pace_of_the_schedule(dut):
    """Nothing stalls: an image leaves every so many cycles, from the third on."""
    bench, given = await started(dut)
    bench.o.willing = always
    send(bench, given.rows)
    await finish(bench, given.results)
    transfers = bench.design.results.transfers
    ends = np.diff(bench.o.cycles[transfers - 1::transfers])
    assert set(ends[2:-1].tolist()) == {bench.design.cycles_per_row}, ends


@cocotb.test()
async def an_image_leaves_though_none_follows(dut):
    """Alone, and alone again after a while."""
    bench, given = await started(dut)
    bench.o.willing = always
    for index in range(2):
        send(bench, given.rows[index:index + 1])
        await finish(bench, given.results[:index + 1])


@cocotb.test()
async def a_source_that_stops_in_mid_row_loses_nothing(dut):
    """Within a pixel, a row of pixels and between images, for longer than an image takes."""
    bench, given = await started(dut)
    bench.o.willing = always
    payloads, pace = row_payloads(bench.design, given.rows[:3]), bench.design.cycles_per_row
    transfers = bench.design.input.transfers
    cuts = sorted({1, transfers // 2 + 1, transfers, transfers + 2, 3 * transfers - 1})
    for start, end in zip([0, *cuts], [*cuts, len(payloads)]):
        bench.i.send(payloads[start:end])
        await bench.until(lambda: bench.i.done, 50 * pace + 4000, "transfers were not taken")
        await bench.step(2 * pace)
    await finish(bench, given.results[:3])


@cocotb.test()
async def a_sink_that_takes_nothing_for_long_loses_nothing(dut):
    """Everything inside fills up, up to the input; then all of it comes out."""
    bench, given = await started(dut)
    bench.o.willing = never
    send(bench, given.rows)
    await bench.step(len(given.rows) * bench.design.cycles_per_row + 500)
    assert bench.rows_out == 0 and not bench.i.done and bench.i.taken > 0
    bench.o.willing = pattern(1, 0, 0)
    await finish(bench, given.results)


@cocotb.test()
async def a_reset_in_mid_stream_leaves_nothing_behind(dut):
    """Whatever was under way: the first images after it give their own results alone."""
    bench, given = await started(dut)
    pace = bench.design.cycles_per_row
    for turn, cycles in enumerate((3, pace // 2, 2 * pace + 7, 4 * pace + pace // 3)):
        bench.o.willing = never if turn % 2 else always
        send(bench, given.rows)
        await bench.step(cycles)
        await bench.reset(cycles=1 + turn % 2)
        await load(bench, given)
        bench.o.willing = always
        rows = slice(turn, turn + 2)
        send(bench, given.rows[rows])
        await finish(bench, given.results[rows])
        await bench.reset(cycles=1)
        await load(bench, given)
