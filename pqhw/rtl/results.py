"""From sums to results: serialise, add the bias, round, shift and clamp."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec import EngineSpec, Section
from ..spec.engine import MULTIPLIER_BITS
from ..spec.ranges import Range
from .buffers import Splitter
from .mac.multiplier import Multiplier
from .memory import ParameterMemory, SectionPort
from .streams import lanes_layout, row_layout, shape_of
from .sums import count_up, delayed
from .target import Target, place

__all__ = ["Results", "clamp"]

SECTIONS = ("bias", "multiplier", "shift")


def clamp(value: Value, allowed: Range) -> Value:
    """`value` held to a range whose ends are all ones or zeros in binary.

    The value overflows where the bits above the result disagree with its sign (signed) or are
    not all zero (unsigned), so no comparison is needed: about one LUT4 per result bit and a
    third of one per bit above.
    """
    shape = shape_of(allowed)
    width = shape.width
    sign = value[-1]
    if len(value) <= width:
        if shape.signed or not value.shape().signed:
            return value
        return Mux(sign, 0, value[:width])
    if shape.signed:
        above = value[width - 1:-1]
        overflow = Mux(sign, ~above.all(), above.any())
        limit = Cat((~sign).replicate(width - 1), sign)
        return Mux(overflow, limit, value[:width]).as_signed()
    above = value[width:-1]
    return Mux(sign, 0, value[:width] | above.any().replicate(width))


class Results(wiring.Component):
    """Turns the sums of `outputs` columns into results, `lanes_out` at a time.

    Parameters
    ----------
    spec:
        Gives lanes, ranges, bias and requantisation.

    Members
    -------
    sums, done, last, bank, bank_ahead: what `ColumnSums` gives
    enable: advances everything
    o: a transfer of results, and whether there is one
    load_bias, load_multiplier, load_shift: write ports of the sections that the spec has

    Latency and cost
    ----------------
    `spec.result_stages` cycles. Per result lane: an adder for the bias; ``shift`` with a built-in
    shift: the clamp; with a loaded one: a barrel shifter of log2(accumulator bits) levels;
    ``scale``: a DSP block, from 19 bits on some logic beside it, and the shifter. The rounding
    constant of ``shift`` is part of the stored bias and costs nothing.
    """

    def __init__(self, spec: EngineSpec):
        self.spec = spec
        self.banked = spec.engine.double_buffered
        self.sections: dict[str, Section] = {section.kind: section for section in spec.sections()
                                             if section.kind in SECTIONS}
        ports = {f"load_{kind}": In(SectionPort(section))
                 for kind, section in self.sections.items()}
        super().__init__({
            "sums": In(lanes_layout(spec.sum_range, spec.outputs)), "done": In(1), "last": In(1),
            "enable": In(1),
            "o": Out(row_layout(spec.result_range, spec.lanes_out, self.banked)), "valid": Out(1),
            **({"bank": In(1), "bank_ahead": In(1)} if self.banked else {}), **ports})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        values, valid, last = list(self.sums), self.done, self.last
        stages = spec.result_stages
        banks = self._banks(m)
        if spec.lanes_out < spec.outputs:
            values, valid, last, banks = self._split(m)
            stages -= 1
        index = self._index(m, self.enable & valid)
        if self.banked:
            m.d.comb += self.o.bank.eq(delayed(m, self.enable, banks[0], stages, "bank")[-1])
            index = Cat(index[0], banks[0]), Cat(index[1], banks[1])
        valid = delayed(m, self.enable, valid, stages, "valid", control=True)[-1]
        last = delayed(m, self.enable, last, stages, "last")[-1]
        if spec.bias_bits:
            values = self._add_bias(m, platform, values, index[1])
            index = self._behind(m, index[0])
        if spec.output is not None:
            values = self._requantize(m, platform, values, index)
        m.d.comb += [self.o.data[lane].eq(value) for lane, value in enumerate(values)]
        m.d.comb += [self.valid.eq(valid), self.o.last.eq(last)]
        return m

    def _banks(self, m: Module) -> tuple[Value, Value]:
        """The copy of the parameters that is used at the input, in this cycle and the next."""
        if not self.banked:
            return Const(0, 0), Const(0, 0)
        return self.bank, Mux(self.enable, self.bank_ahead, self.bank)

    def _split(self, m: Module) -> tuple[list[Value], Value, Value, tuple[Value, Value]]:
        """Tiles come at least as far apart as their parts take, so the splitter never waits."""
        spec = self.spec
        m.submodules.splitter = splitter = Splitter(spec.layer.row_outputs, spec.sum_range,
                                                    spec.outputs, spec.lanes_out, self.banked)
        m.d.comb += [splitter.i.payload.data.eq(self.sums), splitter.i.payload.last.eq(self.last),
                     splitter.i.valid.eq(self.done & self.enable),
                     splitter.o.ready.eq(self.enable)]
        payload = splitter.o.payload
        banks: tuple[Value, Value] = (Const(0, 0), Const(0, 0))
        if self.banked:
            m.d.comb += splitter.i.payload.bank.eq(self.bank)
            banks = payload.bank, Mux(splitter.i.valid & splitter.i.ready, self.bank, payload.bank)
        return list(payload.data), splitter.o.valid, payload.last, banks

    def _index(self, m: Module, step: Value) -> tuple[Value, Value]:
        """Which transfer of a row, of all sets, is at the input, in this cycle and in the next."""
        transfers = self.spec.result_words
        index = Signal(range(transfers), name="transfer")
        following = Signal(range(transfers), name="following_transfer")
        if transfers > 1:
            ahead = Signal(range(transfers), name="transfer_ahead", init=1)
            m.d.comb += following.eq(Mux(step, ahead, index))
            m.d.sync += index.eq(following)
            count_up(m, ahead, transfers, step)
        return index, following

    def _behind(self, m: Module, index: Value) -> tuple[Value, Value]:
        """The same for the stage one register further on."""
        behind = Signal(index.shape(), name="behind_transfer")
        following = Signal(index.shape(), name="following_behind")
        m.d.comb += following.eq(Mux(self.enable, index, behind))
        m.d.sync += behind.eq(following)
        return behind, following

    def _memory(self, m: Module, platform: Target, kind: str, address: Value) -> ParameterMemory:
        """A parameter memory that always shows the word at `address` a cycle later."""
        section = self.sections[kind]
        storage = platform.small_memory
        if section.words == 1:
            storage = "pair" if self.banked else "register"
        m.submodules[kind] = memory = ParameterMemory(section, storage)
        wiring.connect(m, wiring.flipped(getattr(self, f"load_{kind}")), memory.write)
        m.d.comb += [memory.address.eq(address), memory.enable.eq(1)]
        return memory

    def _add_bias(self, m: Module, platform: Target, values: list[Value],
                  index: Value) -> list[Value]:
        spec = self.spec
        memory = self._memory(m, platform, "bias", index)
        summed = []
        for lane, value in enumerate(values):
            bias = memory.data.word_select(lane, spec.bias_bits).as_signed()
            shape = shape_of(spec.accumulator_range)
            total = platform.add(m, value, bias, shape, f"biased{lane}_total")
            register = Signal(shape, name=f"biased{lane}", reset_less=True)
            with m.If(self.enable):
                m.d.sync += register.eq(total)
            summed.append(register)
        return summed

    def _requantize(self, m: Module, platform: Target, values: list[Value],
                    index: tuple[Value, Value]) -> list[Value]:
        output = self.spec.output
        assert output is not None
        shift: Value | int = self.spec.built_shift
        if self.spec.loaded_shift:
            shift = self._memory(m, platform, "shift", self._copy_of_shift(m, index)).data
        if output.mode == "scale":
            return self._scale(m, platform, values, index[1], shift)
        results = []
        for lane, value in enumerate(values):
            if self.spec.wraps:
                shifted = self._rounded(m, value, shift, lane, registered=self.spec.loaded_shift)
            elif self.spec.loaded_shift:
                shifted = Signal(value.shape(), name=f"shifted{lane}", reset_less=True)
                with m.If(self.enable):
                    m.d.sync += shifted.eq(value >> shift)
            else:
                shifted = value >> shift
            results.append(self._clamped(m, shifted, lane))
        return results

    def _copy_of_shift(self, m: Module, index: tuple[Value, Value]) -> Value:
        """The copy of the shift that is needed in the next cycle, behind the product if any."""
        if not self.banked:
            return Const(0, 0)
        assert self.spec.output is not None
        if self.spec.output.mode == "shift":
            return index[1][-1]
        product = delayed(m, self.enable, index[0][-1], 2 + self.spec.splits_scale, "product_bank")
        return Mux(self.enable, product[-2], product[-1])

    def _scale(self, m: Module, platform: Target, values: list[Value], index: Value,
               shift: Value | int) -> list[Value]:
        """Multiply, shift, round and clamp."""
        memory = self._memory(m, platform, "multiplier", index)
        results = []
        for lane, value in enumerate(values):
            factor = memory.data.word_select(lane, MULTIPLIER_BITS)
            product = self._product(m, platform, value, factor, f"scale{lane}")
            rounded = self._rounded(m, product, shift, lane, registered=True)
            results.append(self._clamped(m, rounded, lane))
        return results

    def _rounded(self, m: Module, value: Value, shift: Value | int, lane: int, *,
                 registered: bool) -> Value:
        """value / 2**shift, rounded by the bit shifted out last, behind a register or not."""
        width = len(value) + 1
        halved = Signal(signed(width), name=f"halved{lane}", reset_less=registered)
        whole = Cat(0, value).as_signed() >> shift
        if registered:
            with m.If(self.enable):
                m.d.sync += halved.eq(whole)
        else:
            m.d.comb += halved.eq(whole)
        rounded = Signal(signed(width), name=f"rounded{lane}")
        m.d.comb += rounded.eq((halved >> 1) + halved[0])
        return rounded

    def _product(self, m: Module, platform: Target, value: Value, factor: Value,
                 name: str) -> Value:
        """value * factor: two cycles on one DSP block; from 19 bits on three, the bits above the
        lowest 16 multiplied in logic and added."""
        def multiplied(part: Value, style: str) -> Value:
            shape = Shape(len(part) + MULTIPLIER_BITS, part.shape().signed)
            unit = place(m, platform, f"{name}_{style}", "scale_multiplier", Multiplier,
                         part.shape(), factor.shape(), shape, style)
            m.d.comb += [unit.x.eq(part), unit.w.eq(factor), unit.enable.eq(self.enable)]
            return unit.product

        if not self.spec.splits_scale:
            return multiplied(value, "dsp")
        low = multiplied(value[:MULTIPLIER_BITS], "dsp")
        high = multiplied(value[MULTIPLIER_BITS:].as_signed(), "lut")
        shape = signed(len(value))
        total = platform.add(m, low[MULTIPLIER_BITS:], high, shape, f"{name}_upper")
        product = Signal(signed(len(value) + MULTIPLIER_BITS), name=f"{name}_product",
                         reset_less=True)
        with m.If(self.enable):
            m.d.sync += product.eq(Cat(low[:MULTIPLIER_BITS], total))
        return product

    def _clamped(self, m: Module, value: Value, lane: int) -> Value:
        result = Signal(shape_of(self.spec.result_range), name=f"result{lane}", reset_less=True)
        with m.If(self.enable):
            m.d.sync += result.eq(clamp(value, self.spec.result_range))
        return result
