"""The encoder that walks down a tree: a comparison of one element per level."""

import dataclasses
import functools

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec import TreeSpec
from ...spec.ranges import ceil_log2
from ..buffers import Outlet, beside
from ..memory import ParameterMemory, SectionPort
from ..streams import lanes_layout, shape_of
from ..sums import count_up, delayed
from ..target import Target

__all__ = ["TreeEncoder"]


@dataclasses.dataclass(frozen=True)
class _Element:
    """The element that a level compares: `high` where `index` is 1, else `low`, at a stage."""
    low: Value
    high: Value | None
    index: Value
    stage: int


class TreeEncoder(wiring.Component):
    """Encodes groups of sub-vectors by walking down a binary tree, a group per cycle.

    Level t compares one element with the threshold of its node, and the bit that this gives is
    the next bit of the code. Which element does not depend on the path, so the log2 K elements
    of a sub-vector are chosen first and only they travel on. Thresholds stand level by level in
    memories of their own, each addressed by group and node.

    Parameters
    ----------
    spec:
        Gives shapes, ranges, split dimensions and storage.

    Members
    -------
    i: groups of activations
    o: codes of a group
    bank, o_bank: the copy of the parameters that `i` uses, and that `o` used (with two copies)
    load_thresholds: write port of the thresholds
    load_split_dims: write port of the split dimensions, unless they are built in

    Latency and cost
    ----------------
    `spec.encoder_stages` cycles, a group per cycle. Per lane and level, a elements bits wide: a
    comparison of a + 2 LUT4 that also chooses between two elements; for V > 2 in front of it
    ceil((V - 1) / 2) LUT4 per bit; and the thresholds' memory, 2**level words per group. With
    built-in split dimensions a level chooses only among those that its lane has, and with several
    groups a register tells which. About 15 LUT4 of
    control.
    """

    def __init__(self, spec: TreeSpec):
        self.spec = spec
        self.sections = {section.kind: section for section in spec.sections()
                         if section.kind not in spec.constant_kinds}
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.activation_range, spec.lanes_in))),
            "o": Out(stream.Signature(data.ArrayLayout(spec.code_bits, spec.lanes))),
            **({"bank": In(1), "o_bank": Out(1)} if spec.engine.double_buffered else {}),
            **{f"load_{kind}": In(SectionPort(section))
               for kind, section in self.sections.items()},
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape())
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        enable = outlet.enable
        valid = Signal(name="valid")
        group = Signal(range(spec.places), name="group")
        m.d.comb += [self.i.ready.eq(outlet.moves), valid.eq(self.i.valid)]
        m.d.comb += outlet.valid.eq(
            delayed(m, enable, valid, spec.encoder_stages, "valid", control=True)[-1])
        count_up(m, group, spec.places, enable & valid)
        tree = group if spec.trees > 1 else Const(0, 0)
        if spec.engine.double_buffered:
            m.d.comb += self.o_bank.eq(beside(m, outlet, self.bank, spec.encoder_stages, "bank"))
            if not spec.constant_kinds:
                tree = Cat(tree, self.bank)
        if spec.loads_dims:
            place_of = functools.partial(self._loaded_place, self._dims(m, enable, tree))
        else:
            ahead = Signal(range(spec.places), name="group_ahead", init=1 % spec.places)
            count_up(m, ahead, spec.places, enable & valid)
            place_of = functools.partial(self._known_place, m, enable & valid, ahead)
        trees = delayed(m, enable, tree, spec.encoder_stages, "tree")
        nodes: list[Value] = [Const(0, 0)] * spec.lanes
        x = delayed(m, enable, Value.cast(self.i.payload), spec.dims_stages, "x")[-1]
        for level in range(spec.depth):
            read = 0 if level == 0 else spec.compared_at(level - 1) + 1
            at = spec.compared_at(level)
            for lane in range(spec.lanes):
                name = f"lane{lane}_level{level}"
                element = self._element(m, platform, enable, lane, level, x,
                                        place_of(lane, level), name)
                threshold = self._threshold(m, enable, lane, level,
                                            Cat(nodes[lane], trees[read]), at - read)
                constant = bool(spec.constant_kinds) and spec.level_words(level) == 1
                bit = self._compare(m, platform, enable, element, threshold, at, name, constant)
                path = delayed(m, enable, nodes[lane], at + 1 - read, f"{name}_path")[-1]
                nodes[lane] = Cat(bit, path)
        m.d.comb += [outlet.i[lane].eq(node) for lane, node in enumerate(nodes)]
        return m

    # -- Elements --------------------------------------------------------------------------

    def _dims(self, m: Module, enable: Value, tree: Value) -> Value:
        """The loaded split dimensions of a group, `dims_stages` later."""
        spec = self.spec
        m.submodules.split_dims = memory = ParameterMemory(
            self.sections["split_dims"], spec.dims_store, registered=spec.engine.bram_register)
        wiring.connect(m, wiring.flipped(self.load_split_dims), memory.write)
        m.d.comb += [memory.address.eq(tree), memory.enable.eq(enable)]
        return memory.data

    def _element(self, m: Module, platform: Target, enable: Value, lane: int, level: int,
                 x: Value, place: Value, name: str) -> _Element:
        """Choose among a lane's elements, a register per stage, until at most two are left."""
        spec = self.spec
        shape = shape_of(spec.activation_range)
        first = lane * spec.engine.subvector_length
        choices = spec.choices_of(lane, level)
        values: list[Value] = []
        for choice in choices:
            value = Signal(shape, name=f"{name}_element{choice}")
            m.d.comb += value.eq(x.word_select(first + choice, shape.width))
            values.append(value)
        place = place[:ceil_log2(len(values))]
        stage = spec.dims_stages
        while len(values) > 2:
            stage += 1
            size = min(8, 1 << (ceil_log2(len(values)) - 1))
            low = ceil_log2(size)
            values = [self._chosen(m, platform, enable, values[at:at + size], place[:low],
                                   f"{name}_choice{stage}_{at // size}")
                      for at in range(0, len(values), size)]
            place = delayed(m, enable, place[low:], 1, f"{name}_place{stage}")[-1]
        return _Element(values[0], values[1] if len(values) == 2 else None, place, stage)

    def _loaded_place(self, dims: Value, lane: int, level: int) -> Value:
        """Which of its choices a lane's level takes for this group, of loaded dimensions."""
        own = 0 if self.spec.engine.shared_prototypes else lane
        return dims.word_select(own * self.spec.depth + level, self.spec.dim_bits)

    def _known_place(self, m: Module, step: Value, ahead: Value, lane: int, level: int) -> Value:
        """The same of built-in dimensions, from a register that is set a group ahead: a table in
        logic would stand in front of the choice."""
        dims, choices = self.spec.dims_of(lane, level), self.spec.choices_of(lane, level)
        bits = ceil_log2(len(choices))
        if len(dims) == 1 or not bits:
            return Const(choices.index(dims[0]), bits)
        table = sum(choices.index(dim) << bits * group for group, dim in enumerate(dims))
        place = Signal(bits, name=f"lane{lane}_level{level}_place", init=choices.index(dims[0]))
        with m.If(step):
            m.d.sync += place.eq(Const(table, bits * len(dims)).word_select(ahead, bits))
        return place

    @staticmethod
    def _chosen(m: Module, platform: Target, enable: Value, values: list[Value], index: Value,
                name: str) -> Value:
        register = Signal(values[0].shape(), name=name, reset_less=True)
        value = platform.select(m, values, index, f"{name}_select")
        with m.If(enable):
            m.d.sync += register.eq(value)
        return register

    # -- Levels ----------------------------------------------------------------------------

    def _threshold(self, m: Module, enable: Value, lane: int, level: int, address: Value,
                   wait: int) -> Value:
        """The threshold of a lane's node, `wait` cycles after its address.

        A heap index has its level in its leading one, so a level's writes are those whose upper
        index bits are 1.
        """
        spec = self.spec
        kind, own = "thresholds", 0 if spec.engine.shared_prototypes else lane
        section = dataclasses.replace(spec.section(kind), words=spec.level_words(level), banks=1)
        constants = None
        if kind in spec.constant_kinds:
            assert spec.constants is not None
            heaps = spec.constants.words[kind][:, own].reshape(spec.trees, 1 << spec.depth)
            constants = heaps[:, 1 << level:2 << level].reshape(-1, 1, 1)
        name = f"lane{lane}_level{level}"
        m.submodules[name] = memory = ParameterMemory(
            section, spec.level_store(level), registered=spec.engine.bram_register,
            constants=constants)
        m.d.comb += [memory.enable.eq(enable), memory.address.eq(address)]
        if constants is None:
            write, heap = self.load_thresholds, self.load_thresholds.address[:spec.depth]
            at, place = divmod(own, spec.section(kind).banks_at_once)
            m.d.comb += [memory.write.enable.eq(write.enable[at] & (heap[level:] == 1)),
                         memory.write.address.eq(Cat(heap[:level], write.address[spec.depth:])),
                         memory.write.data.eq(write.data.word_select(place, section.width))]
        word = delayed(m, enable, memory.data, wait - spec.level_stages(level),
                       f"{name}_word")[-1]
        threshold = Signal(shape_of(spec.prototype_range), name=f"{name}_threshold")
        m.d.comb += threshold.eq(word)
        return threshold

    def _compare(self, m: Module, platform: Target, enable: Value, element: _Element,
                 threshold: Value, at: int, name: str, constant: bool) -> Signal:
        """Whether the element reaches the threshold, registered."""
        spec = self.spec
        shape = shape_of(spec.compared_range)
        low, high, index = (
            None if value is None else delayed(m, enable, value, at - element.stage,
                                               f"{name}_{part}")[-1]
            for part, value in (("low", element.low), ("high", element.high),
                                ("index", element.index)))
        if constant:
            # Synthesis makes less of it than a carry chain takes.
            reaches = (low if high is None else Mux(index, high, low)) >= threshold
        elif high is None:
            reaches = platform.at_least(m, low, threshold, shape, f"{name}_compare")
        else:
            reaches = platform.at_least_chosen(m, low, high, index, threshold, shape,
                                               f"{name}_compare")
        bit = Signal(name=f"{name}_bit", reset_less=True)
        with m.If(enable):
            m.d.sync += bit.eq(reaches)
        return bit
