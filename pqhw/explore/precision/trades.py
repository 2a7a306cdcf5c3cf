"""A network's trades between bits and cost: what a search found, and what that means."""

import dataclasses
from typing import Any

import numpy as np

from ...network.graph import Graph
from ..mapping.architecture import Architecture
from ..mapping.cost import CostModel
from ..mapping.network import MappedNetwork, cost_layer
from .accuracy import Noise
from .results import (ChosenResult, GenerationResult, PointResult, PrecisionResult,
                      SavingResult)
from .search import Point, SearchResult
from .tables import WIDTHS, CostTable

__all__ = ["CLAIM", "Saving", "Trades", "noise_of", "random_inputs"]

CLAIM = 0.37
"""Share of energy that the published search claims to save at no loss of accuracy."""

POINT = 0.01
"""A percentage point of accuracy."""


@dataclasses.dataclass(frozen=True)
class Saving:
    """The cheapest genome that loses no more than something else, against uniform 8 bits.

    Members
    -------
    than: what it is held against
    loss: that may be lost
    point: None where none was found
    energy, cost: shares of uniform 8 bits' that are saved
    """
    than: str
    loss: float
    point: Point | None
    energy: float
    cost: float

    def to_json(self) -> dict[str, Any]:
        """As a document of JSON."""
        return {"than": self.than, "loss": self.loss, "energy_saved": self.energy,
                "cost_saved": self.cost,
                "genome": None if self.point is None else [list(own) for own in self.point.genome]}


@dataclasses.dataclass(frozen=True, eq=False)
class Trades:
    """What a search found for a network on an architecture."""
    name: str
    architecture: Architecture
    model: CostModel
    table: CostTable
    result: SearchResult

    @property
    def full(self) -> Point:
        """Uniform 8 bits: what everything is held against."""
        return self.result.uniform[max(self.result.uniform)]

    @property
    def bound(self) -> float:
        """The share of energy that the fewest bits save, in all layers."""
        return 1 - self.result.uniform[min(self.result.uniform)].energy / self.full.energy

    @property
    def savings(self) -> list[Saving]:
        """At the loss of uniform 8 bits and a little more, and at those of fewer uniform bits."""
        asked = [("uniform 8 bits", self.full.loss)]
        if self.result.unit == "error":
            asked.append(("uniform 8 bits, less a point", self.full.loss + POINT))
        asked += [(f"uniform {bits} bits", point.loss)
                  for bits, point in sorted(self.result.uniform.items(), reverse=True)
                  if bits < max(self.result.uniform)]
        return [self._saving(than, loss) for than, loss in asked]

    def _saving(self, than: str, loss: float) -> Saving:
        cost = self.result.settings.cost
        point = self.result.cheapest(loss)
        if point is None:
            return Saving(than, loss, None, 0.0, 0.0)
        return Saving(than, loss, point, 1 - point.energy / self.full.energy,
                      1 - point.cost(cost) / self.full.cost(cost))

    @property
    def chosen(self) -> Point:
        """The point that is shown in full: of 1 point of accuracy lost, or no more noise than
        uniform 4 bits have."""
        wanted = 1 if self.result.unit == "error" else [
            saving.than for saving in self.savings].index("uniform 4 bits")
        return self.savings[wanted].point or self.full

    def mapped(self, point: Point) -> MappedNetwork:
        """All layers with the mappings of a point."""
        bits = self.table.bits(np.array(point.genome))
        layers = tuple(cost_layer(
            name, workload, self.architecture, bits[name], self.model,
            self.table.mapping(name, bits[name]), self.table.whole)
            for name, workload in zip(self.table.names, self.table.workloads))
        return MappedNetwork(self.name, self.architecture, self.model, layers, 0, 0.0)

    def document(self) -> PrecisionResult:
        """All of it as a document, without how long it took."""
        result, chosen = self.result, self.chosen
        return PrecisionResult(
            name=self.name, architecture=self.architecture.name,
            model=dataclasses.asdict(self.model), optimal_mappings=self.table.whole,
            settings=dataclasses.asdict(result.settings), loss_unit=result.unit,
            layers=list(self.table.names), front=[PointResult.of(point) for point in result.front],
            uniform={bits: PointResult.of(point) for bits, point in result.uniform.items()},
            savings=[SavingResult.model_validate(saving.to_json()) for saving in self.savings],
            most_that_bits_save=self.bound, published_claim=CLAIM,
            history=[GenerationResult.model_validate(dataclasses.asdict(one))
                     for one in result.history],
            chosen=ChosenResult(point=PointResult.of(chosen),
                                mapping=self.mapped(chosen).document()))

    def to_json(self) -> dict[str, Any]:
        """The document of JSON."""
        return self.document().model_dump(mode="json")


def random_inputs(graph: Graph, *, count: int = 1, seed: int = 0) -> np.ndarray:
    """Inputs [R, ...] drawn evenly from 0 to 1, where there is no data set."""
    random = np.random.default_rng(seed)
    return random.random((count, *graph.input_shape), dtype=np.float32)


def noise_of(graph: Graph, inputs: np.ndarray) -> Noise:
    """The quantization noise of a graph's layers on some inputs."""
    return Noise(graph, inputs, WIDTHS)
