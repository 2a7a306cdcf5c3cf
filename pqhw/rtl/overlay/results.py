"""From sums to activations: bias, scale, shift, clamp, addition, and where the words go."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.job import ADDRESS_BITS, WORD_BITS
from ...spec.overlay.overlay import ACTIVATION_BITS, ELEMENT_BITS
from ...spec.overlay.stages import RESULT_STAGES, SCALED_AT
from ...spec.widths import MULTIPLIER_BITS
from ..mac.multiplier import Multiplier
from ..sums import delayed
from ..target import Target, place
from .store import Store
from .walker import Walker

__all__ = ["Results", "result_job"]

FINE_BITS = 3
"""Lower bits of a shift, which is done in two steps."""

ADD_WORDS = 64
"""Words to be added that can wait."""


def result_job(spec: OverlaySpec) -> data.StructLayout:
    """What changes from job to job while the words of the one before are under way."""
    return data.StructLayout({
        "half": 1, "last_word": WORD_BITS, "out_start": ADDRESS_BITS, "pixels": 18, "adds": 1,
        "last": 1, "drop": 1})


class Results(wiring.Component):
    """Requantises words of sums and stores them, pixel after pixel, job after job.

    Parameters
    ----------
    spec:
        Lanes and bits.

    Members
    -------
    valid, sums: a word of sums
    start, job: the next job, while none waits; `waits` tells that one does, `idle` that none is
        under way; `ends` pulses when a job's last word is stored
    biased, scaled, raw, shift, low, high, add_low, add_high, flat, store_width, row_step,
        plane: as in a descriptor, the same for all jobs under way
    add, add_word: a word to be added, in the order of results
    store, row, column, address, word: a word for the banks
    leave, last: a word for the port, its sums in `raw_sums` or else the results in `word`; the
        image's last
    write, write_half, write_word, write_data: biases and multipliers of a word

    Latency and cost
    ----------------
    `RESULT_STAGES` cycles. A multiplier and a shifter per lane.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        lanes, words = spec.lanes, spec.output_words
        super().__init__({
            "valid": In(1), "sums": In(signed(spec.accumulator_bits)).array(lanes),
            "start": In(1), "job": In(result_job(spec)), "waits": Out(1), "idle": Out(1),
            "ends": Out(1),
            "biased": In(1), "scaled": In(1), "raw": In(1), "shift": In(6), "stream": In(1),
            **{name: In(signed(ELEMENT_BITS)) for name in ("low", "high", "add_low", "add_high")},
            "flat": In(1), "store_width": In(9),
            "row_step": In(ADDRESS_BITS), "plane": In(ADDRESS_BITS),
            "add": In(1), "add_word": In(lanes * ACTIVATION_BITS), "add_signed": In(1),
            "store": Out(1), "row": Out(2), "column": Out(2), "address": Out(ADDRESS_BITS),
            "word": Out(signed(ELEMENT_BITS)).array(lanes),
            "leave": Out(1), "last": Out(1),
            "raw_sums": Out(signed(spec.accumulator_bits)).array(lanes),
            "write": In(1), "write_half": In(1), "write_word": In(range(words)),
            "write_data": In(lanes * spec.output_bits)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        ones = Const(1, 1)
        job = Signal(result_job(spec), name="job_now")
        begun = Signal(name="begun")
        word = Signal(WORD_BITS, name="word_now")
        last_word, last_pixel = Signal(name="last_word"), Signal(name="last_pixel")
        ends = Signal(name="job_ends")
        m.d.comb += ends.eq(self.valid & last_word & last_pixel)
        with m.If(self.valid):
            m.d.sync += [word.eq(word + 1), last_word.eq(word + 1 == job.last_word)]
            with m.If(last_word):
                m.d.sync += [word.eq(0), last_word.eq(job.last_word == 0),
                             job.pixels.eq(job.pixels - 1), last_pixel.eq(job.pixels == 2)]
        waiting, held = Signal(result_job(spec), name="job_next"), Signal(name="held")
        with m.If(self.start):
            m.d.sync += [waiting.eq(self.job), held.eq(1)]
        begins = Signal(name="job_begins")
        m.d.comb += begins.eq(held & (~begun | ends))
        with m.If(begins):
            m.d.sync += [job.eq(waiting), held.eq(0), begun.eq(1),
                         last_word.eq(waiting.last_word == 0),
                         last_pixel.eq(waiting.pixels == 1)]
        with m.Elif(ends):
            m.d.sync += begun.eq(0)
        done = delayed(m, ones, ends, RESULT_STAGES + 1, "done", control=True)
        m.d.comb += [self.waits.eq(held), self.ends.eq(done[-1]),
                     self.idle.eq(~(held | begun | Cat(done[1:]).any()))]
        sums = [delayed(m, ones, own, 2, f"sum{lane}")[-1] for lane, own in enumerate(self.sums)]
        outputs = self._outputs(m, word, job)
        biased = []
        for lane, own in enumerate(sums):
            bias = outputs.word_select(lane, spec.output_bits)[:spec.accumulator_bits].as_signed()
            gated = Mux(self.biased, bias, 0)
            total = Signal(signed(spec.accumulator_bits), name=f"biased{lane}", reset_less=True)
            value = Signal.like(total, name=f"gated{lane}")
            m.d.comb += value.eq(gated)
            m.d.sync += total.eq(platform.add(m, own, value, total.shape(), f"bias{lane}"))
            biased.append(total)
        words = []
        added = self._added(m, job)
        for lane, own in enumerate(biased):
            factor = outputs.word_select(lane, spec.output_bits)[spec.accumulator_bits:]
            factor = delayed(m, ones, factor, 1, f"factor{lane}")[-1]
            words.append(self._lane(m, platform, lane, own, factor, added[lane]))
        m.d.comb += [own.eq(value) for own, value in zip(self.word, words)]
        m.d.comb += [own.eq(delayed(m, ones, value, RESULT_STAGES - 3, f"raw{lane}")[-1])
                     for lane, (own, value) in enumerate(zip(self.raw_sums, biased))]
        self._store(m, job, last_word, begins, ends)
        return m

    def _outputs(self, m: Module, word: Signal, job) -> Signal:
        """Biases and multipliers of a word, two cycles after it."""
        spec = self.spec
        words = spec.output_words
        m.submodules.outputs = store = Store(spec.lanes * spec.output_bits, 2 * words, True)
        at = Signal(store.read_address.shape(), name="output_word", reset_less=True)
        bits = (words - 1).bit_length()
        m.d.sync += at.eq(Cat(word[:bits], Const(0, max(0, bits - WORD_BITS)), job.half))
        m.d.comb += [store.write_enable.eq(self.write),
                     store.write_address.eq(Cat(self.write_word[:bits], self.write_half)),
                     store.write_data.eq(self.write_data), store.read_address.eq(at)]
        return store.read_data

    def _lane(self, m: Module, platform: Target, lane: int, value: Signal, factor,
              added: Signal) -> Signal:
        """Scale, shift, round, clamp, add, clamp."""
        spec = self.spec
        ones = Const(1, 1)
        scaled = self._product(m, platform, lane, value, factor)
        plain = delayed(m, ones, value, SCALED_AT - 3, f"plain{lane}")[-1]
        doubled = Signal(signed(spec.accumulator_bits + MULTIPLIER_BITS + 1),
                         name=f"doubled{lane}")
        m.d.comb += doubled.eq(Mux(self.scaled, scaled, plain) << 1)

        def held(name: str, shape, own) -> Signal:
            register = Signal(shape, name=f"{name}{lane}", reset_less=True)
            m.d.sync += register.eq(own)
            return register

        fine = held("fine", doubled.shape(), doubled >> self.shift[:FINE_BITS])
        # What is more than a clamp's bounds can be is told by one bit more than they have.
        coarse = held("coarse", doubled.shape(), fine >> Cat(Const(0, FINE_BITS),
                                                             self.shift[FINE_BITS:]))
        rounded = held("rounded", signed(len(doubled)), (coarse + 1) >> 1)
        clamped = held("clamped", signed(ELEMENT_BITS), self._clamp(rounded, self.low, self.high))
        total = held("total", signed(ELEMENT_BITS + 1), clamped + added)
        return held("result", signed(ELEMENT_BITS), self._clamp(total, self.add_low,
                                                                self.add_high))

    def _clamp(self, value, low, high):
        return Mux(value < low, low, Mux(value > high, high, value))

    def _product(self, m: Module, platform: Target, lane: int, value: Signal, factor):
        """value * factor after three cycles, the bits above those that a DSP block takes without a
        sign multiplied in logic."""
        below = platform.multiplier_bits

        def multiplied(part, style: str):
            shape = signed(len(part) + MULTIPLIER_BITS + 1)
            unit = place(m, platform, f"scale{lane}_{style}", f"scale_{style}", Multiplier,
                         part.shape(), factor.shape(), shape, style)
            m.d.comb += [unit.x.eq(part), unit.w.eq(factor), unit.enable.eq(1)]
            return unit.product

        low, high = Signal(below, name=f"low{lane}"), Signal(
            signed(len(value) - below), name=f"high{lane}")
        own = Signal(MULTIPLIER_BITS, name=f"factor{lane}_now")
        m.d.comb += [low.eq(value[:below]), high.eq(value[below:]), own.eq(factor)]
        factor = own
        first, second = multiplied(low, "dsp"), multiplied(high, "lut")
        product = Signal(signed(len(value) + MULTIPLIER_BITS), name=f"product{lane}",
                         reset_less=True)
        upper = Signal(signed(len(product) - below), name=f"upper{lane}")
        m.d.comb += upper.eq((first >> below) + second)
        m.d.sync += product.eq(Cat(first[:below], upper))
        return product

    def _added(self, m: Module, job) -> list[Signal]:
        """The words to be added, each there when its result is clamped; zeros for other jobs."""
        spec = self.spec
        ones = Const(1, 1)
        width = spec.lanes * ACTIVATION_BITS
        m.submodules.adds = store = Store(width, ADD_WORDS, True)
        into, out = (Signal(range(ADD_WORDS), name=name) for name in ("add_in", "add_out"))
        pops = delayed(m, ones, self.valid & job.adds, RESULT_STAGES - 3, "pops", control=True)
        with m.If(self.add):
            m.d.sync += into.eq(into + 1)
        with m.If(pops[-1]):
            m.d.sync += out.eq(out + 1)
        m.d.comb += [store.write_enable.eq(self.add), store.write_address.eq(into),
                     store.write_data.eq(self.add_word), store.read_address.eq(out)]
        gate = delayed(m, ones, pops[-1], 1, "adds_now")[-1]
        words = []
        for lane in range(spec.lanes):
            bits = store.read_data.word_select(lane, ACTIVATION_BITS)
            value = Signal(signed(ELEMENT_BITS), name=f"added{lane}")
            with m.If(gate):
                m.d.comb += value.eq(Cat(bits, bits[-1] & self.add_signed).as_signed())
            words.append(value)
        return words

    def _store(self, m: Module, job, last_word: Signal, begins: Signal,
               ends: Signal) -> None:
        """Where a word goes is known when it comes, and waits as long as its results take."""
        ones = Const(1, 1)
        m.submodules.walker = walker = Walker()
        m.d.comb += [walker.start.eq(begins), walker.step.eq(self.valid & last_word),
                     walker.row_step.eq(self.row_step),
                     walker.stride_y.eq(1), walker.stride_x.eq(1),
                     walker.width.eq(self.store_width), walker.flat.eq(self.flat)]
        pixel = Signal(ADDRESS_BITS, name="pixel_address", reset_less=True)
        own = Signal(ADDRESS_BITS, name="own_address", reset_less=True)
        word_at = Signal(ADDRESS_BITS, name="word_place")
        m.d.sync += [pixel.eq(walker.row + walker.column), own.eq(job.out_start + word_at)]
        own = delayed(m, ones, own, 1, "own_address")[-1]
        with m.If(self.valid):
            m.d.sync += word_at.eq(Mux(last_word, 0, word_at + self.plane))
        address = Signal(ADDRESS_BITS, name="word_address", reset_less=True)
        m.d.sync += address.eq(pixel + own)
        bank = Cat(walker.row_phase_now, walker.column_phase_now)
        valid = delayed(m, ones, self.valid & ~job.drop, RESULT_STAGES, "stored", control=True)[-1]
        m.d.comb += [
            self.address.eq(delayed(m, ones, address, RESULT_STAGES - 3, "address")[-1]),
            Cat(self.row, self.column).eq(delayed(m, ones, bank, RESULT_STAGES - 1, "bank")[-1]),
            self.store.eq(valid & ~self.stream), self.leave.eq(valid & self.stream),
            self.last.eq(delayed(m, ones, ends & job.last, RESULT_STAGES, "last")[-1])]
