"""The fixed-point multiply-accumulate core."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec import MACSpec
from ..memory import ParameterMemory, SectionPort
from ..streams import lanes_layout, shape_of
from ..sums import ColumnSums, bank_ports, connect_bank, count_up, delayed
from ..target import Target, place
from .multiplier import Multiplier

__all__ = ["FixedMAC"]


class FixedMAC(wiring.Component):
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
    load_weights: write port of the weight memory

    Latency and cost
    ----------------
    `weight_stages + product_stages + sum_stages` cycles, one group per cycle. lanes_in * outputs
    multipliers and weights, outputs * (lanes_in - 1) adders, outputs accumulators where
    groups > 1.
    """

    def __init__(self, spec: MACSpec):
        self.spec = spec
        self.section = spec.sections()[0]
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.activation_range, spec.row_lanes))),
            "enable": In(1), "moves": In(1),
            "sums": Out(lanes_layout(spec.sum_range, spec.outputs)), "done": Out(1), "last": Out(1),
            "load_weights": In(SectionPort(self.section)), **bank_ports(spec),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.weights = weights = ParameterMemory(self.section, spec.weight_store,
                                                         registered=spec.engine.bram_register)
        m.submodules.columns = sums = ColumnSums(
            spec, lead=spec.weight_stages + spec.product_stages)
        wiring.connect(m, wiring.flipped(self.load_weights), weights.write)
        enable = self.enable
        word: Value = self._place(m)
        if spec.engine.double_buffered:
            m.d.comb += connect_bank(self, sums)
            word = Cat(word, self.i_bank)
        m.d.comb += [
            self.i.ready.eq(self.moves), sums.valid.eq(self.i.valid), sums.enable.eq(enable),
            self.sums.eq(sums.sums), self.done.eq(sums.done), self.last.eq(sums.last),
            weights.enable.eq(enable), weights.address.eq(word),
        ]
        x = delayed(m, enable, Value.cast(self.i.payload), spec.weight_stages, "x")[-1]
        style = "lut" if spec.engine.multiplier == "lut" else "dsp"
        shapes = [shape_of(r) for r in (spec.activation_range, spec.weight_range, spec.term_range)]
        for n in range(spec.outputs):
            for d in range(spec.row_lanes):
                lane = place(m, platform, f"lane{n}_{d}", "multiplier", Multiplier, *shapes, style)
                weight = weights.data.word_select(n * spec.row_lanes + d, spec.engine.weight_bits)
                m.d.comb += [lane.x.eq(x.word_select(d, spec.precision.activation_bits)),
                             lane.w.eq(weight), lane.enable.eq(enable),
                             sums.terms[n][d].eq(lane.product)]
        return m

    def _place(self, m: Module) -> Signal:
        """Which word of weights comes next: tile * groups + group."""
        place = Signal(range(self.spec.weight_words), name="place")
        count_up(m, place, self.spec.weight_words, self.i.valid & self.i.ready)
        return place
