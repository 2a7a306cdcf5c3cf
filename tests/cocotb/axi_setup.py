"""A bench around an accelerator on a bus: cocotbext-axi's agents, and the rules of the standard."""

import logging
import random
from collections.abc import Sequence
from typing import Any

import cocotb
from axi_common import AXI, AxiMaterial, axi_material, bytes_of_rows, rows_of_bytes
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cocotbext.axi import (AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink,
                           AxiStreamSource)

from pqhw.spec.registers import Register, register_map

__all__ = ["AxiBench", "BusBench", "chance", "started"]

PERIOD = 10
LIMIT = 60_000


def chance(probability: float, seed: int):
    """Pauses with the chance that is left of `probability`; none at 1."""
    if probability >= 1:
        return None
    rng = random.Random(seed)

    def pauses():
        while True:
            yield rng.random() >= probability
    return pauses()


class BusBench:
    """Agents at registers and streams.

    Members
    -------
    lite, source, sink: of cocotbext-axi; without `lite` the test drives `s_axi` itself
    cycle: rising edges since the start
    taken, given: cycles of the transfers at `s_axis` and `m_axis`
    """

    OFFERS = {"m_axis": ("tvalid", "tready", ("tdata", "tkeep", "tlast")),
              "s_axi b": ("bvalid", "bready", ("bresp",)),
              "s_axi r": ("rvalid", "rready", ("rdata", "rresp"))}
    """Of every channel that the design offers something on: VALID, READY and what is offered."""

    READIES = ("s_axis_t", "s_axi_aw", "s_axi_w", "s_axi_ar")
    """The other channels."""

    def __init__(self, dut: Any, registers: Sequence[Register], *, lite: bool = True):
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        self.dut = dut
        self.registers = {register.name: register for register in registers}
        self.cycle = 0
        self.taken: list[int] = []
        self.given: list[int] = []
        self.edge = RisingEdge(dut.aclk)
        common = (dut.aclk, dut.aresetn, False)
        if lite:
            self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *common)
        else:
            for channel in ("aw", "w", "ar"):
                getattr(dut, f"s_axi_{channel}valid").value = 0
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *common)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *common)

    async def start(self) -> None:
        """Start the clock, reset, and watch."""
        self.dut.aresetn.value = 0
        Clock(self.dut.aclk, PERIOD, unit="step").start(start_high=False)
        await self.wait(3)
        self.dut.aresetn.value = 1
        await self.wait(1)
        cocotb.start_soon(self._watch())

    async def wait(self, cycles: int) -> None:
        """Let cycles pass."""
        for _ in range(cycles):
            await self.edge

    async def _watch(self) -> None:
        """What is on offer stays on offer, unchanged, and is known; on every channel."""
        pins = {channel: tuple(getattr(self.dut, f"{channel.split()[0]}_{pin}")
                               for pin in (valid, ready, *payload))
                for channel, (valid, ready, payload) in self.OFFERS.items()}
        known = [getattr(self.dut, f"{name}ready") for name in self.READIES]
        offers, takes = self.dut.s_axis_tvalid, self.dut.s_axis_tready
        held: dict[str, str] = {}
        while True:
            await ReadOnly()
            for pin in known if self.cycle % 16 == 0 else ():
                assert str(pin.value) in "01", f"{pin._name} is {pin.value}"
            for channel, (valid, ready, *payload) in pins.items():
                offered = str(valid.value)
                assert offered in "01", f"{channel} valid is {offered}"
                now = " ".join(str(pin.value) for pin in payload) if offered == "1" else ""
                assert not set(now) - set("01 "), f"{channel} offers {now}"
                if channel in held:
                    assert now == held[channel], f"{channel} took back {held[channel]}"
                held.pop(channel, None)
                if offered == "1" and str(ready.value) == "0":
                    held[channel] = now
                elif offered == "1" and channel == "m_axis":
                    self.given.append(self.cycle)
            if str(offers.value) == "1" == str(takes.value):
                self.taken.append(self.cycle)
            await self.edge
            self.cycle += 1

    async def read(self, name: str, field: str | None = None) -> int:
        """A register or one of its fields, which must be there."""
        answer = await self.lite.read(self.registers[name].offset, 4)
        assert answer.resp == 0, f"reading {name} was answered with {answer.resp}"
        word = int.from_bytes(answer.data, "little")
        if field is None:
            return word
        place = self.registers[name].field(field)
        return (word & place.mask) >> place.low

    async def write(self, name: str, word: int) -> int:
        """Write a register; returns the response."""
        answer = await self.lite.write(self.registers[name].offset, word.to_bytes(4, "little"))
        return int(answer.resp)

    async def until(self, name: str, field: str, wanted: int) -> None:
        """Read a field until it is as wanted."""
        for _ in range(2000):
            if await self.read(name, field) == wanted:
                return
        raise AssertionError(f"{name}.{field} never became {wanted}")

    async def receive(self, count: int) -> list[bytes]:
        """So many packets, null bytes left out."""
        start = self.cycle
        while self.sink.count() < count:
            await self.wait(1)
            assert self.cycle - start < LIMIT, f"{self.sink.count()} of {count} rows came"
        return [bytes(self.sink.recv_nowait().tdata) for _ in range(count)]


class AxiBench(BusBench):
    """Agents at all ports of an accelerator."""

    def __init__(self, dut: Any, name: str, *, lite: bool = True):
        self.name, self.design = name, AXI[name]()
        super().__init__(dut, register_map(self.design), lite=lite)

    async def send_image(self, image: bytes, *, first: str = "LOAD_DATA") -> None:
        """An image through the window, part by part, no word before it can be taken."""
        part = min(4, self.design.load_bits // 8)
        for at in range(0, len(image), part):
            word = int.from_bytes(image[at:at + part], "little")
            name = first if at + part < len(image) else "LOAD_LAST"
            assert await self.write(name, word) == 0
            if at + part == self.design.load_bits // 8:
                await self.until("STATUS", "LOAD_FREE", 1)

    async def load(self, image: bytes) -> None:
        """Load a good image, if there is one."""
        if image:
            await self.send_image(image)
            await self.until("STATUS", "LOADING", 0)
        assert await self.read("STATUS", "READY") == 1, "a good image was refused"
        assert await self.read("ERRORS") == 0

    def send(self, given: AxiMaterial, *, cut: bool = False) -> None:
        """Queue all rows."""
        for row, precision in zip(bytes_of_rows(self.design, given.rows, cut=cut),
                                  given.precisions):
            self.source.send_nowait(AxiStreamFrame(row, tuser=int(precision)))

    async def check(self, given: AxiMaterial) -> None:
        """All results of `given` come, and no more."""
        found = rows_of_bytes(self.design, await self.receive(len(given.results)))
        assert (found == given.results).all(), f"{found} instead of {given.results}"
        await self.wait(30)
        assert self.sink.empty() and not self.dut.m_axis_tvalid.value

    def material(self, count: int, seed: int) -> AxiMaterial:
        """Rows, and what must come out."""
        return axi_material(self.name, count, seed)


async def started(dut: Any, *, lite: bool = True) -> AxiBench:
    """A bench on the design that `+pqhw_design` names, after reset."""
    bench = AxiBench(dut, str(cocotb.plusargs["pqhw_design"]), lite=lite)
    await bench.start()
    return bench
