"""The inside of a dataflow accelerator: every node of a network, joined by streams."""

import re

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.dataflow import DataflowSpec, Edge
from ..spec.network.network import INPUT
from ..spec.ports import RowPort
from .engine import EngineCore
from .gearbox import Gearbox
from .joints import Fork, Queue
from .memory import SectionPort
from .nodes import Node, make_node
from .nodes.base import ends_of_units, input_name, moves
from .streams import lanes_layout, row_layout, row_stream
from .target import Target

__all__ = ["Dataflow", "node_module"]


def node_module(index: int, name: str) -> str:
    """The name of the instance that is a part, by its place among the parts."""
    return f"node{index}_" + re.sub(r"\W", "_", name)


class Dataflow(wiring.Component):
    """A part for every node, a stream for every edge.

    Rows that several nodes take are forked; in front of a node they wait in a queue where the spec
    has a buffer, and are regrouped to the node's lanes.

    Parameters
    ----------
    spec:
        The network and how it is built.

    Members
    -------
    i: transfers of images, complete
    image: an image has begun that will come in
    o: row stream of results, `last` at the end of a unit
    load_<index>: a write port per section of the parameter image

    Latency and cost
    ----------------
    An image every `spec.cycles_per_row` where buffers are long enough. Cost: that of the parts.
    """

    def __init__(self, spec: DataflowSpec):
        self.spec = spec
        super().__init__({
            "i": In(stream.Signature(lanes_layout(spec.input.range, spec.input.lanes))),
            "image": In(1),
            "o": Out(row_stream(spec.results.range, spec.results.lanes)),
            **{f"load_{index}": In(SectionPort(section))
               for index, section in enumerate(spec.image.sections)}})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        cores = []
        parts: dict[str, EngineCore | Node] = {}
        for index, (name, part) in enumerate(spec.parts.items()):
            made: EngineCore | Node
            if part.engine is not None:
                made = EngineCore(part.engine, images_ahead=spec.images_ahead)
                cores.append(made)
            else:
                made = make_node(part)
                made.images_ahead = spec.images_ahead
            m.submodules[node_module(index, name)] = parts[name] = made
        self._announce(m, parts)
        for source in (INPUT, *parts):
            self._give(m, source, self._source(m, source, parts), parts)
        for index, section in enumerate(spec.image.sections):
            port = getattr(cores[section.stage], f"load_{section.kind}")
            wiring.connect(m, wiring.flipped(getattr(self, f"load_{index}")), port)
        return m

    def _announce(self, m: Module, parts: dict[str, EngineCore | Node]) -> None:
        """Tell every node that an image has begun: the first at once, others a cycle later than
        the nearest one in front of them, whose results come later still."""
        told: dict[str, tuple[int, Value]] = {INPUT: (0, self.image)}
        for name, part in parts.items():
            depth, image = min((told[edge.source] for edge in self.spec.edges
                                if edge.target == name), key=lambda one: one[0])
            if "image" in part.signature.members:
                m.d.comb += part.image.eq(image)
                passed = Signal(name=f"image{len(told)}")
                m.d.sync += passed.eq(image)
                depth, image = depth + 1, passed
            told[name] = depth, image

    def _source(self, m: Module, name: str, parts: dict[str, EngineCore | Node]
                ) -> stream.Interface:
        """The stream of a node's results, or of what enters."""
        if name != INPUT:
            return parts[name].o
        rows = self.spec.input
        source = row_stream(rows.range, rows.lanes).create(path=("rows",))
        m.d.comb += [source.payload.data.eq(self.i.payload), source.valid.eq(self.i.valid),
                     source.payload.last.eq(ends_of_units(m, rows, moves(self.i), "unit_place")),
                     self.i.ready.eq(source.ready)]
        return source

    def _give(self, m: Module, name: str, source: stream.Interface,
              parts: dict[str, EngineCore | Node]) -> None:
        """Lead a node's results to all that take them."""
        spec = self.spec
        edges: list[Edge | None] = [edge for edge in spec.edges if edge.source == name]
        if spec.origins[spec.network.output] == name:
            edges.append(None)
        safe = re.sub(r"\W", "_", name)
        branches = [source]
        if len(edges) > 1:
            m.submodules[f"fork_{safe}"] = fork = Fork(source.payload.shape(), len(edges))
            wiring.connect(m, source, fork.i)
            branches = [getattr(fork, f"o{index}") for index in range(len(edges))]
        for edge, branch in zip(edges, branches):
            if edge is None:
                wiring.connect(m, branch, wiring.flipped(self.o))
            else:
                self._lead(m, edge, branch, parts[edge.target])

    def _lead(self, m: Module, edge: Edge, source: stream.Interface,
              target: EngineCore | Node) -> None:
        """From a node to an input of another: a queue, a gearbox, other ranges."""
        place = f"{list(self.spec.parts).index(edge.target)}_{edge.index}"
        rows: RowPort = edge.given
        if edge.words:
            shape = row_layout(rows.range, rows.lanes)
            m.submodules[f"queue{place}"] = queue = Queue(shape, edge.words)
            wiring.connect(m, source, queue.i)
            source = queue.o
        if edge.regroups or not edge.words:
            m.submodules[f"gearbox{place}"] = gearbox = Gearbox(edge.gearbox, rows.range)
            wiring.connect(m, source, gearbox.i)
            source = gearbox.o
        if isinstance(target, EngineCore):
            sink, lanes = target.i, target.i.payload
        else:
            sink = getattr(target, input_name(edge.index))
            lanes = sink.payload.data
            m.d.comb += sink.payload.last.eq(source.payload.last)
        m.d.comb += [sink.valid.eq(source.valid), source.ready.eq(sink.ready)]
        m.d.comb += [own.eq(value) for own, value in zip(_values(lanes),
                                                         _values(source.payload.data))]


def _values(lanes) -> list[Value]:
    return list(lanes)
