"""Every node of an integer network on images: ranges, saturation, dead prototypes, errors."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..golden import check_images, layer_codes, layer_sums, network_activations
from ..network.graph import Graph
from ..spec import MACSpec, PQSpec, SpecError
from ..spec.engine import EngineSpec
from ..spec.files import save_archive
from ..spec.network import Engine, Mean, NetworkNode, NetworkSpec, Sum, narrow_integers
from ..spec.parameters import (BitplaneParameters, MACParameters, Parameters, PQParameters,
                               TreeParameters)
from ..spec.ranges import Range
from .network import IntegerNetwork
from .real import FloatTwin
from .reports import CodeUse, Extent, FloatError, LayerReport

__all__ = ["dump_activations", "inspect_network"]

BATCH_ELEMENTS = 1 << 20
"""Elements of the largest result that a batch holds."""

MOST_VALUES = 1 << 28
"""Values that a dump holds at most."""

Progress = Callable[[int, int], None]


def inspect_network(network: IntegerNetwork, images: np.ndarray, graph: Graph | None = None, *,
                    progress: Progress | None = None) -> tuple[LayerReport, ...]:
    """A report of every node, in the network's order.

    Parameters
    ----------
    images: [R, H, W, C] or rows [R, D], integers
    graph: the float graph that the network was made from; takes the same images
    progress: called with images done and images in all

    Raises
    ------
    GraphError, SpecError
        If images or graph do not fit the network.
    """
    spec = network.spec
    twin = None if graph is None else FloatTwin(network, graph)
    tallies = [_Tally(spec, node, network.parameters.get(node.name),
                      None if twin is None else twin.steps.get(node.name))
               for node in spec.nodes]
    for results, own, done, total in _batches(network, images):
        floats = {} if twin is None else twin.results(own)
        for tally in tallies:
            tally.add(results, floats)
        if progress is not None:
            progress(done, total)
    return tuple(tally.report() for tally in tallies)


def dump_activations(network: IntegerNetwork, images: np.ndarray, path: str | os.PathLike[str], *,
                     progress: Progress | None = None) -> None:
    """Write the images and all results [R, ...] into an .npz file, by the nodes' names, in the
    smallest integers that hold them; the images as `input`.

    Raises
    ------
    SpecError
        If images do not fit, are too many for a file, or a name cannot stand in one.
    """
    spec = network.spec
    each = sum(math.prod(shape) for shape in spec.shapes.values())
    if len(images) * each > MOST_VALUES:
        raise SpecError(f"images must be at most {max(1, MOST_VALUES // each)} for a dump of "
                        f"{spec.name}, {each:,} values each, but are {len(images)}.")
    for name in spec.shapes:
        if name == "file":
            raise SpecError(f"{name}: a dump takes any name of a node but this one.")
    parts: dict[str, list[np.ndarray]] = {name: [] for name in spec.shapes}
    for results, _, done, total in _batches(network, images):
        for name, values in results.items():
            parts[name].append(narrow_integers(values))
        if progress is not None:
            progress(done, total)
    save_archive(Path(path), {name: narrow_integers(np.concatenate(own))
                              for name, own in parts.items()})


def _batches(network: IntegerNetwork, images: np.ndarray
             ) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, int, int]]:
    """All results by name, the batch's images, images done and in all."""
    spec = network.spec
    images = check_images(spec, images)
    largest = max(math.prod(shape) for shape in spec.shapes.values())
    step = max(1, BATCH_ELEMENTS // largest)
    for start in range(0, len(images), step):
        own = images[start:start + step]
        results = network_activations(spec, network.parameters, own)
        yield results, own, start + len(own), len(images)


class _Bounds:
    """The least and the largest of the values so far."""

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf

    def add(self, values: np.ndarray) -> None:
        self.low = min(self.low, int(values.min()))
        self.high = max(self.high, int(values.max()))

    def extent(self, allowed: Range) -> Extent:
        return Extent(Range(int(self.low), int(self.high)), allowed)


class _Tally:
    """What is counted of one node, batch after batch."""

    def __init__(self, spec: NetworkSpec, node: NetworkNode, parameters: Parameters | None,
                 step: float | None):
        self.name, self.inputs, self.step = node.name, node.inputs, step
        self.shape, self.allowed = spec.shapes[node.name], spec.ranges[node.name]
        self.engine = node.op.spec if isinstance(node.op, Engine) else None
        self.kind = node.op.KIND if self.engine is None else self.engine.KIND
        self.parameters = parameters
        self.clamps = isinstance(node.op, Sum | Mean) or (
            self.engine is not None and self.engine.output is not None)
        self.values, self.sums = _Bounds(), _Bounds()
        self.count = self.low = self.high = 0
        self.codes: np.ndarray | None = None
        self.signal = self.squares = self.errors = 0.0

    def add(self, results: dict[str, np.ndarray], floats: dict[str, np.ndarray]) -> None:
        values, entering = results[self.name], results[self.inputs[0]]
        self.values.add(values)
        self.count += values.size
        self.low += int((values == self.allowed.low).sum())
        self.high += int((values == self.allowed.high).sum())
        if self.engine is not None:
            assert self.parameters is not None
            raw = self.engine.output is None
            self.sums.add(values if raw else layer_sums(self.engine, self.parameters, entering))
            self._count_codes(entering)
        if self.step is not None and self.name in floats:
            wanted = floats[self.name]
            error = values * self.step - wanted
            self.signal += float((wanted * wanted).sum())
            self.squares += float((error * error).sum())
            self.errors += float(error.sum())

    def _count_codes(self, entering: np.ndarray) -> None:
        """Adds to the counts [S, K] of every code of every sub-vector."""
        if not isinstance(self.engine, PQSpec):
            return
        assert isinstance(self.parameters, PQParameters | TreeParameters)
        codes = layer_codes(self.engine, self.parameters, entering)
        subspaces, most = len(codes), self.engine.engine.prototypes
        flat = codes + most * np.arange(subspaces)[:, None]
        own = np.bincount(flat.ravel(), minlength=subspaces * most).reshape(subspaces, most)
        self.codes = own if self.codes is None else self.codes + own

    def report(self) -> LayerReport:
        """What has been counted."""
        at_low = self.low / self.count if self.allowed.low < 0 else 0.0
        return LayerReport(
            name=self.name, kind=self.kind, shape=self.shape,
            values=self.values.extent(self.allowed),
            at_low=at_low if self.clamps else None,
            at_high=self.high / self.count if self.clamps else None,
            sums=None if self.engine is None else self.sums.extent(self.engine.accumulator_range),
            entries=_entries(self.engine, self.parameters), codes=self._code_use(),
            error=None if self.step is None else self._error())

    def _code_use(self) -> CodeUse | None:
        if self.codes is None:
            return None
        assert isinstance(self.engine, PQSpec)
        shares = self.codes / self.codes.sum(axis=1, keepdims=True)
        information = -(shares * np.log2(shares, where=shares > 0, out=np.zeros_like(shares)))
        shared = self.engine.engine.shared_prototypes
        stored = self.codes.sum(axis=0) if shared else self.codes
        return CodeUse(prototypes=stored.size, dead=int((stored == 0).sum()),
                       code_bits=math.log2(self.engine.engine.prototypes),
                       entropy=float(information.sum(axis=1).mean()))

    def _error(self) -> FloatError:
        ratio = (math.inf if not self.squares else
                 10 * math.log10(self.signal / self.squares) if self.signal else -math.inf)
        return FloatError(snr_db=ratio, bias=self.errors / self.count,
                          rms=math.sqrt(self.signal / self.count))


def _entries(spec: EngineSpec | None, parameters: Parameters | None) -> Extent | None:
    """Stored table entries, or weights."""
    match spec, parameters:
        case PQSpec(), PQParameters() | TreeParameters():
            values, allowed = parameters.tables, spec.term_range
        case MACSpec(), MACParameters() | BitplaneParameters():
            values, allowed = parameters.weights, spec.weight_range
        case _:
            return None
    return Extent(Range(int(values.min()), int(values.max())), allowed)
