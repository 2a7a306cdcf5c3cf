"""Which planes of a row are used when: the row is played once per tile and pair of blocks."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...spec import BitplaneSpec
from ..memory import memory_attributes
from ..sums import count_up
from ..target import Target

__all__ = ["PlaneReplay", "PlaneOrder", "by_precision", "step_layout"]


def by_precision(values: list[int], precision: Value) -> Value | int:
    """The value of a precision; beyond the last, that of the last."""
    if len(set(values)) == 1:
        return values[0]
    chosen: Value | int = values[-1]
    for index, value in reversed(list(enumerate(values[:-1]))):
        chosen = Mux(precision == index, value, chosen)
    return chosen


def step_layout(spec: BitplaneSpec) -> data.StructLayout:
    """What a cycle does.

    block: block of planes of the activations, 0 the upper one
    top_weight, top_activation: the blocks hold the highest planes, whose sign is negative
    shift: the sums so far weigh more than this cycle's, by `spec.diagonal_shift` places
    tail: the last group of inputs
    final, last: the tile is complete; it is the row's last
    word: where the weights lie
    """
    return data.StructLayout({
        "block": range(spec.activation_blocks), "top_weight": 1, "top_activation": 1, "shift": 1,
        "tail": 1, "final": 1, "last": 1, "word": range(spec.weight_words)})


class PlaneOrder(wiring.Component):
    """Counts through a row: groups within pairs of blocks of planes within tiles.

    Pairs whose blocks weigh equally lie on a diagonal. Along one, the block of weights moves on
    and that of activations back, so that the words of weights follow each other.

    Parameters
    ----------
    spec:
        Gives blocks, groups and tiles.

    Members
    -------
    precision: of the row
    step: a cycle is done
    o: what the cycle does, see `step_layout`
    passes_end: it is the last of a tile but for its groups, of the last tile: the row is not
        played again

    Latency and cost
    ----------------
    Combinational from registers. Counters of groups, tiles, blocks, and of addresses an adder for
    the next tile and one for the next diagonal: about 60 LUT4.
    """

    def __init__(self, spec: BitplaneSpec):
        self.spec = spec
        super().__init__({"precision": In(spec.precision_bits), "step": In(1),
                          "o": Out(step_layout(spec)), "passes_end": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        blocks = [spec.blocks_at(one) for one in range(spec.precision_count)]
        group, tile = (Signal(range(size), name=name) for name, size in
                       (("group", spec.groups), ("tile", spec.tiles)))
        here = [Signal(range(size), name=f"{name}_block") for name, size in
                (("weight", spec.weight_blocks), ("activation", spec.activation_blocks))]
        starts = [Signal.like(one, name=f"{one.name}_start") for one in here]
        ends = [one == by_precision([own[axis] - 1 for own in blocks], self.precision)
                for axis, one in enumerate(here)]
        tail, diagonal_ends, tile_ends = (
            Signal(name=name) for name in ("tail", "diagonal_ends", "tile_ends"))
        fresh = Signal(name="fresh")
        m.d.comb += [
            tail.eq(group == spec.groups - 1),
            diagonal_ends.eq(ends[0] | (here[1] == 0)), tile_ends.eq(ends[0] & ends[1]),
            self.o.block.eq(here[1]), self.o.top_weight.eq(here[0] == 0),
            self.o.top_activation.eq(here[1] == 0), self.o.shift.eq(fresh), self.o.tail.eq(tail),
            self.o.final.eq(tail & tile_ends), self.o.last.eq(tile == spec.tiles - 1),
            self.passes_end.eq(tile_ends & self.o.last),
        ]
        count_up(m, group, spec.groups, self.step)
        count_up(m, tile, spec.tiles, self.step & self.o.final)
        upwards = Signal(name="upwards")
        start_ends = starts[1] == by_precision([own[1] - 1 for own in blocks], self.precision)
        m.d.comb += upwards.eq(~start_ends)
        following = [Mux(upwards, starts[0], starts[0] + 1), Mux(upwards, starts[1] + 1, starts[1])]
        with m.If(self.step):
            m.d.sync += fresh.eq(tail & diagonal_ends)
            with m.If(tail & tile_ends):
                m.d.sync += [one.eq(0) for one in (*here, *starts)]
            with m.Elif(tail & diagonal_ends):
                m.d.sync += [one.eq(value) for one, value in zip(here, following)]
                m.d.sync += [one.eq(value) for one, value in zip(starts, following)]
            with m.Elif(tail):
                m.d.sync += [here[0].eq(here[0] + 1), here[1].eq(here[1] - 1)]
        self._address(m, tail, diagonal_ends, tile_ends, upwards)
        return m

    def _address(self, m: Module, tail: Value, diagonal_ends: Value, tile_ends: Value,
                 upwards: Value) -> None:
        """Follow the words of weights, which lie by set, tile, block and group."""
        spec = self.spec
        tile_words = spec.groups * spec.weight_blocks
        tiles = spec.sets * spec.tiles
        word, base, diagonal = (Signal(range(spec.weight_words), name=name)
                                for name in ("word", "tile_word", "diagonal_word"))
        m.d.comb += self.o.word.eq(word)
        if spec.weight_words == 1:
            return
        index = Signal(range(tiles), name="tile_of_all")
        next_tile = Signal.like(word, name="next_tile_word")
        m.d.comb += next_tile.eq(Mux(index == tiles - 1, 0, base + tile_words))
        next_diagonal = Mux(upwards, diagonal, diagonal + spec.groups)
        count_up(m, index, tiles, self.step & self.o.final)
        with m.If(self.step):
            m.d.sync += word.eq(word + 1)
            with m.If(tail & tile_ends):
                m.d.sync += [word.eq(next_tile), base.eq(next_tile), diagonal.eq(next_tile)]
            with m.Elif(tail & diagonal_ends):
                m.d.sync += [word.eq(next_diagonal), diagonal.eq(next_diagonal)]


class PlaneReplay(wiring.Component):
    """Takes rows and plays each as often as its precision asks for, with what each cycle does.

    Parameters
    ----------
    spec:
        Gives groups, tiles and precisions.

    Members
    -------
    i: transfers of a row, above them what `spec.bank_bits` tell of it, the precision lowest
    o: the same, and the cycle's `step_layout`

    Latency and cost
    ----------------
    A row of one group, or played once, passes as it comes. Otherwise it is stored, and comes out
    two cycles after its last transfer went in, while the next one is taken: 2 * 2**ceil(log2
    groups) words of small memory. See `PlaneOrder`.
    """

    def __init__(self, spec: BitplaneSpec):
        self.spec = spec
        self.row_bits = spec.row_lanes * spec.precision.activation_bits
        width = self.row_bits + spec.bank_bits
        super().__init__({
            "i": In(stream.Signature(width)),
            "o": Out(stream.Signature(data.StructLayout(
                {"row": width, "step": step_layout(spec)})))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.order = order = PlaneOrder(self.spec)
        if self.spec.stores_rows:
            self._store(m, platform, order)
            return m
        repeated = self.spec.groups == 1
        m.d.comb += [
            order.precision.eq(self._precision(self.i.payload)),
            order.step.eq(self.o.valid & self.o.ready),
            self.o.payload.row.eq(self.i.payload), self.o.payload.step.eq(order.o),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & (order.passes_end if repeated else 1)),
        ]
        return m

    def _precision(self, payload: Value) -> Value:
        return payload[self.row_bits:self.row_bits + self.spec.precision_bits]

    def _store(self, m: Module, platform: Target, order: PlaneOrder) -> None:
        groups = self.spec.groups
        bits = (groups - 1).bit_length()
        m.submodules.rows = rows = Memory(shape=unsigned(len(self.i.payload)), depth=2 << bits,
                                          init=[], attrs=memory_attributes(platform.small_memory))
        writer, reader = rows.write_port(), rows.read_port()
        some, both, valid = (Signal(name=name) for name in ("some_full", "both_full", "valid"))
        index: dict[str, Any] = {side: Signal(range(groups), name=f"{side}_index")
                                 for side in ("write", "read")}
        bank = {side: Signal(name=f"{side}_bank") for side in ("write", "read")}
        write_ends, read_ends = Signal(name="write_ends"), Signal(name="read_ends")
        held = Signal(self.o.payload.step.shape(), name="held_step", reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~both),
            writer.addr.eq(Cat(index["write"], bank["write"])), writer.data.eq(self.i.payload),
            writer.en.eq(self.i.valid & self.i.ready),
            write_ends.eq(writer.en & (index["write"] == groups - 1)),
            order.precision.eq(self._kept_precision(m, writer.en & (index["write"] == 0), bank)),
            order.step.eq((~valid | self.o.ready) & some),
            reader.addr.eq(Cat(index["read"], bank["read"])), reader.en.eq(order.step),
            read_ends.eq(order.step & order.o.tail & order.passes_end),
            self.o.valid.eq(valid), self.o.payload.row.eq(reader.data),
            self.o.payload.step.eq(held),
        ]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.If(order.step):
            m.d.sync += [valid.eq(1), held.eq(order.o)]
        count_up(m, index["read"], groups, order.step)
        count_up(m, index["write"], groups, writer.en)
        for side, ended in (("write", write_ends), ("read", read_ends)):
            with m.If(ended):
                m.d.sync += bank[side].eq(~bank[side])
        with m.If(write_ends & ~read_ends):
            m.d.sync += [both.eq(some), some.eq(1)]
        with m.Elif(read_ends & ~write_ends):
            m.d.sync += [some.eq(both), both.eq(0)]

    def _kept_precision(self, m: Module, begins: Value, bank: dict[str, Signal]) -> Value:
        """The precision of the row that is played."""
        kept = [Signal(self.spec.precision_bits, name=f"precision{side}") for side in (0, 1)]
        for side, own in enumerate(kept):
            with m.If(begins & (bank["write"] == side)):
                m.d.sync += own.eq(self._precision(self.i.payload))
        return Mux(bank["read"], kept[1], kept[0])
