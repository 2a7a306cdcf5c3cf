"""A whole network as one accelerator: an engine for every layer, resident parameters, streams."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from ..design import Design
from ..engine import EngineSpec
from ..fields import SpecError, SpecTypeError, show
from ..gearbox import GearboxSpec
from ..network.network import INPUT, NetworkNode, NetworkSpec
from ..network.nodes import Engine, Flatten
from ..ports import RowPort
from ..ranges import ceil_div
from .parts import Part, least_lanes
from .schedule import Schedule, schedule, waiting_rooms

__all__ = ["DataflowSpec", "Edge", "Setting"]

LONGEST_BUFFER = 1 << 16
"""Transfers that a buffer may hold."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """How a node is built, beside what an engine's own spec says.

    Parameters
    ----------
    lanes:
        Integers side by side of a node without weights; where left out, as many as come in, or
        the most below that at which channels can be cut.
    buffers:
        Transfers that wait in front of each input, of those that the node before gives; none
        where left out.
    """
    lanes: int | None = None
    buffers: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Edge:
    """A stream from a part to an input of another.

    Members
    -------
    source: the node whose results it carries, or `INPUT`
    target, index: the node that takes them, and at which of its inputs
    given, taken: rows as they leave and as they enter
    words: transfers as they leave that can wait
    transfer_cycles: cycles that the target keeps a transfer
    """
    source: str
    target: str
    index: int
    given: RowPort
    taken: RowPort
    words: int
    transfer_cycles: int

    @property
    def gearbox(self) -> GearboxSpec:
        """What regroups the transfers."""
        return GearboxSpec(self.given.elements, self.given.lanes, self.taken.lanes,
                           self.taken.elements, self.transfer_cycles)

    @property
    def regroups(self) -> bool:
        """Whether rows enter otherwise than they leave."""
        box = self.gearbox
        return box.splits or box.collects or box.recuts

    @property
    def cycles(self) -> int:
        """Cycles of a row when nothing stalls."""
        return self.gearbox.cycles_per_row * self.taken.units


@dataclasses.dataclass(frozen=True)
class DataflowSpec(Design):
    """A network whose nodes all exist side by side.

    Parameters
    ----------
    network:
        Nodes; engines with the folding and the storage that they are built with.
    settings:
        Of every node, in the order of the network's.

    Raises
    ------
    SpecError
        If a node cannot be built so, or has no way to the results.
    """
    network: NetworkSpec
    settings: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        if not self.settings:
            object.__setattr__(self, "settings", (Setting(),) * len(self.network.nodes))
        if len(self.settings) != len(self.network.nodes):
            raise SpecError(f"settings must be those of {len(self.network.nodes)} nodes, "
                            f"but are those of {len(self.settings)}.")
        if not self.stages:
            raise SpecError("node must be an engine at least once, but none is.")
        used = {name for node in self.network.nodes for name in node.inputs}
        for node in self.network.nodes[:-1]:
            if node.name not in used:
                raise SpecError(f"{node.name}: results must be taken by another node, but are "
                                "not, and it is not the last.")
        if isinstance(self.network.nodes[-1].op, Flatten) and not self.parts:
            raise SpecError("node must compute something, but only flattens.")
        for name, spec in self.network.engines.items():
            for field, value, plain in (("double_buffered", spec.engine.double_buffered, False),
                                        ("precisions", spec.precision_count, 1)):
                if value != plain:
                    raise SpecError(f"{name}: engine.{field} must be left out in a dataflow "
                                    f"accelerator, but is {show(value)}.")
        widths = {spec.engine.load_bits for spec in self.stages}
        if len(widths) > 1:
            raise SpecError("engine.load_bits must be equal in all engines, but is "
                            f"{', '.join(map(str, sorted(widths)))}.")
        self.edges  # noqa: B018 (every rule is checked on the way)

    # -- Parts and edges ---------------------------------------------------------------------

    @functools.cached_property
    def origins(self) -> dict[str, str]:
        """The node or `INPUT` whose transfers a name stands for: flattening changes none."""
        found = {INPUT: INPUT}
        for node in self.network.nodes:
            flat = isinstance(node.op, Flatten)
            found[node.name] = found[node.inputs[0]] if flat else node.name
        return found

    @functools.cached_property
    def parts(self) -> dict[str, Part]:
        """Nodes with hardware, by name, in order."""
        network = self.network
        made: dict[str, Part] = {}
        for node, setting in zip(network.nodes, self.settings):
            if isinstance(node.op, Flatten):
                continue
            shapes = [network.shapes[name] for name in node.inputs]
            lanes = setting.lanes
            if lanes is None:
                lanes = self._lanes(node, made, least_lanes(node.op, shapes))
            made[node.name] = Part(node, tuple(shapes),
                                   tuple(network.ranges[name] for name in node.inputs),
                                   network.ranges[node.name], lanes)
        return made

    def _lanes(self, node: NetworkNode, made: Mapping[str, Part], divided: int) -> int:
        """As many as come in side by side, or the most below that divide."""
        sources = [made[self.origins[name]].results.lanes for name in node.inputs
                   if self.origins[name] in made]
        channels = min(self.network.shapes[name][-1] for name in node.inputs)
        lanes = min(max(sources, default=1), channels)
        while divided % lanes:
            lanes -= 1
        return lanes

    @functools.cached_property
    def edges(self) -> tuple[Edge, ...]:
        """All streams, by what takes them."""
        found = []
        for node, setting in zip(self.network.nodes, self.settings):
            if node.name not in self.parts:
                continue
            if setting.buffers and len(setting.buffers) != len(node.inputs):
                raise SpecError(f"{node.name}: buffers must be as many as inputs, "
                                f"{len(node.inputs)}, but are {len(setting.buffers)}.")
            for index, name in enumerate(node.inputs):
                source = self.origins[name]
                words = setting.buffers[index] if setting.buffers else 0
                if not 0 <= words <= LONGEST_BUFFER:
                    raise SpecError(f"{node.name}: buffers must be from 0 to {LONGEST_BUFFER} "
                                    f"transfers, but one is {words}.")
                part = self.parts[node.name]
                found.append(Edge(source, node.name, index, self.given(source),
                                  part.inputs[index], words, part.transfer_cycles))
        return tuple(found)

    def given(self, source: str) -> RowPort:
        """What a node, or `INPUT`, gives."""
        return self.input if source == INPUT else self.parts[source].results

    @functools.cached_property
    def input(self) -> RowPort:
        takers = [part.inputs[index] for part in self.parts.values()
                  for index, name in enumerate(part.node.inputs) if self.origins[name] == INPUT]
        own, shape, first = self.network.input.range, self.network.input.shape, takers[0]
        if first.shape == shape or not any(taken.is_image for taken in takers):
            # Images that are but flattened come in as the rows that they become.
            return RowPort(own, shape, first.elements, first.lanes)
        return RowPort(own, shape, shape[-1], min(shape[-1], first.lanes))

    @functools.cached_property
    def results(self) -> RowPort:
        last = self.network.nodes[-1].name
        made = self.given(self.origins[last])
        return dataclasses.replace(made, shape=self.network.shapes[last])

    def with_buffers(self) -> "DataflowSpec":
        """The design with room where units wait, so that it keeps the pace of its slowest part."""
        bare = DataflowSpec(self.network, tuple(Setting(own.lanes) for own in self.settings))
        rooms = waiting_rooms(bare)
        return DataflowSpec(self.network, tuple(
            Setting(own.lanes, rooms[node.name] if any(rooms.get(node.name, ())) else ())
            for node, own in zip(self.network.nodes, self.settings)))

    # -- Engines -----------------------------------------------------------------------------

    @functools.cached_property
    def stages(self) -> tuple[EngineSpec, ...]:  # type: ignore[override]
        """The engines, in the order of the network."""
        return tuple(self.network.engines.values())

    def with_stages(self, stages: Sequence[EngineSpec]) -> "DataflowSpec":
        left = iter(stages)
        nodes = tuple(dataclasses.replace(node, op=Engine(next(left)))
                      if isinstance(node.op, Engine) else node for node in self.network.nodes)
        return DataflowSpec(dataclasses.replace(self.network, nodes=nodes), self.settings)

    # -- Cycles ------------------------------------------------------------------------------

    def cycles_at(self, precision: int) -> int:
        return self.schedule.interval

    @functools.cached_property
    def schedule(self) -> Schedule:
        """When what passes, and what must wait meanwhile."""
        return schedule(self, self.fewest_cycles)

    @property
    def fewest_cycles(self) -> int:
        """Cycles of an image that no part or stream can do without."""
        return max(*(part.cycles for part in self.parts.values()),
                   *(edge.cycles for edge in self.edges),
                   self.input.transfers, self.results.transfers)

    @property
    def latency(self) -> int | None:
        return None

    @property
    def has_window(self) -> bool:
        return super().has_window or any(part.window for part in self.parts.values())

    @property
    def images_ahead(self) -> int:
        """Most images that can be on their way from the input to a part: every part holds less
        than two, and the streams in front of it as many as their buffers."""
        held = sum(2 + ceil_div(edge.words, edge.given.transfers) for edge in self.edges)
        return held + 2

    # -- Files -------------------------------------------------------------------------------

    def to_mapping(self) -> dict[str, Any]:
        mapping = self.network.to_mapping()
        for node, setting in zip(mapping["node"], self.settings):
            if setting.lanes is not None:
                node["lanes"] = setting.lanes
            if setting.buffers:
                node["buffers"] = list(setting.buffers)
        return {"target": "dataflow", **mapping}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "DataflowSpec":
        """Build from parsed TOML: a network whose nodes also have lanes and buffers."""
        if mapping.get("target") != "dataflow":
            raise SpecError(f'target must be "dataflow", but is {show(mapping.get("target"))}.')
        nodes = mapping.get("node")
        if not isinstance(nodes, list) or not all(isinstance(own, Mapping) for own in nodes):
            raise SpecTypeError("node must be an array of tables, [[node]].")
        settings = tuple(_setting(node) for node in nodes)
        plain = [{name: value for name, value in node.items() if name not in ("lanes", "buffers")}
                 for node in nodes]
        rest = {name: value for name, value in mapping.items() if name != "target"}
        return cls(NetworkSpec.from_mapping({**rest, "node": plain}), settings)


def _setting(node: Mapping[str, Any]) -> Setting:
    lanes, buffers = node.get("lanes"), node.get("buffers", [])
    if lanes is not None and type(lanes) is not int:
        raise SpecTypeError(f"{node.get('name')}: lanes must be an integer, "
                            f"but is {show(lanes)}.")
    if not isinstance(buffers, list) or not all(type(own) is int for own in buffers):
        raise SpecTypeError(f"{node.get('name')}: buffers must be an array of integers, "
                            f"but is {show(buffers)}.")
    return Setting(lanes, tuple(buffers))
