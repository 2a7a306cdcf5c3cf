"""A routed network layer by layer: cells by hierarchy, places, and what bounds the rate."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from ..spec import BitplaneSpec, EngineSpec, MACSpec, PQSpec
from ..spec.dataflow import DataflowSpec
from ..spec.devices import Device
from .area import routed_area
from .placement import Placed
from .results import Bound, Layer, Network

__all__ = ["BORDER", "HARNESS", "STREAMS", "network_of", "work_bounds"]

STREAMS, BORDER, HARNESS = "streams", "border", "harness"
"""What is no layer: what joins them, what guards the ports and loads, what measures."""

NODE = re.compile(r"^dut\.network\.node(\d+)_")

PORT_BITS = {"ecp5": 36, "ice40": 16}
"""Bits that a block RAM reads in a cycle: DP16KD over one port or two, SB_RAM40_4K over one."""

UNITS = ("TRELLIS_COMB", "TRELLIS_RAMW", "TRELLIS_FF", "DP16KD", "MULT18X18D", "ICESTORM_LC",
         "ICESTORM_RAM", "ICESTORM_DSP")
"""Cells that area counts."""


def network_of(design: DataflowSpec, part: Device, placed: Iterable[Placed], *, seed: int,
               interval: float, rows_per_second: float | None) -> Network:
    """Area, place and share of work of every layer, as it was routed.

    Cells belong to the part of the hierarchy whose name they carry; a cell in which synthesis
    joined logic of two belongs to the one it is named after. The areas of layers, streams, border
    and harness together are all that the router counted.

    Parameters
    ----------
    placed:
        Every cell, of the design in its harness.
    interval:
        Cycles from an image to the next.
    rows_per_second:
        Images per second; None where the design was not verified.
    """
    names = list(design.parts)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    flip_flops: Counter[str] = Counter()
    tiles: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    columns = rows = 0
    for cell in placed:
        columns, rows = max(columns, cell.x + 1), max(rows, cell.y + 1)
        if cell.kind not in UNITS:
            continue
        owner = _owner(cell.name, names)
        kinds[owner][cell.kind] += 1
        flip_flops[owner] += cell.flip_flop
        tiles[owner][cell.y, cell.x] += 1
    layers = []
    for name in (*names, STREAMS, BORDER, HARNESS):
        own = design.parts.get(name)
        layers.append(Layer(
            name=name, kind="" if own is None else _kind(own.engine, own.node.op.KIND),
            cycles=None if own is None else own.cycles,
            utilisation=None if own is None else round(own.cycles / interval, 4),
            area=routed_area(part, kinds[name], flip_flops[name]),
            tiles=" ".join(f"{x}:{y}:{count}" for (y, x), count in sorted(tiles[name].items()))))
    busiest = max(own.cycles for own in design.parts.values())
    return Network(
        seed=seed, interval=interval, columns=columns, rows=rows, layers=layers,
        slowest=[name for name, own in design.parts.items() if own.cycles == busiest],
        bounds=work_bounds(design, part, layers, interval, rows_per_second))


def _owner(name: str, names: list[str]) -> str:
    """The part of the design that a cell's name begins with."""
    node = NODE.match(name)
    if node is not None:
        return names[int(node[1])]
    if name.startswith("dut.network."):
        return STREAMS
    return BORDER if name.startswith("dut.") else HARNESS


def _kind(spec: EngineSpec | None, otherwise: str) -> str:
    """An engine's kind, or a node's."""
    if isinstance(spec, PQSpec):
        return f"pq {spec.engine.encoder}"
    return otherwise if spec is None else str(getattr(spec.engine, "scheme", spec.KIND))


def work_bounds(design: DataflowSpec, part: Device, layers: Iterable[Layer], interval: float,
                rate: float | None) -> list[Bound]:
    """What share of each resource of the device layers keep at work, on average over time.

    Were all of it at work all the time, with as much work done by each unit as now, the rate would
    be the bound. What stands idle is what is not used, what waits for a slower layer, and what is
    no layer.
    """
    has = {"lut4": part.luts, "ff": part.ffs, "bram": part.brams, "dsp": part.dsps}
    layers = list(layers)
    busy = {name: sum(getattr(layer.area, name) * (layer.utilisation or 0) for layer in layers)
            / units for name, units in has.items() if units}
    bits = sum(_bits_read(own.engine) * own.cycles for own in design.parts.values()) / interval
    if part.brams:
        busy["ports"] = bits / (part.brams * PORT_BITS[part.family])
    return [Bound(resource=name, busy=round(share, 4),
                  rows_per_second=None if rate is None or not share else round(rate / share, 1))
            for name, share in busy.items()]


def _bits_read(spec: EngineSpec | None) -> int:
    """Bits of tables or weights that an engine reads from block RAM in a cycle of work."""
    if isinstance(spec, PQSpec) and spec.table_store == "bram":
        return spec.lookups_per_cycle * spec.precision.table_bits
    if (isinstance(spec, MACSpec) and not isinstance(spec, BitplaneSpec)
            and spec.weight_store == "bram"):
        return spec.row_lanes * spec.outputs * spec.engine.weight_bits
    return 0

