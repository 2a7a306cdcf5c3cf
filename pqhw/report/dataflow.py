"""A dataflow accelerator layer by layer, for people and for machines."""

from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from ..explore.area.nodes import BORDER, STREAMS
from ..explore.balance import Balanced
from ..flow.area import available
from ..flow.layers import work_bounds
from ..flow.results import Area, Bound, Layer
from ..spec import EngineSpec, PQSpec
from ..spec.dataflow import DataflowSpec, Part
from ..spec.devices import Device
from .network import RESOURCES
from .numbers import share
from .ratios import AREA

__all__ = ["dataflow_findings", "dataflow_json", "dataflow_table"]


def _storage(spec: EngineSpec) -> str:
    """Where the largest part of an engine's parameters stands."""
    if isinstance(spec, PQSpec):
        return spec.table_store
    return str(getattr(spec, "weight_store", ""))


def _lanes(part: Part) -> str:
    """What works side by side."""
    spec = part.engine
    if spec is None:
        return str(part.lanes)
    if isinstance(spec, PQSpec):
        return f"{spec.subspace_lanes} x {spec.outputs}"
    return f"{spec.row_lanes} x {spec.outputs}"


def dataflow_json(found: Balanced, part: Device) -> dict[str, Any]:
    """Plain values."""
    design = found.design
    times = design.schedule
    buffers: dict[str, list[int]] = {}
    for edge in design.edges:
        buffers.setdefault(edge.target, []).append(edge.words)
    nodes = []
    for name, own in design.parts.items():
        area = found.areas[name]
        nodes.append({"node": name, "kind": own.engine.KIND if own.engine else own.node.op.KIND,
                      "cycles": own.cycles, "utilisation": round(own.cycles / times.interval, 4),
                      "buffers": buffers[name],
                      "area": area.model_dump()})
    shares = _shares(found, part)
    return {"schema_version": 1, "document": "dataflow", "network": design.network.name,
            "device": part.name, "cycles_per_image": design.cycles_per_row,
            "latency_cycles_estimated": times.latency, "area": found.area.model_dump(),
            "streams": found.areas[STREAMS].model_dump(),
            "border": found.areas[BORDER].model_dump(), "nodes": nodes,
            "shares": {name: round(share, 4) for name, share in shares.items()},
            "limiting_resource": max(shares, key=shares.__getitem__),
            "slowest": _slowest(design),
            "bounds": {one.resource: one.busy for one in _bounds(found, part)}}


def dataflow_findings(found: Balanced, part: Device) -> list[str]:
    """In words: what is short, what sets the rate, and how far the nearest bound is."""
    shares = _shares(found, part)
    most = max(shares, key=shares.__getitem__)
    told = ", ".join(f"{share(own)} of the {AREA[name]}" for name, own in shares.items() if own)
    first = f"It takes {told}; {AREA[most]} limits it."
    if shares[most] > 1:
        first = f"It does not fit, as it takes {told}."
    slowest = _slowest(found.design)
    names = ", ".join(slowest[:3]) + (f" and {len(slowest) - 3} more" if len(slowest) > 3 else "")
    nearest = max(_bounds(found, part), key=lambda bound: bound.busy)
    return [first, f"{names} {'sets' if len(slowest) == 1 else 'set'} the rate. Layers keep "
                   f"{share(nearest.busy)} of the device's {RESOURCES[nearest.resource]} at work: "
                   f"all of it would give {1 / nearest.busy:.1f} times the rate."]


def _shares(found: Balanced, part: Device) -> dict[str, float]:
    """Of every resource of the device the part that is taken."""
    has = available(part).model_dump()
    return {name: used / has[name] for name, used in found.area.model_dump().items() if has[name]}


def _slowest(design: DataflowSpec) -> list[str]:
    """The nodes with most work."""
    most = max(own.cycles for own in design.parts.values())
    return [name for name, own in design.parts.items() if own.cycles == most]


def _bounds(found: Balanced, part: Device) -> list[Bound]:
    """How much of each resource is at work."""
    cycles = found.design.cycles_per_row
    layers = [Layer(name=name, kind="", cycles=own.cycles, utilisation=own.cycles / cycles,
                    area=found.areas[name], tiles="") for name, own in found.design.parts.items()]
    return work_bounds(found.design, part, layers, cycles, None)


def dataflow_table(found: Balanced, part: Device) -> Table:
    """A row per node: kind, what works side by side, cycles, area and what waits in front."""
    design = found.design
    cycles = design.cycles_per_row
    table = Table(Column("node", overflow="fold"), "kind", *(Column(name, justify="right") for name
                  in ("lanes", "cycles", "busy", "LUT4", "RAM", "DSP")), "memory",
                  "room",
                  title=escape(f"{design.network.name} on {part.name}: {cycles:,} cycles per "
                               "image; area estimated"))
    rooms: dict[str, list[int]] = {}
    for edge in design.edges:
        rooms.setdefault(edge.target, []).append(edge.words)
    for name, own in design.parts.items():
        area = found.areas[name]
        figures = [f"{area.lut4:,}", str(area.bram), str(area.dsp)]
        table.add_row(escape(name), _kind(own), _lanes(own), f"{own.cycles:,}",
                      f"{100 * own.cycles / cycles:.0f} %", *figures,
                      "" if own.engine is None else _storage(own.engine),
                      ", ".join(map(str, rooms[name])) if any(rooms[name]) else "")
    total: Area = found.area
    table.add_section()
    for name in (STREAMS, BORDER):
        area = found.areas[name]
        table.add_row(name, "", "", "", "", f"{area.lut4:,}", str(area.bram), str(area.dsp), "", "")
    table.add_row("all", "", "", f"{cycles:,}", "", f"{total.lut4:,}", str(total.bram),
                  str(total.dsp), "", "")
    return table


def _kind(part: Part) -> str:
    """An engine's kind, or a node's."""
    spec = part.engine
    if spec is None:
        return part.node.op.KIND
    return f"pq {spec.engine.encoder}" if isinstance(spec, PQSpec) else str(spec.engine.scheme)
