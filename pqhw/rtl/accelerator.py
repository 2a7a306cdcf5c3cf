"""The accelerator: engines behind a guarded border, with loader and status."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec import ChainSpec, Conv2d, SpecError
from ..spec.dataflow import DataflowSpec
from ..spec.design import Design
from .dataflow import Dataflow
from .engine import EngineCore
from .gearbox import Gearbox
from .guard import RowGuard
from .loader import Loader, NoLoader, load_stream
from .precisions import PrecisionQueue, rows_on_the_way
from .streams import row_stream
from .sums import count_up
from .target import Target

__all__ = ["Accelerator", "accelerator_signature", "status_signature"]


def status_signature(design: Design) -> wiring.Signature:
    """What the accelerator tells of itself.

    Members
    -------
    ready: a complete good parameter image is in use; rows are accepted
    loading: an image waits or is being taken
    error: `LoadError` of the last image
    error_section: number of the section the error was found in
    row_short, row_long: a row ended early or late since the last image
    rows_in, rows_out: rows taken in and given out, modulo 2**counter_bits
    stall_cycles: cycles in which a result waited to be taken, modulo 2**counter_bits
    precision: that of the row last taken in (where rows choose)
    """
    bits = design.counter_bits
    precision = {"precision": Out(design.precision_bits)} if design.precision_bits else {}
    return wiring.Signature({
        "ready": Out(1), "loading": Out(1), "error": Out(4),
        "error_section": Out(range(max(2, len(design.image.sections) + 1))),
        "row_short": Out(1), "row_long": Out(1),
        "rows_in": Out(bits), "rows_out": Out(bits), "stall_cycles": Out(bits),
        **precision,
    })


def accelerator_signature(design: Design) -> wiring.Signature:
    """The ports of an `Accelerator`."""
    return wiring.Signature({
        "i": In(row_stream(design.input.range, design.input.lanes,
                           precision_bits=design.precision_bits)),
        "o": Out(row_stream(design.results.range, design.results.lanes)),
        "load": In(load_stream(design.load_bits)),
        "status": Out(status_signature(design)),
    })


class Accelerator(wiring.Component):
    """One engine, several in a row, or all nodes of a network, ready to be put into a design.

    Rows enter at `i` and leave at `o`, with a convolution images; `load` takes the parameter
    image. Rows are accepted only after a complete good image; an image is taken only when every
    row that was begun has left, or, double-buffered, every row that uses the image before the
    present one.
    Stalls anywhere change nothing but time, and no input sequence hangs the accelerator.

    Parameters
    ----------
    design:
        Which engines, and how they are joined.
    tells_faults:
        Whether misframed rows are told as they come, for a register that is cleared from outside.

    Members
    -------
    i: rows of activations, `lanes_in` at a time, `last` on a row's final transfer; where rows
        choose among precisions, `precision` on its first
    o: rows of results, `lanes_out` at a time
    load: words of the parameter image
    status: see `status_signature`
    row_faults: pulses in bit 0 after a row was found too short, in bit 1 too long (where it
        `tells_faults`)

    Latency and cost
    ----------------
    `design.latency` cycles, a row every `design.cycles_per_row`. The engines, and around them the
    loader, the guard, and 3 * counter_bits LUT4 and flip-flops of counters. Double-buffered:
    twice the parameter memories, and a flip-flop beside every stage of the pipelines.
    """

    def __init__(self, design: Design, *, tells_faults: bool = False):
        self.design = design
        self.tells_faults = tells_faults
        faults = {"row_faults": Out(2)} if tells_faults else {}
        super().__init__({**accelerator_signature(design).members, **faults})

    def elaborate(self, platform: Target) -> Module:
        unbound = self.design.unbound
        if unbound is not None:
            kinds = " and ".join(sorted(unbound.constant_kinds))
            raise SpecError(
                ("engine.resident builds all parameters in" if unbound.engine.resident else
                 f'engine storage "rom" builds {kinds} into the logic')
                + ", so the parameters must be given (--params), but are not.")
        m = Module()
        m.submodules.guard = guard = RowGuard(self.design.input, self.design.double_buffered,
                                              self.design.precision_count)
        m.submodules.loader = loader = (Loader if self.design.image.sections else NoLoader)(
            self.design.image)
        wiring.connect(m, wiring.flipped(self.i), guard.i)
        wiring.connect(m, wiring.flipped(self.load), loader.i)
        first, results = (self._network if isinstance(self.design, DataflowSpec)
                          else self._stages)(m, guard, loader)
        self._status(m, guard, loader)
        idle = guard.idle & self._settled(m, guard)
        if self.design.double_buffered:
            m.d.comb += [guard.open.eq(loader.ready), first.bank.eq(guard.o_bank)]
            self._swap(m, guard, loader, idle, results)
        else:
            # Both are a cycle behind, so that neither `i` nor the loader waits for the other's
            # logic: an image begins once the guard has seen it, and no row begins from then on.
            still = Signal(name="still")
            m.d.sync += [guard.open.eq(loader.ready & ~loader.busy), still.eq(idle & ~guard.open)]
            m.d.comb += loader.free.eq(still & ~guard.open)
        return m

    def _network(self, m: Module, guard: RowGuard, loader: Loader | NoLoader
                 ) -> tuple[Dataflow, stream.Interface]:
        """A node for every node of a network; gives them as a whole, and the results."""
        assert isinstance(self.design, DataflowSpec)
        m.submodules.network = network = Dataflow(self.design)
        wiring.connect(m, guard.o, network.i)
        m.d.comb += network.image.eq(guard.begins)
        self._end(m, network.o)
        for index in range(len(self.design.image.sections)):
            wiring.connect(m, getattr(loader, f"load_{index}"), getattr(network, f"load_{index}"))
        return network, network.o

    def _stages(self, m: Module, guard: RowGuard, loader: Loader | NoLoader
                ) -> tuple[EngineCore, stream.Interface]:
        """Engines in a row; gives the first of them, and the results of the last."""
        assert isinstance(self.design, ChainSpec)
        cores = [EngineCore(spec) for spec in self.design.stages]
        for index, core in enumerate(cores):
            m.submodules[f"stage{index}"] = core
        wiring.connect(m, guard.o, cores[0].i)
        for index, gearbox in enumerate(self.design.gearboxes):
            m.submodules[f"gearbox{index}"] = unit = Gearbox(
                gearbox, self.design.stages[index].result_range, int(self.design.double_buffered))
            wiring.connect(m, cores[index].o, unit.i)
            sink = cores[index + 1].i
            m.d.comb += [sink.payload.eq(unit.o.payload.data), sink.valid.eq(unit.o.valid),
                         unit.o.ready.eq(sink.ready)]
            if self.design.double_buffered:
                m.d.comb += cores[index + 1].bank.eq(unit.o.payload.bank)
        if self.design.precision_bits:
            self._follow_precisions(m, guard, cores)
        m.d.comb += [core.image.eq(guard.begins) for core in cores
                     if isinstance(core.spec.layer, Conv2d)]
        self._end(m, cores[-1].o)
        for index, section in enumerate(self.design.image.sections):
            port = getattr(cores[section.stage], f"load_{section.kind}")
            wiring.connect(m, getattr(loader, f"load_{index}"), port)
        return cores[0], cores[-1].o

    def _follow_precisions(self, m: Module, guard: RowGuard, cores: list[EngineCore]) -> None:
        """Every stage that chooses is told the precision of its row."""
        m.d.comb += self.status.precision.eq(guard.o_precision)
        begun = Signal(name="row_begun")
        m.d.sync += begun.eq(guard.begins)
        waits = []
        for index, core in enumerate(cores):
            if not core.spec.precision_bits:
                continue
            if not index:
                m.d.comb += core.precision.eq(guard.o_precision)
                continue
            m.submodules[f"precisions{index}"] = queue = PrecisionQueue(
                self.design.precision_bits, rows_on_the_way(self.design.stages[:index]))
            transfers = core.spec.input_transfers
            transfer = Signal(range(transfers), name=f"transfer{index}")
            enters = core.i.valid & core.i.ready
            count_up(m, transfer, transfers, enters)
            m.d.comb += [
                queue.begins.eq(begun), queue.precision.eq(guard.o_precision),
                queue.ends.eq(enters & (transfer == transfers - 1)),
                core.precision.eq(queue.head)]
            waits.append(queue.full)
        if waits:
            m.d.comb += guard.wait.eq(Cat(waits).any())

    def _settled(self, m: Module, guard: RowGuard) -> Signal:
        """Whether every row that left the guard has left the engines, known a cycle later.

        From a register, as the comparison of the counters would set the clock of most designs. A
        row that leaves the guard in this cycle counts already, so that it is never missed.
        """
        settled = Signal(name="settled", init=1)
        equal = self.status.rows_in == self.status.rows_out
        m.d.sync += settled.eq(equal & ~guard.row)
        return settled

    def _swap(self, m: Module, guard: RowGuard, loader: Loader | NoLoader, idle: Value,
              results: stream.Interface) -> None:
        """Rows take the loader's bank along as they begin; the other is free when none has it.

        Rows leave in order: the last of those with the old bank has left when one with the new
        bank leaves, or when none is under way.
        """
        m.d.comb += guard.bank.eq(loader.bank)
        before, free = Signal(name="bank_before"), Signal(name="free", init=1)
        m.d.sync += before.eq(loader.bank)
        m.d.comb += loader.free.eq(free & (before == loader.bank))
        with m.If(before != loader.bank):
            m.d.sync += free.eq(idle)
        with m.Elif(idle | (results.valid & (results.payload.bank == loader.bank))):
            m.d.sync += free.eq(1)

    def _end(self, m: Module, source: stream.Interface) -> None:
        """Give out the results; of an image's rows only the last keeps its `last`."""
        rows = self.design.results.units
        final: Value = Const(1, 1)
        if rows > 1:
            row = Signal(range(rows), name="row")
            count_up(m, row, rows, self.o.valid & self.o.ready & source.payload.last)
            final = row == rows - 1
        m.d.comb += [
            self.o.payload.data.eq(source.payload.data),
            self.o.payload.last.eq(source.payload.last & final),
            self.o.valid.eq(source.valid), source.ready.eq(self.o.ready),
        ]

    def _status(self, m: Module, guard: RowGuard, loader: Loader | NoLoader) -> None:
        status = self.status
        left = Signal(name="row_left")
        m.d.comb += [
            left.eq(self.o.valid & self.o.ready & self.o.payload.last),
            status.ready.eq(loader.ready), status.loading.eq(loader.busy),
            status.error.eq(loader.error), status.error_section.eq(loader.section),
        ]
        if self.tells_faults:
            m.d.comb += self.row_faults.eq(Cat(guard.short, guard.long))
        with m.If(guard.row):
            m.d.sync += status.rows_in.eq(status.rows_in + 1)
        with m.If(left):
            m.d.sync += status.rows_out.eq(status.rows_out + 1)
        with m.If(self.o.valid & ~self.o.ready):
            m.d.sync += status.stall_cycles.eq(status.stall_cycles + 1)
        with m.If(loader.began):
            m.d.sync += [status.row_short.eq(0), status.row_long.eq(0)]
        with m.If(guard.short):
            m.d.sync += status.row_short.eq(1)
        with m.If(guard.long):
            m.d.sync += status.row_long.eq(1)
