"""Column sums: a pipelined adder tree per output, then an accumulator over groups."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, ResetSignal, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec import EngineSpec, MACSpec
from ..spec.ranges import Range, ceil_log2, covering, signed_range, unsigned_range
from .segments import CarryChains
from .signed_sums import SignedColumn, SignedNode, added
from .streams import lanes_layout, shape_of
from .target import Target, place

__all__ = ["adder_tree", "bank_ports", "connect_bank", "delayed", "count_up", "ColumnSums"]


def adder_tree(m: Module, platform: Target, enable: Value, terms: list[Value], name: str,
               ranges: list[Range] | None = None, limit: Range | None = None) -> Value:
    """The sum of `terms`, one register per level, ceil(log2(len(terms))) levels.

    A node is as wide as the sum of its terms' `ranges` needs; by default a term may take any value
    of its shape. A sum wider than `limit` wraps to it. An odd term is passed on.
    """
    if ranges is None:
        ranges = [_range_of(term.shape()) for term in terms]
    nodes = list(zip(terms, ranges))
    level = 0
    while len(nodes) > 1:
        level += 1
        following = []
        for index in range(0, len(nodes) - 1, 2):
            node = f"{name}_{level}_{index // 2}"
            (a, a_range), (b, b_range) = nodes[index:index + 2]
            range_ = a_range + b_range
            if limit is not None and range_.bits > limit.bits:
                range_ = limit
            total = platform.add(m, a, b, shape_of(range_), f"{node}_sum")
            following.append((_held(m, enable, total, range_, node), range_))
        if len(nodes) % 2:
            passed, range_ = nodes[-1]
            following.append((_held(m, enable, passed, range_, f"{name}_{level}_pass"), range_))
        nodes = following
    return nodes[0][0]


def _held(m: Module, enable: Value, value: Value, range_: Range, name: str) -> Signal:
    """A register that follows `value`."""
    register = Signal(shape_of(range_), name=name, reset_less=True)
    with m.If(enable):
        m.d.sync += register.eq(value)
    return register


def _range_of(shape: Shape) -> Range:
    """All values of a shape."""
    return (signed_range if shape.signed else unsigned_range)(shape.width)


def delayed(m: Module, enable: Value, value: Value, stages: int, name: str, *,
            control: bool = False) -> list[Value]:
    """`value` after 0 to `stages` enabled cycles; `control` registers start at 0 on reset."""
    taps = [value]
    for stage in range(1, stages + 1):
        register = Signal(value.shape(), name=f"{name}_{stage}", reset_less=not control)
        with m.If(enable):
            m.d.sync += register.eq(taps[-1])
        taps.append(register)
    return taps


def count_up(m: Module, counter: Signal, size: int, step: Value) -> None:
    """Count 0, 1, … size - 1, 0, … with `step`."""
    if size == 1:
        return
    with m.If(step):
        m.d.sync += counter.eq(counter + 1)
        if size & (size - 1):
            with m.If(counter == size - 1):
                m.d.sync += counter.eq(0)


def bank_ports(spec: EngineSpec) -> dict[str, Any]:
    """Ports beside a row's terms and sums that tell which of the parameters they use."""
    bits = spec.bank_bits
    return {"i_bank": In(bits), "bank": Out(bits), "bank_ahead": Out(bits)} if bits else {}


def connect_bank(outer: Any, inner: Any) -> list[Any]:
    """Statements that pass `bank_ports` through to a part."""
    return [inner.i_bank.eq(outer.i_bank), outer.bank.eq(inner.bank),
            outer.bank_ahead.eq(inner.bank_ahead)]


class ColumnSums(wiring.Component):
    """Sums the terms of every output over the cycles of a row's groups.

    Parameters
    ----------
    spec:
        Gives outputs, terms per cycle, groups, tiles and ranges.
    lead:
        Cycles by which `valid` runs ahead of the terms it belongs to.
    ranges, total:
        Range of every term, output by output, and of a row's sum, where they are known better
        than by the spec.

    Members
    -------
    terms: output by output, the terms of this cycle
    signs: which of them are to be negated (where the spec has `signed_terms`)
    valid: a group comes in
    enable: advances everything
    sums: a tile's sums over all groups
    done, last: there are sums; they are the row's last tile
    i_bank, bank, bank_ahead: the copy of the parameters that comes with `valid`, with `sums`, and
        with what will be `sums` an enabled cycle later (with two copies)

    Latency and cost
    ----------------
    ceil(log2 terms) + (groups > 1) cycles, with signs + 1. Per output: terms - 1 adders of the
    term's width plus their level, and an accumulator as wide as the sum's bound. Starting a row
    costs no multiplexer: the adder's chain does not let the accumulator pass; or, without a chain
    or with signs, the accumulator is cleared by its flip-flops' reset while its last sum moves on.
    """

    def __init__(self, spec: EngineSpec, lead: int, ranges: list[list[Range]] | None = None,
                 total: Range | None = None):
        self.spec = spec
        self.lead = lead
        self.ranges = ranges or [[spec.term_range] * spec.terms_per_cycle] * spec.columns
        self.total = spec.sum_range if total is None else total
        widest = covering(one for terms in self.ranges for one in terms)
        term = data.ArrayLayout(shape_of(widest), spec.terms_per_cycle)
        super().__init__({
            "terms": In(data.ArrayLayout(term, spec.columns)),
            **({"signs": In(spec.columns * spec.terms_per_cycle)} if spec.signed_terms else {}),
            "valid": In(1), "enable": In(1),
            "sums": Out(lanes_layout(spec.sum_range, spec.columns)), "done": Out(1), "last": Out(1),
            **bank_ports(spec),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        depth = ceil_log2(spec.terms_per_cycle)
        if spec.engine.double_buffered:
            *_, ahead, bank = delayed(m, self.enable, self.i_bank,
                                      self.lead + spec.sum_stages, "bank")
            m.d.comb += [self.bank.eq(bank), self.bank_ahead.eq(ahead)]
        valid = delayed(m, self.enable, self.valid, self.lead + depth, "valid", control=True)[-1]
        totals = [self._column(m, platform, n) for n in range(spec.columns)]
        chains = CarryChains(m, platform, "accumulators")
        final, last = self._counts(m, self.enable & valid)
        if spec.groups == 1 and not spec.signed_terms:
            m.d.comb += [self.sums[n].eq(total.value) for n, total in enumerate(totals)]
            m.d.comb += [self.done.eq(valid), self.last.eq(last)]
            return m
        with m.If(self.enable):
            m.d.sync += [self.done.eq(valid & final), self.last.eq(last)]
        more = Signal(name="more")
        if self._gates(platform):
            with m.If(self.enable & valid):
                m.d.sync += more.eq(~final)
        for n, total in enumerate(totals):
            result = self._accumulate(m, platform, chains, n, total, valid, final, more)
            m.d.comb += self.sums[n].eq(result)
        chains.place()
        return m

    def _column(self, m: Module, platform: Target, n: int) -> SignedNode:
        """The sum of an output's terms of this cycle."""
        terms = self._narrowed(n)
        if self.spec.signed_terms:
            assert isinstance(self.spec, MACSpec)
            signs = self.signs.word_select(n, len(terms))
            own = self.spec.term_of(n)
            if len(terms) == 1:
                return SignedNode(terms[0], own, signs[0])
            column = place(m, platform, f"column{n}", "signed_column", SignedColumn,
                           tuple(self.ranges[n]), own)
            m.d.comb += [column.terms.eq(Cat(terms)), column.signs.eq(signs),
                         column.enable.eq(self.enable)]
            return SignedNode(column.total, own.times(len(terms)), None, [column.one])
        return SignedNode(self._summed(m, platform, n, terms), self.total)

    def _summed(self, m: Module, platform: Target, n: int, terms: list[Value]) -> Value:
        """The sum of terms that come with their signs."""
        if platform.column_tree is None or len(terms) == 1 or self.spec.wraps:
            limit = self.spec.sum_range if self.spec.wraps else None
            return adder_tree(m, platform, self.enable, terms, f"sum{n}", self.ranges[n], limit)
        terms = [term if term.shape().signed else Cat(term, Const(0, 1)) for term in terms]
        tree = place(m, platform, f"column{n}", "column", platform.column_tree, *map(len, terms))
        m.d.comb += [tree.terms.eq(Cat(terms)), tree.enable.eq(self.enable)]
        return tree.total

    def _narrowed(self, n: int) -> list[Value]:
        """The terms of an output, each in the bits that its range needs."""
        shapes = [shape_of(range_) for range_ in self.ranges[n]]
        return [part.as_signed() if shape.signed else part for part, shape in zip(
            (term[:shape.width] for term, shape in zip(self.terms[n], shapes)), shapes)]

    def _counts(self, m: Module, step: Value) -> tuple[Value, Value]:
        """Follow groups and tiles; returns whether this is the last group, and the last tile."""
        spec = self.spec
        group = Signal(range(spec.groups), name="group")
        tile = Signal(range(spec.tiles), name="tile")
        final, last = Signal(name="last_group"), Signal(name="last_tile")
        m.d.comb += [final.eq(group == spec.groups - 1), last.eq(tile == spec.tiles - 1)]
        count_up(m, group, spec.groups, step)
        count_up(m, tile, spec.tiles, step & final)
        return final, last

    def _gates(self, platform: Target) -> bool:
        """Whether accumulators begin, and stand still, by what their adders let pass.

        That is free in a chain, and flip-flops alone drive it; resets and enables of so many bits
        would follow each other behind `enable`, and set the clock.
        """
        return platform.chains is not None and not self.spec.signed_terms

    def _accumulate(self, m: Module, platform: Target, chains: CarryChains, n: int,
                    total: SignedNode, valid: Value, final: Value, more: Value) -> Value:
        shape = shape_of(self.total)
        accumulator = Signal(shape, name=f"accumulator{n}", reset_less=True)
        following = Signal(shape, name=f"following{n}")
        result = Signal(shape, name=f"result{n}", reset_less=True)
        step = self.enable & valid
        before = accumulator if self.spec.groups > 1 else Const(0, shape)
        if self._gates(platform):
            m.d.comb += following.eq(platform.add_both_gated(
                m, total.value, valid, before, more, shape, f"total{n}"))
            with m.If(self.enable):
                m.d.sync += [result.eq(following), accumulator.eq(following)]
            return result
        if self.spec.signed_terms:
            m.d.comb += following.eq(added(chains, SignedNode(before, self.total), total,
                                           f"total{n}", self.total))
        else:
            m.d.comb += following.eq(platform.add(m, before, total.value, shape, f"total{n}"))
        with m.If(self.enable):
            m.d.sync += result.eq(following)
        with m.If(ResetSignal() | (step & final)):
            m.d.sync += accumulator.eq(0)
        with m.Elif(step):
            m.d.sync += accumulator.eq(following)
        return result
