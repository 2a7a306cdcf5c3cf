"""Overlays over AXI: exact under stalls, on time, and never beside the standard."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly
from cocotbext.axi import AxiResp, AxiStreamFrame
from overlay_setup import BASE, RESET, START, started

from pqhw.rtl.axi import READ_LATENCY
from pqhw.spec.overlay.cycles import program_cycles, program_timeline
from pqhw.spec.overlay.job import ProgramError, boot_beats
from pqhw.spec.registers import OKAY, SLVERR, WORD_BITS

PAGE = 4096


@cocotb.test()
@cocotb.parametrize(valid=(1.0, 0.3), ready=(1.0, 0.3), memory=(1.0, 0.3))
async def results_are_exact_whatever_stalls(dut, valid, ready, memory):
    """Nothing but time depends on who stalls; counters count, and no error is told."""
    bench = await started(dut)
    if (valid, ready, memory) not in ((1, 1, 0.3), (0.3, 0.3, 1), (0.3, 0.3, 0.3)):
        return
    bench.stall(valid, ready, memory)
    bench.send(3)
    await bench.begin()
    await bench.check(3)
    told = [await bench.read(name) for name in ("ERRORS", "IMAGES_OUT")]
    assert told == [0, 3], told
    assert await bench.read("IMAGES_IN") >= 3
    assert await bench.read("STATUS") == 3


@cocotb.test()
async def an_unstalled_overlay_takes_the_cycles_of_the_model(dut):
    """The memory answers two cycles after it was asked, one more than the model's."""
    bench = await started(dut)
    program = bench.material.program
    first = []

    async def watch():
        while not first:
            await ReadOnly()
            if dut.m_axi_arvalid.value == 1:
                first.append(bench.cycle - 2)
            await bench.edge
    cocotb.start_soon(watch())
    bench.send(4)
    await bench.begin()
    await bench.check(4)
    transfers = program.results.transfers
    ends = np.array(bench.given[transfers - 1::transfers])
    model = np.array(program_timeline(program, 4).image_ends)
    assert np.diff(ends).tolist() == np.diff(model).tolist()
    assert np.diff(ends)[-1] == program_cycles(program)
    # The beginning is read, and found good, before more is asked for.
    assert ends[0] - first[0] == model[0] + 2 * (READ_LATENCY + 1) + 1


@cocotb.test()
async def bursts_end_where_pages_do(dut):
    """A program that stands across a page's end; the memory refuses bursts that do."""
    bench = await started(dut)
    size = bench.ram.byte_lanes
    for words in (1, 45):
        base = BASE + PAGE - words * size
        bench.store(bench.material.image, base)
        bench.ram.asked.clear()
        bench.send(2)
        await bench.begin(base, START | RESET)
        await bench.check(2)
        assert base + words * size in {address for address, _ in bench.ram.asked}
        assert base + words * size in {address + own * size for address, own in bench.ram.asked}
        await bench.write("CONTROL", RESET)


@cocotb.test()
async def nothing_happens_before_a_start(dut):
    """No read, and no image taken; those that wait are not lost."""
    bench = await started(dut)
    bench.send(1)
    await bench.wait(50)
    assert not bench.ram.asked and not bench.taken
    assert await bench.read("STATUS") == 0
    await bench.begin()
    await bench.check(1)


@cocotb.test()
async def every_address_answers_as_the_map_says(dut):
    """Constants, what was written, zeros; all else is an error."""
    bench = await started(dut)
    at = {register.offset: register for register in bench.registers.values()}
    for offset in [*range(0, 0x70, 4), 0x100, 0x800, 0xffc]:
        register = at.get(offset)
        answer = await bench.lite.read(offset, 4)
        readable = register is not None and register.readable
        assert answer.resp == (OKAY if readable else SLVERR), hex(offset)
        word = register.constant if readable and register.constant is not None else 0
        assert int.from_bytes(answer.data, "little") == word, hex(offset)
        if register is None or not register.writable:
            assert (await bench.lite.write(offset, bytes(4))).resp == SLVERR, hex(offset)
    for name, word in (("BASE_LOW", 0xfedcba98), ("BASE_HIGH", 0x76543210)):
        assert await bench.write(name, word) == OKAY
        assert await bench.read(name) == word


@cocotb.test()
async def commands_at_the_wrong_time_are_refused_and_change_nothing(dut):
    """Addresses within a word, addresses in use, and a second start."""
    bench = await started(dut)
    size = bench.ram.byte_lanes
    assert await bench.write("BASE_LOW", 0x1000) == OKAY
    for wrong in {1, 2, size // 2, size - 1}:
        assert await bench.write("BASE_LOW", 0x2000 + wrong) == SLVERR
    assert await bench.read("BASE_LOW") == 0x1000
    await bench.begin()
    bench.send(2)
    for name, word in (("BASE_LOW", 0), ("BASE_HIGH", 0), ("CONTROL", START)):
        assert await bench.write(name, word) == SLVERR
    assert await bench.write("CONTROL", 0) == OKAY
    assert await bench.read("BASE_LOW") == BASE & (1 << WORD_BITS) - 1
    await bench.check(2)


@cocotb.test()
@cocotb.parametrize(where=(1, 5, 9, 13, 16, -1))
async def a_damaged_program_is_refused_and_a_good_one_runs_then(dut, where):
    """Error, block and bit stay over the reset until ones are written."""
    bench = await started(dut)
    image = bytearray(bench.material.image)
    image[where] ^= 0x10
    blocks = len(bench.material.program.blocks)
    error = {1: ProgramError.MAGIC, 5: ProgramError.CONFIGURATION, 9: ProgramError.CHECKSUM,
             13: ProgramError.VERSION, 16: ProgramError.CHECKSUM, -1: ProgramError.CHECKSUM}
    bench.store(bytes(image))
    bench.send(int(where < 0))  # An image that stands half within is lost with a reset.
    await bench.begin()
    assert await bench.refused() == (error[where], blocks - 1 if where < 0 else 0)
    assert await bench.read("STATUS", "READY") == 0
    await bench.wait(100)
    assert await bench.write("CONTROL", RESET) == OKAY
    assert await bench.read("STATUS") == 0, "words are taken after an error too"
    assert await bench.read("ERRORS") == 1
    bench.store(bench.material.image)
    bench.send(2)
    await bench.begin()
    await bench.check(2)
    assert await bench.read("PROGRAM_ERROR", "CODE") == error[where]
    await bench.write("ERRORS", 1)
    assert [await bench.read(name) for name in ("ERRORS", "PROGRAM_ERROR")] == [0, 0]


@cocotb.test()
@cocotb.parametrize(answer=(AxiResp.SLVERR, AxiResp.DECERR), block=(None, 0, 1))
async def a_failed_read_is_told_and_nothing_is_computed_with_it(dut, answer, block):
    """In the beginning, in the first block, and in the one after."""
    bench = await started(dut)
    program, size = bench.material.program, bench.ram.byte_lanes
    word = 1
    if block is not None:
        word = boot_beats(program.spec) + 4 + sum(
            own.beats(program.spec) for own in program.blocks[:block])
    bench.ram.answers[BASE + word * size] = answer
    bench.send(block or 0)
    await bench.begin()
    assert await bench.refused() == (ProgramError.MEMORY, block or 0)
    assert await bench.read("STATUS", "READY") == 0
    await bench.wait(100)
    asked = sum(words for _, words in bench.ram.asked)
    assert bench.ram.given == asked and bench.ram.r_channel.idle()
    bench.ram.answers.clear()
    await bench.write("ERRORS", 1)
    await bench.begin_anew(2)


@cocotb.test()
@cocotb.parametrize(word=(2, 20, 34))
async def a_burst_that_ends_wrongly_is_told(dut, word):
    """RLAST early in the beginning and within a burst, or missing at the end of one."""
    bench = await started(dut)
    size, boot = bench.ram.byte_lanes, boot_beats(bench.material.program.spec)
    place = {2: 1, 20: boot + 17, 34: boot + 31}[word]
    bench.ram.ends.add(BASE + place * size)
    bench.send(int(word != 2))
    await bench.begin()
    assert (await bench.refused())[0] == ProgramError.LENGTH
    bench.ram.ends.clear()
    await bench.wait(100)
    await bench.write("ERRORS", 1)
    await bench.begin_anew(2)


@cocotb.test()
@cocotb.parametrize(cycles=(1, 3, 9, 40, 170))
async def a_reset_amid_bursts_drains_them_before_another_program_begins(dut, cycles):
    """What was asked for is taken; the new program is asked for only then."""
    bench = await started(dut)
    bench.stall(1.0, 1.0, 0.4)
    bench.send(int(cycles > 100))
    await bench.begin()
    while not bench.ram.asked:
        await bench.wait(1)
    await bench.wait(cycles)
    assert bench.source.idle()
    bench.ram.r_channel.clear_pause_generator()
    bench.ram.r_channel.pause = True
    assert await bench.write("CONTROL", RESET) == OKAY
    await bench.wait(40)
    waits = not bench.ram.r_channel.idle()
    other = BASE + 5 * PAGE + 64
    bench.store(bench.material.image, other)
    await bench.begin(other)
    await bench.wait(40)
    begun = [address for address, _ in bench.ram.asked if address >= other]
    assert bool(begun) != waits, "asked before the words of the program before had come"
    assert await bench.read("STATUS", "DRAINING") == waits
    assert await bench.read("STATUS", "RUNNING") == 1
    bench.ram.r_channel.pause = False
    bench.send(2)
    await bench.check(2)
    assert [await bench.read(name) for name in ("ERRORS", "IMAGES_OUT")] == [0, 2]


@cocotb.test()
async def misframed_images_are_mended_and_told_every_time(dut):
    """TLAST early and late, and integers left out before the last transfer."""
    bench = await started(dut)
    await bench.begin()
    errors, packet = bench.registers["ERRORS"], bench.material.packets[0]
    step = bench.material.spec.lanes
    zeros = packet[:step] + bytes(len(packet) - step)
    hole = [0] * step + [1] * (len(packet) - step)
    # What the last transfer does not hold is null in the packets of many senders.
    cut = [1] * (len(packet) - step + 1) + [0] * (step - 1)
    bench.source.send_nowait(AxiStreamFrame(zeros))
    wanted = await bench.receive(1)
    for _ in range(2):
        bench.source.send_nowait(AxiStreamFrame(packet[:step]))
        assert await bench.receive(1) == wanted
        assert await bench.read("ERRORS") == errors.field("IMAGE_SHORT").mask
        bench.source.send_nowait(AxiStreamFrame(packet + packet[:step]))
        bench.source.send_nowait(AxiStreamFrame(packet, tkeep=cut))
        both = await bench.receive(2)
        assert await bench.read("ERRORS") == (errors.field("IMAGE_SHORT").mask
                                              | errors.field("IMAGE_LONG").mask)
        if not bench.material.program.input.elements % step:
            both[1] = both[0]
        assert (bench.material.found(both) == bench.material.results[0]).all()
        bench.source.send_nowait(AxiStreamFrame(packet, tkeep=hole))
        await bench.receive(1)
        assert await bench.read("ERRORS", "KEEP") == 1
        await bench.write("ERRORS", 0xffffffff)
        assert await bench.read("ERRORS") == 0


@cocotb.test()
async def no_output_follows_an_input_within_a_cycle(dut):
    """Inputs turned over between two edges change nothing until the next."""
    bench = await started(dut)
    inputs = [dut.m_axi_arready, dut.m_axi_rvalid, dut.m_axi_rresp, dut.m_axi_rlast,
              dut.m_axi_rdata, dut.s_axis_tvalid, dut.s_axis_tlast, dut.s_axis_tdata,
              dut.s_axis_tkeep, dut.m_axis_tready, dut.s_axi_awvalid, dut.s_axi_wvalid,
              dut.s_axi_arvalid, dut.s_axi_bready, dut.s_axi_rready, dut.s_axi_awaddr,
              dut.s_axi_wdata, dut.s_axi_wstrb, dut.s_axi_araddr]
    outputs = [dut.m_axi_arvalid, dut.m_axi_araddr, dut.m_axi_arlen, dut.m_axi_rready,
               dut.s_axis_tready, dut.m_axis_tvalid, dut.m_axis_tdata, dut.m_axis_tkeep,
               dut.m_axis_tlast, dut.s_axi_awready, dut.s_axi_wready, dut.s_axi_bvalid,
               dut.s_axi_bresp, dut.s_axi_arready, dut.s_axi_rvalid, dut.s_axi_rdata,
               dut.s_axi_rresp]
    bench.stall(0.5, 0.5, 0.5)
    bench.send(2)
    await bench.begin()
    for _ in range(150):
        await FallingEdge(dut.aclk)
        await ReadOnly()
        kept = [str(pin.value) for pin in inputs]
        before = [str(pin.value) for pin in outputs]
        await bench.moment()
        for pin in inputs:
            pin.value = ~int(pin.value) & (1 << len(pin)) - 1 if pin.value.is_resolvable else 0
        await bench.moment()
        await ReadOnly()
        after = [str(pin.value) for pin in outputs]
        assert after == before, [(pin._name, *own) for pin, *own in zip(outputs, before, after)
                                 if own[0] != own[1]]
        await bench.moment()
        for pin, value in zip(inputs, kept):
            pin.value = type(pin.value)(value)
    await bench.check(2)
