"""The spec of a multiply-accumulate engine and everything derived from it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from .conv import Conv2d, LayerShape, layer_from_mapping
from .engine import EngineSpec
from .image import Section
from .ranges import Range, ceil_div
from .storage import storage
from .tables import MACEngine, MACFolding, MACPrecision, PQEngine, PQFolding, PQPrecision

__all__ = ["MACSpec"]


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
        """Products formed side by side."""
        return self.row_lanes * self.outputs

    @property
    def weight_range(self) -> Range:
        """Weights: symmetric around zero."""
        top = (1 << (self.engine.weight_bits - 1)) - 1
        return Range(-top, top)

    @property
    def term_range(self) -> Range:
        """A product."""
        return self.activation_range * self.weight_range

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
        """Registers of a multiplier: operands and product, or the partial sums of logic."""
        return 2

    @property
    def first_tile_cycle(self) -> int:
        """Cycles from a row's first transfer at `i` to its first tile entering the results."""
        last_group = 1 + self.groups - 1
        replay = self.groups + 1 if self.replays_inputs else 0
        return last_group + replay + self.weight_stages + self.product_stages + self.sum_stages

    @property
    def arithmetic(self) -> list[Any]:
        """What decides the results: two specs that agree here compute the same function."""
        return [*super().arithmetic, self.engine.scheme, self.engine.weight_bits]

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
