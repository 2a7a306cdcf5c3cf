"""The document of `pqhw explore`: choices of bits that no other beats, and how they were found."""

from typing import Any, Literal

import pydantic

from ..mapping.results import MappingResult
from .search import COSTS, Point

__all__ = ["PointResult", "PrecisionResult"]


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


class PointResult(_Model):
    """A choice of bits, what it loses and what it costs."""
    genome: list[tuple[int, int]] = pydantic.Field(
        description="per layer, bits of activations and weights")
    loss: float = pydantic.Field(description="in the evaluator's unit")
    energy_uj: float = pydantic.Field(gt=0)
    cycles: int = pydantic.Field(gt=0)
    sum_edp_j_cycles: float = pydantic.Field(gt=0)

    @classmethod
    def of(cls, point: Point) -> "PointResult":
        """A point as it stands in the document."""
        return cls(genome=list(point.genome), loss=point.loss, energy_uj=point.energy,
                   cycles=point.cycles, sum_edp_j_cycles=point.edp)

    @property
    def point(self) -> Point:
        """The point that stands in the document."""
        return Point(tuple(self.genome), self.loss, self.energy_uj, self.cycles,
                     self.sum_edp_j_cycles)


class SavingResult(_Model):
    """The cheapest choice that loses no more than something else, against uniform 8 bits."""
    than: str
    loss: float
    energy_saved: float
    cost_saved: float
    genome: list[tuple[int, int]] | None = pydantic.Field(description="null where none was found")


class GenerationResult(_Model):
    """State after a generation."""
    number: int
    evaluated: int
    hypervolume: float


class ChosenResult(_Model):
    """The choice that is shown in full."""
    point: PointResult
    mapping: MappingResult


class PrecisionResult(_Model):
    """A whole search of bits."""
    schema_version: Literal[1] = 1
    document: Literal["precision"] = "precision"
    name: str
    architecture: str
    model: dict[str, Any]
    optimal_mappings: bool
    settings: dict[str, int | str]
    loss_unit: str = pydantic.Field(description="`error`, or `noise dB`")
    layers: list[str]
    front: list[PointResult] = pydantic.Field(description="cheapest first")
    uniform: dict[int, PointResult] = pydantic.Field(
        description="by bits, all layers with these", min_length=1)
    savings: list[SavingResult]
    most_that_bits_save: float
    published_claim: float
    history: list[GenerationResult]
    chosen: ChosenResult | None = pydantic.Field(
        default=None, description="of 1 point of accuracy lost, or no more noise than uniform 4 "
                                  "bits have")

    @pydantic.model_validator(mode="after")
    def _one_search(self) -> "PrecisionResult":
        if self.cost not in COSTS:
            raise ValueError(f"settings.cost must be one of {', '.join(COSTS)}, "
                             f"but is {self.cost}")
        points = [*self.front, *self.uniform.values(),
                  *([self.chosen.point] if self.chosen else [])]
        if any(len(point.genome) != len(self.layers) for point in points):
            raise ValueError("a genome must have a pair of bits for each of layers, "
                             "but one has not")
        return self

    @property
    def cost(self) -> str:
        """What was searched for: `edp`, `energy` or `cycles`."""
        return str(self.settings.get("cost", "edp"))
