"""The encoding half of a PQ engine's spec: from sub-vectors of activations to codes."""

import abc
import dataclasses
import functools
from typing import Any

from .constants import Constants
from .conv import LayerShape
from .image import Section
from .many import choose
from .ranges import Range, ceil_div, ceil_log2, signed_range, unsigned_range
from .storage import read_stages, storage
from .tables import PQEngine, PQFolding, PQPrecision

__all__ = ["DistanceSpec", "EncoderSpec"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderSpec(abc.ABC):
    """What every encoder answers: shapes, cycles, latency and the sections it stores.

    Parameters
    ----------
    layer, engine, precision, folding:
        The four tables of the spec file.
    subspaces:
        Sub-vectors of an encoder row.
    lanes:
        Sub-vectors encoded side by side.
    inputs:
        Activations of an encoder row.
    constants:
        What is built into the logic.
    """
    layer: LayerShape
    engine: PQEngine
    precision: PQPrecision
    folding: PQFolding
    subspaces: int
    lanes: int
    inputs: int
    constants: Constants | None = None

    @property
    def groups(self) -> int:
        """Groups of sub-vectors in an encoder row: ceil(subspaces / lanes)."""
        return ceil_div(self.subspaces, self.lanes)

    @property
    def code_bits(self) -> int:
        """Bits of a code: ceil(log2 K)."""
        return ceil_log2(self.engine.prototypes)

    @property
    def activation_range(self) -> Range:
        """Elements of a sub-vector."""
        return self.precision.activation_range

    @property
    def prototype_range(self) -> Range:
        """Elements of a prototype: on the grid of the activations."""
        bits = self.precision.prototype_bits
        return signed_range(bits) if self.precision.activation_signed else unsigned_range(bits)

    @property
    def lanes_in(self) -> int:
        """Activations per transfer."""
        return self.lanes * self.engine.subvector_length

    @property
    @abc.abstractmethod
    def encode_cycles(self) -> int:
        """Cycles spent on one group of sub-vectors."""

    @property
    def transfer_cycles(self) -> int:
        """Cycles that a transfer is kept: those of its group of sub-vectors."""
        return self.encode_cycles

    @property
    @abc.abstractmethod
    def encoder_stages(self) -> int:
        """Registers from a group's last operands to its codes."""

    @property
    def multipliers(self) -> int:
        """Multipliers side by side."""
        return 0

    @property
    def arrangement(self) -> list[Any]:
        """What tells the order of the stored parameters where their sizes alone do not."""
        return [self.lanes]

    @abc.abstractmethod
    def sections(self, stage: int = 0) -> list[Section]:
        """What the encoder stores, in the order of the parameter image."""

    def section(self, kind: str) -> Section:
        """The section of a kind."""
        return next(section for section in self.sections() if section.kind == kind)

    @property
    def constant_kinds(self) -> frozenset[str]:
        """Kinds of sections that are built into the logic: all of the encoder's, or none."""
        if self.engine.prototype_storage != "rom" and not self.engine.resident:
            return frozenset()
        return frozenset(section.kind for section in self.sections())


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistanceSpec(EncoderSpec):
    """An encoder that compares each sub-vector with every prototype."""

    @property
    def prototype_lanes(self) -> int:
        """Prototypes side by side (`prototypes_per_cycle`, at most K)."""
        return min(self.folding.prototypes_per_cycle, self.engine.prototypes)

    @property
    def element_lanes(self) -> int:
        """Elements side by side (`elements_per_cycle`, at most V)."""
        return min(self.folding.elements_per_cycle, self.engine.subvector_length)

    @property
    def prototype_chunks(self) -> int:
        """Passes over the prototypes: ceil(K / prototype_lanes)."""
        return ceil_div(self.engine.prototypes, self.prototype_lanes)

    @property
    def element_chunks(self) -> int:
        """Passes over the elements: ceil(V / element_lanes)."""
        return ceil_div(self.engine.subvector_length, self.element_lanes)

    @property
    def encode_cycles(self) -> int:
        """Cycles spent on one group of sub-vectors."""
        return self.prototype_chunks * self.element_chunks

    @property
    def chunked_input(self) -> bool:
        """Whether a transfer holds one chunk of elements instead of a group of sub-vectors."""
        length = self.engine.subvector_length
        return ((self.lanes == 1) & (self.prototype_chunks == 1)
                & (length % self.element_lanes == 0) & (self.inputs % length == 0))

    @property
    def lanes_in(self) -> int:
        """Activations per transfer."""
        lanes: int = choose(self.chunked_input, self.element_lanes,
                            self.lanes * self.engine.subvector_length)
        return lanes

    @property
    def transfer_cycles(self) -> int:
        """Cycles that a transfer is kept: those of its group of sub-vectors, or of a chunk one."""
        cycles: int = choose(self.chunked_input, 1, self.encode_cycles)
        return cycles

    @property
    def multipliers(self) -> int:
        """Multipliers side by side: products, and squares above six bits of difference."""
        encoder = self.engine.encoder
        tabled = encoder == "l2" and self.difference_range.magnitude().bits <= 6
        if encoder in ("l1", "chebyshev") or tabled:
            return 0
        return self.lanes * self.prototype_lanes * self.element_lanes

    @property
    def difference_range(self) -> Range:
        """x - c."""
        return self.activation_range - self.prototype_range

    @property
    def element_distance_range(self) -> Range:
        """What one element adds to a distance (l1, l2), can make it (chebyshev) or a score (dot).

        An element's score, 2xc - c**2, is largest for the c nearest to x, and smallest in a corner.
        """
        difference = self.difference_range
        if self.engine.encoder != "dot":
            return difference.squared() if self.engine.encoder == "l2" else difference.magnitude()
        x, c = self.activation_range, self.prototype_range
        corners = [2 * a * b - b * b for a in (x.low, x.high) for b in (c.low, c.high)]
        nearest = [(a, min(max(a, c.low), c.high)) for a in (x.low, x.high)]
        return Range(min(corners), max(2 * a * b - b * b for a, b in nearest))

    @property
    def distance_range(self) -> Range:
        """A whole distance, or a score."""
        if self.engine.encoder == "chebyshev":
            return self.element_distance_range
        return self.element_distance_range.times(self.engine.subvector_length)

    @property
    def norm_range(self) -> Range:
        """A prototype's part of its score: -sum c**2 (dot)."""
        return Range(-self.prototype_range.squared().times(self.engine.subvector_length).high, 0)

    @property
    def prototype_words(self) -> int:
        """Depth of the prototype memory."""
        sets = 1 if self.engine.shared_prototypes else self.layer.sets * self.groups
        return sets * self.encode_cycles

    @property
    def prototype_store(self) -> str:
        """Where the prototypes stand: register, lutram, bram or rom."""
        return storage(self.engine, self.engine.prototype_storage, self.prototype_words,
                       lutram_words=16)

    @property
    def prototype_stages(self) -> int:
        """Cycles from an address to its prototypes."""
        return read_stages(self.engine, self.prototype_store)

    @property
    def norm_words(self) -> int:
        """Depth of the memory of norms (dot)."""
        return self.prototype_words // self.element_chunks

    @property
    def norm_store(self) -> str:
        """Where the norms stand: register, lutram, bram or rom."""
        return storage(self.engine, self.engine.prototype_storage, self.norm_words,
                       lutram_words=16)

    @property
    def part_stages(self) -> int:
        """Registers from operands to the sum or maximum over the elements side by side.

        A difference is registered; squares and products take two cycles.
        """
        return (2 if self.engine.encoder in ("l2", "dot") else 1) + ceil_log2(self.element_lanes)

    @property
    def distance_stages(self) -> int:
        """Registers from operands to whole distances.

        Over chunks of elements parts are accumulated. Otherwise l1 sums one term more, that of
        the signs, and dot too, that of the norm. chebyshev makes its magnitude in the end.
        """
        encoder, chunked = self.engine.encoder, self.element_chunks > 1
        if encoder == "chebyshev":
            return self.part_stages + 1 + chunked
        full = self.element_lanes == 1 << ceil_log2(self.element_lanes)
        return self.part_stages + (chunked | full & (encoder in ("l1", "dot")))

    @property
    def encoder_stages(self) -> int:
        """Registers: operands, distances, argmin, best."""
        return (self.prototype_stages + self.distance_stages
                + ceil_log2(self.prototype_lanes) + (self.prototype_chunks > 1))

    @property
    def arrangement(self) -> list[Any]:
        """What tells the order of the stored parameters where their sizes alone do not."""
        return [self.lanes, self.prototype_lanes, self.element_lanes]

    def sections(self, stage: int = 0) -> list[Section]:
        """Prototypes, and for dot their norms."""
        lanes = 1 if self.engine.shared_prototypes else self.lanes
        make = functools.partial(Section, stage=stage, load_bits=self.engine.load_bits,
                                 copies=self.engine.copies)
        sections = [make(kind="prototypes", words=self.prototype_words,
                         fields=lanes * self.prototype_lanes * self.element_lanes,
                         field_bits=self.precision.prototype_bits)]
        if self.engine.encoder == "dot":
            sections.append(make(kind="norms", words=self.norm_words,
                                 fields=lanes * self.prototype_lanes,
                                 field_bits=self.norm_range.bits))
        return sections
