"""The multiply-accumulate core, whatever the code of its weights."""

import itertools

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec import MACSpec
from ...spec.products import Core
from ..memory import ParameterMemory, SectionPort
from ..streams import lanes_layout, shape_of
from ..sums import ColumnSums, bank_ports, connect_bank, count_up, delayed
from ..target import Target, place
from .multiplier import Multiplier
from .shifts import ShiftProduct

__all__ = ["MACCore"]


class MACCore(wiring.Component):
    """Multiplies a group of inputs by the weights of a tile of outputs every cycle.

    A row's groups arrive once for every tile (output-stationary), so that one accumulator per
    output lane is enough; the weights lie in the order in which they are used.

    Parameters
    ----------
    spec:
        Gives lanes, groups, tiles, ranges, storage and the multiplier's style.

    Members
    -------
    i: groups of activations
    enable: advances everything
    moves: the same, for the handshake at `i`
    sums, done, last, bank, bank_ahead: see `ColumnSums`
    i_bank: the copy of the weights that `i` uses (with two copies)
    load_weights, load_sp2_weights: write ports of the weight memories

    Latency and cost
    ----------------
    `weight_stages + product_stages + sum_stages` cycles, one group per cycle. lanes_in * outputs
    multipliers and weights, outputs * (lanes_in - 1) adders, outputs accumulators where
    groups > 1 or products have their signs beside them.
    """

    def __init__(self, spec: MACSpec):
        self.spec = spec
        self.sections = [spec.section(core.section) for core in spec.cores]
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.activation_range,
                                                  spec.pixels * spec.row_lanes))),
            "enable": In(1), "moves": In(1),
            "sums": Out(lanes_layout(spec.sum_range, spec.columns)), "done": Out(1), "last": Out(1),
            **{f"load_{section.kind}": In(SectionPort(section)) for section in self.sections
               if section.kind not in spec.constant_kinds},
            **bank_ports(spec),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        memories = []
        for section in self.sections:
            m.submodules[section.kind] = memory = ParameterMemory(
                section, spec.weight_store, registered=spec.engine.bram_register,
                constants=spec.constant_words(section.kind))
            memories.append(memory)
        m.submodules.columns = sums = ColumnSums(
            spec, spec.weight_stages + spec.product_stages,
            [[spec.product_of(n, d) for d in range(spec.row_lanes)] for n in range(spec.columns)],
            spec.sum_range)
        for memory in memories:
            if memory.constants is None:
                port = getattr(self, f"load_{memory.section.kind}")
                wiring.connect(m, wiring.flipped(port), memory.write)
        enable = self.enable
        word: Value = self._place(m)
        if spec.engine.double_buffered:
            m.d.comb += connect_bank(self, sums)
            word = Cat(word, self.i_bank)
        latest = max(core.late for core in spec.cores)
        words = delayed(m, enable, word, latest, "word")
        m.d.comb += [
            self.i.ready.eq(self.moves), sums.valid.eq(self.i.valid), sums.enable.eq(enable),
            self.sums.eq(sums.sums), self.done.eq(sums.done), self.last.eq(sums.last),
        ]
        for core, memory in zip(spec.cores, memories):
            m.d.comb += [memory.enable.eq(enable), memory.address.eq(words[core.late])]
        xs = delayed(m, enable, Value.cast(self.i.payload), spec.weight_stages + latest, "x")
        for core, memory in zip(spec.cores, memories):
            self._core(m, platform, core, xs[spec.weight_stages + core.late], memory.data, sums)
        return m

    def _core(self, m: Module, platform: Target, core: Core, x: Value, weights: Value,
              sums: ColumnSums) -> None:
        """The lanes of a core's columns: their terms and signs."""
        spec = self.spec
        lanes, count, bits = spec.row_lanes, len(core.outputs), spec.engine.weight_bits
        start = core.columns.start
        signs = Signal(len(core.columns) * lanes, name=f"{core.prefix}signs")
        for pixel, d in itertools.product(range(spec.pixels), range(lanes)):
            element = x.word_select(pixel * lanes + d, spec.precision.activation_bits)
            own = [weights.word_select(place * lanes + d, bits) for place in range(count)]
            columns = core.columns[pixel * count:(pixel + 1) * count]
            found = self._lanes(m, platform, columns, element, own, d)
            for n, (product, negative) in zip(columns, found):
                if spec.registers_products and not core.late:
                    product = delayed(m, self.enable, product, 1, f"product{n}_{d}")[-1]
                m.d.comb += [sums.terms[n][d].eq(product),
                             signs[(n - start) * lanes + d].eq(negative)]
        if spec.signed_terms:
            stages = spec.product_stages - core.late
            m.d.comb += sums.signs[start * lanes:core.columns.stop * lanes].eq(
                delayed(m, self.enable, signs, stages, f"{core.prefix}signs")[-1])

    def _lanes(self, m: Module, platform: Target, columns: range, x: Value, weights: list[Value],
               index: int) -> list[tuple[Value, Value]]:
        """Products of an input with weights, one a column, and which are to be negated."""
        spec = self.spec
        shared = 0
        if spec.packed > 1:
            shared = sum(spec.on_dsp(n, index) for n in columns)
        lanes = self._packed(m, platform, columns, x, weights[:shared], index) if shared else []
        for n, weight in zip(columns[shared:], weights[shared:]):
            lane = self._lane(m, platform, n, index)
            m.d.comb += [lane.x.eq(x), lane.w.eq(weight), lane.enable.eq(self.enable)]
            lanes.append((lane.product, weight[-1]))
        return lanes

    def _packed(self, m: Module, platform: Target, columns: range, x: Value,
                weights: list[Value], index: int) -> list[tuple[Value, Value]]:
        """Products of magnitudes, several to a DSP block."""
        spec = self.spec
        field, code = spec.field_bits, spec.engine.weight_bits - 1
        negative: Value = Const(0, 1)
        if spec.activation_range.signed:
            negative = x[-1]
            pixel = spec.column(columns.start)[1]
            magnitude = Signal(len(x), name=f"magnitude{pixel * spec.row_lanes + index}")
            m.d.comb += magnitude.eq(Mux(negative, -x.as_signed(), x))
            x = magnitude
        products: list[Value] = []
        for low in range(0, len(weights), spec.packed):
            group = weights[low:low + spec.packed]
            width = (len(group) - 1) * field + code
            shapes = unsigned(len(x)), unsigned(width), unsigned(len(x) + width)
            unit = place(m, platform, f"lane{columns[low]}_{index}", f"packed{len(group)}",
                         Multiplier, *shapes, "dsp")
            fields = [Cat(weight[:code], Const(0, field - code)) for weight in group]
            m.d.comb += [unit.x.eq(x), unit.w.eq(Cat(fields)), unit.enable.eq(self.enable)]
            products += [unit.product[place_ * field:(place_ + 1) * field]
                         for place_ in range(len(group))]
        return [(product, weight[-1] ^ negative) for product, weight in zip(products, weights)]

    def _lane(self, m: Module, platform: Target, column: int,
              index: int) -> Multiplier | ShiftProduct:
        """What multiplies: by a weight, or by its magnitude, the sign left to the sums."""
        spec, name = self.spec, f"lane{column}_{index}"
        scheme = spec.scheme_of(spec.column(column)[0])
        x, product = shape_of(spec.activation_range), shape_of(spec.product_of(column, index))
        if scheme != "fixed":
            return place(m, platform, name, "shift_product", ShiftProduct, x, product,
                         scheme, spec.engine.weight_bits)
        weight = shape_of(spec.weights_of("fixed"))
        if spec.signed_terms:
            weight = unsigned(spec.engine.weight_bits - 1)
        style = "dsp" if spec.on_dsp(column, index) else "lut"
        return place(m, platform, name, "multiplier", Multiplier, x, weight, product, style)

    def _place(self, m: Module) -> Signal:
        """Which word of weights comes next: tile * groups + group."""
        place = Signal(range(self.spec.weight_words), name="place")
        count_up(m, place, self.spec.weight_words, self.i.valid & self.i.ready)
        return place
