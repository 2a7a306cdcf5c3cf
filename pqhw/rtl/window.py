"""The window of a convolution: a stream of pixels in, every tap of every output out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec import WindowSpec
from .buffers import Outlet, beside
from .memory import memory_attributes
from .sums import count_up, delayed
from .target import Target, place

__all__ = ["Delay", "WindowBuffer"]


class Delay(wiring.Component):
    """A circular memory in a pipeline: gives back what was put in `words` steps ago.

    Parameters
    ----------
    width, words:
        Bits, and steps of the delay.
    storage:
        ``register``, ``lutram`` or ``bram``.
    stages:
        Enabled cycles from a step's `reads` to its `writes`, in which its word is read.

    Members
    -------
    enable: the pipeline advances
    reads, writes: a step is at the first and at the last of the stages
    i, o: with `writes`, the word put in, and the one of `words` steps ago

    Latency and cost
    ----------------
    words * width bits; ceil(log2 words) bits of address, each with a LUT4, and their delay. No
    word is read in the cycle in which it is written, as words > stages.
    """

    def __init__(self, width: int, words: int, storage: str, stages: int):
        assert storage == "register" or words > stages
        self.width, self.words, self.storage, self.stages = width, words, storage, stages
        super().__init__({"enable": In(1), "reads": In(1), "writes": In(1), "i": In(width),
                          "o": Out(width)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        writes = self.enable & self.writes
        if self.storage == "register":
            m.d.comb += self.o.eq(delayed(m, writes, self.i, self.words, "word")[-1])
            return m
        address = Signal(range(self.words), name="address")
        count_up(m, address, self.words, self.enable & self.reads)
        written = delayed(m, self.enable, address, self.stages, "written")[-1]
        if self.storage == "bram" and platform.block_ram is not None:
            ram = place(m, platform, "ram", "block_ram", platform.block_ram, self.width,
                        self.words, self.stages > 1)
            m.d.comb += [ram.write_enable.eq(writes), ram.write_address.eq(written),
                         ram.write_data.eq(self.i), ram.read_enable.eq(self.enable),
                         ram.read_address.eq(address), self.o.eq(ram.read_data)]
            return m
        m.submodules.ram = memory = Memory(shape=unsigned(self.width), depth=self.words, init=[],
                                           attrs=memory_attributes(self.storage))
        writer, reader = memory.write_port(), memory.read_port()
        m.d.comb += [
            writer.en.eq(writes), writer.addr.eq(written), writer.data.eq(self.i),
            reader.en.eq(self.enable), reader.addr.eq(address),
            self.o.eq(delayed(m, self.enable, reader.data, self.stages - 1, "read")[-1])]
        return m


class WindowBuffer(wiring.Component):
    """Gives the Fh * Fw taps of every output pixel, some channels at a time.

    Pixels arrive one behind the other, each in `spec.transfers` transfers: group by group of
    channels, `spec.lanes` of them side by side. Each transfer is one step. The last tap of an
    output lies on one position of the line of pixels; there its taps leave, transfer by transfer,
    in the order channel, row, column. The image needs no border: taps outside are masked, and the
    first pixels of the next image push the last outputs out. Where no next image is on its way,
    positions without a pixel do; so they do where `spec.layer` needs more positions than pixels.

    Parameters
    ----------
    spec:
        Shapes, lanes and memories.
    outside:
        What stands for an element of a tap outside the image.
    flagged:
        Whether each tap carries a bit above its element that tells that it lies inside.
    banked:
        Whether images carry the bank that they use.

    Members
    -------
    i: transfers of pixels
    o: transfers of taps; `last` on the last of a group of channels
    coming: an image that has not begun here is on its way
    begins: the first transfer of an image is taken
    bank, o_bank: the bank of the image at `i`, and of that at `o`

    Latency and cost
    ----------------
    An output leaves `spec.line_stages` cycles after its last tap came. A step per cycle;
    `spec.layer.period * spec.transfers` steps per image. `spec.memory_bits` bits of memory: block
    RAMs, or LUT RAM of 6 LUT4 per 4 bits and 16 words; a LUT4 and a flip-flop per bit of a
    transfer of taps, masks included; about 90 LUT4 of control, 100 flip-flops with the pipeline.
    """

    def __init__(self, spec: WindowSpec, *, outside: int = 0, flagged: bool = False,
                 banked: bool = False):
        self.spec = spec
        self.outside = outside
        self.banked = banked
        self.flagged = flagged and spec.masks
        self.tap_bits = spec.bits + self.flagged
        taps = data.ArrayLayout(self.tap_bits, spec.tap_lanes)
        super().__init__({
            "i": In(stream.Signature(data.ArrayLayout(spec.bits, spec.lanes))),
            "coming": In(1), "begins": Out(1),
            **({"bank": In(1), "o_bank": Out(1)} if banked else {}),
            "o": Out(stream.Signature(data.StructLayout({"data": taps, "last": 1}))),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape())
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        enable = outlet.enable
        sequencer = _Sequencer(spec, self.banked)
        m.submodules.sequencer = sequencer
        m.d.comb += [sequencer.enable.eq(enable), sequencer.available.eq(self.i.valid),
                     sequencer.coming.eq(self.coming), self.begins.eq(enable & sequencer.begins),
                     self.i.ready.eq(enable & sequencer.takes)]
        stages = spec.line_stages
        if self.banked:
            m.d.comb += [sequencer.i_bank.eq(self.bank),
                         self.o_bank.eq(beside(m, outlet, sequencer.bank, stages, "bank"))]
        steps = delayed(m, enable, sequencer.steps, stages, "steps", control=True)
        emits = delayed(m, enable, sequencer.emits, stages, "emits")[-1]
        newest = delayed(m, enable, Value.cast(self.i.payload), stages, "newest")[-1]
        rows = self._history(m, "lines", newest, spec.layer.kernel[0], spec.line_words,
                             spec.line_store, stages, enable, steps)
        columns = self._history(m, "columns", Cat(rows), spec.layer.kernel[1], spec.column_words,
                                spec.column_store, 1, enable, steps)
        inside = [delayed(m, enable, flags, stages, name)[-1] if len(flags) else flags
                  for flags, name in ((sequencer.inside_y, "inside_y"),
                                      (sequencer.inside_x, "inside_x"))]
        m.d.comb += [
            outlet.valid.eq(steps[-1] & emits),
            outlet.i.data.eq(Cat(self._taps(columns, *inside))),
            outlet.i.last.eq(delayed(m, enable, sequencer.last, stages, "last")[-1]),
        ]
        return m

    @staticmethod
    def _history(m: Module, name: str, newest: Value, size: int, words: int, store: str,
                 stages: int, enable: Value, steps: list[Value]) -> list[Value]:
        """`newest` and what it was `words` steps before, up to `size` of them, the oldest first;
        at the last of the pipeline's stages."""
        if size == 1:
            return [newest]
        width = len(newest)
        m.submodules[name] = delay = Delay((size - 1) * width, words, store, stages)
        m.d.comb += [delay.enable.eq(enable), delay.reads.eq(steps[-1 - stages]),
                     delay.writes.eq(steps[-1]), delay.i.eq(Cat(newest, delay.o))]
        return [*(delay.o.word_select(age, width) for age in reversed(range(size - 1))), newest]

    def _taps(self, columns: list[Value], inside_y: Value, inside_x: Value) -> list[Value]:
        """The elements in the order channel, row, column, masked outside the image."""
        spec = self.spec
        height, width = spec.layer.kernel
        taps: list[Value] = []
        for lane in range(spec.lanes):
            for y in range(height):
                for x in range(width):
                    tap = columns[x].word_select(y * spec.lanes + lane, spec.bits)
                    inside = inside_y[y] & inside_x[x]
                    if self.flagged:
                        taps.append(Cat(tap, inside))
                    elif self._leaves(0, y) or self._leaves(1, x):
                        taps.append(Mux(inside, tap, Const(self.outside, spec.bits)))
                    else:
                        taps.append(tap)
        return taps

    def _leaves(self, axis: int, tap: int) -> bool:
        """Whether a row or column of taps ever lies outside the image."""
        layer = self.spec.layer
        return layer.tap_range(axis, tap) != (0, layer.output_shape[axis] - 1)


class _Sequencer(wiring.Component):
    """Follows the line of positions, and the outputs whose last taps lie on it.

    Members
    -------
    available, coming: a transfer of a pixel is offered; one of the next image will be
    begins: a step takes the first transfer of an image
    enable: a step may be made
    steps, takes: a step is made; it takes a transfer
    emits: its position completes an output
    last: it is the last of a group of channels
    inside_y, inside_x: which rows and columns of the output's taps lie inside the image
    i_bank, bank: the bank of the transfer offered, and of the output that `emits` tells of: that
        of the image that comes in when its first output is emitted
    """

    def __init__(self, spec: WindowSpec, banked: bool):
        self.spec = spec
        self.banked = banked
        height, width = spec.layer.kernel
        super().__init__({
            "available": In(1), "coming": In(1), "enable": In(1), "begins": Out(1),
            "steps": Out(1), "takes": Out(1), "emits": Out(1),
            "last": Out(1), "inside_y": Out(height), "inside_x": Out(width),
            **({"i_bank": In(1), "bank": Out(1)} if banked else {})})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        layer = self.spec.layer
        first_chunk, ends = self._chunks(m)
        x, y = Signal(range(layer.pitch), name="x"), Signal(
            range((layer.period - 1) // layer.pitch + 1), name="y")
        pixel, start, first = Signal(name="pixel"), Signal(name="start"), Signal(name="first")
        active, flushing, flush = (Signal(name=name) for name in ("active", "flushing", "flush"))

        def at(position: int) -> Value:
            return (y == position // layer.pitch) & (x == position % layer.pitch)

        m.d.comb += [
            pixel.eq((x < layer.width if layer.pitch > layer.width else 1)
                     & (y < layer.height if len(y) and (layer.period - 1) // layer.pitch
                        >= layer.height else 1)),
            start.eq(at(0) & first_chunk),
            flush.eq(flushing | (start & active & ~self.available & ~self.coming)),
            self.begins.eq(start & ~flushing & self.available),
            self.takes.eq(pixel & ~flushing & self.available),
            self.steps.eq(self.takes | ~pixel | flush),
            first.eq(at(layer.first_position) & ~flush),
        ]
        moves = Signal(name="moves")
        m.d.comb += moves.eq(self.enable & self.steps & ends)
        with m.If(self.enable & self.steps):
            m.d.sync += flushing.eq(flush & ~ends)
        with m.If(moves & ~flush):
            m.d.sync += x.eq(x + 1)
            with m.If(x == layer.pitch - 1):
                m.d.sync += [x.eq(0), y.eq(y + 1)]
            with m.If(at(layer.period - 1)):
                m.d.sync += [x.eq(0), y.eq(0)]
        self._outputs(m, moves, first, active)
        if self.banked:
            self._follow_bank(m, first)
        return m

    def _follow_bank(self, m: Module, first: Value) -> None:
        coming_in, going_out = Signal(name="bank_in"), Signal(name="bank_out")
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
