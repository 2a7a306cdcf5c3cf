"""Foldings of PQ engines, all at once.

A figure of an engine follows from few of its knobs: its tables from the subspaces and outputs
side by side, its encoder's lanes from the prototypes and elements. Each is computed once for every
combination of the knobs that it follows from, and then read off for all points.
"""

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from ...spec import ChainSpec, PQSpec, SpecError
from ...spec.devices import Device
from ...spec.many import combinations, largest
from ..area import part_formulas
from ..timing import paths
from .knobs import ENCODER, FRONT, PQ_KNOBS, PQ_PATHS, pq_knobs, with_results
from .points import Designs, Points

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
        self.spec = spec
        self.part = part
        self.knobs = pq_knobs(spec)
        self.derived: dict[str, np.ndarray] = {}
        self.alike: dict[tuple[str, ...], tuple[Designs, np.ndarray]] = {}

    def found(self) -> Points:
        """All foldings that can be."""
        self._add_results()
        self._add_derived()
        cells = self._loader()
        for names, kinds in self._parts().items():
            designs, inverse = self._alike(names)
            cells += designs.cells(kinds)[inverse]
        path, cycles = self._path(), self._cycles()
        good = ~(np.isnan(cells).any(axis=1) | np.isnan(path) | np.isnan(cycles))
        if not good.any():
            raise SpecError(f"no folding can be built on {self.part.name}.")
        return Points(self.spec, {name: own[good] for name, own in self.knobs.items()},
                      cells[good], path[good], cycles[good])

    # -- What is computed once for many points ---------------------------------------------------

    def _alike(self, names: tuple[str, ...]) -> tuple[Designs, np.ndarray]:
        """A design for every combination of some knobs, and [points]: which one each has."""
        if names not in self.alike:
            count = len(next(iter(self.knobs.values())))
            columns = [self.knobs[name] if name in self.knobs else self.derived[name]
                       for name in names]
            first, inverse = combinations(columns or [np.zeros(count, dtype=np.int64)])
            designs = Designs(self.spec, self.part, {
                name: own[first] for name, own in self.knobs.items()})
            if not designs.groups:
                raise designs.reason or SpecError(f"no folding can be built on {self.part.name}.")
            self.alike[names] = designs, inverse
        return self.alike[names]

    def _columns(self, names: tuple[str, ...], compute: Callable[[ChainSpec], Sequence[Any]]
                 ) -> np.ndarray:
        """[points, values]: what a function of designs gives, where it follows from some knobs."""
        designs, inverse = self._alike(names)
        found: np.ndarray = designs.figures(compute)[inverse]
        return found

    def _parts(self) -> dict[tuple[str, ...], list[str]]:
        """Kinds of parts by the knobs that they follow from; all but the loader."""
        found: dict[tuple[str, ...], list[str]] = {}
        for kind, _, _ in part_formulas(self._alike(())[0].groups[0][1], self.part):
            names = PQ_KNOBS.get(kind, ())
            if kind == "window" or (kind == "guard" and self.spec.front is not None):
                names = FRONT
            if kind != "loader":
                found.setdefault(names, []).append(kind)
        return found

    def _loader(self) -> np.ndarray:
        """[points, 5]: what takes the parameters, which follows from every knob."""
        designs, inverse = self._alike(() if self.spec.engine.resident else tuple(self.knobs))
        found: np.ndarray = designs.cells(["loader"])[inverse]
        return found

    def _path(self) -> np.ndarray:
        """[points]: the longest path of each."""
        def longest(kinds: Collection[str], chain: ChainSpec) -> list[Any]:
            found = paths(chain, self.part)
            return [largest(0.0, *(found[kind] for kind in kinds if kind in found))]

        found = self._columns((), lambda chain: longest(
            paths(chain, self.part).keys() - PQ_PATHS.keys(), chain))
        for names in dict.fromkeys(PQ_PATHS.values()):
            kinds = [kind for kind, own in PQ_PATHS.items() if own == names]
            found = np.maximum(found, self._columns(names, functools.partial(longest, kinds)))
        return found[:, 0]

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
        del self.knobs["results"]
        places = np.flatnonzero(~np.isnan(interval))
        knobs = {name: own[places] for name, own in self.knobs.items()}
        interval = interval[places].astype(np.int64)
        self.knobs = with_results({**knobs, "interval": interval})
        interval, outputs = self.knobs.pop("interval"), self.knobs["outputs"]
        results = self.knobs["results"]
        able = (results >= -(-outputs // interval)) | (results == outputs)
        self.knobs = {name: own[able] for name, own in self.knobs.items()}
        self.alike.clear()

