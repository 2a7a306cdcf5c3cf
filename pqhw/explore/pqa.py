"""The analytical model of PQA and of the conventional accelerator that it is held against.

It is a comparison model: what its authors' formulas say, kept apart from what our own engines
take. Cycles are at one clock for both accelerators; area is in units of 10 ALM of an Agilex part.

Source: A. F. AbouElhamayed et al., PQA: Exploring the Potential of Product Quantization in DNN
Hardware Acceleration, ACM TRETS 2024, arXiv 2305.18334, and its open model.
"""

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any, Protocol

from ..network.shapes import ConvShape, NetworkShape
from ..spec.ranges import ceil_div

__all__ = ["Accelerator", "CLOCK_MHZ", "DDR", "DLA", "HBM", "Memory", "PQA", "PQASetting",
           "SETTINGS", "best_pqa", "pqa_layers", "total_cycles"]

CLOCK_MHZ = 300
"""Clock that the model gives both accelerators."""

DLA_LANES = 48
DLA_AREA = 27_360

SIDES = (8, 16, 32, 64)
"""Lanes among which `best_pqa` looks: below, the area formula falls to zero, as its constant is
negative, and says nothing."""


def _check_positive(setting: Any) -> None:
    for field in dataclasses.fields(setting):
        value = getattr(setting, field.name)
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            raise ValueError(f"{field.name} must be positive, but is {value}.")


def _check_ungrouped(layer: ConvShape) -> None:
    if layer.groups != 1:
        raise ValueError(f"groups must be 1, as the model knows no others, but layer "
                         f"{layer.name} has {layer.groups}.")


@dataclasses.dataclass(frozen=True)
class Memory:
    """Where parameters come from, in whole MB/s; 80 % of the rate is counted on."""
    name: str
    megabytes_per_second: int

    @property
    def bits_per_cycle(self) -> int:
        """ceil(0.8 * rate / clock), in bits."""
        return ceil_div(8 * 8 * self.megabytes_per_second, 10 * CLOCK_MHZ)


DDR = Memory("DDR", 35_200)
HBM = Memory("HBM", 400_000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQASetting:
    """How a network is quantized.

    Parameters
    ----------
    subvector_length, prototypes: Ls and Np
    prototype_bits, table_bits: of a prototype's element and of a table entry
    """
    subvector_length: int
    prototypes: int
    prototype_bits: int = 8
    table_bits: int = 16

    def __post_init__(self) -> None:
        _check_positive(self)

    def __str__(self) -> str:
        return (f"({self.subvector_length},{self.prototypes}) "
                f"{self.prototype_bits}/{self.table_bits}")

    def subspaces(self, layer: ConvShape) -> int:
        """NS: sub-vectors in a window, ceil(C * Fh * Fw / Ls)."""
        return ceil_div(layer.window, self.subvector_length)

    def parameter_bits(self, layer: ConvShape) -> int:
        """Prototypes of every subspace and tables, in bits."""
        prototypes = self.prototypes * self.subspaces(layer)
        return prototypes * (self.subvector_length * self.prototype_bits
                             + layer.out_channels * self.table_bits)


class Accelerator(Protocol):
    """What both models answer."""

    @property
    def area(self) -> float:
        """In units of 10 ALM, block RAMs and DSP blocks included at the model's prices."""

    def cycles(self, layer: ConvShape, memory: Memory) -> int:
        """Cycles of a layer, its parameters loaded while the layer before is computed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQA:
    """The product-quantization accelerator: O*S lookups and S*P*Lv element operations a cycle.

    Parameters
    ----------
    setting: how the network is quantized
    outputs, subspaces: O and S, lanes of the lookup
    elements, prototypes: Lv and P, lanes of the distance; by default at most 16 of Ls and of Np
    dsps: whether DSP blocks square the differences (L2), or none are used (low bits, L1)

    Latency and cost
    ----------------
    A layer takes the larger of its loading and its computing::

        columns   = H * W / stride^2, rounded up
        computing = columns * max(ceil(Ls/Lv) * ceil(Np/P), ceil(Cout/O)) * ceil(NS/S)
        loading   = max(1, ceil(Cout*Np*NS / (O*S)), ceil(parameter bits / bits per cycle))

    Source: the cycle and area equations of the paper's design-space exploration.
    """
    setting: PQASetting
    outputs: int = 32
    subspaces: int = 32
    elements: int | None = None
    prototypes: int | None = None
    dsps: bool = True

    def __post_init__(self) -> None:
        _check_positive(self)

    @property
    def element_lanes(self) -> int:
        """Lv."""
        asked = self.elements
        return min(16, self.setting.subvector_length) if asked is None else asked

    @property
    def prototype_lanes(self) -> int:
        """P."""
        asked = self.prototypes
        return min(16, self.setting.prototypes) if asked is None else asked

    @property
    def dsp_blocks(self) -> int:
        """O * S * Lv with L2 on DSP blocks, else none."""
        return self.outputs * self.subspaces * self.element_lanes if self.dsps else 0

    @property
    def memory_blocks(self) -> int:
        """M20K: one table bank per lookup, S * O."""
        return self.subspaces * self.outputs

    @property
    def area(self) -> float:
        """Blocks at their prices and a linear fit of the logic over the lanes."""
        return (3 * self.dsp_blocks + 4 * self.memory_blocks
                + 54.0152229 * self.outputs + 197.18071766 * self.subspaces
                + 59.99415826 * self.element_lanes + 54.0152229 * self.prototype_lanes
                - 1248.8141835982537)

    def compute_cycles(self, layer: ConvShape) -> int:
        """T_calc: the slower of distances and lookups, for every column and group of subspaces."""
        _check_ungrouped(layer)
        columns = ceil_div(layer.height * layer.width, layer.stride[0] * layer.stride[1])
        distances = (ceil_div(self.setting.subvector_length, self.element_lanes)
                     * ceil_div(self.setting.prototypes, self.prototype_lanes))
        lookups = ceil_div(layer.out_channels, self.outputs)
        groups = ceil_div(self.setting.subspaces(layer), self.subspaces)
        return columns * max(distances, lookups) * groups

    def load_cycles(self, layer: ConvShape, memory: Memory) -> int:
        """T_init: filling the banks, or waiting for the memory."""
        _check_ungrouped(layer)
        entries = layer.out_channels * self.setting.prototypes * self.setting.subspaces(layer)
        return max(1, ceil_div(entries, self.outputs * self.subspaces),
                   ceil_div(self.setting.parameter_bits(layer), memory.bits_per_cycle))

    def cycles(self, layer: ConvShape, memory: Memory) -> int:
        """max(T_init, T_calc)."""
        return max(self.load_cycles(layer, memory), self.compute_cycles(layer))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DLA:
    """The conventional accelerator: 8 channels x `lanes` outputs x 4 columns x 3 filter taps.

    Parameters
    ----------
    lanes: outputs side by side; 48 as published. The published area is scaled with it.

    Latency and cost
    ----------------
    With K outputs, C channels, an output map of P x Q and a filter of FH x FW, a layer takes::

        max(ceil(K*FW*FH*C*16 / bits per cycle),
            floor(ceil(K/lanes) * P * ceil(Q/4) * FW/3 * FH * ceil(C/8)))
    """
    lanes: int = DLA_LANES

    def __post_init__(self) -> None:
        _check_positive(self)

    @property
    def area(self) -> float:
        """27,360 for 48 lanes, in proportion for others."""
        return DLA_AREA * self.lanes / DLA_LANES

    def cycles(self, layer: ConvShape, memory: Memory) -> int:
        """The larger of loading 16-bit weights and multiplying."""
        _check_ungrouped(layer)
        taps_y, taps_x = layer.kernel
        loading = ceil_div(16 * layer.weights, memory.bits_per_cycle)
        passes = (ceil_div(layer.out_channels, self.lanes) * layer.out_height
                  * ceil_div(layer.out_width, 4) * taps_y * ceil_div(layer.in_channels, 8))
        return max(loading, passes * taps_x // 3)


def total_cycles(accelerator: Accelerator, layers: Iterable[ConvShape], memory: Memory) -> int:
    """Cycles of layers one after the other."""
    return sum(accelerator.cycles(layer, memory) for layer in layers)


def best_pqa(setting: PQASetting, layers: Iterable[ConvShape], memory: Memory, *,
             dsps: bool) -> PQA:
    """The accelerator with most work per area among lookup arrays of 8 to 64 lanes a side."""
    layers = tuple(layers)
    arrays = (PQA(setting=setting, outputs=outputs, subspaces=subspaces, dsps=dsps)
              for outputs, subspaces in itertools.product(SIDES, SIDES))
    return min(arrays, key=lambda array: array.area * total_cycles(array, layers, memory))


def pqa_layers(network: NetworkShape) -> tuple[ConvShape, ...]:
    """The layers that the comparison replaces: all but ResNet-20's stem and classifier."""
    return tuple(layer for layer in network.layers if layer.name not in ("stem", "classifier"))


def _settings(*rows: tuple[int, int, int, int]) -> tuple[PQASetting, ...]:
    return tuple(PQASetting(subvector_length=length, prototypes=prototypes,
                            prototype_bits=prototype_bits, table_bits=table_bits)
                 for length, prototypes, prototype_bits, table_bits in rows)


SETTINGS = {
    "resnet20": _settings((3, 64, 8, 16), (9, 64, 8, 16), (9, 8, 8, 16), (9, 16, 8, 16),
                          (9, 8, 6, 5), (9, 16, 6, 5)),
    "kws": _settings((8, 8, 8, 16), (4, 16, 8, 16), (8, 8, 2, 6), (4, 16, 2, 6)),
    "emnist": _settings((4, 12, 8, 16), (8, 8, 8, 16), (4, 12, 5, 5), (8, 8, 5, 5)),
}
"""Settings of the comparison by network: 8-bit prototypes and 16-bit entries, then low bits."""
