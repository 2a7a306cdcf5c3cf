"""The multiply-accumulate core on planes of bits."""

from amaranth.hdl import Cat, Const, Module, ResetSignal, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec import BitplaneSpec
from ...spec.ranges import Range
from ..memory import ParameterMemory, SectionPort
from ..segments import CarryChains, Segment
from ..signed_sums import SignedNode, added, extended, signed_tree
from ..streams import lanes_layout, shape_of
from ..sums import bank_ports, delayed
from ..target import Target, place
from .counts import ProductCount
from .planes import PlaneReplay

__all__ = ["BitplaneCore"]


class BitplaneCore(wiring.Component):
    """Counts products of bits for a pair of blocks of planes and a group of inputs every cycle.

    Where the pairs of a diagonal are done, the sum so far is moved up by the planes of a block
    while the next count is added to it, in the same carry chain: one accumulator per output
    serves all planes. Two's complement: the counts of a pair of which one plane is the highest are
    subtracted. Planes of -1 and 1: equal bits are counted, and the bias makes them sums.

    Parameters
    ----------
    spec:
        Gives lanes, planes, groups, tiles and storage.

    Members
    -------
    i: groups of activations, each row's once
    enable: advances everything
    moves: the same, for the handshake at `i`
    sums, done, last, bank, bank_ahead: see `ColumnSums`; a bank tells precision and copy
    i_bank: the bank of the row at `i` (with several)
    load_weights: write port of the weight memory

    Latency and cost
    ----------------
    `weight_stages + product_stages + sum_stages` cycles from a cycle of `PlaneReplay`. Per output:
    a `ProductCount` of row_lanes products for each of weight_planes * activation_planes pairs,
    an adder for each but one of them, and an accumulator. Once for all outputs: row_lanes *
    activation_planes choices among the blocks of activations.
    """

    def __init__(self, spec: BitplaneSpec):
        self.spec = spec
        self.section = spec.sections()[0]
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.activation_range, spec.row_lanes))),
            "enable": In(1), "moves": In(1),
            "sums": Out(lanes_layout(spec.column_range, spec.outputs)),
            "done": Out(1), "last": Out(1),
            "load_weights": In(SectionPort(self.section)), **bank_ports(spec),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.replay = replay = PlaneReplay(spec)
        m.submodules.weights = weights = ParameterMemory(self.section, spec.weight_store,
                                                         registered=spec.engine.bram_register)
        wiring.connect(m, wiring.flipped(self.load_weights), weights.write)
        bank = self.i_bank if spec.bank_bits else Const(0, 0)
        step = replay.o.payload.step
        row, bank_out = (replay.o.payload.row[:replay.row_bits],
                         replay.o.payload.row[replay.row_bits:])
        copy = bank_out[spec.precision_bits:]
        m.d.comb += [
            replay.i.payload.eq(Cat(self.i.payload, bank)), replay.i.valid.eq(self.i.valid),
            self.i.ready.eq(replay.i.ready), replay.o.ready.eq(self.moves),
            weights.enable.eq(self.enable), weights.address.eq(Cat(step.word, copy)),
        ]
        x = delayed(m, self.enable, self._chosen(m, platform, row, step), spec.weight_stages,
                    "x")[-1]
        flags = self._follow(m, replay.o.valid, step, bank_out)
        tops = delayed(m, self.enable, Cat(step.top_weight, step.top_activation),
                       spec.weight_stages, "tops")[-1]
        chains = CarryChains(m, platform, "accumulators")
        for n in range(spec.outputs):
            own = weights.data.word_select(n, spec.row_lanes * spec.weight_planes)
            total = self._joined(m, platform, n, x, own, tops)
            m.d.comb += self.sums[n].eq(self._accumulate(m, chains, n, total, *flags))
        chains.place()
        return m

    def _follow(self, m: Module, valid: Value, step, bank: Value) -> tuple[Value, ...]:
        """What comes with a cycle through the pipeline: whether it counts, and of its step, at the
        accumulators, `shift`, `final` and `last`."""
        spec, enable = self.spec, self.enable
        stages = spec.weight_stages + spec.product_stages + spec.sum_stages - 1
        counts = delayed(m, enable, valid, stages, "valid", control=True)[-1]
        shift, final, last = delayed(m, enable, Cat(step.shift, step.final, step.last), stages,
                                     "flags")[-1]
        with m.If(enable):
            m.d.sync += [self.done.eq(counts & final), self.last.eq(last)]
        if spec.bank_bits:
            *_, ahead, now = delayed(m, enable, bank, stages + 1, "bank")
            m.d.comb += [self.bank.eq(now), self.bank_ahead.eq(ahead)]
        return counts, shift, final, last

    def _chosen(self, m: Module, platform: Target, row: Value, step) -> Value:
        """The planes of this cycle's block: [input, plane], the lowest plane first."""
        spec = self.spec
        bits, planes = spec.precision.activation_bits, spec.activation_planes
        inputs = [row.word_select(d, bits) for d in range(spec.row_lanes)]
        if spec.two_valued and spec.precision.activation_signed:
            inputs = [Cat(value[:-1], ~value[-1]) for value in inputs]
        blocks = [Cat(value[bits - planes * (block + 1):bits - planes * block] for value in inputs)
                  for block in range(spec.activation_blocks)]
        chosen = platform.select(m, blocks, step.block, "block")
        reach = spec.layer.row_inputs - (spec.groups - 1) * spec.row_lanes
        if not spec.two_valued or reach == spec.row_lanes:
            return chosen
        low = reach * planes
        return Cat(chosen[:low], chosen[low:] & ~step.tail.replicate(len(chosen) - low))

    def _joined(self, m: Module, platform: Target, n: int, x: Value, w: Value,
                tops: Value) -> SignedNode:
        """The sum of all pairs of planes of this cycle."""
        spec = self.spec
        nodes = [self._pair(m, platform, f"{n}_{a}_{b}", a, b, x, w, tops)
                 for a in range(spec.weight_planes) for b in range(spec.activation_planes)]
        return signed_tree(m, platform, self.enable, nodes, f"joined{n}")

    def _pair(self, m: Module, platform: Target, name: str, a: int, b: int, x: Value,
              w: Value, tops: Value) -> SignedNode:
        """The count of a pair of planes, of its weight and sign."""
        spec = self.spec
        sign = self._sign(a, b, tops)
        alone = spec.weight_planes * spec.activation_planes == 1
        unit = place(m, platform, f"count{name}", "count", ProductCount, spec.row_lanes,
                     spec.two_valued, alone and sign is not None)
        m.d.comb += [
            unit.w.eq(Cat(w[d * spec.weight_planes + a] for d in range(spec.row_lanes))),
            unit.x.eq(Cat(x[d * spec.activation_planes + b] for d in range(spec.row_lanes))),
            unit.enable.eq(self.enable)]
        high = spec.row_lanes << a + b
        if sign is None:
            return SignedNode(Cat(Const(0, a + b), unit.total), Range(0, high))
        range_ = Range(-high - 1, high)  # What is inverted still lacks one.
        late = delayed(m, self.enable, sign, spec.product_stages, f"negative{name}")[-1]
        if not alone:
            return SignedNode(Cat(Const(0, a + b), unit.total), range_, late)
        m.d.comb += unit.negative.eq(sign)
        return SignedNode(unit.total.as_signed(), range_, None, [late])

    def _sign(self, a: int, b: int, tops: Value) -> Value | None:
        """Whether this cycle's count of planes a and b is to be subtracted; None for never."""
        spec = self.spec
        if spec.two_valued:
            return None
        signs = []
        if a == spec.weight_planes - 1:
            signs.append(tops[0])
        if b == spec.activation_planes - 1 and spec.precision.activation_signed:
            signs.append(tops[1])
        return Cat(signs).xor() if signs else None

    def _accumulate(self, m: Module, chains: CarryChains, n: int, total: SignedNode,
                    counts: Value, shift: Value, final: Value, last: Value) -> Value:
        """The accumulator, cleared by its flip-flops' reset while its last sum moves on; so are
        counts of equal bits beyond the row's outputs, as lanes without meaning hold zero."""
        spec = self.spec
        shape = shape_of(spec.count_range)
        accumulator = Signal(shape, name=f"accumulator{n}", reset_less=True)
        following = Signal(shape, name=f"following{n}")
        result = Signal(shape, name=f"result{n}", reset_less=True)
        step = self.enable & counts
        places = spec.diagonal_shift
        if not places:
            before = accumulator if spec.groups > 1 else Const(0, shape)
            value = added(chains, SignedNode(before, spec.count_range), total, f"total{n}",
                          spec.count_range)
        else:
            ports = {"a": extended(total.value, shape.width), "b": accumulator,
                     "c": Cat(Const(0, places), accumulator)[:shape.width], "g": shift}
            options = "g"
            if total.pending:
                options, (ports["k"],) = "gk", total.pending
            value = chains.add(f"total{n}_sum", Segment("choice", shape.width, shape.width,
                                                        options), **ports)
        m.d.comb += following.eq(value)
        with m.If(self.enable):
            m.d.sync += result.eq(following)
        if spec.two_valued and n >= spec.layer.row_outputs - (spec.tiles - 1) * spec.outputs:
            with m.If(self.enable & last):
                m.d.sync += result.eq(0)
        with m.If(ResetSignal() | (step & final)):
            m.d.sync += accumulator.eq(0)
        with m.Elif(step):
            m.d.sync += accumulator.eq(following)
        return Cat(Const(0, 1), result) if spec.two_valued else result
