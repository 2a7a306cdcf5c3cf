"""The generated C driver as a library, with the registers of the simulated RTL behind it."""

import ctypes

import cocotb
from cocotb.task import bridge, resume

__all__ = ["Driver"]

READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)


class Bus(ctypes.Structure):
    """`struct pqhw_top_bus`."""
    _fields_ = [("context", ctypes.c_void_p), ("read", READ), ("write", WRITE)]


class Driver:
    """The driver's functions, with the bench's registers behind them.

    Members
    -------
    lies: words that a read of an offset gives instead
    """

    def __init__(self, bench):
        self.lies: dict[int, int] = {}
        self.library = ctypes.CDLL(str(cocotb.plusargs["pqhw_driver"]))

        @resume
        async def read(offset):
            answer = await bench.lite.read(offset, 4)
            assert answer.resp == 0, f"the driver reads {offset:#x}"
            return int.from_bytes(answer.data, "little")

        @resume
        async def write(offset, value):
            answer = await bench.lite.write(offset, value.to_bytes(4, "little"))
            assert answer.resp == 0, f"the driver writes {offset:#x}"

        self.bus = Bus(None, READ(lambda _, offset: self.lies.get(offset, read(offset))),
                       WRITE(lambda _, offset, value: write(offset, value)))

    async def call(self, name, *arguments):
        """A function of the driver, while the simulation goes on."""
        def run():
            return getattr(self.library, f"pqhw_top_{name}")(ctypes.byref(self.bus), *arguments)
        return await bridge(run)()
