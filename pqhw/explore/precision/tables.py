"""What every layer of a network costs with every choice of bits, as exact tables."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...flow.cache import Cache
from ...spec.fields import SpecError, show
from ..mapping.architecture import Architecture
from ..mapping.cost import Bits, CostModel
from ..mapping.mapping import Mapping as LoopMapping
from ..mapping.network import SearchSettings, search
from ..mapping.workload import TENSORS, Workload

__all__ = ["CostTable", "LAST_BITS", "WIDTHS", "cost_table", "width_classes"]

WIDTHS = (2, 3, 4, 5, 6, 7, 8)
"""Bits that an activation or a weight may have."""

LAST_BITS = 8
"""Bits of the last layer's results."""

KIND = "mapping-table"
TABLE = "table.json"


def width_classes(architecture: Architecture, model: CostModel,
                  widths: Sequence[int] = WIDTHS) -> dict[int, int]:
    """By bits, the most bits of `widths` that cost the same on every level.

    The reference's costs depend only on how many elements share a word; exact ones on every bit.
    """
    if model.exact:
        return {bits: bits for bits in widths}
    words = sorted({level.word_bits for level in architecture.levels})
    kinds = {bits: tuple(word // bits for word in words) for bits in widths}
    return {bits: max(other for other in widths if kinds[other] == kinds[bits])
            for bits in widths}


@dataclasses.dataclass(frozen=True, eq=False)
class CostTable:
    """Costs of all layers.

    A *genome* is an array [L, 2] of a layer's bits, of activations that enter it and of weights;
    its results have the bits of what enters the next layer, those of the last one `LAST_BITS`.

    Members
    -------
    names, workloads: of the L layers
    widths: bits that a genome may have
    classes: by bits, the most bits of equal cost
    energy, cycles: [L, I, W, O], in µJ and cycles, by places in `kinds`
    mappings: by layer and (inputs, weights, outputs) of `kinds`
    whole: whether every mapping is the best that there is
    """
    names: tuple[str, ...]
    workloads: tuple[Workload, ...]
    widths: tuple[int, ...]
    classes: dict[int, int]
    energy: np.ndarray
    cycles: np.ndarray
    mappings: Mapping[tuple[str, int, int, int], LoopMapping]
    whole: bool

    @property
    def kinds(self) -> tuple[int, ...]:
        """The bits that differ in cost, ascending."""
        return tuple(sorted(set(self.classes.values())))

    def check(self, genomes: np.ndarray) -> np.ndarray:
        """Genomes [B, L, 2] as integers.

        Raises
        ------
        SpecError
            If their shape or bits are others.
        """
        genomes = np.asarray(genomes)
        if genomes.shape[1:] != (len(self.names), 2) or genomes.ndim != 3:
            raise SpecError(f"genomes must be [B, {len(self.names)}, 2], activation and weight "
                            f"bits of every layer, but are {list(genomes.shape)}.")
        if not np.isin(genomes, self.widths).all():
            raise SpecError(f"bits must be of {', '.join(map(str, self.widths))}, "
                            f"but some of the genomes' are not.")
        return genomes.astype(np.int64)

    def costs(self, genomes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Energy in µJ, cycles, and the sum of the layers' energy-delay products in J·cycles, each
        [B], of genomes [B, L, 2]."""
        energy, cycles = self.layer_costs(genomes)
        return energy.sum(axis=1), cycles.sum(axis=1), (energy * 1e-6 * cycles).sum(axis=1)

    def layer_costs(self, genomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy in µJ and cycles of every layer, each [B, L]."""
        places = self._places(self.check(genomes))
        return self.energy[places], self.cycles[places]

    def _places(self, genomes: np.ndarray) -> tuple[np.ndarray, ...]:
        place = np.zeros(max(*self.widths, LAST_BITS) + 1, np.int64)
        for bits, kind in self.classes.items():
            place[bits] = self.kinds.index(kind)
        entering, weights = genomes[:, :, 0], genomes[:, :, 1]
        leaving = np.concatenate((entering[:, 1:], np.full((len(genomes), 1), LAST_BITS)), axis=1)
        return (np.arange(len(self.names)), place[entering], place[weights], place[leaving])

    def bits(self, genome: np.ndarray) -> dict[str, Bits]:
        """Bits of every layer's tensors."""
        own = self.check(np.asarray(genome)[None])[0].tolist()
        leaving = [entering for entering, _ in own[1:]] + [LAST_BITS]
        return {name: Bits(entering, weights, after) for name, (entering, weights), after in zip(
            self.names, own, leaving)}

    def mapping(self, name: str, bits: Bits) -> LoopMapping:
        """The mapping of a layer with some bits."""
        return self.mappings[name, self.classes[bits.inputs], self.classes[bits.weights],
                             self.classes[bits.outputs]]


def cost_table(workloads: Mapping[str, Workload], architecture: Architecture, model: CostModel,
               settings: SearchSettings, *, widths: Sequence[int] = WIDTHS,
               cache: Cache | None = None,
               progress: Callable[[str], None] = lambda layer: None) -> CostTable:
    """The table of a network's layers; equal layers are searched once, and kept in the cache.

    Raises
    ------
    SpecError
        If a layer has no mapping.
    """
    widths = tuple(sorted({*widths}))
    if not widths or LAST_BITS not in widths or not all(bits in WIDTHS for bits in widths):
        raise SpecError(f"widths must be of {', '.join(map(str, WIDTHS))} with {LAST_BITS} among "
                        f"them, but are {show(widths)}.")
    classes = width_classes(architecture, model, widths)
    kinds = sorted(set(classes.values()))
    known: dict[Workload, dict[str, Any]] = {}
    energy, cycles, whole = [], [], True
    mappings: dict[tuple[str, int, int, int], LoopMapping] = {}
    for name, workload in workloads.items():
        seen = model.workload(workload)
        if seen not in known:
            known[seen] = _entries(name, seen, architecture, model, settings, kinds, cache)
        own = known[seen]
        shape = (len(kinds),) * 3
        energy.append(np.array(own["picojoules"]).reshape(shape) * 1e-6)
        cycles.append(np.array(own["cycles"], np.int64).reshape(shape))
        for (a, w, o), text in zip(itertools.product(kinds, repeat=3), own["mappings"]):
            mappings[name, a, w, o] = LoopMapping.parse(text)
        whole &= own["whole"]
        progress(name)
    return CostTable(tuple(workloads), tuple(workloads.values()), widths, classes,
                     np.stack(energy), np.stack(cycles), mappings, whole)


def _entries(name: str, workload: Workload, architecture: Architecture, model: CostModel,
             settings: SearchSettings, kinds: Sequence[int], cache: Cache | None
             ) -> dict[str, Any]:
    inputs = json.loads(json.dumps({
        "version": __version__, "workload": dataclasses.asdict(workload),
        "architecture": dataclasses.asdict(architecture), "model": dataclasses.asdict(model),
        "settings": dataclasses.asdict(settings), "kinds": list(kinds)}, default=sorted))

    def make(folder: Path) -> None:
        entries = _searched(name, workload, architecture, model, settings, kinds)
        (folder / TABLE).write_text(json.dumps(entries), encoding="utf-8")

    if cache is None:
        return _searched(name, workload, architecture, model, settings, kinds)
    return dict(json.loads((cache.get(KIND, inputs, make) / TABLE).read_text(encoding="utf-8")))


def _searched(name: str, workload: Workload, architecture: Architecture, model: CostModel,
              settings: SearchSettings, kinds: Sequence[int]) -> dict[str, Any]:
    bits = [Bits(*triple) for triple in itertools.product(kinds, repeat=len(TENSORS))]
    found, whole = search(architecture, workload, bits, model, settings)
    best = [one for one in found.optima if one is not None]
    if len(best) < len(bits):
        raise SpecError(f"{name}: no mapping fits {architecture.name} with {kinds[-1]} bits.")
    return {"picojoules": [one.picojoules for one in best], "cycles": [one.cycles for one in best],
            "mappings": [one.mapping.text for one in best], "whole": whole}
