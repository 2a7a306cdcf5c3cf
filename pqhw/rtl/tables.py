"""Tables built into logic, and what their values tell about the sums."""

import functools

import numpy as np
from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..spec import PQSpec
from ..spec.ranges import Range, covering
from .streams import shape_of
from .target import Target

__all__ = ["ConstantTables", "entry_ranges", "sum_range"]


def _words(spec: PQSpec) -> np.ndarray:
    """Entries [sets * tiles, groups, codes, lanes, outputs]."""
    assert spec.constants is not None
    return spec.constants.words["tables"].reshape(
        spec.sets * spec.tiles, spec.groups, 1 << spec.code_bits, spec.subspace_lanes, spec.outputs)


@functools.lru_cache(maxsize=64)
def entry_ranges(spec: PQSpec) -> list[list[Range]]:
    """Range of every term, output by output, lane by lane: of the entries that it can be."""
    if not spec.folds_bias:
        return [[spec.term_range] * spec.subspace_lanes for _ in range(spec.outputs)]
    words = _words(spec)
    low, high = words.min(axis=(0, 1, 2)), words.max(axis=(0, 1, 2))
    if spec.masks_lookups:
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    return [[Range(int(low[lane, n]), int(high[lane, n])) for lane in range(spec.subspace_lanes)]
            for n in range(spec.outputs)]


def sum_range(spec: PQSpec) -> Range:
    """Every value a sum of terms can take: exact for constant tables, else the spec's bound."""
    if not spec.folds_bias:
        return spec.sum_range
    words = _words(spec)
    low, high = words.min(axis=2), words.max(axis=2)
    if spec.masks_lookups:
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    low, high = low.sum(axis=(1, 2)), high.sum(axis=(1, 2))
    exact = Range(int(low.min()), int(high.max()))
    return spec.sum_range if spec.wraps and exact.bits > spec.sum_range.bits else exact


class ConstantTables(wiring.Component):
    """One lane's table per subspace, as logic: a ROM whose output is registered.

    Parameters
    ----------
    spec:
        A spec with constant tables.

    Members
    -------
    address: per lane, tile and group above the code
    enable: advances the output registers
    clear: per lane, its terms are 0 instead; only where the spec masks lookups
    terms: output by output, lane by lane, an enabled cycle after the address

    Latency and cost
    ----------------
    One cycle. Per entry bit, up to 16 words: one LUT4 and flip-flop; every further address bit
    about doubles the LUT4. An entry has the bits that its values over all words need.
    """

    def __init__(self, spec: PQSpec):
        self.spec = spec
        self.ranges = entry_ranges(spec)
        self.address_bits = (spec.table_words - 1).bit_length()
        shape = shape_of(covering([one for lanes in self.ranges for one in lanes]))
        super().__init__({
            "address": In(spec.subspace_lanes * self.address_bits), "enable": In(1),
            **({"clear": In(spec.subspace_lanes)} if spec.masks_lookups else {}),
            "terms": Out(data.ArrayLayout(data.ArrayLayout(shape, spec.subspace_lanes),
                                          spec.outputs))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        words = _words(spec).reshape(-1, spec.subspace_lanes, spec.outputs)
        for lane in range(spec.subspace_lanes):
            shapes = [shape_of(self.ranges[n][lane]) for n in range(spec.outputs)]
            places = np.cumsum([0] + [shape.width for shape in shapes]).tolist()
            values = [_packed(word, shapes) for word in words[:, lane].tolist()]
            own = self.address[lane * self.address_bits:][:self.address_bits]
            word = self._registered(m, platform.constant_word(
                m, tuple(values), places[-1], own, f"table{lane}"), lane)
            for n, (low, shape) in enumerate(zip(places, shapes)):
                entry = Signal(shape, name=f"entry{lane}_{n}")
                m.d.comb += [entry.eq(word[low:low + shape.width]),
                             self.terms[n][lane].eq(entry)]
        return m

    def _registered(self, m: Module, word: Value, lane: int) -> Value:
        """A lane's word behind its register, which may be cleared."""
        register = Signal(word.shape(), name=f"word{lane}", reset_less=True)
        with m.If(self.enable):
            m.d.sync += register.eq(word)
            if self.spec.masks_lookups:
                with m.If(self.clear[lane]):
                    m.d.sync += register.eq(0)
        return register


def _packed(values: list[int], shapes: list[Shape]) -> int:
    """Values side by side, the first lowest."""
    word = 0
    for value, shape in zip(reversed(values), reversed(shapes)):
        word = word << shape.width | value & (1 << shape.width) - 1
    return word
