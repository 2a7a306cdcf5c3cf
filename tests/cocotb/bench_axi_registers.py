"""Registers over AXI4-Lite: the map, every order of handshakes, images, errors and reset."""

import itertools

import cocotb
from axi_setup import chance, started

from pqhw.spec.image import LoadError
from pqhw.spec.registers import ADDRESS_BITS, OKAY, SLVERR

BAD = 0xdeadbeef


@cocotb.test()
async def every_address_answers_as_the_map_says(dut):
    """Registers that can be read give their constants; all else is an error, for writes too."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    await bench.load(given.image)
    at = {register.offset: register for register in bench.registers.values()}
    high = [1 << bit for bit in range(7, ADDRESS_BITS)]
    for offset in [*range(0, 128, 4), *high, *(bit | 4 for bit in high), (1 << ADDRESS_BITS) - 4]:
        register = at.get(offset)
        answer = await bench.lite.read(offset, 4)
        readable = register is not None and register.readable
        assert answer.resp == (OKAY if readable else SLVERR), hex(offset)
        word = int.from_bytes(answer.data, "little")
        if register is None or not register.readable:
            assert word == 0
        elif register.constant is not None:
            assert word == register.constant, register.name
        if register is None or not register.writable:
            wrote = await bench.lite.write(offset, BAD.to_bytes(4, "little"))
            assert wrote.resp == SLVERR, hex(offset)
    assert [await bench.read(name) for name in ("ERRORS", "LOAD_ERROR", "ROWS_IN")] == [0, 0, 0]
    assert await bench.read("STATUS", "READY") == 1
    bench.send(given)
    await bench.check(given)


@cocotb.test()
async def whole_words_alone_are_written(dut):
    """Other strobes are an error and change nothing."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    await bench.load(given.image)
    control = bench.registers["CONTROL"].offset
    for first, last in itertools.combinations(range(5), 2):
        if (first, last) != (0, 4):
            answer = await bench.lite.write(control + first, b"\xff" * (last - first))
            assert answer.resp == SLVERR
    if given.image:
        data = bench.registers["LOAD_DATA"].offset
        assert (await bench.lite.write(data, b"\0\0")).resp == SLVERR
        assert await bench.read("STATUS", "LOADING") == 0
    assert await bench.read("STATUS", "READY") == 1
    bench.send(given)
    await bench.check(given)


@cocotb.test()
@cocotb.parametrize(address=(0, 1, 5), data=(0, 1, 5), response=(0, 1, 5))
async def writes_take_their_address_and_data_in_any_order(dut, address, data, response):
    """Each is taken once, whichever comes first; the answer waits for as long as it must."""
    bench = await started(dut, lite=False)
    valid, ready = ({name: getattr(dut, f"s_axi_{name}{part}") for name in ("aw", "w", "b")}
                    for part in ("valid", "ready"))
    delays = {"aw": address, "w": data}
    for name, wanted in (("ID", SLVERR), ("ERRORS", OKAY), ("CONTROL", OKAY), ("STATUS", SLVERR)):
        dut.s_axi_awaddr.value = bench.registers[name].offset
        dut.s_axi_wdata.value, dut.s_axi_wstrb.value = 0xfffffffe, 15
        todo, waited, answer = {"aw", "w"}, 0, None
        for cycle in range(40):
            offered = {channel for channel in todo if cycle >= delays[channel]}
            takes = waited >= response
            for channel in delays:
                valid[channel].value = int(channel in offered)
            ready["b"].value = int(takes)
            await bench.edge
            if valid["b"].value == 1:
                assert not todo, "answered before it was asked"
                waited += 1
                if takes:
                    answer = int(dut.s_axi_bresp.value)
                    break
            todo -= {channel for channel in offered if ready[channel].value == 1}
        assert answer == wanted, name
        ready["b"].value = 0
        await bench.wait(3)
        assert valid["b"].value == 0


@cocotb.test()
@cocotb.parametrize(ask=(1.0, 0.3), take=(1.0, 0.3))
async def many_at_once_are_answered_in_order(dut, ask, take):
    """Reads and writes back to back, with stalls on every channel."""
    bench = await started(dut)
    write, read = bench.lite.write_if, bench.lite.read_if
    for seed, channel in enumerate((write.aw_channel, write.w_channel, read.ar_channel)):
        channel.set_pause_generator(chance(ask, seed))
    for seed, channel in enumerate((write.b_channel, read.r_channel), start=7):
        channel.set_pause_generator(chance(take, seed))
    registers = [own for own in bench.registers.values() if own.constant is not None]
    reads = [bench.lite.init_read(own.offset, 4) for own in registers * 2]
    offsets = [(bench.registers["ERRORS"].offset, OKAY), (0x7c, SLVERR), (0, SLVERR)] * 8
    writes = [bench.lite.init_write(offset, bytes(4)) for offset, _ in offsets]
    for event, own in zip(reads, registers * 2):
        await event.wait()
        assert event.data.resp == OKAY
        assert int.from_bytes(event.data.data, "little") == own.constant, own.name
    for event, (_, wanted) in zip(writes, offsets):
        await event.wait()
        assert event.data.resp == wanted


@cocotb.test()
async def a_faulty_image_is_refused_and_the_first_is_remembered(dut):
    """Code and section stay until cleared, and errors can come again."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    if not given.image:
        await bench.send_image(bytes(16))
        assert await bench.read("ERRORS", "LOAD") == 1
        assert await bench.read("LOAD_ERROR", "CODE") == LoadError.CONSTANT
        return
    load = bench.registers["ERRORS"].field("LOAD").mask
    magic = b"X" + given.image[1:]
    flipped = given.image[:-1] + bytes([given.image[-1] ^ 1])
    short = given.image[:-max(4, bench.design.load_bits // 8)]
    for image, code in ((magic, LoadError.MAGIC), (flipped, LoadError.CRC),
                        (short, LoadError.TRUNCATED)):
        await bench.send_image(image)
        await bench.until("STATUS", "LOADING", 0)
        assert await bench.read("ERRORS") == load
        assert await bench.read("STATUS", "READY") == 0
        await bench.send_image(magic if code != LoadError.MAGIC else flipped)
        await bench.until("STATUS", "LOADING", 0)
        assert await bench.read("LOAD_ERROR", "CODE") == code
        await bench.write("ERRORS", load ^ 0xffffffff)
        assert await bench.read("ERRORS") == load
        await bench.write("ERRORS", load)
        assert [await bench.read("ERRORS"), await bench.read("LOAD_ERROR")] == [0, 0]
    await bench.load(given.image)
    bench.send(given)
    await bench.check(given)


@cocotb.test()
async def an_image_begins_when_rows_have_left_and_never_holds_the_bus(dut):
    """While results wait, the first word waits, the next is refused, and registers answer. Rows
    that come after it wait for the whole image."""
    bench = await started(dut)
    given = bench.material(8, seed=3)
    if not given.image or bench.design.double_buffered:
        return
    await bench.load(given.image)
    bench.sink.pause = True
    bench.send(given)
    await bench.until("STATUS", "RESULT_WAITS", 1)
    size = bench.design.load_bits // 8
    part = min(4, size)
    for at in range(0, size, part):
        word = int.from_bytes(given.image[at:at + part], "little")
        assert await bench.write("LOAD_DATA", word) == OKAY
    await bench.wait(50)
    assert [await bench.read("STATUS", name) for name in ("LOAD_FREE", "LOADING")] == [0, 1]
    assert await bench.write("LOAD_DATA", BAD) == SLVERR
    assert await bench.read("ERRORS") == bench.registers["ERRORS"].field("OVERRUN").mask
    await bench.write("ERRORS", 0xffffffff)
    bench.sink.pause = False
    await bench.until("STATUS", "LOAD_FREE", 1)
    begun = await bench.read("ROWS_IN")
    assert begun < 8 and await bench.read("STATUS", "READY") == 0
    await bench.send_image(given.image[size:])
    await bench.until("STATUS", "LOADING", 0)
    assert [await bench.read("STATUS", "READY"), await bench.read("ERRORS")] == [1, 0]
    await bench.check(given)


@cocotb.test()
async def an_unfinished_image_is_ended_by_its_last_word(dut):
    """Even within a load word; the next image is taken."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    if not given.image:
        return
    for parts in (1, 3):
        for _ in range(parts):
            await bench.write("LOAD_DATA", int.from_bytes(b"PQHW", "little"))
            await bench.wait(6)
        assert await bench.read("STATUS", "LOADING") == 1
        await bench.write("LOAD_LAST", 0)
        await bench.until("STATUS", "LOADING", 0)
        assert await bench.read("ERRORS", "LOAD") == 1
        await bench.write("ERRORS", 0xffffffff)
    await bench.load(given.image)
    bench.send(given)
    await bench.check(given)


@cocotb.test()
@cocotb.parametrize(cycles=(3, 40))
async def a_reset_by_register_leaves_nothing_but_what_is_on_offer(dut, cycles):
    """That transfer stays, as the standard demands; errors stay; after it all is as new."""
    bench = await started(dut)
    given = bench.material(3, seed=3)
    await bench.load(given.image)
    await bench.write("LOAD_LAST", 0)
    await bench.until("STATUS", "LOADING", 0)
    errors = await bench.read("ERRORS")
    assert errors & bench.registers["ERRORS"].field("LOAD").mask
    if given.image:
        await bench.send_image(given.image)
        await bench.until("STATUS", "LOADING", 0)
    bench.sink.pause = True
    bench.send(given)
    await bench.until("STATUS", "RESULT_WAITS", 1)
    await bench.wait(cycles)
    while not bench.source.idle() and len(bench.taken) < 3 * bench.design.input.transfers:
        before = len(bench.taken)
        await bench.wait(20)
        if len(bench.taken) == before:
            break
    bench.source.pause = True
    await bench.wait(2)
    assert await bench.write("CONTROL", 1) == OKAY
    await bench.wait(2)
    offered = len(bench.given)
    assert [await bench.read(name) for name in ("ROWS_IN", "ROWS_OUT", "STALL_CYCLES")] == [0] * 3
    assert await bench.read("ERRORS") == errors
    assert await bench.read("STATUS", "READY") == (0 if given.image else 1)
    assert await bench.read("STATUS", "RESULT_WAITS") == 1
    bench.sink.pause = False
    await bench.wait(20)
    assert len(bench.given) == offered + 1
    assert await bench.read("STATUS", "RESULT_WAITS") == 0


@cocotb.test()
async def rows_are_right_after_a_reset_by_register(dut):
    """Reset in the middle of a row and of an image; then image and rows from the start."""
    bench = await started(dut)
    given = bench.material(2, seed=3)
    await bench.load(given.image)
    if bench.design.input.transfers > 2:
        dut.s_axis_tvalid.value, dut.s_axis_tlast.value = 1, 0
        dut.s_axis_tdata.value, dut.s_axis_tkeep.value = 0, (1 << len(dut.s_axis_tkeep)) - 1
        await bench.wait(2)
        dut.s_axis_tvalid.value = 0
    if given.image:
        await bench.write("LOAD_DATA", int.from_bytes(given.image[:4], "little"))
    await bench.write("CONTROL", 1)
    await bench.wait(2)
    await bench.load(given.image)
    bench.send(given)
    await bench.check(given)
