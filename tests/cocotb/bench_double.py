"""Double-buffered accelerators: images load while rows stream, and rows switch over in order."""

import cocotb
import numpy as np
from bench_common import material
from bench_images import FAULTS
from bench_setup import check_rows, drain, load, started

from pqhw.sim.agents import always, pattern
from pqhw.sim.transfers import image_payloads, row_payloads
from pqhw.spec import LoadError

SETTLED = 8
"""Cycles after an image's last word within which rows use it."""


def _begun(bench) -> int:
    """Rows whose first transfer has been taken."""
    return -(-bench.i.taken // bench.design.first.input_transfers)


async def _take(bench, image: bytes) -> tuple[int, int]:
    """Load while rows stream; rows begun at its last word, and when it must be in use."""
    bench.load.send(image_payloads(image, bench.design.load_bits))
    await bench.until(lambda: bench.load.done, 20_000, "the image was not taken")
    low = _begun(bench)
    await bench.step(SETTLED)
    assert bench.status("ready") == 1
    return low, _begun(bench)


def _switched(bench, rows, old, new, low: int, high: int, start: int) -> int:
    """The row from `low` to `high` at which results change from `old` to `new`."""
    results = bench.results()[:len(rows)]
    before, after = old.results_of(rows), new.results_of(rows)
    fits = [at for at in range(max(low, start), high + 1)
            if np.array_equal(results[start:at], before[start:at])
            and np.array_equal(results[at:high + 2], after[at:high + 2])]
    assert fits, f"rows {start} to {high + 2} do not switch over from {low} to {high}"
    return fits[0]


@cocotb.test()
@cocotb.parametrize(pauses=((1,), (1, 0, 0), (0, 1, 1)))
async def rows_switch_once_to_every_image_that_comes(dut, pauses):
    """Rows that began before use the old parameters, rows after it the new ones; `ready` stays."""
    bench = await started(dut)
    sets = [material(bench.design, 700, seed=60 + number) for number in range(4)]
    rows = sets[0].rows
    await load(bench, sets[0].image)
    bench.i.willing, bench.o.willing = pattern(*reversed(pauses)), pattern(*pauses)
    bench.i.send(row_payloads(bench.design, rows))
    await bench.until(lambda: bench.i.taken >= 3, 5000, "no rows went in")
    spans = [await _take(bench, given.image) for given in sets[1:]]
    await bench.until(lambda: _begun(bench) >= spans[-1][1] + 4, 5000, "rows stopped going in")
    begun = _begun(bench) - 1
    assert begun < len(rows) - 1, "too few rows"
    await bench.until(lambda: bench.rows_out >= begun, 100_000, "rows stopped coming")
    start = 0
    for old, new, (low, high) in zip(sets, sets[1:], spans):
        start = _switched(bench, rows[:begun], old, new, low, high, start)
    assert np.array_equal(bench.results()[start:begun], sets[-1].results_of(rows[start:begun]))


@cocotb.test()
async def no_row_waits_for_an_image(dut):
    """Rows leave at their distance while images load, good and bad ones."""
    bench = await started(dut)
    one, two = (material(bench.design, 300, seed) for seed in (64, 65))
    await load(bench, one.image)
    bench.o.willing = always
    bench.i.send(row_payloads(bench.design, one.rows))
    await bench.until(lambda: bench.rows_out >= 4, 5000, "no rows left")
    first = bench.rows_out
    for image in (two.image, one.image[:-1] + bytes([one.image[-1] ^ 1]), one.image):
        await _take(bench, image)
    transfers = bench.design.last.output_transfers
    ends = np.diff(bench.o.cycles[transfers - 1::transfers])[first:]
    assert len(ends) > 5 and len(ends) < 290
    assert set(ends.tolist()) == {bench.design.cycles_per_row}


@cocotb.test()
@cocotb.parametrize(kind=tuple(FAULTS))
async def a_faulty_image_leaves_the_one_in_use(dut, kind):
    """Its error is told; `ready` stays high and rows never stop or change."""
    bench = await started(dut)
    given, other = (material(bench.design, 40, seed) for seed in (66, 67))
    await load(bench, given.image)
    bench.o.willing = pattern(1, 1, 0)
    count = 0
    for what, image, code in FAULTS[kind](bench.design, other.image):
        bench.i.send(row_payloads(bench.design, given.rows[:2]))
        count += 2
        error = await bench.load_image(image)
        assert error == code, (f"{what}: error is {LoadError.NAMES[error]} instead of "
                               f"{LoadError.NAMES[code]}")
        assert (bench.status("ready"), bench.status("loading")) == (1, 0), what
    await drain(bench, count)
    check_rows(bench, np.concatenate([given.results[:2]] * (count // 2)))
    await load(bench, other.image)
    bench.i.send(row_payloads(bench.design, other.rows[:2]))
    await drain(bench, count + 2)
    assert np.array_equal(bench.results()[count:], other.results[:2])
