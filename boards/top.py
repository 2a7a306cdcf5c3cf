"""What every board holds: the serial link, the accelerator, lights."""

import dataclasses
from typing import Any

from amaranth.hdl import Cat, ClockSignal, Instance, Module, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pqhw.emit.design import TOP, component_verilog, design_verilog
from pqhw.rtl import Accelerator
from pqhw.rtl.accelerator import accelerator_signature
from pqhw.rtl.link import Link
from pqhw.rtl.target import Target
from pqhw.spec.design import Design
from pqhw.spec.link import LinkSpec

__all__ = ["BOARD", "LIGHTS", "BoardTop", "board_verilog"]

BOARD = "pqhw_board"
"""Name of the module."""

LIGHTS = ("ready", "active", "fault", "waits")
"""Parameters are in use; changes with every request; the last parameter image was refused; rows or
words wait for the accelerator."""


class BoardTop(wiring.Component):
    """An accelerator behind a serial line.

    Parameters
    ----------
    design, link, identity:
        As of `pqhw.rtl.link.Link`.

    Members
    -------
    rx, tx: the serial line
    lights: see `LIGHTS`, the first in the lowest bit
    """

    def __init__(self, design: Design, link: LinkSpec, identity: bytes):
        self.design = design
        self.link = Link(design, link, identity)
        super().__init__({"rx": In(1), "tx": Out(1, init=1), "lights": Out(len(LIGHTS))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        reset = Signal(name="accelerator_reset", init=1)
        m.d.sync += reset.eq(link.restart)
        ports: Any
        if platform.library is None:
            ports = Accelerator(self.design)
            m.submodules.accelerator = ResetInserter(reset)(ports)
        else:
            ports = self._instance(m, reset)
        wiring.connect(m, link.rows, ports.i)
        wiring.connect(m, link.load, ports.load)
        wiring.connect(m, ports.o, link.results)
        wiring.connect(m, ports.status, link.status)
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx),
                     self.lights.eq(Cat(link.status.ready, link.active, link.fault, link.waits))]
        return m

    def _instance(self, m: Module, reset: Signal) -> Any:
        """The module that `pqhw verilog` writes, as it is."""
        signature = accelerator_signature(self.design)
        ports = signature.create(path=("accelerator",))
        connections: dict[str, Any] = {"i_clk": ClockSignal(), "i_rst": reset}
        for path, member, value in signature.flatten(ports):
            direction = "i" if member.flow == In else "o"
            connections[f"{direction}_{'__'.join(map(str, path))}"] = Value.cast(value)
        m.submodules.accelerator = Instance(TOP, **connections)
        return ports


@dataclasses.dataclass(frozen=True)
class BoardSource:
    """The Verilog of `BoardTop`: `accelerator` as `pqhw verilog` writes it, `link` around it."""
    accelerator: str
    link: str


def board_verilog(design: Design, link: LinkSpec, identity: bytes, *,
                  target: str = "generic") -> BoardSource:
    """Both modules; top is `BOARD`, with ports clk, rst, rx, tx and lights.

    Raises `SpecError` where the design needs constants and is not bound to any.
    """
    accelerator = design_verilog(design, target=target)
    top = component_verilog(BoardTop(design, link, identity), target=target, name=BOARD)
    return BoardSource(accelerator, top)
