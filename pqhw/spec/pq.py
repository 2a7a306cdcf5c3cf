"""The spec of a product-quantization engine and everything derived from it."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

from .constants import Constants
from .conv import Conv2d, LayerShape, layer_from_mapping
from .encoder import DistanceSpec, EncoderSpec
from .engine import EngineSpec
from .image import Section
from .many import largest
from .ranges import Range, ceil_div, ceil_log2, signed_range
from .rules import check_tree, check_vectors
from .storage import storage
from .tables import MACEngine, MACFolding, PQEngine, PQFolding, PQPrecision
from .tree import TreeSpec

__all__ = ["PQSpec"]


def _names(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(cls))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQSpec(EngineSpec):
    """A layer that finds the nearest prototype of each sub-vector and sums table entries.

    Per row::

        encode = ceil(V/elements) * ceil(K/prototypes) * ceil(S/encoders)
        cycles = max(encode, ceil(N/outputs) * ceil(S/subspaces))

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
    layer: LayerShape
    engine: PQEngine
    precision: PQPrecision = PQPrecision()
    folding: PQFolding = PQFolding()
    constants: Constants | None = None

    def __post_init__(self) -> None:
        check_vectors(self)
        check_tree(self)
        super().__post_init__()

    # -- Shapes ----------------------------------------------------------------------------

    @functools.cached_property
    def encodes_pixels(self) -> bool:
        """Whether every pixel is encoded once, in front of the window."""
        return isinstance(self.layer, Conv2d) and self.engine.convolution == "pixel"

    @functools.cached_property
    def vector_inputs(self) -> int:
        """Inputs that are cut into sub-vectors: D of an engine row, or a pixel's channels."""
        return self.layer.unit_inputs if self.encodes_pixels else self.layer.row_inputs

    @functools.cached_property
    def subspaces(self) -> int:
        """Table entries of an output: S = ceil(D / V), or ceil(C / V) for every tap of a window
        of encoded pixels; C and D are those of a group."""
        taps = self.layer.taps if self.encodes_pixels else 1
        return taps * self.encoder_subspaces

    @functools.cached_property
    def encoder_subspaces(self) -> int:
        """Sub-vectors of what is encoded as one row."""
        return ceil_div(self.vector_inputs, self.engine.subvector_length)

    @property
    def encoded_vectors(self) -> int:
        """Prototype sets of [S, K, V] where they are not shared: sub-vectors of all groups."""
        return self.sets * self.encoder_subspaces

    @property
    def table_shape(self) -> tuple[int, ...]:
        """Shape of the tables: [S, K, N], or [Fh, Fw, G, K, N] for encoded pixels; S and G count
        the sub-vectors of one group, as an output uses those of its own."""
        shape = (self.encoder_subspaces, self.engine.prototypes, self.layer.out_channels)
        if self.encodes_pixels:
            assert isinstance(self.layer, Conv2d)
            return (*self.layer.kernel, *shape)
        return shape

    @property
    def prototype_shape(self) -> tuple[int, ...]:
        """Shape of the prototypes: [S, K, V] with the sub-vectors of all groups, or [1, K, V]."""
        sets = 1 if self.engine.shared_prototypes else self.encoded_vectors
        return (sets, self.engine.prototypes, self.engine.subvector_length)

    @functools.cached_property
    def subspace_lanes(self) -> int:
        """Subspaces side by side (`subspaces_per_cycle`, at most S)."""
        return min(self.folding.subspaces_per_cycle, self.subspaces)

    @functools.cached_property
    def groups(self) -> int:
        """Groups of subspaces in a row: ceil(S / subspace_lanes)."""
        return ceil_div(self.subspaces, self.subspace_lanes)

    @functools.cached_property
    def encoder_lanes(self) -> int:
        """Sub-vectors encoded side by side (`encoders_per_cycle`, at most `subspace_lanes`, or
        those of a pixel)."""
        most = self.subspace_lanes
        if self.encodes_pixels:
            most = min(self.encoder_subspaces, self.folding.subspaces_per_cycle
                       if self.folding.encoders_per_cycle is None else self.encoder_subspaces)
        asked = self.folding.encoders_per_cycle
        return most if asked is None else min(asked, most)

    @functools.cached_property
    def encoder(self) -> EncoderSpec:
        """The encoding half."""
        kind = TreeSpec if self.engine.encoder == "tree" else DistanceSpec
        return kind(layer=self.layer, engine=self.engine, precision=self.precision,
                    folding=self.folding, subspaces=self.encoder_subspaces,
                    lanes=self.encoder_lanes, inputs=self.vector_inputs,
                    constants=self.constants)

    @property
    def encoder_groups(self) -> int:
        """Groups of sub-vectors in an encoder row: ceil(encoder_subspaces / encoder_lanes)."""
        return self.encoder.groups

    @property
    def collects_codes(self) -> bool:
        """Whether the codes of several encoder groups make one group of the lookup."""
        return self.encoder_lanes < self.subspace_lanes and not self.encodes_pixels

    @functools.cached_property
    def row_encode_cycles(self) -> int:
        """Cycles the encoder spends on a row."""
        return self.encoder.encode_cycles * self.encoder_groups

    @property
    def least_interval(self) -> int:
        """Fewest cycles between two rows that gathered behind a stall."""
        return self.groups if self.encodes_pixels else self.encoder_groups

    @functools.cached_property
    def row_cycles(self) -> int:
        """Cycles between engine rows when nothing stalls."""
        lookup = self.tiles * self.groups
        return lookup if self.encodes_pixels else largest(self.row_encode_cycles, lookup)

    @property
    def row_lanes(self) -> int:
        """Elements per transfer of an engine row: activations, or codes of pixels."""
        return self.subspace_lanes if self.encodes_pixels else self.encoder.lanes_in

    @property
    def row_transfer_cycles(self) -> int:
        """Cycles that what takes a transfer of an engine row keeps it: the encoder, if it does."""
        return 1 if self.encodes_pixels else self.encoder.transfer_cycles

    @property
    def lanes_in(self) -> int:
        """Activations per transfer at `i`."""
        return self.encoder.lanes_in if self.encodes_pixels else super().lanes_in

    @property
    def transfer_cycles(self) -> int:
        """Cycles that what takes a transfer at `i` keeps it."""
        return self.encoder.transfer_cycles if self.encodes_pixels else super().transfer_cycles

    @property
    def pixel_cycles(self) -> int:
        """Cycles of the encoder for a pixel, where it stands in front of the window."""
        return self.sets * self.row_encode_cycles if self.encodes_pixels else 0

    @property
    def masks_lookups(self) -> bool:
        """Whether lookups of taps outside the image are masked: where no code is left that
        addresses an entry of zeros."""
        return (self.encodes_pixels and self.window.masks
                and self.engine.prototypes == 1 << self.code_bits)

    @property
    def window_elements(self) -> int:
        """Elements of a pixel that enter the window for one group: channels, or codes."""
        return self.encoder_subspaces if self.encodes_pixels else super().window_elements

    @property
    def code_lanes(self) -> int:
        """Codes that enter the window side by side."""
        return self.encoder_lanes

    @property
    def window_bits(self) -> int:
        """Bits of such an element."""
        return self.code_bits if self.encodes_pixels else super().window_bits

    @property
    def lookup_bits(self) -> int:
        """Bits that address a table: a code, and whether its tap lies inside the image."""
        return self.code_bits + self.masks_lookups

    @property
    def distance_operations(self) -> int:
        """Elements compared with one of a prototype for a row, or for an image: K for each input
        of what is encoded, or log2 K for each sub-vector of a tree."""
        rows = self.layer.units_in if self.encodes_pixels else self.layer.units_out
        if self.engine.encoder == "tree":
            return rows * self.encoder_subspaces * self.code_bits
        return rows * self.vector_inputs * self.engine.prototypes

    @property
    def lookups_per_cycle(self) -> int:
        """Table entries read side by side."""
        return self.subspace_lanes * self.outputs

    @property
    def multipliers(self) -> int:
        """Multipliers in the datapath: those of the encoder."""
        return self.encoder.multipliers

    # -- Widths ----------------------------------------------------------------------------

    @property
    def code_bits(self) -> int:
        """Bits of a code: ceil(log2 K)."""
        return ceil_log2(self.engine.prototypes)

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

    @functools.cached_property
    def table_words(self) -> int:
        """Depth of each table memory: tiles * groups * 2**code_bits, for every set."""
        return self.sets * self.tiles * self.groups << self.code_bits

    @functools.cached_property
    def table_store(self) -> str:
        """Where the tables stand: lutram, bram or rom."""
        return storage(self.engine, self.engine.table_storage, self.table_words,
                       lutram_words=32)

    @property
    def wraps(self) -> bool:
        """Whether sums are taken modulo 2**16."""
        return self.precision.compatibility == "wrap16"

    @functools.cached_property
    def folds_bias(self) -> bool:
        """Whether tables, bias and shift are constants."""
        return self.table_store == "rom"

    @functools.cached_property
    def constant_kinds(self) -> frozenset[str]:
        """Kinds of sections that are built into the logic."""
        if self.engine.resident:
            return super().constant_kinds
        return self.encoder.constant_kinds | ({"tables"} if self.folds_bias else set())

    @property
    def table_stages(self) -> int:
        """Cycles from a code to its table entries."""
        return self.read_stages(self.table_store)

    @property
    def replays_codes(self) -> bool:
        """Whether a row's codes are stored and played once for every tile of outputs."""
        return self.tiles > 1 and self.groups > 1

    @property
    def registers_held(self) -> bool:
        """Whether a code held for several tiles needs a register, as the next takes time."""
        return ((self.tiles > 1) & (self.groups == 1) & (self.row_encode_cycles > 1)
                & (not self.encodes_pixels))

    @property
    def first_tile_cycle(self) -> int:
        """Cycles from a row's first transfer at `i` to its first tile entering the results."""
        last_code = 1 + self.row_encode_cycles - 1 + self.encoder.encoder_stages
        replay = self.groups + 1 if self.replays_codes else int(self.registers_held)
        return last_code + replay + self.table_stages + self.sum_stages

    @property
    def arithmetic(self) -> list[Any]:
        """What decides the results, and the order in which the encoder's parameters come."""
        engine = self.engine
        mode = [self.engine.convolution] if isinstance(self.layer, Conv2d) else []
        return [*super().arithmetic, *mode, engine.encoder, engine.subvector_length,
                engine.prototypes, engine.shared_prototypes, self.encoder.arrangement]

    def parameter_sections(self, stage: int) -> list[Section]:
        """What the encoder stores, and the tables."""
        return [
            *self.encoder.sections(stage),
            Section(kind="tables", stage=stage, load_bits=self.engine.load_bits,
                    copies=self.engine.copies,
                    words=self.table_words, banks=self.subspace_lanes,
                    fields=self.outputs, field_bits=self.precision.table_bits)]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "PQSpec":
        """Build from a parsed spec file; fields of the other kind are left aside."""
        return cls(
            layer=layer_from_mapping(mapping.get("layer", {})),
            engine=PQEngine.from_mapping(mapping.get("engine", {}),
                                         ignore=_names(MACEngine) | {"kind"}),
            precision=PQPrecision.from_mapping(mapping.get("precision", {})),
            folding=PQFolding.from_mapping(mapping.get("folding", {}), ignore=_names(MACFolding)))
