"""The start of every cocotb test: the design that `+pqhw_design` names, reset and watched."""

from typing import Any

import bench_common
import cocotb
import numpy as np

from pqhw.sim.agents import always
from pqhw.sim.testbench import Bench
from pqhw.sim.transfers import row_payloads

__all__ = ["check_rows", "drain", "finish_rows", "load", "started"]


async def started(dut: Any) -> Bench:
    """A bench on the design, after reset."""
    bench = Bench(dut, bench_common.design(str(cocotb.plusargs["pqhw_design"])))
    await bench.start()
    return bench


async def load(bench: Bench, image: bytes) -> None:
    """Load an image that must be taken."""
    error = await bench.load_image(image)
    assert (error, bench.status("ready")) == (0, 1), f"a good image was refused with {error}"


def check_rows(bench: Bench, expected: np.ndarray) -> None:
    """Everything that has left since the reset is `expected`, and nothing more."""
    transfers = bench.design.last.output_transfers
    assert len(bench.o.payloads) == len(expected) * transfers, (
        f"{len(bench.o.payloads)} transfers left instead of {len(expected) * transfers}")
    results = bench.results()
    wrong = np.argwhere(results != expected)
    assert not len(wrong), (
        f"{len(wrong)} results differ, the first at row and output {wrong[0].tolist()}: "
        f"{results[tuple(wrong[0])]} instead of {expected[tuple(wrong[0])]}")


async def finish_rows(bench: Bench, rows: np.ndarray, expected: np.ndarray) -> None:
    """Send rows; all that has left after them, and a while longer, is `expected`."""
    bench.i.send(row_payloads(bench.design, rows))
    await drain(bench, len(expected))
    check_rows(bench, expected)


async def drain(bench: Bench, count: int, *, longer: int | None = None) -> None:
    """Wait until `count` rows have left, then long enough to see one too many."""
    slowest = max(bench.design.cycles_per_row, bench.design.first.input_transfers)
    await bench.until(lambda: bench.rows_out >= count, 2000 + 200 * count * slowest,
                      f"{bench.rows_out} of {count} rows had left, no more came")
    bench.o.willing = always
    await bench.step(4 * slowest + 60 if longer is None else longer)
