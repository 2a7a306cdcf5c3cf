"""The generated C driver, compiled, on the registers of an overlay."""

import ctypes

import cocotb
import numpy as np
from c_driver import Driver
from overlay_setup import BASE, started

from pqhw.spec.overlay.job import ProgramError

OK, WRONG_ID, WRONG_VERSION, WRONG_CONFIGURATION, WRONG_ADDRESS, TIMEOUT, REFUSED = range(7)


def own_driver(bench):
    driver = Driver(bench)
    driver.library.pqhw_top_start.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32]
    return driver


@cocotb.test()
async def the_driver_runs_programs_and_tells_what_is_wrong_with_them(dut):
    """Check, start, images, no error; a damaged program by its code and block; another address."""
    bench = await started(dut)
    driver = own_driver(bench)
    assert await driver.call("check") == OK
    assert await driver.call("start", BASE + 1, 100) == WRONG_ADDRESS
    assert await driver.call("start", BASE, 100) == OK
    bench.send(2)
    await bench.check(2)
    assert await driver.call("errors") == 0
    broken = bytearray(bench.material.image)
    broken[-1] ^= 1
    other = 0x7000
    bench.store(bytes(broken), other)
    bench.ram.write(other, bytes(4))
    assert await driver.call("start", other, 100) == REFUSED
    assert await driver.call("program_error") == ProgramError.MAGIC
    assert await driver.call("program_block") == 0
    assert await driver.call("stop", 100) == OK
    bench.store(bench.material.image, other)
    bench.ram.r_channel.pause = True
    assert await driver.call("start", other, 5) == TIMEOUT
    assert await driver.call("stop", 5) == TIMEOUT
    bench.ram.r_channel.pause = False
    assert await driver.call("stop", 100) == OK
    assert await driver.call("start", other, 100) == OK
    bench.send(1)
    await bench.check(1)


@cocotb.test()
async def the_driver_knows_a_stranger(dut):
    """Every register that it compares counts."""
    bench = await started(dut)
    driver = own_driver(bench)
    for name, wrong in (("ID", WRONG_ID), ("VERSION", WRONG_VERSION),
                        ("CONFIGURATION", WRONG_CONFIGURATION)):
        register = bench.registers[name]
        driver.lies = {register.offset: register.constant ^ 1}
        assert await driver.call("check") == wrong, name


@cocotb.test()
async def the_driver_cuts_images_as_the_streams_do(dut):
    """Its buffers are the bytes that are sent, and results come back in their places."""
    bench = await started(dut)
    driver, given = own_driver(bench), bench.material
    size = ctypes.c_size_t
    rows = given.program.input
    for image, wanted in zip(given.images, given.packets):
        sent = ctypes.create_string_buffer(len(wanted))
        driver.library.pqhw_top_image_to_transfers(
            image.astype(np.uint8).tobytes(), size(rows.units), size(rows.elements), sent)
        assert sent.raw == wanted
    made = given.program.results
    filled = np.full((made.units, made.unit_transfers * made.lanes), 99, "<i4")
    filled[:, :made.elements] = given.results[0].reshape(made.units, made.elements)
    row = np.zeros(made.features, "<i4")
    driver.library.pqhw_top_transfers_to_results(
        filled.tobytes(), size(made.units), size(made.elements),
        row.ctypes.data_as(ctypes.c_void_p))
    assert (row == given.results[0].reshape(-1)).all()
