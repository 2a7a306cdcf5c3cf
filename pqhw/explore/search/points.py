"""Foldings of an engine before the fit: cells by formula, longest paths and cycles, as arrays."""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...spec import ChainSpec, EngineSpec, SpecError
from ...spec.devices import Device, resolve
from ...spec.many import Diverged, as_many, evaluate, spread
from ..area import GROUP_OF, GROUPS, Cells, part_formulas
from ..fit import fitted
from .knobs import folded

__all__ = ["Designs", "Points", "weighted"]


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """What the figures of a grid follow from.

    Members
    -------
    knobs: [points] each, by their names in short
    cells: [points, 5], as `weighted` gives them
    path: [points]: the longest path in ns
    cycles: [points]: of a row at the ports, or of an image
    """
    spec: EngineSpec
    knobs: Mapping[str, np.ndarray]
    cells: np.ndarray
    path: np.ndarray
    cycles: np.ndarray


def weighted(kind: str, cells: Cells, part: Device) -> Sequence[Any]:
    """LUT4 of a part with its fitted factor, flip-flops, block RAMs, DSP blocks, and LUT4 by
    formula."""
    factors = fitted()["families"][part.family]["lut4"]
    factor = factors[GROUPS.index(GROUP_OF[kind])]
    return cells.lut4 * factor, cells.ff, cells.bram, cells.dsp, cells.lut4


class Designs:
    """Foldings of an engine as few designs of many values, as long as their formulas agree.

    Members
    -------
    groups: places of foldings, and the resolved design of all of them
    reason: the rule that the first of those foldings broke that break one
    """

    def __init__(self, spec: EngineSpec, part: Device, knobs: Mapping[str, np.ndarray]):
        self.spec, self.part, self.knobs = spec, part, knobs
        self.reason: SpecError | None = None
        self.groups: list[tuple[np.ndarray, ChainSpec]] = []
        self.divided: dict[bytes, ChainSpec] = {}
        first = len(self)
        for places, made in evaluate(self._design, knobs):
            if isinstance(made, SpecError):
                if places[0] < first:
                    first, self.reason = int(places[0]), made
            else:
                self.groups.append((places, made))

    def __len__(self) -> int:
        return len(next(iter(self.knobs.values())))

    def _design(self, knobs: Mapping[str, Any]) -> ChainSpec | SpecError:
        try:
            return resolve(ChainSpec((folded(self.spec, knobs),)), self.part)
        except SpecError as error:
            return error

    def _division(self, places: np.ndarray) -> ChainSpec:
        """The design of a part of a group; figures that divide groups alike share theirs."""
        key = places.tobytes()
        if key not in self.divided:
            made = self._design({name: as_many(own[places]) for name, own in self.knobs.items()})
            assert isinstance(made, ChainSpec), "a part of designs that keep all rules"
            self.divided[key] = made
        return self.divided[key]

    def _divisions(self, places: np.ndarray, split: Diverged
                   ) -> Iterator[tuple[np.ndarray, ChainSpec]]:
        for group in range(int(split.groups.max()) + 1):
            own = places[split.groups == group]
            yield own, self._division(own)

    def figures(self, compute: Callable[[ChainSpec], Sequence[Any]]) -> np.ndarray:
        """[foldings, values]: what a function of designs gives; NaN where there is no design."""
        rows: list[tuple[np.ndarray, Sequence[Any]]] = []
        waiting = list(self.groups)
        while waiting:
            places, design = waiting.pop()
            try:
                rows.append((places, compute(design)))
            except Diverged as split:
                waiting += self._divisions(places, split)
        found = np.full((len(self), len(rows[0][1]) if rows else 1), np.nan)
        for places, values in rows:
            for column, value in enumerate(values):
                found[places, column] = spread(value, len(places))
        return found

    def cells(self, kinds: Collection[str]) -> np.ndarray:
        """[foldings, 5]: cells of some kinds of parts together, as `weighted` gives them; NaN where
        there is no design."""
        found = np.full((len(self), 5), np.nan)
        for places, _ in self.groups:
            found[places] = 0
        waiting = [(places, design, kinds) for places, design in self.groups]
        while waiting:
            places, design, wanted = waiting.pop()
            left: dict[bytes, tuple[Diverged, list[str]]] = {}
            columns: Sequence[Any] = [0.0] * found.shape[1]
            try:
                parts = part_formulas(design, self.part)
            except Diverged as split:
                waiting += [(*own, wanted) for own in self._divisions(places, split)]
                continue
            for kind, _, formula in parts:
                if kind not in wanted:
                    continue
                try:
                    columns = [one + other for one, other in zip(
                        columns, weighted(kind, formula(), self.part))]
                except Diverged as split:
                    left.setdefault(split.groups.tobytes(), (split, []))[1].append(kind)
            for column, value in enumerate(columns):
                found[places, column] += spread(value, len(places))
            for division, undone in left.values():
                waiting += [(*own, undone) for own in self._divisions(places, division)]
        return found
