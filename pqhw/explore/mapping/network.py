"""All layers of a network on one architecture, each with its best mapping; equal layers once."""

import dataclasses
from collections.abc import Callable, Mapping as MappingType, Sequence
from typing import Any

from ...spec.fields import SpecError, show
from .architecture import Architecture
from .cost import Bits, CostModel, Costs, moving_cycles
from .mapping import Mapping
from .results import LayerResult, MappingResult
from .sampling import sampled
from .search import Found, check_objective, exhaustive, make_mapspace
from .workload import Workload

__all__ = ["METHODS", "MappedLayer", "MappedNetwork", "SearchSettings", "cost_layer", "map_layers",
           "search", "uniform_bits"]

METHODS = ("auto", "exhaustive", "random")

MOST_WHOLE = 200_000_000
"""Combinations of factors and orders, before any is left out, up to which ``auto`` searches all."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How the best mapping is looked for.

    Parameters
    ----------
    method: ``exhaustive``; ``random`` draws that are improved; ``auto``, the former where the
        space is small enough
    objective: ``edp``, ``energy`` or ``cycles``
    samples, seed: of random draws

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    method: str = "auto"
    objective: str = "edp"
    samples: int = 200_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SpecError(f"method must be one of {', '.join(METHODS)}, "
                            f"but is {show(self.method)}.")
        check_objective(self.objective)


def search(architecture: Architecture, workload: Workload, bits: Sequence[Bits],
           model: CostModel, settings: SearchSettings) -> tuple[Found, bool]:
    """The best mapping for each of several bits, and whether the whole space was searched."""
    whole = settings.method == "exhaustive"
    if settings.method == "auto":
        whole = make_mapspace(architecture, workload, bits, model).size <= MOST_WHOLE
    if whole:
        return exhaustive(architecture, workload, bits, model,
                          objective=settings.objective), True
    return sampled(architecture, workload, bits, model, samples=settings.samples,
                   seed=settings.seed, objective=settings.objective), False


@dataclasses.dataclass(frozen=True)
class MappedLayer:
    """A layer with its mapping and what that costs.

    Members
    -------
    whole: whether no better mapping exists within the rules; None where it was given
    """
    name: str
    workload: Workload
    bits: Bits
    mapping: Mapping
    costs: Costs
    whole: bool | None

    @property
    def energy(self) -> float:
        """Energy in µJ."""
        return float(self.costs.energy) * 1e-6

    @property
    def cycles(self) -> int:
        """Cycles with the slowest bandwidth."""
        return int(self.costs.cycles)

    @property
    def edp(self) -> float:
        """Energy-delay product in J·cycles."""
        return float(self.costs.edp)

    def level_energy(self, architecture: Architecture) -> dict[str, float]:
        """Energy in µJ by level from the outermost, and of the multipliers as ``MAC``."""
        energies = dict.fromkeys([level.name for level in architecture.levels], 0.0)
        for (level, _), part in self.costs.parts.items():
            energies[architecture.levels[level].name] += float(part.energy) * 1e-6
        return energies | {"MAC": self.costs.compute_energy * 1e-6}

    def level_cycles(self, architecture: Architecture) -> dict[str, int]:
        """Cycles in which a level moves words, by level, 0 where its bandwidth has no limit; those
        of ``MAC`` compute. The largest is `cycles`."""
        moving = {}
        for index, level in enumerate(architecture.levels):
            own = [part for (where, _), part in self.costs.parts.items() if where == index]
            moving[level.name] = max(map(int, moving_cycles(level, own)), default=0)
        return moving | {"MAC": int(self.costs.counts.cycles)}

    def document(self, architecture: Architecture) -> LayerResult:
        """The layer as a document."""
        accesses = [
            {"level": architecture.levels[level].name, "tensor": tensor, "tile": int(one.tile),
             "reads": int(one.reads), "fills": int(one.fills), "updates": int(one.updates),
             "words_held": int(part.words_held), "instances": int(
                 self.costs.counts.instances[level]), "energy_uj": float(part.energy) * 1e-6}
            for (level, tensor), one in sorted(self.costs.counts.accesses.items())
            for part in [self.costs.parts[level, tensor]]]
        used = int(self.costs.counts.multipliers)
        return LayerResult.model_validate({
            "name": self.name, "workload": dataclasses.asdict(self.workload),
            "bits": dataclasses.asdict(self.bits), "mapping": self.mapping.to_json(),
            "nest": self.mapping.lines(architecture), "optimal": self.whole,
            "energy_uj": self.energy, "cycles": self.cycles, "edp_j_cycles": self.edp,
            "multipliers": used, "utilisation": used / architecture.instances("MAC"),
            "level_energy_uj": self.level_energy(architecture),
            "level_cycles": self.level_cycles(architecture), "accesses": accesses})


@dataclasses.dataclass(frozen=True)
class MappedNetwork:
    """Layers on an architecture, in order."""
    name: str
    architecture: Architecture
    model: CostModel
    layers: tuple[MappedLayer, ...]
    evaluated: int
    seconds: float

    @property
    def energy(self) -> float:
        """Energy of all layers in µJ."""
        return sum(layer.energy for layer in self.layers)

    @property
    def cycles(self) -> int:
        """Cycles of all layers, one after another."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def edp(self) -> float:
        """Sum of the layers' energy-delay products in J·cycles: what searches minimise."""
        return sum(layer.edp for layer in self.layers)

    @property
    def total_edp(self) -> float:
        """Energy of all layers times cycles of all layers in J·cycles."""
        return self.energy * 1e-6 * self.cycles

    def document(self) -> MappingResult:
        """All of it as a document, without how long it took."""
        return MappingResult(
            name=self.name, architecture=self.architecture.name,
            model=dataclasses.asdict(self.model), energy_uj=self.energy, cycles=self.cycles,
            sum_edp_j_cycles=self.edp, total_edp_j_cycles=self.total_edp,
            mappings_evaluated=self.evaluated,
            layers=[layer.document(self.architecture) for layer in self.layers])

    def to_json(self) -> dict[str, Any]:
        """The document of JSON."""
        return self.document().model_dump(mode="json")


def uniform_bits(workloads: MappingType[str, Workload], activations: int, weights: int,
                 outputs: int | None = None) -> dict[str, Bits]:
    """The same bits for all layers; outputs are as wide as inputs where left out."""
    one = Bits(activations, weights, activations if outputs is None else outputs)
    return dict.fromkeys(workloads, one)


def map_layers(name: str, workloads: MappingType[str, Workload], architecture: Architecture,
               bits: MappingType[str, Bits], model: CostModel, settings: SearchSettings,
               progress: Callable[[str], None] | None = None) -> MappedNetwork:
    """The best mapping of every layer.

    Parameters
    ----------
    workloads, bits: by the layers' names
    progress: called with the name of each layer that is done

    Raises
    ------
    SpecError
        One sentence that begins with the layer, if it has no mapping.
    """
    known: dict[tuple[Workload, Bits], tuple[Found, bool]] = {}
    layers = []
    for layer, workload in workloads.items():
        key = model.workload(workload), bits[layer]
        if key not in known:
            try:
                known[key] = search(architecture, workload, [bits[layer]], model, settings)
            except SpecError as error:
                raise type(error)(f"{layer}: {error}") from None
        found, whole = known[key]
        best = found.optima[0]
        if best is None:
            raise SpecError(f"{layer}: no mapping fits {architecture.name}"
                            f"{'' if whole else ', of those that were drawn'}.")
        layers.append(cost_layer(layer, workload, architecture, bits[layer], model, best.mapping,
                                 whole))
        if progress is not None:
            progress(layer)
    return MappedNetwork(name, architecture, model, tuple(layers),
                         sum(found.evaluated for found, _ in known.values()),
                         sum(found.seconds for found, _ in known.values()))


def cost_layer(name: str, workload: Workload, architecture: Architecture, bits: Bits,
               model: CostModel, mapping: Mapping, whole: bool | None = None) -> MappedLayer:
    """A layer with a given mapping.

    Raises
    ------
    SpecError
        If the mapping is not one of the layer on the architecture, or does not fit.
    """
    model.check_bits(architecture, bits)
    costs = model.batch(mapping.nest(architecture, model.workload(workload))).of(bits)
    if not costs.valid:
        raise SpecError(f"{name}: {_overfull(architecture, costs)}")
    return MappedLayer(name, workload, bits, mapping, costs, whole)


def _overfull(architecture: Architecture, costs: Costs) -> str:
    for index, level in enumerate(architecture.levels):
        held = sum(int(part.words_held) for (own, _), part in costs.parts.items() if own == index)
        if level.entries is not None and held > level.entries:
            return f"{level.name} must hold at most {level.entries} words, but holds {held}."
    raise AssertionError("what fits everywhere is valid")
