"""Encoders that compare a sub-vector with every prototype: l2 and l1."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec import DistanceSpec
from ...spec.ranges import ceil_log2
from ..buffers import Outlet, beside
from ..memory import ParameterMemory, SectionPort
from ..streams import lanes_layout, shape_of
from ..sums import adder_tree, count_up, delayed
from ..target import Target, place
from .argmin import argmin_tree
from .elements import element_distance

__all__ = ["DistanceEncoder", "DistanceLane"]


class DistanceLane(wiring.Component):
    """Finds the nearest prototype of one subspace, some prototypes and elements at a time.

    Parameters
    ----------
    spec:
        Gives lanes, ranges and chunks.

    Members
    -------
    x: elements of this cycle
    c: their counterparts, prototype by prototype
    enable: advances the pipeline
    sum_step, sum_first: the distance sums take a part, the first of a distance (at their stage)
    best_step, best_first: a chunk's least distance is compared with the best so far, or replaces
        it (at their stage)
    best_base: index of the chunk's first prototype (at the same stage)
    code: index of the nearest prototype

    Latency and cost
    ----------------
    2 + ceil(log2 elements) + ceil(log2 prototypes) cycles, one more each for sums over chunks
    of elements and for chunks of prototypes. prototypes * elements element distances,
    prototypes * (elements - 1) adders, prototypes - 1 comparisons. On ECP5, 16 prototypes of 8
    elements, LUT4 per element distance and its share of the rest: l1 18 (4 bits) or 22 (5 bits),
    l2 28 (4 bits).
    """

    def __init__(self, spec: DistanceSpec):
        self.spec = spec
        self.chunk_bits = ceil_log2(spec.prototype_lanes)
        prototype = lanes_layout(spec.prototype_range, spec.element_lanes)
        super().__init__({
            "x": In(lanes_layout(spec.activation_range, spec.element_lanes)),
            "c": In(data.ArrayLayout(prototype, spec.prototype_lanes)),
            "enable": In(1), "sum_step": In(1), "sum_first": In(1), "best_step": In(1),
            "best_first": In(1), "best_base": In(spec.code_bits),
            "code": Out(spec.code_bits),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        distances = []
        for k in range(spec.prototype_lanes):
            elements = [element_distance(m, platform, self.enable, spec, self.x[e],
                                         self.c[k][e], f"p{k}_e{e}")
                        for e in range(spec.element_lanes)]
            distance = adder_tree(m, platform, self.enable, elements, f"p{k}_sum")
            if spec.element_chunks > 1:
                distance = self._accumulate(m, platform, distance, f"p{k}_distance")
            distances.append(distance)
        least, index = argmin_tree(m, platform, self.enable, distances)
        if spec.prototype_chunks > 1:
            index = self._best(m, platform, least, index)
        m.d.comb += self.code.eq(index)
        return m

    def _accumulate(self, m: Module, platform: Target, part: Value, name: str) -> Value:
        shape = shape_of(self.spec.distance_range)
        total = Signal(shape, name=name, reset_less=True)
        following = platform.add_gated(m, part, total, ~self.sum_first, shape, f"{name}_following")
        with m.If(self.enable & self.sum_step):
            m.d.sync += total.eq(following)
        return total

    def _best(self, m: Module, platform: Target, least: Value, index: Value) -> Value:
        """Keep the nearest over chunks of prototypes; an earlier one stays on ties."""
        best = Signal(least.shape(), name="best", reset_less=True)
        code = Signal(self.spec.code_bits, name="best_code", reset_less=True)
        nearer = platform.less(m, least, best, "best_nearer")
        with m.If(self.enable & self.best_step & (self.best_first | nearer)):
            m.d.sync += [best.eq(least), code.eq(self.best_base + index)]
        return code


class DistanceEncoder(wiring.Component):
    """Encodes groups of sub-vectors: the code of each is the index of its nearest prototype.

    A transfer holds the sub-vectors of a group (or, where `spec.chunked_input`, one chunk of
    elements) and is held for the group's `encode_cycles`, prototypes outside, elements inside.
    Ties go to the lowest index. Prototypes that pad the last chunk repeat prototype K - 1 and so
    never win; elements that pad the last chunk are zero on both sides.

    Parameters
    ----------
    spec:
        Gives shapes, ranges, folding and storage.

    Members
    -------
    i: groups of activations
    o: codes of a group
    bank, o_bank: the copy of the prototypes that `i` uses, and that `o` used (with two copies)
    load_prototypes: write port of the prototype memory

    Latency and cost
    ----------------
    `spec.encoder_stages` cycles after the group's last operands; a group every
    `spec.encode_cycles`. One `DistanceLane` per subspace, the prototype memory, and about 15 LUT4
    of control.
    """

    def __init__(self, spec: DistanceSpec):
        self.spec = spec
        self.section = spec.section("prototypes")
        self.constant = "prototypes" in spec.constant_kinds
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.activation_range, spec.lanes_in))),
            "o": Out(stream.Signature(data.ArrayLayout(spec.code_bits, spec.lanes))),
            **({"bank": In(1), "o_bank": Out(1)} if spec.engine.double_buffered else {}),
            **({} if self.constant else {"load_prototypes": In(SectionPort(self.section))}),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape())
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        enable = outlet.enable
        step = Signal(name="step")
        m.d.comb += step.eq(enable & self.i.valid)
        element, prototype = self._counters(m, step)
        first_element = element == 0
        last_element = element == spec.element_chunks - 1
        first_prototype = prototype == 0
        last_prototype = prototype == spec.prototype_chunks - 1
        held = last_prototype if spec.chunked_input else last_element & last_prototype
        m.d.comb += self.i.ready.eq(enable & held)
        if spec.engine.double_buffered:
            m.d.comb += self.o_bank.eq(beside(m, outlet, self.bank, spec.encoder_stages, "bank"))

        operands = spec.prototype_stages
        c = self._prototypes(m, step, enable)
        x = delayed(m, enable, self._elements(m, element), operands, "x")[-1]
        stages = spec.encoder_stages
        m.d.comb += outlet.valid.eq(self._taps(
            m, enable, self.i.valid & last_element & last_prototype, stages, "valid")[-1])
        sum_at = operands + 2 + ceil_log2(spec.element_lanes)
        best_at = stages - 1
        part = self._taps(m, enable, self.i.valid, sum_at, "part")[-1]
        whole = self._taps(m, enable, self.i.valid & last_element, best_at, "whole")[-1]
        sum_first = delayed(m, enable, first_element, sum_at, "sum_first")[-1]
        best_first = delayed(m, enable, first_prototype, best_at, "best_first")[-1]
        base = delayed(m, enable, self._base(m, step & last_element, last_prototype), best_at,
                       "best_base")[-1]
        for lane in range(spec.lanes):
            unit = place(m, platform, f"lane{lane}", "distance_lane", DistanceLane, spec)
            own = 0 if spec.engine.shared_prototypes else lane
            m.d.comb += [
                unit.x.eq(x.word_select(lane, len(Value.cast(unit.x)))),
                unit.c.eq(c.word_select(own, len(Value.cast(unit.c)))),
                unit.enable.eq(enable), unit.sum_step.eq(part), unit.sum_first.eq(sum_first),
                unit.best_step.eq(whole), unit.best_first.eq(best_first),
                unit.best_base.eq(base), outlet.i[lane].eq(unit.code),
            ]
        return m

    @staticmethod
    def _taps(m: Module, enable: Value, flag: Value, stages: int, name: str) -> list[Value]:
        """A control flag along the pipeline."""
        first = Signal(name=name)
        m.d.comb += first.eq(flag)
        return delayed(m, enable, first, stages, name, control=True)

    def _counters(self, m: Module, step: Value) -> tuple[Signal, Signal]:
        """The chunk of elements, inside, and of prototypes, outside."""
        spec = self.spec
        element = Signal(range(spec.element_chunks), name="element_chunk")
        prototype = Signal(range(spec.prototype_chunks), name="prototype_chunk")
        count_up(m, element, spec.element_chunks, step)
        count_up(m, prototype, spec.prototype_chunks, step & (element == spec.element_chunks - 1))
        return element, prototype

    def _base(self, m: Module, step: Value, last_prototype: Value) -> Signal:
        """Index of the first prototype of this chunk."""
        base = Signal(self.spec.code_bits, name="base")
        if self.spec.prototype_chunks > 1:
            with m.If(step):
                m.d.sync += base.eq(Mux(last_prototype, 0, base + self.spec.prototype_lanes))
        return base

    def _prototypes(self, m: Module, step: Value, enable: Value) -> Value:
        """The memory's word for this cycle's chunks, read in the order it is stored."""
        spec = self.spec
        constants = None
        if self.constant:
            assert spec.constants is not None
            constants = spec.constants.words["prototypes"]
        m.submodules.prototypes = memory = ParameterMemory(
            self.section, spec.prototype_store, registered=spec.engine.bram_register,
            constants=constants)
        if constants is None:
            wiring.connect(m, wiring.flipped(self.load_prototypes), memory.write)
        address = Signal(range(spec.prototype_words), name="word")
        banked = spec.engine.double_buffered and not self.constant
        m.d.comb += [memory.address.eq(Cat(address, self.bank) if banked else address),
                     memory.enable.eq(enable)]
        count_up(m, address, spec.prototype_words, step)
        return memory.data

    def _elements(self, m: Module, chunk: Signal) -> Value:
        """The elements of this cycle, subspace by subspace; beyond V they are zero."""
        spec = self.spec
        if spec.chunked_input:
            return Value.cast(self.i.payload)
        length, lanes = spec.engine.subvector_length, spec.element_lanes
        width = spec.activation_range.bits
        words = [[self.i.payload[lane * length + element] if element < length else Const(0, width)
                  for lane in range(spec.lanes)
                  for element in range(index * lanes, (index + 1) * lanes)]
                 for index in range(spec.element_chunks)]
        if len(words) == 1:
            return Cat(words[0])
        selected = Signal(spec.lanes * lanes * width, name="selected")
        with m.Switch(chunk):
            for index, word in enumerate(words):
                with m.Case(index):
                    m.d.comb += selected.eq(Cat(word))
        return selected
