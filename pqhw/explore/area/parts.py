"""The area of a design, part by part, from its spec alone."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from ...spec import (
    BitplaneSpec,
    ChainSpec,
    DistanceSpec,
    EncoderSpec,
    EngineSpec,
    MACSpec,
    PQSpec,
    TreeSpec,
)
from ...spec.devices import Device
from .border import code_collector, counters, gearbox, guard, replay
from .cells import Cells, Fabric, fabric_of, total
from .distances import distance_lane
from .encoders import encoder, prototype_memory
from .engines import column_sums, results, row_order, tables
from .lanes import mac_lanes, weights
from .loading import loader
from .planes import plane_counts, plane_replay, plane_sums, plane_weights
from .trees import tree_control, tree_lanes, tree_memories
from .window import window

__all__ = ["GROUPS", "PART_KINDS", "PartArea", "area_of", "encoding_cycles", "part_areas",
           "part_formulas"]

GROUPS = ("border", "control", "encoder", "memories", "sums", "results")
"""Parts that share a factor when the formulas are fitted."""

GROUP_OF = {
    "guard": "border", "loader": "border", "counters": "border",
    "window": "control", "gearbox": "control", "encoder": "control", "collector": "control",
    "replay": "control",
    "encoder lanes": "encoder", "multipliers": "encoder",
    "prototypes": "memories", "tables": "memories", "weights": "memories",
    "sums": "sums", "results": "results", "order": "results"}

PART_KINDS = tuple(GROUP_OF)
"""The parts that have a formula."""


@dataclasses.dataclass(frozen=True)
class PartArea:
    """The cells of one part.

    Members
    -------
    kind: which formula gave them; one of `PART_KINDS`
    stage: the engine it belongs to, None for what stands around all
    cycles: cycles per row, where the part has a rate of its own
    """
    kind: str
    stage: int | None
    cells: Cells
    cycles: int | None = None

    @property
    def group(self) -> str:
        """The parts that it shares a factor with."""
        return GROUP_OF[self.kind]


Formula = Callable[[], Cells]


@functools.lru_cache(maxsize=64)
def part_areas(chain: ChainSpec, part: Device) -> tuple[PartArea, ...]:
    """The parts of a design that is resolved for `part`."""
    return tuple(PartArea(kind, stage, formula(), None if stage is None else
                          _cycles(kind, chain, stage))
                 for kind, stage, formula in part_formulas(chain, part))


def part_formulas(chain: ChainSpec, part: Device) -> list[tuple[str, int | None, Formula]]:
    """Kinds of the parts of a resolved design, the engines that they belong to, and what gives
    their cells."""
    fabric = fabric_of(part)
    parts: list[tuple[str, int | None, Formula]] = [
        ("guard", None, lambda: guard(fabric, chain.input)),
        ("loader", None, lambda: loader(fabric, chain.image)),
        ("counters", None, lambda: counters(fabric, chain))]
    for index, spec in enumerate(chain.stages):
        parts += [(kind, index, formula) for kind, formula in _engine(fabric, spec).items()]
    for index, box in enumerate(chain.gearboxes):
        bits = chain.stages[index].result_range.bits
        parts.append(("gearbox", index, functools.partial(gearbox, fabric, box, bits)))
    return parts


def _engine(fabric: Fabric, spec: EngineSpec) -> dict[str, Formula]:
    """The parts of one engine."""
    def of(formula: Callable[..., Cells], *arguments: Any) -> Formula:
        return functools.partial(formula, fabric, spec, *arguments)

    parts: dict[str, Formula]
    if isinstance(spec, PQSpec):
        lead = spec.table_stages
        parts = {**_encoder(fabric, spec.encoder), "collector": of(code_collector),
                 "tables": of(tables)}
    elif isinstance(spec, BitplaneSpec):
        planes = {"weights": of(plane_weights), "multipliers": of(plane_counts),
                  "replay": of(plane_replay), "sums": of(plane_sums)}
        return {**planes, **_front(fabric, spec), "results": of(results)}
    else:
        assert isinstance(spec, MACSpec)
        lead = spec.weight_stages + spec.product_stages
        parts = {"weights": of(weights), "multipliers": of(mac_lanes)}
        if spec.permutes:
            parts["order"] = of(row_order)
    return {**parts, **_front(fabric, spec), "replay": of(replay),
            "sums": of(column_sums, lead), "results": of(results)}


def _front(fabric: Fabric, spec: EngineSpec) -> dict[str, Formula]:
    """The window of a convolution and what regroups its taps."""
    front = spec.front
    if front is None:
        return {}
    masked = isinstance(spec, PQSpec) and spec.masks_lookups

    def cells() -> Cells:
        tap_bits = spec.window.bits + masked
        return window(fabric, spec.window, tap_bits) + gearbox(fabric, front.gearbox, tap_bits)

    return {"window": cells}


def _cycles(kind: str, chain: ChainSpec, stage: int) -> int | None:
    """Cycles per row at the ports of an engine's halves, or of a gearbox."""
    spec = chain.stages[stage]
    if kind == "gearbox":
        return chain.gearboxes[stage].cycles_per_row * chain.stages[stage + 1].layer.units_in
    if kind == "encoder lanes":
        assert isinstance(spec, PQSpec)
        return encoding_cycles(spec)
    if kind == "multipliers":
        return spec.row_cycles * spec.layer.units_out // spec.pixels
    return spec.tiles * spec.groups * spec.layer.units_out if kind == "tables" else None


def encoding_cycles(spec: PQSpec) -> int:
    """Cycles that an encoder takes for a row at the ports, or for an image."""
    rows = spec.layer.units_in if spec.encodes_pixels else spec.layer.units_out
    return spec.row_encode_cycles * rows


def _encoder(fabric: Fabric, spec: EncoderSpec) -> dict[str, Formula]:
    """The parts of an encoder."""
    if isinstance(spec, TreeSpec):
        return {"prototypes": functools.partial(tree_memories, fabric, spec),
                "encoder": functools.partial(tree_control, fabric, spec),
                "encoder lanes": functools.partial(tree_lanes, fabric, spec)}
    assert isinstance(spec, DistanceSpec)
    return {"prototypes": functools.partial(prototype_memory, fabric, spec),
            "encoder": functools.partial(encoder, fabric, spec),
            "encoder lanes": lambda: distance_lane(fabric, spec) * spec.lanes}


def area_of(chain: ChainSpec, part: Device) -> Cells:
    """The whole design's cells."""
    return total(one.cells for one in part_areas(chain, part))
