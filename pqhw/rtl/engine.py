"""Engine cores: everything between the lanes of a row and its results."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec import (BitplaneSpec, Conv2d, DistanceSpec, EncoderSpec, EngineSpec, MACSpec, PQSpec,
                    TreeSpec)
from ..spec.ranges import unsigned_range
from .bitplane import BitplaneCore
from .buffers import Outlet, Replay
from .gearbox import Gearbox
from .encoder import CodeCollector, DistanceEncoder, TreeEncoder
from .lookup import TableLookup
from .mac import MACCore
from .memory import SectionPort
from .order import RowOrder
from .results import Results
from .streams import lanes_layout, row_stream
from .sums import count_up
from .target import Target
from .window import WindowBuffer

__all__ = ["EngineCore"]


def _encoder(spec: EncoderSpec) -> DistanceEncoder | TreeEncoder:
    match spec:
        case TreeSpec():
            return TreeEncoder(spec)
        case DistanceSpec():
            return DistanceEncoder(spec)
    raise TypeError(f"{type(spec).__name__} has no encoder.")


class EngineCore(wiring.Component):
    """y[N] = f(x[D]) for an endless stream of complete rows.

    pq: encoder, codes collected for the lookup's lanes and replayed per tile of outputs, lookup,
    results.
    mac: inputs replayed per tile of outputs, multiply-accumulate, results; with rows of two
    schemes their order behind it. On planes of bits the core itself replays them, as often as the
    row's precision asks for.
    A convolution has its window in front, where pixels are encoded once, behind the encoder; its
    rows are those of `EngineSpec.layer.units_out`, group after group, pixel after pixel.

    Parameters
    ----------
    spec:
        Which engine.
    images_ahead:
        Most images that can be on their way to it.

    Members
    -------
    i: transfers of `lanes_in` activations, rows complete
    bank: the copy of the parameters that the row at `i` uses (with two copies)
    precision: the precision of the row at `i` (with several)
    image: an image has begun that will come in; with a convolution alone
    o: row stream of results, `lanes_out` at a time, each with its bank (with two copies)
    load_<kind>: a write port per section of the parameter image

    Latency and cost
    ----------------
    `spec.latency - 1` cycles to the first result (the guard in front adds one);
    a row every `spec.cycles_per_row`. Cost: the sum of the parts, see each.
    """

    def __init__(self, spec: EngineSpec, images_ahead: int = 15):
        self.spec = spec
        self.images_ahead = images_ahead
        self.banked = spec.engine.double_buffered
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.activation_range, spec.lanes_in))),
            "o": Out(row_stream(spec.result_range, spec.lanes_out, int(self.banked))),
            **({"bank": In(1)} if self.banked else {}),
            **({"precision": In(spec.precision_bits)} if spec.precision_bits else {}),
            **({"image": In(1)} if isinstance(spec.layer, Conv2d) else {}),
            **{f"load_{section.kind}": In(SectionPort(section)) for section in spec.sections()},
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.results = results = Results(spec)
        parts: tuple[wiring.Component, ...]
        source, bank = wiring.flipped(self.i), self._bank()
        if isinstance(spec.layer, Conv2d) and not spec.encodes_pixels:
            source, bank = self._window(m, source, bank)
        if isinstance(spec, PQSpec):
            m.submodules.encoder = encoder = _encoder(spec.encoder)
            m.submodules.lookup = compute = TableLookup(spec)
            m.d.comb += [encoder.i.payload.eq(source.payload), encoder.i.valid.eq(source.valid),
                         source.ready.eq(encoder.i.ready)]
            source, parts = encoder.o, (encoder, compute, results)
            if self.banked:
                m.d.comb += encoder.bank.eq(bank)
                bank = encoder.o_bank
            if spec.encodes_pixels:
                source, bank = self._window(m, source, bank)
            if spec.collects_codes:
                m.submodules.collector = collector = CodeCollector(spec)
                wiring.connect(m, source, collector.i)
                source = collector.o
        else:
            assert isinstance(spec, MACSpec)
            m.submodules.mac = compute = (BitplaneCore(spec) if isinstance(spec, BitplaneSpec)
                                          else MACCore(spec))
            parts = (compute, results)
        if isinstance(compute, BitplaneCore):
            m.d.comb += [Value.cast(compute.i.payload).eq(Value.cast(source.payload)),
                         compute.i.valid.eq(source.valid), source.ready.eq(compute.i.ready)]
            if spec.bank_bits:
                m.d.comb += compute.i_bank.eq(bank)
        else:
            self._replay(m, source, bank, compute)
        m.submodules.outlet = outlet = Outlet(results.o.shape())
        m.d.comb += [
            results.sums.eq(compute.sums), results.done.eq(compute.done),
            results.last.eq(compute.last), outlet.i.eq(results.o), outlet.valid.eq(results.valid),
            compute.enable.eq(outlet.enable), compute.moves.eq(outlet.moves),
            results.enable.eq(outlet.enable),
        ]
        if spec.bank_bits:
            m.d.comb += [results.bank.eq(compute.bank), results.bank_ahead.eq(compute.bank_ahead)]
        leaves = outlet.o
        if isinstance(spec, MACSpec) and spec.permutes:
            m.submodules.order = order = RowOrder(spec)
            wiring.connect(m, leaves, order.i)
            leaves, parts = order.o, (*parts, order)
        wiring.connect(m, leaves, wiring.flipped(self.o))
        for section in spec.sections():
            name = f"load_{section.kind}"
            owner = next(part for part in parts if name in part.signature.members)
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(owner, name))
        return m

    def _bank(self) -> Value:
        """Which parameters the row at `i` uses: its precision, above it the copy."""
        if not self.spec.precision_bits:
            return self.bank if self.banked else Const(0, 0)
        return Cat(self.precision, self.bank) if self.banked else self.precision

    def _window(self, m: Module, source, bank: Value) -> tuple[stream.Interface, Value]:
        """The window behind a stream of pixels, its taps regrouped to the lanes of a row.

        How many images are on their way is counted, modulo 16 in a chain: were it ever wrong, the
        last outputs of an image would leave early.
        """
        spec, front = self.spec, self.spec.front
        assert front is not None
        masks, none = False, 0
        if isinstance(spec, PQSpec) and spec.encodes_pixels:
            masks, none = spec.masks_lookups, spec.engine.prototypes % (1 << spec.code_bits)
        m.submodules.window = window = WindowBuffer(front.window, outside=none, flagged=masks,
                                                     bank_bits=spec.bank_bits)
        taps = unsigned_range(window.tap_bits)
        ahead = Signal(range(self.images_ahead + 1), name="images_ahead")
        m.d.sync += ahead.eq(ahead + self.image - window.begins)
        m.d.comb += window.coming.eq(ahead != 0)
        m.submodules.gearbox = gearbox = Gearbox(front.gearbox, taps, spec.bank_bits)
        output = stream.Signature(data.ArrayLayout(window.tap_bits, spec.row_lanes)).create(
            path=("taps",))
        m.d.comb += [
            Value.cast(window.i.payload).eq(Value.cast(source.payload)),
            window.i.valid.eq(source.valid), source.ready.eq(window.i.ready),
            gearbox.i.payload.data.eq(window.o.payload.data),
            gearbox.i.payload.last.eq(window.o.payload.last),
            gearbox.i.valid.eq(window.o.valid), window.o.ready.eq(gearbox.i.ready),
            output.payload.eq(gearbox.o.payload.data), output.valid.eq(gearbox.o.valid),
            gearbox.o.ready.eq(output.ready),
        ]
        if not spec.bank_bits:
            return output, bank
        m.d.comb += [window.bank.eq(bank), gearbox.i.payload.bank.eq(window.o_bank)]
        return output, gearbox.o.payload.bank

    def _replay(self, m: Module, source, bank: Value, compute: TableLookup | MACCore) -> None:
        """Play each row once per tile, whatever its transfers hold."""
        sink = compute.i
        pixels, bits = self.spec.pixels, len(Value.cast(source.payload))
        m.submodules.replay = replay = Replay(bits + len(bank), self.spec.groups, self.spec.tiles,
                                             registered=self.spec.registers_held, rows=pixels)
        played = replay.o.payload
        if pixels > 1:
            played = Cat(*(row[:bits] for row in played), played[0][bits:])
        may_pass = self._pace(m, sink)
        m.d.comb += [
            replay.i.payload.eq(Cat(source.payload, bank)), replay.i.valid.eq(source.valid),
            source.ready.eq(replay.i.ready),
            Value.cast(sink.payload).eq(played), sink.valid.eq(replay.o.valid & may_pass),
            replay.o.ready.eq(sink.ready & may_pass),
        ]
        if self.banked:
            m.d.comb += compute.i_bank.eq(played[-1])

    def _pace(self, m: Module, sink) -> Value:
        """Whether a transfer may pass: a row's last only once the row before is split up.

        Codes that gathered behind a stall follow each other faster than the encoder makes them,
        and the results would have no place for the second row. Unstalled, nothing ever waits.
        """
        groups = self.spec.groups
        parts = self.spec.columns // self.spec.lanes_out
        if self.spec.tiles > 1 or parts <= self.spec.least_interval:
            return Const(1, 1)
        group = Signal(range(groups), name="paced_group")
        left = Signal(range(parts), name="paced_parts_left")
        last, may_pass = Signal(name="paced_last"), Signal(name="may_pass")
        m.d.comb += [last.eq(group == groups - 1), may_pass.eq(~last | (left == 0))]
        passes = sink.valid & sink.ready
        count_up(m, group, groups, passes)
        with m.If(passes & last):
            m.d.sync += left.eq(parts - 1)
        with m.Elif(sink.ready & (left != 0)):
            m.d.sync += left.eq(left - 1)
        return may_pass
