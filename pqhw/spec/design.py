"""What every accelerator answers before it is built, whatever its engines are joined to."""

import abc
import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from .conv import Conv2d
from .engine import EngineSpec
from .image import ImageLayout
from .ports import RowPort
from .ranges import ceil_log2

__all__ = ["Design", "Own"]

Own = TypeVar("Own", bound="Design")


class Design(abc.ABC):
    """Engines between two ports of rows, loaded by one parameter image.

    Members
    -------
    stages: the engines, in the order of the parameter image
    """
    stages: tuple[EngineSpec, ...]

    # -- What is told by each kind -----------------------------------------------------------

    @property
    @abc.abstractmethod
    def input(self) -> RowPort:
        """What enters."""

    @property
    @abc.abstractmethod
    def results(self) -> RowPort:
        """What leaves."""

    @abc.abstractmethod
    def with_stages(self: Own, stages: Sequence[EngineSpec]) -> Own:
        """The same with other specs of its engines."""

    @abc.abstractmethod
    def cycles_at(self, precision: int) -> int:
        """Cycles between rows of a precision."""

    @property
    @abc.abstractmethod
    def latency(self) -> int | None:
        """Cycles from a row's first transfer to its first result; None where it is measured."""

    @abc.abstractmethod
    def to_mapping(self) -> dict[str, Any]:
        """The design as it would stand in a file."""

    # -- What follows from the engines -------------------------------------------------------

    @property
    def kind(self) -> str:
        """`pq`, `mac`, or both joined by a plus sign."""
        return "+".join(sorted({spec.KIND for spec in self.stages}, reverse=True))

    @property
    def load_bits(self) -> int:
        """Width of the parameter port."""
        return self.stages[0].engine.load_bits

    @property
    def counter_bits(self) -> int:
        """Bits of the counters of rows and stalls."""
        return self.stages[0].engine.counter_bits

    @property
    def double_buffered(self) -> bool:
        """Whether memories hold two images, so that one loads while rows use the other."""
        return self.stages[0].engine.double_buffered

    @property
    def precision_count(self) -> int:
        """Precisions among which a row chooses at the input."""
        return max(spec.precision_count for spec in self.stages)

    @property
    def precision_bits(self) -> int:
        """Bits that tell a row's precision."""
        return ceil_log2(self.precision_count)

    @property
    def cycles_per_row(self) -> int:
        """Cycles between rows when nothing stalls: those of the slowest part, at the slowest
        precision."""
        return max(map(self.cycles_at, range(self.precision_count)))

    @property
    def fewest_cycles(self) -> int:
        """Cycles per row that no part can do without: `cycles_per_row`, or, where that follows
        from a schedule, up to a few less, as hardware may need no pixel as early as it says."""
        return self.cycles_per_row

    @property
    def cycles_exact(self) -> bool:
        """Whether nothing but stalls makes a row take longer than `cycles_per_row`."""
        return all(spec.cycles_exact for spec in self.stages)

    @property
    def unbound(self) -> EngineSpec | None:
        """The first engine whose logic needs constants that it does not have."""
        return next((spec for spec in self.stages
                     if spec.constant_kinds and spec.constants is None), None)

    @property
    def has_window(self) -> bool:
        """Whether an engine is a convolution."""
        return any(isinstance(spec.layer, Conv2d) for spec in self.stages)

    @property
    def multiply_accumulates(self) -> int:
        """Multiplications of the original layers per row."""
        return sum(spec.layer.multiply_accumulates for spec in self.stages)

    @functools.cached_property
    def image(self) -> ImageLayout:
        """The layout of the parameter image."""
        sections = tuple(section for stage, spec in enumerate(self.stages)
                         for section in spec.sections(stage))
        return ImageLayout(sections, self.load_bits, [spec.arithmetic for spec in self.stages])
