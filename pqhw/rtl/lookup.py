"""The lookup: codes address tables, whose entries are summed output by output."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec import PQSpec
from .memory import ParameterMemory, SectionPort
from .streams import lanes_layout
from .sums import ColumnSums, count_up
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
    i: codes of a group, one per subspace lane
    enable: advances everything
    sums, done, last: see `ColumnSums`
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
            "i": In(stream.Signature(data.ArrayLayout(spec.code_bits, spec.subspace_lanes))),
            "enable": In(1),
            "sums": Out(lanes_layout(spec.sum_range, spec.outputs)), "done": Out(1), "last": Out(1),
            **({} if spec.folds_bias else {"load_tables": In(SectionPort(self.section))}),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.columns = sums = ColumnSums(spec, spec.table_stages, entry_ranges(spec),
                                                 sum_range(spec))
        if spec.folds_bias:
            m.submodules.tables = tables = ConstantTables(spec)
            m.d.comb += sums.terms.eq(tables.terms)
        else:
            m.submodules.tables = tables = self._memory(m, sums)
        place = self._place(m)
        m.d.comb += [
            self.i.ready.eq(self.enable), sums.valid.eq(self.i.valid),
            sums.enable.eq(self.enable), tables.enable.eq(self.enable),
            tables.address.eq(Cat(Cat(code, place) for code in self.i.payload)),
            self.sums.eq(sums.sums), self.done.eq(sums.done), self.last.eq(sums.last),
        ]
        return m

    def _memory(self, m: Module, sums: ColumnSums) -> ParameterMemory:
        """Tables that are loaded, their entries connected to the sums."""
        spec = self.spec
        tables = ParameterMemory(self.section, spec.table_store, shared_address=False,
                                 registered=spec.engine.bram_register)
        wiring.connect(m, wiring.flipped(self.load_tables), tables.write)
        for lane in range(spec.subspace_lanes):
            for n in range(spec.outputs):
                entry = tables.data.word_select(lane * spec.outputs + n, spec.precision.table_bits)
                m.d.comb += sums.terms[n][lane].eq(entry.as_signed())
        return tables

    def _place(self, m: Module) -> Signal:
        """Which tile and group of the tables is looked up: tile * groups + group."""
        places = self.spec.tiles * self.spec.groups
        place = Signal(range(places), name="place")
        count_up(m, place, places, self.i.valid & self.i.ready)
        return place
