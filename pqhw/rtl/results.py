"""From sums to results: serialise, add the bias, round, shift and clamp."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec import EngineSpec, Section
from ..spec.widths import MULTIPLIER_BITS
from ..spec.ranges import Range
from .gearbox import Splitter
from .mac.multiplier import Multiplier
from .memory import ParameterMemory, SectionPort
from .streams import lanes_layout, row_layout, shape_of
from .sums import count_up, delayed
from .target import Target, place

__all__ = ["Results", "clamp"]

SECTIONS = ("bias", "multiplier", "shift")

FINE_BITS = 3
"""Bits of a loaded shift that follow in a cycle of their own where products are shifted."""


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


def _doubled(value: Value) -> Value:
    return Cat(Const(0, 1), value).as_signed()


def _halved(value: Value) -> Value:
    """Half of `value`, rounded up where it is odd."""
    return (value >> 1) + value[0]


class Results(wiring.Component):
    """Turns the sums of `outputs` columns into results, `lanes_out` at a time.

    Parameters
    ----------
    spec:
        Gives lanes, ranges, bias and requantisation.

    Members
    -------
    sums, done, last, bank, bank_ahead: what `ColumnSums` gives; the bank tells the row's precision
        and, above it, the copy of the parameters
    enable: advances everything
    o: a transfer of results, and whether there is one
    load_bias, load_multiplier, load_shift: write ports of the sections that the spec has

    Latency and cost
    ----------------
    `spec.result_stages` cycles. Per result lane: an adder for the bias; ``shift`` with a built-in
    shift: the clamp; with a loaded one: a barrel shifter of log2(accumulator bits) levels;
    ``scale``: a DSP block, from 19 bits on some logic beside it, and the shifter. The rounding
    constant of ``shift`` is part of the stored bias and costs nothing.

    The words of a transfer are read while the one in front of it is at the input.
    """

    def __init__(self, spec: EngineSpec):
        self.spec = spec
        self.bank_bits = spec.bank_bits
        self.sections: dict[str, Section] = {section.kind: section
                                             for section in spec.all_sections()
                                             if section.kind in SECTIONS}
        ports = {f"load_{kind}": In(SectionPort(section))
                 for kind, section in self.sections.items() if kind not in spec.constant_kinds}
        super().__init__({
            "sums": In(lanes_layout(spec.column_range, spec.columns)), "done": In(1),
            "last": In(1), "enable": In(1),
            "o": Out(row_layout(spec.result_range, spec.lanes_out, spec.engine.copies - 1)),
            "valid": Out(1),
            **({"bank": In(self.bank_bits), "bank_ahead": In(self.bank_bits)} if self.bank_bits
               else {}), **ports})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        values, valid, last = list(self.sums), self.done, self.last
        stages = spec.result_stages
        banks = self._banks(m)
        if spec.lanes_out < spec.columns:
            values, valid, last, banks = self._split(m)
            stages -= 1
        if spec.engine.double_buffered:
            copy = banks[0][-1] if spec.precision_bits else banks[0]
            m.d.comb += self.o.bank.eq(delayed(m, self.enable, copy, stages, "bank")[-1])
        first = "bias" if spec.bias_bits else "multiplier"
        index, read = self._index(m, self.enable & valid, banks, first)
        valid = delayed(m, self.enable, valid, stages, "valid", control=True)[-1]
        last = delayed(m, self.enable, last, stages, "last")[-1]
        if spec.bias_bits:
            values = self._add_bias(m, platform, values, read)
            read = index, self.enable
        if spec.output is not None:
            values = self._requantize(m, platform, values, read, banks[0])
        m.d.comb += [self.o.data[lane].eq(value) for lane, value in enumerate(values)]
        m.d.comb += [self.valid.eq(valid), self.o.last.eq(last)]
        return m

    def _banks(self, m: Module) -> tuple[Value, Value]:
        """The bank that is used at the input, in this cycle and the next."""
        if not self.bank_bits:
            return Const(0, 0), Const(0, 0)
        return self.bank, Mux(self.enable, self.bank_ahead, self.bank)

    def _split(self, m: Module) -> tuple[list[Value], Value, Value, tuple[Value, Value]]:
        """Tiles come at least as far apart as their parts take, so the splitter never waits."""
        spec = self.spec
        m.submodules.splitter = splitter = Splitter(spec.computed_outputs, spec.column_range,
                                                    spec.columns, spec.lanes_out, self.bank_bits,
                                                    together=True)
        m.d.comb += [splitter.i.payload.data.eq(self.sums), splitter.i.payload.last.eq(self.last),
                     splitter.i.valid.eq(self.done), splitter.o.ready.eq(self.enable)]
        payload = splitter.o.payload
        banks: tuple[Value, Value] = (Const(0, 0), Const(0, 0))
        if self.bank_bits:
            m.d.comb += splitter.i.payload.bank.eq(self.bank)
            banks = payload.bank, Mux(splitter.i.valid & splitter.i.ready, self.bank, payload.bank)
        return list(payload.data), splitter.o.valid, payload.last, banks

    def _index(self, m: Module, step: Value, banks: tuple[Value, Value],
               kind: str) -> tuple[Value, tuple[Value, Value]]:
        """Which transfer of a row, of all sets, is at the input; and address and enable that make
        the memory of `kind` show that transfer's word.

        With one bank of parameters the word is read a transfer ahead, from a counter that
        nothing stands in front of, and after a load, whose last word moves the last enable, the
        first one again. With several, which of them the next transfer uses is known with it only.
        """
        transfers = self.spec.result_words
        index = Signal(range(transfers), name="transfer")
        count_up(m, index, transfers, step)
        ahead = Signal(range(transfers), name="transfer_ahead",
                       init=int(self.bank_bits > 0) % transfers)
        if self.bank_bits:
            count_up(m, ahead, transfers, step)
            following = Mux(step, ahead, index) if transfers > 1 else index
            return Cat(index, banks[0]), (Cat(following, banks[1]), Const(1, 1))
        if transfers == 1 or kind not in self.sections:
            return index, (ahead, step)
        stale = Signal(name="stale", init=1)
        written: Value = Const(0, 1)
        if kind not in self.spec.constant_kinds:
            written = getattr(self, f"load_{kind}").enable[-1]
        m.d.sync += stale.eq(written)
        read = step | stale
        count_up(m, ahead, transfers, read)
        with m.If(written):
            m.d.sync += ahead.eq(0)
        return index, (ahead, read)

    def _memory(self, m: Module, platform: Target, kind: str, read: tuple[Value, Value]
                ) -> ParameterMemory:
        """A parameter memory that is read by address and enable, a cycle later."""
        section = self.sections[kind]
        storage = platform.small_memory
        if section.words == 1:
            storage = "pair" if self.bank_bits else "register"
        constants = self.spec.constant_words(kind)
        if constants is not None and storage != "register":
            storage = "rom"
        m.submodules[kind] = memory = ParameterMemory(section, storage, constants=constants)
        if constants is None:
            wiring.connect(m, wiring.flipped(getattr(self, f"load_{kind}")), memory.write)
        m.d.comb += [memory.address.eq(read[0]), memory.enable.eq(read[1])]
        return memory

    def _add_bias(self, m: Module, platform: Target, values: list[Value],
                  read: tuple[Value, Value]) -> list[Value]:
        spec = self.spec
        memory = self._memory(m, platform, "bias", read)
        summed = []
        for lane, value in enumerate(values):
            bias = memory.data.word_select(lane, spec.bias_bits).as_signed()
            shape = shape_of(spec.accumulator_range)
            total = platform.add(m, value, bias, shape, f"biased{lane}_total")
            summed.append(self._held(m, total, f"biased{lane}", shape))
        return summed

    def _requantize(self, m: Module, platform: Target, values: list[Value],
                    read: tuple[Value, Value], bank: Value) -> list[Value]:
        output = self.spec.output
        assert output is not None
        if output.mode == "scale":
            return self._scale(m, platform, values, read, bank)
        shift: Value | int = self.spec.built_shift
        if self.spec.loaded_shift:
            shift = self._memory(m, platform, "shift", (self._bank_of(read[0]), read[1])).data
        results = []
        for lane, value in enumerate(values):
            shifted = (_doubled(value) if self.spec.wraps else value) >> shift
            if self.spec.loaded_shift:
                shifted = self._held(m, shifted, f"shifted{lane}")
            results.append(self._clamped(m, _halved(shifted) if self.spec.wraps else shifted, lane))
        return results

    def _bank_of(self, address: Value) -> Value:
        """The bank of an address of `_index`."""
        return address[-max(1, self.bank_bits):]

    def _scale(self, m: Module, platform: Target, values: list[Value], read: tuple[Value, Value],
               bank: Value) -> list[Value]:
        """Multiply, shift, round and clamp, a cycle each; a loaded shift takes two."""
        memory = self._memory(m, platform, "multiplier", read)
        coarse: Value | None = None
        fine: Value | int = self.spec.built_shift
        if self.spec.loaded_shift:
            stages = int(self.spec.bias_bits > 0) + 1 + self.spec.splits_scale
            used = delayed(m, self.enable, bank, stages, "shift_bank")[-1]
            shift = self._memory(m, platform, "shift", (used, self.enable)).data
            coarse = Cat(Const(0, FINE_BITS), shift[FINE_BITS:])
            fine = delayed(m, self.enable, shift[:FINE_BITS], 1, "fine")[-1]
        results = []
        for lane, value in enumerate(values):
            factor = memory.data.word_select(lane, MULTIPLIER_BITS)
            doubled = _doubled(self._product(m, platform, value, factor, f"scale{lane}"))
            if coarse is not None:
                doubled = self._held(m, doubled >> coarse, f"coarse{lane}")
                doubled = self._held(m, doubled >> fine, f"shifted{lane}")
            else:
                doubled = doubled >> fine
            rounded = self._held(m, _halved(doubled), f"rounded{lane}")
            results.append(self._clamped(m, rounded, lane))
        return results

    def _held(self, m: Module, value: Value, name: str, shape: Shape | None = None) -> Signal:
        """A register that follows `value`."""
        register = Signal(value.shape() if shape is None else shape, name=name, reset_less=True)
        with m.If(self.enable):
            m.d.sync += register.eq(value)
        return register

    def _product(self, m: Module, platform: Target, value: Value, factor: Value,
                 name: str) -> Value:
        """value * factor: two cycles on one DSP block; from 19 bits on three, the bits above
        those that the block takes without a sign multiplied in logic and added."""
        def multiplied(part: Value, style: str) -> Value:
            shape = Shape(len(part) + MULTIPLIER_BITS, part.shape().signed)
            unit = place(m, platform, f"{name}_{style}", "scale_multiplier", Multiplier,
                         part.shape(), factor.shape(), shape, style)
            m.d.comb += [unit.x.eq(part), unit.w.eq(factor), unit.enable.eq(self.enable)]
            return unit.product

        if not self.spec.splits_scale:
            return multiplied(value, "dsp")
        below = platform.multiplier_bits
        low = multiplied(value[:below], "dsp")
        high = multiplied(value[below:].as_signed(), "lut")
        shape = signed(len(value) + MULTIPLIER_BITS - below)
        total = platform.add(m, low[below:], high, shape, f"{name}_upper")
        return self._held(m, Cat(low[:below], total).as_signed(), f"{name}_product")

    def _clamped(self, m: Module, value: Value, lane: int) -> Value:
        range_ = self.spec.result_range
        return self._held(m, clamp(value, range_), f"result{lane}", shape_of(range_))
