"""ONNX files as graphs: `import_onnx`, and `check_model` of what becomes of every node."""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..graph import INPUT, Graph, Node
from ..ops import WEIGHTED, Conv2d, GraphError
from ..padding import missing_taps, widened
from ..quantinfo import QuantInfo
from .conversion import Conversion
from .judge import CheckRow, Judgement, judge
from .layout import Layout, View
from .merge import Merged, final_name, merged
from .reader import Source, read_source
from .readings import cut_readings, readings
from .state import Outcome, Unknown

__all__ = ["ImportedModel", "check_model", "import_onnx"]

NOWHERE = "does not lead to the network's result"


@dataclasses.dataclass(frozen=True, eq=False)
class ImportedModel:
    """A network from a file.

    Members
    -------
    graph: its function in single precision
    rows: what became of every node of the file
    notes: what else a user should know, a sentence each
    input, output: how arrays of the file and of the graph, rows [R] in front, become each other
    quantisation: its integers, where the file is a quantised one
    """
    graph: Graph
    rows: tuple[CheckRow, ...]
    notes: tuple[str, ...]
    input: Layout
    output: Layout
    quantisation: QuantInfo | None

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Results in the file's shape of inputs in the file's shape, [R, ...] both."""
        return self.output.to_file(self.graph.run(self.input.to_graph(inputs)))


def import_onnx(path: str | os.PathLike[str], *, output: str | None = None,
                equal_padding: bool = False) -> ImportedModel:
    """Read a network.

    Layers that no engine takes are part of the graph, and unsupported in `rows`.

    Parameters
    ----------
    output: which tensor is the result, where the file has several
    equal_padding: widen kernels by taps of zero where padding differs between opposite sides,
        as `pqhw.network.equal_padding` does, so that engines take them

    Raises
    ------
    GraphError
        One sentence that begins with the file's name: it cannot be read, or holds what a graph
        cannot.
    """
    with _telling(path):
        found = _converted(read_source(path, output), equal_padding)
        bad = [own for own in found.c.outcomes if own.is_unsupported and own.follows is None]
        if bad:
            first = bad[0]
            advice = f"; {first.remedy}" if first.remedy else ""
            others = f"; {len(bad) - 1} more are unsupported, pqhw import --check lists all" \
                if len(bad) > 1 else ""
            raise GraphError(f"node {first.node.name} ({first.node.op}) is unsupported, as "
                             f"{first.reason}{advice}{others}.")
        return found.model()


def check_model(path: str | os.PathLike[str], *, output: str | None = None,
                equal_padding: bool = False) -> tuple[CheckRow, ...]:
    """What becomes of every node of a file, in the file's order; parameters as of `import_onnx`.

    Raises
    ------
    GraphError
        One sentence, if the file cannot be read or is no network at all.
    """
    with _telling(path):
        return _converted(read_source(path, output), equal_padding).rows


@contextlib.contextmanager
def _telling(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors begin with the file's name; what becomes infinite is refused where it is used."""
    try:
        with np.errstate(all="ignore"):
            yield
    except GraphError as error:
        told = str(error)
        raise GraphError(told if told.startswith(str(Path(path))) else f"{path}: {told}") from None


def _converted(source: Source, equal_padding: bool) -> "_Found":
    """The conversion, with the input read as what most of the network can be made of.

    A file does not tell whether its input is [C, H, W], [H, W, C] or a row that it will cut up.
    """
    tried: list[_Found] = []
    waiting = list(readings(source.input_dims))
    cuts: set[tuple[int, ...]] = set()
    while waiting:
        found = _Found(source, _run(source, waiting.pop(0)), equal_padding)
        if not found.bad:
            return found
        tried.append(found)
        for target in found.c.targets:
            if target not in cuts:
                cuts.add(target)
                waiting += cut_readings(source.input_dims, target)
    return min(tried, key=lambda own: own.bad)


def _run(source: Source, start: View) -> Conversion:
    c = Conversion(source, start)
    wanted = _wanted(source)
    for node in source.nodes:
        if wanted.isdisjoint(node.outputs):
            c.outcomes.append(Outcome(node, folded=True, reason=NOWHERE))
        else:
            c.convert(node)
    _close(c, source)
    return c


def _wanted(source: Source) -> set[str]:
    """Tensors that the result follows from."""
    wanted = {source.output}
    for node in reversed(source.nodes):
        if not wanted.isdisjoint(node.outputs):
            wanted.update(own for own in node.inputs if own)
    return wanted


def _close(c: Conversion, source: Source) -> None:
    """What can only be told of the result: that it is there, and has rows of real values."""
    result = c.values.get(source.output, source.constants.get(source.output))
    place = next((place for place, own in enumerate(c.outcomes)
                  if source.output in own.node.outputs), None)
    if any(own.is_unsupported for own in c.outcomes):
        return
    if result is None or isinstance(result, Unknown):
        raise GraphError(f"no node gives the output {source.output}.")
    reason = remedy = ""
    if not isinstance(result, View):
        raise GraphError(f"the output {source.output} must be computed from the input, but is not.")
    if result.codes is not None:
        reason, remedy = "the network's result are its integers", \
            "leave out the last QuantizeLinear"
    elif any(any(side) for side in result.pads):
        reason = "it pads the network's result"
    elif not result.is_batch_first and result.sizes["N"] != 1:
        reason = "rows are not the first dimension of the network's result"
    if reason and place is not None:
        c.outcomes[place] = dataclasses.replace(c.outcomes[place], became=None, folded=False,
                                                reason=reason, remedy=remedy)
        return
    axes = [axis for dim in result.dims for axis in dim if axis != "N"]
    flat = ["C", "H", "W"]
    if (len(result.dims) == 2 and len(result.held) == 3
            and axes == [axis for axis in flat if axis in axes]):
        result = c.values[source.output] = c.row(result)
    if result.name == INPUT:
        raise GraphError(f"the output {source.output} must be computed from the input, but is the "
                         "input itself.")


class _Found:
    """A conversion and what follows from it."""

    def __init__(self, source: Source, c: Conversion, equal_padding: bool):
        self.source, self.c = source, c
        self.widens = equal_padding
        self.bad = sum(own.is_unsupported for own in c.outcomes)

    @functools.cached_property
    def result(self) -> View | None:
        """The network's result, unless nodes are unsupported."""
        found = self.c.values.get(self.source.output)
        return found if isinstance(found, View) and not self.bad else None

    @functools.cached_property
    def merged(self) -> Merged:
        """The graph's nodes; of a file with unsupported ones all that there are."""
        found = merged(self.c, None if self.result is None else self.result.name)
        return dataclasses.replace(found, nodes={
            name: self._widened(node) for name, node in found.nodes.items()})

    def _widened(self, node: Node) -> Node:
        if not (self.widens and isinstance(node.op, Conv2d) and any(map(
                any, missing_taps(node.op)))):
            return node
        if node.name in self.c.layers:
            own = self.c.layers[node.name]
            self.c.layers[node.name] = own.widened(missing_taps(node.op))
        return dataclasses.replace(node, op=widened(node.op))

    @functools.cached_property
    def rows(self) -> tuple[CheckRow, ...]:
        """What became of every node."""
        return tuple(self._row(own) for own in self.c.outcomes)

    def _row(self, outcome: Outcome) -> CheckRow:
        judgement, node = self._judgement(outcome)
        row = CheckRow(outcome.node.name, outcome.node.op, outcome.inputs, outcome.output,
                       judgement.verdict, judgement.reason, judgement.remedy)
        if node is None or not isinstance(node.op, WEIGHTED):
            return row
        pixels = int(np.prod(self.c.shapes[node.name][:2])) if isinstance(node.op, Conv2d) else 1
        return dataclasses.replace(row, weights=node.op.weights.size,
                                   multiply_accumulates=pixels * node.op.weights.size)

    def _judgement(self, outcome: Outcome) -> tuple[Judgement, Node | None]:
        """Of a node of the file, and the graph's node that it became, if that is still there."""
        nodes = self.merged.nodes
        if outcome.is_unsupported:
            return Judgement("unsupported", outcome.reason, outcome.remedy), None
        if outcome.became is None:
            return Judgement("folded", outcome.reason), None
        name = final_name(outcome.became, self.merged.into, self.c.replaced, among=set(nodes))
        if name is None:
            return Judgement("folded", NOWHERE), None
        if name != outcome.became:
            return Judgement("folded", f"into {name}"), None
        node, first = nodes[name], self.c.nodes[outcome.became]
        before = nodes.get(node.inputs[0])
        users = sum(node.inputs[0] in own.inputs for own in nodes.values())
        found = judge(node, tuple(self.c.shapes[own] for own in node.inputs),
                      None if before is None else before.op, users == 1)
        if self.result is not None and node.op.kind in ("Softmax", "LogSoftmax") and any(
                name in own.inputs and own.op.kind != "ArgMax" for own in nodes.values()):
            return Judgement("unsupported", "probabilities are taken within the network",
                             "leave them to the end"), node
        reasons = [found.reason, outcome.reason]
        if isinstance(node.op, Conv2d) and isinstance(first.op, Conv2d) and (
                node.op.kernel != first.op.kernel):
            reasons.append("kernel widened to {} by {} for equal padding".format(*node.op.kernel))
        return dataclasses.replace(found, reason="; ".join(filter(None, reasons))), node

    def model(self) -> ImportedModel:
        """The network, of a file without unsupported nodes."""
        result = self.result
        assert result is not None
        state = self.merged
        graph = Graph(self.source.name, self.c.shapes[INPUT], tuple(state.nodes.values()))
        start = self.c.values[self.source.input]
        assert isinstance(start, View)
        notes = [*self.c.notes, *(f"{row.node} ({row.op}) has no engine: {row.reason}; "
                                  f"{row.remedy}." for row in self.rows
                                  if row.verdict == "unsupported")]
        info = QuantInfo({name: own for name, own in self.c.tensors.items()
                          if name in graph.shapes},
                         {name: own for name, own in self.c.layers.items() if name in graph.shapes})
        return ImportedModel(graph, self.rows, tuple(notes), Layout.of(start), Layout.of(result),
                             info if info.tensors or info.layers else None)
