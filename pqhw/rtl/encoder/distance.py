"""Encoders that compare a sub-vector with every prototype: l2, l1, chebyshev and dot."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec import DistanceSpec
from ...spec.storage import read_stages
from ...spec.ranges import ceil_log2
from ..buffers import Outlet, beside
from ..memory import ParameterMemory, SectionPort
from ..segments import CarryChains
from ..streams import lanes_layout
from ..sums import count_up, delayed
from ..target import Target, place
from .argmin import argmin_tree, nearer
from .products import norm_level
from .prototype import PrototypeDistance

__all__ = ["DistanceEncoder", "DistanceLane"]


class DistanceLane(wiring.Component):
    """Finds the nearest prototype of one subspace, some prototypes and elements at a time.

    Parameters
    ----------
    spec:
        Gives the kind of distance, lanes, ranges and chunks.

    Members
    -------
    x: elements of this cycle
    c: their counterparts, prototype by prototype
    norms: of the prototypes (dot only), at the stage that takes them
    enable: advances the pipeline
    sum_step, sum_first: the distance sums take a part, the first of a distance (at their stage)
    best_step, best_first: a chunk's least distance is compared with the best so far, or replaces
        it (at their stage)
    best_base: index of the chunk's first prototype (at the same stage)
    code: index of the nearest prototype

    Latency and cost
    ----------------
    `spec.distance_stages` + ceil(log2 prototypes) cycles, one more for chunks of prototypes.
    A `PrototypeDistance` per prototype; prototypes - 1 comparisons with multiplexers. On ECP5, 16
    prototypes of 9 elements: l1 1,900 LUT4 (4 bits) or 3,250 (8 bits), l2 3,600 (4 bits).
    """

    def __init__(self, spec: DistanceSpec):
        self.spec = spec
        self.chunk_bits = ceil_log2(spec.prototype_lanes)
        prototype = lanes_layout(spec.prototype_range, spec.element_lanes)
        norms = {}
        if spec.engine.encoder == "dot":
            norms["norms"] = In(lanes_layout(spec.norm_range, spec.prototype_lanes))
        super().__init__({
            "x": In(lanes_layout(spec.activation_range, spec.element_lanes)),
            "c": In(data.ArrayLayout(prototype, spec.prototype_lanes)), **norms,
            "enable": In(1), "sum_step": In(1), "sum_first": In(1), "best_step": In(1),
            "best_first": In(1), "best_base": In(spec.code_bits),
            "code": Out(spec.code_bits),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        # Sums of l1 and maxima of chebyshev are complements.
        largest = spec.engine.encoder != "l2"
        distances = []
        for k in range(spec.prototype_lanes):
            unit = place(m, platform, f"p{k}", "prototype_distance", PrototypeDistance, spec)
            m.d.comb += [unit.x.eq(self.x), unit.c.eq(self.c[k]), unit.enable.eq(self.enable),
                         unit.sum_step.eq(self.sum_step), unit.sum_first.eq(self.sum_first)]
            if spec.engine.encoder == "dot":
                m.d.comb += unit.norm.eq(self.norms[k])
            distances.append(unit.distance)
        chains = CarryChains(m, platform, "least")
        least, index = argmin_tree(m, chains, self.enable, distances, largest=largest)
        if spec.prototype_chunks > 1:
            index = self._best(m, chains, least, index, largest)
        chains.place()
        m.d.comb += self.code.eq(index)
        return m

    def _best(self, m: Module, chains: CarryChains, least: Value, index: Value,
              largest: bool) -> Value:
        """Keep the nearest over chunks of prototypes; an earlier one stays on ties."""
        best = Signal(least.shape(), name="best", reset_less=True)
        code = Signal(self.spec.code_bits, name="best_code", reset_less=True)
        replaces = nearer(chains, least, best, "best_nearer", largest=largest)
        with m.If(self.enable & self.best_step & (self.best_first | replaces)):
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
    load_prototypes, load_norms: write ports of the memories (norms: dot only)

    Latency and cost
    ----------------
    `spec.encoder_stages` cycles after the group's last operands; a group every
    `spec.encode_cycles`. One `DistanceLane` per subspace, the prototype memory, and about 15 LUT4
    of control.
    """

    def __init__(self, spec: DistanceSpec):
        self.spec = spec
        self.sections = {kind: spec.section(kind) for kind in ("prototypes", "norms")
                         if kind == "prototypes" or spec.engine.encoder == "dot"}
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.activation_range, spec.lanes_in))),
            "o": Out(stream.Signature(data.ArrayLayout(spec.code_bits, spec.lanes))),
            **({"bank": In(1), "o_bank": Out(1)} if spec.engine.double_buffered else {}),
            **{f"load_{kind}": In(SectionPort(section))
               for kind, section in self.sections.items() if kind not in spec.constant_kinds},
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape())
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        enable = outlet.enable
        step = Signal(name="step")
        m.d.comb += step.eq(outlet.moves & self.i.valid)
        element, prototype = self._counters(m, step)
        first_element = element == 0
        last_element = element == spec.element_chunks - 1
        first_prototype = prototype == 0
        last_prototype = prototype == spec.prototype_chunks - 1
        m.d.comb += self.i.ready.eq(outlet.moves & self._final(m, step, element, prototype))
        if spec.engine.double_buffered:
            m.d.comb += self.o_bank.eq(beside(m, outlet, self.bank, spec.encoder_stages, "bank"))

        operands = spec.prototype_stages
        c = self._prototypes(m, step, enable)
        x = delayed(m, enable, self._elements(m, element), operands, "x")[-1]
        stages = spec.encoder_stages
        m.d.comb += outlet.valid.eq(self._taps(
            m, enable, self.i.valid & last_element & last_prototype, stages, "valid")[-1])
        sum_at = operands + spec.part_stages
        best_at = stages - 1
        part = self._taps(m, enable, self.i.valid, sum_at, "part")[-1]
        whole = self._taps(m, enable, self.i.valid & last_element, best_at, "whole")[-1]
        sum_first = delayed(m, enable, first_element, sum_at, "sum_first")[-1]
        best_first = delayed(m, enable, first_prototype, best_at, "best_first")[-1]
        base = delayed(m, enable, self._base(m, step & last_element, last_prototype), best_at,
                       "best_base")[-1]
        norms = None
        if "norms" in self.sections:
            norms = self._norms(m, step & last_element, enable, operands)
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
            if norms is not None:
                m.d.comb += unit.norms.eq(norms.word_select(own, len(Value.cast(unit.norms))))
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

    def _final(self, m: Module, step: Value, element: Signal, prototype: Signal) -> Value:
        """Whether the transfer is let go in this cycle, from a flip-flop that knew in the last."""
        spec = self.spec
        if spec.chunked_input or spec.encode_cycles == 1:
            return Const(1, 1)
        elements, prototypes = spec.element_chunks - 1, spec.prototype_chunks - 1
        if spec.element_chunks > 1:
            before = (element == elements - 1) & (prototype == prototypes)
        else:
            before = prototype == prototypes - 1
        goes_on = Signal(name="goes_on", init=1)  # Not a counter's bit, which has many readers.
        with m.If(step):
            m.d.sync += goes_on.eq(~before)
        return ~goes_on

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
        memory = self._memory(m, "prototypes", spec.prototype_store)
        word = Signal(range(spec.prototype_words), name="word")
        m.d.comb += [memory.address.eq(self._address(word)), memory.enable.eq(enable)]
        count_up(m, word, spec.prototype_words, step)
        return memory.data

    def _address(self, word: Signal) -> Value:
        """A word of the copy that the row uses."""
        banked = self.spec.engine.double_buffered and not self.spec.constant_kinds
        return Cat(word, self.bank) if banked else word

    def _norms(self, m: Module, step: Value, enable: Value, operands: int) -> Value:
        """The norms of a chunk's prototypes at the stage that takes them.

        Their address waits, not they: it has far fewer bits.
        """
        spec = self.spec
        memory = self._memory(m, "norms", spec.norm_store)
        word = Signal(range(spec.norm_words), name="norm_word")
        count_up(m, word, spec.norm_words, step)
        waits = operands + 1 + norm_level(spec) - read_stages(spec.engine, spec.norm_store)
        address = delayed(m, enable, self._address(word), waits, "norm_address")[-1]
        m.d.comb += [memory.address.eq(address), memory.enable.eq(enable)]
        return memory.data

    def _memory(self, m: Module, kind: str, storage: str) -> ParameterMemory:
        """The memory of a section, loaded or constant."""
        spec = self.spec
        constants = None
        if kind in spec.constant_kinds:
            assert spec.constants is not None
            constants = spec.constants.words[kind]
        m.submodules[kind] = memory = ParameterMemory(
            self.sections[kind], storage, registered=spec.engine.bram_register,
            constants=constants)
        if constants is None:
            wiring.connect(m, wiring.flipped(getattr(self, f"load_{kind}")), memory.write)
        return memory

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
