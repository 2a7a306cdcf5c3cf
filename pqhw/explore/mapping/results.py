"""The document of `pqhw map`: what every layer costs, level by level, and its mapping."""

from typing import Any, Literal

import pydantic

__all__ = ["LayerResult", "MappingResult"]


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


class Widths(_Model):
    """Bits of a layer's tensors."""
    inputs: int
    weights: int
    outputs: int


class Accesses(_Model):
    """A tensor at a level, per instance and in elements; energy of all instances."""
    level: str
    tensor: str
    tile: int
    reads: int
    fills: int
    updates: int
    words_held: int
    instances: int
    energy_uj: float


class LayerResult(_Model):
    """A layer with its mapping and what that costs."""
    name: str
    workload: dict[str, Any] = pydantic.Field(description="the eight loops and the stride")
    bits: Widths
    mapping: dict[str, Any] = pydantic.Field(description="by place, pairs of dimension and factor")
    nest: list[str] = pydantic.Field(default=[], description="the mapping as a loop nest")
    optimal: bool | None = pydantic.Field(description="whether no better one exists; null if given")
    energy_uj: float = pydantic.Field(ge=0)
    cycles: int = pydantic.Field(ge=0)
    edp_j_cycles: float = pydantic.Field(ge=0)
    multipliers: int = pydantic.Field(description="that are used")
    utilisation: float = pydantic.Field(description="share of all multipliers")
    level_energy_uj: dict[str, float] = pydantic.Field(
        description="by level from the outermost, MAC the last")
    level_cycles: dict[str, int] = pydantic.Field(
        default={}, description="cycles that a level's words take at its bandwidth, 0 where that "
                                "has no limit; those of MAC compute; the largest is the layer's")
    accesses: list[Accesses]

    def waiting(self) -> tuple[str, int]:
        """The level that the multipliers wait for, and so many cycles; "" and 0 where for none."""
        computing = self.level_cycles.get("MAC", self.cycles)
        if self.cycles <= computing:
            return "", 0
        return max(self.level_cycles, key=self.level_cycles.__getitem__), self.cycles - computing


class MappingResult(_Model):
    """Layers on an architecture, in order."""
    schema_version: Literal[1] = 1
    document: Literal["mapping"] = "mapping"
    name: str
    architecture: str
    model: dict[str, Any]
    energy_uj: float = pydantic.Field(ge=0)
    cycles: int = pydantic.Field(ge=0)
    sum_edp_j_cycles: float = pydantic.Field(ge=0)
    total_edp_j_cycles: float = pydantic.Field(ge=0)
    mappings_evaluated: int
    layers: list[LayerResult]
