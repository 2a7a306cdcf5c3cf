"""The area of a design, part by part, from its spec alone."""

import dataclasses
import functools

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

__all__ = ["GROUPS", "PART_KINDS", "PartArea", "area_of", "encoding_cycles", "part_areas"]

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


@functools.lru_cache(maxsize=64)
def part_areas(chain: ChainSpec, part: Device) -> tuple[PartArea, ...]:
    """The parts of a design that is resolved for `part`."""
    fabric = fabric_of(part)
    parts = [PartArea("guard", None, guard(fabric, chain.input)),
             PartArea("loader", None, loader(fabric, chain.image)),
             PartArea("counters", None, counters(fabric, chain))]
    for index, spec in enumerate(chain.stages):
        parts += [PartArea(kind, index, cells, _cycles(kind, spec))
                  for kind, cells in _engine(fabric, spec).items()]
    for index, box in enumerate(chain.gearboxes):
        bits = chain.stages[index].result_range.bits
        cycles = box.cycles_per_row * chain.stages[index].layer.units_out
        parts.append(PartArea("gearbox", index, gearbox(fabric, box, bits), cycles))
    return tuple(parts)


def _engine(fabric: Fabric, spec: EngineSpec) -> dict[str, Cells]:
    """The parts of one engine."""
    if isinstance(spec, PQSpec):
        lead = spec.table_stages
        parts = {**_encoder(fabric, spec.encoder), "collector": code_collector(fabric, spec),
                 "tables": tables(fabric, spec)}
    elif isinstance(spec, BitplaneSpec):
        planes = {"weights": plane_weights(fabric, spec), "multipliers": plane_counts(fabric, spec),
                  "replay": plane_replay(fabric, spec), "sums": plane_sums(fabric, spec)}
        return {**planes, **_front(fabric, spec), "results": results(fabric, spec)}
    else:
        assert isinstance(spec, MACSpec)
        lead = spec.weight_stages + spec.product_stages
        parts = {"weights": weights(fabric, spec), "multipliers": mac_lanes(fabric, spec)}
        if spec.permutes:
            parts["order"] = row_order(fabric, spec)
    return {**parts, **_front(fabric, spec), "replay": replay(fabric, spec),
            "sums": column_sums(fabric, spec, lead), "results": results(fabric, spec)}


def _front(fabric: Fabric, spec: EngineSpec) -> dict[str, Cells]:
    """The window of a convolution and what regroups its taps."""
    if spec.front is None:
        return {}
    masked = isinstance(spec, PQSpec) and spec.masks_lookups
    tap_bits = spec.window.bits + masked
    return {"window": window(fabric, spec.window, tap_bits)
            + gearbox(fabric, spec.front.gearbox, tap_bits)}


def _cycles(kind: str, spec: EngineSpec) -> int | None:
    """Cycles per row at the ports of an engine's halves."""
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


def _encoder(fabric: Fabric, spec: EncoderSpec) -> dict[str, Cells]:
    """The parts of an encoder."""
    if isinstance(spec, TreeSpec):
        return {"prototypes": tree_memories(fabric, spec), "encoder": tree_control(fabric, spec),
                "encoder lanes": tree_lanes(fabric, spec)}
    assert isinstance(spec, DistanceSpec)
    return {"prototypes": prototype_memory(fabric, spec), "encoder": encoder(fabric, spec),
            "encoder lanes": distance_lane(fabric, spec) * spec.lanes}


def area_of(chain: ChainSpec, part: Device) -> Cells:
    """The whole design's cells."""
    return total(one.cells for one in part_areas(chain, part))
