"""The lookup: codes address tables, whose entries are summed output by output."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec import PQSpec
from .memory import ParameterMemory, SectionPort
from .streams import lanes_layout
from .sums import ColumnSums, bank_ports, connect_bank, count_up, delayed
from .tables import ConstantTables, entry_ranges, sum_range
from .target import Target

__all__ = ["TableLookup"]


class TableLookup(wiring.Component):
    """Reads, for every subspace lane, the table entries of `outputs` outputs and sums them.

    Codes arrive group by group, a row of groups once for every tile of outputs; a tile counter in
    front of the code completes the address, so tiles lie in the depth of the memories.

    Parameters
    ----------
    spec:
        Gives lanes, groups, tiles, ranges and storage.

    Members
    -------
    i: codes of a group, one per subspace lane; where `spec.masks_lookups`, each with a bit above
        it without which its entry counts as 0
    enable: advances everything
    moves: the same, for the handshake at `i`
    sums, done, last, bank, bank_ahead: see `ColumnSums`
    i_bank: the copy of the tables that `i` uses (with two copies)
    load_tables: write port of the tables

    Latency and cost
    ----------------
    `spec.table_stages + spec.sum_stages` cycles, one group per cycle. Tables: lanes * outputs *
    table_bits bits of `spec.table_words` words (lutram on ECP5: 6 LUT4 per 4 bits and 16 words).
    Sums: outputs * (lanes - 1) adders, outputs accumulators where groups > 1.
    """

    def __init__(self, spec: PQSpec):
        self.spec = spec
        self.section = spec.section("tables")
        super().__init__({
            "i": In(stream.Signature(data.ArrayLayout(spec.lookup_bits, spec.subspace_lanes))),
            "enable": In(1), "moves": In(1),
            "sums": Out(lanes_layout(spec.sum_range, spec.outputs)), "done": Out(1), "last": Out(1),
            **bank_ports(spec),
            **({} if "tables" in spec.constant_kinds
               else {"load_tables": In(SectionPort(self.section))}),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.columns = sums = ColumnSums(spec, spec.table_stages, entry_ranges(spec),
                                                 sum_range(spec))
        tables = ConstantTables(spec) if spec.folds_bias else self._memory(m)
        m.submodules.tables = tables
        place: Value = self._place(m)
        if spec.engine.double_buffered:
            m.d.comb += connect_bank(self, sums)
            if not spec.folds_bias:
                place = Cat(place, self.i_bank)
        m.d.comb += [
            self.i.ready.eq(self.moves), sums.valid.eq(self.i.valid),
            sums.enable.eq(self.enable), tables.enable.eq(self.enable),
            tables.address.eq(Cat(Cat(code[:spec.code_bits], place)
                                      for code in self.i.payload)),
            self.sums.eq(sums.sums), self.done.eq(sums.done), self.last.eq(sums.last),
        ]
        inside = None
        if spec.masks_lookups:
            flags = Cat(code[spec.code_bits:] for code in self.i.payload)
            if self.clears:
                m.d.comb += tables.clear.eq(~flags)
            else:
                inside = delayed(m, self.enable, flags, spec.table_stages, "inside")[-1]
        for n in range(spec.outputs):
            for lane in range(spec.subspace_lanes):
                term = self._term(tables, n, lane)
                if inside is not None:
                    term = Mux(inside[lane], term, 0)
                m.d.comb += sums.terms[n][lane].eq(term)
        return m

    @property
    def clears(self) -> bool:
        """Whether masked lookups clear the registers behind the tables, which costs nothing.

        Block RAM has none of its own; its entries are masked in front of the sums.
        """
        return self.spec.masks_lookups and self.spec.table_store != "bram"

    def _memory(self, m: Module) -> ParameterMemory:
        """Tables in memories, loaded or there from the start."""
        spec = self.spec
        tables = ParameterMemory(self.section, spec.table_store, shared_address=False,
                                 registered=spec.engine.bram_register, clears=self.clears,
                                 constants=spec.constant_words("tables"))
        if tables.constants is None:
            wiring.connect(m, wiring.flipped(self.load_tables), tables.write)
        return tables

    def _term(self, tables: ConstantTables | ParameterMemory, n: int, lane: int) -> Value:
        """An entry of what was looked up."""
        if isinstance(tables, ConstantTables):
            return tables.terms[n][lane]
        index = lane * self.spec.outputs + n
        return tables.data.word_select(index, self.spec.precision.table_bits).as_signed()

    def _place(self, m: Module) -> Signal:
        """Which set, tile and group is looked up: (set * tiles + tile) * groups + group."""
        places = self.spec.sets * self.spec.tiles * self.spec.groups
        place = Signal(range(places), name="place")
        count_up(m, place, places, self.i.valid & self.i.ready)
        return place
