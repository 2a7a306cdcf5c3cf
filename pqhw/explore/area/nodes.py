"""Cells of a dataflow accelerator outside its engines: nodes without weights, streams, border."""

from ...spec.dataflow import DataflowSpec, Edge, Part
from ...spec.devices import Device
from ...spec.network import ArgMax, Concat, MaxPool, Mean, PadChannels, Subsample, Sum
from ...spec.network.network import INPUT
from ...spec.ports import RowPort
from ...spec.ranges import Range
from .border import counters, gearbox, guard
from .cells import Cells, Fabric, fabric_of, total
from .encoders import outlet, sum_tree
from .loading import loader
from .window import window

__all__ = ["BORDER", "STREAMS", "node_cells", "other_cells", "stream_cells"]

BORDER, STREAMS = "border", "streams"
"""What is neither a layer nor a node of the network: around all, and between them."""

SMALL_WORDS = 64
"""Words up to which a queue stands in LUT RAM, as in the RTL."""

SHORTEST_MEMORY = 5
"""Sums of a mean that stand in a memory, likewise."""


def other_cells(design: DataflowSpec, part: Device) -> dict[str, Cells]:
    """Cells of everything but the engines: by node, and of streams and border."""
    fabric = fabric_of(part)
    found = {name: node_cells(fabric, own) for name, own in design.parts.items()
             if own.engine is None}
    forks = (sum(edge.source == name for edge in design.edges)
             + (design.origins[design.network.output] == name)
             for name in (INPUT, *design.parts))
    found[STREAMS] = total([*(stream_cells(fabric, edge) for edge in design.edges),
                            *(Cells(lut=3 * count, ff=count) for count in forks if count > 1)])
    found[BORDER] = total([guard(fabric, design.input), loader(fabric, design.image),
                           counters(fabric, design)])
    return found


def stream_cells(fabric: Fabric, edge: Edge) -> Cells:
    """A queue of `edge.words` transfers: three counters and a memory, LUT RAM up to 64 words;
    and what regroups transfers, or holds one where there is no queue."""
    bits = edge.given.lanes * edge.given.range.bits + 1
    cells = Cells()
    if edge.words:
        small = fabric.ecp5 and edge.words <= SMALL_WORDS
        cells += fabric.memory("lutram" if small else "bram", bits, edge.words)
        cells += fabric.counter(edge.words) * 2 + fabric.counter(edge.words + 1)
        cells += Cells(lut=10, ff=3)
    if edge.regroups or not edge.words:
        cells += gearbox(fabric, edge.gearbox, edge.given.range.bits)
    return cells


def node_cells(fabric: Fabric, part: Part) -> Cells:
    """A node without weights: its window, what its class says it costs, and its spare place."""
    given, made = part.inputs[0], part.results
    cells = _work(fabric, part)
    if isinstance(part.node.op, Subsample | PadChannels | Concat):
        return cells + _places(fabric, made)
    return cells + outlet(fabric, made.lanes * made.range.bits + 1) + _places(fabric, given)


def _places(fabric: Fabric, rows: RowPort) -> Cells:
    """The counter of a unit's transfers, and whether it ends."""
    return fabric.counter(rows.unit_transfers)


def _work(fabric: Fabric, part: Part) -> Cells:
    """What a node does, without its ends."""
    op, given, made = part.node.op, part.inputs[0], part.results
    bits = given.range.bits
    match op:
        case Sum():
            _, width = sum_tree(fabric, len(part.ranges), given.range)
            lane = (fabric.add(width) * (len(part.ranges) - 1) + fabric.registers(width)
                    + _clamp(fabric, width, made.range))
            return lane * part.lanes + Cells(ff=2)
        case MaxPool():
            assert part.window is not None
            lane = (fabric.less(bits) + Cells(lut=bits) + fabric.registers(bits))
            lane = lane * (part.window.layer.taps - 1)
            return lane * part.lanes + window(fabric, part.window, bits)
        case Mean(whole=True):
            return _whole_mean(fabric, part, op)
        case Mean():
            assert part.window is not None
            tree, width = sum_tree(fabric, part.window.layer.taps, given.range)
            lane = tree + _scaled(fabric, width, op.multiplier, made.range)
            return lane * part.lanes + window(fabric, part.window, bits)
        case Subsample():
            height, width, _ = given.shape
            return fabric.counter(width) + fabric.counter(height) + Cells(lut=6, ff=2)
        case PadChannels():
            return Cells(lut=4 + part.lanes * bits)
        case Concat():
            return Cells(lut=len(part.inputs) * (3 + part.lanes * bits))
        case ArgMax():
            lane = fabric.less(bits + 1) + Cells(lut=bits + 1 + made.range.bits)
            return lane * part.lanes + fabric.registers(bits + 1 + made.range.bits)
    raise TypeError(f"{type(op).__name__} has no formula.")


def _whole_mean(fabric: Fabric, part: Part, op: Mean) -> Cells:
    """A sum per channel, and per lane an adder and the scale."""
    given = part.inputs[0]
    height, width, _ = given.shape
    total_bits = given.range.times(height * width).bits
    transfers = given.unit_transfers
    small = transfers < SHORTEST_MEMORY
    store = "register" if small else "lutram" if fabric.ecp5 else "bram"
    ring = (fabric.registers(total_bits * part.lanes * transfers, alone=True) if small
            else fabric.memory(store, total_bits * part.lanes, transfers)
            + fabric.registers((2 * given.range.bits + total_bits) * part.lanes, alone=True))
    lane = (fabric.add(total_bits) + fabric.registers(total_bits)
            + _scaled(fabric, total_bits, op.multiplier, part.results.range))
    return ring + lane * part.lanes + fabric.counter(height * width)


def _scaled(fabric: Fabric, width: int, multiplier: int, made: Range) -> Cells:
    """A product with a constant as sums of shifted values, rounded and clamped."""
    digits = _signed_digits(multiplier)
    product = width + multiplier.bit_length()
    cells = (fabric.add(product) + fabric.registers(product - 3)) * (digits - 1)
    return cells + fabric.add(product) + _clamp(fabric, product, made)


def _signed_digits(value: int) -> int:
    """Powers of two, added or subtracted, that make a number: ones of 3n ^ n."""
    return bin(value ^ 3 * value).count("1")


def _clamp(fabric: Fabric, width: int, made: Range) -> Cells:
    """Two comparisons and a choice, registered."""
    comparisons = fabric.less(width) * (1 + (made.low != 0))
    return comparisons + Cells(lut=made.bits + 1) + fabric.registers(made.bits)


