"""All foldings of a layer at once: the estimator's figures as arrays.

A figure of an engine follows from few of its knobs: its tables from the subspaces and outputs
side by side, its encoder's lanes from the prototypes and elements. Each is computed once, by the
same formulas as `pqhw.explore.estimate`, for every combination of the knobs that it follows from,
and then read off for all points. What the arrays say is what the estimator says of each point.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...spec import ChainSpec, EngineSpec, MACSpec, PQSpec, SpecError
from ...spec.devices import Device, resolve
from ..area import GROUP_OF, GROUPS, PART_KINDS, part_formulas, total
from ..fit import fitted
from ..timing import SLOWER, paths
from .knobs import (ENCODER, FRONT, MAC_KNOBS, MOST_PRODUCTS, PQ_KNOBS, PQ_PATHS, RESULTS_TOO,
                    folded, mac_knobs, pq_knobs)

__all__ = ["FIGURES", "Grid", "layer_grid"]

FIGURES = ("cycles", "lut4", "ff", "bram", "dsp", "fmax_mhz")
"""What a point has of its own: cycles of a row at the ports, or of an image, area and clock."""

@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Foldings of an engine, a place in each array for every one.

    Members
    -------
    spec: the engine, with whatever folding
    knobs: [points] each, by their names in short
    figures: [points] each, by the names of `FIGURES`
    path, luts: [points]: the longest path in ns, and LUT4 by formula, from which clocks follow
    """
    spec: EngineSpec
    part: Device
    knobs: Mapping[str, np.ndarray]
    figures: Mapping[str, np.ndarray]
    path: np.ndarray
    luts: np.ndarray

    def __len__(self) -> int:
        return len(self.path)

    def chain(self, index: int) -> ChainSpec:
        """The design of a point."""
        return ChainSpec((folded(self.spec, {
            name: int(values[index]) for name, values in self.knobs.items()}),))


@functools.lru_cache(maxsize=64)
def layer_grid(spec: EngineSpec, part: Device, most: int = MOST_PRODUCTS) -> Grid:
    """Every folding of an engine whose lanes are worth having.

    Memories and multipliers are those of the spec, as the device resolves it.

    Parameters
    ----------
    most: products that a MAC engine forms side by side

    Raises
    ------
    SpecError
        Where no folding can be built on the device, or an engine with constants leaves open where
        its tables stand.
    """
    if spec.engine.resident and getattr(spec.engine, "table_storage", "") == "auto":
        raise SpecError('engine.table_storage must be "bram" or "lutram" for all foldings of an '
                        'engine with constants, but is "auto".')
    return _Points(spec, part, most).grid()


class _Points:
    """Foldings of an engine on their way to figures."""

    def __init__(self, spec: EngineSpec, part: Device, most: int):
        # A PQ engine whose multipliers are told resolves alike whatever its folding.
        self.settled = isinstance(spec, PQSpec) and (
            spec.engine.multiplier == "lut" or spec.engine.encoder not in ("dot", "l2"))
        if self.settled:
            spec = resolve(ChainSpec((spec,)), part).first
        self.spec = spec
        self.part = part
        self.knobs = pq_knobs(spec) if isinstance(spec, PQSpec) else mac_knobs(
            spec, most)
        self.derived: dict[str, np.ndarray] = {}
        self.alike: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
        # How many outputs of two schemes are integers follows from the results side by side.
        self.shared = isinstance(spec, MACSpec) and spec.engine.scheme == "mixed"
        self.reason: SpecError | None = None
        self.chains: dict[tuple[int, ...], ChainSpec | None] = {}

    def grid(self) -> Grid:
        """All figures of all foldings that can be."""
        self._add_results()
        self._add_derived()
        family = fitted()["families"][self.part.family]
        factors = dict(zip(GROUPS, family["lut4"]))
        columns = np.zeros((len(self), 5))
        for names, kinds in self._parts().items():
            columns += self._columns(names, functools.partial(_area, kinds, factors, self.part))
        path = self._path()
        cycles = self._cycles()
        good = ~(np.isnan(columns).any(axis=1) | np.isnan(path) | np.isnan(cycles))
        self._raise_unless(good.any())
        columns, path, cycles = columns[good], path[good], cycles[good]
        lut4, ff, bram, dsp, luts = columns.T
        slower = SLOWER[self.part.name]
        size = np.log2(np.maximum(2, luts))
        period = slower * (np.stack([np.ones(len(path)), path, size], axis=1)
                           @ np.array(family["period"]))
        figures = {"cycles": cycles.astype(np.int64), "lut4": np.rint(lut4).astype(np.int64),
                   "ff": np.rint(ff * family["ff"]).astype(np.int64),
                   "bram": bram.astype(np.int64), "dsp": dsp.astype(np.int64),
                   "fmax_mhz": 1000 / period}
        return Grid(self.spec, self.part, {name: own[good] for name, own in self.knobs.items()},
                    figures, path, luts)

    def __len__(self) -> int:
        return len(next(iter(self.knobs.values())))

    def _raise_unless(self, good: bool) -> None:
        if not good:
            raise self.reason or SpecError(f"no folding can be built on {self.part.name}.")

    # -- What is computed once for many points ---------------------------------------------------

    def _columns(self, names: Sequence[str], compute: Callable[[ChainSpec], Sequence[float]]
                 ) -> np.ndarray:
        """[points, values]: what a function of designs gives, where it follows from some knobs."""
        first, inverse = self._alike(tuple(names))
        rows = []
        for index in first:
            chain = self._chain(int(index))
            rows.append(None if chain is None else compute(chain))
        width = next((len(row) for row in rows if row is not None), 0)
        self._raise_unless(width > 0)
        table = np.array([[np.nan] * width if row is None else row for row in rows], dtype=float)
        found: np.ndarray = table[inverse]
        return found

    def _alike(self, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """A point for every combination of some knobs, and [points]: which combination each has."""
        if names not in self.alike:
            code, size = np.zeros(len(self), dtype=np.int64), 1
            for name in names:
                column = self.knobs[name] if name in self.knobs else self.derived[name]
                values, places = np.unique(column, return_inverse=True)
                code, size = code * len(values) + places, size * len(values)
            first = np.full(size, -1)
            first[code[::-1]] = np.arange(len(self))[::-1]
            there = first >= 0
            self.alike[names] = first[there], (np.cumsum(there) - 1)[code]
        return self.alike[names]

    def _chain(self, index: int) -> ChainSpec | None:
        """The resolved design of a point; None where it breaks a rule."""
        knobs = {name: int(values[index]) for name, values in self.knobs.items()}
        key = tuple(knobs.values())
        if key not in self.chains:
            try:
                chain = ChainSpec((folded(self.spec, knobs),))
                self.chains[key] = chain if self.settled else resolve(chain, self.part)
            except SpecError as error:
                self.reason = self.reason or error
                self.chains[key] = None
        return self.chains[key]

    def _parts(self) -> dict[tuple[str, ...], list[str]]:
        """Kinds of parts by the knobs that they follow from."""
        named = PQ_KNOBS if isinstance(self.spec, PQSpec) else MAC_KNOBS
        window = self.spec.front is not None
        found: dict[tuple[str, ...], list[str]] = {}
        kinds: Sequence[str] = PART_KINDS  # Some MAC engines put rows into order, others do not.
        if isinstance(self.spec, PQSpec):
            chain = next((own for own in map(self._chain, range(len(self))) if own), None)
            self._raise_unless(chain is not None)
            assert chain is not None
            kinds = [kind for kind, _, _ in part_formulas(chain, self.part)]
        for kind in kinds:
            names = tuple(own for own in named.get(kind, ())
                          if own in self.knobs or own in self.derived)
            if isinstance(self.spec, PQSpec) and (
                    kind == "window" or (kind == "guard" and window)):
                names = FRONT
            if not names:
                wide = kind in RESULTS_TOO or self.shared
                names = tuple(own for own in self.knobs if wide or own != "results")
            if kind == "loader" and self.spec.engine.resident:
                names = ()
            found.setdefault(names, []).append(kind)
        return found

    def _path(self) -> np.ndarray:
        """[points]: the longest path of each."""
        longest = np.zeros(len(self))
        if not isinstance(self.spec, PQSpec):
            every = [name for name in self.knobs if self.shared or name != "results"]
            return self._columns(every, lambda chain: [max(paths(chain, self.part).values())])[:, 0]
        for names in dict.fromkeys(PQ_PATHS.values()):
            kinds = [kind for kind, own in PQ_PATHS.items() if own == names]
            columns = self._columns(names, functools.partial(_paths, kinds, self.part))
            longest = np.maximum(longest, columns[:, 0])
        rest = self._columns((), lambda chain: [max(
            (delay for kind, delay in paths(chain, self.part).items() if kind not in PQ_PATHS),
            default=0.0)])
        return np.maximum(longest, rest[:, 0])

    # -- Cycles ------------------------------------------------------------------------------------

    def _row_cycles(self) -> tuple[np.ndarray, np.ndarray]:
        """[points]: cycles of an engine row, and those between two tiles of its results."""
        if not isinstance(self.spec, PQSpec):
            names = tuple(own for own in self.knobs if own != "results")
            found = self._columns(names, lambda chain: [
                chain.first.row_cycles, chain.first.tile_interval])
            return found[:, 0], found[:, 1]
        encode = self._encode_cycles()
        lookup = self._columns(("subspaces", "outputs"), lambda chain: [
            chain.first.tiles, chain.first.groups])
        tiles, groups = lookup.T
        row = tiles * groups
        if not self.spec.encodes_pixels:
            row = np.maximum(row, encode)
        return row, np.where(tiles == 1, row, groups)

    def _encode_cycles(self) -> np.ndarray:
        """[points]: cycles of a PQ engine's encoder."""
        return self._columns(ENCODER, lambda chain: [
            chain.first.row_encode_cycles])[:, 0]  # type: ignore[attr-defined]

    def _cycles(self) -> np.ndarray:
        """[points]: cycles of a row at the ports, or of an image."""
        if self.spec.front is None:
            return np.maximum(self._row_cycles()[0], 1)
        names = FRONT if isinstance(self.spec, PQSpec) else tuple(
            own for own in self.knobs if own != "results")
        return self._columns(names, lambda chain: [chain.cycles_per_row])[:, 0]

    def _add_derived(self) -> None:
        """What several figures of a PQ engine follow from, and follows from several knobs."""
        if not isinstance(self.spec, PQSpec):
            return
        encode = self._encode_cycles()
        self.derived = {
            "encodes at once": encode == 1, "encode cycles": encode,
            "row cycles": self._row_cycles()[0],
            "row lanes": self._columns(ENCODER, lambda chain: [
                chain.first.encoder.lanes_in])[:, 0]}  # type: ignore[attr-defined]

    def _add_results(self) -> None:
        """Points with as many results side by side as keep up: all divisors of the outputs."""
        outputs = self.knobs["outputs"]
        self.knobs["results"] = outputs * 0
        _, interval = self._row_cycles()
        good = ~np.isnan(interval)
        self._raise_unless(good.any())
        columns = outputs * self.knobs.get("pixels", 1)
        fewest = -(-columns[good] // interval[good].astype(np.int64))
        points = np.flatnonzero(good)
        outputs = outputs[good]
        chosen, results = [], []
        for lanes in range(1, int(outputs.max()) + 1):
            able = (outputs % lanes == 0) & ((lanes >= fewest) | (lanes == outputs))
            chosen.append(points[able])
            results.append(np.full(able.sum(), lanes))
        both = np.concatenate(chosen)
        self.knobs = {name: own[both] for name, own in self.knobs.items()}
        self.knobs["results"] = np.concatenate(results)
        self.alike.clear()


def _paths(kinds: Sequence[str], part: Device, chain: ChainSpec) -> list[float]:
    """The longest of some kinds of paths."""
    found = paths(chain, part)
    return [max(found.get(kind, 0.0) for kind in kinds)]


def _area(kinds: Sequence[str], factors: Mapping[str, float], part: Device, chain: ChainSpec
          ) -> list[float]:
    """LUT4 with the fitted factors, flip-flops, block RAMs, DSP blocks, and LUT4 by formula."""
    own = [(kind, formula()) for kind, _, formula in part_formulas(chain, part) if kind in kinds]
    every = total(cells for _, cells in own)
    return [sum(cells.lut4 * factors[GROUP_OF[kind]] for kind, cells in own), every.ff,
            every.bram, every.dsp, every.lut4]
