"""What every engine spec answers before anything is built: shapes, widths, cycles, latency."""

import abc
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .constants import Constants
from .conv import Conv2d, LayerShape
from .fields import SpecError
from .folds import Folds
from .image import Section
from .ports import RowPort
from .ranges import Range, ceil_log2
from .rules import check_resident, check_results, check_sums
from .storage import read_stages
from .widths import MULTIPLIER_BITS

__all__ = ["DSP_BITS", "EngineSpec"]

DSP_BITS = 18
"""Width of a sum that one DSP block multiplies."""

WITHOUT_WINDOW = (("convolution", "im2col"), ("line_storage", "auto"))
"""Defaults that say nothing of a dense layer."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineSpec(Folds):
    """The part of a spec that both engine kinds share.

    A row enters as `input_transfers` transfers of `lanes_in` activations and leaves as
    `output_transfers` transfers of `lanes_out` results. Outputs are computed tile by tile,
    `outputs` at a time; inputs arrive group by group, `groups` to a row.

    With a convolution a row at the ports is an image; the engine behind the window computes
    `layer.units_out` engine rows for it, whose parameters are those of `sets` sets in turn.
    """
    KIND: ClassVar[str]
    layer: LayerShape
    engine: Any
    precision: Any
    folding: Any
    constants: Constants | None = None

    def __post_init__(self) -> None:
        check_resident(self)
        check_sums(self)
        check_results(self)

    @property
    def input(self) -> RowPort:
        """What enters."""
        layer = self.layer
        return RowPort(self.activation_range, layer.input_shape, layer.unit_inputs, self.lanes_in)

    @property
    def results(self) -> RowPort:
        """What leaves."""
        layer = self.layer
        return RowPort(self.result_range, layer.output_shape, layer.row_outputs, self.lanes_out)

    # -- Pipeline --------------------------------------------------------------------------

    @property
    @abc.abstractmethod
    def first_tile_cycle(self) -> int:
        """Cycles from a row's first transfer at `i` to its first tile entering the results."""

    @property
    def splits_scale(self) -> bool:
        """Whether a scaled sum is too wide for one DSP block and multiplied in two parts."""
        return self.accumulator_bits > DSP_BITS

    @property
    def result_stages(self) -> int:
        """Registers between a sum and `o`: serialiser, bias, requantiser."""
        stages = (self.lanes_out < self.columns) + int(self.bias_bits > 0)
        if self.output is None:
            return stages
        if self.output.mode == "scale":
            return stages + 4 + 2 * int(self.loaded_shift) + int(self.splits_scale)
        return stages + (2 if self.loaded_shift else 1)

    @property
    def latency(self) -> int | None:
        """Cycles from a row's first transfer at `i` to its first result at `o`, unstalled; None
        with a convolution, where it is measured."""
        if isinstance(self.layer, Conv2d):
            return None
        return self.first_tile_cycle + self.result_stages + self.order_stages

    def latency_at(self, precision: int) -> int | None:
        """The latency of a row of a precision that finds the engine empty."""
        return self.latency

    @property
    def column_range(self) -> Range:
        """The sum of all terms as its column gives it: without what the stored bias adds."""
        return self.sum_range

    @property
    def sum_stages(self) -> int:
        """Registers of the column sums: adder tree, then accumulator."""
        accumulates = self.groups > 1 or self.signed_terms
        return ceil_log2(self.terms_per_cycle) + int(accumulates)

    @property
    def signed_terms(self) -> bool:
        """Whether terms come as magnitude and sign; the last of the signs is added in the
        accumulator's cycle."""
        return False

    @property
    @abc.abstractmethod
    def terms_per_cycle(self) -> int:
        """Terms of one output summed side by side."""

    def read_stages(self, store: str) -> int:
        """Cycles from an address to its word."""
        return read_stages(self.engine, store)

    @property
    def arithmetic(self) -> list[Any]:
        """What decides the results: two specs that agree here compute the same function."""
        built_in = [] if self.constants is None else [self.constants.digest]
        return [self.KIND, self.layer.to_mapping(), self.precision.to_mapping(), *built_in]

    @abc.abstractmethod
    def parameter_sections(self, stage: int) -> list[Section]:
        """The sections that only this kind of engine has."""

    @functools.cached_property
    def constant_kinds(self) -> frozenset[str]:
        """Kinds of sections that are built in: all of a resident engine's."""
        if not self.engine.resident:
            return frozenset()
        return frozenset(section.kind for section in self._sections)

    def constant_words(self, kind: str) -> np.ndarray | None:
        """Fields [words, banks, fields] of a section that is built in; None where it is loaded.

        Raises `SpecError` where they are not known, as the engine is not bound.
        """
        if kind not in self.constant_kinds:
            return None
        if self.constants is None:
            raise SpecError(f"{kind} must be known to be built in, but are not: bind_constants "
                            "comes first.")
        return self.constants.words[kind]

    def bind(self, constants: Constants) -> "EngineSpec":
        """The spec with its constants, which its logic cannot be built without."""
        return dataclasses.replace(self, constants=constants)

    def section(self, kind: str) -> Section:
        """The section of a kind, whether it is loaded or constant."""
        return next(section for section in self._sections if section.kind == kind)

    def sections(self, stage: int = 0) -> tuple[Section, ...]:
        """The sections of the parameter image, in their order."""
        return tuple(section for section in self.all_sections(stage)
                     if section.kind not in self.constant_kinds)

    def all_sections(self, stage: int = 0) -> tuple[Section, ...]:
        """Whatever the engine holds, whether it is loaded or constant."""
        make = functools.partial(Section, stage=stage, load_bits=self.engine.load_bits,
                                 copies=self.engine.copies)
        sections = list(self.parameter_sections(stage))
        if self.bias_bits:
            sections.append(make(kind="bias", words=self.words_of_all(self.result_words),
                                 fields=self.lanes_out, field_bits=self.bias_bits))
        if self.output is not None and self.output.mode == "scale":
            sections.append(make(kind="multiplier", words=self.words_of_all(self.result_words),
                                 fields=self.lanes_out, field_bits=MULTIPLIER_BITS))
        if self.loaded_shift:
            sections.append(make(kind="shift", words=self.precision_count, fields=1,
                                 field_bits=self.max_shift.bit_length()))
        return tuple(sections)

    @functools.cached_property
    def _sections(self) -> tuple[Section, ...]:
        return self.all_sections()

    @property
    def memory_bits(self) -> dict[str, int]:
        """Parameter bits in memories, by section."""
        return {section.name: section.stored_bits for section in self.sections()}

    # -- Files -----------------------------------------------------------------------------

    @classmethod
    @abc.abstractmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "EngineSpec":
        """Build from a parsed spec file."""

    def to_mapping(self) -> dict[str, Any]:
        """The spec as it would stand in a file, derived fields omitted."""
        engine = {"kind": self.KIND, **self.engine.to_mapping()}
        if not isinstance(self.layer, Conv2d):
            engine = {name: value for name, value in engine.items()
                      if (name, value) not in WITHOUT_WINDOW}
        return {"layer": self.layer.to_mapping(), "engine": engine,
                "precision": self.precision.to_mapping(), "folding": self.folding.to_mapping()}
