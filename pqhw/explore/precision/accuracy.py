"""What bits lose: by the integer network itself, by quantization error, or by a file."""

import abc
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...data import Dataset
from ...network.graph import Graph
from ...network.ops import WEIGHTED
from ...quant.conversion import convert_graph, input_bits
from ...quant.fixed import integer_weights
from ...quant.grid import grid_step
from ...quant.prototypes import round_half_up
from ...quant.settings import MACSettings
from ...spec import MACEngine
from ...spec.fields import SpecError

__all__ = ["Converted", "Evaluator", "Noise", "Tabulated"]

SAMPLE = 1 << 14
"""Activations of a layer, at most, that its quantization error is measured on."""

LEAST = 1e-12
"""Noise that is told at least."""


class Evaluator(abc.ABC):
    """Tells what genomes [L, 2] of activation and weight bits lose; equal ones are asked once.

    Members
    -------
    unit: what a loss is: ``error``, the share of test images classified wrong, or ``noise dB``,
        power of quantization errors over power of what is quantized, summed over all tensors
    input_bits: of what enters the first layer, where that is not to be chosen
    """
    unit: str
    input_bits: int | None = None

    def __init__(self) -> None:
        self._known: dict[bytes, float] = {}

    @property
    def asked(self) -> int:
        """Different genomes so far."""
        return len(self._known)

    def losses(self, genomes: np.ndarray) -> np.ndarray:
        """Losses [B] of genomes [B, L, 2]."""
        found = []
        for genome in np.asarray(genomes, np.int64):
            key = genome.tobytes()
            if key not in self._known:
                self._known[key] = self._loss(genome)
            found.append(self._known[key])
        return np.array(found)

    @abc.abstractmethod
    def _loss(self, genome: np.ndarray) -> float:
        """Of one genome [L, 2]."""


class Converted(Evaluator):
    """The share of test images that the integer network, as it is converted, classifies wrong.

    Every layer becomes a multiply-accumulate engine with its bits; nothing is trained. The first
    layer takes the pixels as they are.
    """
    unit = "error"

    def __init__(self, graph: Graph, data: Dataset, *, seed: int = 0):
        super().__init__()
        self.graph, self.data, self.seed = graph, data, seed
        self.input_bits = input_bits(data)

    def _loss(self, genome: np.ndarray) -> float:
        settings = {node.name: MACSettings(engine=MACEngine(weight_bits=int(weights)),
                                           activation_bits=int(entering))
                    for node, (entering, weights) in zip(self.graph.layers, genome)}
        return 1 - convert_graph(self.graph, self.data, settings, seed=self.seed).accuracy


class Noise(Evaluator):
    """Sums every layer's relative quantization errors of inputs and weights: fast, and no accuracy.

    Independent small errors add up in power on the way through a network, if later layers neither
    damp nor amplify them; so less noise is better, but what accuracy it leaves is not told.

    Parameters
    ----------
    inputs: [R, ...] of the graph, on which activations are measured
    widths: bits that may be asked for
    """
    unit = "noise dB"

    def __init__(self, graph: Graph, inputs: np.ndarray, widths: Sequence[int]):
        super().__init__()
        names = [node.inputs[0] for node in graph.layers]
        entering = graph.activations(inputs, keep=names)
        self._parts: list[tuple[dict[int, float], dict[int, float]]] = []
        for node, name in zip(graph.layers, names):
            assert isinstance(node.op, WEIGHTED)
            values = np.asarray(entering[name], np.float64).ravel()
            values = values[::max(1, len(values) // SAMPLE)]
            rows = np.asarray(node.op.weights, np.float64).reshape(len(node.op.weights), -1)
            self._parts.append(({bits: _activation_error(values, bits) for bits in widths},
                                {bits: _weight_error(rows, bits) for bits in widths}))

    def part(self, layer: int, side: int, bits: int) -> float:
        """What a layer's activations (side 0) or weights (1) add to the plain ratio."""
        return self._parts[layer][side][bits]

    def power(self, genome: np.ndarray) -> float:
        """The noise of a genome [L, 2] as a plain ratio."""
        return sum(self.part(layer, side, bits) for layer, own in enumerate(
            np.asarray(genome).tolist()) for side, bits in enumerate(own))

    def _loss(self, genome: np.ndarray) -> float:
        return 10 * math.log10(max(self.power(genome), LEAST))


def _activation_error(values: np.ndarray, bits: int) -> float:
    """Of the best step: unsigned where no value is negative, else a bit is the sign."""
    magnitudes = np.abs(values)
    levels = bits - 1 if (values < 0).any() else bits
    step = grid_step(magnitudes[:, None], levels)[0]
    rounded = step * np.clip(round_half_up(magnitudes / step), 0, (1 << levels) - 1)
    return _relative(magnitudes, rounded)


def _weight_error(rows: np.ndarray, bits: int) -> float:
    integers, scale = integer_weights(rows, bits)
    return _relative(rows, integers * scale[:, None])


def _relative(exact: np.ndarray, rounded: np.ndarray) -> float:
    power = float((exact ** 2).sum())
    return float(((exact - rounded) ** 2).sum()) / power if power else 0.0


class Tabulated(Evaluator):
    """Losses from a JSON file: what each layer's bits add to that of the network.

    ``{"error": 0.08, "layers": {"conv1": {"activations": {"4": 0.01}, "weights": {"4": 0.02}}}}``:
    the error of the float network, and per layer and bits what they add; what is left out adds
    nothing. Sums are cut off at 1.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    """
    unit = "error"

    def __init__(self, path: str | os.PathLike[str], names: Sequence[str]):
        super().__init__()
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SpecError(f"{path}: cannot be read ({error.strerror or error}).") from None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise SpecError(f"{path}: is not JSON ({error}).") from None
        if not isinstance(document, dict) or not isinstance(document.get("layers"), dict):
            raise SpecError(f"{path}: must hold the numbers error and layers, as pqhw explore "
                            f"--help tells, but does not.")
        self._base = _share(f"{path}: error", document.get("error", 0))
        for name in document["layers"]:
            if name not in names:
                raise SpecError(f"{path}: layers must be of {', '.join(names)}, but one is {name}.")
        self._added = [{kind: _added(f"{path}: {name}.{kind}", document["layers"].get(name), kind)
                        for kind in ("activations", "weights")} for name in names]

    def _loss(self, genome: np.ndarray) -> float:
        total = self._base
        for own, (entering, weights) in zip(self._added, genome):
            total += own["activations"].get(int(entering), 0)
            total += own["weights"].get(int(weights), 0)
        return min(1.0, max(0.0, total))


def _added(field: str, layer: Any, kind: str) -> dict[int, float]:
    given = {} if layer is None else layer.get(kind, {}) if isinstance(layer, Mapping) else None
    if not isinstance(given, Mapping) or not all(str(bits).isdigit() for bits in given):
        raise SpecError(f"{field} must be numbers by bits, but is {given}.")
    return {int(bits): _share(f"{field}.{bits}", value) for bits, value in given.items()}


def _share(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise SpecError(f"{field} must be a number from -1 to 1, but is {value}.")
    return float(value)
