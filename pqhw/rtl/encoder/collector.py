"""Collects the codes of several encoder groups to the group that the lookup takes."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec import PQSpec
from ..sums import count_up
from ..target import Target

__all__ = ["CodeCollector"]


class CodeCollector(wiring.Component):
    """Puts `subspace_lanes` codes together that an encoder of fewer lanes makes one after another.

    A group passes in the cycle of its last codes, the earlier ones from registers. A row's last
    group may be complete early: the codes that it lacks are any that came before, as the entries
    that they address are zero.

    Parameters
    ----------
    spec:
        Gives lanes on both sides and the groups of a row.

    Members
    -------
    i: codes of an encoder group
    o: codes of a lookup group

    Latency and cost
    ----------------
    None. A register per code but the last `encoder_lanes` of a group, a multiplexer for those
    with which a row's last group is complete early, and a counter.
    """

    def __init__(self, spec: PQSpec):
        self.spec = spec
        self.parts = spec.subspace_lanes // spec.encoder_lanes
        super().__init__({
            "i": In(stream.Signature(data.ArrayLayout(spec.code_bits, spec.encoder_lanes))),
            "o": Out(stream.Signature(data.ArrayLayout(spec.code_bits, spec.subspace_lanes))),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        passes = Signal(name="passes")
        part, completes = self._count(m, passes)
        m.d.comb += [
            self.o.valid.eq(self.i.valid & completes),
            self.i.ready.eq(self.o.ready | ~completes), passes.eq(self.i.valid & self.i.ready),
        ]
        groups = self.spec.encoder_groups
        final = (groups - 1) % self.parts
        arriving = Value.cast(self.i.payload)
        codes: list[Value] = []
        for index in range(self.parts):
            if index == self.parts - 1 or groups <= self.parts and index >= final:
                codes.append(arriving)
                continue
            held = Signal(len(arriving), name=f"part{index}", reset_less=True)
            with m.If(passes & (part == index)):
                m.d.sync += held.eq(arriving)
            codes.append(Mux(part == index, arriving, held) if index == final else held)
        m.d.comb += Value.cast(self.o.payload).eq(Cat(codes))
        return m

    def _count(self, m: Module, passes: Value) -> tuple[Value, Value]:
        """Which part of a group comes in, and whether it completes the group."""
        groups = self.spec.encoder_groups
        part = Signal(range(self.parts), name="part")
        completes = Signal(name="completes")
        if groups % self.parts == 0 or groups < self.parts:
            last = min(groups, self.parts) - 1
            m.d.comb += completes.eq(part == last)
            count_up(m, part, last + 1, passes)
            return part, completes
        group = Signal(range(groups), name="group")
        count_up(m, group, groups, passes)
        m.d.comb += completes.eq((group == groups - 1) | (part == self.parts - 1))
        with m.If(passes):
            m.d.sync += part.eq(Mux(completes, 0, part + 1))
        return part, completes
