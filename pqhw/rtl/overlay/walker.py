"""Where the pixels of a tensor stand in the banks, one after another."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay.job import ADDRESS_BITS
from ...spec.overlay.overlay import WINDOW
from ..target import Target

__all__ = ["Countdown", "Walker"]


class Countdown(wiring.Component):
    """Tells the last of every `count` steps, by a flip-flop alone.

    Parameters
    ----------
    bits:
        Of `count`, which stays as it is from `start` on and is at least 1.

    Members
    -------
    start: the next step is the first
    step: goes on; the step after the last one is a first one
    last: this step is the last one
    """

    def __init__(self, bits: int):
        super().__init__({"count": In(bits), "start": In(1), "step": In(1), "last": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        left = Signal.like(self.count, name="left", reset_less=True)
        with m.If(self.step):
            m.d.sync += [left.eq(left - 1), self.last.eq(left == 2)]
        with m.If(self.start | (self.step & self.last)):
            m.d.sync += [left.eq(self.count), self.last.eq(self.count == 1)]
        return m


class Walker(wiring.Component):
    """Follows pixels along rows: the bank of each, and the address of its first word.

    Members
    -------
    start: the next pixel is the first
    step: the next pixel is the following one
    row_start, row_phase, row_step: address and bank of the first row, and addresses from a row of
        banks to the next; likewise `column_`, where these follow each other
    stride_y, stride_x: pixels from one to the next, 1 to 3
    width: pixels of a row, known in the cycle of `start`
    flat: rows follow each other in one bank
    row, row_phase_now, column, column_phase_now: of the pixel, a cycle later; its address is the
        sum
    ends_row: the pixel is its row's last

    Latency and cost
    ----------------
    Two cycles from `step` to the next pixel's place. About 60 flip-flops and 150 LUT4.
    """

    def __init__(self) -> None:
        axes: dict[str, Any] = {}
        for name in ("row", "column"):
            axes |= {f"{name}_start": In(ADDRESS_BITS), f"{name}_phase": In(2),
                     name: Out(ADDRESS_BITS), f"{name}_phase_now": Out(2)}
        super().__init__({"start": In(1), "step": In(1), "row_step": In(ADDRESS_BITS),
                          "stride_y": In(2), "stride_x": In(2),
                          "width": In(9), "flat": In(1), "ends_row": Out(1), **axes})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.x = x = Countdown(len(self.width))
        end = Signal(name="end")
        m.d.comb += [x.start.eq(self.start), x.count.eq(self.width), x.step.eq(self.step),
                     end.eq(x.last), self.ends_row.eq(end)]
        moves, turns, begins = (Signal(name=name) for name in ("moves", "turns", "begins"))
        m.d.sync += [moves.eq(self.step), turns.eq(self.step & end), begins.eq(self.start)]
        self._axis(m, "column", self.stride_x, 1, moves, begins | turns)
        self._axis(m, "row", self.stride_y, self.row_step, turns, begins)
        return m

    def _axis(self, m: Module, name: str, stride: Signal, pitch, step, restart) -> None:
        """One coordinate: its bank goes round, its address goes on when it does."""
        address, phase = getattr(self, name), getattr(self, f"{name}_phase_now")
        own, ahead = Signal(ADDRESS_BITS, name=f"{name}_address", reset_less=True), Signal(3)
        at = Signal(2, name=f"{name}_bank", reset_less=True)
        crosses = Signal(name=f"{name}_crosses")
        m.d.comb += [address.eq(own), phase.eq(at), ahead.eq(at + stride),
                     crosses.eq((ahead >= WINDOW) | self.flat)]
        with m.If(step):
            m.d.sync += at.eq(Mux(self.flat, 0, Mux(crosses, ahead - WINDOW, ahead)))
            with m.If(crosses):
                m.d.sync += own.eq(own + pitch)
        with m.If(restart):
            m.d.sync += [own.eq(getattr(self, f"{name}_start")),
                         at.eq(getattr(self, f"{name}_phase"))]
