"""The spec of a multiply-accumulate engine and everything derived from it."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from .conv import Conv2d, LayerShape, layer_from_mapping
from .image import Section
from .products import Products
from .ranges import ceil_div, ceil_log2
from .rules import check_mixed, check_pixels, check_weights
from .storage import storage
from .tables import MACEngine, MACFolding, MACPrecision, PQEngine, PQFolding, PQPrecision

__all__ = ["MACSpec"]


def _names(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(cls))


@dataclasses.dataclass(frozen=True, kw_only=True)
class MACSpec(Products):
    """A layer that multiplies activations by integer weights, output-stationary.

    Per row, or `pixels` of them: cycles = ceil(D/inputs) * ceil(N/outputs).

    Parameters
    ----------
    layer, engine, precision, folding:
        The four tables of the spec file.

    Raises
    ------
    SpecError
        One sentence naming the field, the rule and the value.
    """
    KIND: ClassVar[str] = "mac"
    MINIMUM_BIAS_BITS: ClassVar[int] = 16
    layer: LayerShape
    engine: MACEngine = MACEngine()
    precision: MACPrecision = MACPrecision()
    folding: MACFolding = MACFolding()

    def __new__(cls, **tables: Any) -> "MACSpec":
        """The class of the scheme, whoever asks."""
        if getattr(tables.get("engine"), "scheme", None) == "bitplane":
            from .bitplane import BitplaneSpec
            cls = BitplaneSpec
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check_weights(self)
        check_pixels(self)
        check_mixed(self)
        super().__post_init__()

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights: [N, D], or [N, Fh, Fw, C / groups]."""
        layer = self.layer
        if isinstance(layer, Conv2d):
            return (layer.out_channels, *layer.kernel, layer.unit_inputs)
        return (layer.out_features, layer.in_features)

    @functools.cached_property
    def row_lanes(self) -> int:
        """Activations per transfer of an engine row (`inputs_per_cycle`, at most D)."""
        return min(self.folding.inputs_per_cycle, self.layer.row_inputs)

    @functools.cached_property
    def groups(self) -> int:
        """Groups of inputs in a row: ceil(D / row_lanes)."""
        return ceil_div(self.layer.row_inputs, self.row_lanes)

    @functools.cached_property
    def row_cycles(self) -> int:
        """Cycles between engine rows, or `pixels` of them at once, when nothing stalls."""
        return self.groups * self.tiles

    @property
    def pixels(self) -> int:
        """Pixels of a convolution computed side by side, with the same weights."""
        return self.folding.pixels_per_cycle or 1

    @property
    def terms(self) -> int:
        """Products of an output's sum: D."""
        return self.layer.row_inputs

    @property
    def terms_per_cycle(self) -> int:
        """Products of one output summed side by side."""
        return self.row_lanes

    @functools.cached_property
    def weight_words(self) -> int:
        """Depth of the weight memory."""
        return self.sets * self.groups * self.tiles

    @property
    def weight_store(self) -> str:
        """Where the weights stand: register, lutram or bram (`auto`)."""
        return storage(self.engine, self.engine.weight_storage, self.weight_words,
                       lutram_words=1)

    @property
    def weight_stages(self) -> int:
        """Cycles from an address to its weights."""
        return self.read_stages(self.weight_store)

    # -- Order of the rows -----------------------------------------------------------------

    @functools.cached_property
    def lanes_out(self) -> int:
        """As for any engine; with two schemes, or pixels side by side, the fewest lanes whose
        transfers have one scheme, of one pixel."""
        plain = self.engine.scheme != "mixed" and self.pixels == 1
        if plain or self.folding.results_per_cycle is not None:
            return super().lanes_out
        fewest = ceil_div(self.columns, self.tile_interval)
        shared = self.outputs
        if self.engine.scheme == "mixed" and self.engine.ratio not in (None, "auto"):
            shared = math.gcd(self.outputs, self.fixed_outputs)
        return next((lanes for lanes in range(fewest, shared + 1) if shared % lanes == 0), shared)

    @property
    def computed_outputs(self) -> int:
        """Results that `pixels` rows are computed with, those of lanes left over among them."""
        return self.tiles * self.columns if self.permutes else self.layer.row_outputs

    @property
    def order_bits(self) -> tuple[int, int]:
        """Bits of a transfer's and of a lane's number where rows change their order."""
        return ceil_log2(self.computed_transfers), ceil_log2(self.lanes_out)

    @property
    def order_stages(self) -> int:
        """Cycles from a row's first transfer of results to its first in the order of the rows."""
        if not self.permutes:
            return 0
        last = (self.tiles - 1) * self.groups + self.columns // self.lanes_out - 1
        return last + 2

    @property
    def replays_inputs(self) -> bool:
        """Whether a row is stored and played once for every tile of outputs."""
        return self.tiles > 1 and (self.groups > 1 or self.pixels > 1)

    @property
    def first_tile_cycle(self) -> int:
        """Cycles from a row's first transfer at `i` to its first tile entering the results."""
        last_group = 1 + self.groups - 1
        replay = self.groups + 1 if self.replays_inputs else 0
        return last_group + replay + self.weight_stages + self.product_stages + self.sum_stages

    @property
    def arithmetic(self) -> list[Any]:
        """What decides the results, and the code of the weights."""
        code = ["magnitude"] if self.engine.scheme == "fixed" and self.signed_terms else []
        ratio = [self.fixed_outputs, self.outputs] if self.two_schemes else []
        return [*super().arithmetic, self.engine.scheme, self.engine.weight_bits, *code, *ratio]

    def parameter_sections(self, stage: int) -> list[Section]:
        """Weights by core, and with two schemes where each row is computed."""
        make = functools.partial(Section, stage=stage, load_bits=self.engine.load_bits,
                                 copies=self.engine.copies)
        sections = [make(kind=core.section, words=self.weight_words,
                         fields=core.count * self.row_lanes,
                         field_bits=self.engine.weight_bits) for core in self.cores]
        if self.permutes:
            sections.append(make(kind="order", words=self.sets * self.pixels * self.row_transfers,
                                 fields=self.lanes_out, field_bits=sum(self.order_bits)))
        return sections

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "MACSpec":
        """Build from a parsed spec file; fields of the other kind are left aside."""
        return cls(
            layer=layer_from_mapping(mapping.get("layer", {})),
            engine=MACEngine.from_mapping(mapping.get("engine", {}),
                                          ignore=_names(PQEngine) | {"kind"}),
            precision=MACPrecision.from_mapping(mapping.get("precision", {}),
                                                ignore=_names(PQPrecision)),
            folding=MACFolding.from_mapping(mapping.get("folding", {}), ignore=_names(PQFolding)))
