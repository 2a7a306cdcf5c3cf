"""The spec of a product-quantization engine and everything derived from it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from .engine import EngineSpec
from .fields import SpecError
from .image import Section
from .ranges import Range, ceil_div, ceil_log2, signed_range, unsigned_range
from .tables import Layer, MACEngine, MACFolding, PQEngine, PQFolding, PQPrecision

__all__ = ["PQSpec"]


def _names(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(cls))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQSpec(EngineSpec):
    """A layer that finds the nearest prototype of each sub-vector and sums table entries.

    Per row::

        cycles = max(ceil(V/elements) * ceil(K/prototypes), ceil(N/outputs)) * ceil(S/subspaces)

    Parameters
    ----------
    layer, engine, precision, folding:
        The four tables of the spec file.

    Raises
    ------
    SpecError
        One sentence naming the field, the rule and the value.
    """
    KIND: ClassVar[str] = "pq"
    MINIMUM_BIAS_BITS: ClassVar[int] = 12
    layer: Layer
    engine: PQEngine
    precision: PQPrecision = PQPrecision()
    folding: PQFolding = PQFolding()

    def __post_init__(self) -> None:
        if self.engine.subvector_length > self.layer.in_features:
            raise SpecError(f"engine.subvector_length must be at most layer.in_features = "
                            f"{self.layer.in_features}, but is {self.engine.subvector_length}.")
        if self.output is not None and self.output.mode == "scale":
            raise SpecError('precision.output.mode must be "shift" for kind = "pq", whose table '
                            'scale makes a shift enough, but is "scale".')
        super().__post_init__()

    # -- Shapes ----------------------------------------------------------------------------

    @property
    def subspaces(self) -> int:
        """S = ceil(D / V)."""
        return ceil_div(self.layer.in_features, self.engine.subvector_length)

    @property
    def subspace_lanes(self) -> int:
        """Subspaces side by side (`subspaces_per_cycle`, at most S)."""
        return min(self.folding.subspaces_per_cycle, self.subspaces)

    @property
    def prototype_lanes(self) -> int:
        """Prototypes side by side (`prototypes_per_cycle`, at most K)."""
        return min(self.folding.prototypes_per_cycle, self.engine.prototypes)

    @property
    def element_lanes(self) -> int:
        """Elements side by side (`elements_per_cycle`, at most V)."""
        return min(self.folding.elements_per_cycle, self.engine.subvector_length)

    @property
    def groups(self) -> int:
        """Groups of subspaces in a row: ceil(S / subspace_lanes)."""
        return ceil_div(self.subspaces, self.subspace_lanes)

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
        """Cycles the encoder spends on one group of subspaces."""
        return self.prototype_chunks * self.element_chunks

    @property
    def cycles_per_row(self) -> int:
        """Cycles between rows when nothing stalls."""
        return max(self.encode_cycles, self.tiles) * self.groups

    @property
    def chunked_input(self) -> bool:
        """Whether `i` carries one chunk of elements at a time instead of a group of subspaces."""
        length = self.engine.subvector_length
        return (self.subspace_lanes == 1 and self.prototype_chunks == 1
                and length % self.element_lanes == 0 and self.layer.in_features % length == 0)

    @property
    def lanes_in(self) -> int:
        """Activations per transfer at `i`."""
        if self.chunked_input:
            return self.element_lanes
        return self.subspace_lanes * self.engine.subvector_length

    @property
    def lookups_per_cycle(self) -> int:
        """Table entries read side by side."""
        return self.subspace_lanes * self.outputs

    @property
    def multipliers(self) -> int:
        """Multipliers in the datapath: squares above six bits of difference."""
        if self.engine.encoder != "l2" or self.difference_range.magnitude().bits <= 6:
            return 0
        return self.subspace_lanes * self.prototype_lanes * self.element_lanes

    # -- Widths ----------------------------------------------------------------------------

    @property
    def code_bits(self) -> int:
        """Bits of a code: ceil(log2 K)."""
        return ceil_log2(self.engine.prototypes)

    @property
    def prototype_range(self) -> Range:
        """Elements of a prototype: on the grid of the activations."""
        bits = self.precision.prototype_bits
        return signed_range(bits) if self.precision.activation_signed else unsigned_range(bits)

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
    def term_range(self) -> Range:
        """A table entry."""
        return signed_range(self.precision.table_bits)

    @property
    def terms(self) -> int:
        """Table entries of an output's sum: S."""
        return self.subspaces

    @property
    def terms_per_cycle(self) -> int:
        """Table entries of one output summed side by side."""
        return self.subspace_lanes

    # -- Memories and pipeline -------------------------------------------------------------

    @property
    def prototype_words(self) -> int:
        """Depth of the prototype memory."""
        sets = 1 if self.engine.shared_prototypes else self.groups
        return sets * self.encode_cycles

    @property
    def table_words(self) -> int:
        """Depth of each table memory: tiles * groups * 2**code_bits."""
        return self.tiles * self.groups << self.code_bits

    @property
    def prototype_store(self) -> str:
        """Where the prototypes stand: register, lutram or bram."""
        return self.storage(self.engine.prototype_storage, self.prototype_words, lutram_words=16)

    @property
    def table_store(self) -> str:
        """Where the tables stand: lutram or bram (`auto`)."""
        return self.storage(self.engine.table_storage, self.table_words, lutram_words=32)

    @property
    def table_stages(self) -> int:
        """Cycles from a code to its table entries."""
        return self.read_stages(self.table_store)

    @property
    def encoder_stages(self) -> int:
        """Registers of the encoder: operands, difference, distance, tree, sum, argmin, best."""
        return (self.read_stages(self.prototype_store) + 2
                + ceil_log2(self.element_lanes) + int(self.element_chunks > 1)
                + ceil_log2(self.prototype_lanes) + int(self.prototype_chunks > 1))

    @property
    def replays_codes(self) -> bool:
        """Whether a row's codes are stored and played once for every tile of outputs."""
        return self.tiles > 1 and self.groups > 1

    @property
    def registers_held(self) -> bool:
        """Whether a code held for several tiles needs a register, as the next takes time."""
        return self.tiles > 1 and self.groups == 1 and self.encode_cycles > 1

    @property
    def first_tile_cycle(self) -> int:
        """Cycles from a row's first transfer at `i` to its first tile entering the results."""
        last_code = 1 + self.groups * self.encode_cycles - 1 + self.encoder_stages
        replay = self.groups + 1 if self.replays_codes else int(self.registers_held)
        return last_code + replay + self.table_stages + self.sum_stages

    @property
    def arithmetic(self) -> list[Any]:
        """What decides the results: two specs that agree here compute the same function."""
        engine = self.engine
        return [*super().arithmetic, engine.encoder, engine.subvector_length, engine.prototypes,
                engine.shared_prototypes]

    def parameter_sections(self, stage: int) -> list[Section]:
        """Prototypes and tables."""
        lanes = 1 if self.engine.shared_prototypes else self.subspace_lanes
        return [
            Section(kind="prototypes", stage=stage, load_bits=self.engine.load_bits,
                    words=self.prototype_words,
                    fields=lanes * self.prototype_lanes * self.element_lanes,
                    field_bits=self.precision.prototype_bits),
            Section(kind="tables", stage=stage, load_bits=self.engine.load_bits,
                    words=self.table_words, banks=self.subspace_lanes,
                    fields=self.outputs, field_bits=self.precision.table_bits)]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "PQSpec":
        """Build from a parsed spec file; fields of the other kind are left aside."""
        return cls(
            layer=Layer.from_mapping(mapping.get("layer", {})),
            engine=PQEngine.from_mapping(mapping.get("engine", {}),
                                         ignore=_names(MACEngine) | {"kind"}),
            precision=PQPrecision.from_mapping(mapping.get("precision", {})),
            folding=PQFolding.from_mapping(mapping.get("folding", {}), ignore=_names(MACFolding)))
