"""The encoding half of a PQ engine's spec: from sub-vectors of activations to codes."""

import dataclasses

from .constants import Constants
from .conv import LayerShape
from .engine import read_stages, storage
from .image import Section
from .ranges import Range, ceil_div, ceil_log2, signed_range, unsigned_range
from .tables import PQEngine, PQFolding, PQPrecision

__all__ = ["DistanceSpec", "EncoderSpec"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderSpec:
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
    def encode_cycles(self) -> int:
        """Cycles spent on one group of sub-vectors."""
        raise NotImplementedError

    @property
    def encoder_stages(self) -> int:
        """Registers from a group's last operands to its codes."""
        raise NotImplementedError

    @property
    def multipliers(self) -> int:
        """Multipliers side by side."""
        return 0

    @property
    def arrangement(self) -> list[int]:
        """What tells the order of the stored parameters where their sizes alone do not."""
        return [self.lanes]

    def sections(self, stage: int = 0) -> list[Section]:
        """What the encoder stores, in the order of the parameter image."""
        raise NotImplementedError

    def section(self, kind: str) -> Section:
        """The section of a kind."""
        return next(section for section in self.sections() if section.kind == kind)

    @property
    def constant_kinds(self) -> frozenset[str]:
        """Kinds of sections that are built into the logic: all of the encoder's, or none."""
        if self.engine.prototype_storage != "rom":
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
        return (self.lanes == 1 and self.prototype_chunks == 1
                and length % self.element_lanes == 0 and self.inputs % length == 0)

    @property
    def lanes_in(self) -> int:
        """Activations per transfer."""
        if self.chunked_input:
            return self.element_lanes
        return self.lanes * self.engine.subvector_length

    @property
    def multipliers(self) -> int:
        """Multipliers side by side: squares above six bits of difference."""
        if self.engine.encoder != "l2" or self.difference_range.magnitude().bits <= 6:
            return 0
        return self.lanes * self.prototype_lanes * self.element_lanes

    @property
    def difference_range(self) -> Range:
        """x - c."""
        return self.activation_range - self.prototype_range

    @property
    def element_distance_range(self) -> Range:
        """What one element adds to a distance."""
        difference = self.difference_range
        return difference.squared() if self.engine.encoder == "l2" else difference.magnitude()

    @property
    def distance_range(self) -> Range:
        """A whole distance."""
        return self.element_distance_range.times(self.engine.subvector_length)

    @property
    def prototype_words(self) -> int:
        """Depth of the prototype memory."""
        sets = 1 if self.engine.shared_prototypes else self.layer.sets * self.groups
        return sets * self.encode_cycles

    @property
    def prototype_store(self) -> str:
        """Where the prototypes stand: register, lutram, bram or rom."""
        return storage(self.engine.prototype_storage, self.prototype_words, lutram_words=16,
                       copies=self.engine.copies)

    @property
    def prototype_stages(self) -> int:
        """Cycles from an address to its prototypes."""
        return read_stages(self.engine, self.prototype_store)

    @property
    def encoder_stages(self) -> int:
        """Registers: operands, difference, distance, tree, sum, argmin, best."""
        return (self.prototype_stages + 2
                + ceil_log2(self.element_lanes) + int(self.element_chunks > 1)
                + ceil_log2(self.prototype_lanes) + int(self.prototype_chunks > 1))

    @property
    def arrangement(self) -> list[int]:
        """What tells the order of the stored parameters where their sizes alone do not."""
        return [self.lanes, self.prototype_lanes, self.element_lanes]

    def sections(self, stage: int = 0) -> list[Section]:
        """Prototypes."""
        lanes = 1 if self.engine.shared_prototypes else self.lanes
        return [Section(kind="prototypes", stage=stage, load_bits=self.engine.load_bits,
                        copies=self.engine.copies,
                        words=self.prototype_words,
                        fields=lanes * self.prototype_lanes * self.element_lanes,
                        field_bits=self.precision.prototype_bits)]
