"""The generated C driver, compiled, on the registers of the RTL."""

import ctypes

import cocotb
import numpy as np
from axi_common import bytes_of_rows
from axi_setup import started
from c_driver import Driver

from pqhw.spec.image import LoadError

(OK, WRONG_ID, WRONG_VERSION, WRONG_CONFIGURATION, WRONG_GEOMETRY, WRONG_SIZE, TIMEOUT,
 REFUSED) = range(8)


def own_driver(bench):
    driver = Driver(bench)
    driver.library.pqhw_top_load.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                                             ctypes.c_uint32]
    return driver


@cocotb.test()
async def the_driver_loads_what_rows_then_use(dut):
    """Check, load, rows, no error; a faulty image is refused by its code, the next one taken."""
    bench = await started(dut)
    driver, given = own_driver(bench), bench.material(2, seed=3)
    image = given.image
    assert await driver.call("check") == OK
    assert await driver.call("load", image, len(image), 100) == OK
    bench.send(given)
    await bench.check(given)
    assert await driver.call("errors") == 0
    broken = image[:-1] + bytes([image[-1] ^ 1])
    assert await driver.call("load", broken, len(image), 100) == REFUSED
    assert await driver.call("load_error") == LoadError.CRC
    assert await driver.call("load", image, len(image) - 4, 100) == WRONG_SIZE
    assert await driver.call("load", image, len(image), 100) == OK
    bench.send(given)
    await bench.check(given)


@cocotb.test()
async def the_driver_knows_a_stranger(dut):
    """Every register that it compares counts."""
    bench = await started(dut)
    driver = own_driver(bench)
    for name, wrong in (("ID", WRONG_ID), ("VERSION", WRONG_VERSION),
                        ("CONFIGURATION", WRONG_CONFIGURATION),
                        ("INPUT_LANES", WRONG_GEOMETRY), ("INPUT_ELEMENTS", WRONG_GEOMETRY),
                        ("INPUT_TRANSFERS", WRONG_GEOMETRY), ("RESULT_LANES", WRONG_GEOMETRY),
                        ("RESULT_ELEMENTS", WRONG_GEOMETRY), ("RESULT_TRANSFERS", WRONG_GEOMETRY)):
        register = bench.registers[name]
        driver.lies = {register.offset: register.constant ^ 1}
        assert await driver.call("check") == wrong, name
    driver.lies = {}
    assert await driver.call("check") == OK


@cocotb.test()
async def the_driver_gets_over_what_others_left(dut):
    """An unfinished image is ended; results that nobody takes end in a time-out; then a reset."""
    bench = await started(dut)
    driver, given = own_driver(bench), bench.material(8, seed=3)
    image = given.image
    for parts in (1, 3):
        for _ in range(parts):
            await bench.write("LOAD_DATA", 0)
            await bench.wait(8)
        assert await driver.call("load", image, len(image), 100) == OK
    bench.sink.pause = True
    bench.send(given)
    await bench.until("STATUS", "RESULT_WAITS", 1)
    assert await driver.call("load", image, len(image), 20) == TIMEOUT
    assert await driver.call("load", image, len(image), 20) == TIMEOUT
    bench.source.pause = True
    await bench.wait(10)
    await driver.call("reset")
    assert await driver.call("load", image, len(image), 100) == OK


@cocotb.test()
async def the_driver_cuts_rows_as_the_streams_do(dut):
    """Its buffers are the bytes that are sent, and results come back in their places."""
    bench = await started(dut)
    driver, given = own_driver(bench), bench.material(2, seed=3)
    port = bench.design.input
    kind = f"<{'i' if port.range.signed else 'u'}{len(dut.s_axis_tdata) // 8 // port.lanes}"
    for row, wanted in zip(given.rows, bytes_of_rows(bench.design, given.rows)):
        sent = ctypes.create_string_buffer(len(wanted))
        driver.library.pqhw_top_row_to_transfers(row.astype(kind).tobytes(), sent)
        assert sent.raw == wanted
    made = bench.design.results
    kind = f"<{'i' if made.range.signed else 'u'}{len(dut.m_axis_tdata) // 8 // made.lanes}"
    filled = np.full((made.units, made.unit_transfers * made.lanes), 99, kind)
    filled[:, :made.elements] = given.results[0].reshape(made.units, made.elements)
    row = np.zeros(made.features, kind)
    driver.library.pqhw_top_transfers_to_row(filled.tobytes(), row.ctypes.data_as(ctypes.c_void_p))
    assert (row == given.results[0].reshape(-1)).all()
