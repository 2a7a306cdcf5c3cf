"""Rows over AXI4-Stream: exact under stalls, framed as documented, on time."""

import cocotb
import numpy as np
from axi_common import bytes_of_rows
from axi_setup import chance, started
from cocotbext.axi import AxiStreamFrame

from pqhw.rtl.axi import BUS_LATENCY
from pqhw.spec.registers import BusPort

CHANCES = (1.0, 0.5, 0.1)
LARGE = ("image", "planes", "double", "network", "resident")
"""Designs of many cycles, which not every pair of chances is tried on."""


@cocotb.test()
@cocotb.parametrize(valid=CHANCES, ready=CHANCES)
async def results_are_exact_under_backpressure(dut, valid, ready):
    """Nothing but time depends on who stalls; TKEEP of the last transfer as it likes."""
    bench = await started(dut)
    if bench.name in LARGE and (valid, ready) not in ((0.5, 0.5), (1.0, 0.1), (0.1, 1.0)):
        return
    given = bench.material(3, seed=3)
    await bench.load(given.image)
    bench.source.set_pause_generator(chance(valid, seed=5))
    bench.sink.set_pause_generator(chance(ready, seed=6))
    bench.send(given, cut=valid == 0.5)
    await bench.check(given)
    await bench.until("ROWS_IN", "COUNT", 3)
    assert [await bench.read(name) for name in ("ERRORS", "ROWS_OUT")] == [0, 3]


@cocotb.test()
async def valid_never_waits_for_ready(dut):
    """A receiver that becomes ready only after it has seen TVALID gets every result."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    await bench.load(given.image)
    bench.sink.pause = True
    bench.send(given)
    while len(bench.given) < 2 * bench.design.results.transfers:
        await bench.wait(3)
        await bench.until("STATUS", "RESULT_WAITS", 1)
        done = len(bench.given)
        bench.sink.pause = False
        await bench.wait(1)
        bench.sink.pause = True
        await bench.wait(2)
        assert len(bench.given) > done
    await bench.check(given)


@cocotb.test()
async def an_unstalled_row_takes_the_cycles_of_the_spec(dut):
    """The bus adds two cycles of latency and takes none of the rate. (The source pauses between
    packets, so that images that leave it no time are left out.)"""
    bench = await started(dut)
    given = bench.material(6, seed=4)
    await bench.load(given.image)
    bench.send(given)
    await bench.check(given)
    transfers = bench.design.results.transfers
    ends = np.diff(bench.given[transfers - 1::transfers])[2:]
    if bench.design.has_window:  # The last image is not followed by one that pushes it out.
        ends = ends[:-1]
    if bench.design.precision_count == 1 and bench.design.cycles_exact:
        assert set(ends.tolist()) == {bench.design.cycles_per_row}, ends
        if bench.design.latency is not None:
            assert bench.given[0] - bench.taken[0] == bench.design.latency + BUS_LATENCY


@cocotb.test()
async def rows_wait_for_an_image(dut):
    """Before it nothing is computed; what was offered meanwhile comes out right after it."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    bench.send(given)
    await bench.wait(200)
    assert len(bench.given) == 0 or not given.image
    await bench.load(given.image)
    await bench.check(given)


@cocotb.test()
async def null_integers_count_as_zero_and_are_told(dut):
    """TKEEP may leave out what lies past a row's end, and nothing else."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    await bench.load(given.image)
    whole = bytes_of_rows(bench.design, given.rows)
    size = BusPort(bench.design.input).lane_bytes
    holes = [(0, 0), (0, size - 1)]
    if bench.design.input.transfers > 1:
        holes.append((1, bench.design.input.lanes * size))
    for row, at in holes:
        keep = [1] * len(whole[row])
        keep[at] = 0
        zeros = whole[row][:at // size * size] + bytes(size) + whole[row][at // size * size + size:]
        precision = int(given.precisions[row])
        bench.source.send_nowait(AxiStreamFrame(whole[row], tkeep=keep, tuser=precision))
        holed = await bench.receive(1)
        assert await bench.read("ERRORS") == bench.registers["ERRORS"].field("KEEP").mask
        await bench.write("ERRORS", 0xffffffff)
        bench.source.send_nowait(AxiStreamFrame(zeros, tuser=precision))
        assert await bench.receive(1) == holed
        assert await bench.read("ERRORS") == 0


@cocotb.test()
async def integers_that_do_not_fit_lose_their_upper_bits_and_are_told(dut):
    """The lower bits count."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    await bench.load(given.image)
    port, bits = BusPort(bench.design.input), bench.design.input.range.bits
    if bits == 8 * port.lane_bytes:
        return
    right = bytes_of_rows(bench.design, given.rows)[0]
    wrong = bytearray(right)
    wrong[port.lane_bytes - 1] ^= 0x80
    precision = int(given.precisions[0])
    for row, error in ((right, 0), (bytes(wrong), bench.registers["ERRORS"].field("VALUE").mask)):
        bench.source.send_nowait(AxiStreamFrame(row, tuser=precision))
        packet = await bench.receive(1)
        assert await bench.read("ERRORS") == error
        if not error:
            first = packet
    assert packet == first


@cocotb.test()
async def misframed_rows_are_mended_and_told_every_time(dut):
    """TLAST early and late; the bits stay until ones are written, and come again."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    await bench.load(given.image)
    errors = bench.registers["ERRORS"]
    row, beside = bytes_of_rows(bench.design, given.rows)
    size = BusPort(bench.design.input).data_bytes
    precisions = [int(own) for own in given.precisions]
    short = row[:size]
    zeros = short + bytes(len(row) - size)
    for _ in range(2):
        bench.source.send_nowait(AxiStreamFrame(row + beside, tuser=precisions[0]))
        long_packet = await bench.receive(1)
        assert await bench.read("ERRORS") == errors.field("ROW_LONG").mask
        bench.source.send_nowait(AxiStreamFrame(row, tuser=precisions[0]))
        assert await bench.receive(1) == long_packet
        assert await bench.read("ERRORS") == errors.field("ROW_LONG").mask
        if len(row) > size:
            bench.source.send_nowait(AxiStreamFrame(short, tuser=precisions[0]))
            short_packet = await bench.receive(1)
            both = errors.field("ROW_LONG").mask | errors.field("ROW_SHORT").mask
            assert await bench.read("ERRORS") == both
            await bench.write("ERRORS", errors.field("ROW_LONG").mask)
            assert await bench.read("ERRORS") == errors.field("ROW_SHORT").mask
            bench.source.send_nowait(AxiStreamFrame(zeros, tuser=precisions[0]))
            assert await bench.receive(1) == short_packet
        await bench.write("ERRORS", 0xffffffff)
        assert await bench.read("ERRORS") == 0
    bench.send(given)
    await bench.check(given)
