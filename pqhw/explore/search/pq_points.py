"""Foldings of PQ engines, all at once.

A figure of an engine follows from few of its knobs: its tables from the subspaces and outputs
side by side, its encoder's lanes from the prototypes and elements. Each is computed once for every
combination of the knobs that it follows from, and then read off for all points.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...spec import ChainSpec, PQSpec, SpecError
from ...spec.devices import Device, resolve
from ...spec.many import combinations
from ..area import part_formulas
from ..timing import paths
from .knobs import ENCODER, FRONT, PQ_KNOBS, PQ_PATHS, folded, pq_knobs, with_results
from .points import Designs, Points, weighted

__all__ = ["pq_points"]


def pq_points(spec: PQSpec, part: Device) -> Points:
    """Every folding whose lanes are worth having.

    Raises
    ------
    SpecError
        Where none can be built on the device.
    """
    return _Points(spec, part).found()


class _Points:
    """Foldings of an engine on their way to figures."""

    def __init__(self, spec: PQSpec, part: Device):
        # An engine whose multipliers are told resolves alike whatever its folding.
        self.settled = spec.engine.multiplier == "lut" or spec.engine.encoder not in ("dot", "l2")
        if self.settled:
            spec = resolve(ChainSpec((spec,)), part).first  # type: ignore[assignment]
        self.spec = spec
        self.part = part
        self.knobs = pq_knobs(spec)
        self.derived: dict[str, np.ndarray] = {}
        self.alike: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
        self.reason: SpecError | None = None
        self.chains: dict[tuple[int, ...], ChainSpec | None] = {}

    def found(self) -> Points:
        """All foldings that can be."""
        self._add_results()
        self._add_derived()
        cells = self._loader()
        for names, kinds in self._parts().items():
            cells += self._columns(names, functools.partial(_cells, kinds, self.part))
        path, cycles = self._path(), self._cycles()
        good = ~(np.isnan(cells).any(axis=1) | np.isnan(path) | np.isnan(cycles))
        self._raise_unless(good.any())
        return Points(self.spec, {name: own[good] for name, own in self.knobs.items()},
                      cells[good], path[good], cycles[good])

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
        if names == FRONT:
            designs = Designs(self.spec, self.part, {
                name: own[first] for name, own in self.knobs.items()})
            return designs.figures(compute)[inverse]
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
            columns = [self.knobs[name] if name in self.knobs else self.derived[name]
                       for name in names]
            self.alike[names] = combinations(columns or [np.zeros(len(self), dtype=np.int64)])
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
        """Kinds of parts by the knobs that they follow from; all but the loader."""
        chain = next((own for own in map(self._chain, range(len(self))) if own), None)
        self._raise_unless(chain is not None)
        assert chain is not None
        found: dict[tuple[str, ...], list[str]] = {}
        for kind, _, _ in part_formulas(chain, self.part):
            names = PQ_KNOBS.get(kind, ())
            if kind == "window" or (kind == "guard" and self.spec.front is not None):
                names = FRONT
            if kind != "loader":
                found.setdefault(names, []).append(kind)
        return found

    def _loader(self) -> np.ndarray:
        """[points, 5]: what takes the parameters, which follows from every knob."""
        if self.spec.engine.resident:
            return self._columns((), functools.partial(_cells, ["loader"], self.part))
        designs = Designs(self.spec, self.part, self.knobs)
        return designs.figures(lambda chain: _cells(["loader"], self.part, chain))

    def _path(self) -> np.ndarray:
        """[points]: the longest path of each."""
        longest = np.zeros(len(self))
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
        return self._columns(FRONT, lambda chain: [chain.cycles_per_row])[:, 0]

    def _add_derived(self) -> None:
        """What several figures follow from, and follows from several knobs."""
        encode = self._encode_cycles()
        self.derived = {
            "encodes at once": encode == 1, "encode cycles": encode,
            "row cycles": self._row_cycles()[0],
            "row lanes": self._columns(ENCODER, lambda chain: [
                chain.first.encoder.lanes_in])[:, 0]}  # type: ignore[attr-defined]

    def _add_results(self) -> None:
        """Points with as many results side by side as keep up: all divisors of the outputs."""
        self.knobs["results"] = self.knobs["outputs"] * 0
        _, interval = self._row_cycles()
        good = ~np.isnan(interval)
        self._raise_unless(good.any())
        del self.knobs["results"]
        places = np.flatnonzero(good)
        knobs = {name: own[places] for name, own in self.knobs.items()}
        interval = interval[places].astype(np.int64)
        self.knobs = with_results({**knobs, "interval": interval})
        interval, outputs = self.knobs.pop("interval"), self.knobs["outputs"]
        results = self.knobs["results"]
        able = (results >= -(-outputs // interval)) | (results == outputs)
        self.knobs = {name: own[able] for name, own in self.knobs.items()}
        self.alike.clear()


def _paths(kinds: Sequence[str], part: Device, chain: ChainSpec) -> list[float]:
    """The longest of some kinds of paths."""
    found = paths(chain, part)
    return [max(found.get(kind, 0.0) for kind in kinds)]


def _cells(kinds: Sequence[str], part: Device, chain: ChainSpec) -> Sequence[Any]:
    """The cells of some kinds of parts together, as `weighted` gives them."""
    columns = [weighted(kind, formula(), part)
               for kind, _, formula in part_formulas(chain, part) if kind in kinds]
    return [sum(own) for own in zip(*columns)]
