"""The spec of a multiply-accumulate engine and everything derived from it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .conv import Conv2d, LayerShape, layer_from_mapping
from .engine import EngineSpec
from .image import Section
from .ranges import Range, ceil_div
from .rules import check_weights
from .storage import storage
from .tables import MACEngine, MACFolding, MACPrecision, PQEngine, PQFolding, PQPrecision
from .weights import magnitudes

__all__ = ["MACSpec"]

MANY_DSPS = 32
"""DSP blocks from which on their columns lie too far from the sums for one cycle."""


def _names(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(cls))


@dataclasses.dataclass(frozen=True, kw_only=True)
class MACSpec(EngineSpec):
    """A layer that multiplies activations by integer weights, output-stationary.

    Per row: cycles = ceil(D/inputs) * ceil(N/outputs).

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
        super().__post_init__()

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights: [N, D], or [N, Fh, Fw, C / groups]."""
        layer = self.layer
        if isinstance(layer, Conv2d):
            return (layer.out_channels, *layer.kernel, layer.unit_inputs)
        return (layer.out_features, layer.in_features)

    @property
    def row_lanes(self) -> int:
        """Activations per transfer of an engine row (`inputs_per_cycle`, at most D)."""
        return min(self.folding.inputs_per_cycle, self.layer.row_inputs)

    @property
    def groups(self) -> int:
        """Groups of inputs in a row: ceil(D / row_lanes)."""
        return ceil_div(self.layer.row_inputs, self.row_lanes)

    @property
    def row_cycles(self) -> int:
        """Cycles between engine rows when nothing stalls."""
        return self.groups * self.tiles

    @property
    def multipliers(self) -> int:
        """Products formed side by side, or DSP blocks where several share one; shifts need no
        multiplier."""
        if self.engine.scheme != "fixed":
            return 0
        return self.row_lanes * ceil_div(self.outputs, self.packed)

    @property
    def levels(self) -> np.ndarray:
        """Magnitudes that a weight may have, ascending."""
        return magnitudes(self.engine.scheme, self.engine.weight_bits)

    @property
    def weight_range(self) -> Range:
        """Weights: symmetric around zero."""
        top = int(self.levels[-1])
        return Range(-top, top)

    @property
    def signed_terms(self) -> bool:
        """Whether products come as magnitude and sign, as logic forms them, and DSP blocks where
        several share one."""
        in_logic = self.engine.multiplier == "lut" and self.engine.weight_code != "signed"
        return self.engine.scheme != "fixed" or in_logic or self.packed > 1

    @property
    def packed(self) -> int:
        """Products of a DSP block: one activation times the weights of as many outputs."""
        if self.engine.multiplier == "lut" or self.engine.scheme != "fixed":
            return 1
        return min(self.engine.products_per_dsp or 1, self.outputs)

    @property
    def field_bits(self) -> int:
        """Bits from one product of a DSP block to the next: those of a product's magnitude."""
        return Range(0, self.activation_range.magnitude().high * self.weight_range.high).bits

    def most_per_dsp(self, port_bits: int) -> int:
        """How many magnitudes of weights fit an operand of `port_bits` bits, products apart."""
        bits = self.engine.weight_bits - 1
        if self.activation_range.magnitude().bits > port_bits or bits > port_bits:
            return 1
        return 1 + (port_bits - bits) // self.field_bits

    @property
    def term_range(self) -> Range:
        """A product."""
        return self.activation_range * self.weight_range

    @property
    def product_range(self) -> Range:
        """What a lane gives: a product, or that of an activation and a magnitude."""
        if not self.signed_terms:
            return self.term_range
        inputs = self.activation_range.magnitude() if self.packed > 1 else self.activation_range
        return inputs * Range(0, self.weight_range.high)

    @property
    def terms(self) -> int:
        """Products of an output's sum: D."""
        return self.layer.row_inputs

    @property
    def terms_per_cycle(self) -> int:
        """Products of one output summed side by side."""
        return self.row_lanes

    @property
    def weight_words(self) -> int:
        """Depth of the weight memory."""
        return self.sets * self.groups * self.tiles

    @property
    def weight_store(self) -> str:
        """Where the weights stand: register, lutram or bram (`auto`)."""
        return storage(self.engine.weight_storage, self.weight_words, lutram_words=1,
                       copies=self.engine.copies)

    @property
    def weight_stages(self) -> int:
        """Cycles from an address to its weights."""
        return self.read_stages(self.weight_store)

    @property
    def replays_inputs(self) -> bool:
        """Whether a row is stored and played once for every tile of outputs."""
        return self.tiles > 1 and self.groups > 1

    @property
    def product_stages(self) -> int:
        """Registers of a multiplier: operands and product, or the partial sums of logic; and one
        on the way from DSP blocks."""
        return 2 + int(self.registers_products)

    @property
    def registers_products(self) -> bool:
        """Whether products of DSP blocks pass a register outside."""
        asked = self.engine.product_register
        if self.engine.scheme != "fixed" or self.engine.multiplier == "lut":
            return False
        return asked == "yes" or asked == "auto" and self.multipliers >= MANY_DSPS

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
        return [*super().arithmetic, self.engine.scheme, self.engine.weight_bits, *code]

    def parameter_sections(self, stage: int) -> list[Section]:
        """Weights."""
        return [Section(kind="weights", stage=stage, load_bits=self.engine.load_bits,
                        copies=self.engine.copies,
                        words=self.weight_words, fields=self.outputs * self.row_lanes,
                        field_bits=self.engine.weight_bits)]

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
