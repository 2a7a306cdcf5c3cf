"""When every pixel passes every part of a dataflow accelerator, and what must wait meanwhile.

A part takes steps, one after another: a step may take a unit, a pixel or a row, from each of its
inputs, and may give one. With images coming in at an even pace and room for everything, each time
follows from earlier ones; the most units that wait at once on a stream are then the room that it
needs. Nothing in a dataflow ever gets later because something else gets earlier, so with that room
every order of events that the schedule has stays possible: the pace is kept, nothing locks up.
Times are those of whole units, to a few cycles; what lies between is left to `SPARE`, and to the
simulations that hold accelerators to their cycles.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..conv import Conv2d
from ..engine import EngineSpec
from ..network.network import INPUT
from ..network.nodes import Mean, PadChannels, Subsample
from ..ranges import ceil_div
from ..window import WindowSpec
from .parts import Part

if TYPE_CHECKING:
    from .dataflow import DataflowSpec, Edge

__all__ = ["Schedule", "schedule", "too_slow", "waiting_rooms"]

IMAGES = 6
"""Images that are followed at first."""

WHOLE = 3
"""Images that must get through: what waits repeats from the second on. Windows hold the last back
for want of others behind them; in deep networks of small images, several."""

STREAM = 4
"""Cycles in the registers of a node without weights, and in what regroups a stream, about."""

SPARE = 1
"""Units of room beyond what is found, as times within a unit are not followed."""


@dataclasses.dataclass(frozen=True, eq=False)
class Schedule:
    """What is found.

    Members
    -------
    interval: cycles from an image to the next
    periods: the same for every part, fed at that pace
    waiting: the most units of the source that wait at once, by (target, index of its input)
    spacing: the fewest cycles between units of the source, by the same
    latency: cycles from an image's first pixel to its first result
    """
    interval: int
    periods: dict[str, int]
    waiting: dict[tuple[str, int], int]
    spacing: dict[tuple[str, int], int]
    latency: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Steps:
    """Steps of a part over all images.

    Members
    -------
    takes: [steps] units taken from every input
    gives: [steps] whether a unit is given
    cycles: [steps] that a step lasts
    busy: cycles that a unit given keeps what makes it
    latency: cycles in registers on the way
    supply: cycles that a unit takes to be made ready, while the steps before it go on
    ahead: cycles of them that can pass before the unit in front of it is taken
    """
    takes: np.ndarray
    gives: np.ndarray
    cycles: np.ndarray
    busy: int
    latency: int = STREAM
    supply: int = 0
    ahead: int = 0


def schedule(spec: "DataflowSpec", interval: int) -> Schedule:
    """Follow images through the parts of a spec, one every so many cycles, or as many more as its
    slowest part needs: some work in bursts, and wait for what has not come."""
    found = _at_pace(spec, interval)
    while (slowest := max(found.periods.values())) > found.interval:
        found = _at_pace(spec, slowest)
    return found


def too_slow(spec: "DataflowSpec", interval: int) -> str | None:
    """The first part that cannot give an image every so many cycles, though they come so."""
    return next((name for name, period in _at_pace(spec, interval).periods.items()
                 if period > interval), None)


def _at_pace(spec: "DataflowSpec", interval: int) -> Schedule:
    images = IMAGES
    while (found := _followed(spec, interval, images)) is None:
        images *= 2
    return found


def _followed(spec: "DataflowSpec", interval: int, images: int) -> Schedule | None:
    """What is found of so many images; None where too few get through."""
    units = spec.input.units
    pace = np.arange(images * units) * interval // units
    put: dict[str, np.ndarray] = {INPUT: pace}
    waiting: dict[tuple[str, int], int] = {}
    spacing: dict[tuple[str, int], int] = {}
    periods: dict[str, int] = {}
    for name, part in spec.parts.items():
        edges = [edge for edge in spec.edges if edge.target == name]
        alone = len(edges) == 1
        arrivals = [_arrivals(edge, put[edge.source], alone) for edge in edges]
        supply = max(edge.gearbox.cycles_per_row for edge in edges)
        steps = _steps(part, _pieces(edges[0], alone), supply, images)
        taken, put[name] = _follow(steps, arrivals)
        if len(put[name]) < WHOLE * part.results.units:
            return None
        ends = put[name][part.results.units - 1::part.results.units]
        periods[name] = int(ends[-1] - ends[-2])
        for edge in edges:
            waiting[name, edge.index] = _most_waiting(edge, put[edge.source], taken, alone)
            spacing[name, edge.index] = int(np.diff(put[edge.source]).min(initial=interval))
    last = put[spec.origins[spec.network.output]]
    return Schedule(interval, periods, waiting, spacing, int(last[0]))


def _pieces(edge: "Edge", alone: bool) -> int:
    """Units of the source that make one of the target, which takes them as they come where it has
    no other input; 1 where it takes whole units."""
    whole, rest = divmod(edge.taken.elements, edge.given.elements)
    return whole if alone and not rest else 1


def _arrivals(edge: "Edge", put: np.ndarray, alone: bool) -> np.ndarray:
    """When units of the target, or their pieces, are there."""
    given, taken = edge.given.elements, edge.taken.elements
    if _pieces(edge, alone) > 1:
        return put
    ends = np.arange(1, len(put) * given // taken + 1) * taken
    return put[-(-ends // given) - 1]


def _most_waiting(edge: "Edge", put: np.ndarray, taken: np.ndarray, alone: bool) -> int:
    """Units of the source that wait at once."""
    gone = taken
    if _pieces(edge, alone) == 1:
        ends = np.arange(1, len(put) + 1) * edge.given.elements
        last = -(-ends // edge.taken.elements) - 1
        gone = taken[last[last < len(taken)]]
    put = put[:len(gone)]
    # When unit j comes, those before it that have not gone wait, and it does.
    before = np.searchsorted(gone, put, side="right")
    return int((np.arange(1, len(put) + 1) - before).max(initial=0))


def _steps(part: Part, pieces: int, supply: int, images: int) -> _Steps:
    """The steps of a part, in which it takes units of its inputs, or so many pieces of each; a
    unit takes `supply` cycles to come in."""
    engine, window = part.engine, part.window
    latency = STREAM if engine is None else _latency(engine)
    if engine is not None and isinstance(engine.layer, Conv2d):
        assert engine.front is not None
        return _window_steps(engine.window, max(supply, engine.pixel_cycles),
                             engine.front.output_cycles, latency, images)
    if window is not None:
        return _window_steps(window, supply, window.transfers, latency, images)
    given = part.inputs[0]
    units = given.units * pieces
    gives = np.arange(units) % pieces == pieces - 1
    if isinstance(part.node.op, Mean):
        gives = np.arange(units) == units - 1
    if isinstance(part.node.op, Subsample):
        height, width, _ = given.shape
        down, right = part.node.op.stride
        gives = np.zeros((height, width), bool)
        gives[::down, ::right] = True
        gives = gives.reshape(-1)
    cycles = np.full(images * units, ceil_div(given.unit_transfers, pieces))
    busy = part.results.unit_transfers if engine is None else engine.row_cycles
    return _Steps(np.ones(images * units, np.int64), np.tile(gives, images), cycles, busy, latency)


def _latency(engine: EngineSpec) -> int:
    """Cycles in an engine beside those of a row, at the most: its pipeline, and that of the window
    and of what regroups its taps."""
    window = 0 if engine.front is None else engine.window.line_stages + STREAM
    return engine.first_tile_cycle + engine.result_stages + engine.order_stages + window + STREAM


def _window_steps(window: WindowSpec, supply: int, busy: int, latency: int, images: int) -> _Steps:
    """Positions of a window: some have a pixel, which takes `supply` cycles to come; some complete
    an output, which keeps what is behind them busy. One transfer of a pixel waits in front of the
    window while all but the end of the next is collected."""
    layer, place = window.layer, window.transfers
    spacing = ceil_div(supply, place)
    position = np.arange(layer.period)
    y, x = position // layer.pitch, position % layer.pitch
    pixels = (y < layer.height) & (x < layer.width)
    down, right = np.divmod(np.arange(layer.out_height * layer.out_width), layer.out_width)
    places = layer.first_position + down * layer.stride[0] * layer.pitch + right * layer.stride[1]
    steps = images * layer.period
    gives = np.zeros(steps + int(places[-1]) + 1, bool)
    for image in range(images):
        gives[image * layer.period + places] = True
    cycles = np.full(steps, place)
    # Behind the window one transfer of taps is held; the others stay in it until they are taken,
    # and it stands still until a cycle after the last has left its pipeline.
    taps = busy // place
    held = busy - taps + 1 + (window.line_stages if taps > spacing else 0)
    if place > 1:
        cycles = np.where(gives[:steps], np.maximum(cycles, held), cycles)
    return _Steps(np.tile(pixels, images), gives[:steps], cycles, busy, latency, supply,
                  spacing - 1)


def _follow(steps: _Steps, arrivals: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """When units are taken, and when results are given."""
    there = arrivals[0]
    for other in arrivals[1:]:
        there = np.maximum(there[:len(other)], other[:len(there)])
    taken: list[int] = []
    given: list[int] = []
    now, free, ready = 0, 0, 0
    for takes, gives, cycles in zip(steps.takes.tolist(), steps.gives.tolist(),
                                    steps.cycles.tolist()):
        if takes:
            if len(taken) == len(there):
                break
            ready = max(ready, int(there[len(taken)]))
            now = max(now, ready)
            taken.append(now)
            ready = max(ready, now - steps.ahead) + steps.supply
        if gives:
            # A result waits until what makes it is free; the one before is then under way.
            now = max(now, free)
            free = now + steps.busy
            given.append(free + steps.latency)
        now += cycles
    return np.array(taken, np.int64), np.array(given, np.int64)


def waiting_rooms(spec: "DataflowSpec") -> dict[str, tuple[int, ...]]:
    """Transfers of room in front of every input of a node, so that the design keeps the pace of
    its slowest part.

    A stream needs none where the next unit comes when the one before has gone.
    """
    waiting = spec.schedule.waiting
    rooms: dict[str, tuple[int, ...]] = {}
    for edge in spec.edges:
        room = _room(spec, edge, waiting[edge.target, edge.index])
        rooms[edge.target] = (*rooms.get(edge.target, ()), room)
    return rooms


def _room(spec: "DataflowSpec", edge: "Edge", units: int) -> int:
    """Transfers of room for units of the source that wait.

    A single transfer waits where streams are regrouped. What regroups them may take longer for a
    unit than the unit takes to come, and so may zeros that are put before and behind it; an engine
    does not wait for it, except with a tile's results.
    """
    transfers = edge.given.unit_transfers
    if units * transfers > 1:
        return (units + SPARE * (units > 1)) * transfers
    source = spec.parts.get(edge.source)
    if source is not None and source.engine is not None:
        return transfers if _holds_tiles_up(spec, edge, source.engine) else 0
    passing = ceil_div(edge.given.elements, edge.gearbox.lanes_between)
    target = spec.parts[edge.target]
    padded = (isinstance(target.node.op, PadChannels)
              and target.results.unit_transfers >= spec.schedule.spacing[edge.target, edge.index])
    return transfers if transfers > 1 and (passing > transfers or padded) else 0


def _holds_tiles_up(spec: "DataflowSpec", edge: "Edge", engine: EngineSpec) -> bool:
    """Whether a tile's results cannot leave in the time of a tile, though a row's can in its own:
    a row's last tile may have fewer. Where streams meet, each waits for the others' transfers."""
    others = [other.gearbox for other in spec.edges
              if other.target == edge.target and other.index != edge.index]
    waits = max((box.lanes_out // box.lanes_between for box in others), default=1)

    def leaving(results: int) -> int:
        return max(ceil_div(results, edge.gearbox.lanes_between),
                   ceil_div(results, edge.taken.lanes) * waits)

    return (leaving(engine.outputs) > engine.tile_interval
            and leaving(engine.layer.row_outputs) <= engine.row_cycles)
