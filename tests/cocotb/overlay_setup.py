"""A bench around an overlay on a bus: its memory, which is cocotbext-axi's, besides."""

from typing import Any

import cocotb
from axi_setup import BusBench, chance
from cocotb.triggers import Timer
from cocotbext.axi import AxiRamRead, AxiReadBus, AxiResp, AxiStreamFrame
from overlay_common import material

from pqhw.spec.overlay.registers import overlay_registers

__all__ = ["BASE", "OverlayBench", "RESET", "START", "started"]

BASE = 0x12_3456_8000
"""Where programs stand if nothing else is said: at the beginning of a page."""

RESET, START = 1, 2
PATIENCE = 4000


class FaultyRam(AxiRamRead):
    """A memory that can answer wrongly.

    Members
    -------
    answers: RRESP of a word, by its address
    ends: addresses of words whose RLAST is wrong
    asked: addresses and words of all bursts
    given: words given
    """

    def __init__(self, *arguments: Any, **named: Any):
        self.answers: dict[int, AxiResp] = {}
        self.ends: set[int] = set()
        self.asked: list[tuple[int, int]] = []
        self.address = self.given = 0
        super().__init__(*arguments, **named)
        self.r_channel.queue_occupancy_limit = 2
        send, receive = self.r_channel.send, self.ar_channel.recv

        async def send_wrongly(word):
            word.rresp = self.answers.get(self.address, word.rresp)
            word.rlast = bool(word.rlast) ^ (self.address in self.ends)
            self.given += 1
            await send(word)

        async def note():
            burst = await receive()
            assert (int(burst.arburst), int(burst.arid)) == (1, 0)
            assert 1 << int(burst.arsize) == self.byte_lanes
            assert int(burst.arlen) < 32 and int(burst.araddr) % self.byte_lanes == 0
            self.asked.append((int(burst.araddr), int(burst.arlen) + 1))
            return burst
        self.r_channel.send, self.ar_channel.recv = send_wrongly, note

    async def _read(self, address, length):
        self.address = address
        return await super()._read(address, length)


class OverlayBench(BusBench):
    """Agents at all ports of an overlay.

    Members
    -------
    material: its program, images and results
    ram: the memory
    """

    OFFERS = {**BusBench.OFFERS, "m_axi ar": ("arvalid", "arready", (
        "araddr", "arlen", "arsize", "arburst", "arid", "arcache", "arprot"))}
    READIES = (*BusBench.READIES, "m_axi_r")

    def __init__(self, dut: Any, name: str):
        self.material = material(name)
        super().__init__(dut, overlay_registers(self.material.spec))
        self.ram = FaultyRam(AxiReadBus.from_prefix(dut, "m_axi"), dut.aclk, dut.aresetn, False,
                             size=2**48)

    @staticmethod
    async def moment() -> None:
        """A part of a half cycle."""
        await Timer(1, unit="step")

    def store(self, image: bytes, base: int = BASE) -> None:
        """Put a program into the memory."""
        self.ram.write(base, image)

    def stall(self, valid: float, ready: float, memory: float) -> None:
        """Let everyone pause by chance."""
        for seed, (channel, own) in enumerate((
                (self.source, valid), (self.sink, ready), (self.ram.ar_channel, memory),
                (self.ram.r_channel, memory))):
            channel.set_pause_generator(chance(own, seed + 3))

    async def begin(self, base: int = BASE, control: int = START) -> None:
        """Start the program at an address."""
        for name, word in (("BASE_LOW", base & 0xffffffff), ("BASE_HIGH", base >> 32),
                           ("CONTROL", control)):
            assert await self.write(name, word) == 0, name

    def send(self, count: int) -> None:
        """Queue images."""
        for packet in self.material.packets[:count]:
            self.source.send_nowait(AxiStreamFrame(packet))

    async def begin_anew(self, count: int) -> None:
        """Begin the program that ran once more, and see the results of so many images."""
        assert await self.write("CONTROL", RESET | START) == 0
        self.send(count)
        await self.check(count)
        assert await self.read("ERRORS") == 0

    async def check(self, count: int) -> None:
        """The results of so many images come, and no more."""
        found = self.material.found(await self.receive(count))
        wanted = self.material.results[:count]
        assert (found == wanted).all(), f"{found} instead of {wanted}"
        await self.wait(30)
        assert self.sink.empty() and not self.dut.m_axis_tvalid.value

    async def refused(self) -> tuple[int, int]:
        """The error and its block, once the program is refused; no result came."""
        for _ in range(PATIENCE):
            if await self.read("ERRORS", "PROGRAM"):
                break
        assert self.sink.empty() and not self.given
        return (await self.read("PROGRAM_ERROR", "CODE"),
                await self.read("PROGRAM_ERROR", "BLOCK"))


async def started(dut: Any) -> OverlayBench:
    """A bench on the overlay that `+pqhw_design` names, after reset, its program in memory."""
    bench = OverlayBench(dut, str(cocotb.plusargs["pqhw_design"]))
    await bench.start()
    bench.store(bench.material.image)
    return bench
