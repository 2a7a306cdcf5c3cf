"""The inside of an overlay: from jobs and words of images to words of results."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import Kind, OverlaySpec
from ...spec.overlay.overlay import ACTIVATION_BITS, ELEMENT_BITS
from ...spec.overlay.stages import BANK_STAGES, operand_stages, tree_stages
from ..sums import delayed
from ..target import Target
from .banks import Banks
from .encoder import TreeLanes
from .largest import Largest
from .lookups import LookupSums
from .operands import Operands
from .products import Products
from .results import Results
from .sequencer import Sequencer, job_layout
from .store import Store

__all__ = ["Core"]


class Core(wiring.Component):
    """Does jobs, whose parameters are written meanwhile.

    Parameters
    ----------
    spec:
        What is built.

    Members
    -------
    given, ready, half, taken, ends: the next job, as of `ProgramLoader`
    fields, outputs, trees, words, place, lane, filling: a word of parameters, likewise
    entering, entering_last_word, entering_last, enter, enter_word: a word of an image is wanted;
        it is given
    leave, last, out: a word of results leaves, the image's last
    left: it has left the port, or needs not
    job: the one that is done
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        super().__init__({
            "given": In(job_layout()), "ready": In(1), "half": In(1), "taken": Out(1),
            "ends": Out(1), "fields": In(spec.most_beats * spec.port_bits),
            "outputs": In(1), "trees": In(1), "words": In(1), "place": In(12),
            "lane": In(range(spec.lanes)), "filling": In(1),
            "entering": Out(1), "entering_last_word": Out(1), "entering_last": Out(1),
            "enter": In(1), "enter_word": In(spec.lanes * ACTIVATION_BITS),
            "leave": Out(1), "last": Out(1), "left": In(1),
            "out": Out(signed(spec.accumulator_bits)).array(spec.lanes),
            "job": Out(job_layout())})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.sequencer = sequencer = Sequencer(spec)
        m.submodules.banks = banks = Banks(spec)
        m.submodules.results = results = Results(spec)
        job = sequencer.job
        m.d.comb += [
            self.job.eq(job), sequencer.given.eq(self.given), sequencer.ready.eq(self.ready),
            sequencer.half.eq(self.half), self.taken.eq(sequencer.taken),
            sequencer.results_wait.eq(results.waits), sequencer.results_idle.eq(results.idle),
            sequencer.left.eq(self.left), sequencer.entered.eq(self.enter),
            self.entering.eq(sequencer.entering),
            self.entering_last_word.eq(sequencer.entering_last_word),
            self.entering_last.eq(sequencer.entering_last), self.ends.eq(results.ends),
            banks.word.eq(sequencer.word), banks.row_step.eq(sequencer.row_step),
            banks.inside.eq(sequencer.inside),
            banks.low_outside.eq(self._does(m, job, Kind.LARGEST) & job.signed)]
        for name in ("row", "column"):
            for part in (name, f"{name}_phase"):
                m.d.comb += getattr(banks, part).eq(getattr(sequencer, part))
        steps = [sequencer.step]
        for stage in range(BANK_STAGES):
            following = Signal.like(sequencer.step, name=f"step{stage + 1}")
            m.d.sync += following.eq(steps[-1])
            steps.append(following)
        self._results(m, job, results, banks, steps[-1])
        words = self._words(m, platform, job, banks, steps)
        valid = Signal(name="result_valid")
        m.d.comb += valid.eq(Cat(done for done, _ in words).any())
        m.d.sync += results.valid.eq(valid)
        for lane in range(spec.lanes):
            chosen: Value = Const(0, 1)
            for done, values in words:
                chosen = Mux(done, values[lane], chosen)
            own = Signal(signed(spec.accumulator_bits), name=f"chosen{lane}")
            m.d.comb += own.eq(chosen)
            m.d.sync += results.sums[lane].eq(own)
        return m

    def _results(self, m: Module, job, results: Results, banks: Banks, step) -> None:
        """What the results are told, and where they go."""
        spec = self.spec
        sequencer = m.submodules.sequencer
        for name in ("biased", "scaled", "raw", "shift", "stream", "low", "high", "add_low",
                     "add_high", "flat", "store_width", "add_signed"):
            m.d.comb += getattr(results, name).eq(getattr(job, name))
        m.d.comb += [
            results.row_step.eq(job.out_row_step), results.plane.eq(job.out_plane),
            results.start.eq(sequencer.start), results.job.eq(sequencer.result),
            results.add.eq(step.add), results.add_word.eq(banks.window[0]),
            results.write.eq(self.outputs), results.write_half.eq(self.filling),
            results.write_word.eq(self.place), results.write_data.eq(self.fields),
            banks.write.eq(results.store), banks.write_row.eq(results.row),
            banks.write_column.eq(results.column), banks.write_address.eq(results.address),
            banks.write_data.eq(Cat(word[:ACTIVATION_BITS] for word in results.word)),
            self.leave.eq(results.leave), self.last.eq(results.last)]
        for lane in range(spec.lanes):
            m.d.comb += self.out[lane].eq(Mux(job.raw, results.raw_sums[lane],
                                              results.word[lane]))

    def _words(self, m: Module, platform: Target, job, banks: Banks, steps: list
               ) -> list[tuple[Value, list[Value]]]:
        """Words of sums of every kind of job, and when they come."""
        spec = self.spec
        step = steps[-1]
        m.submodules.operands = operands = Operands(spec)
        m.submodules.products = products = Products(spec)
        m.submodules.largest = largest = Largest(spec)
        ahead = steps[BANK_STAGES - operand_stages(spec)]
        sums, by_lane = self._does(m, job, Kind.SUM), self._does(m, job, Kind.LANES)
        multiplies = self._does(m, job, Kind.SUM, Kind.LANES)
        place = Signal(operands.place.shape(), name="weight_place")
        with m.If(ahead.main):
            m.d.sync += place.eq(Mux(ahead.ends, 0, place + 1))
        m.d.comb += [
            operands.place.eq(place), operands.half.eq(ahead.half),
            operands.write.eq(self.words), operands.write_half.eq(self.filling),
            operands.write_place.eq(self.place), operands.fields.eq(self.fields),
            operands.write_tables.eq((self.given.kind == Kind.ENCODE)
                                     | (self.given.kind == Kind.REPLAY)),
            products.signed.eq(job.signed), products.valid.eq(step.main & multiplies),
            products.last.eq(step.last), products.by_lane.eq(by_lane),
            largest.signed.eq(job.signed),
            largest.valid.eq(step.main & self._does(m, job, Kind.LARGEST))]
        for own in (products, largest):
            m.d.comb += [mine.eq(given) for mine, given in zip(own.window, banks.window)]
        m.d.comb += [mine.eq(given) for mine, given in zip(products.weights, operands.words)]
        words = [self._entering(m, job), self._gathered(m, products, sums),
                 (products.done & by_lane, list(products.sums)),
                 (largest.done, list(largest.largest))]
        if spec.looks_up:
            words.append(self._lookups(m, job, banks, steps, operands))
        return words

    def _does(self, m: Module, job, *kinds: Kind) -> Signal:
        """Whether the job is of one of some kinds, a cycle after it began: no step is that soon."""
        does = Signal(name="does_" + "_or_".join(kind.name.lower() for kind in kinds))
        m.d.sync += does.eq(Cat(job.kind == kind for kind in kinds).any())
        return does

    def _entering(self, m: Module, job) -> tuple[Value, list[Value]]:
        """A word of an image, its lanes beyond the last channel cleared."""
        values: list[Value] = []
        entered = Signal(name="entered")
        m.d.sync += entered.eq(self.enter)
        for lane in range(self.spec.lanes):
            bits = self.enter_word.word_select(lane, ACTIVATION_BITS)
            beyond = self.entering_last_word & (job.lanes_last <= lane)
            value = Cat(bits, bits[-1] & job.signed).as_signed()
            own = Signal(signed(ELEMENT_BITS), name=f"entered{lane}", reset_less=True)
            m.d.sync += own.eq(Mux(beyond, 0, value))
            values.append(own)
        return entered, values

    def _gathered(self, m: Module, products: Products, sums: Signal
                  ) -> tuple[Value, list[Value]]:
        """Sums of all lanes, one after another, until a word is full."""
        lanes = self.spec.lanes
        slot = Signal(range(lanes), name="slot")
        full = Signal(name="gathered")
        done = products.done & sums
        values = [Signal.like(products.sums[0], name=f"gathered{lane}", reset_less=True)
                  for lane in range(lanes)]
        m.d.sync += full.eq(done & (slot == lanes - 1))
        with m.If(done):
            m.d.sync += slot.eq(slot + 1)
        for lane, own in enumerate(values):
            with m.If(done & (slot == lane)):
                m.d.sync += own.eq(products.sums[0])
        return full, list(values)

    def _lookups(self, m: Module, job, banks: Banks, steps: list, operands: Operands
                 ) -> tuple[Value, list[Value]]:
        """Codes of windows, or those kept, and their entries' sums."""
        spec, step = self.spec, steps[-1]
        ones = Const(1, 1)
        m.submodules.encoder = encoder = TreeLanes(spec)
        m.submodules.lookups = lookups = LookupSums(spec)
        m.submodules.codes = kept = Store(spec.lanes * spec.depth, spec.code_words)
        encodes = self._does(m, job, Kind.ENCODE, Kind.REPLAY)
        stages = tree_stages(spec)
        # The tags of codes that are kept take as long as codes that are found.
        m.d.comb += [
            encoder.valid.eq(step.main & encodes), encoder.by_channels.eq(job.by_channels),
            encoder.signed.eq(job.signed), encoder.comes.eq(steps[-2].main & encodes),
            encoder.part.eq(steps[-2].part),
            encoder.complete.eq(step.complete), encoder.lane.eq(step.lane),
            encoder.emit.eq(step.emit), encoder.last.eq(step.last), encoder.half.eq(step.half),
            encoder.write.eq(self.trees), encoder.write_half.eq(self.filling),
            encoder.write_word.eq(self.place), encoder.write_lane.eq(self.lane),
            encoder.write_data.eq(self.fields),
            *(mine.eq(given) for mine, given in zip(encoder.window, banks.window))]
        tags = delayed(m, ones, Cat(step.half, step.wanted), stages, "code_tags")
        half, wanted = tags[-1][0], tags[-1][1:]
        replays = delayed(m, ones, step.replay, stages, "replays")
        emits = step.main & step.emit & step.replay
        early = stages - kept.latency
        reads = delayed(m, ones, emits, early, "kept_reads", control=True)
        read, written = (Signal(range(spec.code_words), name=name)
                         for name in ("code_read", "code_written"))
        group = Signal(operands.group.shape(), name="code_group")
        final = delayed(m, ones, step.final, stages, "code_final")
        with m.If(reads[-1]):
            m.d.sync += read.eq(Mux(final[early], 0, read + 1))
        keeps = encoder.codes_valid & ~replays[-1]
        with m.If(keeps):
            m.d.sync += written.eq(Mux(final[-1], 0, written + 1))
        with m.If(encoder.codes_valid):
            m.d.sync += group.eq(Mux(encoder.codes_last, 0, group + 1))
        m.d.comb += [
            kept.read_address.eq(read), kept.write_enable.eq(keeps),
            kept.write_address.eq(written), kept.write_data.eq(encoder.codes),
            operands.looks_up.eq(encodes), operands.group.eq(group),
            operands.codes.eq(Mux(replays[-1], kept.read_data, encoder.codes))]
        with m.If(encodes):
            m.d.comb += operands.half.eq(half)
        waits = operand_stages(spec)
        m.d.comb += [
            lookups.valid.eq(delayed(m, ones, encoder.codes_valid, waits, "entries",
                                     control=True)[-1]),
            lookups.last.eq(delayed(m, ones, encoder.codes_last, waits, "entries_last")[-1]),
            lookups.wanted.eq(delayed(m, ones, wanted, waits, "entries_wanted")[-1])]
        width = spec.outputs_per_cycle * spec.table_bits
        m.d.comb += [mine.eq(given[:width]) for mine, given in zip(lookups.entries,
                                                                   operands.words)]
        return lookups.done, list(lookups.words)
