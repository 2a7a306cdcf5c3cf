"""The order of a convolution: which position a step is at, and which output it completes."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec import WindowSpec
from .sums import count_up
from .target import Target

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Follows the line of positions, and the outputs whose last taps lie on it.

    Members
    -------
    available, coming: a transfer of a pixel is offered; one of the next image will be
    begins: a step takes the first transfer of an image
    enable: a step may be made
    steps, takes: a step is made; it takes a transfer
    open: it takes one that is offered, whether one is or not
    emits: its position completes an output
    last: it is the last of a group of channels
    inside_y, inside_x: which rows and columns of the output's taps lie inside the image
    i_bank, bank: the bank of the transfer offered, and of the output that `emits` tells of: that
        of the image that comes in when its first output is emitted
    """

    def __init__(self, spec: WindowSpec, bank_bits: int):
        self.spec = spec
        self.bank_bits = bank_bits
        height, width = spec.layer.kernel
        super().__init__({
            "available": In(1), "coming": In(1), "enable": In(1), "begins": Out(1),
            "steps": Out(1), "takes": Out(1), "open": Out(1), "emits": Out(1),
            "last": Out(1), "inside_y": Out(height), "inside_x": Out(width),
            **({"i_bank": In(bank_bits), "bank": Out(bank_bits)} if bank_bits else {})})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        first_chunk, ends = self._chunks(m)
        start, first = Signal(name="start"), Signal(name="first")
        active, flushing, flush = (Signal(name=name) for name in ("active", "flushing", "flush"))
        moves = Signal(name="moves")
        at_start, pixel, at_first = self._position(m, moves & ~flush)
        m.d.comb += [
            start.eq(at_start & first_chunk),
            flush.eq(flushing | (start & active & ~self.available & ~self.coming)),
            self.begins.eq(start & ~flushing & self.available),
            self.open.eq(pixel & ~flushing),
            self.takes.eq(self.open & self.available),
            self.steps.eq(self.takes | ~pixel | flush),
            first.eq(at_first & ~flush),
            moves.eq(self.enable & self.steps & ends),
        ]
        with m.If(self.enable & self.steps):
            m.d.sync += flushing.eq(flush & ~ends)
        self._outputs(m, moves, first, active)
        if self.bank_bits:
            self._follow_bank(m, first)
        return m

    def _position(self, m: Module, moves: Value) -> tuple[Signal, Signal, Signal]:
        """Whether the position on the line is its first, has a pixel, and completes the first
        output; each from a flip-flop that is set one position before."""
        layer = self.spec.layer
        x, y = Signal(range(layer.pitch), name="x"), Signal(
            range((layer.period - 1) // layer.pitch + 1), name="y")
        at_start, pixel = Signal(name="at_start", init=1), Signal(name="pixel", init=1)
        at_first = Signal(name="at_first", init=int(layer.first_position == 0))

        def at(position: int) -> Value:
            position %= layer.period
            return (y == position // layer.pitch) & (x == position % layer.pitch)

        wraps = x == layer.pitch - 1
        with m.If(moves):
            m.d.sync += [x.eq(x + 1), at_start.eq(at(-1)),
                         at_first.eq(at(layer.first_position - 1)),
                         pixel.eq((y < layer.height) & (x < layer.width - 1))]
            with m.If(wraps):
                m.d.sync += [x.eq(0), y.eq(y + 1), pixel.eq(y < layer.height - 1)]
            with m.If(at(-1)):
                m.d.sync += [x.eq(0), y.eq(0), pixel.eq(1)]
        return at_start, pixel, at_first

    def _follow_bank(self, m: Module, first: Value) -> None:
        coming_in = Signal(self.bank_bits, name="bank_in")
        going_out = Signal(self.bank_bits, name="bank_out")
        newest = Mux(self.begins, self.i_bank, coming_in)
        m.d.comb += self.bank.eq(Mux(first, newest, going_out))
        with m.If(self.enable & self.steps):
            m.d.sync += [coming_in.eq(newest), going_out.eq(self.bank)]

    def _chunks(self, m: Module) -> tuple[Value, Value]:
        """Whether a step is the first and the last of its position."""
        spec = self.spec
        chunk = Signal(range(spec.chunks), name="chunk")
        group = Signal(range(spec.layer.sets), name="group")
        step = self.enable & self.steps
        m.d.comb += self.last.eq(chunk == spec.chunks - 1)
        count_up(m, chunk, spec.chunks, step)
        count_up(m, group, spec.layer.sets, step & self.last)
        return (chunk == 0) & (group == 0), self.last & (group == spec.layer.sets - 1)

    def _outputs(self, m: Module, moves: Value, first: Value, active: Signal) -> None:
        """Count positions from an output to the next, and follow its row and column."""
        layer = self.spec.layer
        rows, columns = layer.out_height, layer.out_width
        across, down = layer.gaps
        wait = Signal(range(max(across, down)), name="wait")
        row, column = Signal(range(rows), name="row"), Signal(range(columns), name="column")
        row_ends, image_ends = Signal(name="row_ends"), Signal(name="image_ends")
        m.d.comb += [
            self.emits.eq(first | (active & (wait == 0))),
            row_ends.eq(column == columns - 1),
            image_ends.eq(row_ends & (row == rows - 1)),
        ]
        with m.If(moves & self.emits):
            m.d.sync += [active.eq(~image_ends), wait.eq(Mux(row_ends, down - 1, across - 1))]
        with m.Elif(moves & active):
            m.d.sync += wait.eq(wait - 1)
        count_up(m, column, columns, moves & self.emits)
        count_up(m, row, rows, moves & self.emits & row_ends)
        for axis, flags, place_ in ((0, self.inside_y, row), (1, self.inside_x, column)):
            for tap in range(layer.kernel[axis]):
                low, high = layer.tap_range(axis, tap)
                known = [] if low == 0 else [place_ >= low]
                if high < layer.output_shape[axis] - 1:
                    known.append(place_ <= high)
                m.d.comb += flags[tap].eq(Cat(known).all() if known else 1)
