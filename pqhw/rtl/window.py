"""The window of a convolution: a stream of pixels in, every tap of every output out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec import WindowSpec
from ..spec.window import SHIFT_BITS
from .buffers import Outlet, beside
from .memory import memory_attributes
from .sequencer import Sequencer
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
        ``register``, ``lutram`` or ``bram``; without LUT RAM the second is one of the others.
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
        storage = self.storage
        if storage == "lutram" and platform.small_memory != "lutram":
            storage = "register" if self.width * self.words <= SHIFT_BITS else "bram"
        if storage == "register":
            m.d.comb += self.o.eq(delayed(m, writes, self.i, self.words, "word")[-1])
            return m
        address = Signal(range(self.words), name="address")
        count_up(m, address, self.words, self.enable & self.reads)
        written = delayed(m, self.enable, address, self.stages, "written")[-1]
        if storage == "bram" and platform.block_ram is not None:
            ram = place(m, platform, "ram", "block_ram", platform.block_ram, self.width,
                        self.words, self.stages > 1)
            m.d.comb += [ram.write_enable.eq(writes), ram.write_address.eq(written),
                         ram.write_data.eq(self.i), ram.read_enable.eq(self.enable),
                         ram.read_address.eq(address), self.o.eq(ram.read_data)]
            return m
        m.submodules.ram = memory = Memory(shape=unsigned(self.width), depth=self.words, init=[],
                                           attrs=memory_attributes(storage))
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
    bank_bits:
        Bits of the bank that images carry; 0 for none.

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
                 bank_bits: int = 0):
        self.spec = spec
        self.outside = outside
        self.bank_bits = bank_bits
        self.flagged = flagged and spec.masks
        self.tap_bits = spec.bits + self.flagged
        taps = data.ArrayLayout(self.tap_bits, spec.tap_lanes)
        super().__init__({
            "i": In(stream.Signature(data.ArrayLayout(spec.bits, spec.lanes))),
            "coming": In(1), "begins": Out(1),
            **({"bank": In(bank_bits), "o_bank": Out(bank_bits)} if bank_bits else {}),
            "o": Out(stream.Signature(data.StructLayout({"data": taps, "last": 1}))),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape())
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        enable = outlet.enable
        sequencer = Sequencer(spec, self.bank_bits)
        m.submodules.sequencer = sequencer
        m.d.comb += [sequencer.enable.eq(enable), sequencer.available.eq(self.i.valid),
                     sequencer.coming.eq(self.coming), self.begins.eq(enable & sequencer.begins),
                     self.i.ready.eq(enable & sequencer.open)]
        stages = spec.line_stages
        if self.bank_bits:
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
